//! Versions of the journal's tables, and how a connection is set up.
//!
//! Durability: WAL with `synchronous=FULL`. A commit then returns after the log is on the disk, so an acknowledged
//! event survives a `kill -9` (for which `NORMAL` would do) and a power cut (for which it would not). It costs one
//! flush per commit, a few milliseconds, and the Population commits all events that have arrived meanwhile at once:
//! the price is per flush, not per event.

use super::error::JournalError;
use super::tables;
use crate::protocol::Maker;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::process::{Resource, getrlimit};
use std::path::Path;

/// Version of the tables, kept in `user_version`. Raise it with every change of a table or of a column's meaning.
pub const SCHEMA_VERSION: i64 = 5;

/// The oldest version that is still read, and brought up to date when a run goes on.
const OLDEST_VERSION: i64 = 1;

/// Says that a database is one of ours (`application_id`): "HATC".
const APPLICATION_ID: i64 = 0x4841_5443;

/// How long a statement waits for another connection's lock. Readers never hold one for long.
const BUSY_MS: u64 = if cfg!(test) { 50 } else { 5_000 };

/// Bytes that SQLite writes at once at most: a page of the largest size.
const WRITE_BYTES_MAX: u64 = 64 << 10;

/// The write-ahead log is cut back to this size after a checkpoint.
const WAL_BYTES_MAX: u64 = 64 << 20;

/// The log is folded into the database when it has so many pages (of 4 KiB): a page that many commits change is written
/// there once. After a kill it is read again, by each connection that is the first: a few hundredths of a second.
const CHECKPOINT_PAGES: i64 = 2048;

/// Pages that the writing connection keeps in memory, in KiB (negative: that is how SQLite tells KiB from pages): the
/// rows of thousands of evaluations under way, each of which is changed again at its end.
const CACHE_KIB: i64 = -32_768;

/// Statements that are kept ready: compiling one takes longer than running it. There are about thirty.
const STATEMENTS_MAX: usize = 64;

/// Opens for writing and sets the connection up.
pub fn open_to_write(path: &Path) -> Result<Connection, JournalError> {
    let connection = Connection::open(path).map_err(|error| classify("open", path, error))?;
    let set_up = || -> rusqlite::Result<()> {
        connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX.cast_signed())?;
        Ok(())
    };
    set_up().map_err(|error| classify("open", path, error))?;
    Ok(connection)
}

/// Opens for reading, while the run is live too. A write-ahead log needs a shared-memory file beside it; where none
/// can be made (read-only medium) and there is no log, the file is read as it lies.
pub fn open_to_read(path: &Path) -> Result<Connection, JournalError> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let attempt = Connection::open_with_flags(path, read_only).and_then(|connection| {
        connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    });
    match attempt {
        Ok(connection) => Ok(connection),
        Err(error) if cannot_open(&error) && !path.with_extension("sqlite-wal").exists() => {
            let uri = format!("file:{}?immutable=1", escaped(path));
            Connection::open_with_flags(uri, read_only | OpenFlags::SQLITE_OPEN_URI)
                .map_err(|error| classify("open", path, error))
        }
        Err(error) => Err(classify("open", path, error)),
    }
}

/// Creates the tables. The caller has a transaction open, so that there is either a whole journal or none.
pub fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(tables::TABLES)?;
    connection.execute_batch(tables::WORKERS)?;
    connection.execute_batch(tables::LOG)?;
    connection.execute_batch(tables::DIGESTS)?;
    connection.execute_batch(&tables::views())?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// Whether the database is a journal of this version.
pub fn check_version(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let number = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|error| classify("read", path, error))
    };
    let (application, found) = (number("application_id")?, number("user_version")?);
    if application != APPLICATION_ID {
        let detail = if application == 0 && found == 0 {
            "it holds no run: its creation was cut off, or it is another program's database".to_owned()
        } else {
            format!("it is another program's database, application id {application:#x}")
        };
        return Err(JournalError::Corrupt { path: path.to_owned(), detail });
    }
    if !(OLDEST_VERSION..=SCHEMA_VERSION).contains(&found) {
        return Err(JournalError::WrongVersion { path: path.to_owned(), found, expected: SCHEMA_VERSION });
    }
    Ok(())
}

/// Version 3 says who made each network, what latency it has, and whose weights its training began with.
fn columns_of_version_3() -> String {
    format!(
        "ALTER TABLE individuals ADD COLUMN maker TEXT NOT NULL DEFAULT '{}';
         ALTER TABLE evaluations ADD COLUMN latency_s REAL;
         ALTER TABLE evaluations ADD COLUMN inherits INTEGER REFERENCES evaluations (id);",
        Maker::Breeder.word()
    )
}

/// Whether weights have digests.
pub fn has_digests(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(version(connection)? >= 5)
}

/// Which version of the tables a journal has.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings an older journal up to date, if it is sound: version 2 has workers, version 3 more columns, version 4 tables that
/// say each thing once, and views of the same names as the tables before, version 5 digests of weights.
pub fn bring_up_to_date(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let version = version(connection).map_err(|error| classify("read", path, error))?;
    if version == SCHEMA_VERSION {
        return Ok(());
    }
    check_sound(connection, path)?;
    let workers = if version < 2 { tables::WORKERS } else { "" };
    let columns = if version < 3 { columns_of_version_3() } else { String::new() };
    let shorter = if version < 4 { tables::to_version_4() } else { String::new() };
    let digests = tables::DIGESTS;
    let upgrade = format!(
        "BEGIN IMMEDIATE; {workers} {columns} {shorter} {digests} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    );
    connection.execute_batch(&upgrade).map_err(|error| {
        // Else the connection would keep the transaction open, and with it the lock.
        let _ = connection.execute_batch("ROLLBACK");
        classify("bring up to date", path, error)
    })
}

/// Whether every page is sound. Takes time in proportion to the file: done once, before a run goes on.
pub fn check_sound(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| classify("check", path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(JournalError::Corrupt { path: path.to_owned(), detail: verdict.replace('\n', " ") })
}

/// Tells SQLite's errors apart by what helps.
pub fn classify(action: &'static str, path: &Path, error: rusqlite::Error) -> JournalError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            JournalError::Corrupt { path, detail: error.to_string() }
        }
        Some(ErrorCode::DiskFull) => JournalError::Full { path },
        Some(ErrorCode::SystemIoFailure) => match size_limit(&path) {
            Some(bytes_max) => JournalError::TooLarge { path, bytes_max },
            None => JournalError::Database { action, path, source: Box::new(error) },
        },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            JournalError::ReadOnly { path, detail: error.to_string() }
        }
        Some(ErrorCode::ConstraintViolation) => {
            JournalError::Contradiction { path, detail: error.to_string() }
        }
        _ => JournalError::Database { action, path, source: Box::new(error) },
    }
}

/// The limit on the size of files, where the journal or its write-ahead log has come to it. SQLite does not tell it from
/// other trouble with a disk.
fn size_limit(path: &Path) -> Option<u64> {
    let bytes_max = getrlimit(Resource::Fsize).current?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let largest = bytes(path).max(bytes(Path::new(&log)));
    (largest + WRITE_BYTES_MAX >= bytes_max).then_some(bytes_max)
}

fn cannot_open(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// A path as SQLite's URIs want it.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// Tells apart what cannot be read and what makes no sense.
pub fn unreadable(error: rusqlite::Error, path: &Path) -> JournalError {
    match error {
        // A cell that does not hold what we write there.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::QueryReturnedNoRows => {
            JournalError::Corrupt { path: path.to_owned(), detail: error.to_string() }
        }
        error => classify("read", path, error),
    }
}
