//! A run that is watched: what never changes of it, what is seen and asked of it, and its journal.
//!
//! It must not know what is answered.

use super::{archive::Archive, kept::Kept};
use hatchery_actors::remote::Remote;
use hatchery_config::{Experiment, vocabulary::Objective};
use hatchery_models::{
    data::{Dataset, Split},
    problem::{Problem as Task, Task as Kind},
};
use std::sync::Arc;

/// What never changes of a run.
#[derive(Debug)]
pub struct RunFacts {
    /// The run directory, as the user knows it.
    pub directory: String,
    /// The experiment as it was when this coordinator began.
    pub experiment: Experiment,
    /// The data, for models.
    pub dataset: Arc<Dataset>,
    /// Which of them were trained on.
    pub split: Split,
    /// When the run began, Unix milliseconds.
    pub started_ms: i64,
    /// Where this coordinator is seen, `host:port`.
    pub reached_at: String,
    /// What it is called.
    pub node: String,
}

impl RunFacts {
    pub fn task(&self) -> &Task {
        &self.dataset.problem
    }

    pub fn classes(&self) -> Option<u32> {
        match self.task().task {
            Kind::Classification { classes } => Some(classes),
            Kind::Regression { .. } => None,
        }
    }

    pub fn objectives(&self) -> &[Objective] {
        &self.experiment.search.objectives
    }
}

/// Called before a search is stopped.
pub type OnStop = Arc<dyn Fn() + Send + Sync>;

/// A run that is watched.
pub struct Watched {
    pub facts: RunFacts,
    pub remote: Remote,
    pub archive: Archive,
    /// Called when somebody stops the run here.
    pub on_stop: OnStop,
    /// What is made once for all who ask.
    pub kept: Kept,
}

impl Watched {
    pub fn new(facts: RunFacts, remote: Remote, archive: Archive, on_stop: OnStop) -> Self {
        Self { facts, remote, archive, on_stop, kept: Kept::default() }
    }
}
