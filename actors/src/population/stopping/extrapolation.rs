//! Extrapolation of learning curves by those of earlier trainings.
//!
//! How much a training may still gain is read off the trainings that stood nearest to it at the same epoch and were
//! carried to their end (Chandrashekaran & Lane, 2017, "Speeding up Hyper-parameter Optimization by Extrapolation of
//! Learning Curves using Previous Builds"): it is granted as much as the most successful of them gained. No form of
//! curve is assumed. It must not know whose curves they are, nor what anything costs.

/// Trainings that stood nearest, of which the most successful counts.
const NEAREST: usize = 8;

/// The best score that a training may come to, of which the best score after so many epochs is known. Of the others,
/// their best scores up to each epoch. `None` where too few have gone on longer.
pub(super) fn outlook<'a>(whole: impl Iterator<Item = &'a [f64]>, epoch: usize, best: f64) -> Option<f64> {
    let mut gains: Vec<(f64, f64)> = whole
        .filter(|curve| curve.len() > epoch)
        .filter_map(|curve| {
            let (then, end) = (*curve.get(epoch.checked_sub(1)?)?, *curve.last()?);
            (then.is_finite() && end.is_finite()).then(|| ((then - best).abs(), end - then))
        })
        .collect();
    if gains.len() < NEAREST {
        return None;
    }
    gains.select_nth_unstable_by(NEAREST - 1, |one, other| one.0.total_cmp(&other.0));
    let most = gains[..NEAREST].iter().map(|(_, gain)| *gain).fold(0.0, f64::max);
    Some(best + most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever is low after the first epoch gains more later.
    fn curves() -> Vec<Vec<f64>> {
        (0..20).map(|number| vec![0.02 * f64::from(number), 0.5 + 0.01 * f64::from(number)]).collect()
    }

    fn at(epoch: usize, best: f64, curves: &[Vec<f64>]) -> Option<f64> {
        outlook(curves.iter().map(Vec::as_slice), epoch, best)
    }

    #[test]
    fn as_much_is_granted_as_the_nearest_have_gained() {
        let curves = curves();
        // The nearest to 0.38 are the last eight; the first of these gained most: from 0.24 to 0.62.
        assert!((at(1, 0.38, &curves).unwrap() - (0.38 + 0.38)).abs() < 1e-9);
        assert!((at(1, 0.0, &curves).unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_said_without_enough_that_went_on_and_nobody_is_expected_to_get_worse() {
        let curves = curves();
        assert_eq!(at(2, 0.6, &curves), None, "none went on");
        assert_eq!(at(0, 0.6, &curves), None);
        assert_eq!(at(1, 0.3, &curves[..NEAREST - 1]), None);
        let flat: Vec<Vec<f64>> = (0..9).map(|_| vec![0.5, 0.5, 0.5]).collect();
        assert_eq!(at(1, 0.5, &flat), Some(0.5));
    }
}
