//! The journal: what is not in it did not happen.
//!
//! `journal.sqlite` in the run directory holds everything that a run has done, as tables that any SQLite tool reads
//! (`schema`). One process at a time writes it (`lock`); commands read it at any time (`record`), while the run is
//! live too. This directory alone knows SQLite. It must not decide anything: it is handed entries (`entry`), and
//! either all of a batch are recorded or none.

mod curve;
pub mod entry;
mod error;
mod events;
mod facts;
pub mod happened;
pub mod lock;
mod log;
pub mod optuna;
mod pen;
pub mod reader;
pub mod record;
mod rows;
mod schema;
mod shorthand;
mod side_by_side;
mod tables;
#[cfg(test)]
mod tests;
mod weights;
pub mod workers;
mod write;
pub mod writer;

pub use entry::{End, Entry, Finished, Stage};
pub use error::JournalError;
pub use events::Milestones;
pub use happened::Happened;
pub use reader::Reader;
pub use record::{EvaluationRecord, EvaluationState, EventRecord, FinalRecord, History, Pauses, RunRecord};

use crate::protocol::Fingerprint;
use hatchery_models::problem::Problem;
use lock::{RunLock, file_error};
use pen::Pen;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use write::Refusal;

/// The journal's file name in a run directory.
pub const JOURNAL_FILE: &str = "journal.sqlite";

/// What may lie in a directory that a new run is put into: a log may have been opened before.
const TOLERATED: [&str; 1] = ["log"];

/// What a run is about, recorded when it is created; the experiment again whenever it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The experiment as run, TOML.
    pub experiment: String,
    /// The data source as the user named it.
    pub data_source: String,
    /// Hash of the data's content: a run goes on with the same data only.
    pub data_hash: String,
    /// Shapes and task.
    pub problem: Problem,
    /// The program that began it.
    pub program_version: String,
}

/// A journal open for writing, and with it the ownership of its run directory.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    dir: PathBuf,
    /// The file that was opened: device and inode. `None` for a journal without a file.
    file: Option<(u64, u64)>,
    resumed: bool,
    /// The structures that are recorded: an index of them would change a page at random for each.
    structures: HashSet<Fingerprint>,
    /// What was recorded when the run was taken up again, until it is asked for.
    recorded: Option<RunRecord>,
    // Declared last: the lock goes after the connection is closed.
    lock: Option<RunLock>,
}

impl Journal {
    /// Begins a new run in `dir`, which is created, or is empty.
    ///
    /// # Errors
    /// `Exists`, `InUse`, `ReadOnly`, `Full`, and whatever else files and SQLite can say.
    pub fn create(dir: &Path, info: &RunInfo) -> Result<Self, JournalError> {
        if lock::holder(dir).is_some() {
            return Err(JournalError::InUse { dir: dir.to_owned(), pid: lock::holder(dir).flatten() });
        }
        if is_taken(dir)? {
            return Err(JournalError::Exists { dir: dir.to_owned() });
        }
        Self::create_with(dir, info, |_| {})
    }

    /// Begins a new run in a free directory. `prepare` has the connection before anything is written.
    fn create_with(
        dir: &Path,
        info: &RunInfo,
        prepare: impl FnOnce(&Connection),
    ) -> Result<Self, JournalError> {
        let existed = dir.exists();
        std::fs::create_dir_all(dir).map_err(|source| at_begin(file_error("create", dir, source)))?;
        let path = dir.join(JOURNAL_FILE);
        let lock = match RunLock::take(dir) {
            Ok(_) if path.exists() => return Err(JournalError::Exists { dir: dir.to_owned() }),
            Ok(lock) => lock,
            // Another process's lock is not ours to remove.
            Err(error @ JournalError::InUse { .. }) => return Err(error),
            Err(error) => {
                undo_creation(dir, existed, &[lock::LOCK_FILE.to_owned()]);
                return Err(at_begin(error));
            }
        };
        let begun = schema::open_to_write(&path).and_then(|connection| {
            prepare(&connection);
            begin(&connection, &path, info).map(|()| connection)
        });
        match begun {
            Ok(connection) => Ok(Self {
                connection,
                file: identity(&path),
                path,
                dir: dir.to_owned(),
                resumed: false,
                structures: HashSet::new(),
                recorded: None,
                lock: Some(lock),
            }),
            Err(error) => {
                let journal = ["", "-wal", "-shm"].map(|suffix| format!("{JOURNAL_FILE}{suffix}"));
                undo_creation(dir, existed, &journal);
                undo_creation(dir, existed, &[lock::LOCK_FILE.to_owned()]);
                Err(at_begin(error))
            }
        }
    }

