//! What a run has recorded, handed to other programs: tables, event files, studies, tracking servers.
//!
//! Texts are handed on as they are: what shows them has to know that they are data. It must not know how anything is
//! printed.

pub mod client;
mod csv;
mod genes;
pub mod mlflow;
pub mod nodes;
mod objectives;
mod optuna;
#[cfg(feature = "parquet")]
mod parquet;
pub mod standing;
mod table;
mod tensorboard;

pub use csv::{quoted, write as write_csv};
pub use optuna::write as write_optuna;
#[cfg(feature = "parquet")]
pub use parquet::write as write_parquet;
pub use tensorboard::write as write_tensorboard;

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    incidents::Incidents,
};
use hatchery_actors::{
    journal::{EvaluationRecord, RunRecord, lock, record},
    protocol::{LeaseKind, Maker},
};
use hatchery_config::{experiment::Budget, vocabulary::Objective};
use hatchery_models::problem::Task;
use std::{collections::HashMap, path::Path};

/// A run, as recorded at one moment.
#[derive(Debug)]
pub struct Records {
    /// The run directory's name.
    pub name: String,
    /// The experiment's name.
    pub experiment: String,
    /// How much work.
    pub budget: Budget,
    /// What its networks are judged by.
    pub objectives: Vec<Objective>,
    /// What is recorded.
    pub record: RunRecord,
    /// When evaluations ended, by their numbers: seconds since the run began, interruptions left out.
    pub ended_s: HashMap<u64, f64>,
    /// When individuals were born, by their numbers: Unix milliseconds.
    pub born_ms: HashMap<u64, i64>,
    /// Whether the run is under way.
    pub alive: bool,
    /// What went wrong with processes, and was made good.
    pub incidents: Incidents,
}

/// Reads the run in a directory, live or not.
///
/// # Errors
/// Where there is none, or its journal or experiment cannot be read.
pub fn read(directory: &Path) -> Result<Records, Failure> {
    let history = record::history(directory).or_exit(Exit::RunDirectory)?;
    let origin = format!("the experiment recorded in {}", directory.display());
    let experiment = hatchery_config::Experiment::parse(&history.record.info.experiment, &origin, &[])
        .or_exit(Exit::RunDirectory)?;
    let whole = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let (mut ended_s, mut born_ms) = (HashMap::new(), HashMap::new());
    let mut incidents = Incidents::default();
    for event in &history.events {
        incidents.note(event);
        match (event.kind.as_str(), event.evaluation, event.individual) {
            ("finished", Some(evaluation), _) => _ = ended_s.insert(evaluation.0, event.elapsed_seconds),
            ("born", _, Some(individual)) => _ = born_ms.insert(individual.0, event.unix_ms),
            _ => {}
        }
    }
    Ok(Records {
        name: whole.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned()),
        experiment: experiment.name,
        budget: experiment.budget,
        objectives: experiment.search.objectives,
        record: history.record,
        ended_s,
        born_ms,
        alive: lock::holder(directory).is_some(),
        incidents,
    })
}

impl Records {
    /// What a score is called.
    pub fn score_name(&self) -> &'static str {
        match self.record.info.problem.task {
            Task::Classification { .. } => "accuracy",
            Task::Regression { .. } => "r_squared",
        }
    }

    /// How many of the networks whose evaluation by the search has ended each maker has made, of those that have made
    /// any.
    pub fn makers(&self) -> Vec<(&'static str, u64)> {
        let made = |maker: Maker| {
            self.search().filter(|one| one.outcome.is_some() && one.individual.maker == maker).count()
        };
        let counts = Maker::ALL.into_iter().map(|maker| (maker.word(), made(maker) as u64));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// All trainings in the order of their numbers: the search's, those that compare the best, the winner's last.
    pub fn trainings(&self) -> impl Iterator<Item = &EvaluationRecord> {
        self.record.evaluations.iter().filter(|evaluation| evaluation.kind != LeaseKind::Test)
    }

    /// The search's evaluations in the order of their numbers.
    pub fn search(&self) -> impl Iterator<Item = &EvaluationRecord> {
        self.record.evaluations.iter().filter(|evaluation| evaluation.kind == LeaseKind::Search)
    }
}
