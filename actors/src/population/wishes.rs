//! What a user wishes of a run that goes on: a pause, and more budget.
//!
//! While it is paused nothing is handed out, bred or decided; what is under way ends and is recorded. The run's time
//! stands still: it ends later by as much.

use super::state::Brain;
use crate::journal::entry::{Entry, Stage};
use crate::protocol::Wish;
use hatchery_config::duration::Duration;
use hatchery_config::experiment::Budget;

impl Brain {
    /// Why a wish cannot be fulfilled as things stand; `None` where it can.
    pub fn objection(&self, wish: Wish) -> Option<String> {
        let objection = match wish {
            _ if self.end.is_some() || self.stage == Stage::Done => "the run is over",
            Wish::Resume if self.paused.is_none() => "the run is not paused",
            Wish::Pause | Wish::Resume => return None,
            Wish::Budget { .. } if self.searched || self.stage != Stage::Search => {
                "the search is over: what follows it has been planned"
            }
            Wish::Budget { evaluations: Some(_), .. } if self.settings.evaluations.is_none() => {
                "the search has no limit of evaluations"
            }
            Wish::Budget { seconds: Some(_), .. } if self.settings.time.is_none() => {
                "the run has no limit of time"
            }
            Wish::Budget { evaluations: Some(more), .. } if !self.has_numbers_for(more) => {
                "that is more than a search may evaluate"
            }
            Wish::Budget { seconds: Some(seconds), .. } if !self.has_room_for(seconds) => {
                "that is longer than a run may take"
            }
            Wish::Budget { .. } => return None,
        };
        Some(objection.to_owned())
    }

    fn has_numbers_for(&self, more: u32) -> bool {
        let total = self.settings.evaluations.and_then(|budget| budget.checked_add(more));
        total.is_some_and(|total| total <= Budget::EVALUATIONS_MAX)
    }

    fn has_room_for(&self, seconds: f64) -> bool {
        self.settings.time.is_some_and(|time| Duration::from_seconds(time + seconds).is_ok())
    }

    /// What has become of a wish that was fulfilled, for people.
    pub fn wish_words(&self, wish: Wish) -> String {
        match wish {
            Wish::Pause => "the run is paused: what is under way ends, nothing more is handed out".to_owned(),
            Wish::Resume => "the run goes on".to_owned(),
            Wish::Budget { .. } => {
                let evaluations = self.settings.evaluations.map(|count| format!("{count} evaluations"));
                // Pauses have moved its end by fractions of a second, which nobody asked for.
                let time = self.settings.time.and_then(|time| Duration::from_seconds(time.round()).ok());
                let time = time.map(|time| time.to_string());
                let parts: Vec<String> = evaluations.into_iter().chain(time).collect();
                format!("the budget is now {}", parts.join(" and "))
            }
        }
    }

    pub(super) fn wished(&mut self, wish: Wish, now: f64) {
        if self.objection(wish).is_some() {
            return;
        }
        match wish {
            Wish::Pause if self.paused.is_some() => {}
            Wish::Pause => {
                self.paused = Some(now);
                self.record(Entry::Paused);
            }
            Wish::Resume => self.unpause(now),
            Wish::Budget { evaluations, seconds } => self.grant(evaluations, seconds),
        }
    }

    /// A pause of an earlier life is over when this one begins: whoever takes a run up again by hand wants that.
    pub const fn goes_on_at_once(&mut self) {
        self.unpauses = true;
    }

    /// Goes on after a pause, where there is one.
    pub(super) fn unpause(&mut self, now: f64) {
        let Some(since) = self.paused.take() else { return };
        let seconds = (now - since).max(0.0);
        self.record(Entry::Unpaused { seconds });
        self.timing.stand(seconds);
        self.finale.shift(seconds);
        if let Some(time) = &mut self.settings.time {
            // Longer than the longest no experiment can say.
            *time = (*time + seconds).min(Duration::SECONDS_MAX);
            self.record_budget();
        }
    }

    fn grant(&mut self, evaluations: Option<u32>, seconds: Option<f64>) {
        if let (Some(budget), Some(more)) = (&mut self.settings.evaluations, evaluations) {
            *budget = budget.saturating_add(more);
        }
        if let (Some(time), Some(more)) = (&mut self.settings.time, seconds) {
            *time += more;
            self.timing.extend(more, self.settings.final_share());
        }
        self.tally.declined_in_a_row = 0;
        self.record_budget();
    }

    fn record_budget(&mut self) {
        let (evaluations, seconds) = (self.settings.evaluations, self.settings.time);
        self.record(Entry::Budgeted { evaluations, seconds });
    }
}
