//! The figures of a run in progress: a plain struct that is told what happens.

use crate::output::{duration, percent};
use std::collections::BTreeMap;

/// When the search will end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    /// Evaluations.
    pub evaluations: Option<u64>,
    /// Seconds, final training included.
    pub seconds: Option<f64>,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum News {
    /// The run has come to another stage.
    Stage(String),
    /// A trainer has begun.
    Began {
        /// Which trainer.
        slot: u32,
        /// Whose training.
        id: u64,
        /// What for: `search`, `final`, ...
        kind: &'static str,
        /// The genome in one line.
        summary: String,
        /// Planned epochs.
        epochs: u32,
    },
    /// A trainer has finished an epoch.
    Epoch {
        /// Which trainer.
        slot: u32,
        /// Which epoch, from 1.
        epoch: u32,
        /// Validation score.
        score: f64,
    },
    /// A training has ended.
    Ended {
        /// Which trainer, where that is known.
        slot: Option<u32>,
        /// Whose training.
        id: u64,
        /// What for.
        kind: &'static str,
        /// How.
        outcome: &'static str,
        /// Validation score, where it has one.
        score: Option<f64>,
        /// Trainable parameters.
        parameters: u64,
        /// Whether it counts against the budget.
        counts: bool,
        /// How long it took, in seconds.
        seconds: f64,
    },
}

/// What a trainer is on.
#[derive(Clone, Debug)]
pub struct Work {
    /// Whose training.
    pub id: u64,
    /// What for.
    pub kind: &'static str,
    /// The genome in one line.
    pub summary: String,
    /// Planned epochs.
    pub epochs: u32,
    /// Epochs finished.
    pub epoch: u32,
    /// Last validation score.
    pub score: Option<f64>,
}

/// The figures.
#[derive(Clone, Debug)]
pub struct Board {
    /// When it will end.
    pub budget: Budget,
    /// Whether scores are accuracies.
    pub accuracy: bool,
    /// Stage.
    pub stage: String,
    /// Evaluations of the search that have ended and count.
    pub done: u64,
    /// The best so far: network, score, parameters.
    pub best: Option<(u64, f64, u64)>,
    /// What each trainer is on.
    pub work: BTreeMap<u32, Work>,
    /// Seconds and evaluations at which this process began, for the rate.
    begin: (f64, u64),
}

impl Board {
    /// A board of a run that has `done` evaluations behind it after `elapsed_s` seconds.
    pub fn new(budget: Budget, accuracy: bool, elapsed_s: f64, done: u64) -> Self {
        Self {
            budget,
            accuracy,
            stage: "search".to_owned(),
            done,
            best: None,
            work: BTreeMap::new(),
            begin: (elapsed_s, done),
        }
    }

    /// Sets the best of an earlier part of the run.
    #[must_use]
    pub fn with_best(mut self, best: Option<(u64, f64, u64)>) -> Self {
        self.best = best;
        self
    }

    /// Takes in what happened; returns a line where it is worth one.
    pub fn tell(&mut self, now_s: f64, news: News) -> Option<String> {
        match news {
            News::Stage(stage) => {
                let line = format!("[{:>6}] stage: {stage}", duration(now_s));
                self.stage = stage;
                Some(line)
            }
            News::Began { slot, id, kind, summary, epochs } => {
                self.work.insert(slot, Work { id, kind, summary, epochs, epoch: 0, score: None });
                None
            }
            News::Epoch { slot, epoch, score } => {
                if let Some(work) = self.work.get_mut(&slot) {
                    (work.epoch, work.score) = (epoch, Some(score));
                }
                None
            }
            News::Ended { slot, id, kind, outcome, score, parameters, counts, seconds } => {
                if let Some(slot) = slot {
                    self.work.remove(&slot);
                }
                if kind != "search" {
                    let score = score.map(|score| format!(", {}", self.score(score))).unwrap_or_default();
                    return Some(format!(
                        "[{:>6}] {kind} of network {id}: {outcome} after {}{score}",
                        duration(now_s),
                        duration(seconds)
                    ));
                }
                self.done += u64::from(counts);
                self.consider(now_s, id, score?, parameters)
            }
        }
    }

