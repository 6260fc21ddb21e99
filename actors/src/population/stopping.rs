//! Early stopping across candidates: a training whose best score so far is clearly behind what others had reached
//! at the same epoch is told to stop.
//!
//! It is the median stopping rule of Golovin et al., 2017 ("Google Vizier", section 3.2.2), by default with the lower
//! quartile in place of the median: a cheap look may discard what is clearly bad, it must not crown. Or asynchronous
//! successive halving of the stopping kind (Li et al., 2020, "A System for Massively Parallel Hyperparameter Tuning"):
//! only at doublings of epochs, and only the best third goes on. Or by extrapolation of its curve: whoever would not
//! come among the best few by as much as similar trainings had still gained is stopped.
//!
//! With several objectives a training is compared with those alone that cost no more in any other: whoever is worse
//! than these in score as well can be on no front. It must not know who is compared, only curves and costs.

mod extrapolation;

use hatchery_config::vocabulary::EarlyStopping;
use hatchery_models::training::outcome::EpochReport;
use std::collections::VecDeque;

/// The rule's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoppingRule {
    /// Share of the others that must have been better at the same epoch; 1 and above never stops anything.
    pub better_share: f64,
    /// Epochs at the beginning in which nobody is stopped.
    pub grace_epochs: u32,
    /// Finished trainings needed before anybody is stopped.
    pub finished_min: usize,
    /// Whether trainings are compared only after 2, 4, 8, .. epochs.
    pub doublings: bool,
    /// Where there is one: a training must be expected to come among so many of the best that have ended; its place
    /// among the others at the same epoch does not count.
    pub expected_best: Option<usize>,
}

impl Default for StoppingRule {
    /// On, but conservative.
    fn default() -> Self {
        Self { better_share: 0.75, grace_epochs: 2, finished_min: 5, doublings: false, expected_best: None }
    }
}

impl StoppingRule {
    /// A rule that never stops anything.
    pub const fn never() -> Self {
        Self {
            better_share: 2.0,
            grace_epochs: u32::MAX,
            finished_min: usize::MAX,
            doublings: false,
            expected_best: None,
        }
    }

    /// The rule of this name.
    pub fn named(name: EarlyStopping) -> Self {
        match name {
            EarlyStopping::Off => Self::never(),
            EarlyStopping::Quartile => Self::default(),
            EarlyStopping::Median => Self { better_share: 0.5, ..Self::default() },
            EarlyStopping::Halving => {
                Self { better_share: 1.0 / 3.0, grace_epochs: 0, doublings: true, ..Self::default() }
            }
            EarlyStopping::Extrapolation => {
                Self { grace_epochs: 1, expected_best: Some(EXPECTED_BEST), ..Self::default() }
            }
        }
    }
}

/// By extrapolation, a training must be expected to come among so many of the best: twice as many as are compared at
/// full length in the end, since an expectation is no result.
const EXPECTED_BEST: usize = 8;

/// Curves compared with; older ones make room. The population moves on: what was good early in a search says
/// little later.
const CURVES_MAX: usize = 200;

/// The curves of finished trainings, and the rule over them.
#[derive(Clone, Debug)]
pub struct Stopping {
    rule: StoppingRule,
    finished: VecDeque<Training>,
}

/// A finished training.
#[derive(Clone, Debug)]
struct Training {
    /// Best score up to each epoch.
    best: Vec<f64>,
    /// Whether it came to its planned end.
    whole: bool,
    /// What it costs, beside the score.
    costs: Vec<f64>,
}

impl Stopping {
    /// No curves yet.
    pub fn new(rule: StoppingRule) -> Self {
        Self { rule, finished: VecDeque::new() }
    }

    /// Remembers the curve of a training that ended with a fitness, whether it came to its planned end, and what its
    /// network costs.
    pub fn learn(&mut self, curve: &[EpochReport], whole: bool, costs: Vec<f64>) {
        if curve.is_empty() {
            return;
        }
        if self.finished.len() == CURVES_MAX {
            self.finished.pop_front();
        }
        self.finished.push_back(Training { best: running_best(curve), whole, costs });
    }

    /// Whether a training with this curve and these costs is to stop: the mark that it is below, if so. A shorter
    /// curve counts with its last value: it would not have become worse.
    pub fn verdict(&self, curve: &[EpochReport], costs: &[f64]) -> Option<f64> {
        self.verdict_at(curve.len(), *running_best(curve).last()?, costs)
    }

