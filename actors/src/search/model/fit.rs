//! Finds what a kernel is made of: where the posterior of its parts is greatest (Rasmussen & Williams, 2006, eq.
//! 5.9), by steps uphill (resilient propagation: Riedmiller & Braun, 1993).

use super::gaussian::JITTER;
use super::kernel::{Hyper, matern, matern_slope, squared_difference};
use super::linear::{Triangle, backward, dot, forward, inverse};

/// A normal distribution.
#[derive(Clone, Copy, Debug)]
struct Bell {
    centre: f64,
    spread: f64,
}

/// Where a kernel's parts are expected before anything is known.
#[derive(Clone, Copy, Debug)]
pub struct Prior {
    weight: Bell,
    signal: Bell,
    noise: Bell,
}

impl Prior {
    /// For so many numbers: the more there are, the less each counts by itself (Hvarfner et al., 2024, "Vanilla
    /// Bayesian Optimization Performs Great in High Dimensions"). Weights may differ widely, so that the few numbers
    /// that matter stand out.
    pub fn for_width(width: usize) -> Self {
        Self {
            weight: Bell { centre: 0.5 - 0.5 * (width.max(1) as f64).ln(), spread: 2.0 },
            signal: Bell { centre: 0.0, spread: 1.0 },
            noise: Bell { centre: -3.5, spread: 1.5 },
        }
    }

    /// Its centre.
    pub fn centre(&self, width: usize) -> Hyper {
        Hyper {
            weights: vec![self.weight.centre; width],
            signal: self.signal.centre,
            noise: self.noise.centre,
        }
    }

    fn of(&self, place: usize, width: usize) -> Bell {
        match place.checked_sub(width) {
            None => self.weight,
            Some(0) => self.signal,
            Some(_) => self.noise,
        }
    }
}

/// Points and values to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The points, as numbers.
    pub points: &'a [&'a [f32]],
    /// One value each.
    pub values: &'a [f64],
    /// How many times the usual variance the noise of each has.
    pub noise_times: &'a [f64],
}

/// Improves a kernel's parts by so many steps.
pub fn fit(evidence: &Evidence<'_>, prior: &Prior, start: &Hyper, steps: u32) -> Hyper {
    let problem = Problem::new(evidence, prior, start.weights.len());
    let mut here: Vec<f64> = start.weights.iter().copied().chain([start.signal, start.noise]).collect();
    let mut climber = Climber::new(here.len());
    let mut best = (f64::NEG_INFINITY, here.clone());
    for _ in 0..steps {
        let Some((height, slope)) = problem.ascend(&here) else { break };
        if height > best.0 {
            best = (height, here.clone());
        }
        climber.step(&mut here, &slope);
    }
    let (weights, others) = best.1.split_at(start.weights.len());
    Hyper { weights: weights.to_vec(), signal: others[0], noise: others[1] }
}

/// Steps that grow while the slope keeps its sign and shrink where it turns.
struct Climber {
    sizes: Vec<f64>,
    before: Vec<f64>,
}

impl Climber {
    fn new(count: usize) -> Self {
        Self { sizes: vec![0.2; count], before: vec![0.0; count] }
    }

    fn step(&mut self, here: &mut [f64], slope: &[f64]) {
        for (place, number) in here.iter_mut().enumerate() {
            let turn = self.before[place] * slope[place];
            let growth = if turn > 0.0 {
                1.3
            } else if turn < 0.0 {
                0.5
            } else {
                1.0
            };
            self.sizes[place] = (self.sizes[place] * growth).clamp(1e-3, 1.0);
            *number = (*number + self.sizes[place] * slope[place].signum()).clamp(-12.0, 8.0);
            self.before[place] = slope[place];
        }
    }
}

struct Problem<'a> {
    evidence: &'a Evidence<'a>,
    prior: &'a Prior,
    width: usize,
    /// Squared differences of all pairs of points, the later point first.
    pairs: Vec<f32>,
}

/// What the kernel says of all pairs.
struct Pairs {
    correlation: Vec<f64>,
    slope: Vec<f64>,
}

impl<'a> Problem<'a> {
    fn new(evidence: &'a Evidence<'a>, prior: &'a Prior, width: usize) -> Self {
        let points = evidence.points;
        let mut pairs = Vec::with_capacity(points.len() * points.len() / 2 * width);
        for (place, one) in points.iter().enumerate() {
            for other in &points[..place] {
                pairs.extend(one.iter().zip(*other).map(|(one, other)| squared_difference(*one, *other)));
            }
        }
        Self { evidence, prior, width, pairs }
    }

