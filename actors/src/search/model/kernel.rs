//! How alike two points are: a Matern 5/2 kernel with a weight of its own for every number (Rasmussen & Williams,
//! 2006, "Gaussian Processes for Machine Learning", eq. 4.17).

/// What a kernel is made of, as logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyper {
    /// Per number: one over the squared length scale.
    pub weights: Vec<f64>,
    /// Variance of what the numbers explain.
    pub signal: f64,
    /// Variance of what they do not.
    pub noise: f64,
}

/// The squared difference of two numbers; no more than 1, which is also that of a number and its absence.
pub fn squared_difference(one: f32, other: f32) -> f32 {
    let difference = one - other;
    let square = difference * difference;
    // Not `min`, which minds what is not a number and is slower for it.
    if square < 1.0 { square } else { 1.0 }
}

/// Sums side by side, which the processor can keep in one register.
const LANES: usize = 8;

/// The squared, weighted distance of two points of as many numbers as there are weights.
pub fn squared_distance(weights: &[f32], one: &[f32], other: &[f32]) -> f32 {
    let count = weights.len().min(one.len()).min(other.len());
    let (weights, one, other) = (&weights[..count], &one[..count], &other[..count]);
    let whole = count - count % LANES;
    let mut lanes = [0.0_f32; LANES];
    for start in (0..whole).step_by(LANES) {
        let (weights, one, other) =
            (&weights[start..start + LANES], &one[start..start + LANES], &other[start..start + LANES]);
        for lane in 0..LANES {
            lanes[lane] += weights[lane] * squared_difference(one[lane], other[lane]);
        }
    }
    let rest: f32 =
        (whole..count).map(|place| weights[place] * squared_difference(one[place], other[place])).sum();
    lanes.iter().sum::<f32>() + rest
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::domain::ABSENT;

    #[test]
    fn the_slope_is_that_of_the_correlation() {
        for at in [1e-3, 0.1, 1.0, 7.0] {
            let step = 1e-6 * at;
            let measured = (matern(at + step) - matern(at - step)) / (2.0 * step);
            assert!((measured - matern_slope(at)).abs() < 1e-6, "{at}: {measured}");
        }
        assert!((matern(0.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn absence_is_as_far_from_presence_as_can_be_and_near_itself() {
        assert_eq!(squared_difference(ABSENT, 0.3), 1.0);
        assert_eq!(squared_difference(ABSENT, ABSENT), 0.0);
        assert_eq!(squared_distance(&[2.0, 4.0], &[0.0, 0.5], &[0.5, 0.5]), 0.5);
    }
}
