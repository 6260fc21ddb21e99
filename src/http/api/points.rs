//! `GET /api/v1/points`: every ended evaluation of the search in columns, for charts.
//!
//! The whole of it is made once for each state of the run, however many ask: charts of long runs are large.

use crate::http::{
    answer::{Asked, Problem},
    archive::Shelf,
    kept::KeptPoints,
    ledger::{Known, Ledger, Outcomed},
    watched::Watched,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use hatchery_actors::protocol::Maker;
use hatchery_models::training::outcome::Outcome;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};
use utoipa::ToSchema;

/// Less than this is sent as it is.
const PACKED_BYTES_MIN: usize = 1 << 10;

/// Ended evaluations of the search in the order in which they ended, in columns of equal length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct PointsAnswer {
    /// After how many points these come.
    pub after: usize,
    /// What to ask for next time.
    pub next: usize,
    /// The individuals.
    ids: Vec<u64>,
    /// When they ended, in seconds since the run began.
    finished_s: Vec<f64>,
    /// `null` where there is none to compare by.
    scores: Vec<Option<f64>>,
    parameters: Vec<u64>,
    multiply_adds: Vec<u64>,
    /// How long they trained.
    seconds: Vec<f64>,
    /// Places in `outcome_words`.
    outcomes: Vec<usize>,
    outcome_words: Vec<String>,
    /// Places in `maker_words`.
    makers: Vec<usize>,
    maker_words: Vec<String>,
}

/// Which points.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PointsQuery {
    /// So many are known already.
    #[serde(default)]
    #[param(maximum = 4_294_967_295_u64)]
    after: u32,
}

/// All points, or those that have come since.
#[utoipa::path(get, path = "/api/v1/points", tag = "individuals", params(PointsQuery),
    responses((status = 200, body = PointsAnswer), (status = 400, body = crate::http::answer::ErrorAnswer)))]
pub async fn points(
    State(watched): State<Arc<Watched>>,
    Asked(PointsQuery { after }): Asked<PointsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (after, is_packed) = (after as usize, takes_gzip(&headers));
    let asker = Arc::clone(&watched);
    let bytes =
        watched.archive.ask(move |shelf| bytes_of(&asker.kept.points, shelf, after, is_packed)).await?;
    let is_packed = is_packed && bytes.starts_with(&GZIP_MAGIC);
    let mut response = ([(header::CONTENT_TYPE, "application/json")], bytes).into_response();
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// How a packed answer begins; JSON does not.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

fn takes_gzip(headers: &HeaderMap) -> bool {
    let taken = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut taken = taken.flat_map(|value| value.split(','));
    taken.any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next() == Some("gzip")
            && parts.all(|part| !matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn bytes_of(
    kept: &Mutex<KeptPoints>,
    shelf: &Shelf,
    after: usize,
    is_packed: bool,
) -> Result<Bytes, Problem> {
    let made = |after| {
        let text = serde_json::to_vec(&PointsAnswer::of(&shelf.ledger, after));
        text.map(Bytes::from).map_err(|error| Problem::defect(error.to_string()))
    };
    if after > 0 {
        let plain = made(after)?;
        return if is_packed { packed(&plain) } else { Ok(plain) };
    }
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let next = shelf.ledger.ended.len();
    if kept.next != next || kept.plain.is_none() {
        *kept = KeptPoints { next, plain: Some(made(0)?), packed: None };
    }
    let plain = kept.plain.clone().unwrap_or_default();
    if !is_packed {
        return Ok(plain);
    }
    if kept.packed.is_none() {
        kept.packed = Some(packed(&plain)?);
    }
    Ok(kept.packed.clone().unwrap_or(plain))
}

fn packed(plain: &Bytes) -> Result<Bytes, Problem> {
    if plain.len() < PACKED_BYTES_MIN {
        return Ok(plain.clone());
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::fast());
    let packed = encoder.write_all(plain).and_then(|()| encoder.finish());
    packed.map(Bytes::from).map_err(|error| Problem::defect(error.to_string()))
}

impl PointsAnswer {
    /// Those after so many.
    pub fn of(ledger: &Ledger, after: usize) -> Self {
        Self::of_at_most(ledger, after, usize::MAX)
    }

    /// Of those, so many at most.
    pub fn of_at_most(ledger: &Ledger, after: usize, count_max: usize) -> Self {
        let after = after.min(ledger.ended.len());
        let next = ledger.ended.len().min(after.saturating_add(count_max));
        let ended = ledger.ended.get(after..next).unwrap_or_default();
        let individuals = ended.iter().filter_map(|at| ledger.individuals().get(*at));
        let rows: Vec<(&Known, Outcomed)> =
            individuals.filter_map(|known| Some((known, known.result?))).collect();
        let column =
            |of: fn(&Known, Outcomed) -> u64| rows.iter().map(|(known, result)| of(known, *result)).collect();
        Self {
            after,
            next,
            ids: column(|known, _| known.id),
            finished_s: rows.iter().map(|(_, result)| short(result.ended_s)).collect(),
            scores: rows.iter().map(|(_, result)| result.score).collect(),
            parameters: column(|known, _| known.parameters),
            multiply_adds: column(|known, _| known.multiply_adds),
            seconds: rows.iter().map(|(_, result)| short(result.seconds)).collect(),
            outcomes: rows.iter().map(|(_, result)| place(&Outcome::ALL, result.outcome)).collect(),
            outcome_words: Outcome::ALL.iter().map(|outcome| outcome.word().to_owned()).collect(),
            makers: rows.iter().map(|(known, _)| place(&Maker::ALL, known.maker)).collect(),
            maker_words: Maker::ALL.iter().map(|maker| maker.word().to_owned()).collect(),
        }
    }
}

/// To the millisecond: a hundred thousand of them are sent.
fn short(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn place<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|other| *other == one).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_answers_go_to_those_who_take_them() {
        let taken = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
            takes_gzip(&headers)
        };
        assert!(taken("gzip") && taken("deflate, gzip;q=1.0, *;q=0.5"));
        assert!(!taken("br") && !taken("gzip;q=0") && !taken("identity") && !takes_gzip(&HeaderMap::new()));
    }
}
