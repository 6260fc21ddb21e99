//! A run at an MLflow tracking server: one MLflow run for the whole, and below it one for each training that has ended
//! (a tag says of which kind), with its genes as parameters and its learning curve as metrics.
//!
//! What is there already is found again by its tags: exporting a run that goes on adds what has come since, and one that
//! was cut off goes on where it was. It must not know how requests are sent.

mod server;

use super::{
    Records,
    client::{Client, ClientError},
    genes,
};
use hatchery_actors::{
    journal::{End, EvaluationRecord, EvaluationState},
    protocol::LeaseKind,
};
use serde_json::json;
use server::{Batch, Server, status};

/// Environment variable with a token for the server, as MLflow's own clients know it.
const TOKEN_VARIABLE: &str = "MLFLOW_TRACKING_TOKEN";
/// The tag with which a run is found again: what makes it this run and no other.
const RUN_TAG: &str = "hatchery.run";
/// The tag that says which evaluation an MLflow run is; 0 for the whole.
const EVALUATION_TAG: &str = "hatchery.evaluation";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Trainings that were logged.
    pub logged: usize,
    /// Trainings that were there already.
    pub present: usize,
}

/// Logs a run to the server at this address.
///
/// # Errors
/// Where the server cannot be reached or refuses.
pub fn log(address: &str, records: &Records) -> Result<Logged, ClientError> {
    let token = std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty());
    let server = Server::open(Client::new(address, token)?, &records.experiment)?;
    let identity = identity(records);
    let known = server.known(RUN_TAG, &identity, EVALUATION_TAG)?;
    let whole = match known.get("0") {
        Some(run) => run.id.clone(),
        None => server.begin(&records.name, records.record.started_ms, &whole_tags(records, &identity))?,
    };
    let (mut logged, mut present) = (0, 0);
    for one in records.trainings().filter(|one| one.state == EvaluationState::Finished) {
        let id = match known.get(&one.id.0.to_string()) {
            Some(run) if run.ended => {
                present += 1;
                continue;
            }
            Some(run) => run.id.clone(),
            None => {
                let name = name(records, one);
                server.begin(&name, began(one), &tags(one, &identity, &whole))?
            }
        };
        server.log(&id, &batch(records, one))?;
        let ended = if one.came_to_something() { status::FINISHED } else { status::FAILED };
        server.set_status(&id, ended, one.finished_ms)?;
        logged += 1;
    }
    server.log(&whole, &summary(records))?;
    let (status, ended_ms) = standing(records);
    server.set_status(&whole, status, ended_ms)?;
    Ok(Logged { logged, present })
}

/// Two runs of the same name are two runs.
fn identity(records: &Records) -> String {
    format!("{}@{}", records.name, records.record.started_ms)
}

/// Trainings of the search by their numbers alone; of what follows it, the name says what it is.
fn name(records: &Records, one: &EvaluationRecord) -> String {
    match one.kind {
        LeaseKind::Search => format!("{}-{:05}", records.name, one.id.0),
        kind => format!("{}-{}-{:05}", records.name, kind.word(), one.id.0),
    }
}

fn began(one: &EvaluationRecord) -> i64 {
    one.started_ms.unwrap_or(one.queued_ms)
}

fn whole_tags(records: &Records, identity: &str) -> Vec<(String, String)> {
    let info = &records.record.info;
    [
        (RUN_TAG, identity),
        (EVALUATION_TAG, "0"),
        ("hatchery.data", info.data_source.as_str()),
        ("hatchery.data_hash", info.data_hash.as_str()),
        ("hatchery.version", info.program_version.as_str()),
        ("hatchery.experiment", info.experiment.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn tags(one: &EvaluationRecord, identity: &str, whole: &str) -> Vec<(String, String)> {
    let parents: Vec<String> = one.individual.parents.iter().map(|parent| parent.0.to_string()).collect();
    let mut tags = vec![
        (RUN_TAG, identity.to_owned()),
        (EVALUATION_TAG, one.id.0.to_string()),
        ("mlflow.parentRunId", whole.to_owned()),
        ("mlflow.note.content", one.individual.summary.clone()),
        ("hatchery.kind", one.kind.word().to_owned()),
        ("hatchery.individual", one.individual.id.0.to_string()),
        ("hatchery.maker", one.individual.maker.word().to_owned()),
        ("hatchery.operation", one.individual.operation.clone()),
        ("hatchery.parents", parents.join(" ")),
        ("hatchery.outcome", one.outcome.map_or("", |outcome| outcome.word()).to_owned()),
    ];
    tags.extend(one.trainer.as_ref().map(|trainer| ("hatchery.trainer", trainer.clone())));
    if !one.message.is_empty() {
        tags.push(("hatchery.message", one.message.clone()));
    }
    tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn batch(records: &Records, one: &EvaluationRecord) -> Batch {
    let mut batch = Batch::default();
    for (name, gene) in genes::of(&one.individual.genome) {
        batch.parameters.push((name, gene.to_string()));
    }
    let score = format!("validation_{}", records.score_name());
    for report in &one.curve {
        let at = began(one) + (report.seconds * 1000.0) as i64;
        batch.metric("training_loss", report.training_loss, at, report.epoch);
        batch.metric("validation_loss", report.validation_loss, at, report.epoch);
        batch.metric(&score, report.validation_score, at, report.epoch);
    }
    let at = one.finished_ms.unwrap_or_else(|| began(one));
    let facts = [
        ("score", one.score),
        ("loss", one.loss),
        ("seconds", Some(one.seconds)),
        ("latency_s", one.latency_seconds),
        ("parameters", Some(one.individual.parameters as f64)),
        ("multiply_adds", Some(one.individual.multiply_adds as f64)),
    ];
    facts
        .iter()
        .filter_map(|(name, fact)| Some((name, (*fact)?)))
        .for_each(|(name, fact)| batch.metric(name, fact, at, 0));
    batch
}

/// The best over the evaluations, and what became of the run.
fn summary(records: &Records) -> Batch {
    let mut batch = Batch::default();
    let mut ended: Vec<&EvaluationRecord> =
        records.search().filter(|one| one.finished_ms.is_some()).collect();
    ended.sort_by_key(|one| (one.finished_ms, one.id));
    let mut best = f64::NEG_INFINITY;
    for (step, one) in (1_u32..).zip(ended) {
        let score = one.score.filter(|_| one.has_fitness()).unwrap_or(f64::NEG_INFINITY);
        if score > best {
            best = score;
            batch.metric("best_score", best, one.finished_ms.unwrap_or(0), step);
        }
    }
    if let Some(last) = &records.record.final_result
        && let (Some(score), Some(at)) = (last.test_score, last.tested_ms)
    {
        batch.metric("test_score", score, at, 0);
    }
    batch.parameters.push(("data".to_owned(), records.record.info.data_source.clone()));
    batch.parameters.push(("objectives".to_owned(), records.objective_names().join(", ")));
    batch
}

fn standing(records: &Records) -> (&'static str, Option<i64>) {
    let record = &records.record;
    match &record.end {
        _ if records.alive => (status::RUNNING, None),
        Some(End::Completed) => (status::FINISHED, record.ended_ms),
        Some(End::Failed(_)) => (status::FAILED, record.ended_ms),
        Some(End::Interrupted) | None => (status::KILLED, record.ended_ms),
    }
}

impl Batch {
    fn metric(&mut self, key: &str, value: f64, unix_ms: i64, step: u32) {
        // JSON has no other numbers, and a missing point says as much.
        if value.is_finite() {
            self.metrics.push(json!({"key": key, "value": value, "timestamp": unix_ms, "step": step}));
        }
    }
}
