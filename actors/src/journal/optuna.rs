//! A study as Optuna keeps one in SQLite, written from plain records, for Optuna and its dashboard to open.
//!
//! The tables are those of Optuna's storage (schema version 12, the current one since Optuna 3.2; Optuna itself brings
//! later changes about when a study is opened). It knows nothing of runs and genomes: who has a study to write says what
//! its trials are.

use rusqlite::{Connection, OpenFlags, Transaction, params};
use std::path::{Path, PathBuf};

/// Marks a file as one that was written here and may be replaced ("HATO"); Optuna's own files have no such mark.
const APPLICATION_ID: i64 = 0x4841_544f;

/// The tables of Optuna, and what it needs to know that they are of its current version.
const TABLES: &str = "
CREATE TABLE studies (
    study_id INTEGER NOT NULL,
    study_name VARCHAR(512) NOT NULL,
    PRIMARY KEY (study_id)
);
CREATE TABLE version_info (
    version_info_id INTEGER NOT NULL,
    schema_version INTEGER,
    library_version VARCHAR(256),
    PRIMARY KEY (version_info_id),
    CHECK (version_info_id=1)
);
CREATE TABLE study_directions (
    study_direction_id INTEGER NOT NULL,
    direction VARCHAR(8) NOT NULL,
    study_id INTEGER NOT NULL,
    objective INTEGER NOT NULL,
    PRIMARY KEY (study_direction_id),
    UNIQUE (study_id, objective),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
    study_user_attribute_id INTEGER NOT NULL,
    study_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (study_user_attribute_id),
    UNIQUE (study_id, \"key\"),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_system_attributes (
    study_system_attribute_id INTEGER NOT NULL,
    study_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (study_system_attribute_id),
    UNIQUE (study_id, \"key\"),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trials (
    trial_id INTEGER NOT NULL,
    number INTEGER,
    study_id INTEGER,
    state VARCHAR(8) NOT NULL,
    datetime_start DATETIME,
    datetime_complete DATETIME,
    PRIMARY KEY (trial_id),
    FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_user_attributes (
    trial_user_attribute_id INTEGER NOT NULL,
    trial_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (trial_user_attribute_id),
    UNIQUE (trial_id, \"key\"),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_system_attributes (
    trial_system_attribute_id INTEGER NOT NULL,
    trial_id INTEGER,
    \"key\" VARCHAR(512),
    value_json TEXT,
    PRIMARY KEY (trial_system_attribute_id),
    UNIQUE (trial_id, \"key\"),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_params (
    param_id INTEGER NOT NULL,
    trial_id INTEGER,
    param_name VARCHAR(512),
    param_value FLOAT,
    distribution_json TEXT,
    PRIMARY KEY (param_id),
    UNIQUE (trial_id, param_name),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_values (
    trial_value_id INTEGER NOT NULL,
    trial_id INTEGER NOT NULL,
    objective INTEGER NOT NULL,
    value FLOAT,
    value_type VARCHAR(7) NOT NULL,
    PRIMARY KEY (trial_value_id),
    UNIQUE (trial_id, objective),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
    trial_intermediate_value_id INTEGER NOT NULL,
    trial_id INTEGER NOT NULL,
    step INTEGER NOT NULL,
    intermediate_value FLOAT,
    intermediate_value_type VARCHAR(7) NOT NULL,
    PRIMARY KEY (trial_intermediate_value_id),
    UNIQUE (trial_id, step),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_heartbeats (
    trial_heartbeat_id INTEGER NOT NULL,
    trial_id INTEGER NOT NULL,
    heartbeat DATETIME NOT NULL,
    PRIMARY KEY (trial_heartbeat_id),
    UNIQUE (trial_id),
    FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
INSERT INTO version_info VALUES (1, 12, '5.0.0');
INSERT INTO alembic_version VALUES ('v3.2.0.a');
";

/// A time as Optuna keeps it, from Unix milliseconds; in UTC.
const TIME: &str = "strftime('%Y-%m-%d %H:%M:%f', ?1 / 1000.0, 'unixepoch') || '000'";

/// A study with one or several objectives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// What its trials are judged by: the objectives, in the order of a trial's values.
    pub objectives: Vec<Direction>,
    /// What else is known of it: key and JSON.
    pub attributes: Vec<(String, String)>,
    /// Its trials; their numbers are their places.
    pub trials: Vec<Trial>,
}

/// An objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direction {
    /// Its name.
    pub name: String,
    /// Whether more of it is better, or less.
    pub maximize: bool,
}

/// One trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    /// Where it stands.
    pub state: TrialState,
    /// When it began, Unix milliseconds.
    pub started_ms: Option<i64>,
    /// When it ended, Unix milliseconds.
    pub ended_ms: Option<i64>,
    /// Its values, finite, one for each objective; or none at all.
    pub values: Vec<f64>,
    /// Values on the way, by step, which rises; Optuna has them where there is one objective.
    pub steps: Vec<(u32, f64)>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// What else is known of it: key and JSON.
    pub attributes: Vec<(String, String)>,
}

/// One parameter of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value; of a choice, which of the choices.
    pub value: f64,
    /// What it is drawn from, JSON, as Optuna writes it.
    pub distribution: String,
}

/// Where a trial stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrialState {
    /// Not begun.
    #[default]
    Waiting,
    /// Begun, and not ended.
    Running,
    /// Ended with a value.
    Complete,
    /// Ended early, with or without a value.
    Pruned,
    /// Ended without a value.
    Fail,
}

impl TrialState {
    const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Pruned => "PRUNED",
            Self::Fail => "FAIL",
        }
    }
}

/// A study could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// What lies there was not written here.
    #[error(
        "{} exists already and is not a study that was exported: choose another name, or remove it",
        .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database.
    #[error("cannot write the study {}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// The file.
    #[error("cannot replace {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

/// Writes a study to a file, whole or not at all; replaces one that was written here before.
///
/// # Errors
/// Where another database or file lies there, and what files and SQLite can say.
pub fn write(path: &Path, study: &Study) -> Result<(), StudyError> {
    if path.exists() && !is_ours(path) {
        return Err(StudyError::Foreign { path: path.to_owned() });
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    // What a process of the same number has left.
    _ = std::fs::remove_file(&fresh);
    let written = fill(&fresh, study)
        .map_err(|source| StudyError::Database { path: path.to_owned(), source })
        .and_then(|()| {
            std::fs::rename(&fresh, path).map_err(|source| StudyError::File { path: path.to_owned(), source })
        });
    if written.is_err() {
        _ = std::fs::remove_file(&fresh);
    }
    written
}

fn is_ours(path: &Path) -> bool {
    let found = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| connection.pragma_query_value(None, "application_id", |row| row.get(0)));
    found == Ok(APPLICATION_ID)
}

fn fill(path: &Path, study: &Study) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.execute("INSERT INTO studies VALUES (1, ?1)", [&study.name])?;
    for (number, one) in (0_i64..).zip(&study.objectives) {
        let direction = if one.maximize { "MAXIMIZE" } else { "MINIMIZE" };
        transaction
            .execute("INSERT INTO study_directions VALUES (NULL, ?1, 1, ?2)", params![direction, number])?;
    }
    let names: Vec<&str> = study.objectives.iter().map(|one| one.name.as_str()).collect();
    let names = serde_json::json!(names).to_string();
    transaction
        .execute("INSERT INTO study_system_attributes VALUES (1, 1, 'study:metric_names', ?1)", [names])?;
    for (key, json) in &study.attributes {
        transaction.execute("INSERT INTO study_user_attributes VALUES (NULL, 1, ?1, ?2)", [key, json])?;
    }
    for (number, trial) in (0_i64..).zip(&study.trials) {
        write_trial(&transaction, number, trial)?;
    }
    transaction.commit()
}

