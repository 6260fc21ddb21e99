//! A Gaussian process over points (Rasmussen & Williams, 2006, algorithm 2.1), its weights found at the maximum of
//! their posterior.

use super::kernel::{Hyper, differences, matern, matern_slope, squared_distance};
use crate::search::domain::Scale;

/// What is added to every variance on the diagonal, so that equal points do no harm.
const JITTER: f64 = 1e-6;

/// Mean and standard deviation at one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Expected loss.
    pub mean: f64,
    /// How unsure that is, noise apart.
    pub deviation: f64,
}

/// A Gaussian process that has seen points.
#[derive(Clone, Debug)]
pub struct Gaussian {
    scales: Vec<Scale>,
    hyper: Hyper,
    weights: Vec<f32>,
    points: Vec<Vec<f32>>,
    /// Lower triangle of the covariances' root, row by row.
    root: Vec<Vec<f64>>,
    /// What each point contributes to a mean.
    shares: Vec<f64>,
}

impl Gaussian {
    /// A process with these weights that has seen nothing.
    pub fn new(scales: &[Scale], hyper: Hyper) -> Self {
        let weights = hyper.weights.iter().map(|weight| weight.exp() as f32).collect();
        Self { scales: scales.to_vec(), hyper, weights, points: Vec::new(), root: Vec::new(), shares: Vec::new() }
    }

    /// Its weights.
    pub const fn hyper(&self) -> &Hyper {
        &self.hyper
    }

    /// Takes a point in. Its value comes with `explain`.
    pub fn see(&mut self, point: &[f32], noise_times: f64) {
        let signal = self.hyper.signal.exp();
        let mut row: Vec<f64> = self.points.iter().map(|seen| self.covariance(seen, point)).collect();
        for place in 0..row.len() {
            let (before, rest) = row.split_at_mut(place);
            let known = &self.root[place];
            rest[0] = (rest[0] - dot(before, known)) / known[place];
        }
        let diagonal = signal + self.hyper.noise.exp() * noise_times + JITTER;
        row.push((diagonal - dot(&row, &row)).max(JITTER).sqrt());
        self.root.push(row);
        self.points.push(point.to_vec());
    }

    /// Fits the mean to one value per point seen; those without are taken as they are expected to be.
    pub fn explain(&mut self, values: &[f64]) {
        let mut shares: Vec<f64> = values.to_vec();
        for place in 0..shares.len() {
            let (before, rest) = shares.split_at_mut(place);
            rest[0] = (rest[0] - dot(before, &self.root[place])) / self.root[place][place];
        }
        self.shares = backward(&self.root, shares);
    }

    /// How many points it has seen.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// How much each point seen pulls.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Diagonal entry of the covariances' inverse, of one point seen.
    pub fn precision(&self, place: usize) -> f64 {
        let mut column = vec![0.0; self.root.len()];
        column[place] = 1.0 / self.root[place][place];
        for row in place + 1..self.root.len() {
            column[row] = -dot(&column[place..row], &self.root[row][place..row]) / self.root[row][row];
        }
        column.iter().map(|c| c * c).sum()
    }

    fn covariance(&self, one: &[f32], other: &[f32]) -> f64 {
        let distance = squared_distance(&self.scales, &self.weights, one, other);
        self.hyper.signal.exp() * matern(f64::from(distance))
    }

    /// The expected value alone.
    pub fn mean(&self, point: &[f32]) -> f64 {
        self.points.iter().zip(&self.shares).map(|(seen, share)| self.covariance(seen, point) * share).sum()
    }

