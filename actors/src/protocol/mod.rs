//! What the actors say to each other: individuals, leases, results and the ids that name them.
//!
//! Everything here is plain data: no channel, actor reference, clock or database handle. What crosses the boundary
//! between processes is in `letters`. Who sends what to whom is said in the actors' own modules.

pub mod letters;
mod making;

pub use making::{BreedOrder, Maker, Newborn, News, Verdict};

use hatchery_models::genome::Written;
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained, Weights};
use hatchery_models::training::runtime::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::{self, Display};
use std::sync::Arc;

/// An individual's number, counted from 1 in the order of birth: a greater number is a younger individual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IndividualId(pub u64);

/// An evaluation's number, counted from 1 over the whole run. It stays the same when the evaluation is handed out
/// again; the attempt tells one hand-out from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EvaluationId(pub u64);

/// One hand-out of one evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// Which evaluation.
    pub evaluation: EvaluationId,
    /// Which hand-out of it, from 1.
    pub attempt: u32,
}

impl Display for Ticket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "evaluation {} attempt {}", self.evaluation, self.attempt)
    }
}

/// A worker process that has joined the run, counted from 1 over the whole run: one that is started again, or that was
/// given up and comes back, is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub u32);

/// A trainer: a slot of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrainerId {
    /// Whose slot.
    pub worker: WorkerId,
    /// Slot, from 0.
    pub slot: u32,
}

/// What is known of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerFacts {
    /// Its name, which stays the same when it is started again.
    pub node: String,
    /// Its host.
    pub host: String,
    /// Its process number there.
    pub pid: u32,
    /// What it trains on, one for each slot.
    pub devices: Vec<String>,
    /// Its version of the program.
    pub program_version: String,
}

impl WorkerFacts {
    /// Whether this slot trains on a GPU, whose pace is no matter of the host's cores.
    pub fn is_on_gpu(&self, slot: u32) -> bool {
        let device = self.devices.get(slot as usize).map(|device| device.parse());
        matches!(device, Some(Ok(Device::Cuda(_))))
    }
}

impl Display for IndividualId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Display for EvaluationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Display for WorkerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Display for TrainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "worker {} slot {}", self.worker, self.slot)
    }
}

/// One network of the search, with where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Individual {
    /// Its number, which is its place in the order of birth.
    pub id: IndividualId,
    /// Its description, in canonical form.
    pub genome: Arc<Written>,
    /// The genome in one line, for people.
    pub summary: String,
    /// Structural hash, hexadecimal: no two individuals of a run have the same.
    pub hash: String,
    /// None (random), one (mutation) or two (crossover).
    pub parents: Vec<IndividualId>,
    /// How it came from them, for example `mutate: widen convolution 2`.
    pub operation: String,
    /// Who made it.
    pub maker: Maker,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
}

/// The beginning of a structural hash's own hash: enough to tell all networks of a run apart (of a million, two are
/// alike with a probability of 1e-27), and small enough to be remembered of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of a structural hash, as an individual has it.
    pub fn of(hash: &str) -> Self {
        let digest = Sha256::digest(hash.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }
}

/// Why an evaluation is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseKind {
    /// Training of a candidate on the search's training samples, scored on its validation samples.
    Search,
    /// One of the best again, at the final training's length on all training samples, scored on all validation
    /// samples: cheap looks discard, they never crown.
    Crown,
    /// The winner again, on training and validation samples together. There is nothing left to score it on: the
    /// last epoch's weights are the result. Nothing else is under way meanwhile, so that it may use all trainers'
    /// cores.
    Final,
    /// The one look at the test samples. The curve of its result holds a single report of epoch 0, whose
    /// validation figures are the test's. Nothing else is under way meanwhile.
    Test,
}

impl LeaseKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Search, Self::Crown, Self::Final, Self::Test];

    /// Its name in the journal and in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Crown => "crown",
            Self::Final => "final",
            Self::Test => "test",
        }
    }
}

