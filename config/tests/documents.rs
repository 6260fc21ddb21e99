//! docs/EXPERIMENT.md has all keys, what each may hold, and what it is where nothing is said.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop the test")]

use hatchery_config::{Experiment, schema};

const DOCUMENT: &str = include_str!("../../docs/EXPERIMENT.md");

/// An experiment in which nothing is said but what must be.
const MINIMAL: &str = "name = \"tiny\"\n[data]\nsource = \"digits\"\n";

/// Keys without which there is no experiment.
const NEEDED: [&str; 2] = ["name", "data.source"];

/// Key, what it may hold, its default.
type Row = [String; 3];

fn default_of(path: &str, defaults: &toml::Table) -> String {
    if NEEDED.contains(&path) {
        return "needed".to_owned();
    }
    let value = match path.split_once('.') {
        Some((section, key)) => defaults.get(section).and_then(|section| section.get(key)),
        None => defaults.get(path),
    };
    match value {
        Some(toml::Value::Array(words)) if words.len() > 4 => "all".to_owned(),
        Some(value) => format!("`{value}`"),
        None => String::new(),
    }
}

fn expected() -> Vec<Row> {
    let defaults = Experiment::parse(MINIMAL, "minimal", &[]).unwrap().to_toml().unwrap();
    let defaults: toml::Table = defaults.parse().unwrap();
    let row =
        |key: &schema::Key| [format!("`{}`", key.path), key.rule.expected(), default_of(key.path, &defaults)];
    schema::KEYS.iter().map(row).collect()
}

fn documented() -> Vec<Row> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [key, meaning, holds, default] = cells[..] else { panic!("four cells, not {cells:?}") };
        assert!(!meaning.is_empty(), "what {key} means is not said");
        [key, holds, default].map(str::to_owned)
    })
    .collect()
}

#[test]
fn the_document_has_all_keys_with_what_they_hold_and_their_defaults() {
    let (documented, expected) = (documented(), expected());
    for (found, expected) in documented.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(documented.len(), expected.len());
}