fn write_trial(transaction: &Transaction<'_>, number: i64, trial: &Trial) -> rusqlite::Result<()> {
    let id = number + 1;
    let time = |unix_ms: Option<i64>| -> rusqlite::Result<Option<String>> {
        unix_ms
            .map(|unix_ms| transaction.query_row(&format!("SELECT {TIME}"), [unix_ms], |row| row.get(0)))
            .transpose()
    };
    transaction.execute(
        "INSERT INTO trials VALUES (?1, ?2, 1, ?3, ?4, ?5)",
        params![id, number, trial.state.word(), time(trial.started_ms)?, time(trial.ended_ms)?],
    )?;
    for (objective, value) in (0_i64..).zip(&trial.values) {
        let (value, kind) = cell(*value);
        transaction.execute(
            "INSERT INTO trial_values VALUES (NULL, ?1, ?2, ?3, ?4)",
            params![id, objective, value, kind],
        )?;
    }
    let mut step =
        transaction.prepare("INSERT INTO trial_intermediate_values VALUES (NULL, ?1, ?2, ?3, ?4)")?;
    for (number, value) in &trial.steps {
        let (value, kind) = cell(*value);
        step.execute(params![id, number, value, kind])?;
    }
    let mut parameter = transaction.prepare("INSERT INTO trial_params VALUES (NULL, ?1, ?2, ?3, ?4)")?;
    for one in &trial.parameters {
        parameter.execute(params![id, one.name, one.value, one.distribution])?;
    }
    let mut attribute = transaction.prepare("INSERT INTO trial_user_attributes VALUES (NULL, ?1, ?2, ?3)")?;
    for (key, json) in &trial.attributes {
        attribute.execute(params![id, key, json])?;
    }
    Ok(())
}

