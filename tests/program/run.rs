//! A short real run on digits, and everything that can be done with what it leaves.

use super::common::{Finished, Living, hatchery, real_data, wait_until};
use hatchery_models::{
    data::{self, LoadOptions, Samples, Targets},
    onnx::{
        decode,
        proto::{DimensionValue, ValueInfoProto},
    },
    training::runtime::{HostTensor, LibraryOptions, Runtime},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};
use tempfile::{TempDir, tempdir};

/// Small enough to be quick in a debug build.
const SMALL: [&str; 16] = [
    "--set",
    "search.population=6",
    "--set",
    "search.tournament=2",
    "--set",
    "training.epochs=2",
    "--set",
    "final.epochs=2",
    "--set",
    "limits.parameters=20000",
    "--set",
    "limits.multiply_adds=100000",
    "--set",
    "space.depth=1,3",
    "--set",
    "budget.time=none",
];

fn run_arguments<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "digits", "--out", out], &SMALL[..], more].concat()
}

fn run(folder: &Path, out: &str, more: &[&str]) -> Finished {
    hatchery(folder, &run_arguments(out, more))
}

/// One finished run that several tests look at; they must not change it.
fn finished() -> &'static (TempDir, serde_json::Value) {
    static RUN: OnceLock<(TempDir, serde_json::Value)> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempdir().unwrap();
        let done =
            run(folder.path(), "run", &["--evaluations", "12", "--seed", "3", "--workers", "2", "--json"])
                .ok();
        let summary = done.json();
        (folder, summary)
    })
}

/// A copy of the finished run, to be changed at will.
fn copy() -> TempDir {
    let folder = tempdir().unwrap();
    copy_folder(&finished().0.path().join("run"), &folder.path().join("run"));
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every evaluation of a run: id to outcome, score and genome.
fn rows(folder: &Path) -> BTreeMap<u64, (String, Option<f64>, String)> {
    let list = hatchery(folder, &["list", "run", "--json"]).ok();
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        (row["id"].as_u64().unwrap(), (text("outcome"), row["score"].as_f64(), text("summary")))
    };
    list.stdout.lines().map(row).collect()
}

/// How many evaluations have ended; 0 where there is no journal yet.
fn ended(folder: &Path) -> u64 {
    let status = hatchery(folder, &["status", "run", "--json"]);
    if status.code == Some(0) { status.json()["evaluations"].as_u64().unwrap() } else { 0 }
}

#[test]
fn the_json_line_says_what_the_run_came_to() {
    let (_, summary) = finished();
    assert_eq!(summary["run"], "run");
    assert_eq!(summary["evaluations"], 12);
    let outcomes = summary["outcomes"].as_object().unwrap();
    let sum: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, 12);
    assert_eq!(
        summary["completed"].as_u64(),
        outcomes.get("completed").map_or(Some(0), serde_json::Value::as_u64)
    );
    for key in ["id", "valid_accuracy", "search_accuracy", "test_accuracy", "parameters", "multiply_adds"] {
        assert!(summary["best"][key].is_number(), "{key}: {summary}");
    }
    let utilisation = summary["utilisation"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&utilisation));
    assert!(
        summary["networks_per_hour"].as_f64().unwrap() > 0.0 && summary["elapsed_s"].as_f64().unwrap() > 0.0
    );
}

/// A statement on a copied run's journal.
fn tamper(folder: &Path, statement: &str) {
    let journal = rusqlite::Connection::open(folder.join("run/journal.sqlite")).unwrap();
    assert!(journal.execute(statement, []).unwrap() > 0);
}

