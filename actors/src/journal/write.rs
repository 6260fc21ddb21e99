//! How each entry changes the tables.
//!
//! Every change is guarded: an entry that would count an evaluation twice, or that speaks of an older attempt,
//! changes no row and is refused as a contradiction.

use super::entry::{End, Entry, Finished};
use super::{RunInfo, curve};
use crate::protocol::{BreedOrder, EvaluationId, Individual, IndividualId, LeaseKind, WorkerFacts, WorkerId};
use hatchery_config::Experiment;
use hatchery_models::training::outcome::Weights;
use rusqlite::{Connection, params};
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

/// When a batch of entries is written.
#[derive(Clone, Copy)]
pub struct Moment {
    /// Unix time in milliseconds.
    pub unix_ms: i64,
    /// Seconds that the run has taken, interruptions left out.
    pub elapsed_s: f64,
}

/// Writes one entry: the tables, and a line among the events.
pub fn write(connection: &Connection, moment: Moment, entry: &Entry) -> Result<(), Refusal> {
    apply(connection, moment, entry)?;
    note(connection, moment, entry)?;
    Ok(())
}

fn apply(connection: &Connection, moment: Moment, entry: &Entry) -> Result<(), Refusal> {
    match entry {
        Entry::Born(individual) => born(connection, moment, individual)?,
        Entry::Queued { evaluation, individual, kind } => {
            queued(connection, moment, *evaluation, *individual, *kind)?;
        }
        Entry::Leased { .. } | Entry::Claimed { .. } | Entry::Planned { .. } => {
            under_way(connection, moment, entry)?;
        }
        Entry::Lost { evaluation, attempt, .. } => back_to_queue(connection, *evaluation, *attempt, 1)?,
        Entry::Retried { evaluation, attempt, .. } => back_to_queue(connection, *evaluation, *attempt, 0)?,
        Entry::Released { evaluation, attempt } => back_to_queue(connection, *evaluation, *attempt, 0)?,
        Entry::Finished(finished) => write_finished(connection, moment, finished)?,
        Entry::WeightsKept { evaluation, weights } => keep_weights(connection, *evaluation, weights)?,
        Entry::WeightsDropped { evaluation } => {
            connection
                .prepare("DELETE FROM weights WHERE evaluation = ?1")?
                .execute([integer(evaluation.0)])?;
        }
        Entry::Staged { stage, .. } => {
            connection.execute("UPDATE run SET stage = ?1", [stage.word()])?;
        }
        Entry::Crowned { individual, evaluation, retrained } => {
            crowned(connection, moment, *individual, *evaluation, *retrained)?;
        }
        Entry::Tested { score, loss } => exactly_one(
            connection.execute(
                "UPDATE final_result SET test_score = ?1, test_loss = ?2, tested_ms = ?3
                 WHERE tested_ms IS NULL",
                params![score, loss, moment.unix_ms],
            )?,
            || "the winner has been tested already, or there is none".to_owned(),
        )?,
        Entry::Resumed { experiment, .. } => {
            connection
                .execute("UPDATE run SET ended_ms = NULL, ending = NULL, experiment = ?1", [experiment])?;
        }
        Entry::Ended { end } => {
            connection.execute(
                "UPDATE run SET ended_ms = ?1, ending = ?2",
                params![moment.unix_ms, end_json(end)],
            )?;
        }
        Entry::Joined { worker, facts } => joined(connection, moment, *worker, facts)?,
        Entry::Left { .. } | Entry::Evidence { .. } => gone(connection, moment, entry)?,
        Entry::Budgeted { evaluations, seconds } => budgeted(connection, *evaluations, *seconds)?,
        Entry::Ordered(_)
        | Entry::Discarded { .. }
        | Entry::Advised { .. }
        | Entry::Excluded { .. }
        | Entry::Paused
        | Entry::Unpaused { .. } => {}
    }
    Ok(())
}

