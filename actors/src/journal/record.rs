//! The read model: a run as the commands `list`, `show`, `status`, `export` and the report see it, and as a run that
//! goes on is rebuilt from.

use super::entry::{End, Stage};
use super::error::JournalError;
use super::{JOURNAL_FILE, RunInfo, curve, schema};
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, Maker};
use hatchery_models::training::outcome::{EpochReport, Outcome, Weights};
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A whole run, as recorded at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// What it is about.
    pub info: RunInfo,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// How long it has taken, in seconds, interruptions left out.
    pub elapsed_seconds: f64,
    /// Where it stands.
    pub stage: Stage,
    /// How it ended; `None` while it runs, and where it was killed.
    pub end: Option<End>,
    /// When it ended, Unix milliseconds.
    pub ended_ms: Option<i64>,
    /// All individuals in the order of birth.
    pub individuals: Vec<Arc<Individual>>,
    /// All evaluations in the order of their ids.
    pub evaluations: Vec<EvaluationRecord>,
    /// The winner, once there is one.
    pub final_result: Option<FinalRecord>,
}

/// One evaluation and whose it is. What is not known yet is `None` or zero.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationRecord {
    /// Its number.
    pub id: EvaluationId,
    /// Whose it is: genome, summary, parents, operation, parameters, multiply-adds.
    pub individual: Arc<Individual>,
    /// What for.
    pub kind: LeaseKind,
    /// Where it stands.
    pub state: EvaluationState,
    /// How often it was handed out.
    pub attempt: u32,
    /// How often its trainer was lost.
    pub losses: u32,
    /// Who has, or last had it.
    pub trainer: Option<String>,
    /// Planned epochs.
    pub epochs: u32,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Best validation score (accuracy, or R squared); of a test, the test's; of the final training, none.
    pub score: Option<f64>,
    /// Validation loss of the epoch with the best score.
    pub loss: Option<f64>,
    /// One report per epoch.
    pub curve: Vec<EpochReport>,
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds from genome to the first finished step.
    pub build_seconds: f64,
    /// Seconds that one sample takes through the finished network, where that was measured.
    pub latency_seconds: Option<f64>,
    /// The evaluation whose weights it began with, as of its last hand-out.
    pub inherits: Option<EvaluationId>,
    /// Training steps.
    pub steps: u64,
    /// Training samples seen.
    pub images: u64,
    /// Explanation where it did not complete; empty otherwise.
    pub message: String,
    /// When it was queued, Unix milliseconds.
    pub queued_ms: i64,
    /// When it was last handed out, Unix milliseconds.
    pub started_ms: Option<i64>,
    /// When it ended, Unix milliseconds.
    pub finished_ms: Option<i64>,
    /// Whether its weights are kept.
    pub has_weights: bool,
}

/// Where an evaluation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationState {
    /// Waits to be handed out.
    Queued,
    /// A trainer has it, or had it when the run was killed.
    Running,
    /// Ended.
    Finished,
}

/// The winner.
#[derive(Clone, Debug, PartialEq)]
pub struct FinalRecord {
    /// Who.
    pub individual: IndividualId,
    /// The evaluation whose weights are handed over.
    pub evaluation: EvaluationId,
    /// Whether those were trained on training and validation samples together.
    pub retrained: bool,
    /// Score on the test samples; `None` where it has not been tested.
    pub test_score: Option<f64>,
    /// Mean loss on the test samples.
    pub test_loss: Option<f64>,
    /// When it was tested, Unix milliseconds.
    pub tested_ms: Option<i64>,
}

/// One line of the event log.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Its number, rising.
    pub number: i64,
    /// When, Unix milliseconds.
    pub unix_ms: i64,
    /// When, in seconds since the run began, interruptions left out.
    pub elapsed_seconds: f64,
    /// What kind; see `Entry::word`.
    pub kind: String,
    /// The evaluation that it is about.
    pub evaluation: Option<EvaluationId>,
    /// The individual that it is about.
    pub individual: Option<IndividualId>,
    /// The rest, JSON.
    pub detail: String,
}