    /// What it believes at a point.
    pub fn believe(&self, point: &[f32]) -> Belief {
        let mut row: Vec<f64> = self.points.iter().map(|seen| self.covariance(seen, point)).collect();
        let mean = row.iter().zip(&self.shares).map(|(covariance, share)| covariance * share).sum();
        for place in 0..row.len() {
            let (before, rest) = row.split_at_mut(place);
            let known = &self.root[place];
            rest[0] = (rest[0] - dot(before, known)) / known[place];
        }
        let left = self.hyper.signal.exp() - dot(&row, &row);
        Belief { mean, deviation: left.max(1e-12).sqrt() }
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    let count = one.len().min(other.len());
    let (one, other) = (&one[..count], &other[..count]);
    let mut lanes = [0.0; 8];
    let (mut ones, mut others) = (one.chunks_exact(8), other.chunks_exact(8));
    for (one, other) in ones.by_ref().zip(others.by_ref()) {
        for lane in 0..8 {
            lanes[lane] += one[lane] * other[lane];
        }
    }
    let rest: f64 = ones.remainder().iter().zip(others.remainder()).map(|(one, other)| one * other).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Solves with the transposed root.
fn backward(root: &[Vec<f64>], mut values: Vec<f64>) -> Vec<f64> {
    for place in (0..values.len()).rev() {
        let (before, rest) = values.split_at_mut(place);
        rest[0] /= root[place][place];
        for (value, part) in before.iter_mut().zip(&root[place]) {
            *value -= part * rest[0];
        }
    }
    values
}

/// Where weights are expected before anything is known: normal distributions of their logarithms.
#[derive(Clone, Copy, Debug)]
pub struct Prior {
    /// Of every feature's weight.
    pub weight: (f64, f64),
    /// Of the signal's variance.
    pub signal: (f64, f64),
    /// Of the noise's variance.
    pub noise: (f64, f64),
}

impl Prior {
    /// For so many features: the more there are, the less each counts by itself (Hvarfner et al., 2024, "Vanilla
    /// Bayesian Optimization Performs Great in High Dimensions").
    pub fn for_features(count: usize) -> Self {
        let env = |name: &str, default: f64| std::env::var(name).ok().and_then(|t| t.parse().ok()).unwrap_or(default);
        Self {
            weight: (env("PW", 0.5) - (count as f64).ln() * 0.5, env("PWS", 2.0)),
            signal: (0.0, 1.0),
            noise: (env("PN", -3.5), env("PNS", 1.5)),
        }
    }

    /// Their centre.
    pub fn centre(&self, count: usize) -> Hyper {
        Hyper { weights: vec![self.weight.0; count], signal: self.signal.0, noise: self.noise.0 }
    }
}

/// Improves weights by steps uphill on their log posterior (resilient propagation: Riedmiller & Braun, 1993).
pub fn fit(scales: &[Scale], points: &[&[f32]], values: &[f64], noise_times: &[f64], prior: &Prior, start: &Hyper, steps: u32) -> Hyper {
    let count = scales.len();
    let mut flat: Vec<f64> = start.weights.clone();
    flat.extend([start.signal, start.noise]);
    let problem = Problem::new(scales, points, values, noise_times, prior);
    let mut sizes = vec![0.2; flat.len()];
    let mut before = vec![0.0; flat.len()];
    let (mut best, mut best_value) = (flat.clone(), f64::NEG_INFINITY);
    for _ in 0..steps {
        let Some((value, slope)) = problem.ascend(&flat) else { break };
        if value > best_value {
            (best, best_value) = (flat.clone(), value);
        }
        for place in 0..flat.len() {
            let turn = before[place] * slope[place];
            sizes[place] *= if turn > 0.0 { 1.3 } else if turn < 0.0 { 0.5 } else { 1.0 };
            sizes[place] = f64::clamp(sizes[place], 1e-3, 1.0);
            flat[place] = (flat[place] + sizes[place] * slope[place].signum()).clamp(-12.0, 8.0);
            before[place] = slope[place];
        }
    }
    let noise = best[count + 1];
    let signal = best[count];
    best.truncate(count);
    Hyper { weights: best, signal, noise }
}

/// Weights to be found for points and values.
struct Problem<'a> {
    features: usize,
    values: &'a [f64],
    noise_times: &'a [f64],
    prior: &'a Prior,
    /// Squared differences of all pairs, the later point first.
    pairs: Vec<f32>,
}

impl<'a> Problem<'a> {
    fn new(scales: &[Scale], points: &[&[f32]], values: &'a [f64], noise_times: &'a [f64], prior: &'a Prior) -> Self {
        let mut pairs = Vec::with_capacity(points.len() * points.len() / 2 * scales.len());
        let mut difference = Vec::with_capacity(scales.len());
        for (place, one) in points.iter().enumerate() {
            for other in &points[..place] {
                differences(scales, one, other, &mut difference);
                pairs.extend_from_slice(&difference);
            }
        }
        Self { features: scales.len(), values, noise_times, prior, pairs }
    }

