//! The rules by which a training ends before its planned end: pure, fed with losses and scores.
//!
//! It must not know sessions or clocks. A network that cannot learn is recognised early, since in a search many
//! cannot: their cost decides how many others are tried.

use super::{
    outcome::Outcome,
    scores::{Reference, Scores},
};

/// A training loss beyond this, for `EXPLODED_STEPS` steps in a row, does not come back.
pub const EXPLODED_LOSS: f32 = 1e4;
/// See `EXPLODED_LOSS`; single steps may go astray.
pub const EXPLODED_STEPS: u32 = 3;
/// A probe's loss beyond this multiple of guessing's, and still rising, counts as diverged.
pub const DIVERGED_FACTOR: f64 = 3.0;
/// Share of predictions that are one class from which on a network counts as predicting only that one.
pub const ONE_CLASS_SHARE: f64 = 0.995;
/// Share of the way from the majority's share to 1 that a score must have made to count as better.
pub const MAJORITY_MARGIN: f64 = 0.02;
/// R squared that a regression must reach to count as better than the mean.
pub const MEAN_MARGIN: f64 = 0.001;
/// A loss above this multiple of the classes' entropy has learned nothing but, at most, how frequent classes are.
pub const ENTROPY_FACTOR: f64 = 0.97;
/// A loss below this multiple of the classes' entropy has learned which samples are likelier of which class, even where
/// one class is so frequent that it is still named for all.
pub const LEARNED_FACTOR: f64 = 0.9;
/// Looks in a row at which a network predicts one class and has learned nothing, after which it counts as dead.
pub const DEAD_LOOKS: u32 = 3;

/// Steps before which no network is called degenerate: where epochs are short, two of them teach nothing.
pub const JUDGED_STEPS_MIN: u64 = 50;

/// Where a training stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Epochs finished.
    pub epochs: u32,
    /// Steps taken.
    pub steps: u64,
    /// Whether all planned epochs are finished.
    pub last: bool,
    /// Whether the learning rate has warmed up, before which no network is given up.
    pub settled: bool,
}

/// Why a training ends before its planned end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// How it ended.
    pub outcome: Outcome,
    /// Explanation with figures.
    pub message: String,
}

impl End {
    /// An end with an explanation.
    pub fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, message: message.into() }
    }
}

/// Watches one training.
#[derive(Clone, Debug)]
pub struct Watch {
    reference: Reference,
    majority_patience: f64,
    patience: u32,
    memory: Memory,
}

/// What a watch remembers from one word to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Steps in a row with a loss beyond `EXPLODED_LOSS`.
    pub exploded_steps: u32,
    /// Looks in a row at a network that seems dead.
    pub dead_looks: u32,
    /// Loss at the last look amid an epoch.
    pub last_probe: Option<f64>,
    /// Best score of an epoch ..
    pub best_score: f64,
    /// .. and its loss.
    pub best_loss: f64,
    /// Epochs since then.
    pub epochs_without_better: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            exploded_steps: 0,
            dead_looks: 0,
            last_probe: None,
            best_score: f64::NEG_INFINITY,
            best_loss: f64::INFINITY,
            epochs_without_better: 0,
        }
    }
}

impl Watch {
    /// A watch over a training whose validation samples are like `reference`.
    pub fn new(reference: Reference, majority_patience: f64, patience: u32) -> Self {
        Self { reference, majority_patience, patience, memory: Memory::default() }
    }

    /// What it remembers.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// The same with the memory of another.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// After each step.
    pub fn on_step(&mut self, step: u64, loss: f32) -> Result<(), End> {
        if !loss.is_finite() {
            return Err(End::new(Outcome::Diverged, format!("the training loss is {loss} at step {step}")));
        }
        self.memory.exploded_steps =
            if loss.abs() > EXPLODED_LOSS { self.memory.exploded_steps + 1 } else { 0 };
        if self.memory.exploded_steps >= EXPLODED_STEPS {
            let message = format!(
                "the training loss is above {EXPLODED_LOSS} since {EXPLODED_STEPS} steps, at step {step}"
            );
            return Err(End::new(Outcome::Diverged, message));
        }
        Ok(())
    }

