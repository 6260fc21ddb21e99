//! What always holds of a search, by number. Debug builds check it after every event, and a breach panics; release builds
//! check it so often that it takes a hundredth of the time, and a breach is logged and counted.
//!
//! The cheap checks look at what is under way; the thorough ones, which look at everything, run in debug builds only.

use crate::population::archive::Archive;
use crate::population::desk::Desk;
use crate::population::lease::{Open, Place};
use crate::population::retry::RetryPolicy;
use crate::population::settings::{FRONT_KEPT_MAX, WEIGHTS_KEPT_MAX};
use crate::protocol::{EvaluationId, Fingerprint, IndividualId, LeaseKind, TrainerId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};

/// An invariant: its id and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// P1
    OneLeasePerTrainer,
    /// P2
    OneTrainerPerLease,
    /// P3
    OnePlacePerEvaluation,
    /// P4
    NobodyWaitsForNothing,
    /// P5
    BudgetHolds,
    /// P6
    CountedOnce,
    /// P7
    NoStructureTwice,
    /// P8
    LossesAreBounded,
    /// P10
    WeightsAreBounded,
    /// P11
    FinaleIsSingle,
}

impl Invariant {
    /// Its id, as written in logs.
    pub const fn id(self) -> &'static str {
        match self {
            Self::OneLeasePerTrainer => "P1",
            Self::OneTrainerPerLease => "P2",
            Self::OnePlacePerEvaluation => "P3",
            Self::NobodyWaitsForNothing => "P4",
            Self::BudgetHolds => "P5",
            Self::CountedOnce => "P6",
            Self::NoStructureTwice => "P7",
            Self::LossesAreBounded => "P8",
            Self::WeightsAreBounded => "P9",
            Self::FinaleIsSingle => "P10",
        }
    }

    /// What it says.
    pub const fn statement(self) -> &'static str {
        match self {
            // That nobody waits twice is seen to by the type of the queue.
            Self::OneLeasePerTrainer => "a trainer holds at most one lease, and waits only without one",
            Self::OneTrainerPerLease => {
                "a lease is held by exactly one trainer of a worker that is there, which has nothing else to train"
            }
            Self::OnePlacePerEvaluation => {
                "an evaluation is ready, leased, unclaimed, shelved or closed, and only one of these"
            }
            Self::NobodyWaitsForNothing => {
                "no trainer waits while an evaluation is ready that it may have, but in a pause"
            }
            Self::BudgetHolds => "evaluations counted, under way, ready and ordered are within the budget",
            Self::CountedOnce => {
                "the count is the number of different search evaluations that ended and count"
            }
            Self::NoStructureTwice => "no structural hash belongs to two evaluated individuals",
            Self::LossesAreBounded => {
                "no evaluation is handed out that has lost its worker as often as it may"
            }
            Self::WeightsAreBounded => {
                "only the weights of the best, of the front and of the finale are kept"
            }
            Self::FinaleIsSingle => {
                "the final training and the test are under way at most once, after the search"
            }
        }
    }
}

/// A breach.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// Of what.
    pub invariant: Invariant,
    /// By whom.
    pub detail: String,
}

impl Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invariant, detail } = self;
        write!(formatter, "invariant {} broken ({}): {detail}", invariant.id(), invariant.statement())
    }
}

/// What is looked at.
pub struct View<'a> {
    /// Who does what.
    pub desk: &'a Desk,
    /// Search evaluations counted.
    pub counted: u32,
    /// How many there may be.
    pub budget: Option<u32>,
    /// Births ordered.
    pub orders: usize,
    /// Evaluations that have ended.
    pub closed: &'a Archive,
    /// How often attempts may fail.
    pub retry: &'a RetryPolicy,
    /// Weights kept.
    pub kept_weights: usize,
    /// Whether the search is on.
    pub searching: bool,
    /// Whether a user has paused it.
    pub paused: bool,
    /// Whether the run is over.
    pub ended: bool,
}

/// Weights kept beyond those of the best and of the front: of crown trainings and of the final.
const FINALE_WEIGHTS_MAX: usize = 8;

/// Breaches seen by this process; stays 0.
static BREACHES: AtomicU64 = AtomicU64::new(0);

/// Breaches seen by this process so far, for metrics.
pub fn breaches() -> u64 {
    BREACHES.load(Ordering::Relaxed)
}

/// Checks, and makes a breach known: a panic in debug builds, an error in the log in release builds.
pub fn enforce(view: &View<'_>) {
    let mut found = check(view);
    if cfg!(debug_assertions) {
        found.extend(check_thoroughly(view));
    }
    for breach in &found {
        BREACHES.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%breach, "please report this");
    }
    debug_assert!(
        found.is_empty(),
        "{}",
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    );
}

