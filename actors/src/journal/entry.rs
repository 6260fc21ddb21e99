//! What is written into the journal: everything that happens in a run, in the order in which it happens.
//!
//! An entry is a fact, not a wish: it is made by the Population's brain, committed, and only then acted upon.

use crate::protocol::{BreedOrder, EvaluationId, Individual, IndividualId, LeaseKind, WorkerFacts, WorkerId};
use hatchery_models::training::outcome::{EpochReport, Outcome, Weights};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A genome has been ordered from a maker. It marks the moment: it is made from the results that its maker had
    /// been told by then. An order that was open when the run was cut off is forgotten, and its number given anew.
    Ordered(BreedOrder),
    /// A draw for an order was in vain.
    Discarded {
        /// For which birth.
        birth: IndividualId,
        /// Which draw.
        draw: u32,
        /// Structural hash of the genome drawn, which is known already; `None` where none was found.
        hash: Option<String>,
        /// Why it was in vain.
        reason: String,
    },
    /// A new individual.
    Born(Arc<Individual>),
    /// It is to be evaluated.
    Queued {
        /// The new evaluation.
        evaluation: EvaluationId,
        /// Whose.
        individual: IndividualId,
        /// What for.
        kind: LeaseKind,
    },
    /// A trainer has been given the evaluation.
    Leased {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Which hand-out, from 1.
        attempt: u32,
        /// To whom: node and slot.
        trainer: String,
        /// Planned epochs.
        epochs: u32,
        /// Seed of everything random in the training.
        seed: u64,
        /// The evaluation whose weights it begins with.
        inherits: Option<EvaluationId>,
    },
    /// A trainer that had it, and that was thought to be gone or to be another's, goes on with it.
    Claimed {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Which hand-out.
        attempt: u32,
        /// By whom: node and slot.
        trainer: String,
    },
    /// Its attempt has failed, and `[retry]` allows another; it waits to be handed out again.
    Retried {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Which hand-out has failed.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// The evidence.
        reason: String,
    },
    /// A node gets no more work.
    Excluded {
        /// Its name.
        node: String,
        /// Why.
        reason: String,
    },
    /// A worker has joined.
    Joined {
        /// Its number.
        worker: WorkerId,
        /// What is known of it.
        facts: WorkerFacts,
    },
    /// A worker is gone.
    Left {
        /// Its number.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
    /// How a worker that is gone had ended.
    Evidence {
        /// Its number.
        worker: WorkerId,
        /// Whether it broke down by itself.
        crashed: bool,
        /// Signal or exit code, and its last words.
        how: String,
    },
    /// Its trainer has fitted the evaluation to its time.
    Planned {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Which hand-out.
        attempt: u32,
        /// Planned epochs: these, not those of the lease.
        epochs: u32,
    },
    /// A rule stops the evaluation early.
    Advised {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Its epoch.
        epoch: u32,
        /// Its best score so far.
        score: f64,
        /// The others' mark that it stayed below.
        mark: f64,
    },
    /// Makers are told how far the evaluation is: what they make from now on may come from it.
    Told {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Its epoch.
        epoch: u32,
        /// Its best score so far.
        score: f64,
        /// Validation loss of the epoch with that score.
        loss: f64,
    },
    /// Its trainer is gone; it waits to be handed out again.
    Lost {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Which hand-out was lost.
        attempt: u32,
        /// How.
        reason: String,
    },
    /// It was called back by the user's stop; it waits to be handed out again.
    Released {
        /// Which evaluation.
        evaluation: EvaluationId,
        /// Which hand-out was called back.
        attempt: u32,
    },
    /// It has ended.
    Finished(Box<Finished>),
    /// The weights that it left are kept.
    WeightsKept {
        /// Whose.
        evaluation: EvaluationId,
        /// The numbers.
        weights: Arc<Weights>,
    },
    /// Its weights are no longer among the best, and no longer kept.
    WeightsDropped {
        /// Whose.
        evaluation: EvaluationId,
    },
    /// The run has come to another stage.
    Staged {
        /// Which.
        stage: Stage,
        /// Why.
        reason: String,
    },
    /// The winner, and which evaluation left the weights that are handed over. Recorded at most once.
    Crowned {
        /// The winner.
        individual: IndividualId,
        /// Whose weights.
        evaluation: EvaluationId,
        /// Whether those were trained on training and validation samples together.
        retrained: bool,
    },
    /// The one look at the test samples. Recorded at most once.
    Tested {
        /// Score on the test samples (accuracy, or R squared).
        score: f64,
        /// Mean loss on the test samples, where it is a number.
        loss: Option<f64>,
    },
    /// A user has paused the run.
    Paused,
    /// The run goes on after a pause.
    Unpaused {
        /// How long it has lasted, in this life of the coordinator and in those before it.
        seconds: f64,
    },
    /// A user has changed the budget, or a pause has moved the end of the run's time.
    Budgeted {
        /// Evaluations that count, at most, from now on.
        evaluations: Option<u32>,
        /// Seconds for the whole run, from now on.
        seconds: Option<f64>,
    },
    /// The run goes on after an interruption.
    Resumed {
        /// Version of the program that goes on.
        program_version: String,
        /// The experiment as it is now, TOML: a budget may have been raised.
        experiment: String,
        /// Whether its supervisor has started it again, and nobody has asked for it.
        started_again: bool,
    },
    /// The run has ended.
    Ended {
        /// How.
        end: End,
    },
}

