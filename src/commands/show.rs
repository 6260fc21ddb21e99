//! `hatchery show`: one network: its genome, its learning curve, where it comes from.

use super::pick;
use crate::{
    cli::{exit::Failure, options::ShowOptions},
    drawing::Sketch,
    output::{duration, grouped, plain, say, say_json, table},
    view::{self, Row, Run},
};
use hatchery_models::training::outcome::EpochReport;
use serde_json::{Value, json};

/// Youngest ancestors that are shown.
const ANCESTORS_MAX: usize = 40;

/// Prints it.
pub fn show(options: &ShowOptions) -> Result<(), Failure> {
    let run = view::read(&options.run)?;
    let row = pick(&run, options.id)?;
    if options.json {
        say_json(&json(&run, row));
        return Ok(());
    }
    say(format_args!("network {} of {} ({})", row.id, run.directory, row.outcome.word()));
    facts(&run, row);
    say("\nlayers");
    let blocks = Sketch::of(&row.genome, &run.problem).blocks;
    say(table(
        &["layer", "output"],
        &blocks.into_iter().map(|block| vec![block.title, block.detail]).collect::<Vec<_>>(),
    ));
    say(format_args!("\ntraining genes\n{}", row.genome.training));
    curve(&run, &row.curve);
    if let Some(best) = run.best.as_ref().filter(|best| best.id == row.id) {
        final_curve(&best.final_curve);
    }
    lineage(&run, row.id);
    Ok(())
}

/// All that is known of a network.
fn json(run: &Run, row: &Row) -> Value {
    let best = run.best.as_ref().filter(|best| best.id == row.id);
    let lineage: Vec<Value> = run
        .lineage(row.id)
        .iter()
        .map(|one| {
            json!({"id": one.id, "parents": one.parents, "score": one.score, "operation": one.operation,
                   "summary": one.summary})
        })
        .collect();
    json!({
        "id": row.id,
        "run": run.directory,
        "outcome": row.outcome.word(),
        "message": row.message,
        "score": row.score,
        "full_length_score": best.and_then(|best| best.full_length_score),
        "test_score": best.and_then(|best| best.test_score),
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
        "epochs": row.epochs,
        "seconds": row.seconds,
        "finished_s": row.finished_s,
        "parents": row.parents,
        "operation": row.operation,
        "summary": row.summary,
        "genome": row.genome,
        "curve": row.curve,
        "final_curve": best.map(|best| &best.final_curve),
        "lineage": lineage,
    })
}

fn facts(run: &Run, row: &Row) {
    let mut facts = vec![
        ("genome", row.summary.clone()),
        (run.score_name(), format!("{} (validation, in the search)", run.write_score(row.score))),
        ("parameters", grouped(row.parameters)),
        ("multiply-adds", grouped(row.multiply_adds)),
        ("made by", format!("{}: {}", row.maker.word(), row.operation)),
        ("trained for", format!("{}, {} epochs", duration(row.seconds), row.epochs)),
    ];
    if let Some(best) = run.best.as_ref().filter(|best| best.id == row.id) {
        let further = [
            (best.full_length_score, "validation, at full length"),
            (best.test_score, "test, after the final training"),
        ];
        let further = further.into_iter().filter(|(score, _)| score.is_some());
        let further = further.map(|(score, what)| ("", format!("{} ({what})", run.write_score(score))));
        facts.splice(2..2, further);
    }
    if let Some(seconds) = row.latency_s {
        facts.push(("latency", format!("{:.3} ms for one sample", 1e3 * seconds)));
    }
    if let Some(evaluation) = row.inherits {
        facts.push(("began with", format!("weights that evaluation {evaluation} has left")));
    }
    if !row.message.is_empty() {
        facts.push(("message", row.message.clone()));
    }
    for (name, value) in facts {
        say(format_args!("{name:14} {}", plain(&value)));
    }
}

fn curve(run: &Run, curve: &[EpochReport]) {
    if curve.is_empty() {
        return;
    }
    let rows: Vec<_> = curve
        .iter()
        .map(|report| {
            vec![
                report.epoch.to_string(),
                format!("{:.4}", report.training_loss),
                format!("{:.4}", report.validation_loss),
                run.write_score(Some(report.validation_score)),
                duration(report.seconds),
            ]
        })
        .collect();
    say("\nlearning curve");
    say(table(&["epoch", "training loss", "validation loss", run.score_name(), "time"], &rows));
}

/// The final training has no samples left to validate on.
fn final_curve(curve: &[EpochReport]) {
    if curve.is_empty() {
        return;
    }
    let cells = |report: &EpochReport| {
        vec![report.epoch.to_string(), format!("{:.4}", report.training_loss), duration(report.seconds)]
    };
    say("\nlearning curve of the final training, on training and validation samples");
    say(table(&["epoch", "training loss", "time"], &curve.iter().map(cells).collect::<Vec<_>>()));
}

fn lineage(run: &Run, id: u64) {
    let ancestors = run.lineage(id);
    let hidden = ancestors.len().saturating_sub(ANCESTORS_MAX);
    let rows: Vec<_> = ancestors[hidden..]
        .iter()
        .map(|row| {
            let parents: Vec<_> = row.parents.iter().map(u64::to_string).collect();
            vec![row.id.to_string(), parents.join(" x "), run.write_score(row.score), row.operation.clone()]
        })
        .collect();
    say("\nlineage, eldest first");
    if hidden > 0 {
        say(format_args!("({hidden} older ancestors)"));
    }
    say(table(&["id", "from", run.score_name(), "by"], &rows));
}
