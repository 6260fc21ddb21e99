//! What the journal knows of the workers of a run.

use super::error::JournalError;
use super::{record, schema};
use crate::protocol::{LeaseKind, WorkerFacts, WorkerId};
use rusqlite::Row;
use std::path::Path;

/// A worker that has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRecord {
    /// Its number.
    pub id: WorkerId,
    /// What is known of it.
    pub facts: WorkerFacts,
    /// When it joined, Unix milliseconds.
    pub joined_ms: i64,
    /// When it left, and why; `None` while it is there.
    pub left: Option<(i64, String)>,
    /// Whether it broke down by itself, and the evidence, where its supervisor knew.
    pub evidence: Option<(bool, String)>,
}

/// All workers that have ever joined the run in `dir`, in that order.
///
/// # Errors
/// As `record::read`.
pub fn workers(dir: &Path) -> Result<Vec<WorkerRecord>, JournalError> {
    let (connection, path) = record::open(dir)?;
    let query = || -> rusqlite::Result<Vec<WorkerRecord>> {
        let mut statement = connection.prepare(
            "SELECT id, node, host, pid, devices, program_version, joined_ms, left_ms, reason, crashed, evidence
             FROM workers ORDER BY id",
        )?;
        statement.query_map([], row)?.collect()
    };
    query().map_err(|error| schema::classify("read", &path, error))
}

fn row(row: &Row<'_>) -> rusqlite::Result<WorkerRecord> {
    let devices: String = row.get(4)?;
    let left: (Option<i64>, Option<String>) = (row.get(7)?, row.get(8)?);
    let evidence: (Option<bool>, Option<String>) = (row.get(9)?, row.get(10)?);
    Ok(WorkerRecord {
        id: WorkerId(row.get(0)?),
        facts: WorkerFacts {
            node: row.get(1)?,
            host: row.get(2)?,
            pid: row.get(3)?,
            // Written by `write`; should it have been edited to something else, the rest is still told.
            devices: serde_json::from_str(&devices).unwrap_or_default(),
            program_version: row.get(5)?,
        },
        joined_ms: row.get(6)?,
        left: left.0.zip(left.1),
        evidence: evidence.0.zip(evidence.1),
    })
}

/// When an evaluation was begun and ended, Unix milliseconds, and the seconds that its training took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its last hand-out.
    pub started_ms: i64,
    /// Its end.
    pub finished_ms: i64,
    /// Its training.
    pub seconds: f64,
}

/// The spans of all evaluations of this kind that have ended in the run in `dir`.
///
/// # Errors
/// As `record::read`.
pub fn spans(dir: &Path, kind: LeaseKind) -> Result<Vec<Span>, JournalError> {
    let (connection, path) = record::open(dir)?;
    let query = || -> rusqlite::Result<Vec<Span>> {
        let mut statement = connection.prepare(
            "SELECT started_ms, finished_ms, seconds FROM evaluations
             WHERE kind = ?1 AND state = 'finished' AND started_ms IS NOT NULL",
        )?;
        let span = |row: &Row<'_>| {
            Ok(Span { started_ms: row.get(0)?, finished_ms: row.get(1)?, seconds: row.get(2)? })
        };
        statement.query_map([kind.word()], span)?.collect()
    };
    query().map_err(|error| schema::classify("read", &path, error))
}

/// The number of the evaluation that was queued last in the run in `dir`; 0 where none was. Known at once, however many
/// there are.
///
/// # Errors
/// As `record::read`.
pub fn last_queued(dir: &Path) -> Result<u64, JournalError> {
    let (connection, path) = record::open(dir)?;
    connection
        .query_row("SELECT coalesce(max(id), 0) FROM evaluations", [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(|error| schema::classify("read", &path, error))
}

/// How many evaluations of this kind have ended in the run in `dir`.
///
/// # Errors
/// As `record::read`.
pub fn finished(dir: &Path, kind: LeaseKind) -> Result<u64, JournalError> {
    let (connection, path) = record::open(dir)?;
    connection
        .query_row(
            "SELECT count(*) FROM evaluations WHERE kind = ?1 AND state = 'finished'",
            [kind.word()],
            |row| row.get::<_, i64>(0),
        )
        .map(i64::unsigned_abs)
        .map_err(|error| schema::classify("read", &path, error))
}
