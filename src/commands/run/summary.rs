//! The closing words of a run, for people and for programs.

use crate::{
    output::{duration, grouped, percent},
    view::{Run, Share},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The JSON object that `--json` makes the last line of standard output.
pub fn json(run: &Run) -> Value {
    json!({
        "run": run.directory,
        "evaluations": run.rows.len(),
        "completed": run.completed(),
        "outcomes": run.outcomes(),
        "best": best(run),
        "makers": run.shares().iter().map(|share| (share.maker.word(), share.networks)).collect::<BTreeMap<_, _>>(),
        "comparison": run.comparison().map(|comparison| json!({
            "id": comparison.id,
            "training": comparison.training,
            "accuracy": comparison.score,
            "winner_accuracy": comparison.winner,
        })),
        "networks_per_hour": (run.networks_per_hour() * 10.0).round() / 10.0,
        "utilisation": (run.utilisation() * 1e4).round() / 1e4,
        "elapsed_s": (run.elapsed_s * 1e3).round() / 1e3,
        "incidents": run.incidents.json(),
    })
}

/// The winner, and where the data are at hand, what its test is to be held against.
fn best(run: &Run) -> Option<Value> {
    let best = run.best.as_ref()?;
    let row = run.row(best.id)?;
    let mut object = json!({
        "id": best.id,
        "valid_accuracy": best.valid_score(),
        "search_accuracy": best.search_score,
        "test_accuracy": best.test_score,
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
    });
    if let Some(fields) = object.as_object_mut() {
        fields.extend(run.test_json());
    }
    Some(object)
}

/// A few lines for people.
pub fn text(run: &Run) -> String {
    let outcomes: Vec<String> = run
        .outcomes()
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.replace('_', " ")))
        .collect();
    let mut lines = vec![format!(
        "{} networks in {} ({:.0} an hour, trainers {} busy): {}",
        run.rows.len(),
        duration(run.elapsed_s),
        run.networks_per_hour(),
        percent(run.utilisation()),
        outcomes.join(", ")
    )];
    let shares = run.shares();
    let words = |share: &Share| {
        let share_of = percent(share.networks as f64 / run.rows.len().max(1) as f64);
        format!("{} {} ({share_of})", share.maker.word(), share.networks)
    };
    if shares.len() > 1 {
        lines.push(format!("made by: {}", shares.iter().map(words).collect::<Vec<_>>().join(", ")));
    }
    lines.extend(run.incidents.text());
    if let Some((best, row)) = run.best.as_ref().and_then(|best| Some((best, run.row(best.id)?))) {
        lines.push(format!("best: network {}: {}", row.id, row.summary));
        lines.push(format!(
            "      {} on validation {} ({}), on test {}; {} parameters, {} multiply-adds",
            run.score_name(),
            run.write_score(best.valid_score()),
            best.valid_score_origin(),
            run.write_score(best.test_score),
            grouped(row.parameters),
            grouped(row.multiply_adds)
        ));
        lines.extend(run.test_in_words().map(|words| format!("      on the test part, {words}")));
    }
    lines.extend(run.comparison_in_words().map(|words| format!("      {words}")));
    lines.join("\n")
}