/// The experiment is recorded as it is from now on: a run that goes on goes on with it.
fn budgeted(connection: &Connection, evaluations: Option<u32>, seconds: Option<f64>) -> Result<(), Refusal> {
    let text: String = connection.query_row("SELECT experiment FROM run", [], |row| row.get(0))?;
    let evaluations = evaluations.map(|count| format!("budget.evaluations={count}"));
    let sets: Vec<String> =
        evaluations.into_iter().chain(seconds.map(|seconds| format!("budget.time={seconds}s"))).collect();
    let changed = Experiment::parse(&text, "the recorded experiment", &sets)
        .map_err(|error| error.to_string())
        .and_then(|experiment| experiment.to_toml().map_err(|error| error.to_string()));
    let changed =
        changed.map_err(|error| Refusal::Contradiction(format!("a budget of {sets:?}: {error}")))?;
    connection.execute("UPDATE run SET experiment = ?1", [changed])?;
    Ok(())
}

/// An evaluation is handed out, claimed by who has it, or lasts longer than was said.
fn under_way(connection: &Connection, moment: Moment, entry: &Entry) -> Result<(), Refusal> {
    match entry {
        Entry::Leased { evaluation, attempt, trainer, epochs, inherits, .. } => exactly_one(
            connection
                .prepare(
                    "UPDATE evaluations SET state = 'running', attempt = ?2, trainer = ?3, started_ms = ?4, epochs = ?5,
                     inherits = ?6
                     WHERE id = ?1 AND state = 'queued' AND attempt < ?2",
                )?
                .execute(params![
                    integer(evaluation.0),
                    attempt,
                    trainer,
                    moment.unix_ms,
                    epochs,
                    inherits.map(|of| integer(of.0))
                ])?,
            || format!("evaluation {evaluation} cannot be handed out as attempt {attempt}"),
        ),
        Entry::Claimed { evaluation, attempt, trainer } => exactly_one(
            connection
                .prepare(
                    "UPDATE evaluations SET state = 'running', trainer = ?3
                     WHERE id = ?1 AND state <> 'finished' AND attempt = ?2",
                )?
                .execute(params![integer(evaluation.0), attempt, trainer])?,
            || format!("evaluation {evaluation} has no attempt {attempt} to claim"),
        ),
        Entry::Planned { evaluation, attempt, epochs } => exactly_one(
            connection
                .prepare(
                    "UPDATE evaluations SET epochs = ?3 WHERE id = ?1 AND state = 'running' AND attempt = ?2",
                )?
                .execute(params![integer(evaluation.0), attempt, epochs])?,
            || format!("evaluation {evaluation} has no attempt {attempt} to plan"),
        ),
        _ => Ok(()),
    }
}

fn crowned(
    connection: &Connection,
    moment: Moment,
    individual: IndividualId,
    evaluation: EvaluationId,
    retrained: bool,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO final_result (id, individual, evaluation, retrained, crowned_ms) VALUES (1, ?1, ?2, ?3, ?4)",
        params![integer(individual.0), integer(evaluation.0), retrained, moment.unix_ms],
    )?;
    Ok(())
}

/// A worker has gone, or it is known how it had ended.
fn gone(connection: &Connection, moment: Moment, entry: &Entry) -> rusqlite::Result<()> {
    match entry {
        Entry::Left { worker, reason } => connection
            .prepare("UPDATE workers SET left_ms = ?2, reason = ?3 WHERE id = ?1")?
            .execute(params![worker.0, moment.unix_ms, reason])?,
        Entry::Evidence { worker, crashed, how } => connection
            .prepare("UPDATE workers SET crashed = ?2, evidence = ?3 WHERE id = ?1")?
            .execute(params![worker.0, crashed, how])?,
        _ => 0,
    };
    Ok(())
}

fn joined(
    connection: &Connection,
    moment: Moment,
    worker: WorkerId,
    facts: &WorkerFacts,
) -> Result<(), Refusal> {
    connection
        .prepare(
            "INSERT INTO workers (id, node, host, pid, devices, program_version, joined_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            worker.0,
            facts.node,
            facts.host,
            facts.pid,
            json!(facts.devices).to_string(),
            facts.program_version,
            moment.unix_ms
        ])?;
    Ok(())
}

fn queued(
    connection: &Connection,
    moment: Moment,
    evaluation: EvaluationId,
    individual: IndividualId,
    kind: LeaseKind,
) -> Result<(), Refusal> {
    connection
        .prepare(
            "INSERT INTO evaluations (id, individual, kind, epochs, state, attempt, losses, queued_ms)
             VALUES (?1, ?2, ?3, 0, 'queued', 0, 0, ?4)",
        )?
        .execute(params![integer(evaluation.0), integer(individual.0), kind.word(), moment.unix_ms])?;
    Ok(())
}

