//! Ways to search, as a user chooses them: networks of one's own, several objectives, reproducible runs.

use crate::common::{Finished, hatchery};
use std::{collections::BTreeMap, fs, path::Path};
use tempfile::tempdir;

fn run(folder: &Path, out: &str, sets: &[&str]) -> Finished {
    let small = [
        "training.epochs=2",
        "final.epochs=2",
        "limits.parameters=20000",
        "limits.multiply_adds=100000",
        "space.depth=1,3",
        "budget.time=none",
    ];
    let mut arguments = vec!["run", "digits", "--out", out, "--json"];
    arguments.extend(small.iter().chain(sets).flat_map(|set| ["--set", set]));
    hatchery(folder, &arguments)
}

/// Identity, maker and genome of every network, as they were born.
fn births(folder: &Path, out: &str) -> BTreeMap<u64, (String, String)> {
    let listed = hatchery(folder, &["list", out, "--json"]).ok();
    let rows = listed.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.map(|row| (row["id"].as_u64().unwrap(), (text(&row, "maker"), text(&row, "summary")))).collect()
}

#[test]
fn a_reproducible_run_bears_the_same_networks_with_one_worker_and_with_four() {
    let folder = tempdir().unwrap();
    let reproducible = [
        "search.reproducible=true",
        "search.lag=4",
        "budget.evaluations=16",
        "search.refiner=only",
        "seed=5",
    ];
    let with = |out: &str, workers: &str| {
        run(folder.path(), out, &[&reproducible[..], &[workers]].concat()).ok();
        births(folder.path(), out)
    };
    let (one, four) = (with("one", "runtime.workers=1"), with("four", "runtime.workers=4"));
    assert_eq!(one.len(), 16);
    assert_eq!(one, four);
    for maker in ["breeder", "refiner"] {
        assert!(one.values().any(|(by, _)| by == maker), "{one:?}");
    }
}

#[test]
fn the_winner_is_compared_with_the_users_networks_and_the_front_knows_all_objectives() {
    let folder = tempdir().unwrap();
    run(folder.path(), "first", &["budget.evaluations=4", "seed=2"]).ok();
    fs::copy(folder.path().join("first/best.json"), folder.path().join("mine.json")).unwrap();
    let by_hand = "[[layers]]\nkind = \"dense\"\nunits = 24\n\n[training]\nlearning_rate = 2e-3\n";
    fs::write(folder.path().join("hand.toml"), by_hand).unwrap();
    let sets = [
        "search.seeds=mine.json,hand.toml",
        "search.objectives=error,parameters,latency",
        "search.stopping=median",
        "budget.evaluations=14",
        "seed=3",
    ];
    let summary = run(folder.path(), "second", &sets).ok().json();
    let births = births(folder.path(), "second");
    assert_eq!(births[&1].0, "user");
    assert_eq!(births[&2].0, "user");
    assert_eq!(summary["makers"]["user"], 2);
    let comparison = &summary["comparison"];
    assert!(matches!(comparison["id"].as_u64(), Some(1 | 2)), "{comparison}");
    assert_eq!(comparison["training"].as_str(), Some("at full length"));
    assert!(comparison["winner_accuracy"].as_f64() >= comparison["accuracy"].as_f64(), "{comparison}");
    let report = fs::read_to_string(folder.path().join("second/report.html")).unwrap();
    assert!(report.contains("Your networks") && report.contains("score against parameters, latency"));
    let champions = fs::read_dir(folder.path().join("second/champions")).unwrap().count();
    assert!(champions >= 2, "a model and what is known of it: {champions}");
    hatchery(folder.path(), &["replay", "second"]).ok();
}

#[test]
fn a_network_of_the_users_that_is_none_is_refused() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), "layers = 3\n").unwrap();
    run(folder.path(), "out", &["search.seeds=mine.toml", "budget.evaluations=4"])
        .refused(2, &["search.seeds", "mine.toml"]);
    run(folder.path(), "out", &["search.seeds=none.toml", "budget.evaluations=4"])
        .refused(2, &["none.toml", "cannot be read"]);
}
