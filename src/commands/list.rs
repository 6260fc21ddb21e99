//! `hatchery list`: the evaluations of a run, best first, as a table, JSON lines or CSV.

use crate::{
    cli::{exit::Failure, options::ListOptions},
    output::{self, duration, grouped, say, say_json},
    records::quoted,
    view::{self, Row, Run},
};
use hatchery_config::vocabulary::Objective;
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
        let has_latency = has_latency(&run);
        let latency = if has_latency { "latency_s," } else { "" };
        say(format_args!(
            "id,outcome,score,parameters,multiply_adds,epochs,seconds,{latency}finished_s,parents,maker,operation,genome"
        ));
        shown.iter().for_each(|row| say(as_csv(row, has_latency)));
    } else {
        say(as_table(&run, shown));
        say(footing(&run));
        if shown.len() < ranked.len() {
            say(format_args!("{} of {}; --top N shows more", shown.len(), ranked.len()));
        }
    }
    Ok(())
}

/// Whether networks are judged by their latency, so that it is worth a column.
fn has_latency(run: &Run) -> bool {
    run.objectives.contains(&Objective::Latency)
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

fn as_csv(row: &Row, has_latency: bool) -> String {
    let parents: Vec<String> = row.parents.iter().map(u64::to_string).collect();
    let mut cells = vec![
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
    ];
    if has_latency {
        cells.insert(7, row.latency_s.map(|seconds| seconds.to_string()).unwrap_or_default());
    }
    cells.join(",")
}

fn as_table(run: &Run, shown: &[&Row]) -> String {
    let has_latency = has_latency(run);
    let cells = shown.iter().map(|row| {
        let mut cells = vec![
            row.id.to_string(),
            run.write_score(row.score),
            grouped(row.parameters),
            grouped(row.multiply_adds),
            duration(row.seconds),
            row.outcome.word().to_owned(),
            row.summary.clone(),
        ];
        if has_latency {
            cells.insert(5, latency(row.latency_s));
        }
        cells
    });
    let mut header = vec!["id", run.score_name(), "parameters", "multiply-adds", "time", "outcome", "genome"];
    if has_latency {
        header.insert(5, "latency");
    }
    output::table(&header, &cells.collect::<Vec<_>>())
}

fn latency(seconds: Option<f64>) -> String {
    seconds.map_or("-".to_owned(), |seconds| format!("{:.3} ms", 1e3 * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    #[test]
    fn latency_has_a_column_where_networks_are_judged_by_it() {
        let mut run = fixture::run();
        run.rows[0].latency_s = Some(0.000_25);
        let rows: Vec<&Row> = run.rows.iter().collect();
        assert!(!as_table(&run, &rows).contains("latency"));
        assert_eq!(as_csv(rows[0], false).split(',').nth(7), Some("1"), "finished_s");
        let judged = Run { objectives: vec![Objective::Error, Objective::Latency], ..run.clone() };
        let table = as_table(&judged, &rows);
        assert!(table.lines().next().unwrap().contains("  latency  outcome"), "{table}");
        assert!(table.contains("0.250 ms"), "{table}");
        assert_eq!(as_csv(rows[0], true).split(',').nth(7), Some("0.00025"));
        assert_eq!(as_csv(rows[1], true).split(',').nth(7), Some(""));
    }
}