    /// Log posterior and its slope; `None` where the covariances have no root.
    fn ascend(&self, flat: &[f64]) -> Option<(f64, Vec<f64>)> {
        let count = self.values.len();
        let weights: Vec<f64> = flat[..self.features].iter().map(|weight| weight.exp()).collect();
        let (signal, noise) = (flat[self.features].exp(), flat[self.features + 1].exp());
        let mut correlation = Vec::with_capacity(self.pairs.len() / self.features.max(1));
        let mut slope_at = Vec::with_capacity(correlation.capacity());
        for pair in self.pairs.chunks_exact(self.features.max(1)) {
            let distance: f64 = pair.iter().zip(&weights).map(|(difference, weight)| f64::from(*difference) * weight).sum();
            correlation.push(matern(distance));
            slope_at.push(matern_slope(distance));
        }
        let mut root: Vec<Vec<f64>> = Vec::with_capacity(count);
        let mut pair = 0;
        for place in 0..count {
            let mut row: Vec<f64> = correlation[pair..pair + place].iter().map(|c| c * signal).collect();
            pair += place;
            for column in 0..place {
                let (left, rest) = row.split_at_mut(column);
                rest[0] = (rest[0] - dot(left, &root[column])) / root[column][column];
            }
            let left = signal + noise * self.noise_times[place] + JITTER - dot(&row, &row);
            if left <= 0.0 || !left.is_finite() {
                return None;
            }
            row.push(left.sqrt());
            root.push(row);
        }
        let mut white: Vec<f64> = self.values.to_vec();
        for place in 0..count {
            let (left, rest) = white.split_at_mut(place);
            rest[0] = (rest[0] - dot(left, &root[place])) / root[place][place];
        }
        let fit: f64 = dot(&white, &white);
        let determinant: f64 = root.iter().filter_map(|row| row.last()).map(|last| last.ln()).sum();
        let shares = backward(&root, white);
        let inverse = inverse(&root);
        let mut slope = vec![0.0; flat.len()];
        let mut pair = 0;
        for place in 0..count {
            for column in 0..place {
                // Each pair stands twice in the symmetric matrix, hence no half.
                let pull = shares[place] * shares[column] - inverse[place][column];
                slope[self.features] += pull * signal * correlation[pair];
                let steep = pull * signal * slope_at[pair];
                let differences = &self.pairs[pair * self.features..(pair + 1) * self.features];
                for (feature, difference) in differences.iter().enumerate() {
                    slope[feature] += steep * f64::from(*difference) * weights[feature];
                }
                pair += 1;
            }
            let pull = 0.5 * (shares[place] * shares[place] - inverse[place][place]);
            slope[self.features] += pull * signal;
            slope[self.features + 1] += pull * noise * self.noise_times[place];
        }
        let mut value = -0.5 * fit - determinant;
        for (place, number) in flat.iter().enumerate() {
            let (centre, spread) = if place < self.features {
                self.prior.weight
            } else if place == self.features {
                self.prior.signal
            } else {
                self.prior.noise
            };
            let away = (number - centre) / spread;
            value -= 0.5 * away * away;
            slope[place] -= away / spread;
        }
        Some((value, slope))
    }
}

/// Lower triangle of the inverse of what this is the root of.
fn inverse(root: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let count = root.len();
    // Column by column of the root's own inverse, kept as rows of its transpose.
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(count);
    for column in 0..count {
        // Entries from `column` on.
        let mut entries: Vec<f64> = Vec::with_capacity(count - column);
        entries.push(1.0 / root[column][column]);
        for place in column + 1..count {
            let sum = dot(&root[place][column..place], &entries);
            entries.push(-sum / root[place][place]);
        }
        columns.push(entries);
    }
    (0..count)
        .map(|place| (0..=place).map(|column| dot(&columns[place], &columns[column][place - column..])).collect())
        .collect()
}