#[test]
fn a_run_can_be_replayed_and_whoever_meddles_with_it_is_found_out() {
    let folder = copy();
    let report = hatchery(folder.path(), &["replay", "run", "--json"]).ok().json();
    assert_eq!((report["identical"].as_bool(), report["lives"].as_u64()), (Some(true), Some(1)), "{report}");
    for (decision, least) in
        [("birth", 12), ("order", 12), ("seed", 13), ("score", 13), ("winner", 1), ("test", 1)]
    {
        assert!(report["decisions"][decision]["made_again"].as_u64() >= Some(least), "{decision}: {report}");
    }
    let text = hatchery(folder.path(), &["replay", "run"]).ok().stdout;
    assert!(text.contains("every decision is as recorded"), "{text}");
    tamper(folder.path(), "UPDATE networks SET hash = 'beef' WHERE id = 7");
    let caught =
        hatchery(folder.path(), &["replay", "run"]).refused(8, &["run", "individual 7: hash", "event"]);
    assert!(caught.stdout.contains("beef"), "{}", caught.stdout);
    let report = hatchery(folder.path(), &["replay", "run", "--json"]).json();
    assert_eq!(report["differences_count"], 1, "{report}");
    assert!(report["differences"][0]["event"].as_u64() > Some(1), "{report}");
    tamper(folder.path(), "DELETE FROM log WHERE number = 1");
    hatchery(folder.path(), &["replay", "run"]).refused(4, &["earlier version"]);
    hatchery(folder.path(), &["replay", "nowhere"]).refused(4, &["nowhere"]);
}

#[test]
fn the_run_directory_holds_everything() {
    let root = finished().0.path().join("run");
    for name in
        ["journal.sqlite", "experiment.toml", "best.onnx", "best.json", "report.html", "log/hatchery.log"]
    {
        assert!(fs::metadata(root.join(name)).is_ok_and(|file| file.len() > 0), "{name}");
    }
    let champions: Vec<PathBuf> =
        fs::read_dir(root.join("champions")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let of_kind = |kind: &str| {
        let own = champions.iter().filter(|path| path.extension().is_some_and(|extension| extension == kind));
        own.map(|path| path.with_extension("")).collect::<BTreeSet<_>>()
    };
    assert_eq!(of_kind("json"), of_kind("onnx"), "every champion is there as a model");
    assert!(!of_kind("onnx").is_empty(), "{champions:?}");
    let best: serde_json::Value = serde_json::from_slice(&fs::read(root.join("best.json")).unwrap()).unwrap();
    assert_eq!(best["id"], finished().1["best"]["id"]);
    assert_eq!(best["test_accuracy"], finished().1["best"]["test_accuracy"]);
    let report = fs::read_to_string(root.join("report.html")).unwrap();
    assert!(report.contains("The winner") && !report.contains("https://"));
    assert!(fs::read_to_string(root.join("experiment.toml")).unwrap().contains("evaluations = 12"));
}

#[test]
fn the_exported_model_has_the_reported_accuracy() {
    let folder = copy();
    let summary = &finished().1;
    let id = summary["best"]["id"].to_string();
    hatchery(folder.path(), &["export", "run", &id, "--onnx", "m.onnx"]).ok();
    assert_eq!(
        fs::read(folder.path().join("m.onnx")).unwrap(),
        fs::read(folder.path().join("run/best.onnx")).unwrap()
    );
    for model in ["m.onnx", "run/best.onnx"] {
        let test = hatchery(folder.path(), &["test", model, "digits", "--json"]).ok().json();
        assert_eq!(test["accuracy"], summary["best"]["test_accuracy"], "{model}");
        assert_eq!(test["baseline_accuracy"], summary["best"]["baseline_accuracy"], "{model}");
        let classes = test["classes"].as_array().unwrap();
        let samples: u64 = classes.iter().map(|class| class["samples"].as_u64().unwrap()).sum();
        assert_eq!((classes.len(), Some(samples)), (10, test["samples"].as_u64()));
        let right: u64 = (0..10).map(|class| test["confusion"][class][class].as_u64().unwrap()).sum();
        let accuracy = right as f64 / samples as f64;
        assert!((test["accuracy"].as_f64().unwrap() - accuracy).abs() < 1e-9, "{test}");
    }
}

#[test]
fn champions_have_the_accuracy_that_is_said_of_them() {
    // The user's network is in the comparison at full length whatever it scores, and on the front as the smallest.
    let folder = tempdir().unwrap();
    let tiny = "[[layers]]\nkind = \"average_pool\"\n[training]\nlearning_rate = 3e-2\nbatch_size = 16\n";
    fs::write(folder.path().join("tiny.toml"), tiny).unwrap();
    let more = ["--evaluations", "12", "--seed", "3", "--workers", "2", "--set", "search.seeds=tiny.toml"];
    run(folder.path(), "run", &more).ok();
    let champions =
        fs::read_dir(folder.path().join("run/champions")).unwrap().map(|entry| entry.unwrap().path());
    let mut trained = BTreeSet::new();
    for facts in champions.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let said: serde_json::Value = serde_json::from_slice(&fs::read(&facts).unwrap()).unwrap();
        trained.insert(said["trained"].as_str().unwrap().to_owned());
        if said["trained"] == "final" {
            assert!(
                ["search", "full length"].contains(&said["valid_accuracy_of"].as_str().unwrap()),
                "{said}"
            );
            continue;
        }
        assert_eq!(
            said["epochs"].as_u64(),
            said["curve"].as_array().map(|curve| curve.len() as u64),
            "{said}"
        );
        let model = facts.with_extension("onnx").display().to_string();
        let test =
            hatchery(folder.path(), &["test", &model, "digits", "--part", "valid", "--json"]).ok().json();
        let (found, stated) = (test["accuracy"].as_f64().unwrap(), said["valid_accuracy"].as_f64().unwrap());
        assert!((found - stated).abs() < 1e-6, "network {}: {found} is not {stated}", said["id"]);
    }
    assert!(trained.contains("full length"), "some of the front were trained at full length: {trained:?}");
}