    fn consider(&mut self, now_s: f64, id: u64, score: f64, parameters: u64) -> Option<String> {
        if self.best.is_some_and(|(_, best, _)| score <= best) {
            return None;
        }
        self.best = Some((id, score, parameters));
        let score = self.score(score);
        Some(format!(
            "[{:>6}] new best: network {id}, validation {score}, {parameters} parameters ({} evaluated)",
            duration(now_s),
            self.done
        ))
    }

    /// A score as people read it.
    pub fn score(&self, score: f64) -> String {
        if self.accuracy { percent(score) } else { format!("{score:.4}") }
    }

    /// Ended evaluations an hour, since this process began.
    pub fn rate(&self, now_s: f64) -> f64 {
        let (begin_s, begin_done) = self.begin;
        let seconds = now_s - begin_s;
        if seconds > 0.0 { (self.done - begin_done) as f64 * 3600.0 / seconds } else { 0.0 }
    }

    /// Seconds until the run ends, as far as the budget and the rate tell.
    pub fn left_s(&self, now_s: f64) -> Option<f64> {
        let by_time = self.budget.seconds.map(|seconds| (seconds - now_s).max(0.0));
        let rate = self.rate(now_s);
        let by_count = self
            .budget
            .evaluations
            .filter(|_| rate > 0.0 && self.stage == "search")
            .map(|count| count.saturating_sub(self.done) as f64 * 3600.0 / rate);
        match (by_time, by_count) {
            (Some(time), Some(count)) => Some(time.min(count)),
            (time, count) => time.or(count),
        }
    }

    /// How much of the budget is used, 0 to 1.
    pub fn share_done(&self, now_s: f64) -> f64 {
        let by_time = self.budget.seconds.map_or(0.0, |seconds| now_s / seconds);
        let by_count = self.budget.evaluations.map_or(0.0, |count| self.done as f64 / count as f64);
        by_time.max(by_count).clamp(0.0, 1.0)
    }

    /// How far it is, in one line.
    pub fn status(&self, now_s: f64) -> String {
        let of = self.budget.evaluations.map(|count| format!(" of {count}")).unwrap_or_default();
        let best = match self.best {
            Some((id, score, _)) => format!(", best {} (network {id})", self.score(score)),
            None => String::new(),
        };
        let left =
            self.left_s(now_s).map(|left| format!(", about {} left", duration(left))).unwrap_or_default();
        format!(
            "[{:>6}] {}: {}{of} evaluated, {:.0} an hour{best}{left}",
            duration(now_s),
            self.stage,
            self.done,
            self.rate(now_s)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(id: u64, score: Option<f64>) -> News {
        News::Ended {
            slot: Some(0),
            id,
            kind: "search",
            outcome: "completed",
            score,
            parameters: 10,
            counts: true,
            seconds: 1.0,
        }
    }

    #[test]
    fn only_a_better_one_is_worth_a_line() {
        let mut board = Board::new(Budget::default(), true, 0.0, 0);
        assert!(board.tell(1.0, ended(1, Some(0.5))).unwrap().contains("50.00 %"));
        assert_eq!(board.tell(2.0, ended(2, Some(0.5))), None);
        assert_eq!(board.tell(3.0, ended(3, None)), None);
        assert!(board.tell(4.0, ended(4, Some(0.6))).unwrap().contains("network 4"));
        assert_eq!(board.done, 4);
    }

    #[test]
    fn time_left_follows_whichever_budget_ends_first() {
        let budget = Budget { evaluations: Some(100), seconds: Some(1000.0) };
        let mut board = Board::new(budget, true, 0.0, 0);
        assert_eq!(board.left_s(0.0), Some(1000.0));
        for id in 0..50 {
            board.tell(100.0, ended(id, None));
        }
        assert_eq!(board.left_s(100.0), Some(100.0));
        assert_eq!(board.share_done(100.0), 0.5);
    }

    #[test]
    fn the_rate_counts_from_the_resume() {
        let mut board = Board::new(Budget::default(), true, 1000.0, 70);
        board.tell(1010.0, ended(1, None));
        assert_eq!(board.rate(1010.0), 360.0);
    }
}