/// A run and everything that has happened in it.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// What has come of it.
    pub record: RunRecord,
    /// The events in the order in which they happened.
    pub events: Vec<EventRecord>,
}

impl RunRecord {
    /// The search's finished evaluations that have a score, best first (score, then loss, then age).
    pub fn ranking(&self) -> Vec<&EvaluationRecord> {
        let mut ranked: Vec<_> = self
            .evaluations
            .iter()
            .filter(|evaluation| evaluation.kind == LeaseKind::Search && evaluation.has_fitness())
            .collect();
        ranked.sort_by(|one, other| {
            let key = |record: &EvaluationRecord| {
                (record.score.unwrap_or(f64::NEG_INFINITY), -record.loss.unwrap_or(f64::INFINITY))
            };
            let ((score, loss), (other_score, other_loss)) = (key(one), key(other));
            other_score.total_cmp(&score).then(other_loss.total_cmp(&loss)).then(one.id.cmp(&other.id))
        });
        ranked
    }

    /// How many evaluations of the search ended in each way, most frequent first.
    pub fn outcomes(&self) -> Vec<(Outcome, u32)> {
        let mut counts: BTreeMap<&str, (Outcome, u32)> = BTreeMap::new();
        for outcome in
            self.evaluations.iter().filter(|e| e.kind == LeaseKind::Search).filter_map(|e| e.outcome)
        {
            counts.entry(outcome.word()).or_insert((outcome, 0)).1 += 1;
        }
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counts
    }

    /// The individual of this number.
    pub fn individual(&self, id: IndividualId) -> Option<&Arc<Individual>> {
        let at = self.individuals.binary_search_by_key(&id, |individual| individual.id).ok()?;
        self.individuals.get(at)
    }

    /// All evaluations of one individual.
    pub fn evaluations_of(&self, id: IndividualId) -> impl Iterator<Item = &EvaluationRecord> {
        self.evaluations.iter().filter(move |evaluation| evaluation.individual.id == id)
    }
}

impl EvaluationRecord {
    /// Whether it ended in a way that gives it a score to compare by.
    pub fn has_fitness(&self) -> bool {
        self.outcome.is_some_and(Outcome::has_fitness) && self.score.is_some_and(f64::is_finite)
    }
}

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

/// What a run is about, where it stands, and how many individuals were born in it: what can be read at once, however
/// long the run has been.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// What it is about.
    pub info: RunInfo,
    /// Where it stands.
    pub stage: Stage,
    /// Individuals born.
    pub born: u64,
}

/// Reads the outline of the run in `dir`.
///
/// # Errors
/// As `read`.
pub fn outline(dir: &Path) -> Result<Outline, JournalError> {
    let (connection, path) = open(dir)?;
    let query = || -> rusqlite::Result<Outline> {
        let run = read_run(&connection)?;
        let born: i64 = connection.query_row("SELECT count(*) FROM individuals", [], |row| row.get(0))?;
        Ok(Outline { info: run.info, stage: run.stage, born: born.unsigned_abs() })
    };
    query().map_err(|error| unreadable(error, &path))
}

/// Reads the weights that an evaluation left; `None` where they are not kept.
///
/// # Errors
/// As `read`.
pub fn weights(dir: &Path, evaluation: EvaluationId) -> Result<Option<Weights>, JournalError> {
    let (connection, path) = open(dir)?;
    read_weights(&connection, &path, evaluation)
}

/// Reads at most `count_max` events with numbers above `after`, oldest first.
///
/// # Errors
/// As `read`.
pub fn events(dir: &Path, after: i64, count_max: u32) -> Result<Vec<EventRecord>, JournalError> {
    let (connection, path) = open(dir)?;
    read_events(&connection, after, count_max).map_err(|error| schema::classify("read", &path, error))
}

