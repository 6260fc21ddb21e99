//! A journal that is looked at again and again while its run goes on: one connection for reading, and questions that
//! take as long as their answers, not as long as the run has been.
//!
//! It is for whoever watches a run. A reader never holds a lock for long and never keeps the writer waiting.

use super::error::JournalError;
use super::events::Milestones;
use super::record::{self, EvaluationRecord};
use super::rows::{self, integer};
use super::{events, schema, weights};
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, Maker};
use hatchery_models::training::outcome::{Outcome, Weights};
use rusqlite::{Connection, OptionalExtension, Row};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Characters of a message that a list shows.
const MESSAGE_CHARS_MAX: u32 = 500;

/// A journal, open for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// An ended evaluation as lists and charts want it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Which.
    pub id: EvaluationId,
    /// Whose.
    pub individual: IndividualId,
    /// What for.
    pub kind: LeaseKind,
    /// How.
    pub outcome: Outcome,
    /// Best validation score.
    pub score: Option<f64>,
    /// Its loss.
    pub loss: Option<f64>,
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds that one sample takes, where that was measured.
    pub latency_seconds: Option<f64>,
    /// Training samples seen.
    pub images: u64,
    /// Node and slot.
    pub trainer: Option<String>,
    /// The begin of the explanation where it did not complete.
    pub message: String,
}

/// An individual as lists and charts want it.
#[derive(Clone, Debug, PartialEq)]
pub struct Born {
    /// Who.
    pub id: IndividualId,
    /// Who made it.
    pub maker: Maker,
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
    /// The genome in one line.
    pub summary: String,
    /// Its parents.
    pub parents: Vec<IndividualId>,
}

impl Reader {
    /// Opens the journal of the run in `dir`.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let (connection, path) = record::open(dir)?;
        Ok(Self { connection, path })
    }

    /// When a user has paused the run that its last life has neither ended nor resumed, in seconds since it began,
    /// interruptions left out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn paused_since(&self) -> Result<Option<f64>, JournalError> {
        events::paused_since(&self.connection).map_err(|error| schema::classify("read", &self.path, error))
    }

    /// The milestones among at most `count_max` events with numbers above `after`, oldest first.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn milestones(&self, after: i64, count_max: u32) -> Result<Milestones, JournalError> {
        self.say(events::milestones(&self.connection, after, count_max))
    }

    /// Reads several things of one moment: whatever is written meanwhile is not seen, and the journal is opened to
    /// reading once, not for each.
    ///
    /// # Errors
    /// Where the journal cannot be read, and what `read` says.
    pub fn at_one_moment<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let moment = self.say(self.connection.unchecked_transaction())?;
        let outcome = read(self);
        drop(moment);
        outcome
    }

    /// An evaluation that has ended.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn ended(&self, id: EvaluationId) -> Result<Option<Ended>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, individual, kind, outcome, score, loss, seconds, latency_s, images, trainer,
                 substr(message, 1, ?2) FROM evaluations WHERE id = ?1 AND state = 'finished'",
            )?;
            statement.query_row([integer(id.0), i64::from(MESSAGE_CHARS_MAX)], ended_row).optional()
        };
        self.say(query())
    }

    /// An individual.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn born(&self, id: IndividualId) -> Result<Option<Born>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, maker, parameters, multiply_adds, summary, parents FROM individuals WHERE id = ?1",
            )?;
            statement.query_row([integer(id.0)], born_row).optional()
        };
        self.say(query())
    }

    /// All of an individual.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn individual(&self, id: IndividualId) -> Result<Option<Arc<Individual>>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, genome, summary, hash, parents, operation, parameters, multiply_adds, maker
                 FROM individuals WHERE id = ?1",
            )?;
            statement.query_row([integer(id.0)], rows::individual_row).optional()
        };
        Ok(self.say(query())?.map(Arc::new))
    }

    /// All of these evaluations of one individual.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn evaluations(
        &self,
        individual: &Arc<Individual>,
        ids: &[EvaluationId],
    ) -> Result<Vec<EvaluationRecord>, JournalError> {
        let owner = std::slice::from_ref(individual);
        let query = |id: &EvaluationId| {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, individual, kind, epochs, state, attempt, losses, trainer, outcome, score, loss, curve,
                 seconds, build_seconds, steps, images, message, queued_ms, started_ms, finished_ms,
                 EXISTS (SELECT 1 FROM weights WHERE weights.evaluation = evaluations.id), latency_s, inherits
                 FROM evaluations WHERE id = ?1",
            )?;
            statement.query_row([integer(id.0)], |row| rows::evaluation_row(row, owner))
        };
        self.say(ids.iter().map(query).collect())
    }

    /// The individuals whose line contains this text, however its letters are written.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn matching(&self, text: &str) -> Result<Vec<IndividualId>, JournalError> {
        let query = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT id FROM individuals WHERE instr(lower(summary), lower(?1)) > 0 ORDER BY id",
            )?;
            let ids = statement.query_map([text], |row| Ok(IndividualId(rows::count(row, 0)?)))?;
            ids.collect()
        };
        self.say(query())
    }

    /// The weights that an evaluation left; `None` where they are not kept.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn weights(&self, evaluation: EvaluationId) -> Result<Option<Weights>, JournalError> {
        weights::read(&self.connection, &self.path, evaluation)
    }

    /// When the run began, Unix milliseconds.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn started_ms(&self) -> Result<i64, JournalError> {
        self.say(self.connection.query_row("SELECT started_ms FROM run", [], |row| row.get(0)))
    }

    /// Bytes on the disk, those of the write-ahead log included.
    pub fn bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        size(&self.path) + size(&self.path.with_extension("sqlite-wal"))
    }

    fn say<T>(&self, outcome: rusqlite::Result<T>) -> Result<T, JournalError> {
        outcome.map_err(|error| schema::unreadable(error, &self.path))
    }
}

fn ended_row(row: &Row<'_>) -> rusqlite::Result<Ended> {
    Ok(Ended {
        id: EvaluationId(rows::count(row, 0)?),
        individual: IndividualId(rows::count(row, 1)?),
        kind: rows::word(row, 2, |word| LeaseKind::ALL.into_iter().find(|kind| kind.word() == word))?,
        outcome: rows::word(row, 3, |word| Outcome::ALL.into_iter().find(|outcome| outcome.word() == word))?,
        score: row.get(4)?,
        loss: row.get(5)?,
        seconds: row.get::<_, Option<f64>>(6)?.unwrap_or(0.0),
        latency_seconds: row.get(7)?,
        images: row.get::<_, Option<i64>>(8)?.unwrap_or(0).cast_unsigned(),
        trainer: row.get(9)?,
        message: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
    })
}

fn born_row(row: &Row<'_>) -> rusqlite::Result<Born> {
    Ok(Born {
        id: IndividualId(rows::count(row, 0)?),
        maker: rows::word(row, 1, |word| Maker::ALL.into_iter().find(|maker| maker.word() == word))?,
        parameters: rows::count(row, 2)?,
        multiply_adds: rows::count(row, 3)?,
        summary: row.get(4)?,
        parents: rows::json(row, 5)?,
    })
}
