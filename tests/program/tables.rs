//! Tables with text and missing values, from the file to the model that is taken away.

use crate::common::hatchery;
use serde_json::json;
use std::{fs, path::Path};
use tempfile::tempdir;

const EXPERIMENT: &str = "name = \"mixed\"\n[data]\nsource = \"csv:mixed.csv\"\ncategorical = [\"zone\"]\n[budget]\n\
                          evaluations = 4\n[search]\npopulation = 4\ntournament = 2\n[training]\nepochs = 8\n\
                          [final]\nepochs = 20\n[space]\nlayers = [\"dense\"]\ndepth = [1, 2]\nshift = [0, 0]\n\
                          norms = [\"none\"]\nbatch_size = [16]\noptimizers = [\"adam\"]\nlearning_rate = [0.003, 0.03]\n";

/// Red and its like are hot, blue is cold; of green ones those are hot whose width is unknown, whatever the zone.
fn row(index: usize, colours: &[&str]) -> String {
    let colour = colours[index % colours.len()];
    let is_unknown = index % 4 < 2;
    let width = if is_unknown { ["", "NA"][index % 2].to_owned() } else { format!("{}.5", index % 30) };
    let is_hot = match colour {
        "red" => true,
        "green" => is_unknown,
        _ => false,
    };
    format!("{colour},{width},{},{}\n", 10 * (index % 7), u8::from(is_hot))
}

fn write(folder: &Path, name: &str, rows: usize, colours: &[&str]) {
    let rows: String = (0..rows).map(|index| row(index, colours)).collect();
    fs::write(folder.join(name), format!("colour,width,zone,hot\n{rows}")).unwrap();
}

#[test]
fn tables_with_text_and_gaps_are_learnt_and_tested_by_the_models_categories() {
    let folder = tempdir().unwrap();
    let here = folder.path();
    write(here, "mixed.csv", 300, &["red", "blue", "green"]);
    fs::write(here.join("mixed.toml"), EXPERIMENT).unwrap();
    let says = hatchery(here, &["data", "inspect", "csv:mixed.csv"]).ok().stdout;
    assert!(
        says.contains("colour: 3 categories, 0 missing") && says.contains("width: 150 missing"),
        "{says}"
    );

    let done = hatchery(here, &["run", "mixed.toml", "--out", "run", "--json", "--quiet"]).ok().json();
    let reported = done["best"]["test_accuracy"].as_f64().unwrap();
    assert!(reported > 0.9, "{done}");
    let best: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(here.join("run/best.json")).unwrap()).unwrap();
    let zones: Vec<String> = (0..7).map(|zone| (10 * zone).to_string()).collect();
    let expected = json!([
        {"name": "colour", "kind": "categorical", "categories": ["blue", "green", "red"]},
        {"name": "width", "kind": "numeric", "missing": true},
        {"name": "zone", "kind": "categorical", "categories": zones},
    ]);
    assert_eq!(best["columns"], expected);

    let accuracy = |arguments: &[&str]| {
        let tested = hatchery(here, &[&["test", "run/best.onnx", "--json"], arguments].concat()).ok();
        let said = tested.json();
        (said["accuracy"].as_f64().unwrap(), tested.stderr, said["unknown_categories"].clone())
    };
    let (same, said, unknown) = accuracy(&["csv:mixed.csv"]);
    assert!((same - reported).abs() < 1e-9 && !said.contains("warning"), "{same} {said} {done}");
    assert_eq!(unknown, json!([]));
    // Without blue, the file by itself would number its colours otherwise.
    write(here, "other.csv", 120, &["red", "green"]);
    let (other, said, _) = accuracy(&["csv:other.csv", "--part", "all"]);
    assert!(other > 0.9 && !said.contains("categories"), "{other} {said}");
    // Colours that the model does not know, some of them missing, are of no category.
    write(here, "unknown.csv", 120, &["red", "mauve", "?", "green"]);
    let (_, said, unknown) = accuracy(&["csv:unknown.csv", "--part", "all"]);
    assert!(said.contains("30 values") && said.contains("column \"colour\" (\"mauve\")"), "{said}");
    assert_eq!(unknown, json!([{"column": "colour", "values": 30, "example": "mauve"}]));

    // As arrays, rows are what the model takes: numbers, codes and NaN.
    let write = ["data", "write", "csv:mixed.csv", "--run", "run", "--part", "test", "--out", "test.npz"];
    hatchery(here, &write).ok();
    let (arrays, ..) = accuracy(&["npz:test.npz", "--part", "all"]);
    assert!((arrays - reported).abs() < 1e-9, "{arrays} {done}");

    fs::write(here.join("narrow.csv"), "a,zone,hot\n".to_owned() + &"1,2,0\n2,4,1\n".repeat(20)).unwrap();
    hatchery(here, &["test", "run/best.onnx", "csv:narrow.csv"])
        .refused(3, &["narrow.csv: line 1", "\"colour\" is missing, \"width\" is missing"]);
}

/// Flowers whose name follows from their length; few of them are tulips, of which one comes to the test part.
fn flower(index: usize) -> String {
    let (kind, length) = match index % 4 {
        _ if index.is_multiple_of(30) => ("tulip", 9),
        0 | 1 => ("rose", 1 + index % 2),
        _ => ("iris", 5 + index % 2),
    };
    format!("{length}.{},{},{kind}\n", index % 7, index % 3)
}

/// A row from its last field to its first.
fn turned(row: &str) -> String {
    let fields: Vec<&str> = row.trim().split(',').rev().collect();
    fields.join(",") + "\n"
}

#[test]
fn classes_with_text_names_are_tested_alike_as_a_table_and_as_arrays() {
    let folder = tempdir().unwrap();
    let here = folder.path();
    let rows: String = (0..150).map(flower).collect();
    fs::write(here.join("flowers.csv"), format!("length,width,kind\n{rows}")).unwrap();
    let experiment = EXPERIMENT.replace("csv:mixed.csv\"\ncategorical = [\"zone\"]", "csv:flowers.csv\"");
    fs::write(here.join("flowers.toml"), experiment).unwrap();
    hatchery(here, &["run", "flowers.toml", "--out", "run", "--json", "--quiet"]).ok();

    let said =
        hatchery(here, &["data", "write", "csv:flowers.csv", "--part", "test", "--out", "test.npz"]).ok();
    assert!(said.stdout.contains("arrays x, y and classes"), "{said:?}");
    let tested = |data: &[&str]| {
        let said = hatchery(here, &[&["test", "run/best.onnx", "--json"], data].concat()).ok().json();
        ["accuracy", "samples", "classes", "confusion"].map(|key| said[key].clone())
    };
    let table = tested(&["csv:flowers.csv"]);
    assert_eq!(tested(&["npz:test.npz", "--part", "all"]), table);
    assert_eq!((&table[2][2]["name"], &table[2][2]["samples"]), (&json!("tulip"), &json!(1)));

    // The label and all others are found by their names, or missed by them.
    let moved: String = (0..150).map(|index| turned(&flower(index))).collect();
    fs::write(here.join("moved.csv"), format!("kind,width,length\n{moved}")).unwrap();
    assert_eq!(tested(&["csv:moved.csv", "--part", "all"]), tested(&["csv:flowers.csv", "--part", "all"]));
    fs::write(here.join("other.csv"), format!("length,Width,kind\n{rows}")).unwrap();
    hatchery(here, &["test", "run/best.onnx", "csv:other.csv"])
        .refused(3, &["other.csv: line 1", "\"width\" is missing (is it \"Width\"?)"]);
}
