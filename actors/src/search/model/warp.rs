//! Losses as a model likes them: without a unit, and with outliers that pull no more than others.

use super::normal::quantile;

/// Turns losses into values around 0, keeping their order.
///
/// The ranks' normal scores and the losses themselves, standardised and bent, in equal parts: ranks are what a
/// search needs and no outlier moves them, distances tell how clear a lead is.
#[derive(Clone, Debug)]
pub struct Warp {
    /// Losses in order, each once, with their values.
    known: Vec<(f64, f64)>,
}

impl Warp {
    /// Made from these losses.
    pub fn new(losses: &[f64]) -> Self {
        let mut sorted = losses.to_vec();
        sorted.sort_by(f64::total_cmp);
        let ruler = Ruler::new(&sorted);
        let mut known: Vec<(f64, f64)> = Vec::new();
        let (mut sum, mut squares, mut from) = (0.0, 0.0, 0);
        while let Some(&loss) = sorted.get(from) {
            let same = sorted[from..].partition_point(|other| *other == loss);
            let rank = from as f64 + same as f64 / 2.0;
            let value = 0.5 * (quantile(rank / sorted.len() as f64) + ruler.measure(loss));
            sum += value * same as f64;
            squares += value * value * same as f64;
            known.push((loss, value));
            from += same;
        }
        let count = sorted.len().max(1) as f64;
        let mean = sum / count;
        let spread = (squares / count - mean * mean).max(0.0).sqrt().max(1e-12);
        for (_, value) in &mut known {
            *value = (*value - mean) / spread;
        }
        Self { known }
    }

    /// The value of a loss, between those known in proportion; beyond them, that of the last.
    pub fn value(&self, loss: f64) -> f64 {
        let place = self.known.partition_point(|(known, _)| *known < loss);
        match (place.checked_sub(1).and_then(|place| self.known.get(place)), self.known.get(place)) {
            (Some((low, from)), Some((high, to))) => from + (loss - low) / (high - low) * (to - from),
            (None, Some((_, end))) | (Some((_, end)), None) => *end,
            (None, None) => 0.0,
        }
    }
}

/// Measures distance to the median in units of the better half's spread, the worse side bent.
struct Ruler {
    median: f64,
    unit: f64,
}

impl Ruler {
    fn new(sorted: &[f64]) -> Self {
        let at = |share: f64| {
            let last = sorted.len().saturating_sub(1) as f64;
            sorted.get((last * share).round() as usize).copied().unwrap_or(0.0)
        };
        let (median, better, worse) = (at(0.5), at(0.1), at(0.9));
        Self { median, unit: (median - better).max((worse - better) * 1e-3).max(1e-12) }
    }

    fn measure(&self, loss: f64) -> f64 {
        let away = (loss - self.median) / self.unit;
        if away > 0.0 { away.ln_1p() } else { away }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_units_and_outliers_do_not_matter() {
        let losses = [3.0, 1.0, 2.0, 2.0, 1e9, 1.5];
        let warp = Warp::new(&losses);
        let values: Vec<f64> = losses.iter().map(|loss| warp.value(*loss)).collect();
        for (one, first) in losses.iter().zip(&values) {
            for (other, second) in losses.iter().zip(&values) {
                assert_eq!(one.total_cmp(other), first.total_cmp(second), "{values:?}");
            }
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 1e-9 && values.iter().all(|value| value.abs() < 3.0), "{values:?}");
        let scaled = Warp::new(&losses.map(|loss| loss * 1e-3));
        for (loss, value) in losses.iter().zip(&values) {
            assert!((scaled.value(loss * 1e-3) - value).abs() < 1e-6);
        }
    }

    #[test]
    fn losses_that_are_all_alike_or_none_give_nothing_to_tell() {
        assert_eq!(Warp::new(&[2.0, 2.0]).value(2.0), 0.0);
        assert_eq!(Warp::new(&[]).value(1.0), 0.0);
        let warp = Warp::new(&[1.0, 2.0]);
        assert_eq!(warp.value(0.0), warp.value(1.0));
        assert!(warp.value(1.5) > warp.value(1.0) && warp.value(1.5) < warp.value(2.0));
    }
}