    /// Takes up the run in `dir` again.
    ///
    /// # Errors
    /// `Missing`, `InUse`, `Corrupt`, `WrongVersion`, `ReadOnly`, and whatever else files and SQLite can say.
    pub fn resume(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(JOURNAL_FILE);
        if !path.is_file() {
            return Err(JournalError::Missing { dir: dir.to_owned() });
        }
        let lock = RunLock::take(dir)?;
        let connection = schema::open_to_write(&path)?;
        schema::check_version(&connection, &path)?;
        schema::bring_up_to_date(&connection, &path)?;
        let recorded = read_and_checked(&connection, &path)?;
        let structures = recorded.individuals.iter().map(|one| Fingerprint::of(&one.hash)).collect();
        let journal = Self {
            connection,
            file: identity(&path),
            path,
            dir: dir.to_owned(),
            resumed: true,
            structures,
            recorded: Some(recorded),
            lock: Some(lock),
        };
        journal.check_writable()?;
        Ok(journal)
    }

    /// The number of the worker that joined last; 0 where none has.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn last_worker(&self) -> Result<u32, JournalError> {
        self.connection
            .query_row("SELECT coalesce(max(id), 0) FROM workers", [], |row| row.get(0))
            .map_err(|error| schema::classify("read", &self.path, error))
    }

    /// The pauses that users have made of this run so far.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn pauses(&self) -> Result<Pauses, JournalError> {
        events::pauses(&self.connection).map_err(|error| schema::classify("read", &self.path, error))
    }

    /// A journal without a file, for simulations.
    #[cfg(test)]
    pub(crate) fn in_memory(info: &RunInfo) -> Result<Self, JournalError> {
        let path = PathBuf::from(":memory:");
        let connection = schema::open_to_write(&path)?;
        begin(&connection, &path, info)?;
        let structures = HashSet::new();
        let recorded = None;
        let (dir, file) = (PathBuf::new(), None);
        Ok(Self { connection, path, dir, file, resumed: false, structures, recorded, lock: None })
    }

    /// The run directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Names the process that whoever wants this run's owner is to turn to, where it is not this one.
    ///
    /// # Errors
    /// Where the lock's file cannot be written.
    pub fn name_owner(&mut self, pid: u32) -> Result<(), JournalError> {
        let path = self.dir.join(lock::LOCK_FILE);
        let lock = self.lock.as_mut();
        lock.map_or(Ok(()), |lock| lock.name(pid)).map_err(|source| file_error("write", &path, source))
    }

    /// Whether an earlier run was taken up.
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Records all of `entries`, in their order, or none. When this returns, they are on the disk.
    /// `elapsed_s` is how long the run has taken, interruptions left out.
    ///
    /// # Errors
    /// `Full`, `ReadOnly`, `Vanished`, .. : nothing of the batch is recorded, and it may be tried again.
    /// `Contradiction`: an entry does not fit what is recorded.
    pub fn commit(&mut self, elapsed_s: f64, entries: &[Entry]) -> Result<(), JournalError> {
        self.check_present()?;
        let path = &self.path;
        let failed = |error| schema::classify("write", path, error);
        let born = new_structures(&self.structures, entries)
            .map_err(|detail| JournalError::Contradiction { path: path.clone(), detail })?;
        let transaction = self.connection.transaction().map_err(failed)?;
        let moment = log::begin(&transaction, unix_ms(), elapsed_s).map_err(failed)?;
        let pen = Pen::new(&transaction);
        for entry in entries {
            write::write(&pen, moment, entry).map_err(|refusal| match refusal {
                Refusal::Database(error) => schema::classify("write", path, error),
                Refusal::Contradiction(detail) => JournalError::Contradiction { path: path.clone(), detail },
            })?;
        }
        pen.execute("UPDATE run SET elapsed_s = max(elapsed_s, ?1)", [elapsed_s]).map_err(failed)?;
        drop(pen);
        transaction.commit().map_err(failed)?;
        self.structures.extend(born);
        self.recorded = None;
        Ok(())
    }

    /// Everything recorded so far.
    ///
    /// # Errors
    /// Where the journal cannot be read or makes no sense.
    pub fn record(&self) -> Result<RunRecord, JournalError> {
        record::read_all(&self.connection, &self.path)
    }

    /// Everything recorded before this run was begun or taken up again, where nothing has been recorded since: it was
    /// read already.
    ///
    /// # Errors
    /// As `record`.
    pub fn take_record(&mut self) -> Result<RunRecord, JournalError> {
        self.recorded.take().map_or_else(|| self.record(), Ok)
    }

    /// Everything recorded so far, with all events in their order.
    #[cfg(test)]
    pub(crate) fn history(&self) -> Result<History, JournalError> {
        record::read_history(&self.connection, &self.path)
    }

    /// The weights that an evaluation left, where they are kept.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn weights(
        &self,
        evaluation: crate::protocol::EvaluationId,
    ) -> Result<Option<hatchery_models::training::outcome::Weights>, JournalError> {
        weights::read(&self.connection, &self.path, evaluation)
    }

    /// Folds the write-ahead log into the database, so that the file can be copied alone.
    ///
    /// # Errors
    /// Where the disk is full or a reader is in the way; nothing is lost then.
    pub fn fold(&self) -> Result<(), JournalError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| schema::classify("fold", &self.path, error))
    }

    /// What is written to a file that nobody can find any more is lost without a word.
    fn check_present(&self) -> Result<(), JournalError> {
        if self.file.is_none() || identity(&self.path) == self.file {
            return Ok(());
        }
        let deleted = self.lock.as_ref().is_some_and(RunLock::is_deleted);
        Err(JournalError::Vanished { dir: self.dir.clone(), deleted })
    }

    /// Asks for the right to write at once, not when the first network is trained.
    fn check_writable(&self) -> Result<(), JournalError> {
        self.connection
            .execute_batch("BEGIN IMMEDIATE; UPDATE run SET elapsed_s = elapsed_s; COMMIT")
            .map_err(|error| schema::classify("write", &self.path, error))
    }

    /// Changes what is recorded, as nobody should.
    #[cfg(test)]
    pub(crate) fn tamper(&self, statement: &str) -> usize {
        self.connection.execute(statement, []).unwrap()
    }

    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages: u32) {
        self.connection.pragma_update(None, "max_page_count", pages).unwrap();
    }

    #[cfg(test)]
    pub(crate) fn pages(&self) -> u32 {
        self.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()
    }
}

