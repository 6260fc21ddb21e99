//! All that the brain remembers, and the few changes that every part of it makes: queueing an evaluation, recording,
//! entering a stage, ending.
//!
//! The parts that decide (`brain`, `results`, `finale`, `plan`, `restore`, `view`) add their methods; none of them is
//! known here.

use super::archive::Archive;
use super::champions::Champions;
use super::desk::Desk;
use super::effect::Effect;
use super::front::Front;
use super::lease::Open;
use super::ledger::{Finale, Tally, Told};
use super::nursery::Nursery;
use super::settings::Settings;
use super::sharing::Sharing;
use super::stopping::Stopping;
use super::telling::Telling;
use super::timing::Timing;
use crate::journal::Pauses;
use crate::journal::entry::{End, Entry, Stage};
use crate::protocol::{EvaluationId, Individual, LeaseKind, Maker};
use hatchery_models::training::outcome::Weights;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The Population's brain.
#[derive(Clone, Debug)]
pub struct Brain {
    pub(super) settings: Settings,
    pub(super) desk: Desk,
    pub(super) nursery: Nursery,
    pub(super) sharing: Sharing,
    pub(super) telling: Telling<Told>,
    pub(super) births: BTreeMap<Maker, u32>,
    /// Deaths of each maker since its last birth.
    pub(super) maker_deaths: BTreeMap<Maker, u32>,
    pub(super) champions: Champions,
    pub(super) front: Front,
    pub(super) stopping: Stopping,
    pub(super) timing: Timing,
    pub(super) stage: Stage,
    pub(super) closed: Archive,
    pub(super) weights: BTreeMap<EvaluationId, Arc<Weights>>,
    pub(super) next_evaluation: u64,
    pub(super) finale: Finale,
    pub(super) end: Option<End>,
    pub(super) searched: bool,
    /// Since when a user has paused it.
    pub(super) paused: Option<f64>,
    /// Whether that pause, of an earlier life, is over when this one begins.
    pub(super) unpauses: bool,
    pub(super) orphans: Vec<EvaluationId>,
    /// Whether this life of the run has begun.
    pub(super) begun: bool,
    /// When anything was last heard, the clock included.
    pub(super) heard: f64,
    pub(super) tally: Tally,
    pub(super) out: Vec<Effect>,
}

impl Brain {
    /// A new run.
    pub fn new(settings: Settings) -> Self {
        Self::with_spent(settings, 0.0, Pauses::default())
    }

    /// A run of which so many seconds have passed, with pauses among them.
    pub(super) fn with_spent(settings: Settings, spent: f64, pauses: Pauses) -> Self {
        let share = settings.final_share();
        // What has passed of an open pause is nobody's time yet: it is taken off when the pause is over.
        let at_work = pauses.open_since.unwrap_or(spent);
        Self {
            desk: Desk::default(),
            nursery: Nursery::new(),
            sharing: Sharing::new(settings.search.refiner, settings.seed),
            telling: Telling::new(settings.search.reproducible.then_some(u64::from(settings.search.lag))),
            births: BTreeMap::new(),
            maker_deaths: BTreeMap::new(),
            champions: Champions::default(),
            front: Front::default(),
            stopping: Stopping::new(settings.stopping()),
            timing: Timing::resumed(settings.time, share, at_work, pauses.closed_seconds),
            stage: Stage::Search,
            closed: Archive::default(),
            weights: BTreeMap::new(),
            next_evaluation: 1,
            finale: Finale::default(),
            end: None,
            searched: false,
            paused: pauses.open_since,
            unpauses: false,
            orphans: Vec::new(),
            begun: false,
            heard: spent,
            tally: Tally::default(),
            out: Vec::new(),
            settings,
        }
    }

    pub(super) fn enqueue(&mut self, individual: Arc<Individual>, kind: LeaseKind) -> EvaluationId {
        let evaluation = EvaluationId(self.next_evaluation);
        self.next_evaluation += 1;
        self.record(Entry::Queued { evaluation, individual: individual.id, kind });
        self.desk.enqueue(evaluation, Open::new(individual, kind));
        evaluation
    }

    pub(super) fn stage(&mut self, stage: Stage, reason: String) {
        self.stage = stage;
        self.record(Entry::Staged { stage, reason });
    }

    pub(super) fn finish(&mut self, end: End) {
        if self.end.is_none() {
            // Whatever ends a run ends its pause: who resumes it later counts from there.
            self.unpause(self.heard);
            self.record(Entry::Ended { end: end.clone() });
            self.out.push(Effect::Finish(end.clone()));
            self.end = Some(end);
        }
    }

    pub(super) fn record(&mut self, entry: Entry) {
        self.out.push(Effect::Record(entry));
    }
}
