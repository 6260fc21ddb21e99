//! Snapshots of a running search and its workers, for those who watch: what is going on now, without asking anybody.

use crate::journal::entry::Stage;
use crate::protocol::{EvaluationId, IndividualId, LeaseKind, WorkerId};
use hatchery_models::training::outcome::Outcome;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Where a run stands. Sent whenever something has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Seconds so far, interruptions left out.
    pub elapsed_seconds: f64,
    /// Seconds until the end of the run's time; `None` where it has no limit.
    pub seconds_left: Option<f64>,
    /// Search evaluations that have ended.
    pub evaluations: u32,
    /// How many there may be; `None` where there is no limit.
    pub evaluations_max: Option<u32>,
    /// Search evaluations per hour, over this process's time; 0 before the first.
    pub per_hour: f64,
    /// The best so far.
    pub best: Option<Best>,
    /// How far the comparison of the best at full length is; while that goes on.
    #[serde(default)]
    pub finalists: Option<Finalists>,
    /// All trainers, by slot.
    pub trainers: Vec<TrainerProgress>,
    /// How the search's evaluations ended, most frequent first; `WorkerLost` counts lost hand-outs.
    pub outcomes: Vec<(Outcome, u32)>,
    /// Share of the trainers' time spent training, over this process's search; between 0 and 1.
    pub utilisation: f64,
    /// Who makes networks: shares of the next births, and births so far.
    pub makers: Vec<MakerProgress>,
    /// Evaluations that wait to be handed out.
    pub ready: usize,
    /// Births that makers owe.
    pub births_due: usize,
    /// Evaluations that those may claim who had them from an earlier coordinator.
    pub unclaimed: usize,
    /// Leases in force, by what they are for.
    pub leases: Vec<(LeaseKind, usize)>,
    /// Why no more networks are bred, where that is so: the search space is exhausted.
    pub exhausted: Option<String>,
    /// Why the run is paused, where it is: by request, or since the journal cannot be written.
    pub paused: Option<String>,
}

/// Networks that are trained at full length, to find the winner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalists {
    /// Whose training has ended.
    pub ended: u32,
    /// All.
    pub of: u32,
}

/// The best candidate so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Who.
    pub individual: IndividualId,
    /// Its evaluation.
    pub evaluation: EvaluationId,
    /// Its genome in one line.
    pub summary: String,
    /// Validation score (accuracy, or R squared).
    pub score: f64,
    /// Validation loss.
    pub loss: Option<f64>,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
}

/// A maker of networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MakerProgress {
    /// `breeder` or `refiner`.
    pub name: String,
    /// Its share of the next births.
    pub share: f64,
    /// Networks that it has made.
    pub births: u32,
}

/// What a trainer is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerProgress {
    /// Its name, `trainer-0`.
    pub name: String,
    /// Its work; `None` while it waits.
    pub work: Option<Work>,
}

/// A training under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Which evaluation.
    pub evaluation: EvaluationId,
    /// Whose.
    pub individual: IndividualId,
    /// Its genome in one line.
    pub summary: String,
    /// What for.
    pub kind: LeaseKind,
    /// Finished epochs.
    pub epoch: u32,
    /// Planned epochs.
    pub epochs: u32,
    /// Best score so far.
    pub score: Option<f64>,
    /// Seconds since it was handed out.
    pub seconds: f64,
}

impl Progress {
    /// Where a run stands that has not begun.
    pub const fn before() -> Self {
        Self {
            stage: Stage::Search,
            elapsed_seconds: 0.0,
            seconds_left: None,
            evaluations: 0,
            evaluations_max: None,
            per_hour: 0.0,
            best: None,
            finalists: None,
            trainers: Vec::new(),
            outcomes: Vec::new(),
            utilisation: 0.0,
            makers: Vec::new(),
            ready: 0,
            births_due: 0,
            unclaimed: 0,
            leases: Vec::new(),
            exhausted: None,
            paused: None,
        }
    }
}

/// Which workers there are, at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Nodes {
    /// The moment.
    pub at: Instant,
    /// Those that are here, in the order in which they joined.
    pub present: Vec<NodeProgress>,
}

impl Default for Nodes {
    fn default() -> Self {
        Self { at: Instant::now(), present: Vec::new() }
    }
}

/// A worker that is here.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeProgress {
    /// Its number.
    pub worker: WorkerId,
    /// Its name, which stays the same when it is started again.
    pub name: String,
    /// Its host.
    pub host: String,
    /// What it trains on, one for each slot.
    pub devices: Vec<String>,
    /// Where its metrics are, `host:port`, where it serves any.
    pub http: Option<String>,
    /// Seconds since it was heard of.
    pub silent_seconds: f64,
    /// It takes no more work, and ends when what it has is done or handed back.
    pub draining: bool,
    /// Memory of its process.
    pub memory_bytes: u64,
}
