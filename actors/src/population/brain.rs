//! The Population's decisions, pure: an event and the time go in, effects come out.
//!
//! The contract with whoever performs the effects: all `Effect::Record` of one answer are committed before any other
//! effect of it is performed. No clock, socket, database, random generator or actor in here: the whole search, its
//! recoveries included, runs in a test under a virtual clock.

use super::archive::{Archive, Champions, Fitness};
use super::desk::{Desk, Open, Place};
use super::finale::Finale;
use super::nursery::{Birth, Nursery};
use super::stopping::{Stopping, StoppingRule};
use super::timing::{Pace, Timing};
use crate::journal::entry::{End, Entry, Stage};
use crate::protocol::{
    BreedOrder, Delivery, EvaluationId, Individual, IndividualId, Lease, LeaseKind, Newborn, TrainerId,
};
use crate::streams::{Purpose, seed_for};
use hatchery_config::experiment::{FinalTraining, Search};
use hatchery_models::training::outcome::{EpochReport, Outcome, Weights};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An evaluation whose trainer was lost so often is given up as crashed: it may be what takes them down.
pub const LOSSES_MAX: u32 = 3;

/// The weights of so many of the best candidates are kept, for the final, for export, and where the final fails.
pub const WEIGHTS_KEPT_MAX: usize = 8;

/// So many crashes in a row are no property of networks: the search ends and says why.
const CRASHES_IN_A_ROW_MAX: u32 = 10;

/// What the search is to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one seed.
    pub seed: u64,
    /// How to breed.
    pub search: Search,
    /// Evaluations that count, at most.
    pub evaluations: Option<u32>,
    /// Seconds for the whole run, the final included.
    pub time: Option<f64>,
    /// Epochs of a search training.
    pub epochs: u32,
    /// Seconds of a search training, at most.
    pub seconds: Option<f64>,
    /// What follows the search.
    pub final_training: FinalTraining,
    /// Trainers side by side; so many candidates are kept ready.
    pub trainers: u32,
    /// How many samples one epoch has.
    pub images: Images,
    /// Early stopping across candidates.
    pub stopping: StoppingRule,
}

/// How many training samples one epoch of each kind of training has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Images {
    /// A search training: perhaps a subset.
    pub search: u64,
    /// A crown training: the whole training part.
    pub crown: u64,
    /// The final training: training and validation part.
    pub last: u64,
    /// The test part. Where there is none, the winner is not tested.
    pub test: u64,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// The actors are there: begin, or go on.
    Begin,
    /// A trainer can take work.
    Ready(TrainerId),
    /// A trainer is still at it.
    Heartbeat(TrainerId, EvaluationId, u32),
    /// A trainer has finished an epoch.
    Progress(TrainerId, EvaluationId, u32, EpochReport),
    /// A trainer has a result, and can take work.
    Delivered(TrainerId, Box<Delivery>),
    /// A trainer is gone, with whatever it had.
    TrainerLost(TrainerId, String),
    /// The Breeder answers an order.
    Bred(IndividualId, u32, Box<Newborn>),
    /// The Breeder cannot fulfil an order.
    Barren(IndividualId, u32, String),
    /// Time passes.
    Tick,
    /// The journal could not be written for a while, and nothing was heard meanwhile.
    Thawed,
    /// The user wants to stop.
    Stop,
    /// The search cannot go on.
    Broken(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Record this, before anything else of this answer.
    Record(Entry),
    /// Ask the Breeder.
    Breed(BreedOrder),
    /// Give a trainer work.
    Assign(TrainerId, Box<Lease>),
    /// Tell a trainer to end this attempt early and deliver.
    Advise(TrainerId, EvaluationId, u32),
    /// Tell a trainer that its delivery is recorded.
    Acknowledge(TrainerId, EvaluationId, u32),
    /// End a trainer that has fallen silent or hangs; another takes its slot.
    Replace(TrainerId),
    /// The run is over.
    Finish(End),
}

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
    /// How fast it trained.
    pub pace: Option<Pace>,
    /// Epochs finished.
    pub epochs: u32,
    /// Explanation where it did not complete.
    pub message: String,
}

/// The Population's brain.
#[derive(Clone, Debug)]
pub struct Brain {
    pub(super) settings: Settings,
    pub(super) desk: Desk,
    pub(super) nursery: Nursery,
    pub(super) archive: Archive,
    pub(super) champions: Champions,
    pub(super) stopping: Stopping,
    pub(super) timing: Timing,
    pub(super) stage: Stage,
    pub(super) closed: BTreeMap<EvaluationId, Closed>,
    pub(super) weights: BTreeMap<EvaluationId, Arc<Weights>>,
    pub(super) next_evaluation: u64,
    pub(super) finale: Finale,
    pub(super) end: Option<End>,
    pub(super) searched: bool,
    pub(super) orphans: Vec<EvaluationId>,
    pub(super) began: f64,
    pub(super) tally: Tally,
    pub(super) out: Vec<Effect>,
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
    /// Seconds that the search took in this process, and that its trainers were at work, once it is over.
    pub search: Option<(f64, f64)>,
    /// Crashes since the last evaluation that ended otherwise.
    pub crashes_in_a_row: u32,
}

