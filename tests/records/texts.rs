//! Texts that mean harm: data in files and in JSON, and nothing but text on a terminal.

use super::{HOSTILE, run, succeeds};
use serde_json::Value;

#[test]
fn a_text_stays_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let run = run.to_str().unwrap();
    for arguments in [
        &["list", run, "--top", "100"][..],
        &["list", run, "--csv"],
        &["list", run, "--json"],
        &["show", run, "6"],
        &["show", run, "6", "--json"],
        &["show", run, "5"],
        &["status", run],
        &["status", run, "--json"],
    ] {
        let output = succeeds(arguments);
        let harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!output.contains(harmful), "{arguments:?}: {output:?}");
    }
    let listed = succeeds(&["list", run, "--json"]);
    let rows: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let hostile = rows.iter().filter(|row| row["summary"] == HOSTILE).count();
    assert_eq!(hostile, 2, "{listed}");
    let shown: Value = serde_json::from_str(&succeeds(&["show", run, "6", "--json"])).unwrap();
    assert_eq!(
        (&shown["id"], &shown["summary"], &shown["operation"]),
        (&6.into(), &HOSTILE.into(), &HOSTILE.into())
    );
    assert!(shown["genome"]["layers"].is_array() && shown["curve"].is_array() && shown["lineage"].is_array());
}

#[test]
fn a_status_fits_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let run = run.to_str().unwrap();
    let status = succeeds(&["status", run]);
    assert!(status.lines().count() <= 24, "{status}");
    for word in ["best", "an hour", "evaluations", "nodes", "crashed"] {
        assert!(status.contains(word), "{word}: {status}");
    }
    let json: Value = serde_json::from_str(&succeeds(&["status", run, "--json"])).unwrap();
    assert!(json["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty()), "{json}");
    assert_eq!(json["running"], false);
}
