//! The events of a run, read back with all that they hold: what a line of the log leaves out, since the row that it is
//! about says it, is put in again. Who keeps count of a run needs less (`milestones`).

use super::schema;
use crate::protocol::{EvaluationId, IndividualId, Maker};
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};

/// The pauses that users have made of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pauses {
    /// Seconds of those that are over, added up. They are in the run's elapsed seconds, and in its recorded budget.
    pub closed_seconds: f64,
    /// Seconds of the run when the one began that its last life has neither ended nor resumed.
    pub open_since: Option<f64>,
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

/// Lines with what they may have left out.
const OF_THE_LOG: &str = "
    SELECT log.number, unix_ms, elapsed_s, log.kind, log.evaluation, log.individual, detail,
        operation, parents, trials.kind, attempt, outcome, score, seconds
    FROM log JOIN moments ON moments.id = log.moment
    LEFT JOIN networks ON log.kind = 'born' AND detail IS NULL AND networks.id = log.individual
    LEFT JOIN trials ON log.kind IN ('queued', 'finished') AND detail IS NULL AND trials.id = log.evaluation";

/// Before version 4, lines held all of it.
const OLDER: &str = "
    SELECT number, unix_ms, elapsed_s, kind, evaluation, individual, detail,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM events AS log";

/// Of these an evaluation has several, and nobody counts them.
const STEPS: &str = "'ordered', 'discarded', 'leased', 'planned', 'told', 'weights_kept', 'weights_dropped'";

/// A page of the events that whoever keeps count of a run wants to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Milestones {
    /// Without what the row that each is about says.
    pub events: Vec<EventRecord>,
    /// Number of the last line that was looked at, and is in no later page.
    pub last: i64,
    /// Whether there may be more.
    pub is_full: bool,
}

/// Milestones among the `count_max` events with numbers above `after`.
pub(super) fn milestones(
    connection: &Connection,
    after: i64,
    count_max: u32,
) -> rusqlite::Result<Milestones> {
    let (lines, moments) = if schema::version(connection)? >= 4 {
        ("log", "JOIN moments ON moments.id = log.moment")
    } else {
        ("events AS log", "")
    };
    let (count, last): (u32, Option<i64>) = connection
        .prepare_cached(&format!(
            "SELECT count(*), max(number) FROM (SELECT number FROM {lines} WHERE number > ?1 ORDER BY number LIMIT ?2)"
        ))?
        .query_row([after, i64::from(count_max)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let last = last.unwrap_or(after);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT number, unix_ms, elapsed_s, kind, evaluation, individual, coalesce(detail, '{{}}') FROM {lines} {moments}
         WHERE number > ?1 AND number <= ?2 AND kind NOT IN ({STEPS}) ORDER BY number"
    ))?;
    let events = statement.query_map([after, last], event)?.collect::<rusqlite::Result<_>>()?;
    Ok(Milestones { events, last, is_full: count == count_max })
}

/// Seconds of the run when a user paused it, where its last life has neither ended nor resumed since.
pub(super) fn paused_since(connection: &Connection) -> rusqlite::Result<Option<f64>> {
    let last = connection.query_row(
        "SELECT elapsed_s FROM events WHERE kind = 'paused' AND number =
         (SELECT max(number) FROM events WHERE kind IN ('paused', 'unpaused', 'ended'))",
        [],
        |row| row.get(0),
    );
    last.optional()
}

/// What a run's pauses have come to.
pub(super) fn pauses(connection: &Connection) -> rusqlite::Result<Pauses> {
    let mut statement = connection.prepare("SELECT detail FROM events WHERE kind = 'unpaused'")?;
    let details = statement.query_map([], |row| row.get::<_, Option<String>>(0))?;
    let mut closed_seconds = 0.0;
    for detail in details {
        let detail: Value = serde_json::from_str(&detail?.unwrap_or_default()).unwrap_or_default();
        closed_seconds += detail.get("seconds").and_then(Value::as_f64).unwrap_or(0.0).max(0.0);
    }
    Ok(Pauses { closed_seconds, open_since: paused_since(connection)? })
}

/// Events with numbers above `after`, oldest first; all, or so many.
pub(super) fn read(
    connection: &Connection,
    after: i64,
    count_max: Option<u32>,
) -> rusqlite::Result<Vec<EventRecord>> {
    let lines = if schema::version(connection)? >= 4 { OF_THE_LOG } else { OLDER };
    let mut statement =
        connection.prepare_cached(&format!("{lines} WHERE log.number > ?1 ORDER BY log.number LIMIT ?2"))?;
    let rows = statement.query_map([after, count_max.map_or(-1, i64::from)], event)?;
    rows.collect()
}

fn event(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    let kind: String = row.get(3)?;
    let detail = match row.get(6)? {
        Some(detail) => detail,
        None => left_out(&kind, row)?.to_string(),
    };
    Ok(EventRecord {
        number: row.get(0)?,
        unix_ms: row.get(1)?,
        elapsed_seconds: row.get(2)?,
        kind,
        evaluation: row.get::<_, Option<i64>>(4)?.map(|id| EvaluationId(id.cast_unsigned())),
        individual: row.get::<_, Option<i64>>(5)?.map(|id| IndividualId(id.cast_unsigned())),
        detail,
    })
}

/// What a line without detail has left out (`tables::LOG`).
fn left_out(kind: &str, row: &Row<'_>) -> rusqlite::Result<Value> {
    let text = |column: usize| row.get::<_, Option<String>>(column);
    Ok(match kind {
        "ordered" => json!({"draw": 0, "maker": Maker::Breeder.word(), "expected": null}),
        "born" => {
            // Where somebody has taken the row away, the event says that nothing is known.
            let parents = text(8)?.and_then(|parents| serde_json::from_str::<Value>(&parents).ok());
            json!({"operation": text(7)?, "parents": parents})
        }
        "queued" => json!({"kind": text(9)?}),
        "finished" => json!({
            "attempt": row.get::<_, Option<u32>>(10)?,
            "outcome": text(11)?,
            "score": row.get::<_, Option<f64>>(12)?,
            "seconds": row.get::<_, Option<f64>>(13)?,
        }),
        _ => json!({}),
    })
}