fn born(connection: &Connection, moment: Moment, individual: &Individual) -> Result<(), Refusal> {
    let genome = serde_json::to_string(&individual.genome)
        .map_err(|error| Refusal::Contradiction(format!("individual {}: {error}", individual.id)))?;
    connection
        .prepare(
            "INSERT INTO individuals
             (id, genome, summary, hash, parents, operation, parameters, multiply_adds, born_ms, maker)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            integer(individual.id.0),
            genome,
            individual.summary,
            individual.hash,
            json!(individual.parents).to_string(),
            individual.operation,
            integer(individual.parameters),
            integer(individual.multiply_adds),
            moment.unix_ms,
            individual.maker.word()
        ])?;
    Ok(())
}

fn back_to_queue(
    connection: &Connection,
    evaluation: EvaluationId,
    attempt: u32,
    losses: u32,
) -> Result<(), Refusal> {
    let changed = connection
        .prepare(
            "UPDATE evaluations SET state = 'queued', losses = losses + ?3
             WHERE id = ?1 AND attempt = ?2 AND state = 'running'",
        )?
        .execute(params![integer(evaluation.0), attempt, losses])?;
    exactly_one(changed, || format!("evaluation {evaluation} is not running as attempt {attempt}"))
}

fn write_finished(connection: &Connection, moment: Moment, finished: &Finished) -> Result<(), Refusal> {
    // A queued evaluation ends without having run where it is given up.
    let changed = connection
        .prepare(
            "UPDATE evaluations SET state = 'finished', outcome = ?3, score = ?4, loss = ?5, curve = ?6,
             seconds = ?7, build_seconds = ?8, steps = ?9, images = ?10, message = ?11, finished_ms = ?12,
             latency_s = ?13
             WHERE id = ?1 AND attempt = ?2 AND state <> 'finished'",
        )?
        .execute(params![
            integer(finished.evaluation.0),
            finished.attempt,
            finished.outcome.word(),
            finished.score,
            finished.loss,
            curve::to_json(&finished.curve),
            finished.seconds,
            finished.build_seconds,
            integer(finished.steps),
            integer(finished.images),
            finished.message,
            moment.unix_ms,
            finished.latency_seconds
        ])?;
    exactly_one(changed, || {
        format!(
            "evaluation {} cannot end as attempt {}: it is unknown, has ended, or is at another attempt",
            finished.evaluation, finished.attempt
        )
    })
}

fn keep_weights(connection: &Connection, evaluation: EvaluationId, weights: &Weights) -> Result<(), Refusal> {
    connection
        .prepare("INSERT OR REPLACE INTO weights (evaluation, parameters, statistics) VALUES (?1, ?2, ?3)")?
        .execute(params![
            integer(evaluation.0),
            to_bytes(&weights.parameters),
            to_bytes(&weights.statistics)
        ])?;
    Ok(())
}

/// The line among the events: what the tables no longer show once a row has changed again.
fn note(connection: &Connection, moment: Moment, entry: &Entry) -> rusqlite::Result<()> {
    let (evaluation, individual) = subjects(entry);
    connection
        .prepare(
            "INSERT INTO events (unix_ms, elapsed_s, kind, evaluation, individual, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            moment.unix_ms,
            moment.elapsed_s,
            entry.word(),
            evaluation,
            individual,
            detail(entry).to_string()
        ])?;
    Ok(())
}

/// The first of the events: with what the run began, since `Resumed` may change it.
pub fn note_begin(connection: &Connection, unix_ms: i64, info: &RunInfo) -> rusqlite::Result<()> {
    let detail = json!({"program_version": info.program_version, "experiment": info.experiment});
    connection.execute(
        "INSERT INTO events (unix_ms, elapsed_s, kind, detail) VALUES (?1, 0, 'begun', ?2)",
        params![unix_ms, detail.to_string()],
    )?;
    Ok(())
}

