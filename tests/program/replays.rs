//! `hatchery bench search` on small tables: what it prints, and what it says of tables that it cannot use.

use super::common::hatchery;
use serde_json::Value;
use std::{fmt::Write, fs, path::Path};
use tempfile::tempdir;

/// An exit code, as the README lists them.
const EXPERIMENT: i32 = 2;
const DATA: i32 = 3;

/// 12 kinds and widths; `conv` of the greatest width is best.
fn write_table(folder: &Path) {
    let mut text = String::from("kind,width,valid_error_0,valid_error_1,test_acc\n");
    for (place, kind) in ["conv", "pool", "none"].iter().enumerate() {
        for width in 1..=20 {
            let error = place as f64 + 1.0 / f64::from(width);
            writeln!(text, "{kind},{width},{error},{},{}", error + 0.01, 90.0 - error).unwrap();
        }
    }
    fs::write(folder.join("small.csv"), text).unwrap();
}

#[test]
fn a_replay_is_one_json_object_and_the_same_every_time() {
    let folder = tempdir().unwrap();
    write_table(folder.path());
    for strategy in ["hatchery", "random", "aging", "steady", "local", "nsga2", "tpe"] {
        let replay = || {
            let ended = hatchery(
                folder.path(),
                &[
                    "bench",
                    "search",
                    "--table",
                    "small.csv",
                    "--strategy",
                    strategy,
                    "--objective",
                    "valid_error",
                    "--report",
                    "test",
                    "--evaluations",
                    "30",
                    "--workers",
                    "3",
                    "--seeds",
                    "5",
                    "--json",
                ],
            );
            ended.ok().json()
        };
        let first = replay();
        assert_eq!(first, replay());
        let line: &Value = &first;
        assert_eq!((line["table"].as_str(), line["strategy"].as_str()), (Some("small"), Some(strategy)));
        assert_eq!((line["evaluations"].as_u64(), line["workers"].as_u64()), (Some(30), Some(3)));
        assert_eq!(line["seeds"].as_u64(), Some(5));
        for field in [
            "report_mean",
            "report_sd",
            "report_median",
            "rank_median",
            "optimum_share",
            "simulated_time_mean",
        ] {
            assert!(line[field].is_number(), "{strategy}: {field}");
        }
        let mean = line["report_mean"].as_f64().unwrap();
        assert!((85.0..=90.0).contains(&mean), "{strategy}: {mean}");
    }
}

#[test]
fn losses_are_minimised_and_the_output_says_so() {
    let folder = tempdir().unwrap();
    let rows: String = (1..=30).map(|x| format!("{x},{},{}\n", x % 10, 100 - x % 10)).collect();
    fs::write(folder.path().join("losses.csv"), format!("x,valid_loss,test_acc\n{rows}")).unwrap();
    let bench = |arguments: &[&str]| {
        let all = ["bench", "search", "--table", "losses.csv", "--strategy", "random", "--seeds", "5"];
        hatchery(folder.path(), &[&all[..], arguments].concat()).ok()
    };
    let usual = bench(&["--json"]).json();
    assert_eq!((usual["direction"].as_str(), usual["report_mean"].as_f64()), (Some("minimise"), Some(0.0)));
    assert_eq!(usual.get("report_direction"), None, "{usual}");
    let turned = bench(&["--direction", "maximise", "--json"]).json();
    assert_eq!((turned["direction"].as_str(), turned["report_mean"].as_f64()), (Some("maximise"), Some(9.0)));
    let mixed = bench(&["--report", "test", "--json"]).json();
    assert_eq!(mixed["report_direction"].as_str(), Some("maximise"));
    assert_eq!((mixed["report_mean"].as_f64(), mixed["rank_median"].as_f64()), (Some(100.0), Some(0.0)));
    let text = bench(&["--report", "test"]).stdout;
    assert!(text.contains("losses: valid is minimised, the report test is maximised"), "{text}");
    let wrong = hatchery(folder.path(), &["bench", "search", "--table", "losses.csv", "--direction", "down"]);
    wrong.refused(EXPERIMENT, &["--direction", "minimise or maximise"]);
}

#[test]
fn rows_that_contradict_each_other_are_warned_of() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("twice.csv"), "a,valid\n1,2\n2,5\n1,3\n").unwrap();
    let arguments = ["bench", "search", "--table", "twice.csv", "--evaluations", "3", "--json"];
    let ended = hatchery(folder.path(), &arguments).ok();
    assert!(ended.stderr.contains("warning: twice.csv: lines 2 and 4"), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
}

#[test]
fn a_table_that_cannot_be_used_is_refused() {
    let folder = tempdir().unwrap();
    write_table(folder.path());
    let bench = |arguments: &[&str]| {
        let all: Vec<&str> = ["bench", "search"].iter().chain(arguments).copied().collect();
        hatchery(folder.path(), &all)
    };
    bench(&["--table", "none.csv"]).refused(DATA, &["none.csv"]);
    bench(&["--table", "small.csv", "--objective", "loss"])
        .refused(DATA, &["small.csv", "--objective", "`loss`", "test_acc"]);
    bench(&["--table", "small.csv", "--tolerance", "nan"]).refused(EXPERIMENT, &["--tolerance"]);
    bench(&["--table", "small.csv", "--strategy", "best"]).refused(EXPERIMENT, &["best", "hatchery, random"]);
    fs::write(folder.path().join("ragged.csv"), "a,valid\n1,2\n3\n").unwrap();
    bench(&["--table", "ragged.csv"]).refused(DATA, &["ragged.csv", "line 3 has 1 fields"]);
    for (text, words) in [
        ("", "no rows"),
        ("a,b\n1,2\n", "no result columns"),
        ("valid\n1\n", "no parameter columns"),
        ("a,valid\n1,\n", "fill in the value, or remove the row"),
        ("a,valid\n1,1e308\n2,-1e308\n", "beyond"),
        ("a,valid\n1,\"2\n", "a quote is opened"),
    ] {
        fs::write(folder.path().join("bad.csv"), text).unwrap();
        bench(&["--table", "bad.csv"]).refused(DATA, &["bad.csv", words]);
    }
    fs::write(folder.path().join("cut.csv.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
    bench(&["--table", "cut.csv.gz"]).refused(DATA, &["cut.csv.gz"]);
}