pub(super) fn read_events(
    connection: &Connection,
    after: i64,
    count_max: u32,
) -> rusqlite::Result<Vec<EventRecord>> {
    let mut statement = connection.prepare(
        "SELECT number, unix_ms, elapsed_s, kind, evaluation, individual, detail FROM events
         WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let rows = statement.query_map([after, i64::from(count_max)], event_row)?;
    rows.collect()
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
    let events = || -> rusqlite::Result<Vec<EventRecord>> {
        let mut statement = connection.prepare(
            "SELECT number, unix_ms, elapsed_s, kind, evaluation, individual, detail FROM events ORDER BY number",
        )?;
        statement.query_map([], event_row)?.collect()
    };
    Ok(History {
        record: read_all(connection, path)?,
        events: events().map_err(|error| schema::classify("read", path, error))?,
    })
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

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    Ok(EventRecord {
        number: row.get(0)?,
        unix_ms: row.get(1)?,
        elapsed_seconds: row.get(2)?,
        kind: row.get(3)?,
        evaluation: row.get::<_, Option<i64>>(4)?.map(|id| EvaluationId(id.cast_unsigned())),
        individual: row.get::<_, Option<i64>>(5)?.map(|id| IndividualId(id.cast_unsigned())),
        detail: row.get(6)?,
    })
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
    query().map_err(|error| unreadable(error, path))
}

pub(super) fn unreadable(error: rusqlite::Error, path: &Path) -> JournalError {
    match error {
        // A cell that does not hold what we write there.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::QueryReturnedNoRows => {
            JournalError::Corrupt { path: path.to_owned(), detail: error.to_string() }
        }
        error => schema::classify("read", path, error),
    }
}

