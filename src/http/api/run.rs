//! `GET /api/v1/run`: what is searched, and how far it is.

use crate::{
    calendar::utc,
    http::{
        answer::Answer,
        archive::Figures,
        ledger::Failed,
        watched::{RunFacts, Watched},
    },
};
use axum::{Json, extract::State};
use hatchery_actors::progress::Progress;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// What is searched, and how far it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunAnswer {
    /// The experiment's name.
    name: String,
    /// The run directory.
    directory: String,
    /// Of the program.
    version: String,
    /// `classification` or `regression`.
    task: String,
    /// What scores are: `accuracy` or `r_squared`.
    score_name: String,
    /// What networks are judged by; the error comes first.
    objectives: Vec<String>,
    /// Of every random stream.
    seed: u64,
    data: DataAnswer,
    /// `search`, `crown`, `final`, `test` or `done`.
    stage: String,
    /// Whether nothing is handed out at present.
    paused: bool,
    paused_reason: Option<String>,
    /// How the run ended, where it has: `completed`, `interrupted`, or what it failed with.
    ending: Option<String>,
    /// When it began, in UTC (RFC 3339).
    started_at: String,
    /// How long it has taken, interruptions left out.
    elapsed_s: f64,
    /// Until the end of the run's time, where that is limited.
    seconds_left: Option<f64>,
    /// Search evaluations that have ended and count.
    evaluations: u32,
    evaluations_max: Option<u32>,
    /// Networks born.
    individuals: u64,
    /// Search evaluations per hour, since this coordinator began.
    per_hour: f64,
    /// Share of the trainers' time spent training, since this coordinator began.
    utilisation: f64,
    /// How search evaluations ended.
    outcomes: BTreeMap<String, u64>,
    best: Option<BestAnswer>,
    makers: Vec<MakerAnswer>,
    /// What went wrong with processes and was made good, in words.
    incidents: Vec<String>,
    /// The latest evaluations that left no score, the last one first.
    failures: Vec<FailureAnswer>,
}

/// The data.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DataAnswer {
    source: String,
    samples: usize,
    /// Channels, rows, columns; a table's features are channels.
    inputs: [u32; 3],
    /// Of a classification.
    classes: Option<u32>,
}

/// The best network so far.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BestAnswer {
    id: u64,
    score: f64,
    loss: Option<f64>,
    parameters: u64,
    multiply_adds: u64,
    summary: String,
}

/// Who makes networks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MakerAnswer {
    /// `breeder`, `refiner` or `user`.
    name: String,
    /// Of the next births.
    share: f64,
    /// So far.
    births: u64,
}

/// An evaluation that left no score.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FailureAnswer {
    evaluation: u64,
    outcome: String,
    message: String,
    node: Option<String>,
    /// Seconds since the run began.
    at_s: f64,
}

/// How far the run is.
#[utoipa::path(get, path = "/api/v1/run", tag = "run", responses((status = 200, body = RunAnswer)))]
pub async fn run(State(watched): State<Arc<Watched>>) -> Answer<RunAnswer> {
    Ok(Json(RunAnswer::now(&watched)))
}

impl RunAnswer {
    /// As it stands.
    pub fn now(watched: &Watched) -> Self {
        let progress = watched.remote.progress.borrow().clone();
        let figures = watched.archive.figures.borrow();
        Self::of(&watched.facts, &progress, &figures)
    }

    fn of(facts: &RunFacts, progress: &Progress, figures: &Figures) -> Self {
        let problem = facts.task();
        Self {
            name: facts.experiment.name.clone(),
            directory: facts.directory.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            task: if facts.classes().is_some() { "classification" } else { "regression" }.to_owned(),
            score_name: if facts.classes().is_some() { "accuracy" } else { "r_squared" }.to_owned(),
            objectives: facts.objectives().iter().map(ToString::to_string).collect(),
            seed: facts.experiment.seed,
            data: DataAnswer {
                source: facts.dataset.source.clone(),
                samples: facts.dataset.count,
                inputs: [problem.channels, problem.height, problem.width],
                classes: facts.classes(),
            },
            stage: progress.stage.word().to_owned(),
            paused: progress.paused.is_some(),
            paused_reason: progress.paused.clone(),
            ending: figures.ending.clone(),
            started_at: utc(facts.started_ms),
            elapsed_s: progress.elapsed_seconds,
            seconds_left: progress.seconds_left,
            evaluations: progress.evaluations,
            evaluations_max: progress.evaluations_max,
            individuals: figures.individuals as u64,
            per_hour: progress.per_hour,
            utilisation: progress.utilisation,
            outcomes: figures.outcomes.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect(),
            best: progress.best.as_ref().map(best),
            makers: makers(progress, figures),
            incidents: figures.incidents.text().into_iter().collect(),
            failures: figures.failures.iter().map(failure).collect(),
        }
    }
}

fn best(best: &hatchery_actors::progress::Best) -> BestAnswer {
    BestAnswer {
        id: best.individual.0,
        score: best.score,
        loss: best.loss,
        parameters: best.parameters,
        multiply_adds: best.multiply_adds,
        summary: best.summary.clone(),
    }
}

/// Those who share the next births, and whoever else has made any.
fn makers(progress: &Progress, figures: &Figures) -> Vec<MakerAnswer> {
    let births = |name: &str| figures.births.get(name).copied().unwrap_or(0);
    let shares: BTreeMap<&str, f64> =
        progress.makers.iter().map(|maker| (maker.name.as_str(), maker.share)).collect();
    let others = figures.births.keys().filter(|name| !shares.contains_key(**name)).map(|name| (*name, 0.0));
    let all = shares.iter().map(|(name, share)| (*name, *share)).chain(others);
    all.map(|(name, share)| MakerAnswer { name: name.to_owned(), share, births: births(name) }).collect()
}

fn failure(failed: &Failed) -> FailureAnswer {
    FailureAnswer {
        evaluation: failed.evaluation,
        outcome: failed.outcome.word().to_owned(),
        message: failed.message.clone(),
        node: failed.node.clone(),
        at_s: failed.at_s,
    }
}
