//! The record of a run as it was at some moment: rebuilt event by event from a journal, with what only its tables hold
//! (genomes, curves). A later life of the run was restored from it.

use crate::journal::happened::{Ended, Leased};
use crate::journal::{EvaluationRecord, EvaluationState, FinalRecord, History, RunRecord, Stage};
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind};
use std::sync::Arc;

/// The record so far.
pub struct SoFar<'a> {
    /// The record as it is at last.
    whole: &'a RunRecord,
    /// As far as the events have come.
    pub record: RunRecord,
}

impl<'a> SoFar<'a> {
    /// Nothing has happened.
    pub fn begin(history: &'a History) -> Self {
        let whole = &history.record;
        let record = RunRecord {
            info: whole.info.clone(),
            started_ms: whole.started_ms,
            elapsed_seconds: 0.0,
            stage: Stage::Search,
            end: None,
            ended_ms: None,
            individuals: Vec::new(),
            evaluations: Vec::new(),
            final_result: None,
        };
        Self { whole, record }
    }

    /// An individual's row.
    pub fn row_of(&self, individual: IndividualId) -> Option<&'a Arc<Individual>> {
        self.whole.individual(individual)
    }

    /// An individual is born. The rows are in the order of births, whatever the order in which they came.
    pub fn born(&mut self, individual: &Arc<Individual>) {
        let at = self.record.individuals.partition_point(|other| other.id < individual.id);
        self.record.individuals.insert(at, Arc::clone(individual));
    }

    /// An evaluation is queued.
    pub fn queued(&mut self, id: EvaluationId, individual: &Arc<Individual>, kind: LeaseKind) {
        self.record.evaluations.push(EvaluationRecord {
            id,
            individual: Arc::clone(individual),
            kind,
            state: EvaluationState::Queued,
            attempt: 0,
            losses: 0,
            trainer: None,
            epochs: 0,
            outcome: None,
            score: None,
            loss: None,
            curve: Vec::new(),
            seconds: 0.0,
            build_seconds: 0.0,
            latency_seconds: None,
            inherits: None,
            steps: 0,
            images: 0,
            message: String::new(),
            queued_ms: 0,
            started_ms: None,
            finished_ms: None,
            has_weights: false,
        });
    }

    /// The number that the next evaluation has.
    pub fn next_evaluation(&self) -> EvaluationId {
        EvaluationId(self.record.evaluations.last().map_or(1, |evaluation| evaluation.id.0 + 1))
    }

    /// An evaluation as it stands.
    pub fn evaluation(&mut self, id: EvaluationId) -> Option<&mut EvaluationRecord> {
        // Numbers rise; where someone has meddled with them, it is found all the same.
        self.record.evaluations.iter_mut().rev().find(|evaluation| evaluation.id == id)
    }

    /// An evaluation is handed out.
    pub fn leased(&mut self, id: EvaluationId, leased: &Leased) {
        if let Some(evaluation) = self.evaluation(id) {
            evaluation.state = EvaluationState::Running;
            evaluation.attempt = leased.attempt;
            evaluation.epochs = leased.epochs;
            evaluation.inherits = leased.inherits;
            evaluation.trainer = Some(leased.trainer.clone());
        }
    }

    /// Whoever had it goes on with it.
    pub fn claimed(&mut self, id: EvaluationId) {
        if let Some(evaluation) = self.evaluation(id) {
            evaluation.state = EvaluationState::Running;
        }
    }

    /// It waits again.
    pub fn back_to_queue(&mut self, id: EvaluationId, losses: u32) {
        if let Some(evaluation) = self.evaluation(id) {
            evaluation.state = EvaluationState::Queued;
            evaluation.losses += losses;
        }
    }

    /// It has ended: the rest is in its row, since it ends once.
    pub fn finished(&mut self, id: EvaluationId, ended: &Ended) -> Option<EvaluationRecord> {
        let at = self.whole.evaluations.binary_search_by_key(&id, |evaluation| evaluation.id).ok()?;
        let row = self.whole.evaluations.get(at)?;
        let evaluation = self.evaluation(id)?;
        evaluation.state = EvaluationState::Finished;
        evaluation.attempt = ended.attempt;
        evaluation.outcome = row.outcome;
        evaluation.score = row.score;
        evaluation.loss = row.loss;
        evaluation.curve.clone_from(&row.curve);
        evaluation.seconds = row.seconds;
        evaluation.build_seconds = row.build_seconds;
        evaluation.latency_seconds = row.latency_seconds;
        evaluation.steps = row.steps;
        evaluation.images = row.images;
        evaluation.message.clone_from(&row.message);
        Some(evaluation.clone())
    }

    /// The winner is named.
    pub fn crowned(&mut self, individual: IndividualId, evaluation: EvaluationId, retrained: bool) {
        self.record.final_result = Some(FinalRecord {
            individual,
            evaluation,
            retrained,
            test_score: None,
            test_loss: None,
            tested_ms: None,
        });
    }

    /// The winner is tested.
    pub fn tested(&mut self, score: Option<f64>, loss: Option<f64>) {
        if let Some(result) = &mut self.record.final_result {
            result.test_score = score;
            result.test_loss = loss;
            result.tested_ms = Some(0);
        }
    }

    /// What the tables hold otherwise than the events say: subject, recorded, replayed.
    pub fn disagreements(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let mut compare = |subject: String, recorded: String, replayed: String| {
            if recorded != replayed {
                found.push((subject, recorded, replayed));
            }
        };
        let (whole, record) = (self.whole, &self.record);
        compare("stage".to_owned(), whole.stage.word().to_owned(), record.stage.word().to_owned());
        let ids = |of: &RunRecord| of.individuals.iter().map(|one| one.id.0).collect::<Vec<_>>();
        let (recorded, replayed) = (ids(whole), ids(record));
        for id in recorded.iter().filter(|id| replayed.binary_search(id).is_err()) {
            compare(format!("individual {id}"), "a row".to_owned(), "no birth".to_owned());
        }
        compare(
            "number of evaluations".to_owned(),
            whole.evaluations.len().to_string(),
            record.evaluations.len().to_string(),
        );
        for (row, own) in whole.evaluations.iter().zip(&record.evaluations) {
            compare(format!("evaluation {}", row.id), standing(row), standing(own));
        }
        compare("winner".to_owned(), result(whole), result(record));
        found
    }
}

/// Where an evaluation stands, in a line.
fn standing(row: &EvaluationRecord) -> String {
    format!(
        "{} {} of individual {}, {:?}, attempt {}, epochs {}, trainer {}",
        row.kind.word(),
        row.id,
        row.individual.id,
        row.state,
        row.attempt,
        row.epochs,
        row.trainer.as_deref().unwrap_or("none")
    )
}

fn result(record: &RunRecord) -> String {
    record.final_result.as_ref().map_or_else(
        || "none".to_owned(),
        |result| {
            format!(
                "individual {} by evaluation {}, retrained {}, tested {:?} {:?}",
                result.individual, result.evaluation, result.retrained, result.test_score, result.test_loss
            )
        },
    )
}
