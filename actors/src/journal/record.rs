//! The read model: a run as the commands `list`, `show`, `status`, `export` and the report see it, and as a run that
//! goes on is rebuilt from.

pub use super::events::{EventRecord, Pauses};
pub use super::facts::{EvaluationRecord, EvaluationState, FinalRecord, History, Outline, RunRecord};

use super::error::JournalError;
use super::rows::{read_evaluations, read_final, read_individuals, read_run};
use super::{JOURNAL_FILE, events, schema, weights};
use crate::protocol::EvaluationId;
use hatchery_models::training::outcome::Weights;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// Reads the run in `dir`, live or not.
///
/// # Errors
/// `Missing`, `Corrupt`, `WrongVersion`, and whatever else files and SQLite can say.
pub fn read(dir: &Path) -> Result<RunRecord, JournalError> {
    let (connection, path) = open(dir)?;
    // One transaction, so that a live run's record is of one moment.
    let whole = connection.unchecked_transaction().map_err(|error| schema::classify("read", &path, error))?;
    read_all(&whole, &path)
}

/// Reads the outline of the run in `dir`.
///
/// # Errors
/// As `read`.
pub fn outline(dir: &Path) -> Result<Outline, JournalError> {
    let (connection, path) = open(dir)?;
    let query = || -> rusqlite::Result<Outline> {
        let run = read_run(&connection)?;
        let queued = "SELECT count(*) FROM evaluations WHERE kind = 'search'";
        let searched: i64 = connection.query_row(queued, [], |row| row.get(0))?;
        Ok(Outline { info: run.info, stage: run.stage, searched: searched.unsigned_abs() })
    };
    query().map_err(|error| schema::unreadable(error, &path))
}

/// Reads the weights that an evaluation left; `None` where they are not kept.
///
/// # Errors
/// As `read`.
pub fn weights(dir: &Path, evaluation: EvaluationId) -> Result<Option<Weights>, JournalError> {
    let (connection, path) = open(dir)?;
    weights::read(&connection, &path, evaluation)
}

/// Reads at most `count_max` events with numbers above `after`, oldest first.
///
/// # Errors
/// As `read`.
pub fn events(dir: &Path, after: i64, count_max: u32) -> Result<Vec<EventRecord>, JournalError> {
    let (connection, path) = open(dir)?;
    events::read(&connection, after, Some(count_max)).map_err(|error| schema::classify("read", &path, error))
}

/// The number of the last event of the run in `dir`.
///
/// # Errors
/// As `read`.
pub fn last_event(dir: &Path) -> Result<i64, JournalError> {
    let (connection, path) = open(dir)?;
    connection
        .query_row("SELECT coalesce(max(number), 0) FROM events", [], |row| row.get(0))
        .map_err(|error| schema::classify("read", &path, error))
}

/// When the first event of this kind happened after the one with this number, Unix milliseconds.
///
/// # Errors
/// As `read`.
pub fn first_event(dir: &Path, after: i64, kind: &str) -> Result<Option<i64>, JournalError> {
    let (connection, path) = open(dir)?;
    let query = "SELECT unix_ms FROM events WHERE number > ?1 AND kind = ?2 ORDER BY number LIMIT 1";
    let found = connection.query_row(query, params![after, kind], |row| row.get(0));
    found.optional().map_err(|error| schema::classify("read", &path, error))
}

/// Reads the run in `dir` and all its events, as recorded at one moment.
///
/// # Errors
/// As `read`.
pub fn history(dir: &Path) -> Result<History, JournalError> {
    let (connection, path) = open(dir)?;
    let whole = connection.unchecked_transaction().map_err(|error| schema::classify("read", &path, error))?;
    read_history(&whole, &path)
}

pub(super) fn read_history(connection: &Connection, path: &Path) -> Result<History, JournalError> {
    let record = read_all(connection, path)?;
    let events = events::read(connection, 0, None).map_err(|error| schema::classify("read", path, error))?;
    Ok(History { record, events })
}

pub(super) fn open(dir: &Path) -> Result<(Connection, std::path::PathBuf), JournalError> {
    let path = dir.join(JOURNAL_FILE);
    if !path.is_file() {
        return Err(JournalError::Missing { dir: dir.to_owned() });
    }
    let connection = schema::open_to_read(&path)?;
    schema::check_version(&connection, &path)?;
    Ok((connection, path))
}

/// Reads everything but the weights.
pub(super) fn read_all(connection: &Connection, path: &Path) -> Result<RunRecord, JournalError> {
    let query = || -> rusqlite::Result<RunRecord> {
        let mut record = read_run(connection)?;
        record.individuals = read_individuals(connection)?;
        record.evaluations = read_evaluations(connection, &record.individuals)?;
        record.final_result = read_final(connection)?;
        Ok(record)
    };
    query().map_err(|error| schema::unreadable(error, path))
}
