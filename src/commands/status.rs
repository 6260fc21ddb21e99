//! `hatchery status`: how far a run is, living or not, on one screen.

use super::run::summary;
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::StatusOptions,
    },
    output::{duration, grouped, percent, plain, say, say_json},
    records::{
        self, Records,
        client::Client,
        nodes::{Node, presence},
        standing::Standing,
    },
    run_directory::RunDirectory,
    view::{self, Run},
};
use hatchery_actors::journal::{End, Reader, lock, workers};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Nodes that are named; those that are here, and train, first.
const NODES_MAX: usize = 8;
/// Characters of a text that may be long.
const TEXT_CHARS_MAX: usize = 160;

/// Prints it.
pub fn status(options: &StatusOptions) -> Result<(), Failure> {
    let run = view::read(&options.run)?;
    let records = records::read(&options.run)?;
    let workers = workers::workers(&options.run).or_exit(Exit::RunDirectory)?;
    let nodes = records::nodes::of(&workers, &records);
    let pause = pause(&options.run, records.alive)?;
    let standing = Standing::of(&records, run.networks_per_hour());
    // Nobody knows when a pause ends.
    let standing = Standing { left_s: standing.left_s.filter(|_| pause.is_none()), ..standing };
    if options.json {
        let mut object = summary::json(&run);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("stage".to_owned(), json!(run.stage));
            fields.insert("running".to_owned(), json!(records.alive));
            fields.insert("paused".to_owned(), json!(pause));
            fields.insert("process".to_owned(), json!(lock::holder(&options.run).flatten()));
            fields.insert("budget".to_owned(), standing.json());
            fields.insert("makers".to_owned(), records.makers().into_iter().collect::<Value>());
            fields.insert("nodes".to_owned(), nodes.iter().map(Node::json).collect());
        }
        say_json(&object);
        return Ok(());
    }
    let mut lines = vec![format!("{}: {}", run.directory, state(&run, records.alive, pause.is_some()))];
    lines.extend(pause.map(|reason| format!("paused: {}", short(&reason))));
    if let Some(End::Failed(reason)) = &records.record.end {
        lines.push(format!("failed: {}", short(reason)));
    }
    lines.extend(work(&run, &standing));
    lines.extend(makers(&records));
    lines.extend(best(&run));
    lines.push(crew(&nodes, records.alive));
    lines.extend(named(&nodes, records.alive));
    lines.extend(run.incidents.text());
    say(lines.join("\n"));
    Ok(())
}

/// Why a run is paused. What a user has asked for is recorded; of a journal that cannot be written only the coordinator
/// itself knows.
fn pause(directory: &Path, alive: bool) -> Result<Option<String>, Failure> {
    let told = if alive { told_by_coordinator(directory) } else { None };
    if let Some(run) = told {
        return Ok(run["paused_reason"].as_str().map(str::to_owned));
    }
    let since =
        Reader::open(directory).and_then(|reader| reader.paused_since()).or_exit(Exit::RunDirectory)?;
    Ok(since.map(|seconds| format!("a user has paused it after {}", duration(seconds))))
}

/// What the coordinator of a run that goes on says of it, where it can be asked.
fn told_by_coordinator(directory: &Path) -> Option<Value> {
    let directory = RunDirectory::at(directory);
    let read = |path: PathBuf| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let address = read(directory.http())?;
    Client::hasty(&address, read(directory.token())).ok()?.get("/api/v1/run").ok()
}

fn state(run: &Run, alive: bool, paused: bool) -> String {
    match (alive, run.stage.as_str()) {
        (true, stage) => {
            let paused = if paused { ", paused" } else { "" };
            format!("running, stage {stage}{paused}, {} in training", run.running)
        }
        (false, "done") => "done".to_owned(),
        (false, stage) => format!("not running, stopped at stage {stage}; --resume goes on"),
    }
}

fn work(run: &Run, standing: &Standing) -> Vec<String> {
    let left = standing.left_s.map(|left| format!(", about {} left", duration(left))).unwrap_or_default();
    let of = |max: Option<String>| max.map(|max| format!(" of {max}")).unwrap_or_default();
    let mut lines = vec![
        format!(
            "budget: {} evaluations{}, {}{}{left}",
            standing.counted,
            of(standing.evaluations_max.map(|max| max.to_string())),
            duration(standing.elapsed_s),
            of(standing.seconds_max.map(duration)),
        ),
        format!(
            "rate: {:.0} networks an hour, trainers {} busy",
            run.networks_per_hour(),
            percent(run.utilisation())
        ),
    ];
    let outcomes: Vec<String> = run
        .outcomes()
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.replace('_', " ")))
        .collect();
    if !outcomes.is_empty() {
        lines.push(format!("outcomes: {}", outcomes.join(", ")));
    }
    lines
}

fn makers(records: &Records) -> Option<String> {
    let made: Vec<String> =
        records.makers().iter().map(|(maker, count)| format!("{maker} {count}")).collect();
    (!made.is_empty()).then(|| format!("made by: {}", made.join(", ")))
}

fn best(run: &Run) -> Vec<String> {
    let Some((best, row)) = run.best.as_ref().and_then(|best| Some((best, run.row(best.id)?))) else {
        return vec!["best: none yet".to_owned()];
    };
    vec![
        format!(
            "best: network {}, validation {} ({}), test {}, {} parameters",
            row.id,
            run.write_score(best.valid_score()),
            best.valid_score_origin(),
            run.write_score(best.test_score),
            grouped(row.parameters)
        ),
        format!("      {}", short(&row.summary)),
    ]
}

fn crew(nodes: &[Node], alive: bool) -> String {
    let here = nodes.iter().filter(|node| node.here).count();
    format!("nodes: {here} {}, {} gone", presence(alive), nodes.len() - here)
}

fn named(nodes: &[Node], alive: bool) -> Vec<String> {
    let mut order: Vec<&Node> = nodes.iter().collect();
    order.sort_by_key(|node| (!node.here, node.slots.is_empty()));
    let mut lines: Vec<String> = order.iter().take(NODES_MAX).map(|node| line(node, alive)).collect();
    if order.len() > NODES_MAX {
        lines.push(format!("  and {} more; --json names all", order.len() - NODES_MAX));
    }
    lines
}

fn line(node: &Node, alive: bool) -> String {
    let state = match &node.reason {
        None if node.slots.is_empty() => presence(alive).to_owned(),
        None => {
            let slots: Vec<String> = node.slots.iter().map(|slot| slot.evaluation.to_string()).collect();
            format!("trains {}", slots.join(", "))
        }
        Some(reason) => format!("gone: {reason}"),
    };
    let count =
        |count: usize, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
    let text = format!(
        "  {} ({}): {state}; {} evaluations{}{}",
        node.name,
        node.devices.join(", "),
        node.evaluations,
        count(node.failures, "without a score"),
        count(node.restarts, "times started again"),
    );
    short(&text)
}

/// On one line, and no longer than two lines of a terminal.
fn short(text: &str) -> String {
    let text = plain(text);
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text.into_owned();
    }
    let begin: String = text.chars().take(TEXT_CHARS_MAX - 1).collect();
    format!("{begin}…")
}