fn subjects(entry: &Entry) -> (Option<i64>, Option<i64>) {
    match entry {
        Entry::Ordered(order) => (None, Some(integer(order.birth.0))),
        Entry::Discarded { birth, .. } => (None, Some(integer(birth.0))),
        Entry::Born(individual) => (None, Some(integer(individual.id.0))),
        Entry::Queued { evaluation, individual, .. } | Entry::Crowned { evaluation, individual, .. } => {
            (Some(integer(evaluation.0)), Some(integer(individual.0)))
        }
        Entry::Leased { evaluation, .. }
        | Entry::Claimed { evaluation, .. }
        | Entry::Retried { evaluation, .. }
        | Entry::Planned { evaluation, .. }
        | Entry::Advised { evaluation, .. }
        | Entry::Lost { evaluation, .. }
        | Entry::Released { evaluation, .. }
        | Entry::WeightsKept { evaluation, .. }
        | Entry::WeightsDropped { evaluation } => (Some(integer(evaluation.0)), None),
        Entry::Finished(finished) => (Some(integer(finished.evaluation.0)), None),
        Entry::Staged { .. }
        | Entry::Tested { .. }
        | Entry::Paused
        | Entry::Unpaused { .. }
        | Entry::Budgeted { .. }
        | Entry::Resumed { .. }
        | Entry::Ended { .. }
        | Entry::Excluded { .. }
        | Entry::Joined { .. }
        | Entry::Left { .. }
        | Entry::Evidence { .. } => (None, None),
    }
}

fn detail(entry: &Entry) -> serde_json::Value {
    match entry {
        Entry::Ordered(BreedOrder { draw, maker, .. }) => json!({"draw": draw, "maker": maker.word()}),
        Entry::Discarded { draw, hash, reason, .. } => json!({"draw": draw, "hash": hash, "reason": reason}),
        Entry::Born(individual) => json!({"operation": individual.operation, "parents": individual.parents}),
        Entry::Queued { kind, .. } => json!({"kind": kind.word()}),
        Entry::Leased { attempt, trainer, epochs, seed, inherits, .. } => {
            json!({"attempt": attempt, "trainer": trainer, "epochs": epochs, "seed": seed, "inherits": inherits})
        }
        Entry::Claimed { attempt, trainer, .. } => json!({"attempt": attempt, "trainer": trainer}),
        Entry::Retried { attempt, outcome, reason, .. } => {
            json!({"attempt": attempt, "outcome": outcome.word(), "reason": reason})
        }
        Entry::Excluded { node, reason } => json!({"node": node, "reason": reason}),
        Entry::Joined { worker, facts } => {
            json!({"worker": worker, "node": facts.node, "host": facts.host, "pid": facts.pid, "devices": facts.devices})
        }
        Entry::Left { worker, reason } => json!({"worker": worker, "reason": reason}),
        Entry::Evidence { worker, crashed, how } => {
            json!({"worker": worker, "crashed": crashed, "how": how})
        }
        Entry::Planned { attempt, epochs, .. } => json!({"attempt": attempt, "epochs": epochs}),
        Entry::Advised { epoch, score, mark, .. } => json!({"epoch": epoch, "score": score, "mark": mark}),
        Entry::Lost { attempt, reason, .. } => json!({"attempt": attempt, "reason": reason}),
        Entry::Released { attempt, .. } => json!({"attempt": attempt}),
        Entry::Finished(finished) => json!({
            "attempt": finished.attempt,
            "outcome": finished.outcome.word(),
            "score": finished.score,
            "seconds": finished.seconds,
        }),
        Entry::WeightsKept { weights, .. } => json!({"parameters": weights.parameters.len()}),
        Entry::WeightsDropped { .. } => json!({}),
        Entry::Staged { stage, reason } => json!({"stage": stage.word(), "reason": reason}),
        Entry::Crowned { retrained, .. } => json!({"retrained": retrained}),
        Entry::Tested { score, loss } => json!({"score": score, "loss": loss}),
        Entry::Paused => json!({}),
        Entry::Unpaused { seconds } => json!({"seconds": seconds}),
        Entry::Budgeted { evaluations, seconds } => json!({"evaluations": evaluations, "seconds": seconds}),
        Entry::Resumed { program_version, experiment } => {
            json!({"program_version": program_version, "experiment": experiment})
        }
        Entry::Ended { end } => json!(end),
    }
}

fn end_json(end: &End) -> String {
    json!(end).to_string()
}

fn exactly_one(changed: usize, what: impl FnOnce() -> String) -> Result<(), Refusal> {
    if changed == 1 { Ok(()) } else { Err(Refusal::Contradiction(what())) }
}

/// SQLite's integers have a sign; none of our counts comes near it.
pub fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Little-endian, as files are read elsewhere.
fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
