//! How alike two points are: a Matern 5/2 kernel with a weight of its own for every feature (Rasmussen & Williams,
//! 2006, "Gaussian Processes for Machine Learning", eq. 4.17), over numbers, words, and what may be absent.

use crate::search::domain::Scale;

/// Weights of a kernel, as logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyper {
    /// Per feature: one over the squared length scale.
    pub weights: Vec<f64>,
    /// Variance of what the features explain.
    pub signal: f64,
    /// Variance of what they do not.
    pub noise: f64,
}

/// Squared differences between two points, feature by feature: squared distance of numbers, 0 or 1 for words, 1
/// where only one of the two has the feature.
pub fn differences(scales: &[Scale], one: &[f32], other: &[f32], into: &mut Vec<f32>) {
    into.clear();
    into.extend(scales.iter().zip(one.iter().zip(other)).map(|(scale, (one, other))| match scale {
        Scale::Ordered => {
            let distance = one - other;
            (distance * distance).min(1.0)
        }
        Scale::Category => f32::from(u8::from(one != other)),
    }));
}

/// The squared, weighted distance.
pub fn squared_distance(scales: &[Scale], weights: &[f32], one: &[f32], other: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (((scale, weight), one), other) in scales.iter().zip(weights).zip(one).zip(other) {
        let distance = one - other;
        let squared = (distance * distance).min(1.0);
        let differs = f32::from(u8::from(one != other));
        sum += weight * if *scale == Scale::Ordered { squared } else { differs };
    }
    sum
}

/// The correlation at a squared distance.
pub fn matern(squared_distance: f64) -> f64 {
    let distance = (5.0 * squared_distance).sqrt();
    (1.0 + distance + distance * distance / 3.0) * (-distance).exp()
}

/// Its derivative by the squared distance.
pub fn matern_slope(squared_distance: f64) -> f64 {
    let distance = (5.0 * squared_distance).sqrt();
    -5.0 / 6.0 * (1.0 + distance) * (-distance).exp()
}