/// The right and the duty to do one evaluation: everything a trainer must know for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// Which evaluation.
    pub evaluation: EvaluationId,
    /// Which hand-out of it, from 1. A result of an older attempt is dropped.
    pub attempt: u32,
    /// Whose.
    pub individual: IndividualId,
    /// What for.
    pub kind: LeaseKind,
    /// What to train.
    pub genome: Arc<Written>,
    /// Seed of everything random in the training; the same at every attempt.
    pub seed: u64,
    /// Planned passes over the training samples; the learning-rate schedule spans them. 0 for a test. Of a final
    /// training with a time limit it is the most that is wanted: its trainer plans as many of them as fit, at the pace
    /// that it measures, and says so before it begins.
    pub epochs: u32,
    /// Wall-clock limit in seconds, planning and preparation included; `None` where there is none.
    pub seconds_max: Option<f64>,
    /// The weights to test; `None` for trainings.
    pub weights: Option<Arc<Weights>>,
    /// The state that an earlier attempt has left, in bytes: this one goes on from there.
    pub checkpoint: Option<Arc<[u8]>>,
    /// The parent whose weights the training begins with, where it begins.
    pub inherit: Option<Inherited>,
    /// Whether the latency of the finished network is to be measured; of a search training that has a score it is.
    pub measure_latency: bool,
    /// Whether the training goes on to its planned end however little is learned: the user's own networks, and those
    /// that are compared at full length, are judged by what they come to.
    pub to_the_end: bool,
}

/// A parent's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Inherited {
    /// The evaluation that left them.
    pub evaluation: EvaluationId,
    /// Whose they are.
    pub genome: Arc<Written>,
    /// The numbers.
    pub weights: Arc<Weights>,
}

impl Lease {
    /// Which hand-out of which evaluation.
    pub const fn ticket(&self) -> Ticket {
        Ticket { evaluation: self.evaluation, attempt: self.attempt }
    }
}

/// A trainer's answer to a lease. Its worker keeps it until it is acknowledged, which happens once it is in the
/// journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Which hand-out of which evaluation.
    pub ticket: Ticket,
    /// What came out.
    pub trained: Trained,
    /// Where the weights are.
    pub weights: WeightsPlace,
}

/// Where the weights of a delivery are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsPlace {
    /// In it, or there are none.
    Here,
    /// With the worker, which can be asked for them.
    WithWorker,
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

/// What happens to a search: everything that its Population decides upon.
#[derive(Clone, Debug)]
pub enum Event {
    /// The actors are there: begin, or go on. Whatever comes first does that as well.
    Begin,
    /// A worker has joined.
    Joined(WorkerId, WorkerFacts),
    /// A worker is gone, with whatever it had, and why.
    Left(WorkerId, String),
    /// How a worker that is gone had ended: whether it broke down by itself, and the evidence.
    Evidence(WorkerId, bool, String),
    /// A trainer can take work. What it took last is named: where that is not what it was given last, an order is on its
    /// way to it.
    Ready(TrainerId, Option<Ticket>),
    /// A trainer that could take work can do so no more, until it is said to be ready again.
    Unready(TrainerId),
    /// A trainer is done with what it was at, and can take no work until it is said to be ready again.
    Resting(TrainerId),
    /// A trainer is at this attempt, or keeps what it has left.
    Holds(TrainerId, Ticket),
    /// A trainer knows nothing of this attempt any more, and why.
    Forgotten(TrainerId, Ticket, String),
    /// A trainer has fitted this attempt to its time: it will have so many epochs.
    Planned(TrainerId, Ticket, u32),
    /// A trainer has finished an epoch.
    Progress(TrainerId, Ticket, EpochReport),
    /// A trainer has a result.
    Delivered(TrainerId, Box<Delivery>),
    /// A worker that has to end gives this attempt back, with the state that it came to, and says why.
    HandedBack(TrainerId, Ticket, Option<Arc<[u8]>>, String),
    /// A maker answers an order.
    Bred(IndividualId, u32, Box<Newborn>),
    /// A maker cannot fulfil an order.
    Barren(IndividualId, u32, String),
    /// A maker has died, and how. Another takes its place, and has its news and orders.
    MakerDied(Maker, String),
    /// Time passes.
    Tick,
    /// Nothing was heard for a while, by nobody's fault: the journal could not be written, or this process did not run.
    Thawed,
    /// The user wants to stop.
    Stop,
    /// The user wants something of a run that goes on.
    Wished(Wish),
    /// The search cannot go on.
    Broken(String),
}

/// What a user may want of a run that goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// Hand nothing out, and let the run's time stand still, until it is resumed. What is under way ends.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Let the search go on for longer.
    Budget {
        /// By so many evaluations.
        evaluations: Option<u32>,
        /// By so many seconds.
        seconds: Option<f64>,
    },
}

/// A result where there is none.
pub fn nothing_trained(outcome: Outcome, message: String) -> Trained {
    Trained {
        outcome,
        message,
        curve: Vec::new(),
        weights: None,
        steps: 0,
        build_seconds: 0.0,
        seconds: 0.0,
        latency_seconds: None,
        checkpoint: None,
    }
}