/// Reads one evaluation's weights.
pub(super) fn read_weights(
    connection: &Connection,
    path: &Path,
    evaluation: EvaluationId,
) -> Result<Option<Weights>, JournalError> {
    let row = connection.query_row(
        "SELECT parameters, statistics FROM weights WHERE evaluation = ?1",
        [super::write::integer(evaluation.0)],
        |row| {
            Ok(Weights {
                parameters: floats(&row.get::<_, Vec<u8>>(0)?),
                statistics: floats(&row.get::<_, Vec<u8>>(1)?),
            })
        },
    );
    match row {
        Ok(weights) => Ok(Some(weights)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(schema::classify("read", path, error)),
    }
}

fn read_run(connection: &Connection) -> rusqlite::Result<RunRecord> {
    connection.query_row(
        "SELECT experiment, data_source, data_hash, problem, program_version, started_ms, elapsed_s, stage,
         ended_ms, ending FROM run",
        [],
        |row| {
            Ok(RunRecord {
                info: RunInfo {
                    experiment: row.get(0)?,
                    data_source: row.get(1)?,
                    data_hash: row.get(2)?,
                    problem: json(row, 3)?,
                    program_version: row.get(4)?,
                },
                started_ms: row.get(5)?,
                elapsed_seconds: row.get(6)?,
                stage: word(row, 7, |word| ALL_STAGES.into_iter().find(|stage| stage.word() == word))?,
                ended_ms: row.get(8)?,
                end: row.get::<_, Option<String>>(9)?.map(|_| json(row, 9)).transpose()?,
                individuals: Vec::new(),
                evaluations: Vec::new(),
                final_result: None,
            })
        },
    )
}

const ALL_STAGES: [Stage; 5] = [Stage::Search, Stage::Crown, Stage::Final, Stage::Test, Stage::Done];

fn read_individuals(connection: &Connection) -> rusqlite::Result<Vec<Arc<Individual>>> {
    // Before version 3 there was the Breeder alone.
    let maker = if schema::has_columns_of_version_3(connection)? { "maker" } else { "'breeder'" };
    let mut statement = connection.prepare(&format!(
        "SELECT id, genome, summary, hash, parents, operation, parameters, multiply_adds, {maker}
         FROM individuals ORDER BY id",
    ))?;
    let rows = statement.query_map([], |row| individual_row(row).map(Arc::new))?;
    rows.collect()
}

pub(super) fn individual_row(row: &Row<'_>) -> rusqlite::Result<Individual> {
    Ok(Individual {
        id: IndividualId(count(row, 0)?),
        genome: json(row, 1)?,
        summary: row.get(2)?,
        hash: row.get(3)?,
        parents: json(row, 4)?,
        operation: row.get(5)?,
        parameters: count(row, 6)?,
        multiply_adds: count(row, 7)?,
        maker: word(row, 8, |word| Maker::ALL.into_iter().find(|maker| maker.word() == word))?,
    })
}

fn read_evaluations(
    connection: &Connection,
    individuals: &[Arc<Individual>],
) -> rusqlite::Result<Vec<EvaluationRecord>> {
    // Older journals are read as they are: only a run that goes on brings its own up to date.
    let newer =
        if schema::has_columns_of_version_3(connection)? { "latency_s, inherits" } else { "NULL, NULL" };
    let mut statement = connection.prepare(&format!(
        "SELECT id, individual, kind, epochs, state, attempt, losses, trainer, outcome, score, loss, curve, seconds,
         build_seconds, steps, images, message, queued_ms, started_ms, finished_ms,
         EXISTS (SELECT 1 FROM weights WHERE weights.evaluation = evaluations.id), {newer}
         FROM evaluations ORDER BY id"
    ))?;
    let rows = statement.query_map([], |row| evaluation_row(row, individuals))?;
    rows.collect()
}

pub(super) fn evaluation_row(
    row: &Row<'_>,
    individuals: &[Arc<Individual>],
) -> rusqlite::Result<EvaluationRecord> {
    let owner = IndividualId(count(row, 1)?);
    let individual = individuals
        .binary_search_by_key(&owner, |individual| individual.id)
        .ok()
        .and_then(|at| individuals.get(at))
        .ok_or_else(|| bad_cell(1, format!("there is no individual {owner}")))?;
    let curve_text = row.get::<_, Option<String>>(11)?;
    Ok(EvaluationRecord {
        id: EvaluationId(count(row, 0)?),
        individual: Arc::clone(individual),
        kind: word(row, 2, |word| LeaseKind::ALL.into_iter().find(|kind| kind.word() == word))?,
        epochs: row.get(3)?,
        state: word(row, 4, EvaluationState::parse)?,
        attempt: row.get(5)?,
        losses: row.get(6)?,
        trainer: row.get(7)?,
        outcome: row
            .get::<_, Option<String>>(8)?
            .map(|_| word(row, 8, |word| Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)))
            .transpose()?,
        score: row.get(9)?,
        loss: row.get(10)?,
        curve: match curve_text {
            Some(text) => curve::from_json(&text).map_err(|error| bad_cell(11, error.to_string()))?,
            None => Vec::new(),
        },
        seconds: row.get::<_, Option<f64>>(12)?.unwrap_or(0.0),
        build_seconds: row.get::<_, Option<f64>>(13)?.unwrap_or(0.0),
        steps: row.get::<_, Option<i64>>(14)?.unwrap_or(0).cast_unsigned(),
        images: row.get::<_, Option<i64>>(15)?.unwrap_or(0).cast_unsigned(),
        message: row.get::<_, Option<String>>(16)?.unwrap_or_default(),
        queued_ms: row.get(17)?,
        started_ms: row.get(18)?,
        finished_ms: row.get(19)?,
        has_weights: row.get(20)?,
        latency_seconds: row.get(21)?,
        inherits: row.get::<_, Option<i64>>(22)?.map(|id| EvaluationId(id.cast_unsigned())),
    })
}

impl EvaluationState {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "queued" => Some(Self::Queued),
            "running" => Some(Self::Running),
            "finished" => Some(Self::Finished),
            _ => None,
        }
    }
}

fn read_final(connection: &Connection) -> rusqlite::Result<Option<FinalRecord>> {
    let row = connection.query_row(
        "SELECT individual, evaluation, retrained, test_score, test_loss, tested_ms FROM final_result",
        [],
        |row| {
            Ok(FinalRecord {
                individual: IndividualId(count(row, 0)?),
                evaluation: EvaluationId(count(row, 1)?),
                retrained: row.get(2)?,
                test_score: row.get(3)?,
                test_loss: row.get(4)?,
                tested_ms: row.get(5)?,
            })
        },
    );
    match row {
        Ok(record) => Ok(Some(record)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|error| bad_cell(column, error.to_string()))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| bad_cell(column, error.to_string()))
}

pub(super) fn word<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| bad_cell(column, format!("unknown word {text:?}")))
}

fn bad_cell(column: usize, detail: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, detail.into())
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}