#[test]
fn every_candidate_can_be_exported_and_scores_as_it_did_in_the_search() {
    let folder = copy();
    let mut retrained = 0;
    for (id, (_, score, _)) in rows(folder.path()).iter().filter(|(id, _)| **id != finished().1["best"]["id"])
    {
        let Some(score) = score else { continue };
        let exported = hatchery(folder.path(), &["export", "run", &id.to_string(), "--onnx", "m.onnx"]).ok();
        if !exported.stderr.contains("trained again") {
            continue;
        }
        retrained += 1;
        let test =
            hatchery(folder.path(), &["test", "m.onnx", "digits", "--part", "valid", "--json"]).ok().json();
        assert!(
            (test["accuracy"].as_f64().unwrap() - score).abs() < 1e-6,
            "network {id}: {test}, in the search {score}"
        );
    }
    assert!(retrained > 0, "of twelve, not all weights are kept");
}

/// Losses of some steps on the first samples of digits, from the state that the model itself begins with.
fn losses_of(step: &[u8], steps: i64) -> Vec<f32> {
    let graph = decode(step).unwrap().graph.unwrap();
    let default = |name: &str| graph.initializer.iter().find(|tensor| tensor.name == name);
    let names: Vec<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    let is_state = |name: &&str| graph.output.iter().any(|output| output.name == format!("next_{name}"));
    let state: Vec<&str> = names.iter().copied().filter(is_state).collect();
    assert!(state.contains(&"parameters"), "{state:?}");
    for name in &state {
        assert!(default(name).is_some(), "{name} has no default");
    }
    let Some(batch) = graph.input.iter().find(|input| input.name == "index").and_then(first_size) else {
        panic!("a batch has a size")
    };
    let digits = data::load("digits", &LoadOptions::default()).unwrap();
    let (Samples::U8(pixels), Targets::Classes { labels, .. }) = (&digits.samples, &digits.targets) else {
        panic!("digits are bytes and classes")
    };
    let number = |value: i64| HostTensor::I64(Vec::new(), vec![value]);
    let mut model = Runtime::open(&LibraryOptions::default()).unwrap().model(step).unwrap();
    let mut fed: Vec<(String, HostTensor)> = Vec::new();
    let mut losses = Vec::new();
    for step in 1..=steps {
        let mut inputs = vec![
            ("samples", HostTensor::U8(digits.shape(digits.count), pixels.clone())),
            ("targets", HostTensor::I64(vec![digits.count], labels.clone())),
            ("index", HostTensor::I64(vec![batch as usize], (0..batch).collect())),
            ("learning_rate", HostTensor::F32(Vec::new(), vec![1e-3])),
            ("step", number(step)),
            ("seed", number(7)),
        ];
        inputs.extend(fed.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())));
        let outputs = model.run(&inputs).unwrap();
        let loss = outputs.iter().find(|(name, _)| name == "loss").unwrap();
        losses.push(loss.1.floats().unwrap()[0]);
        let next =
            |(name, tensor): (String, HostTensor)| Some((name.strip_prefix("next_")?.to_owned(), tensor));
        fed = outputs.into_iter().filter_map(next).collect();
    }
    losses
}

