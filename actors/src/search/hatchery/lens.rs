//! Several losses looked at as one.
//!
//! Each question looks in a direction of its own (Knowles, 2006, "ParEGO"): losses as their places among those known,
//! so that units do not matter; weights drawn at random; what counts is the worst of the weighted losses, and a little
//! of their sum. Whom such questions find spread along the front.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How much of the weighted losses' sum counts besides the worst of them.
const SUM_SHARE: f64 = 0.05;

/// How losses become one number; less is better.
#[derive(Clone, Debug)]
pub(super) enum Lens {
    /// The first loss alone, as it is.
    First,
    /// All of them, in a direction.
    Mixed(Mixture),
}

/// A direction, and the scales of all losses.
#[derive(Clone, Debug)]
pub(super) struct Mixture {
    weights: Vec<f64>,
    /// For each loss, known values in ascending order.
    scales: Vec<Vec<f64>>,
}

impl Lens {
    /// A random direction over losses of which these are known.
    pub fn draw(known: &[&[f64]], count: usize, rng: &mut ChaCha8Rng) -> Self {
        // Exponential draws, normalised, are even over all directions.
        let mut weights: Vec<f64> = (0..count).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
        let sum = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let scale = |at: usize| {
            let mut values: Vec<f64> = known.iter().filter_map(|losses| losses.get(at).copied()).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        Self::Mixed(Mixture { weights, scales: (0..count).map(scale).collect() })
    }

    /// These losses as one.
    pub fn loss(&self, losses: &[f64]) -> f64 {
        match self {
            Self::First => losses.first().copied().unwrap_or(f64::INFINITY),
            Self::Mixed(mixture) => mixture.loss(losses),
        }
    }

    /// Whether it is the first loss alone.
    pub const fn is_first(&self) -> bool {
        matches!(self, Self::First)
    }
}

impl Mixture {
    /// No mixed loss is greater.
    pub const MAX: f64 = 1.0 + SUM_SHARE;

    fn loss(&self, losses: &[f64]) -> f64 {
        let (mut worst, mut sum) = (0.0_f64, 0.0);
        for (at, (weight, scale)) in self.weights.iter().zip(&self.scales).enumerate() {
            let weighted = weight * losses.get(at).map_or(1.0, |loss| place(scale, *loss));
            worst = worst.max(weighted);
            sum += weighted;
        }
        worst + SUM_SHARE * sum
    }
}

/// Where a loss lies among those known: 0 for the least, 1 for the greatest.
fn place(scale: &[f64], loss: f64) -> f64 {
    let below = scale.partition_point(|known| *known < loss);
    let last = scale.len().saturating_sub(1).max(1) as f64;
    let between = match (below.checked_sub(1).and_then(|at| scale.get(at)), scale.get(below)) {
        (Some(low), Some(high)) if high > low => (loss - low) / (high - low) - 1.0,
        _ => 0.0,
    };
    ((below as f64 + between) / last).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn places_do_not_mind_units() {
        let scale = [1.0, 10.0, 1000.0];
        assert_eq!([0.0, 1.0, 10.0, 1000.0, 1e9].map(|loss| place(&scale, loss)), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert!((place(&scale, 505.0) - 0.75).abs() < 1e-12);
        assert_eq!((place(&[], 1.0), place(&[2.0], 2.0)), (0.0, 0.0));
    }

    #[test]
    fn whoever_is_better_everywhere_is_better_in_every_direction() {
        let known: Vec<Vec<f64>> = (0..20).map(|at| vec![f64::from(at), f64::from((at * 7) % 20)]).collect();
        let known: Vec<&[f64]> = known.iter().map(Vec::as_slice).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..50 {
            let lens = Lens::draw(&known, 2, &mut rng);
            assert!(lens.loss(&[3.0, 4.0]) < lens.loss(&[3.0, 5.0]));
            assert!(lens.loss(&[3.0, 4.0]) < lens.loss(&[8.0, 4.0]));
            assert!(lens.loss(&[99.0, 99.0]) <= Mixture::MAX);
        }
        assert_eq!(Lens::First.loss(&[3.0, -4.0]), 3.0);
    }
}
