//! How each entry changes the tables.
//!
//! Every change is guarded: an entry that would count an evaluation twice, or that speaks of an older attempt,
//! changes no row and is refused as a contradiction.

use super::curve;
use super::entry::{End, Entry, Finished};
use super::log::{Moment, note};
use super::pen::Pen;
use super::rows::integer;
use super::shorthand::{OF_CURVES, OF_GENOMES, shorten};
use super::weights;
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, WorkerFacts, WorkerId};
use hatchery_config::Experiment;
use hatchery_models::genome::GenomeHash;
use rusqlite::params;
use rusqlite::types::Value;
use serde_json::json;

/// An entry was not written.
pub enum Refusal {
    /// SQLite's word.
    Database(rusqlite::Error),
    /// What does not fit.
    Contradiction(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Writes one entry: the tables, and a line among the events.
pub fn write(pen: &Pen<'_>, moment: Moment, entry: &Entry) -> Result<(), Refusal> {
    apply(pen, moment, entry)?;
    note(pen, moment, entry)?;
    Ok(())
}

fn apply(pen: &Pen<'_>, moment: Moment, entry: &Entry) -> Result<(), Refusal> {
    match entry {
        Entry::Born(individual) => born(pen, moment, individual)?,
        Entry::Queued { evaluation, individual, kind } => {
            queued(pen, moment, *evaluation, *individual, *kind)?;
        }
        Entry::Leased { .. } | Entry::Claimed { .. } | Entry::Planned { .. } => {
            under_way(pen, moment, entry)?;
        }
        Entry::Lost { evaluation, attempt, .. } => back_to_queue(pen, *evaluation, *attempt, 1)?,
        Entry::Retried { evaluation, attempt, .. } => back_to_queue(pen, *evaluation, *attempt, 0)?,
        Entry::Released { evaluation, attempt } => back_to_queue(pen, *evaluation, *attempt, 0)?,
        Entry::Finished(finished) => write_finished(pen, moment, finished)?,
        Entry::WeightsKept { evaluation, weights: kept } => weights::keep(pen, *evaluation, kept)?,
        Entry::WeightsDropped { evaluation } => {
            pen.execute("DELETE FROM weights WHERE evaluation = ?1", [integer(evaluation.0)])?;
        }
        Entry::Staged { stage, .. } => {
            pen.execute("UPDATE run SET stage = ?1", [stage.word()])?;
        }
        Entry::Crowned { individual, evaluation, retrained } => {
            crowned(pen, moment, *individual, *evaluation, *retrained)?;
        }
        Entry::Tested { score, loss } => exactly_one(
            pen.execute(
                "UPDATE final_result SET test_score = ?1, test_loss = ?2, tested_ms = ?3
                 WHERE tested_ms IS NULL",
                params![score, loss, moment.unix_ms],
            )?,
            || "the winner has been tested already, or there is none".to_owned(),
        )?,
        Entry::Resumed { experiment, .. } => {
            pen.execute("UPDATE run SET ended_ms = NULL, ending = NULL, experiment = ?1", [experiment])?;
        }
        Entry::Ended { end } => {
            pen.execute("UPDATE run SET ended_ms = ?1, ending = ?2", params![moment.unix_ms, end_json(end)])?;
        }
        Entry::Joined { worker, facts } => joined(pen, moment, *worker, facts)?,
        Entry::Left { .. } | Entry::Evidence { .. } => gone(pen, moment, entry)?,
        Entry::Budgeted { evaluations, seconds } => budgeted(pen, *evaluations, *seconds)?,
        Entry::Ordered(_)
        | Entry::Discarded { .. }
        | Entry::Advised { .. }
        | Entry::Told { .. }
        | Entry::Excluded { .. }
        | Entry::Paused
        | Entry::Unpaused { .. } => {}
    }
    Ok(())
}

/// The experiment is recorded as it is from now on: a run that goes on goes on with it.
fn budgeted(pen: &Pen<'_>, evaluations: Option<u32>, seconds: Option<f64>) -> Result<(), Refusal> {
    let text: String = pen.connection().query_row("SELECT experiment FROM run", [], |row| row.get(0))?;
    let evaluations = evaluations.map(|count| format!("budget.evaluations={count}"));
    let sets: Vec<String> =
        evaluations.into_iter().chain(seconds.map(|seconds| format!("budget.time={seconds}s"))).collect();
    let changed = Experiment::parse(&text, "the recorded experiment", &sets)
        .map_err(|error| error.to_string())
        .and_then(|experiment| experiment.to_toml().map_err(|error| error.to_string()));
    let changed =
        changed.map_err(|error| Refusal::Contradiction(format!("a budget of {sets:?}: {error}")))?;
    pen.execute("UPDATE run SET experiment = ?1", [changed])?;
    Ok(())
}

/// An evaluation is handed out, claimed by who has it, or lasts longer than was said.
fn under_way(pen: &Pen<'_>, moment: Moment, entry: &Entry) -> Result<(), Refusal> {
    match entry {
        Entry::Leased { evaluation, attempt, trainer, epochs, inherits, .. } => exactly_one(
            pen.execute(
                "UPDATE trials SET state = 'running', attempt = ?2, trainer = ?3, started_ms = ?4, epochs = ?5,
                 inherits = ?6
                 WHERE id = ?1 AND state = 'queued' AND attempt < ?2",
                params![
                    integer(evaluation.0),
                    attempt,
                    trainer,
                    moment.unix_ms,
                    epochs,
                    inherits.map(|of| integer(of.0))
                ],
            )?,
            || format!("evaluation {evaluation} cannot be handed out as attempt {attempt}"),
        ),
        Entry::Claimed { evaluation, attempt, trainer } => exactly_one(
            pen.execute(
                "UPDATE trials SET state = 'running', trainer = ?3
                 WHERE id = ?1 AND state <> 'finished' AND attempt = ?2",
                params![integer(evaluation.0), attempt, trainer],
            )?,
            || format!("evaluation {evaluation} has no attempt {attempt} to claim"),
        ),
        Entry::Planned { evaluation, attempt, epochs } => exactly_one(
            pen.execute(
                "UPDATE trials SET epochs = ?3 WHERE id = ?1 AND state = 'running' AND attempt = ?2",
                params![integer(evaluation.0), attempt, epochs],
            )?,
            || format!("evaluation {evaluation} has no attempt {attempt} to plan"),
        ),
        _ => Ok(()),
    }
}

fn crowned(
    pen: &Pen<'_>,
    moment: Moment,
    individual: IndividualId,
    evaluation: EvaluationId,
    retrained: bool,
) -> rusqlite::Result<()> {
    pen.execute(
        "INSERT INTO final_result (id, individual, evaluation, retrained, crowned_ms) VALUES (1, ?1, ?2, ?3, ?4)",
        params![integer(individual.0), integer(evaluation.0), retrained, moment.unix_ms],
    )?;
    Ok(())
}

/// A worker has gone, or it is known how it had ended.
fn gone(pen: &Pen<'_>, moment: Moment, entry: &Entry) -> rusqlite::Result<()> {
    match entry {
        Entry::Left { worker, reason } => pen.execute(
            "UPDATE workers SET left_ms = ?2, reason = ?3 WHERE id = ?1",
            params![worker.0, moment.unix_ms, reason],
        )?,
        Entry::Evidence { worker, crashed, how } => pen.execute(
            "UPDATE workers SET crashed = ?2, evidence = ?3 WHERE id = ?1",
            params![worker.0, crashed, how],
        )?,
        _ => 0,
    };
    Ok(())
}

fn joined(pen: &Pen<'_>, moment: Moment, worker: WorkerId, facts: &WorkerFacts) -> Result<(), Refusal> {
    pen.execute(
        "INSERT INTO workers (id, node, host, pid, devices, program_version, joined_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            worker.0,
            facts.node,
            facts.host,
            facts.pid,
            json!(facts.devices).to_string(),
            facts.program_version,
            moment.unix_ms
        ],
    )?;
    Ok(())
}

fn queued(
    pen: &Pen<'_>,
    moment: Moment,
    evaluation: EvaluationId,
    individual: IndividualId,
    kind: LeaseKind,
) -> Result<(), Refusal> {
    pen.execute(
        "INSERT INTO trials (id, individual, kind, epochs, state, attempt, losses, queued_ms)
         VALUES (?1, ?2, ?3, 0, 'queued', 0, 0, ?4)",
        params![integer(evaluation.0), integer(individual.0), kind.word(), moment.unix_ms],
    )?;
    Ok(())
}

fn born(pen: &Pen<'_>, moment: Moment, individual: &Individual) -> Result<(), Refusal> {
    let hash: Value = match individual.hash.parse::<GenomeHash>() {
        Ok(hash) => Value::Blob(hash.0.to_vec()),
        Err(_) => Value::Text(individual.hash.clone()),
    };
    pen.execute(
        "INSERT INTO networks
         (id, genome, summary, hash, parents, operation, parameters, multiply_adds, born_ms, maker)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            integer(individual.id.0),
            shorten(individual.genome.json(), &OF_GENOMES),
            individual.summary,
            hash,
            parents_json(&individual.parents),
            individual.operation,
            integer(individual.parameters),
            integer(individual.multiply_adds),
            moment.unix_ms,
            individual.maker.word()
        ],
    )?;
    Ok(())
}

