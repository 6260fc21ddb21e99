//! The tables and views of the journal.
//!
//! People read the views `individuals`, `evaluations` and `events`, which have been the same in all versions. Behind them
//! each thing is said once: `networks` and `trials` hold JSON in shorthand, `log` has no words for what a row of another
//! table says for good, and the time of a whole commit is one row of `moments`.

use super::shorthand::{OF_CURVES, OF_GENOMES, expanding};

/// Times are Unix milliseconds, durations seconds; JSON where a list is meant; an empty cell where there is nothing.
pub const TABLES: &str = "
CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    experiment TEXT NOT NULL,
    data_source TEXT NOT NULL,
    data_hash TEXT NOT NULL,
    problem TEXT NOT NULL,
    program_version TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    elapsed_s REAL NOT NULL,
    stage TEXT NOT NULL,
    ended_ms INTEGER,
    ending TEXT
);
CREATE TABLE networks (
    id INTEGER PRIMARY KEY,
    genome TEXT NOT NULL,
    summary TEXT NOT NULL,
    hash NOT NULL,
    parents TEXT NOT NULL,
    operation TEXT NOT NULL,
    maker TEXT NOT NULL,
    parameters INTEGER NOT NULL,
    multiply_adds INTEGER NOT NULL,
    born_ms INTEGER NOT NULL
);
CREATE TABLE trials (
    id INTEGER PRIMARY KEY,
    individual INTEGER NOT NULL REFERENCES networks (id),
    kind TEXT NOT NULL,
    epochs INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    losses INTEGER NOT NULL,
    trainer TEXT,
    outcome TEXT,
    score REAL,
    loss REAL,
    curve TEXT,
    seconds REAL,
    build_seconds REAL,
    steps INTEGER,
    images INTEGER,
    message TEXT,
    queued_ms INTEGER NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER,
    latency_s REAL,
    inherits INTEGER REFERENCES trials (id)
);
CREATE TABLE weights (
    evaluation INTEGER PRIMARY KEY REFERENCES trials (id),
    parameters BLOB NOT NULL,
    statistics BLOB NOT NULL
);
CREATE TABLE final_result (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    individual INTEGER NOT NULL REFERENCES networks (id),
    evaluation INTEGER NOT NULL REFERENCES trials (id),
    retrained INTEGER NOT NULL,
    crowned_ms INTEGER NOT NULL,
    test_score REAL,
    test_loss REAL,
    tested_ms INTEGER
);
";

/// New in version 2.
pub const WORKERS: &str = "
CREATE TABLE workers (
    id INTEGER PRIMARY KEY,
    node TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    devices TEXT NOT NULL,
    program_version TEXT NOT NULL,
    joined_ms INTEGER NOT NULL,
    left_ms INTEGER,
    reason TEXT,
    crashed INTEGER,
    evidence TEXT
);
";

/// New in version 4. A line of the log without `detail`: the row that it is about says the rest, and says it for good
/// (`events` shows it); of an order, that it was the
/// first draw, of the Breeder, and that no number of births was expected.
pub const LOG: &str = "
CREATE TABLE moments (
    id INTEGER PRIMARY KEY,
    unix_ms INTEGER NOT NULL,
    elapsed_s REAL NOT NULL
);
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    moment INTEGER NOT NULL,
    kind TEXT NOT NULL,
    evaluation INTEGER,
    individual INTEGER,
    detail TEXT
);
";

/// The views that people read.
pub fn views() -> String {
    let (networks, genome) = expanding("networks", "genome", &OF_GENOMES);
    let (trials, curve) = expanding("trials", "curve", &OF_CURVES);
    format!(
        "
CREATE VIEW individuals AS SELECT id, {genome} AS genome, summary,
    CASE typeof(hash) WHEN 'blob' THEN lower(hex(hash)) ELSE hash END AS hash,
    parents, operation, maker, parameters, multiply_adds, born_ms
    FROM {networks};
CREATE VIEW evaluations AS SELECT id, individual, kind, epochs, state, attempt, losses, trainer, outcome, score, loss,
    {curve} AS curve, seconds, build_seconds, steps, images, message, queued_ms, started_ms, finished_ms, latency_s,
    inherits
    FROM {trials};
CREATE VIEW events AS SELECT number, unix_ms, elapsed_s, log.kind AS kind, evaluation, individual,
    coalesce(detail, CASE log.kind
        WHEN 'ordered' THEN '{{\"draw\":0,\"maker\":\"breeder\",\"expected\":null}}'
        WHEN 'born' THEN (SELECT json_object('operation', operation, 'parents', json(parents))
            FROM networks WHERE id = log.individual)
        WHEN 'queued' THEN (SELECT json_object('kind', kind) FROM trials WHERE id = log.evaluation)
        WHEN 'finished' THEN (SELECT json_object('attempt', attempt, 'outcome', outcome, 'score', score, 'seconds', seconds)
            FROM trials WHERE id = log.evaluation)
        ELSE '{{}}' END) AS detail
    FROM log JOIN moments ON moments.id = log.moment;
"
    )
}

/// New in version 5: a SHA-256 of the weights (`weights::digest`), by which damage is noticed. Those of before have none.
pub const DIGESTS: &str = "
ALTER TABLE weights ADD COLUMN digest BLOB;
";

/// Brings the tables of version 3 to those of version 4.
pub fn to_version_4() -> String {
    format!(
        "
ALTER TABLE individuals RENAME TO networks;
ALTER TABLE evaluations RENAME TO trials;
{LOG}
INSERT INTO moments SELECT number, unix_ms, elapsed_s FROM events;
INSERT INTO log SELECT number, number, kind, evaluation, individual, detail FROM events;
DROP TABLE events;
{}",
        views()
    )
}
