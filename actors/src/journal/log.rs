//! The log: a line for each entry, in the order in which they came, and the time of each commit.
//!
//! What becomes of the other tables, it does not know (`write`); where those say something for good, a line does not say
//! it again.

use super::RunInfo;
use super::entry::Entry;
use super::pen::Pen;
use super::rows::integer;
use crate::protocol::{BreedOrder, EvaluationId, Maker};
use rusqlite::{Connection, params};
use serde_json::json;

/// When a batch of entries is written.
#[derive(Clone, Copy)]
pub struct Moment {
    /// Its row.
    id: i64,
    /// Unix time in milliseconds.
    pub unix_ms: i64,
}

/// The line of the log: what the tables no longer show once a row has changed again.
pub fn note(pen: &Pen<'_>, moment: Moment, entry: &Entry) -> rusqlite::Result<()> {
    let (evaluation, individual) = subjects(entry);
    pen.execute(
        "INSERT INTO log (moment, kind, evaluation, individual, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![moment.id, entry.word(), evaluation, individual, detail(entry)],
    )?;
    Ok(())
}

/// A commit's time.
pub fn begin(connection: &Connection, unix_ms: i64, elapsed_s: f64) -> rusqlite::Result<Moment> {
    connection
        .prepare_cached("INSERT INTO moments (unix_ms, elapsed_s) VALUES (?1, ?2)")?
        .execute(params![unix_ms, elapsed_s])?;
    Ok(Moment { id: connection.last_insert_rowid(), unix_ms })
}

/// The first of the events: with what the run began, since `Resumed` may change it.
pub fn note_begin(connection: &Connection, unix_ms: i64, info: &RunInfo) -> rusqlite::Result<()> {
    let detail = json!({"program_version": info.program_version, "experiment": info.experiment});
    let moment = begin(connection, unix_ms, 0.0)?;
    connection.execute(
        "INSERT INTO log (moment, kind, detail) VALUES (?1, 'begun', ?2)",
        params![moment.id, detail.to_string()],
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
        | Entry::Told { evaluation, .. }
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

/// What is said of it beside its subjects; nothing where rows of other tables say it for good (`tables::LOG`).
fn detail(entry: &Entry) -> Option<String> {
    let detail = match entry {
        Entry::Ordered(BreedOrder { draw: 0, maker: Maker::Breeder, expected: None, .. })
        | Entry::Born(_)
        | Entry::Queued { .. }
        | Entry::Finished(_) => return None,
        Entry::Ordered(BreedOrder { draw, maker, expected, .. }) => {
            json!({"draw": draw, "maker": maker.word(), "expected": expected})
        }
        Entry::Discarded { draw, hash, reason, .. } => json!({"draw": draw, "hash": hash, "reason": reason}),
        Entry::Leased { attempt, trainer, epochs, seed, inherits, .. } => {
            return Some(leased_json(*attempt, trainer, *epochs, *seed, *inherits));
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
        Entry::Told { epoch, score, loss, .. } => json!({"epoch": epoch, "score": score, "loss": loss}),
        Entry::Lost { attempt, reason, .. } => json!({"attempt": attempt, "reason": reason}),
        Entry::Released { attempt, .. } => json!({"attempt": attempt}),
        Entry::WeightsKept { weights, .. } => json!({"parameters": weights.parameters.len()}),
        Entry::WeightsDropped { .. } => json!({}),
        Entry::Staged { stage, reason } => json!({"stage": stage.word(), "reason": reason}),
        Entry::Crowned { retrained, .. } => json!({"retrained": retrained}),
        Entry::Tested { score, loss } => json!({"score": score, "loss": loss}),
        Entry::Paused => json!({}),
        Entry::Unpaused { seconds } => json!({"seconds": seconds}),
        Entry::Budgeted { evaluations, seconds } => json!({"evaluations": evaluations, "seconds": seconds}),
        Entry::Resumed { program_version, experiment, started_again } => {
            json!({"program_version": program_version, "experiment": experiment, "started_again": started_again})
        }
        Entry::Ended { end } => json!(end),
    };
    Some(detail.to_string())
}

/// Every hand-out has one: written without a tree of values in between.
fn leased_json(
    attempt: u32,
    trainer: &str,
    epochs: u32,
    seed: u64,
    inherits: Option<EvaluationId>,
) -> String {
    let trainer = json!(trainer);
    let inherits = inherits.map(|of| format!(",\"inherits\":{of}")).unwrap_or_default();
    format!("{{\"attempt\":{attempt},\"trainer\":{trainer},\"epochs\":{epochs},\"seed\":{seed}{inherits}}}")
}