impl Tally {
    pub(super) fn note(&mut self, outcome: Outcome) {
        let entry = self.outcomes.entry(outcome.word()).or_default();
        entry.0 = Some(outcome);
        entry.1 += 1;
    }
}

impl Brain {
    /// A new run.
    pub fn new(settings: Settings) -> Self {
        Self::with_spent(settings, 0.0)
    }

    pub(super) fn with_spent(settings: Settings, spent: f64) -> Self {
        let share = if settings.final_training.enabled { settings.final_training.time_share } else { 0.0 };
        Self {
            desk: Desk::default(),
            nursery: Nursery::new(settings.seed, settings.search.clone()),
            archive: Archive::new(usize::try_from(settings.search.population).unwrap_or(usize::MAX)),
            champions: Champions::default(),
            stopping: Stopping::new(settings.stopping),
            timing: Timing::new(settings.time, share, spent),
            stage: Stage::Search,
            closed: BTreeMap::new(),
            weights: BTreeMap::new(),
            next_evaluation: 1,
            finale: Finale::default(),
            end: None,
            searched: false,
            orphans: Vec::new(),
            began: spent,
            tally: Tally::default(),
            out: Vec::new(),
            settings,
        }
    }

    /// Takes one event in; what is to be done comes out. After the end, nothing is.
    pub fn on_event(&mut self, event: Event, now: f64) -> Vec<Effect> {
        if self.end.is_some() {
            return Vec::new();
        }
        match event {
            Event::Begin => self.begin(now),
            Event::Ready(trainer) => self.welcome(trainer, now),
            Event::Heartbeat(trainer, evaluation, attempt) => {
                self.desk.renew(trainer, evaluation, attempt, now);
            }
            Event::Progress(trainer, evaluation, attempt, report) => {
                self.progress(trainer, evaluation, attempt, report, now);
            }
            Event::Delivered(trainer, delivery) => self.deliver(trainer, *delivery, now),
            Event::TrainerLost(trainer, reason) => self.trainer_lost(trainer, &reason, now),
            Event::Bred(birth, draw, newborn) => self.bred(birth, draw, *newborn),
            Event::Barren(birth, draw, message) => self.barren(birth, draw, &message),
            Event::Tick => self.expire(now),
            Event::Thawed => self.desk.renew_all(now),
            Event::Stop => self.stop(),
            Event::Broken(message) => self.finish(End::Failed(message)),
        }
        self.go_on(now);
        std::mem::take(&mut self.out)
    }

    /// Whether this run is over, and how.
    pub const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    fn begin(&mut self, now: f64) {
        for evaluation in std::mem::take(&mut self.orphans) {
            self.lose(evaluation, "the run was cut off", now);
        }
        self.resume_finale(now);
    }

    /// Everything that follows from the new state: births, hand-outs, the next stage.
    fn go_on(&mut self, now: f64) {
        if self.end.is_some() {
            return;
        }
        self.close_search_when_over(now);
        self.advance(now);
        self.hand_out(now);
        self.replenish();
    }

    fn welcome(&mut self, trainer: TrainerId, now: f64) {
        if let Some(evaluation) = self.desk.welcome(trainer) {
            self.lose(evaluation, "its trainer began anew", now);
        }
    }

    fn trainer_lost(&mut self, trainer: TrainerId, reason: &str, now: f64) {
        if let Some(evaluation) = self.desk.dismiss(trainer) {
            self.lose(evaluation, reason, now);
        }
    }

    fn expire(&mut self, now: f64) {
        for trainer in self.desk.expired(now) {
            self.out.push(Effect::Replace(trainer));
            self.trainer_lost(trainer, "nothing was heard of its trainer for too long", now);
        }
    }

    fn bred(&mut self, birth: IndividualId, draw: u32, newborn: Newborn) {
        let birth = match self.nursery.drawn(birth, draw, &newborn.hash, &self.archive) {
            Birth::New(recipe) => Individual {
                id: birth,
                genome: newborn.genome,
                summary: newborn.summary,
                hash: newborn.hash,
                parents: recipe.parents(),
                operation: newborn.operation,
                parameters: newborn.parameters,
                multiply_adds: newborn.multiply_adds,
            },
            Birth::Again(order) => return self.out.push(Effect::Breed(order)),
            Birth::GivenUp | Birth::Unasked => return,
        };
        let individual = Arc::new(birth);
        self.record(Entry::Born(Arc::clone(&individual)));
        self.enqueue(individual, LeaseKind::Search);
    }

    fn barren(&mut self, birth: IndividualId, draw: u32, message: &str) {
        if let Birth::Again(order) = self.nursery.barren(birth, draw, message, &self.archive) {
            self.out.push(Effect::Breed(order));
        }
    }