    /// Log posterior and its slope; `None` where the covariances have no root.
    fn ascend(&self, here: &[f64]) -> Option<(f64, Vec<f64>)> {
        let weights: Vec<f64> = here[..self.width].iter().map(|weight| weight.exp()).collect();
        let (signal, noise) = (here[self.width].exp(), here[self.width + 1].exp());
        let pairs = self.compare(&weights);
        let root = self.root(&pairs, signal, noise)?;
        let mut shares = self.evidence.values.to_vec();
        forward(&root, &mut shares);
        let misfit = dot(&shares, &shares);
        backward(&root, &mut shares);
        let determinant: f64 = root.iter().filter_map(|row| row.last()).map(|last| last.ln()).sum();
        let mut height = -0.5 * misfit - determinant;
        let mut slope = self.slope(&pairs, &shares, &inverse(&root), &weights, signal, noise);
        for (place, number) in here.iter().enumerate() {
            let bell = self.prior.of(place, self.width);
            let away = (number - bell.centre) / bell.spread;
            height -= 0.5 * away * away;
            slope[place] -= away / bell.spread;
        }
        Some((height, slope))
    }

    fn compare(&self, weights: &[f64]) -> Pairs {
        let pairs = self.pairs.chunks_exact(self.width.max(1));
        let distance = |pair: &[f32]| -> f64 {
            pair.iter().zip(weights).map(|(difference, weight)| f64::from(*difference) * weight).sum()
        };
        let distances: Vec<f64> = pairs.map(distance).collect();
        Pairs {
            correlation: distances.iter().map(|distance| matern(*distance)).collect(),
            slope: distances.iter().map(|distance| matern_slope(*distance)).collect(),
        }
    }

    fn root(&self, pairs: &Pairs, signal: f64, noise: f64) -> Option<Triangle> {
        let mut root: Triangle = Vec::with_capacity(self.evidence.values.len());
        let mut pair = 0;
        for (place, noise_times) in self.evidence.noise_times.iter().enumerate() {
            let correlations = &pairs.correlation[pair..pair + place];
            let mut row: Vec<f64> = correlations.iter().map(|correlation| correlation * signal).collect();
            pair += place;
            forward(&root, &mut row);
            let left = signal + noise * noise_times + JITTER - dot(&row, &row);
            if left <= 0.0 || !left.is_finite() {
                return None;
            }
            row.push(left.sqrt());
            root.push(row);
        }
        Some(root)
    }

    fn slope(
        &self,
        pairs: &Pairs,
        shares: &[f64],
        inverse: &[Vec<f64>],
        weights: &[f64],
        signal: f64,
        noise: f64,
    ) -> Vec<f64> {
        let mut slope = vec![0.0; self.width + 2];
        let mut pair = 0;
        for (place, share) in shares.iter().enumerate() {
            for column in 0..place {
                // Each pair stands twice in the symmetric matrix, hence no half.
                let pull = signal * (share * shares[column] - inverse[place][column]);
                slope[self.width] += pull * pairs.correlation[pair];
                let steep = pull * pairs.slope[pair];
                let differences = &self.pairs[pair * self.width..(pair + 1) * self.width];
                for (number, difference) in slope.iter_mut().zip(differences) {
                    *number += steep * f64::from(*difference);
                }
                pair += 1;
            }
            let pull = 0.5 * (share * share - inverse[place][place]);
            slope[self.width] += pull * signal;
            slope[self.width + 1] += pull * noise * self.evidence.noise_times[place];
        }
        for (number, weight) in slope.iter_mut().zip(weights) {
            *number *= weight;
        }
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> (Vec<Vec<f32>>, Vec<f64>, Vec<f64>) {
        let points: Vec<Vec<f32>> =
            (0..24).map(|at| vec![at as f32 / 23.0, ((at * 7) % 24) as f32 / 23.0]).collect();
        let values = points.iter().map(|point| f64::from(6.0 * point[0]).sin()).collect();
        let noise_times = (0..24).map(|at| 1.0 / f64::from(1 + at % 3)).collect();
        (points, values, noise_times)
    }

    #[test]
    fn the_slope_is_that_of_the_posterior() {
        let (points, values, noise_times) = evidence();
        let points: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
        let evidence = Evidence { points: &points, values: &values, noise_times: &noise_times };
        let prior = Prior::for_width(2);
        let problem = Problem::new(&evidence, &prior, 2);
        let here = [0.3, -0.7, 0.2, -1.5];
        let (_, slope) = problem.ascend(&here).unwrap();
        for place in 0..here.len() {
            let height = |step: f64| {
                let mut there = here;
                there[place] += step;
                problem.ascend(&there).unwrap().0
            };
            let measured = (height(1e-5) - height(-1e-5)) / 2e-5;
            assert!((measured - slope[place]).abs() < 1e-4 * measured.abs().max(1.0), "{place}: {measured}");
        }
    }

    #[test]
    fn what_matters_gets_more_weight_than_what_does_not() {
        let (points, values, noise_times) = evidence();
        let points: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
        let evidence = Evidence { points: &points, values: &values, noise_times: &noise_times };
        let prior = Prior::for_width(2);
        let hyper = fit(&evidence, &prior, &prior.centre(2), 60);
        assert!(hyper.weights[0] > hyper.weights[1] + 1.0, "{hyper:?}");
    }
}