/// Which file lies there: its device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Everything recorded, and beside that, since both take a while, whether every page is sound: what an unsound journal
/// says is not believed.
fn read_and_checked(connection: &Connection, path: &Path) -> Result<RunRecord, JournalError> {
    std::thread::scope(|scope| {
        let checking = scope.spawn(|| schema::check_sound(&schema::open_to_read(path)?, path));
        let recorded = record::read_all(connection, path);
        checking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        recorded
    })
}

/// The structures that are born in a batch; or who has one that is known.
fn new_structures(known: &HashSet<Fingerprint>, entries: &[Entry]) -> Result<HashSet<Fingerprint>, String> {
    let mut born = HashSet::new();
    for entry in entries {
        if let Entry::Born(individual) = entry {
            let structure = Fingerprint::of(&individual.hash);
            if known.contains(&structure) || !born.insert(structure) {
                return Err(format!("individual {} is like another: {}", individual.id, individual.hash));
            }
        }
    }
    Ok(born)
}

/// Creates the tables and records what the run is about: all, or nothing.
fn begin(connection: &Connection, path: &Path, info: &RunInfo) -> Result<(), JournalError> {
    let failed = |error| schema::classify("create", path, error);
    let problem = serde_json::to_string(&info.problem)
        .map_err(|error| JournalError::Contradiction { path: path.to_owned(), detail: error.to_string() })?;
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    schema::create_tables(&transaction).map_err(failed)?;
    transaction
        .execute(
            "INSERT INTO run
             (id, experiment, data_source, data_hash, problem, program_version, started_ms, elapsed_s, stage)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, 0, 'search')",
            rusqlite::params![
                info.experiment,
                info.data_source,
                info.data_hash,
                problem,
                info.program_version,
                unix_ms()
            ],
        )
        .map_err(failed)?;
    log::note_begin(&transaction, unix_ms(), info).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Where there is no run yet, there is none to go on with.
fn at_begin(error: JournalError) -> JournalError {
    match error {
        JournalError::Full { path } => JournalError::FullAtBegin { path },
        other => other,
    }
}

/// A run that could not be begun leaves nothing behind that would be in the way of the next. What cannot be removed
/// stays: why it could not be begun is the news.
fn undo_creation(dir: &Path, existed: bool, files: &[String]) {
    for file in files {
        let _ = std::fs::remove_file(dir.join(file));
    }
    if !existed {
        // Only where it is empty.
        let _ = std::fs::remove_dir(dir);
    }
}

/// Whether something lies in `dir` that a new run might harm.
fn is_taken(dir: &Path) -> Result<bool, JournalError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(true),
        Err(error) => return Err(file_error("read", dir, error)),
    };
    for entry in entries {
        let name = entry.map_err(|source| file_error("read", dir, source))?.file_name();
        if !TOLERATED.iter().any(|tolerated| name == *tolerated) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