fn back_to_queue(pen: &Pen<'_>, evaluation: EvaluationId, attempt: u32, losses: u32) -> Result<(), Refusal> {
    let changed = pen.execute(
        "UPDATE trials SET state = 'queued', losses = losses + ?3
         WHERE id = ?1 AND attempt = ?2 AND state = 'running'",
        params![integer(evaluation.0), attempt, losses],
    )?;
    exactly_one(changed, || format!("evaluation {evaluation} is not running as attempt {attempt}"))
}

fn write_finished(pen: &Pen<'_>, moment: Moment, finished: &Finished) -> Result<(), Refusal> {
    // A queued evaluation ends without having run where it is given up.
    let changed = pen.execute(
        "UPDATE trials SET state = 'finished', outcome = ?3, score = ?4, loss = ?5, curve = ?6,
         seconds = ?7, build_seconds = ?8, steps = ?9, images = ?10, message = ?11, finished_ms = ?12,
         latency_s = ?13
         WHERE id = ?1 AND attempt = ?2 AND state <> 'finished'",
        params![
            integer(finished.evaluation.0),
            finished.attempt,
            finished.outcome.word(),
            finished.score,
            finished.loss,
            shorten(&curve::to_json(&finished.curve), &OF_CURVES),
            finished.seconds,
            finished.build_seconds,
            integer(finished.steps),
            integer(finished.images),
            finished.message,
            moment.unix_ms,
            finished.latency_seconds
        ],
    )?;
    exactly_one(changed, || {
        format!(
            "evaluation {} cannot end as attempt {}: it is unknown, has ended, or is at another attempt",
            finished.evaluation, finished.attempt
        )
    })
}

fn parents_json(parents: &[IndividualId]) -> String {
    let parents: Vec<String> = parents.iter().map(ToString::to_string).collect();
    format!("[{}]", parents.join(","))
}

fn end_json(end: &End) -> String {
    json!(end).to_string()
}

fn exactly_one(changed: usize, what: impl FnOnce() -> String) -> Result<(), Refusal> {
    if changed == 1 { Ok(()) } else { Err(Refusal::Contradiction(what())) }
}