/// The cheap checks: their cost grows with what is under way only.
pub fn check(view: &View<'_>) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |invariant, detail: String| found.push(Breach { invariant, detail });
    let desk = view.desk;
    for trainer in desk.waiting().iter() {
        if desk.trainers().get(trainer) != Some(&None) {
            breach(
                Invariant::OneLeasePerTrainer,
                format!("{trainer} waits and holds something, or is unknown"),
            );
        }
    }
    for (trainer, held) in desk.trainers() {
        if let Some(evaluation) = held
            && !desk.get(*evaluation).is_some_and(|open| {
                matches!(&open.place, Place::Leased(held) if held.trainer == *trainer && !held.delivering)
            })
        {
            breach(
                Invariant::OneTrainerPerLease,
                format!("{trainer} holds {evaluation}, which is not leased to it"),
            );
        }
    }
    for (evaluation, open, held) in desk.leases() {
        if !desk.workers().contains_key(&held.trainer.worker) {
            breach(Invariant::OneTrainerPerLease, format!("{} is gone and has {evaluation}", held.trainer));
        }
        if !held.delivering && desk.trainers().get(&held.trainer) != Some(&Some(evaluation)) {
            breach(Invariant::OneTrainerPerLease, format!("{} does not know of {evaluation}", held.trainer));
        }
        if view.retry.is_spent(&open.failures) {
            breach(Invariant::LossesAreBounded, format!("{evaluation} has failed: {:?}", open.failures));
        }
    }
    for evaluation in desk.ready().iter() {
        if !desk.get(*evaluation).is_some_and(|open| matches!(open.place, Place::Ready)) {
            breach(Invariant::OnePlacePerEvaluation, format!("{evaluation} is in the queue and not ready"));
        }
    }
    if !view.ended
        && !view.paused
        && let Some(evaluation) = left_lying(desk)
    {
        let (waiting, ready) = (desk.waiting().len(), desk.ready().len());
        let detail = format!("{waiting} wait, {ready} are ready, of these {evaluation} could be handed out");
        breach(Invariant::NobodyWaitsForNothing, detail);
    }
    if view.kept_weights > WEIGHTS_KEPT_MAX + FRONT_KEPT_MAX + FINALE_WEIGHTS_MAX {
        breach(Invariant::WeightsAreBounded, format!("{} kept", view.kept_weights));
    }
    found
}

/// An evaluation that a trainer which waits may have. The desk is not asked whom it would hand out next: what it does
/// not see is to be seen here.
fn left_lying(desk: &Desk) -> Option<EvaluationId> {
    if desk.waiting().is_empty() || desk.ready().is_empty() {
        return None;
    }
    let node = |trainer: &TrainerId| desk.node_of(trainer.worker);
    let waiting: BTreeSet<_> = desk.waiting().iter().map(node).collect();
    let able: BTreeSet<_> =
        desk.trainers().keys().filter_map(node).filter(|node| !desk.is_excluded(node)).collect();
    let may_be_had = |evaluation: &&EvaluationId| {
        let lost_with = desk.get(**evaluation).and_then(Open::lost_with_node);
        let is_only_there = able.iter().all(|node| Some(*node) == lost_with);
        lost_with.is_none() || is_only_there || waiting.iter().any(|node| *node != lost_with)
    };
    desk.ready().iter().find(may_be_had).copied()
}

/// How many open evaluations of a kind are not set aside, counted one by one.
fn active(desk: &Desk, kind: LeaseKind) -> usize {
    desk.open().values().filter(|open| open.kind == kind && open.is_active()).count()
}

/// The checks that look at everything.
pub fn check_thoroughly(view: &View<'_>) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |invariant, detail: String| found.push(Breach { invariant, detail });
    let desk = view.desk;
    let planned = view.counted as usize + active(desk, LeaseKind::Search) + view.orders;
    // A budget that was lowered for a resumed run binds what comes, not what has been.
    let bound = view.budget.map(|budget| (budget as usize).max(view.counted as usize));
    if view.searching && bound.is_some_and(|bound| planned > bound) {
        breach(Invariant::BudgetHolds, format!("{planned} planned, {:?} allowed", view.budget));
    }
    let counted =
        view.closed.past().values().filter(|past| past.kind == LeaseKind::Search && past.counts).count();
    if counted != view.counted as usize {
        breach(Invariant::CountedOnce, format!("{} counted, {counted} ended", view.counted));
    }
    let mut queue: Vec<_> = desk.ready().iter().collect();
    queue.sort();
    let ready: Vec<_> =
        desk.open().iter().filter(|(_, open)| matches!(open.place, Place::Ready)).map(|(id, _)| id).collect();
    if queue != ready {
        breach(Invariant::OnePlacePerEvaluation, format!("queue {queue:?}, ready {ready:?}"));
    }
    if let Some((twice, _)) =
        desk.open().iter().find(|(evaluation, _)| view.closed.past().contains_key(*evaluation))
    {
        breach(Invariant::OnePlacePerEvaluation, format!("{twice} is open and closed"));
    }
    let mut owners: BTreeMap<Fingerprint, (IndividualId, EvaluationId)> = BTreeMap::new();
    let open = desk
        .open()
        .iter()
        .map(|(id, open)| (id, open.individual.id, Fingerprint::of(&open.individual.hash), open.kind));
    let past = view.closed.past().iter();
    let past = past.map(|(id, past)| (id, past.individual, past.fingerprint, past.kind));
    for (evaluation, individual, structure, _) in
        open.chain(past).filter(|(.., kind)| *kind == LeaseKind::Search)
    {
        if let Some((other, first)) = owners.insert(structure, (individual, *evaluation)) {
            let detail = format!("{evaluation} of {individual} is like {first} of {other}");
            breach(Invariant::NoStructureTwice, detail);
        }
    }
    for kind in LeaseKind::ALL {
        let (counted, active) = (desk.active(kind), active(desk, kind));
        if counted != active {
            let detail = format!("{counted} of kind {} are counted, {active} there", kind.word());
            breach(Invariant::OnePlacePerEvaluation, detail);
        }
    }
    for kind in [LeaseKind::Final, LeaseKind::Test] {
        let active = active(desk, kind);
        if active > 1 || (active == 1 && view.searching) {
            breach(Invariant::FinaleIsSingle, format!("{active} of kind {}", kind.word()));
        }
    }
    found
}