    /// After a look at a few validation samples amid an epoch.
    pub fn on_probe(&mut self, progress: Progress, scores: &Scores) -> Result<(), End> {
        self.finite(scores)?;
        let before = self.memory.last_probe.replace(scores.loss);
        if let Reference::Classification { classes, .. } = self.reference {
            let limit = DIVERGED_FACTOR * (classes as f64).ln();
            if scores.loss > limit && before.is_some_and(|before| scores.loss > before) {
                let message = format!("the validation loss is {}, above {limit} and rising", scores.loss);
                return Err(End::new(Outcome::Diverged, message));
            }
        }
        self.look_for_life(progress, scores)
    }

    /// After each epoch's validation. Says whether this is the best epoch so far.
    pub fn on_epoch(&mut self, progress: Progress, scores: &Scores) -> Result<bool, End> {
        self.finite(scores)?;
        let better = scores.score > self.memory.best_score
            || (scores.score == self.memory.best_score && scores.loss < self.memory.best_loss);
        if better {
            (self.memory.best_score, self.memory.best_loss) = (scores.score, scores.loss);
            self.memory.epochs_without_better = 0;
        } else {
            self.memory.epochs_without_better += 1;
        }
        let Progress { epochs, steps, last, settled } = progress;
        let judged = settled && steps >= JUDGED_STEPS_MIN && f64::from(epochs) >= self.majority_patience;
        if last || judged {
            self.better_than_guessing(epochs, scores)?;
        }
        self.look_for_life(progress, scores)?;
        Ok(better)
    }

    /// Whether to stop since nothing got better for `patience` epochs.
    pub fn is_patience_spent(&self) -> bool {
        self.patience > 0 && self.memory.epochs_without_better >= self.patience
    }

    fn finite(&self, scores: &Scores) -> Result<(), End> {
        if scores.loss.is_finite() && scores.score.is_finite() {
            return Ok(());
        }
        Err(End::new(Outcome::Diverged, format!("the validation loss is {}", scores.loss)))
    }

    fn better_than_guessing(&self, epochs: u32, scores: &Scores) -> Result<(), End> {
        let guessing = match self.reference {
            // Where there is one class only, or one value, nobody can tell learning from guessing.
            Reference::Classification { majority_share, entropy, .. } => {
                let learned = scores.loss.min(self.memory.best_loss) < LEARNED_FACTOR * entropy;
                let one_class = scores.one_class_share >= ONE_CLASS_SHARE
                    && majority_share < ONE_CLASS_SHARE
                    && self.memory.best_score <= scores.score;
                let threshold = majority_share + MAJORITY_MARGIN * (1.0 - majority_share);
                majority_share < 1.0 && !learned && (one_class || self.memory.best_score <= threshold)
            }
            Reference::Regression { ref variances } => {
                variances.iter().any(|&variance| variance > 0.0) && self.memory.best_score <= MEAN_MARGIN
            }
        };
        if !guessing {
            return Ok(());
        }
        let message = format!(
            "after {epochs} {} the best score is {:.4}, no better than {}",
            if epochs == 1 { "epoch" } else { "epochs" },
            self.memory.best_score,
            match self.reference {
                Reference::Classification { majority_share, .. } =>
                    format!("always naming one class ({majority_share:.4})"),
                Reference::Regression { .. } => "always naming the mean (0)".to_owned(),
            }
        );
        Err(End::new(Outcome::Degenerate, message))
    }