fn first_size(info: &ValueInfoProto) -> Option<i64> {
    match info.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?.dim.first()?.value {
        Some(DimensionValue::Value(size)) => Some(size),
        _ => None,
    }
}

#[test]
fn networks_are_drawn_and_their_training_step_is_a_graph() {
    let folder = copy();
    let arguments = ["export", "run", "--svg", "w.svg", "--dot", "w.dot", "--train-step", "step.onnx"];
    hatchery(folder.path(), &arguments).ok();
    assert!(fs::read_to_string(folder.path().join("w.svg")).unwrap().starts_with("<svg"));
    assert!(fs::read_to_string(folder.path().join("w.dot")).unwrap().starts_with("digraph"));
    let step = fs::read(folder.path().join("step.onnx")).unwrap();
    let losses = losses_of(&step, 10);
    assert!(losses[9] < losses[0], "{losses:?}");
    assert_eq!(
        hatchery(folder.path(), &["export", "run"]).code,
        Some(2),
        "what is to be written must be said"
    );
    hatchery(folder.path(), &["export", "run", "99999", "--svg", "x.svg"]).refused(4, &["99999"]);
    hatchery(folder.path(), &["export", "run", "--svg", "no/x.svg"])
        .refused(4, &["no/x.svg cannot be written", "make its folder first"]);
}

#[test]
fn lists_shows_and_states() {
    let folder = copy();
    assert_eq!(rows(folder.path()).len(), 12);
    let top = hatchery(folder.path(), &["list", "run", "--top", "3", "--csv"]).ok();
    assert_eq!(top.stdout.lines().count(), 4, "{top:?}");
    assert!(top.stdout.starts_with("id,outcome,score,parameters,"));
    let id = finished().1["best"]["id"].to_string();
    let show = hatchery(folder.path(), &["show", "run", &id]).ok().stdout;
    for word in [
        "layers",
        "training genes",
        "learning curve",
        "lineage",
        "input, normalised",
        "(validation, in the search)",
    ] {
        assert!(show.contains(word), "{word}: {show}");
    }
    let status = hatchery(folder.path(), &["status", "run"]).ok().stdout;
    assert!(status.contains("done") && status.contains("12 evaluations"), "{status}");
    hatchery(folder.path(), &["show", "run", "99999"]).refused(4, &["99999", "hatchery list"]);
}

#[test]
fn a_finished_run_stays_as_it_is() {
    let folder = copy();
    fs::remove_file(folder.path().join("run/best.onnx")).unwrap();
    let before = rows(folder.path());
    let resume = ["run", "--out", "run", "--resume", "--evaluations", "14", "--json", "--offline"];
    let done = hatchery(folder.path(), &resume).ok();
    assert!(done.stderr.contains("finished"), "{done:?}");
    assert_eq!(&done.json(), &finished().1);
    assert_eq!(rows(folder.path()), before);
    assert!(folder.path().join("run/best.onnx").is_file(), "its files are written anew");
    hatchery(folder.path(), &["run", "--out", "run", "--resume", "--seed", "4"])
        .refused(2, &["seed", "--resume"]);
    hatchery(folder.path(), &["run", "magic", "--out", "run", "--resume", "--set", "data.source=digits"])
        .refused(2, &["digits", "magic", "--out"]);
}

