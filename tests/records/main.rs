//! What `hatchery export` writes of a whole run, opened by the programs that it is for: Optuna and its dashboard,
//! TensorBoard, pyarrow, MLflow.
//!
//! They are Python's. `HATCHERY_PYTHON` names an interpreter that has them, else `python3` is asked; where it has them
//! not, the tests say so and check what can be checked without.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests stop the test, and say why a test is skipped"
)]

mod mlflow;
mod pseudo;
mod terminal;
mod texts;

use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A text that a page, a terminal or a spreadsheet might take for something else than text.
const HOSTILE: &str = "<script>alert(1)</script>, \"q\"; \u{1b}]0;pwned\u{7}\u{1b}[31m\r\nline\u{9b}2J'--";

/// This program with these arguments.
fn hatchery(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hatchery")).args(arguments).output().unwrap()
}

/// Standard output of what has to succeed.
fn succeeds(arguments: &[&str]) -> String {
    let output = hatchery(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// A run of networks that were not trained in earnest, with every way to end and texts that mean harm.
fn run(folder: &Path) -> PathBuf {
    let run = folder.join("pretended-1");
    let out = run.to_str().unwrap();
    succeeds(&["bench", "coordinator", "--trainers=2", "--processes=1", "--evaluations=12", "--out", out]);
    let journal = Connection::open(run.join("journal.sqlite")).unwrap();
    let change = |statement: &str| assert!(journal.execute(statement, []).unwrap() > 0, "{statement}");
    change("UPDATE trials SET outcome = 'stopped' WHERE id = 2");
    change("UPDATE trials SET outcome = 'timed_out' WHERE id = 3");
    change("UPDATE trials SET outcome = 'diverged', score = NULL, loss = NULL WHERE id = 4");
    change("UPDATE trials SET outcome = 'crashed', score = NULL, loss = NULL, curve = NULL WHERE id = 5");
    change("UPDATE networks SET maker = 'refiner' WHERE id IN (2, 6)");
    change("UPDATE networks SET maker = 'user' WHERE id = 3");
    let hostile =
        |statement: &str| assert!(journal.execute(statement, [HOSTILE]).unwrap() > 0, "{statement}");
    hostile("UPDATE trials SET message = ?1 WHERE id = 5");
    hostile("UPDATE networks SET summary = ?1 WHERE id IN (1, 6)");
    hostile("UPDATE networks SET operation = ?1 WHERE id = 6");
    run
}

/// The same run, judged by several objectives, of which one was not measured everywhere.
fn run_of_several_objectives(folder: &Path) -> PathBuf {
    let run = run(folder);
    let journal = Connection::open(run.join("journal.sqlite")).unwrap();
    let change = |statement: &str| assert!(journal.execute(statement, []).unwrap() > 0, "{statement}");
    change("UPDATE trials SET latency_s = 0.001 * id WHERE id <> 7");
    change(
        "UPDATE run SET experiment = replace(experiment, 'objectives = [\"error\"]',
            'objectives = [\"error\", \"parameters\", \"latency\"]')
         WHERE experiment LIKE '%objectives = [\"error\"]%'",
    );
    run
}

/// The interpreter, where it has the packages.
fn python() -> Option<String> {
    let python = std::env::var("HATCHERY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let asked = Command::new(&python).args([script(), "--packages"]).output();
    match asked {
        Ok(output) if output.status.success() => Some(python),
        Ok(output) => {
            eprintln!("skipped: {python}: {}", String::from_utf8_lossy(&output.stdout).trim());
            None
        }
        Err(error) => {
            eprintln!("skipped: {python}: {error}");
            None
        }
    }
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/check.py")
}

#[test]
fn other_programs_open_what_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    is_opened(folder.path(), &run(folder.path()));
}

#[test]
fn other_programs_open_a_run_of_several_objectives() {
    let folder = tempfile::tempdir().unwrap();
    is_opened(folder.path(), &run_of_several_objectives(folder.path()));
}

fn is_opened(folder: &Path, run: &Path) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (tables, study, events, parquet) =
        (path("tables"), path("study.db"), path("events"), path("parquet"));
    let run = run.to_str().unwrap();
    // Twice: a later export takes the place of an earlier one.
    for _ in 0..2 {
        let mut arguments =
            vec!["export", run, "--csv", &tables, "--optuna", &study, "--tensorboard", &events];
        if cfg!(feature = "parquet") {
            arguments.extend(["--parquet", &parquet]);
        }
        succeeds(&arguments);
    }
    for name in ["individuals.csv", "evaluations.csv", "curves.csv"] {
        assert!(Path::new(&tables).join(name).is_file(), "{name}");
    }
    let Some(python) = python() else { return };
    let mut arguments = vec![script().to_owned(), format!("{run}/journal.sqlite"), tables, study, events];
    if cfg!(feature = "parquet") {
        arguments.push(parquet);
    }
    let output = Command::new(python).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}", said.join("\n"));
}

#[test]
fn what_cannot_be_written_is_said_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let run = run.to_str().unwrap();
    let fails = |arguments: &[&str]| {
        let output = hatchery(&[&["export", run], arguments].concat());
        assert!(!output.status.success(), "{arguments:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let foreign = folder.path().join("notes.db");
    std::fs::write(&foreign, "precious").unwrap();
    let (code, words) = fails(&["--optuna", foreign.to_str().unwrap()]);
    assert!(code == 4 && words.contains("notes.db exists already"), "{code} {words}");
    assert_eq!(std::fs::read(&foreign).unwrap(), b"precious");
    let (code, words) = fails(&["--csv", "/proc/nowhere"]);
    assert!(code == 4 && words.contains("/proc/nowhere"), "{code} {words}");
    let (code, words) = fails(&["3", "--csv", "x.csv"]);
    assert!(code == 2 && words.contains("leave the id out"), "{code} {words}");
    let (_, words) = fails(&["--mlflow", "https://example.org"]);
    assert!(words.contains("TLS"), "{words}");
    let (_, words) = fails(&["--mlflow", "http://127.0.0.1:1"]);
    assert!(words.contains("is the server running"), "{words}");
}
