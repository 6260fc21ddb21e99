//! How far a run is in its budget, and how long it may still take.

use super::Records;
use hatchery_actors::journal::Stage;
use serde_json::{Value, json};

/// What of the budget is spent.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Ended evaluations that count.
    pub counted: u64,
    /// Their budget.
    pub evaluations_max: Option<u64>,
    /// Seconds that the run has run.
    pub elapsed_s: f64,
    /// Their budget.
    pub seconds_max: Option<f64>,
    /// Seconds until the first of both is spent, at the rate so far; `None` where nothing runs or nothing is known.
    pub left_s: Option<f64>,
}

impl Standing {
    /// Of a run that ends so many evaluations an hour.
    pub fn of(records: &Records, per_hour: f64) -> Self {
        let ended = records.search().filter_map(|one| one.outcome);
        let counted = ended.filter(|outcome| outcome.counts()).count() as u64;
        let mut standing = Self {
            counted,
            evaluations_max: records.budget.evaluations.map(u64::from),
            elapsed_s: records.record.elapsed_seconds,
            seconds_max: records.budget.time.map(|time| time.seconds()),
            left_s: None,
        };
        if records.alive && records.record.stage == Stage::Search {
            standing.left_s = standing.left(per_hour);
        }
        standing
    }

    fn left(&self, per_hour: f64) -> Option<f64> {
        let by_time = self.seconds_max.map(|max| (max - self.elapsed_s).max(0.0));
        let by_count = self
            .evaluations_max
            .filter(|_| per_hour > 0.0)
            .map(|max| max.saturating_sub(self.counted) as f64 * 3600.0 / per_hour);
        match (by_time, by_count) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "evaluations": self.counted,
            "evaluations_max": self.evaluations_max,
            "elapsed_s": self.elapsed_s,
            "seconds_max": self.seconds_max,
            "seconds_left": self.left_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_that_is_spent_first_counts() {
        let standing = Standing {
            counted: 50,
            evaluations_max: Some(100),
            elapsed_s: 60.0,
            seconds_max: Some(600.0),
            left_s: None,
        };
        assert_eq!(standing.left(3600.0), Some(50.0));
        assert_eq!(standing.left(36.0), Some(540.0));
        assert_eq!(Standing { seconds_max: None, ..standing.clone() }.left(0.0), None, "no rate yet");
        assert_eq!(Standing { elapsed_s: 700.0, ..standing }.left(36.0), Some(0.0));
    }
}
