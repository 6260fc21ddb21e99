//! Who does what: evaluations that wait, trainers that wait, and the leases that join them.
//!
//! The desk knows no search: not what a score means, not when to stop. Each evaluation is in exactly one state, and
//! the variants carry what only that state knows.

use super::retry::Attempts;
use crate::protocol::{EvaluationId, Individual, LeaseKind, Ticket, TrainerId, WorkerFacts, WorkerId};
use hatchery_models::training::outcome::EpochReport;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A lease that nobody has renewed for so long is lost. Workers renew theirs every two seconds, and one that is silent
/// is given up long before: this is for orders that never arrived.
pub const LEASE_SECONDS_MAX: f64 = 30.0;

/// What an earlier life of the coordinator had handed out may be claimed for so long by those who have it: longer than
/// a worker waits at most before it tries again to connect.
pub const CLAIM_SECONDS_MAX: f64 = 15.0;

/// Of the queue, so many are looked at for one that a waiting trainer may have.
const CHOICES_MAX: usize = 64;

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
    /// How often its attempts have failed, and by what.
    pub failures: Attempts,
    /// The worker that was lost with it last, and its node's name: it goes to another node next, where there is one.
    pub lost_with: Option<(WorkerId, String)>,
    /// The state that the last attempt has left: the next one goes on from there.
    pub checkpoint: Option<Arc<[u8]>>,
    /// The attempt that its worker has given up by itself: a word of it that comes late is no claim to it.
    pub given_up: u32,
    /// Where it stands.
    pub place: Place,
}

impl Open {
    /// An evaluation that was never handed out.
    pub fn new(individual: Arc<Individual>, kind: LeaseKind) -> Self {
        Self {
            individual,
            kind,
            attempt: 0,
            failures: Attempts::default(),
            lost_with: None,
            checkpoint: None,
            given_up: 0,
            place: Place::Ready,
        }
    }
}

/// Where an open evaluation stands.
#[derive(Clone, Debug)]
pub enum Place {
    /// Waits to be handed out.
    Ready,
    /// A trainer has it.
    Leased(Held),
    /// An earlier life of the coordinator had handed it out. Whoever has it may claim it until then.
    Unclaimed {
        /// When it counts as lost.
        expires: f64,
    },
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
    /// The trainer is done with it and can take other work; what it has left is still with its worker.
    pub delivering: bool,
}

/// What a trainer's claim to have an attempt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Its lease was in force, and goes on.
    Renewed,
    /// It waited to be handed out again, or to be claimed: it is this trainer's now.
    Adopted,
    /// The attempt is out of date, or has ended.
    Refused,
}

/// The desk.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    pub(super) open: BTreeMap<EvaluationId, Open>,
    pub(super) ready: VecDeque<EvaluationId>,
    pub(super) trainers: BTreeMap<TrainerId, Option<EvaluationId>>,
    pub(super) waiting: VecDeque<TrainerId>,
    pub(super) workers: BTreeMap<WorkerId, WorkerFacts>,
    pub(super) excluded: BTreeSet<String>,
}

impl Desk {
    /// Takes a new evaluation in, behind the others.
    pub fn enqueue(&mut self, evaluation: EvaluationId, open: Open) {
        self.open.insert(evaluation, Open { place: Place::Ready, ..open });
        self.ready.push_back(evaluation);
    }

    /// Takes an evaluation in that an earlier life of the run had under way, or has set aside: it waits for nobody
    /// until it is put back or claimed.
    pub fn adopt(&mut self, evaluation: EvaluationId, open: Open) {
        self.open.insert(evaluation, Open { place: Place::Shelved, ..open });
    }

    /// Lets those who have it claim an evaluation that an earlier life of the run had under way.
    pub fn await_claim(&mut self, evaluation: EvaluationId, expires: f64) {
        if let Some(open) = self.open.get_mut(&evaluation) {
            open.place = Place::Unclaimed { expires };
        }
    }

    /// Puts a leased evaluation back, before the others: it has waited longest. Frees nobody.
    pub fn requeue(&mut self, evaluation: EvaluationId) -> Option<&mut Open> {
        let open = self.open.get_mut(&evaluation)?;
        open.place = Place::Ready;
        self.ready.push_front(evaluation);
        Some(open)
    }