#[test]
fn a_damaged_journal_is_named() {
    let folder = copy();
    let path = folder.path().join("run/journal.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len().min(20_000);
    bytes[16..end].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    for arguments in [&["status", "run"][..], &["list", "run"], &["run", "--out", "run", "--resume"]] {
        hatchery(folder.path(), arguments).refused(4, &["journal.sqlite", "damaged"]);
    }
}

#[test]
fn after_kill_9_nothing_finished_is_lost_or_repeated() {
    let folder = tempdir().unwrap();
    let mut living = Living::start(
        folder.path(),
        &run_arguments("run", &["--evaluations", "12", "--workers", "2", "--quiet"]),
    );
    wait_until("three evaluations", || ended(folder.path()) >= 3 || !living.is_alive());
    let while_it_runs = hatchery(folder.path(), &["run", "--out", "run", "--resume"]);
    if living.is_alive() {
        while_it_runs.refused(4, &["in use", &living.0.id().to_string()]);
        hatchery(folder.path(), &["run", "--out", "run"]).refused(4, &["in use", "--out"]);
    }
    living.kill();
    let before = rows(folder.path());
    let done = hatchery(folder.path(), &["run", "--out", "run", "--resume", "--json", "--quiet"]).ok();
    assert_eq!(done.json()["evaluations"], 12);
    let after = rows(folder.path());
    assert!(before.iter().all(|(id, row)| after.get(id) == Some(row)), "{before:?} {after:?}");
    let genomes: BTreeSet<&String> = after.values().map(|(_, _, summary)| summary).collect();
    assert!(genomes.len() > 1 && after.len() == 12);
    let replayed = hatchery(folder.path(), &["replay", "run", "--json"]).ok().json();
    assert_eq!(
        (replayed["identical"].as_bool(), replayed["lives"].as_u64()),
        (Some(true), Some(2)),
        "{replayed}"
    );
}

#[test]
#[cfg(unix)]
fn one_ctrl_c_ends_cleanly_with_the_best_so_far() {
    let folder = tempdir().unwrap();
    let mut living =
        Living::start(folder.path(), &run_arguments("run", &["--evaluations", "1000", "--quiet"]));
    wait_until("two evaluations", || ended(folder.path()) >= 2);
    let killed = Command::new("kill").args(["-INT", &living.0.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(living.0.wait().unwrap().code(), Some(0));
    assert!(folder.path().join("run/best.onnx").is_file() && folder.path().join("run/report.html").is_file());
    let status = hatchery(folder.path(), &["status", "run", "--json"]).ok().json();
    assert_eq!(status["running"], false);
    let seen = status["evaluations"].as_u64().unwrap();
    assert!((2..1000).contains(&seen));
    let more = (seen + 1).to_string();
    let done = hatchery(
        folder.path(),
        &["run", "--out", "run", "--resume", "--evaluations", &more, "--json", "--quiet"],
    )
    .ok();
    let evaluations = done.json()["evaluations"].as_u64().unwrap();
    assert!(
        (seen + 1..seen + 100).contains(&evaluations),
        "who was born already is evaluated, nobody else: {evaluations}"
    );
    hatchery(folder.path(), &["replay", "run"]).ok();
}

#[test]
fn the_same_seed_gives_the_same_search() {
    let search = |seed: &str| {
        let folder = tempdir().unwrap();
        run(folder.path(), "run", &["--evaluations", "6", "--seed", seed, "--workers", "1", "--quiet"]).ok();
        rows(folder.path())
    };
    let first = search("5");
    assert_eq!(first, search("5"));
    assert_ne!(first, search("6"));
}

#[test]
fn tables_are_learnt_too() {
    let folder = tempdir().unwrap();
    let mut text = "a,b,y,z\n".to_owned();
    for index in 0..200 {
        let (a, b) = (f64::from(index % 20) / 10.0, f64::from(index / 20) / 5.0);
        text += &format!("{a},{b},{},{}\n", 3.0 * a - 2.0 * b + 1.0, 1000.0 * a);
    }
    fs::write(folder.path().join("plane.csv"), text).unwrap();
    let experiment = "name = \"plane\"\n[data]\nsource = \"csv:plane.csv\"\ntask = \"regression\"\nlabel = \"y,z\"\n[budget]\n\
                      evaluations = 4\n[search]\npopulation = 4\ntournament = 2\n[training]\nepochs = 8\n\
                      [final]\nepochs = 20\n[space]\nlayers = [\"dense\"]\ndepth = [1, 2]\nshift = [0, 0]\n\
                      norms = [\"none\"]\nbatch_size = [16]\noptimizers = [\"adam\"]\nlearning_rate = [0.003, 0.03]\n";
    fs::write(folder.path().join("plane.toml"), experiment).unwrap();
    let done =
        hatchery(folder.path(), &["run", "plane.toml", "--out", "run", "--json", "--quiet"]).ok().json();
    let reported = done["best"]["test_accuracy"].as_f64().unwrap();
    assert!(reported > 0.5, "R squared of a plane: {done}");
    assert!(done["best"]["test_rmse"].is_null(), "of two targets, `test` has it: {done}");
    let test = hatchery(folder.path(), &["test", "run/best.onnx", "csv:plane.csv", "--json"]).ok().json();
    assert!((test["r_squared"].as_f64().unwrap() - reported).abs() < 1e-4, "{test} {done}");
    let of =
        |key: &str| [&test["targets"][0][key], &test["targets"][1][key]].map(|value| value.as_f64().unwrap());
    let ([y, z], [rmse_y, rmse_z]) = (of("r_squared"), of("rmse"));
    assert!((f64::midpoint(y, z) - reported).abs() < 1e-4, "every target counts alike: {test}");
    let deviation_z = 577.0;
    let ratio = rmse_z / (deviation_z * (1.0 - z).sqrt());
    assert!((0.5..2.0).contains(&ratio), "in the unit of the target: {test}");
    assert!(of("mae")[0] <= rmse_y && of("mae")[1] <= rmse_z, "{test}");
    let base = of("baseline_rmse");
    assert!((base[1] / deviation_z - 1.0).abs() < 0.5 && rmse_z < base[1], "better than the mean: {test}");
    let text = hatchery(folder.path(), &["test", "run/best.onnx", "csv:plane.csv"]).ok().stdout;
    assert!(text.contains("rmse") && text.contains("mae") && text.contains("always the mean"), "{text}");
    let (elsewhere, root) = (tempdir().unwrap(), folder.path().join("run").display().to_string());
    let again = ["run", "--resume", "--out", &root, "--json", "--quiet", "--offline"];
    assert_eq!(
        hatchery(elsewhere.path(), &again).ok().json()["best"],
        done["best"],
        "seen from another folder"
    );
    hatchery(elsewhere.path(), &["export", &root, "--onnx", "m.onnx"]).ok();
    let facts = fs::read_to_string(folder.path().join("run/best.json")).unwrap();
    assert!(
        facts.contains("\"csv:plane.csv\"") && !facts.contains(folder.path().to_str().unwrap()),
        "{facts}"
    );
    fs::write(folder.path().join("line.csv"), "1,2,3\n2,3,5\n".repeat(50)).unwrap();
    let by_place = ["test", "run/best.onnx", "csv:line.csv", "--set", "data.label=1,2"];
    hatchery(folder.path(), &by_place).refused(
        3,
        &[
            "run/best.onnx on csv:line.csv",
            "the model takes rows of 2 numbers, the data has rows of 1 numbers",
        ],
    );
}

#[test]
fn a_column_that_is_all_offset_is_warned_of() {
    let folder = tempdir().unwrap();
    let rows: String = (0..40).map(|row| format!("{row},{},{}\n", 1_700_000_000 + row, row % 2)).collect();
    fs::write(folder.path().join("times.csv"), "number,seconds,odd\n".to_owned() + &rows).unwrap();
    let told = hatchery(folder.path(), &["data", "inspect", "csv:times.csv"]).ok().stderr;
    assert!(
        told.contains("warning: feature seconds (mean 1.70e9") && told.contains("subtract the offset"),
        "{told}"
    );
    let found = hatchery(folder.path(), &["data", "inspect", "csv:times.csv", "--json"]).ok().json();
    assert_eq!(found["warnings"].as_array().map(Vec::len), Some(1), "{found}");
}

#[test]
fn real_tables_and_pictures_are_read() {
    let folder = tempdir().unwrap();
    if let Some(magic) = real_data("magic04.data") {
        let source = format!("csv:{}", magic.display());
        let found = hatchery(folder.path(), &["data", "inspect", &source, "--json"]).ok().json();
        assert_eq!(
            (found["samples"].as_u64(), found["classes"].as_array().map(Vec::len)),
            (Some(19_020), Some(2))
        );
    }
    if let Some(fashion) = real_data("fashion-mnist") {
        let source = format!("idx:{}", fashion.display());
        let found = hatchery(folder.path(), &["data", "inspect", &source, "--json"]).ok().json();
        assert_eq!(
            (found["samples"].as_u64(), found["split"]["test"].as_u64()),
            (Some(70_000), Some(10_000))
        );
    }
}