    /// One class for everything and a loss that has learned nothing, several times in a row, is a dead network.
    fn look_for_life(&mut self, progress: Progress, scores: &Scores) -> Result<(), End> {
        let Reference::Classification { entropy, .. } = self.reference else { return Ok(()) };
        let dead = self.majority_patience.is_finite()
            && entropy > 0.0
            && progress.settled
            && progress.steps >= JUDGED_STEPS_MIN
            && scores.one_class_share >= ONE_CLASS_SHARE
            && scores.loss >= ENTROPY_FACTOR * entropy;
        self.memory.dead_looks = if dead { self.memory.dead_looks + 1 } else { 0 };
        if self.memory.dead_looks < DEAD_LOOKS {
            return Ok(());
        }
        let message = format!(
            "it names one class for {:.1} % of samples with a loss of {:.3}, at {DEAD_LOOKS} looks in a row",
            100.0 * scores.one_class_share,
            scores.loss
        );
        Err(End::new(Outcome::Degenerate, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten_classes() -> Reference {
        Reference::Classification { majority_share: 0.1, entropy: 10.0_f64.ln(), classes: 10 }
    }

    fn watch() -> Watch {
        Watch::new(ten_classes(), 2.0, 3)
    }

    fn scores(score: f64, loss: f64, one_class_share: f64) -> Scores {
        Scores { loss, score, correct: 0, count: 100, one_class_share }
    }

    /// Amid the training, warmed up, long enough under way.
    const AMID: Progress = Progress { epochs: 1, steps: 100, last: false, settled: true };

    fn outcome<T>(result: Result<T, End>) -> Option<Outcome> {
        result.err().map(|end| end.outcome)
    }

    #[test]
    fn a_loss_that_is_no_number_diverges_at_once_and_a_huge_one_when_it_stays() {
        assert_eq!(outcome(watch().on_step(3, f32::NAN)), Some(Outcome::Diverged));
        assert_eq!(outcome(watch().on_step(3, f32::INFINITY)), Some(Outcome::Diverged));
        let mut watch = watch();
        for (loss, expected) in
            [(1e9, None), (2.0, None), (1e9, None), (1e9, None), (1e9, Some(Outcome::Diverged))]
        {
            assert_eq!(outcome(watch.on_step(0, loss)), expected);
        }
    }

    #[test]
    fn a_probe_far_above_guessing_diverges_only_while_it_rises() {
        let mut watch = watch();
        assert_eq!(outcome(watch.on_probe(AMID, &scores(0.1, 20.0, 0.5))), None);
        assert_eq!(outcome(watch.on_probe(AMID, &scores(0.1, 12.0, 0.5))), None);
        assert_eq!(outcome(watch.on_probe(AMID, &scores(0.1, 13.0, 0.5))), Some(Outcome::Diverged));
    }

    #[test]
    fn a_dead_network_is_found_at_the_third_look_but_not_before_it_had_a_chance() {
        let dead = scores(0.1, 2.3, 1.0);
        let mut watch = watch();
        let warming_up = Progress { settled: false, ..AMID };
        let just_begun = Progress { steps: JUDGED_STEPS_MIN - 1, ..AMID };
        for early in [warming_up, just_begun, warming_up, just_begun] {
            assert_eq!(outcome(watch.on_probe(early, &dead)), None);
        }
        let looks = [AMID; 3].map(|progress| outcome(watch.on_probe(progress, &dead)));
        assert_eq!(looks, [None, None, Some(Outcome::Degenerate)]);
    }

    #[test]
    fn a_network_that_begins_to_learn_is_left_alone() {
        let mut watch = watch();
        for _ in 0..10 {
            assert_eq!(outcome(watch.on_probe(AMID, &scores(0.1, 2.3, 1.0))), None);
            assert_eq!(outcome(watch.on_probe(AMID, &scores(0.2, 2.2, 0.9))), None);
        }
    }

    #[test]
    fn the_majority_is_tolerated_for_the_patience_and_at_the_end_not() {
        let guessing = scores(0.11, 2.2, 0.6);
        let mut patient = watch();
        assert_eq!(patient.on_epoch(AMID, &guessing), Ok(true));
        let second = Progress { epochs: 2, ..AMID };
        for early in [Progress { settled: false, ..second }, Progress { steps: 10, ..second }] {
            assert_eq!(patient.clone().on_epoch(early, &guessing), Ok(false));
        }
        assert_eq!(outcome(patient.on_epoch(second, &guessing)), Some(Outcome::Degenerate));
        let end = Progress { last: true, steps: 10, ..AMID };
        assert_eq!(outcome(watch().on_epoch(end, &guessing)), Some(Outcome::Degenerate));
    }

    #[test]
    fn a_network_that_was_good_once_is_not_degenerate() {
        let mut watch = watch();
        watch.on_epoch(AMID, &scores(0.8, 0.6, 0.2)).unwrap();
        assert_eq!(
            watch.on_epoch(Progress { epochs: 2, last: true, ..AMID }, &scores(0.1, 1.0, 1.0)),
            Ok(false)
        );
    }

    #[test]
    fn a_frequent_class_does_not_make_a_good_network_degenerate() {
        let reference = Reference::Classification { majority_share: 0.95, entropy: 0.2, classes: 2 };
        let watch = || Watch::new(reference.clone(), 1.0, 0);
        assert_eq!(watch().on_epoch(AMID, &scores(0.97, 0.1, 0.96)), Ok(true));
        assert!(watch().on_epoch(AMID, &scores(0.95, 0.19, 1.0)).is_err());
    }

    #[test]
    fn a_network_that_tells_rare_samples_apart_is_left_alone_though_it_names_one_class() {
        let reference = Reference::Classification { majority_share: 0.95, entropy: 0.2, classes: 2 };
        let mut watch = Watch::new(reference, 1.0, 0);
        assert_eq!(watch.on_epoch(Progress { last: true, ..AMID }, &scores(0.95, 0.17, 1.0)), Ok(true));
    }

    #[test]
    fn who_is_trained_to_the_end_is_judged_there() {
        let guessing = scores(0.1, 2.3, 1.0);
        let mut patient = Watch::new(ten_classes(), f64::INFINITY, 0);
        for epochs in 1..20 {
            assert!(patient.on_epoch(Progress { epochs, ..AMID }, &guessing).is_ok());
        }
        let end = Progress { epochs: 20, last: true, ..AMID };
        assert_eq!(outcome(patient.on_epoch(end, &guessing)), Some(Outcome::Degenerate));
    }

    #[test]
    fn where_there_is_nothing_to_tell_apart_nobody_is_degenerate() {
        let one_class = Reference::Classification { majority_share: 1.0, entropy: 0.0, classes: 2 };
        let one_value = Reference::Regression { variances: vec![0.0] };
        let end = Progress { last: true, ..AMID };
        assert_eq!(Watch::new(one_class, 2.0, 0).on_epoch(end, &scores(1.0, 0.0, 1.0)), Ok(true));
        assert_eq!(Watch::new(one_value, 2.0, 0).on_epoch(end, &scores(0.0, 0.1, 0.0)), Ok(true));
    }

    #[test]
    fn regression_that_does_not_beat_the_mean_is_degenerate() {
        let watch = || Watch::new(Reference::Regression { variances: vec![1.0] }, 1.0, 0);
        assert_eq!(outcome(watch().on_epoch(AMID, &scores(0.0, 1.0, 0.0))), Some(Outcome::Degenerate));
        assert_eq!(watch().on_epoch(AMID, &scores(0.2, 0.8, 0.0)), Ok(true));
    }

    #[test]
    fn ties_are_broken_by_loss_and_patience_counts_epochs_without_better() {
        let mut watch = watch();
        let figures = [(0.5, 1.0), (0.5, 0.9), (0.5, 0.9), (0.4, 0.1), (0.3, 0.1)];
        let better: Vec<bool> = figures
            .iter()
            .map(|&(score, loss)| watch.on_epoch(AMID, &scores(score, loss, 0.2)).unwrap())
            .collect();
        assert_eq!(better, [true, true, false, false, false]);
        assert!(watch.is_patience_spent());
    }
}
