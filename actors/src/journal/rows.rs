//! Rows of the tables, in any version, as values. What is asked for and when, it does not know (`record`).

use super::entry::Stage;
use super::facts::{EvaluationRecord, EvaluationState, FinalRecord, RunRecord};
use super::shorthand::{OF_CURVES, OF_GENOMES, expand};
use super::side_by_side::side_by_side;
use super::{RunInfo, curve, schema};
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, Maker};
use hatchery_models::genome::{Genome, GenomeHash};
use hatchery_models::training::outcome::Outcome;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::sync::Arc;

pub fn read_run(connection: &Connection) -> rusqlite::Result<RunRecord> {
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

pub fn read_individuals(connection: &Connection) -> rusqlite::Result<Vec<Arc<Individual>>> {
    let version = schema::version(connection)?;
    // Before version 3 there was the Breeder alone.
    let maker = if version >= 3 { "maker" } else { "'breeder'" };
    let table = if version >= 4 { "networks" } else { "individuals" };
    let mut statement = connection.prepare(&format!(
        "SELECT id, genome, summary, hash, parents, operation, parameters, multiply_adds, {maker}
         FROM {table} ORDER BY id",
    ))?;
    let rows = statement.query_map([], sheet)?;
    side_by_side(rows, |sheet| understood(sheet).map(Arc::new))
}

/// An individual as it is read: genome and parents are not understood yet.
struct Sheet {
    id: IndividualId,
    genome: String,
    summary: String,
    hash: String,
    parents: String,
    operation: String,
    parameters: u64,
    multiply_adds: u64,
    maker: Maker,
}

/// Of the columns that `read_individuals` asks for, of the table or of the view.
pub fn individual_row(row: &Row<'_>) -> rusqlite::Result<Individual> {
    understood(sheet(row)?)
}

fn sheet(row: &Row<'_>) -> rusqlite::Result<Sheet> {
    Ok(Sheet {
        id: IndividualId(count(row, 0)?),
        genome: row.get(1)?,
        summary: row.get(2)?,
        hash: hash(row, 3)?,
        parents: row.get(4)?,
        operation: row.get(5)?,
        parameters: count(row, 6)?,
        multiply_adds: count(row, 7)?,
        maker: word(row, 8, |word| Maker::ALL.into_iter().find(|maker| maker.word() == word))?,
    })
}

fn understood(sheet: Sheet) -> rusqlite::Result<Individual> {
    let Sheet { id, genome, summary, hash, parents, operation, parameters, multiply_adds, maker } = sheet;
    let bad = |column: usize, error: serde_json::Error| bad_cell(column, format!("individual {id}: {error}"));
    // In shorthand, or, where the journal is older, in full.
    let genome: Genome =
        serde_json::from_str(&expand(&genome, &OF_GENOMES)).map_err(|error| bad(1, error))?;
    Ok(Individual {
        id,
        genome: genome.into(),
        summary,
        hash,
        parents: serde_json::from_str(&parents).map_err(|error| bad(4, error))?,
        operation,
        parameters,
        multiply_adds,
        maker,
    })
}

pub fn read_evaluations(
    connection: &Connection,
    individuals: &[Arc<Individual>],
) -> rusqlite::Result<Vec<EvaluationRecord>> {
    // Older journals are read as they are: only a run that goes on brings its own up to date.
    let version = schema::version(connection)?;
    let newer = if version >= 3 { "latency_s, inherits" } else { "NULL, NULL" };
    let table = if version >= 4 { "trials" } else { "evaluations" };
    let mut statement = connection.prepare(&format!(
        "SELECT id, individual, kind, epochs, state, attempt, losses, trainer, outcome, score, loss, curve, seconds,
         build_seconds, steps, images, message, queued_ms, started_ms, finished_ms,
         EXISTS (SELECT 1 FROM weights WHERE weights.evaluation = {table}.id), {newer}
         FROM {table} ORDER BY id"
    ))?;
    let rows = statement.query_map([], |row| Ok((without_curve(row, individuals)?, row.get(CURVE)?)))?;
    side_by_side(rows, |(record, curve)| with_curve(record, curve))
}

/// Of the columns that `read_evaluations` asks for, of the table or of the view.
pub fn evaluation_row(row: &Row<'_>, individuals: &[Arc<Individual>]) -> rusqlite::Result<EvaluationRecord> {
    with_curve(without_curve(row, individuals)?, row.get(CURVE)?)
}

/// The column with the curve.
const CURVE: usize = 11;

fn with_curve(record: EvaluationRecord, text: Option<String>) -> rusqlite::Result<EvaluationRecord> {
    let Some(text) = text else { return Ok(record) };
    let curve = curve::from_json(&expand(&text, &OF_CURVES));
    let curve = curve.map_err(|error| bad_cell(CURVE, format!("evaluation {}: {error}", record.id)))?;
    Ok(EvaluationRecord { curve, ..record })
}

fn without_curve(row: &Row<'_>, individuals: &[Arc<Individual>]) -> rusqlite::Result<EvaluationRecord> {
    let owner = IndividualId(count(row, 1)?);
    let individual = individuals
        .binary_search_by_key(&owner, |individual| individual.id)
        .ok()
        .and_then(|at| individuals.get(at))
        .ok_or_else(|| bad_cell(1, format!("there is no individual {owner}")))?;
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
        curve: Vec::new(),
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

pub fn read_final(connection: &Connection) -> rusqlite::Result<Option<FinalRecord>> {
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

/// SQLite's integers have a sign; none of our counts comes near it.
pub fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|error| bad_cell(column, error.to_string()))
}

pub fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| bad_cell(column, error.to_string()))
}

/// As bytes, or, where it is no SHA-256 or the journal is older, as text.
fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => {
            let bytes: [u8; 32] = bytes.try_into().map_err(|_| bad_cell(column, "no hash".to_owned()))?;
            Ok(GenomeHash(bytes).to_string())
        }
        text => Ok(text.as_str()?.to_owned()),
    }
}

pub fn word<T>(row: &Row<'_>, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| bad_cell(column, format!("unknown word {text:?}")))
}

fn bad_cell(column: usize, detail: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, detail.into())
}

pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}
