//! `hatchery replay`: the recorded decisions of a run made again from its journal, living or not. Neither data nor ONNX
//! Runtime are needed: nothing is trained again.

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::ReplayOptions,
    },
    output::{grouped, say, table},
};
use anyhow::anyhow;
use hatchery_actors::{
    journal::{History, record},
    makers::SearchingMakers,
    replay::{self, Decision, Report, Rules},
};
use hatchery_config::Experiment;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Differences that are printed; with `--json` there are more.
const SHOWN_MAX: usize = 20;

/// Replays it; ends with a code of its own where anything differs.
pub fn replay(options: &ReplayOptions) -> Result<(), Failure> {
    let history = record::history(&options.run).or_exit(Exit::RunDirectory)?;
    let report = replayed(&history, &options.run)?;
    if options.json {
        say(json(&options.run, &report));
    } else {
        print(&options.run, &report);
    }
    if report.is_identical() { Ok(()) } else { Err(differs(&options.run, &report)) }
}

fn replayed(history: &History, run: &Path) -> Result<Report, Failure> {
    let info = &history.record.info;
    let origin = format!("the experiment recorded in {}", run.display());
    // Space and limits of networks are those of the begin: nobody can change them when a run goes on.
    let experiment = Experiment::parse(&info.experiment, &origin, &[]).or_exit(Exit::RunDirectory)?;
    let rules = Rules {
        makers: &|settings| {
            let run =
                Experiment { search: settings.search.clone(), seed: settings.seed, ..experiment.clone() };
            let evaluations = settings.evaluations;
            Arc::new(SearchingMakers { evaluations, ..SearchingMakers::of(&run, info.problem) })
        },
        settings: &replay::settings,
    };
    replay::replay(history, &rules)
        .map_err(|error| anyhow!("the journal of {}: {error}", run.display()))
        .or_exit(Exit::RunDirectory)
}

fn print(run: &Path, report: &Report) {
    let lives = if report.lives == 1 { "one life".to_owned() } else { format!("{} lives", report.lives) };
    say(format_args!("{}: {} events in {lives}", run.display(), grouped(report.events as u64)));
    let rows: Vec<Vec<String>> = report
        .counts()
        .into_iter()
        .map(|(decision, (made_again, consistent))| {
            let count = |count: u32| grouped(u64::from(count));
            vec![decision.explanation().to_owned(), count(made_again), count(consistent)]
        })
        .collect();
    say(table(&["decision", "made again, the same", "consistent"], &rows));
    for difference in report.differences.iter().take(SHOWN_MAX) {
        say(difference);
    }
    if report.differences_count > SHOWN_MAX {
        say(format_args!("and {} more", grouped((report.differences_count - SHOWN_MAX) as u64)));
    }
    if report.is_identical() {
        say("every decision is as recorded; what is only consistent depends on the clock");
    }
}

fn json(run: &Path, report: &Report) -> Value {
    let counts = report.counts();
    let decisions: serde_json::Map<String, Value> = Decision::ALL
        .iter()
        .map(|decision| {
            let (made_again, consistent) = counts.get(decision).copied().unwrap_or_default();
            (decision.word().to_owned(), json!({"made_again": made_again, "consistent": consistent}))
        })
        .collect();
    let differences: Vec<Value> = report
        .differences
        .iter()
        .map(|difference| {
            json!({
                "event": difference.event,
                "decision": difference.decision.word(),
                "subject": difference.subject,
                "recorded": difference.recorded,
                "replayed": difference.replayed,
            })
        })
        .collect();
    json!({
        "run": run.display().to_string(),
        "identical": report.is_identical(),
        "events": report.events,
        "lives": report.lives,
        "program_versions": report.program_versions,
        "decisions": decisions,
        "differences_count": report.differences_count,
        "differences": differences,
    })
}

fn differs(run: &Path, report: &Report) -> Failure {
    let first = report.differences.first().map(ToString::to_string).unwrap_or_default();
    let own = env!("CARGO_PKG_VERSION");
    let others: Vec<&str> =
        report.program_versions.iter().map(String::as_str).filter(|version| *version != own).collect();
    let hint = if others.is_empty() {
        String::new()
    } else {
        format!("; it was made by version {}, this is {own}", others.join(", "))
    };
    let error = anyhow!(
        "the journal of {} differs from its replay in {} places, first at {first}{hint}",
        run.display(),
        report.differences_count
    );
    Failure { exit: Exit::Differs, error }
}
