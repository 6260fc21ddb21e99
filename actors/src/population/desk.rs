//! Who does what: evaluations that wait, trainers that wait, and the leases that join them.
//!
//! The desk knows no search: not what a score means, not when to stop. Each evaluation is in exactly one of three
//! states, and the variants carry what only that state knows.

use crate::protocol::{EvaluationId, Individual, LeaseKind, TrainerId};
use hatchery_models::training::outcome::EpochReport;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A lease that nobody has renewed for so long is lost. The trainers renew theirs every few seconds; most of it is
/// for a machine that is busy with other things.
pub const LEASE_SECONDS_MAX: f64 = 60.0;

/// A training is given up for hung after its limit times this, ..
const HUNG_FACTOR: f64 = 2.0;

/// .. plus so many seconds, however often its lease is renewed.
const HUNG_SECONDS: f64 = 60.0;

/// An evaluation that has not ended.
#[derive(Clone, Debug)]
pub struct Open {
    /// Whose.
    pub individual: Arc<Individual>,
    /// What for.
    pub kind: LeaseKind,
    /// How often it has been handed out.
    pub attempt: u32,
    /// How often its trainer was lost.
    pub losses: u32,
    /// Where it stands.
    pub place: Place,
}

/// Where an open evaluation stands.
#[derive(Clone, Debug)]
pub enum Place {
    /// Waits to be handed out.
    Ready,
    /// A trainer has it.
    Leased(Held),
    /// Set aside: the search has ended without it.
    Shelved,
}

/// What is known of a lease.
#[derive(Clone, Debug)]
pub struct Held {
    /// Who has it.
    pub trainer: TrainerId,
    /// Since when.
    pub since: f64,
    /// Planned epochs.
    pub epochs: u32,
    /// Its own limit in seconds.
    pub seconds_max: Option<f64>,
    /// When it is lost unless renewed.
    pub expires: f64,
    /// Reports so far.
    pub curve: Vec<EpochReport>,
    /// Whether it has been told to stop.
    pub advised: bool,
}

/// The desk.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    pub(super) open: BTreeMap<EvaluationId, Open>,
    pub(super) ready: VecDeque<EvaluationId>,
    pub(super) trainers: BTreeMap<TrainerId, Option<EvaluationId>>,
    pub(super) waiting: VecDeque<TrainerId>,
}

impl Desk {
    /// Takes a new evaluation in, behind the others.
    pub fn enqueue(&mut self, evaluation: EvaluationId, open: Open) {
        self.open.insert(evaluation, Open { place: Place::Ready, ..open });
        self.ready.push_back(evaluation);
    }

    /// Takes an evaluation in that an earlier life of the run had under way, or has set aside: it waits for nobody
    /// until it is put back.
    pub fn adopt(&mut self, evaluation: EvaluationId, open: Open) {
        self.open.insert(evaluation, Open { place: Place::Shelved, ..open });
    }

    /// Puts a leased evaluation back, before the others: it has waited longest. Frees nobody.
    pub fn requeue(&mut self, evaluation: EvaluationId, losses: u32) {
        if let Some(open) = self.open.get_mut(&evaluation) {
            open.place = Place::Ready;
            open.losses += losses;
            self.ready.push_front(evaluation);
        }
    }

    /// Sets one aside that waits.
    pub fn set_aside(&mut self, evaluation: EvaluationId) {
        self.ready.retain(|other| *other != evaluation);
        if let Some(open) = self.open.get_mut(&evaluation)
            && matches!(open.place, Place::Ready)
        {
            open.place = Place::Shelved;
        }
    }

    /// Sets aside all that wait and are of this kind.
    pub fn shelve(&mut self, kind: LeaseKind) {
        let open = &mut self.open;
        self.ready.retain(|evaluation| match open.get_mut(evaluation) {
            Some(entry) if entry.kind == kind => {
                entry.place = Place::Shelved;
                false
            }
            Some(_) => true,
            None => false,
        });
    }

    /// A trainer can take work. Says which evaluation it was thought to have, if any: it has forgotten it.
    pub fn welcome(&mut self, trainer: TrainerId) -> Option<EvaluationId> {
        let held = self.trainers.insert(trainer, None).flatten();
        if !self.waiting.contains(&trainer) {
            self.waiting.push_back(trainer);
        }
        held
    }