    pub(super) fn enqueue(&mut self, individual: Arc<Individual>, kind: LeaseKind) -> EvaluationId {
        let evaluation = EvaluationId(self.next_evaluation);
        self.next_evaluation += 1;
        self.record(Entry::Queued { evaluation, individual: individual.id, kind });
        self.desk.enqueue(evaluation, Open { individual, kind, attempt: 0, losses: 0, place: Place::Ready });
        evaluation
    }

    /// Keeps as many candidates ready as there are trainers, so that nobody waits; not more, since the later a
    /// candidate is bred, the more its parents are known by.
    fn replenish(&mut self) {
        if self.searched || self.stage != Stage::Search {
            return;
        }
        let wanted = self.settings.trainers.max(1) as usize;
        while self.desk.ready().len() + self.nursery.orders().len() < wanted
            && self.births_left() > 0
            && self.nursery.exhausted().is_none()
        {
            let order = self.nursery.order(&self.archive);
            self.out.push(Effect::Breed(order));
        }
    }

    /// How many more individuals the budget of evaluations has room for.
    fn births_left(&self) -> usize {
        let planned =
            self.tally.counted as usize + self.desk.active(LeaseKind::Search) + self.nursery.orders().len();
        self.settings.evaluations.map_or(usize::MAX, |budget| (budget as usize).saturating_sub(planned))
    }

    /// The search is over for births and hand-outs when its evaluations are planned, its time is gone, or nothing
    /// new can be found. What is being trained may still end.
    fn close_search_when_over(&mut self, now: f64) {
        if self.stage != Stage::Search || self.searched {
            return;
        }
        let spent = self.settings.evaluations.is_some_and(|budget| self.tally.counted >= budget);
        let exhausted = self.nursery.exhausted().is_some()
            && self.nursery.orders().is_empty()
            && self.desk.active(LeaseKind::Search) == 0;
        if spent || exhausted || !self.timing.worthwhile(now) {
            self.searched = true;
            self.nursery.close();
            self.desk.shelve(LeaseKind::Search);
        }
        if self.tally.crashes_in_a_row >= CRASHES_IN_A_ROW_MAX {
            let last = self.closed.values().next_back().map_or("", |closed| closed.message.as_str());
            let message =
                format!("{CRASHES_IN_A_ROW_MAX} evaluations crashed one after the other; the last: {last}");
            self.finish(End::Failed(message));
        }
    }

    fn hand_out(&mut self, now: f64) {
        while self.end.is_none()
            && let Some((trainer, evaluation)) = self.desk.next()
        {
            let Some(open) = self.desk.get(evaluation) else { return };
            let (kind, individual) = (open.kind, Arc::clone(&open.individual));
            let (epochs, seconds_max) = self.plan(kind, &individual, now);
            let weights =
                if kind == LeaseKind::Test { self.finale.tested_weights(&self.weights) } else { None };
            let Some((_, open)) = self.desk.lease(now, epochs, seconds_max) else { return };
            let lease = Lease {
                evaluation,
                attempt: open.attempt,
                individual: individual.id,
                kind,
                genome: Arc::new(individual.genome.clone()),
                seed: self.training_seed(kind, individual.id),
                epochs,
                seconds_max,
                weights,
            };
            self.record(Entry::Leased { evaluation, attempt: lease.attempt, trainer, epochs });
            self.out.push(Effect::Assign(trainer, Box::new(lease)));
        }
    }

    /// Epochs and time limit of an evaluation handed out now.
    fn plan(&self, kind: LeaseKind, individual: &Individual, now: f64) -> (u32, Option<f64>) {
        match kind {
            LeaseKind::Search => (self.settings.epochs, self.timing.search_limit(now, self.settings.seconds)),
            LeaseKind::Crown => self.plan_crown(individual.id, now),
            LeaseKind::Final => self.plan_final(individual.id, now),
            LeaseKind::Test => (0, None),
        }
    }

    fn training_seed(&self, kind: LeaseKind, individual: IndividualId) -> u64 {
        let purpose = match kind {
            LeaseKind::Search => Purpose::SearchTraining,
            LeaseKind::Crown => Purpose::CrownTraining,
            LeaseKind::Final | LeaseKind::Test => Purpose::FinalTraining,
        };
        seed_for(self.settings.seed, purpose, individual.0)
    }

    fn stop(&mut self) {
        let leases: Vec<_> = self
            .desk
            .leases()
            .map(|(evaluation, open, held)| (evaluation, open.attempt, held.trainer))
            .collect();
        for (evaluation, attempt, trainer) in leases {
            self.record(Entry::Released { evaluation, attempt });
            self.desk.dismiss(trainer);
            self.desk.requeue(evaluation, 0);
        }
        self.finish(End::Interrupted);
    }

    pub(super) fn finish(&mut self, end: End) {
        if self.end.is_none() {
            self.record(Entry::Ended { end: end.clone() });
            self.out.push(Effect::Finish(end.clone()));
            self.end = Some(end);
        }
    }

    pub(super) fn record(&mut self, entry: Entry) {
        self.out.push(Effect::Record(entry));
    }
}