    /// The same for a training of which the best score after so many epochs is known.
    pub fn verdict_at(&self, epoch: usize, best: f64, costs: &[f64]) -> Option<f64> {
        let early = epoch <= usize::try_from(self.rule.grace_epochs).unwrap_or(usize::MAX);
        let between = self.rule.doublings && (epoch < 2 || !epoch.is_power_of_two());
        if early || between {
            return None;
        }
        let mark = match self.rule.expected_best {
            Some(places) => {
                let outlook = self.outlook(epoch, best)?;
                return self.place(places, costs).filter(|mark| outlook < *mark);
            }
            None => self.mark(epoch, costs),
        }?;
        (best < mark).then_some(mark)
    }

    /// What the others that cost no more had reached by this epoch: the mark that a training must not be below.
    fn mark(&self, epoch: usize, costs: &[f64]) -> Option<f64> {
        let reached = |rival: &Training| rival.best.get(epoch - 1).or(rival.best.last()).copied();
        let mut others: Vec<f64> = self.rivals(costs).filter_map(reached).collect();
        if others.len() < self.rule.finished_min {
            return None;
        }
        others.sort_by(f64::total_cmp);
        let worse_allowed = (others.len() as f64 * (1.0 - self.rule.better_share)).floor();
        if worse_allowed < 0.0 { None } else { others.get(worse_allowed as usize).copied() }
    }

    /// The best score that a training may come to, by the curves of those that came to their end.
    fn outlook(&self, epoch: usize, best: f64) -> Option<f64> {
        let whole = self.finished.iter().filter(|training| training.whole);
        extrapolation::outlook(whole.map(|training| training.best.as_slice()), epoch, best)
    }

    /// The score of the last of so many of the best that cost no more.
    fn place(&self, places: usize, costs: &[f64]) -> Option<f64> {
        let mut ends: Vec<f64> = self.rivals(costs).filter_map(|rival| rival.best.last().copied()).collect();
        ends.sort_by(|one, other| other.total_cmp(one));
        ends.get(places.checked_sub(1)?).copied()
    }

