//! One evaluation that has not ended: where it stands, who has it, and until when.
//!
//! It must not know the other evaluations, nor who waits.

use super::retry::Attempts;
use crate::protocol::{Individual, LeaseKind, TrainerId, WorkerId};
use hatchery_models::training::outcome::EpochReport;
use std::sync::Arc;

/// A lease that nobody has renewed for so long is lost. Workers renew theirs every two seconds, and one that is silent
/// is given up long before: this is for orders that never arrived.
pub const LEASE_SECONDS_MAX: f64 = 30.0;

/// What an earlier life of the coordinator had handed out may be claimed for so long by those who have it: longer than
/// a worker waits at most before it tries again to connect.
pub const CLAIM_SECONDS_MAX: f64 = 15.0;

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
    /// The attempt that its worker was told to drop: that it is at it still is no claim to it, what it has left is.
    pub called_off: u32,
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
            called_off: 0,
            place: Place::Ready,
        }
    }

    /// The node that it was lost with last.
    pub fn lost_with_node(&self) -> Option<&str> {
        self.lost_with.as_ref().map(|(_, node)| node.as_str())
    }

    /// Whether it waits or is leased, rather than set aside.
    pub const fn is_active(&self) -> bool {
        !matches!(self.place, Place::Shelved)
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
    /// Whether its makers know how far it is.
    pub told: bool,
    /// Whether its trainer has said that it has it: the order is not on its way any more.
    pub heard: bool,
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
            told: false,
            heard: false,
            delivering: false,
        }
    }

    /// Whether it is half way through, and no report of it is missing.
    pub fn is_half_way(&self) -> bool {
        let epochs = u32::try_from(self.curve.len()).unwrap_or(u32::MAX);
        let whole = self.curve.last().is_some_and(|last| last.epoch == epochs);
        whole && epochs < self.epochs && epochs >= self.epochs.div_ceil(2)
    }

    /// A word from the trainer: its lease goes on, unless it has hung.
    pub fn renew(&mut self, now: f64) {
        let hung = self
            .seconds_max
            .map_or(f64::INFINITY, |seconds| self.since + seconds * HUNG_FACTOR + HUNG_SECONDS);
        self.expires = (now + LEASE_SECONDS_MAX).min(hung);
    }
}
