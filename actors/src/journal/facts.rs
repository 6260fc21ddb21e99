//! A run as its journal holds it: what lists and reports say, and what a run that goes on is rebuilt from.
//!
//! Plain values; how they are read, they do not know (`record`).

use super::RunInfo;
use super::entry::{End, Stage};
use super::events::EventRecord;
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind};
use hatchery_models::training::outcome::{EpochReport, Outcome};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A whole run, as recorded at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// What it is about.
    pub info: RunInfo,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// How long it has taken, in seconds, interruptions left out.
    pub elapsed_seconds: f64,
    /// Where it stands.
    pub stage: Stage,
    /// How it ended; `None` while it runs, and where it was killed.
    pub end: Option<End>,
    /// When it ended, Unix milliseconds.
    pub ended_ms: Option<i64>,
    /// All individuals in the order of birth.
    pub individuals: Vec<Arc<Individual>>,
    /// All evaluations in the order of their ids.
    pub evaluations: Vec<EvaluationRecord>,
    /// The winner, once there is one.
    pub final_result: Option<FinalRecord>,
}

/// One evaluation and whose it is. What is not known yet is `None` or zero.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationRecord {
    /// Its number.
    pub id: EvaluationId,
    /// Whose it is: genome, summary, parents, operation, parameters, multiply-adds.
    pub individual: Arc<Individual>,
    /// What for.
    pub kind: LeaseKind,
    /// Where it stands.
    pub state: EvaluationState,
    /// How often it was handed out.
    pub attempt: u32,
    /// How often its trainer was lost.
    pub losses: u32,
    /// Who has, or last had it.
    pub trainer: Option<String>,
    /// Planned epochs.
    pub epochs: u32,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Best validation score (accuracy, or R squared); of a test, the test's; of the final training, none.
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
    /// The evaluation whose weights it began with, as of its last hand-out.
    pub inherits: Option<EvaluationId>,
    /// Training steps.
    pub steps: u64,
    /// Training samples seen.
    pub images: u64,
    /// Explanation where it did not complete; empty otherwise.
    pub message: String,
    /// When it was queued, Unix milliseconds.
    pub queued_ms: i64,
    /// When it was last handed out, Unix milliseconds.
    pub started_ms: Option<i64>,
    /// When it ended, Unix milliseconds.
    pub finished_ms: Option<i64>,
    /// Whether its weights are kept.
    pub has_weights: bool,
}

/// Where an evaluation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationState {
    /// Waits to be handed out.
    Queued,
    /// A trainer has it, or had it when the run was killed.
    Running,
    /// Ended.
    Finished,
}

/// The winner.
#[derive(Clone, Debug, PartialEq)]
pub struct FinalRecord {
    /// Who.
    pub individual: IndividualId,
    /// The evaluation whose weights are handed over.
    pub evaluation: EvaluationId,
    /// Whether those were trained on training and validation samples together.
    pub retrained: bool,
    /// Score on the test samples; `None` where it has not been tested.
    pub test_score: Option<f64>,
    /// Mean loss on the test samples.
    pub test_loss: Option<f64>,
    /// When it was tested, Unix milliseconds.
    pub tested_ms: Option<i64>,
}

/// A run and everything that has happened in it.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// What has come of it.
    pub record: RunRecord,
    /// The events in the order in which they happened.
    pub events: Vec<EventRecord>,
}

impl RunRecord {
    /// The search's finished evaluations that have a score, best first (score, then loss, then age).
    pub fn ranking(&self) -> Vec<&EvaluationRecord> {
        let mut ranked: Vec<_> = self
            .evaluations
            .iter()
            .filter(|evaluation| evaluation.kind == LeaseKind::Search && evaluation.has_fitness())
            .collect();
        ranked.sort_by(|one, other| {
            let key = |record: &EvaluationRecord| {
                (record.score.unwrap_or(f64::NEG_INFINITY), -record.loss.unwrap_or(f64::INFINITY))
            };
            let ((score, loss), (other_score, other_loss)) = (key(one), key(other));
            other_score.total_cmp(&score).then(other_loss.total_cmp(&loss)).then(one.id.cmp(&other.id))
        });
        ranked
    }

    /// How many evaluations of the search ended in each way, most frequent first.
    pub fn outcomes(&self) -> Vec<(Outcome, u32)> {
        let mut counts: BTreeMap<&str, (Outcome, u32)> = BTreeMap::new();
        for outcome in
            self.evaluations.iter().filter(|e| e.kind == LeaseKind::Search).filter_map(|e| e.outcome)
        {
            counts.entry(outcome.word()).or_insert((outcome, 0)).1 += 1;
        }
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counts
    }

    /// The individual of this number.
    pub fn individual(&self, id: IndividualId) -> Option<&Arc<Individual>> {
        let at = self.individuals.binary_search_by_key(&id, |individual| individual.id).ok()?;
        self.individuals.get(at)
    }

    /// All evaluations of one individual.
    pub fn evaluations_of(&self, id: IndividualId) -> impl Iterator<Item = &EvaluationRecord> {
        self.evaluations.iter().filter(move |evaluation| evaluation.individual.id == id)
    }
}

impl EvaluationRecord {
    /// Whether it ended in a way that gives it a score to compare by.
    pub fn has_fitness(&self) -> bool {
        self.outcome.is_some_and(Outcome::has_fitness) && self.score.is_some_and(f64::is_finite)
    }

    /// Which of a network's evaluations has left the weights that stand for it: the final training, else the comparison
    /// at full length where that came to a score, else the search. `None` where no weights were kept.
    pub fn weightiest<'a>(own: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        let kept = own.into_iter().filter(|evaluation| evaluation.has_weights);
        kept.max_by_key(|evaluation| (evaluation.weight(), evaluation.id))
    }

    fn weight(&self) -> u8 {
        match self.kind {
            _ if !self.came_to_something() => 0,
            LeaseKind::Final => 3,
            LeaseKind::Crown => 2,
            LeaseKind::Search => 1,
            LeaseKind::Test => 0,
        }
    }

    /// Whether it ended in a way that is of use: with a score, but for the final training, for which nothing is left to
    /// score it on.
    pub fn came_to_something(&self) -> bool {
        match self.kind {
            LeaseKind::Final => self.outcome.is_some_and(Outcome::has_fitness),
            LeaseKind::Search | LeaseKind::Crown | LeaseKind::Test => self.has_fitness(),
        }
    }
}

/// What a run is about, where it stands, and how many individuals were born in it: what can be read at once, however
/// long the run has been.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// What it is about.
    pub info: RunInfo,
    /// Where it stands.
    pub stage: Stage,
    /// Evaluations of the search, those that have not ended too.
    pub searched: u64,
}

impl EvaluationState {
    /// Of the word that the journal has.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "queued" => Some(Self::Queued),
            "running" => Some(Self::Running),
            "finished" => Some(Self::Finished),
            _ => None,
        }
    }
}
