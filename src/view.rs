//! What a run has come to, in the words of lists and reports.
//!
//! Read from the journal by `view::of`; everything that is printed about a run is printed from here.

use hatchery_models::{genome::Genome, problem::Problem, training::outcome::{EpochReport, Outcome}};
use std::collections::BTreeMap;

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The experiment's name.
    pub name: String,
    /// The run directory, as the user knows it.
    pub directory: String,
    /// The data's source.
    pub source: String,
    /// The experiment's seed.
    pub seed: u64,
    /// What is predicted from what.
    pub problem: Problem,
    /// Where it stands: `search`, `final`, ..., `done`.
    pub stage: String,
    /// Seconds that it has run, interruptions not counted.
    pub elapsed_s: f64,
    /// Seconds of all trainings so far, summed.
    pub training_s: f64,
    /// Trainers side by side.
    pub workers: u32,
    /// The search's evaluations that have ended, in the order in which they ended.
    pub rows: Vec<Row>,
    /// Evaluations that have begun and not ended.
    pub running: usize,
    /// The best network, or so far the best.
    pub best: Option<Best>,
}

/// One ended evaluation of the search.
#[derive(Clone, Debug)]
pub struct Row {
    /// The individual.
    pub id: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Best validation score: accuracy, or R squared.
    pub score: Option<f64>,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
    /// When it ended, in seconds from the run's begin.
    pub finished_s: f64,
    /// How long it trained.
    pub seconds: f64,
    /// Epochs finished.
    pub epochs: usize,
    /// How it was made.
    pub operation: String,
    /// From whom.
    pub parents: Vec<u64>,
    /// The genome in one line.
    pub summary: String,
    /// The genome.
    pub genome: Genome,
    /// Its learning curve.
    pub curve: Vec<EpochReport>,
    /// Why it did not complete.
    pub message: String,
}

/// The network that is handed over.
#[derive(Clone, Debug)]
pub struct Best {
    /// The individual.
    pub id: u64,
    /// Validation score in the search (or in the comparison at the final training's length).
    pub valid_score: Option<f64>,
    /// Score on the test part; `None` before the one test.
    pub test_score: Option<f64>,
    /// Learning curve of the final training.
    pub final_curve: Vec<EpochReport>,
}

impl Run {
    /// The row of an individual.
    pub fn row(&self, id: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// Rows with a score, best first; ties go to the smaller network.
    pub fn ranked(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|a, b| {
            let scores = b.score.unwrap_or(f64::NEG_INFINITY).total_cmp(&a.score.unwrap_or(f64::NEG_INFINITY));
            scores.then(a.parameters.cmp(&b.parameters)).then(a.id.cmp(&b.id))
        });
        rows
    }

    /// How many evaluations ended in which way; every outcome that occurred.
    pub fn outcomes(&self) -> BTreeMap<&'static str, usize> {
        let mut outcomes = BTreeMap::new();
        for row in &self.rows {
            *outcomes.entry(row.outcome.word()).or_insert(0) += 1;
        }
        outcomes
    }

    /// Evaluations that were trained to their planned end.
    pub fn completed(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome == Outcome::Completed).count()
    }

    /// Ended evaluations for each hour that the run has run.
    pub fn networks_per_hour(&self) -> f64 {
        // Until the last evaluation of the search: the final training is no search.
        let seconds = self.rows.iter().map(|row| row.finished_s).fold(0.0, f64::max);
        if seconds > 0.0 { self.rows.len() as f64 * 3600.0 / seconds } else { 0.0 }
    }

    /// Share of the trainers' time that went into training.
    pub fn utilisation(&self) -> f64 {
        let available = self.elapsed_s * f64::from(self.workers.max(1));
        if available > 0.0 { (self.training_s / available).min(1.0) } else { 0.0 }
    }

    /// The individual and all its ancestors, eldest first, each once.
    pub fn lineage(&self, id: u64) -> Vec<&Row> {
        let mut found: BTreeMap<u64, &Row> = BTreeMap::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if let Some(row) = self.row(id).filter(|row| !found.contains_key(&row.id)) {
                found.insert(id, row);
                open.extend(&row.parents);
            }
        }
        // Ids count up with birth, so parents come before their children.
        found.into_values().collect()
    }

    /// Whether scores are accuracies (and not R squared).
    pub fn is_classification(&self) -> bool {
        matches!(self.problem.task, hatchery_models::problem::Task::Classification { .. })
    }

    /// What a score is called.
    pub fn score_name(&self) -> &'static str {
        if self.is_classification() { "accuracy" } else { "R squared" }
    }

    /// A score as people read it.
    pub fn write_score(&self, score: Option<f64>) -> String {
        match score {
            Some(score) if self.is_classification() => crate::output::percent(score),
            Some(score) => format!("{score:.4}"),
            None => "-".to_owned(),
        }
    }
}
