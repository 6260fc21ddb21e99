//! A Gaussian process over points (Rasmussen & Williams, 2006, algorithm 2.1).

use super::kernel::{Hyper, matern, squared_distance};
use super::linear::{Triangle, backward, dot, forward};

/// What is added to every variance on the diagonal, so that equal points do no harm.
pub(super) const JITTER: f64 = 1e-6;

/// Mean and variance at one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Expected value.
    pub mean: f64,
    /// How unsure that is, noise apart.
    pub variance: f64,
}

/// A Gaussian process that has seen points.
#[derive(Clone, Debug)]
pub struct Gaussian {
    weights: Vec<f32>,
    signal: f64,
    noise: f64,
    points: Vec<Vec<f32>>,
    root: Triangle,
    /// What each point contributes to a mean.
    shares: Vec<f64>,
}

impl Gaussian {
    /// A process that has seen nothing.
    pub fn new(hyper: &Hyper) -> Self {
        Self {
            weights: hyper.weights.iter().map(|weight| weight.exp() as f32).collect(),
            signal: hyper.signal.exp(),
            noise: hyper.noise.exp(),
            points: Vec::new(),
            root: Vec::new(),
            shares: Vec::new(),
        }
    }

    /// Takes a point in, whose noise has so many times the usual variance. Its value comes with `explain`.
    pub fn see(&mut self, point: &[f32], noise_times: f64) {
        let mut row = self.covariances(point);
        forward(&self.root, &mut row);
        let left = self.signal + self.noise * noise_times + JITTER - dot(&row, &row);
        row.push(left.max(JITTER).sqrt());
        self.root.push(row);
        self.points.push(point.to_vec());
    }

    /// Fits the mean to one value per point seen.
    pub fn explain(&mut self, values: &[f64]) {
        let mut shares = values.to_vec();
        forward(&self.root, &mut shares);
        backward(&self.root, &mut shares);
        self.shares = shares;
    }

    /// The expected value, noise apart.
    pub fn mean(&self, point: &[f32]) -> f64 {
        dot(&self.covariances(point), &self.shares)
    }

    /// What it believes at a point.
    pub fn believe(&self, point: &[f32]) -> Belief {
        let mut row = self.covariances(point);
        let mean = dot(&row, &self.shares);
        forward(&self.root, &mut row);
        Belief { mean, variance: (self.signal - dot(&row, &row)).max(1e-12) }
    }

    /// What it expects of a point that it has seen with this value, where `chance` is the variance of the part of the
    /// noise that another evaluation would draw anew. What remains of the noise is the point's own.
    pub fn mean_seen(&self, place: usize, value: f64, chance: f64) -> f64 {
        value - chance * self.shares[place]
    }

    fn covariances(&self, point: &[f32]) -> Vec<f64> {
        let correlation = |seen: &Vec<f32>| matern(f64::from(squared_distance(&self.weights, seen, point)));
        self.points.iter().map(|seen| self.signal * correlation(seen)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(noise: f64, seen: &[(f32, f64)]) -> Gaussian {
        let mut gaussian = Gaussian::new(&Hyper { weights: vec![2.0], signal: 0.0, noise });
        for (point, _) in seen {
            gaussian.see(&[*point], 1.0);
        }
        gaussian.explain(&seen.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        gaussian
    }

    #[test]
    fn without_noise_it_goes_through_what_it_has_seen() {
        let seen = [(0.0, 1.0), (0.5, -1.0), (1.0, 0.5)];
        let gaussian = process(-20.0, &seen);
        for (point, value) in seen {
            let belief = gaussian.believe(&[point]);
            assert!((belief.mean - value).abs() < 1e-3 && belief.variance < 1e-3, "{belief:?}");
        }
        assert!(gaussian.believe(&[0.25]).variance > 1e-3);
    }

    #[test]
    fn far_from_everything_it_knows_nothing() {
        let belief = process(-20.0, &[(0.0, 3.0)]).believe(&[crate::search::domain::ABSENT]);
        assert!(belief.mean.abs() < 0.2 && belief.variance > 0.95, "{belief:?}");
    }

    #[test]
    fn noise_that_is_the_points_own_is_kept_and_chance_is_smoothed_away() {
        let seen = [(0.0, 0.0), (0.1, 2.0), (0.2, 0.0)];
        let gaussian = process(0.0, &seen);
        assert_eq!(gaussian.mean_seen(1, 2.0, 0.0), 2.0);
        let smooth = gaussian.mean_seen(1, 2.0, 1.0);
        assert!((smooth - gaussian.mean(&[0.1])).abs() < 1e-5, "all chance: the smooth mean, {smooth}");
        assert!(smooth < 1.5);
    }
}
