//! The numbers that trainings leave, as the journal holds them: 32-bit floats, little-endian, with a digest by which
//! damage is noticed. SQLite checks the shape of its pages, not what stands in them.

use super::error::JournalError;
use super::pen::Pen;
use super::rows::{floats, integer};
use super::schema;
use crate::protocol::EvaluationId;
use hatchery_models::training::outcome::Weights;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Keeps what an evaluation left.
pub(super) fn keep(pen: &Pen<'_>, evaluation: EvaluationId, weights: &Weights) -> rusqlite::Result<()> {
    let (parameters, statistics) = (to_bytes(&weights.parameters), to_bytes(&weights.statistics));
    pen.execute(
        "INSERT OR REPLACE INTO weights (evaluation, parameters, statistics, digest) VALUES (?1, ?2, ?3, ?4)",
        params![integer(evaluation.0), parameters, statistics, digest(&parameters, &statistics)],
    )?;
    Ok(())
}

/// Reads one evaluation's; `None` where they are not kept.
pub(super) fn read(
    connection: &Connection,
    path: &Path,
    evaluation: EvaluationId,
) -> Result<Option<Weights>, JournalError> {
    let query = || -> rusqlite::Result<[Option<Vec<u8>>; 3]> {
        let digest = if schema::has_digests(connection)? { "digest" } else { "NULL" };
        connection.query_row(
            &format!("SELECT parameters, statistics, {digest} FROM weights WHERE evaluation = ?1"),
            [integer(evaluation.0)],
            |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]),
        )
    };
    let [parameters, statistics, written] = match query() {
        Ok(cells) => cells,
        Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
        Err(error) => return Err(schema::unreadable(error, path)),
    };
    let (parameters, statistics) = (parameters.unwrap_or_default(), statistics.unwrap_or_default());
    if written.is_some_and(|written| written != digest(&parameters, &statistics)) {
        let detail = format!("the weights of evaluation {evaluation} are not those that were written");
        return Err(JournalError::Corrupt { path: path.to_owned(), detail });
    }
    Ok(Some(Weights { parameters: floats(&parameters), statistics: floats(&statistics) }))
}

/// SHA-256 over the number of bytes of the parameters, these, and the statistics.
fn digest(parameters: &[u8], statistics: &[u8]) -> Vec<u8> {
    let length = (parameters.len() as u64).to_le_bytes();
    Sha256::new().chain_update(length).chain_update(parameters).chain_update(statistics).finalize().to_vec()
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