/// What an ended evaluation left.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Which evaluation.
    pub evaluation: EvaluationId,
    /// Which hand-out of it.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Best validation score; `None` where there is none to compare by.
    pub score: Option<f64>,
    /// Validation loss of the epoch with the best score.
    pub loss: Option<f64>,
    /// One report per epoch.
    pub curve: Vec<EpochReport>,
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds from genome to the first finished step.
    pub build_seconds: f64,
    /// Seconds that one sample takes through the finished network, where that was measured.
    pub latency_seconds: Option<f64>,
    /// Training steps.
    pub steps: u64,
    /// Training samples seen.
    pub images: u64,
    /// Explanation where it did not complete.
    pub message: String,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Candidates are bred and trained.
    Search,
    /// The best are trained again at full length, to find the winner.
    Crown,
    /// The winner is trained again on training and validation samples.
    Final,
    /// The winner is tested.
    Test,
    /// Nothing more to do.
    Done,
}

impl Stage {
    /// Its name in the journal and in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Crown => "crown",
            Self::Final => "final",
            Self::Test => "test",
            Self::Done => "done",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how", content = "message")]
pub enum End {
    /// All stages done.
    Completed,
    /// The user stopped it; it can be resumed.
    Interrupted,
    /// It could not go on; the message says why.
    Failed(String),
}

impl Entry {
    /// Its name in the table `events`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ordered(_) => "ordered",
            Self::Discarded { .. } => "discarded",
            Self::Born(_) => "born",
            Self::Queued { .. } => "queued",
            Self::Leased { .. } => "leased",
            Self::Claimed { .. } => "claimed",
            Self::Retried { .. } => "retried",
            Self::Excluded { .. } => "excluded",
            Self::Joined { .. } => "joined",
            Self::Left { .. } => "left",
            Self::Evidence { .. } => "evidence",
            Self::Planned { .. } => "planned",
            Self::Advised { .. } => "advised",
            Self::Told { .. } => "told",
            Self::Lost { .. } => "lost",
            Self::Released { .. } => "released",
            Self::Finished(_) => "finished",
            Self::WeightsKept { .. } => "weights_kept",
            Self::WeightsDropped { .. } => "weights_dropped",
            Self::Staged { .. } => "staged",
            Self::Crowned { .. } => "crowned",
            Self::Tested { .. } => "tested",
            Self::Paused => "paused",
            Self::Unpaused { .. } => "unpaused",
            Self::Budgeted { .. } => "budgeted",
            Self::Resumed { .. } => "resumed",
            Self::Ended { .. } => "ended",
        }
    }
}