    /// Its worker has given the present attempt up by itself, and will say no more of it.
    pub fn give_up(&mut self, evaluation: EvaluationId) {
        if let Some(open) = self.open.get_mut(&evaluation) {
            open.given_up = open.attempt;
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

    /// A worker has joined.
    pub fn join(&mut self, worker: WorkerId, facts: WorkerFacts) {
        self.workers.insert(worker, facts);
    }

    /// A worker is gone. Says which evaluations were with it.
    pub fn leave(&mut self, worker: WorkerId) -> Vec<EvaluationId> {
        self.workers.remove(&worker);
        self.waiting.retain(|trainer| trainer.worker != worker);
        self.trainers.retain(|trainer, _| trainer.worker != worker);
        self.leases().filter(|(_, _, held)| held.trainer.worker == worker).map(|(id, _, _)| id).collect()
    }

    /// No more work for this node.
    pub fn exclude(&mut self, node: String) {
        let workers = &self.workers;
        self.waiting.retain(|trainer| workers.get(&trainer.worker).is_some_and(|facts| facts.node != node));
        self.excluded.insert(node);
    }

    /// Whether this node gets no more work.
    pub fn is_excluded(&self, node: &str) -> bool {
        self.excluded.contains(node)
    }

    /// Whether there is a worker that may have work.
    pub fn has_workers(&self) -> bool {
        self.workers.values().any(|facts| !self.excluded.contains(&facts.node))
    }

    /// The name of a worker's node.
    pub fn node_of(&self, worker: WorkerId) -> Option<&str> {
        self.workers.get(&worker).map(|facts| facts.node.as_str())
    }

    /// A trainer's name for people: its node's, and the slot.
    pub fn label(&self, trainer: TrainerId) -> String {
        match self.node_of(trainer.worker) {
            Some(node) => format!("{node}/{}", trainer.slot),
            None => trainer.to_string(),
        }
    }

    /// A trainer can take work. What it was at, it is done with, and will deliver.
    pub fn welcome(&mut self, trainer: TrainerId) {
        let Some(node) = self.node_of(trainer.worker) else { return };
        let barred = self.excluded.contains(node);
        let had = self.trainers.insert(trainer, None).flatten();
        if let Some(Open { place: Place::Leased(held), .. }) = had.and_then(|had| self.open.get_mut(&had)) {
            held.delivering = true;
        }
        if !barred && !self.waiting.contains(&trainer) {
            self.waiting.push_back(trainer);
        }
    }

    /// A trainer that waits can take no work any more.
    pub fn dismiss(&mut self, trainer: TrainerId) {
        self.waiting.retain(|other| *other != trainer);
    }

    /// The next trainer and the next evaluation that it may have, where there are both.
    pub fn next(&self) -> Option<(TrainerId, EvaluationId)> {
        if self.waiting.is_empty() {
            return None;
        }
        self.ready.iter().take(CHOICES_MAX).find_map(|evaluation| {
            let open = self.open.get(evaluation)?;
            let trainer = self.waiting.iter().find(|trainer| self.may_have(**trainer, open))?;
            Some((*trainer, *evaluation))
        })
    }

    /// Whether this trainer may have it: what was lost with one node goes to another, where there is one.
    fn may_have(&self, trainer: TrainerId, open: &Open) -> bool {
        let Some((_, lost_with)) = &open.lost_with else { return true };
        let mut others = self.workers.values().map(|facts| &facts.node);
        self.node_of(trainer.worker) != Some(lost_with)
            || others.all(|node| node == lost_with || self.excluded.contains(node))
    }

    /// Gives an evaluation that waits to a trainer that waits, and raises its attempt.
    pub fn lease(&mut self, trainer: TrainerId, evaluation: EvaluationId, held: Held) -> Option<&mut Open> {
        let open = self.open.get_mut(&evaluation)?;
        self.waiting.retain(|other| *other != trainer);
        self.ready.retain(|other| *other != evaluation);
        self.trainers.insert(trainer, Some(evaluation));
        open.attempt += 1;
        open.place = Place::Leased(held);
        Some(open)
    }

    /// A trainer says that it has this attempt. Where it has not been handed out again since, it is its own again; one
    /// that was set aside only `late`.
    pub fn claim(&mut self, trainer: TrainerId, ticket: Ticket, late: bool, now: f64) -> Claim {
        if let Some(held) = self.held(trainer, ticket) {
            held.renew(now);
            return Claim::Renewed;
        }
        let free = self.trainers.get(&trainer).copied().flatten().is_none();
        let known = self.workers.contains_key(&trainer.worker);
        let is_free = |place: &Place| match place {
            Place::Ready | Place::Unclaimed { .. } => true,
            Place::Shelved => late,
            Place::Leased(_) => false,
        };
        match self.open.get_mut(&ticket.evaluation) {
            Some(open)
                if known
                    && open.attempt == ticket.attempt
                    && open.given_up < ticket.attempt
                    && is_free(&open.place) =>
            {
                // Where the trainer is known to be at something else, this one has ended and is kept.
                let waits = self.waiting.contains(&trainer);
                open.place = Place::Leased(Held { delivering: !free || waits, ..Held::by(trainer, now) });
                self.ready.retain(|other| *other != ticket.evaluation);
                if free && !waits {
                    self.trainers.insert(trainer, Some(ticket.evaluation));
                }
                Claim::Adopted
            }
            _ => Claim::Refused,
        }
    }

    /// The lease of this trainer and attempt, where it is in force.
    pub fn held(&mut self, trainer: TrainerId, ticket: Ticket) -> Option<&mut Held> {
        match self.open.get_mut(&ticket.evaluation) {
            Some(Open { attempt, place: Place::Leased(held), .. })
                if *attempt == ticket.attempt && held.trainer.worker == trainer.worker =>
            {
                Some(held)
            }
            _ => None,
        }
    }

    /// Takes an evaluation from whoever has it: the trainer counts as busy with nothing until it says that it can
    /// take work.
    pub fn release(&mut self, evaluation: EvaluationId) {
        for held in self.trainers.values_mut().filter(|held| **held == Some(evaluation)) {
            *held = None;
        }
    }

    /// All leases go on: the desk itself was out of order for a while.
    pub fn renew_all(&mut self, now: f64) {
        for open in self.open.values_mut() {
            match &mut open.place {
                Place::Leased(held) => held.renew(now),
                Place::Unclaimed { expires } => *expires = now + CLAIM_SECONDS_MAX,
                Place::Ready | Place::Shelved => {}
            }
        }
    }

    /// Ends an evaluation for good: takes it off the desk.
    pub fn close(&mut self, evaluation: EvaluationId) -> Option<Open> {
        self.ready.retain(|other| *other != evaluation);
        self.release(evaluation);
        self.open.remove(&evaluation)
    }

    /// The evaluations whose lease nobody has renewed, or that nobody has claimed, in time.
    pub fn expired(&self, now: f64) -> Vec<EvaluationId> {
        let late = |open: &Open| match &open.place {
            Place::Leased(held) => held.expires <= now,
            Place::Unclaimed { expires } => *expires <= now,
            Place::Ready | Place::Shelved => false,
        };
        self.open.iter().filter(|(_, open)| late(open)).map(|(evaluation, _)| *evaluation).collect()
    }

    /// All leases in force.
    pub fn leases(&self) -> impl Iterator<Item = (EvaluationId, &Open, &Held)> {
        self.open.iter().filter_map(|(evaluation, open)| match &open.place {
            Place::Leased(held) => Some((*evaluation, open, held)),
            Place::Ready | Place::Shelved | Place::Unclaimed { .. } => None,
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

    /// All workers.
    pub const fn workers(&self) -> &BTreeMap<WorkerId, WorkerFacts> {
        &self.workers
    }

    /// All trainers and what they have.
    pub const fn trainers(&self) -> &BTreeMap<TrainerId, Option<EvaluationId>> {
        &self.trainers
    }

    /// How many leases of this kind are in force.
    pub fn leased(&self, kind: LeaseKind) -> usize {
        self.leases().filter(|(_, open, _)| open.kind == kind).count()
    }

    /// How many wait to be claimed.
    pub fn unclaimed(&self) -> usize {
        self.open.values().filter(|open| matches!(open.place, Place::Unclaimed { .. })).count()
    }

    /// How many open evaluations of this kind wait or are leased.
    pub fn active(&self, kind: LeaseKind) -> usize {
        self.open.values().filter(|open| open.kind == kind && !matches!(open.place, Place::Shelved)).count()
    }
}

impl Held {
    /// A lease of which nothing is known yet but who has it.
    pub const fn by(trainer: TrainerId, now: f64) -> Self {
        Self {
            trainer,
            since: now,
            epochs: u32::MAX,
            seconds_max: None,
            expires: now + LEASE_SECONDS_MAX,
            curve: Vec::new(),
            advised: false,
            delivering: false,
        }
    }

    /// A word from the trainer: its lease goes on, unless it has hung.
    pub fn renew(&mut self, now: f64) {
        let hung = self
            .seconds_max
            .map_or(f64::INFINITY, |seconds| self.since + seconds * HUNG_FACTOR + HUNG_SECONDS);
        self.expires = (now + LEASE_SECONDS_MAX).min(hung);
    }
}
