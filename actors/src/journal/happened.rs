//! The events of a journal with what they hold, for whoever follows a run from its begin (`replay`).
//!
//! An event's line keeps what tables no longer show once a row has changed again; here it becomes a value again. Kinds
//! that are not known here are passed over, so that a journal may note more than this reader asks for.

use super::entry::{End, Stage};
use super::record::EventRecord;
use crate::protocol::{EvaluationId, IndividualId, LeaseKind, Maker};
use hatchery_models::training::outcome::Outcome;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What has happened; see `Entry` for what each means.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// The run began.
    Begun(Life),
    /// A birth was ordered.
    Ordered(IndividualId, Ordered),
    /// A draw was in vain.
    Discarded(IndividualId, Discarded),
    /// An individual was born.
    Born(IndividualId, Born),
    /// An evaluation was queued.
    Queued(EvaluationId, IndividualId, LeaseKind),
    /// An evaluation was handed out.
    Leased(EvaluationId, Leased),
    /// A hand-out was fitted to its time.
    Planned(EvaluationId, Planned),
    /// A training was told to stop early.
    Advised(EvaluationId, Advised),
    /// A hand-out was lost.
    Lost(EvaluationId, u32),
    /// A hand-out was called back.
    Released(EvaluationId, u32),
    /// Its attempt has failed and is to be followed by another: evaluation, attempt.
    Retried(EvaluationId, u32),
    /// A trainer goes on with an attempt that was thought to be lost: evaluation, attempt.
    Claimed(EvaluationId, u32),
    /// An evaluation has ended.
    Finished(EvaluationId, Ended),
    /// Weights were kept.
    WeightsKept(EvaluationId),
    /// Weights were dropped.
    WeightsDropped(EvaluationId),
    /// Another stage was reached.
    Staged(Stage),
    /// The winner was named.
    Crowned(IndividualId, EvaluationId, bool),
    /// The winner was tested.
    Tested(Tested),
    /// The run went on after an interruption.
    Resumed(Life),
    /// A budget was changed.
    Budgeted(Budgeted),
    /// The run ended.
    Ended(End),
    /// Something that is not known here.
    Other,
}

/// A life of the coordinator, from its begin or resumption to the next.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Life {
    /// Version of the program.
    pub program_version: String,
    /// The experiment, TOML.
    pub experiment: String,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Ordered {
    /// Which draw.
    pub draw: u32,
    /// Of whom.
    pub maker: Maker,
}

/// A draw in vain.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Discarded {
    /// Which draw.
    pub draw: u32,
    /// Hash of the genome that is known already; `None` where none was found.
    pub hash: Option<String>,
    /// Why it was in vain.
    pub reason: String,
}

/// A birth.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Born {
    /// How it came from its parents.
    pub operation: String,
    /// The parents.
    pub parents: Vec<IndividualId>,
}

/// A hand-out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Leased {
    /// Which, from 1.
    pub attempt: u32,
    /// To whom.
    pub trainer: String,
    /// Planned epochs.
    pub epochs: u32,
    /// Seed of the training.
    pub seed: u64,
    /// The evaluation whose weights it begins with; older journals know of none.
    #[serde(default)]
    pub inherits: Option<EvaluationId>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Planned {
    /// Of which hand-out.
    pub attempt: u32,
    /// Planned epochs.
    pub epochs: u32,
}

/// An early stop.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Advised {
    /// After which epoch.
    pub epoch: u32,
    /// Its best score so far; `None` where no epoch had a finite one.
    pub score: Option<f64>,
    /// The others' mark; `None` where that is no finite number.
    pub mark: Option<f64>,
}

/// An evaluation's end.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Ended {
    /// Which hand-out of it.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Best validation score.
    pub score: Option<f64>,
}

/// A test.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tested {
    /// Score.
    pub score: Option<f64>,
    /// Loss, where finite.
    pub loss: Option<f64>,
}

/// A budget.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Budgeted {
    /// Evaluations that count, at most, from then on.
    pub evaluations: Option<u32>,
    /// Seconds for the whole run, from then on.
    pub seconds: Option<f64>,
}

#[derive(Deserialize)]
struct OfKind {
    kind: LeaseKind,
}

#[derive(Deserialize)]
struct OfAttempt {
    attempt: u32,
}

#[derive(Deserialize)]
struct OfStage {
    stage: Stage,
}

#[derive(Deserialize)]
struct OfWinner {
    retrained: bool,
}

impl EventRecord {
    /// What it holds.
    ///
    /// # Errors
    /// What of it cannot be understood.
    pub fn happened(&self) -> Result<Happened, String> {
        Ok(match self.kind.as_str() {
            "begun" => Happened::Begun(self.rest()?),
            "ordered" => Happened::Ordered(self.whom()?, self.rest()?),
            "discarded" => Happened::Discarded(self.whom()?, self.rest()?),
            "born" => Happened::Born(self.whom()?, self.rest()?),
            "queued" => Happened::Queued(self.which()?, self.whom()?, self.rest::<OfKind>()?.kind),
            "leased" => Happened::Leased(self.which()?, self.rest()?),
            "planned" => Happened::Planned(self.which()?, self.rest()?),
            "advised" => Happened::Advised(self.which()?, self.rest()?),
            "lost" => Happened::Lost(self.which()?, self.rest::<OfAttempt>()?.attempt),
            "retried" => Happened::Retried(self.which()?, self.rest::<OfAttempt>()?.attempt),
            "claimed" => Happened::Claimed(self.which()?, self.rest::<OfAttempt>()?.attempt),
            "released" => Happened::Released(self.which()?, self.rest::<OfAttempt>()?.attempt),
            "finished" => Happened::Finished(self.which()?, self.rest()?),
            "weights_kept" => Happened::WeightsKept(self.which()?),
            "weights_dropped" => Happened::WeightsDropped(self.which()?),
            "staged" => Happened::Staged(self.rest::<OfStage>()?.stage),
            "crowned" => Happened::Crowned(self.whom()?, self.which()?, self.rest::<OfWinner>()?.retrained),
            "tested" => Happened::Tested(self.rest()?),
            "resumed" => Happened::Resumed(self.rest()?),
            "budgeted" => Happened::Budgeted(self.rest()?),
            "ended" => Happened::Ended(self.rest()?),
            _ => Happened::Other,
        })
    }

    fn which(&self) -> Result<EvaluationId, String> {
        self.evaluation.ok_or_else(|| "it names no evaluation".to_owned())
    }

    fn whom(&self) -> Result<IndividualId, String> {
        self.individual.ok_or_else(|| "it names no individual".to_owned())
    }

    fn rest<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_str(&self.detail).map_err(|error| error.to_string())
    }
}
