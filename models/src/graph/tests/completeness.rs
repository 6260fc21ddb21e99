//! The other tests ask all operators: these hold what they take for all against the sources.

use super::{
    catalogue,
    support::{differentiate, stream, wired},
};
use hatchery_config::vocabulary::Activation;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Texts of all files with operators.
fn sources() -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graph/operators")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push(fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(texts.len() > 10, "the operators' sources are elsewhere");
    texts
}

/// What stands between the first two quotation marks.
fn literal(text: &str) -> String {
    text.split('"').nth(1).unwrap().to_owned()
}

/// Names as the operators give them: by a method, by a constant where there is numpy's broadcasting, or by the
/// vocabulary's word.
fn names_in_sources() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = Activation::ALL.iter().map(ToString::to_string).collect();
    for text in sources() {
        let bodies = text.split("fn name(&self) -> &'static str {").skip(1);
        let own = bodies.map(|rest| rest.split('}').next().unwrap()).filter(|body| body.contains('"'));
        names.extend(own.map(literal));
        names.extend(text.split("const NAME: &'static str =").skip(1).map(literal));
    }
    names
}

#[test]
fn the_catalogue_holds_every_operator() {
    let mut rng = stream(30);
    let mut names = BTreeSet::new();
    for application in catalogue::all() {
        let graph = match application.differentiable {
            true => differentiate(&application.inputs, &*application.wiring, &mut rng).graph,
            false => wired(&application.inputs, &*application.wiring).0,
        };
        names.extend(graph.nodes().iter().map(|node| node.operator.name().to_owned()));
    }
    assert_eq!(names, names_in_sources());
}

/// Types of the operators that have a gradient rule.
fn differentiable_types() -> Vec<String> {
    let mut types = Vec::new();
    for text in sources() {
        for (marker, rule) in [("impl Operator for ", "fn gradient("), ("impl Broadcasting for ", "fn ")] {
            let blocks = text.split(marker).skip(1).map(|rest| rest.split("\n}").next().unwrap());
            let ruled = blocks.filter(|block| block.contains(rule));
            types.extend(ruled.map(|block| block.split([' ', '<']).next().unwrap().to_owned()));
        }
    }
    types
}

#[test]
fn every_gradient_rule_is_tested_against_differences() {
    let tests = include_str!("gradients.rs");
    let body = tests.split_once("\nfn ").unwrap().1;
    let words: BTreeSet<&str> = body.split(|c: char| !c.is_alphanumeric()).collect();
    let types = differentiable_types();
    assert!(types.len() > 25, "{types:?}");
    let untested: Vec<&String> = types.iter().filter(|name| !words.contains(name.as_str())).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