    /// A trainer is gone. Says which evaluation it had.
    pub fn dismiss(&mut self, trainer: TrainerId) -> Option<EvaluationId> {
        self.waiting.retain(|other| *other != trainer);
        self.trainers.remove(&trainer).flatten()
    }

    /// The next trainer and the next evaluation, where there are both.
    pub fn next(&self) -> Option<(TrainerId, EvaluationId)> {
        Some((*self.waiting.front()?, *self.ready.front()?))
    }

    /// Gives the next evaluation to the next trainer, and raises its attempt.
    pub fn lease(
        &mut self,
        now: f64,
        epochs: u32,
        seconds_max: Option<f64>,
    ) -> Option<(EvaluationId, &Open)> {
        let (trainer, evaluation) = self.next()?;
        self.waiting.pop_front();
        self.ready.pop_front();
        self.trainers.insert(trainer, Some(evaluation));
        let open = self.open.get_mut(&evaluation)?;
        open.attempt += 1;
        open.place = Place::Leased(Held {
            trainer,
            since: now,
            epochs,
            seconds_max,
            expires: now + LEASE_SECONDS_MAX,
            curve: Vec::new(),
            advised: false,
        });
        Some((evaluation, open))
    }

    /// The lease of this trainer, evaluation and attempt, where it is in force.
    pub fn held(&mut self, trainer: TrainerId, evaluation: EvaluationId, attempt: u32) -> Option<&mut Held> {
        match self.open.get_mut(&evaluation) {
            Some(Open { attempt: current, place: Place::Leased(held), .. })
                if *current == attempt && held.trainer == trainer =>
            {
                Some(held)
            }
            _ => None,
        }
    }

    /// A word from the trainer: its lease goes on, unless it has hung.
    pub fn renew(&mut self, trainer: TrainerId, evaluation: EvaluationId, attempt: u32, now: f64) {
        if let Some(held) = self.held(trainer, evaluation, attempt) {
            held.renew(now);
        }
    }

    /// All leases go on: the desk itself was out of order for a while.
    pub fn renew_all(&mut self, now: f64) {
        for open in self.open.values_mut() {
            if let Place::Leased(held) = &mut open.place {
                held.renew(now);
            }
        }
    }

    /// Ends a lease for good: takes the evaluation off the desk.
    pub fn close(&mut self, evaluation: EvaluationId) -> Option<Open> {
        self.ready.retain(|other| *other != evaluation);
        self.open.remove(&evaluation)
    }

    /// The leases that nobody has renewed in time, with who had them.
    pub fn expired(&self, now: f64) -> Vec<TrainerId> {
        self.leases().filter(|(_, _, held)| held.expires <= now).map(|(_, _, held)| held.trainer).collect()
    }

    /// All leases in force.
    pub fn leases(&self) -> impl Iterator<Item = (EvaluationId, &Open, &Held)> {
        self.open.iter().filter_map(|(evaluation, open)| match &open.place {
            Place::Leased(held) => Some((*evaluation, open, held)),
            Place::Ready | Place::Shelved => None,
        })
    }

    /// All open evaluations.
    pub const fn open(&self) -> &BTreeMap<EvaluationId, Open> {
        &self.open
    }

    /// One open evaluation.
    pub fn get(&self, evaluation: EvaluationId) -> Option<&Open> {
        self.open.get(&evaluation)
    }

    /// Evaluations that wait, next first.
    pub const fn ready(&self) -> &VecDeque<EvaluationId> {
        &self.ready
    }

    /// Trainers that wait, next first.
    pub const fn waiting(&self) -> &VecDeque<TrainerId> {
        &self.waiting
    }

    /// All trainers and what they have.
    pub const fn trainers(&self) -> &BTreeMap<TrainerId, Option<EvaluationId>> {
        &self.trainers
    }

    /// How many open evaluations of this kind wait or are leased.
    pub fn active(&self, kind: LeaseKind) -> usize {
        self.open.values().filter(|open| open.kind == kind && !matches!(open.place, Place::Shelved)).count()
    }
}

impl Held {
    fn renew(&mut self, now: f64) {
        let hung = self
            .seconds_max
            .map_or(f64::INFINITY, |seconds| self.since + seconds * HUNG_FACTOR + HUNG_SECONDS);
        self.expires = (now + LEASE_SECONDS_MAX).min(hung);
    }
}
