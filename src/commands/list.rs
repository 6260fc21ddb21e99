//! `hatchery list`: the evaluations of a run, best first, as a table, JSON lines or CSV.

use crate::{
    cli::{exit::Failure, options::ListOptions},
    output::{self, duration, grouped, say, say_json},
    records::quoted,
    view::{self, Row, Run},
};
use serde_json::json;

/// Rows of the table where `--top` says nothing; JSON and CSV give all.
const TABLE_ROWS: usize = 20;

/// Prints them.
pub fn list(options: &ListOptions) -> Result<(), Failure> {
    let run = view::read(&options.run)?;
    let ranked = run.ranked();
    let default = if options.json || options.csv { usize::MAX } else { TABLE_ROWS };
    let shown = &ranked[..ranked.len().min(options.top.unwrap_or(default))];
    if options.json {
        shown.iter().for_each(|row| say_json(&as_json(row)));
    } else if options.csv {
        say(
            "id,outcome,score,parameters,multiply_adds,epochs,seconds,finished_s,parents,maker,operation,genome",
        );
        shown.iter().for_each(|row| say(as_csv(row)));
    } else {
        say(as_table(&run, shown));
        say(footing(&run));
        if shown.len() < ranked.len() {
            say(format_args!("{} of {}; --top N shows more", shown.len(), ranked.len()));
        }
    }
    Ok(())
}

/// What the scores are, and what the winner's became.
fn footing(run: &Run) -> String {
    let words = format!("{} on validation samples, in the search", run.score_name());
    match run.best.as_ref().and_then(|best| Some((best.id, best.full_length_score?))) {
        Some((id, score)) => {
            format!("{words}; network {id}, the winner, at full length: {}", run.write_score(Some(score)))
        }
        None => words,
    }
}

fn as_json(row: &Row) -> serde_json::Value {
    json!({
        "id": row.id,
        "maker": row.maker.word(),
        "outcome": row.outcome.word(),
        "score": row.score,
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
        "epochs": row.epochs,
        "seconds": row.seconds,
        "latency_s": row.latency_s,
        "inherits": row.inherits,
        "finished_s": row.finished_s,
        "parents": row.parents,
        "operation": row.operation,
        "summary": row.summary,
        "message": row.message,
    })
}

fn as_csv(row: &Row) -> String {
    let parents: Vec<String> = row.parents.iter().map(u64::to_string).collect();
    [
        row.id.to_string(),
        row.outcome.word().to_owned(),
        row.score.map(|score| score.to_string()).unwrap_or_default(),
        row.parameters.to_string(),
        row.multiply_adds.to_string(),
        row.epochs.to_string(),
        row.seconds.to_string(),
        row.finished_s.to_string(),
        parents.join(" "),
        row.maker.word().to_owned(),
        quoted(&row.operation),
        quoted(&row.summary),
    ]
    .join(",")
}

fn as_table(run: &Run, shown: &[&Row]) -> String {
    let cells = shown.iter().map(|row| {
        vec![
            row.id.to_string(),
            run.write_score(row.score),
            grouped(row.parameters),
            grouped(row.multiply_adds),
            duration(row.seconds),
            row.outcome.word().to_owned(),
            row.summary.clone(),
        ]
    });
    let header = ["id", run.score_name(), "parameters", "multiply-adds", "time", "outcome", "genome"];
    output::table(&header, &cells.collect::<Vec<_>>())
}
