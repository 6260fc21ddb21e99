//! What the brain keeps book of: evaluations that have ended, counts, and how far the finale has come.

use super::champions::Fitness;
use super::objectives::Measured;
use crate::pace::Pace;
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, Maker, Verdict};
use hatchery_models::training::outcome::{Outcome, Weights};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An evaluation that has ended.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Whose.
    pub individual: Arc<Individual>,
    /// What for.
    pub kind: LeaseKind,
    /// How it ended.
    pub outcome: Outcome,
    /// What it is compared by, where it is.
    pub fitness: Option<Fitness>,
    /// What was measured of it.
    pub measured: Measured,
    /// How fast it trained.
    pub pace: Option<Pace>,
    /// Epochs finished.
    pub epochs: u32,
    /// Explanation where it did not complete.
    pub message: String,
}

/// A result on its way to the makers.
#[derive(Clone, Debug)]
pub struct Told {
    pub(super) maker: Maker,
    pub(super) fitness: Option<Fitness>,
    pub(super) verdict: Verdict,
}

/// Counters.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Search evaluations that ended and count against the budget.
    pub counted: u32,
    /// How the search's evaluations ended; lost hand-outs of any kind under `WorkerLost`.
    pub outcomes: BTreeMap<&'static str, (Option<Outcome>, u32)>,
    /// Evaluations counted by this process: not those of an earlier life of the run.
    pub counted_here: u32,
    /// Seconds that trainers have been at work, in this process.
    pub busy_seconds: f64,
    /// Seconds of this process, without those in which a pause left nobody anything to do, added up until `attended`.
    pub seconds: f64,
    /// Seconds that trainers have been there, added up until `attended`.
    pub attendance: f64,
    /// Until when both are added up.
    pub attended: Option<f64>,
    /// The search's seconds in this process, and those that its trainers were at work and there, once it is over.
    pub search: Option<Spell>,
    /// Candidates set aside for want of time since the last one that was handed out.
    pub declined_in_a_row: u32,
    /// Crashes since the last evaluation that ended otherwise.
    pub crashes_in_a_row: u32,
}

/// A time, and what trainers did in it.
#[derive(Clone, Copy, Debug)]
pub struct Spell {
    /// Its seconds.
    pub seconds: f64,
    /// Seconds that trainers were at work, added up.
    pub busy: f64,
    /// Seconds that trainers were there, added up.
    pub attendance: f64,
}

/// Who is there.
#[derive(Clone, Copy, Debug)]
pub struct Crew {
    /// Trainers that work, or could be given work.
    pub trainers: usize,
    /// Whether a pause leaves nobody anything to do.
    pub stands: bool,
}

impl Tally {
    /// These have been there since this was said last.
    pub(super) fn attend(&mut self, now: f64, crew: Crew) {
        (self.seconds, self.attendance) = self.attendance_until(now, crew);
        self.attended = Some(now);
    }

    /// Seconds of this process that count, and those of all its trainers.
    pub(super) fn attendance_until(&self, now: f64, crew: Crew) -> (f64, f64) {
        let since = self.attended.filter(|_| !crew.stands);
        let seconds = since.map_or(0.0, |since| (now - since).max(0.0));
        (self.seconds + seconds, self.attendance + seconds * crew.trainers as f64)
    }

    pub(super) fn note(&mut self, outcome: Outcome) {
        let entry = self.outcomes.entry(outcome.word()).or_default();
        entry.0 = Some(outcome);
        entry.1 += 1;
    }
}

/// What the finale knows.
#[derive(Clone, Debug, Default)]
pub struct Finale {
    /// When the crown trainings are to be over; `None` where there is no limit.
    pub(super) crown_end: Option<f64>,
    /// The winner, and the evaluation whose weights are handed over.
    pub(super) crowned: Option<(IndividualId, EvaluationId)>,
    /// Whether the test is done.
    pub(super) tested: bool,
}

impl Finale {
    /// The weights that the test is about.
    pub fn tested_weights(&self, kept: &BTreeMap<EvaluationId, Arc<Weights>>) -> Option<Arc<Weights>> {
        self.crowned.and_then(|(_, evaluation)| kept.get(&evaluation).cloned())
    }

    /// The winner, and whose weights are handed over.
    pub const fn crowned(&self) -> Option<(IndividualId, EvaluationId)> {
        self.crowned
    }

    /// The run's time has stood still for so long.
    pub(super) fn shift(&mut self, seconds: f64) {
        if let Some(end) = &mut self.crown_end {
            *end += seconds;
        }
    }

    /// An earlier life of this run has crowned, and perhaps tested.
    pub fn remember(&mut self, individual: IndividualId, evaluation: EvaluationId, tested: bool) {
        self.crowned = Some((individual, evaluation));
        self.tested = tested;
    }
}