/// A number as Optuna keeps it: what is not finite is named beside it.
fn cell(value: f64) -> (Option<f64>, &'static str) {
    match value {
        value if value.is_nan() => (None, "NAN"),
        f64::INFINITY => (None, "INF_POS"),
        f64::NEG_INFINITY => (None, "INF_NEG"),
        value => (Some(value), "FINITE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study() -> Study {
        let trial = Trial {
            state: TrialState::Pruned,
            started_ms: Some(1_700_000_000_250),
            ended_ms: None,
            values: vec![0.5, 1000.0],
            steps: vec![(1, 0.25), (2, f64::NAN), (3, f64::NEG_INFINITY)],
            parameters: vec![],
            attributes: vec![("summary".to_owned(), "\"<script>'; DROP TABLE trials; --\"".to_owned())],
        };
        Study {
            name: "s'1".to_owned(),
            objectives: vec![
                Direction { name: "accuracy".to_owned(), maximize: true },
                Direction { name: "parameters".to_owned(), maximize: false },
            ],
            attributes: vec![],
            trials: vec![trial],
        }
    }

    #[test]
    fn a_study_is_written_replaced_and_never_written_over_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.db");
        write(&path, &study()).unwrap();
        write(&path, &study()).unwrap();
        let connection = Connection::open(&path).unwrap();
        let text = |query: &str| connection.query_row(query, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(text("SELECT datetime_start FROM trials"), "2023-11-14 22:13:20.250000");
        assert_eq!(
            text("SELECT group_concat(intermediate_value_type) FROM trial_intermediate_values"),
            "FINITE,NAN,INF_NEG"
        );
        assert_eq!(
            text("SELECT group_concat(direction || ' ' || objective) FROM study_directions"),
            "MAXIMIZE 0,MINIMIZE 1"
        );
        assert_eq!(
            text("SELECT group_concat(objective || ' ' || value, ', ') FROM trial_values"),
            "0 0.5, 1 1000.0"
        );
        assert!(text("SELECT value_json FROM trial_user_attributes").contains("DROP TABLE"));

        let foreign = folder.path().join("precious.db");
        std::fs::write(&foreign, "precious").unwrap();
        let message = write(&foreign, &study()).unwrap_err().to_string();
        assert!(message.contains("precious.db") && message.contains("choose another name"), "{message}");
        assert_eq!(std::fs::read(&foreign).unwrap(), b"precious");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half-written is left");
    }
}