    /// Those that cost no more in anything.
    fn rivals(&self, costs: &[f64]) -> impl Iterator<Item = &Training> {
        let no_dearer =
            move |other: &&Training| other.costs.iter().zip(costs).all(|(theirs, mine)| theirs <= mine);
        self.finished.iter().filter(no_dearer)
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
            stopping.learn(&curve(&[0.1, best / 2.0, best - 0.1, best]), true, Vec::new());
        }
        stopping
    }

    #[test]
    fn the_clearly_worse_is_stopped_and_the_rest_is_not() {
        let stopping = after(8);
        // At epoch 3 the others had 0.40, 0.44, 0.48 (the mark), .. 0.68.
        let mark = stopping.verdict(&curve(&[0.1, 0.2, 0.47]), &[]).unwrap();
        assert!((mark - 0.48).abs() < 1e-6);
        assert_eq!(stopping.verdict(&curve(&[0.1, 0.2, 0.49]), &[]), None);
        assert_eq!(stopping.verdict(&curve(&[0.9, 0.2, 0.1]), &[]), None, "its best counts, not its last");
    }

    #[test]
    fn nobody_is_stopped_within_the_grace_or_before_there_is_something_to_compare_with() {
        assert_eq!(after(8).verdict(&curve(&[0.0, 0.0]), &[]), None);
        assert_eq!(after(4).verdict(&curve(&[0.0, 0.0, 0.0]), &[]), None);
        assert!(after(5).verdict(&curve(&[0.0, 0.0, 0.0]), &[]).is_some());
        assert_eq!(after(8).verdict(&[], &[]), None);
    }

    #[test]
    fn equal_curves_stop_nobody_and_no_number_is_the_worst() {
        let mut stopping = Stopping::new(StoppingRule::default());
        for _ in 0..10 {
            stopping.learn(&curve(&[0.5, 0.5, 0.5]), true, Vec::new());
        }
        assert_eq!(stopping.verdict(&curve(&[0.5, 0.5, 0.5]), &[]), None);
        assert!(stopping.verdict(&curve(&[f64::NAN, f64::NAN, f64::NAN]), &[]).is_some());
    }

    #[test]
    fn shorter_curves_count_with_their_last_value_and_the_rule_can_be_off() {
        let mut stopping = Stopping::new(StoppingRule::default());
        let mut never = Stopping::new(StoppingRule::never());
        for _ in 0..5 {
            stopping.learn(&curve(&[0.6]), true, Vec::new());
            never.learn(&curve(&[0.6]), true, Vec::new());
        }
        assert!(stopping.verdict(&curve(&[0.1, 0.1, 0.1, 0.1, 0.5]), &[]).is_some());
        assert_eq!(never.verdict(&curve(&[0.1, 0.1, 0.1, 0.1, 0.5]), &[]), None);
    }

    #[test]
    fn old_curves_make_room() {
        let mut stopping = Stopping::new(StoppingRule::default());
        for number in 0..CURVES_MAX * 2 {
            stopping.learn(&curve(&[number as f64]), true, Vec::new());
        }
        assert_eq!(stopping.finished.len(), CURVES_MAX);
        assert_eq!(stopping.finished.front().unwrap().best[0] as usize, CURVES_MAX);
    }

    #[test]
    fn halving_looks_at_doublings_only_and_lets_the_best_third_go_on() {
        let mut stopping = Stopping::new(StoppingRule::named(EarlyStopping::Halving));
        for number in 1..=9 {
            stopping.learn(&curve(&[0.1 * f64::from(number); 4]), true, Vec::new());
        }
        assert_eq!(stopping.verdict(&curve(&[0.0]), &[]), None);
        assert!(stopping.verdict(&curve(&[0.65, 0.65]), &[]).is_some());
        assert_eq!(stopping.verdict(&curve(&[0.75, 0.75]), &[]), None);
        assert_eq!(stopping.verdict(&curve(&[0.0, 0.0, 0.0]), &[]), None);
    }

    #[test]
    fn who_costs_less_than_all_others_is_not_stopped_for_its_score() {
        let mut stopping = Stopping::new(StoppingRule::default());
        for number in 0..10 {
            stopping.learn(&curve(&[0.9; 4]), true, vec![100.0 + f64::from(number)]);
        }
        assert!(stopping.verdict(&curve(&[0.1; 4]), &[200.0]).is_some());
        assert!(stopping.verdict(&curve(&[0.1; 4]), &[104.0]).is_some());
        assert_eq!(stopping.verdict(&curve(&[0.1; 4]), &[103.0]), None, "only four that cost no more");
        assert_eq!(stopping.verdict(&curve(&[0.1; 4]), &[50.0]), None);
    }

    /// Ten that came to their end: the lower after the first epochs, the lower at the end.
    fn ten_whole() -> Stopping {
        let mut stopping = Stopping::new(StoppingRule::named(EarlyStopping::Extrapolation));
        for number in 1..=10 {
            let end = 0.08 * f64::from(number);
            stopping.learn(&curve(&[0.5 * end, 0.8 * end, end]), true, vec![f64::from(number)]);
        }
        stopping
    }

    #[test]
    fn extrapolation_stops_whom_nothing_like_it_would_bring_among_the_best() {
        let stopping = ten_whole();
        // The eighth best ended at 0.24; of those near 0.05 the most successful gained 0.128 from its second epoch on.
        assert_eq!(stopping.verdict(&curve(&[0.01, 0.05]), &[99.0]), Some(0.08 * 3.0));
        assert_eq!(stopping.verdict(&curve(&[0.01, 0.15]), &[99.0]), None, "0.15 and 0.128 are more");
        assert_eq!(stopping.verdict(&curve(&[0.01]), &[99.0]), None, "within the grace");
        assert_eq!(stopping.verdict(&curve(&[0.01, 0.01, 0.01]), &[99.0]), None, "nothing went on longer");
        assert_eq!(stopping.verdict(&curve(&[0.01, 0.05]), &[7.5]), None, "seven cost no more, not eight");
    }

    #[test]
    fn extrapolation_learns_of_gains_from_whole_trainings_alone() {
        let mut stopping = Stopping::new(StoppingRule::named(EarlyStopping::Extrapolation));
        for _ in 0..20 {
            stopping.learn(&curve(&[0.5, 0.6, 0.7]), false, Vec::new());
        }
        assert_eq!(stopping.verdict(&curve(&[0.0, 0.0]), &[]), None);
    }
}
