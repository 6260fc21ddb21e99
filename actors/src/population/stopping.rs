//! Early stopping across candidates: a training whose best score so far is clearly behind what others had reached
//! at the same epoch is told to stop.
//!
//! It is the median stopping rule of Golovin et al., 2017 ("Google Vizier", section 3.2.2), with the lower quartile
//! in place of the median: a cheap look may discard what is clearly bad, it must not crown. It must not know who is
//! compared, only curves.

use hatchery_models::training::outcome::EpochReport;

/// The rule's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoppingRule {
    /// Share of the others that must have been better at the same epoch; 1 and above never stops anything.
    pub better_share: f64,
    /// Epochs at the beginning in which nobody is stopped.
    pub grace_epochs: u32,
    /// Finished trainings needed before anybody is stopped.
    pub finished_min: usize,
}

impl Default for StoppingRule {
    /// On, but conservative.
    fn default() -> Self {
        Self { better_share: 0.75, grace_epochs: 2, finished_min: 5 }
    }
}

impl StoppingRule {
    /// A rule that never stops anything.
    pub const fn never() -> Self {
        Self { better_share: 2.0, grace_epochs: u32::MAX, finished_min: usize::MAX }
    }
}

/// Curves compared with; older ones make room. The population moves on: what was good early in a search says
/// little later.
const CURVES_MAX: usize = 200;

/// The curves of finished trainings, and the rule over them.
#[derive(Clone, Debug)]
pub struct Stopping {
    rule: StoppingRule,
    /// Best score up to each epoch, one list per finished training.
    curves: std::collections::VecDeque<Vec<f64>>,
}

impl Stopping {
    /// No curves yet.
    pub fn new(rule: StoppingRule) -> Self {
        Self { rule, curves: std::collections::VecDeque::new() }
    }

    /// Remembers the curve of a training that ended with a fitness.
    pub fn learn(&mut self, curve: &[EpochReport]) {
        if curve.is_empty() {
            return;
        }
        if self.curves.len() == CURVES_MAX {
            self.curves.pop_front();
        }
        self.curves.push_back(running_best(curve));
    }

    /// Whether a training with this curve is to stop: the mark that it is below, if so. A shorter curve counts with
    /// its last value: it would not have become worse.
    pub fn verdict(&self, curve: &[EpochReport]) -> Option<f64> {
        self.verdict_at(curve.len(), *running_best(curve).last()?)
    }

    /// The same for a training of which the best score after so many epochs is known.
    pub fn verdict_at(&self, epoch: usize, best: f64) -> Option<f64> {
        if epoch <= usize::try_from(self.rule.grace_epochs).unwrap_or(usize::MAX)
            || self.curves.len() < self.rule.finished_min
        {
            return None;
        }
        let mut others: Vec<f64> =
            self.curves.iter().filter_map(|curve| curve.get(epoch - 1).or(curve.last()).copied()).collect();
        others.sort_by(f64::total_cmp);
        let worse_allowed = (others.len() as f64 * (1.0 - self.rule.better_share)).floor();
        let mark = if worse_allowed < 0.0 { None } else { others.get(worse_allowed as usize).copied() }?;
        (best < mark).then_some(mark)
    }
}

/// The best score up to each epoch; what is no number counts as the worst.
fn running_best(curve: &[EpochReport]) -> Vec<f64> {
    let mut best = f64::NEG_INFINITY;
    curve
        .iter()
        .map(|report| {
            best = best.max(report.validation_score);
            best
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(scores: &[f64]) -> Vec<EpochReport> {
        scores
            .iter()
            .zip(1..)
            .map(|(&validation_score, epoch)| EpochReport {
                epoch,
                training_loss: 1.0,
                validation_loss: 1.0,
                validation_score,
                seconds: f64::from(epoch),
            })
            .collect()
    }

    fn after(count: u32) -> Stopping {
        let mut stopping = Stopping::new(StoppingRule::default());
        for number in 0..count {
            let best = 0.5 + 0.04 * f64::from(number);
            stopping.learn(&curve(&[0.1, best / 2.0, best - 0.1, best]));
        }
        stopping
    }

    #[test]
    fn the_clearly_worse_is_stopped_and_the_rest_is_not() {
        let stopping = after(8);
        // At epoch 3 the others had 0.40, 0.44, 0.48 (the mark), .. 0.68.
        let mark = stopping.verdict(&curve(&[0.1, 0.2, 0.47])).unwrap();
        assert!((mark - 0.48).abs() < 1e-6);
        assert_eq!(stopping.verdict(&curve(&[0.1, 0.2, 0.49])), None);
        assert_eq!(stopping.verdict(&curve(&[0.9, 0.2, 0.1])), None, "its best counts, not its last");
    }

    #[test]
    fn nobody_is_stopped_within_the_grace_or_before_there_is_something_to_compare_with() {
        assert_eq!(after(8).verdict(&curve(&[0.0, 0.0])), None);
        assert_eq!(after(4).verdict(&curve(&[0.0, 0.0, 0.0])), None);
        assert!(after(5).verdict(&curve(&[0.0, 0.0, 0.0])).is_some());
        assert_eq!(after(8).verdict(&[]), None);
    }

    #[test]
    fn equal_curves_stop_nobody_and_no_number_is_the_worst() {
        let mut stopping = Stopping::new(StoppingRule::default());
        for _ in 0..10 {
            stopping.learn(&curve(&[0.5, 0.5, 0.5]));
        }
        assert_eq!(stopping.verdict(&curve(&[0.5, 0.5, 0.5])), None);
        assert!(stopping.verdict(&curve(&[f64::NAN, f64::NAN, f64::NAN])).is_some());
    }

    #[test]
    fn shorter_curves_count_with_their_last_value_and_the_rule_can_be_off() {
        let mut stopping = Stopping::new(StoppingRule::default());
        let mut never = Stopping::new(StoppingRule::never());
        for _ in 0..5 {
            stopping.learn(&curve(&[0.6]));
            never.learn(&curve(&[0.6]));
        }
        assert!(stopping.verdict(&curve(&[0.1, 0.1, 0.1, 0.1, 0.5])).is_some());
        assert_eq!(never.verdict(&curve(&[0.1, 0.1, 0.1, 0.1, 0.5])), None);
    }

    #[test]
    fn old_curves_make_room() {
        let mut stopping = Stopping::new(StoppingRule::default());
        for number in 0..CURVES_MAX * 2 {
            stopping.learn(&curve(&[number as f64]));
        }
        assert_eq!(stopping.curves.len(), CURVES_MAX);
        assert_eq!(stopping.curves.front().unwrap()[0] as usize, CURVES_MAX);
    }
}
