//! `hatchery status`: how far a run is, living or not.

use super::run::summary;
use crate::{
    cli::{exit::Failure, options::StatusOptions},
    output::{duration, grouped, say},
    view,
};
use hatchery_actors::journal::lock;
use serde_json::json;

/// Prints it.
pub fn status(options: &StatusOptions) -> Result<(), Failure> {
    let run = view::read(&options.run)?;
    let holder = lock::holder(&options.run);
    let alive = holder.is_some();
    if options.json {
        let mut object = summary::json(&run);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("stage".to_owned(), json!(run.stage));
            fields.insert("running".to_owned(), json!(alive));
            fields.insert("process".to_owned(), json!(holder.flatten()));
        }
        say(object);
        return Ok(());
    }
    let state = match (alive, run.stage.as_str()) {
        (true, stage) => format!("running, stage {stage}, {} in training", run.running),
        (false, "done") => "done".to_owned(),
        (false, stage) => format!("not running, stopped at stage {stage}; --resume goes on"),
    };
    say(format_args!("{}: {state}", run.directory));
    say(format_args!(
        "{} evaluations ({} completed) in {}, {:.0} networks per hour",
        run.rows.len(),
        run.completed(),
        duration(run.elapsed_s),
        run.networks_per_hour()
    ));
    for (outcome, count) in run.outcomes() {
        say(format_args!("  {count:6} {}", outcome.replace('_', " ")));
    }
    if let Some((best, row)) = run.best.as_ref().and_then(|best| Some((best, run.row(best.id)?))) {
        say(format_args!(
            "best: network {}, validation {} ({}), test {}, {} parameters",
            row.id,
            run.write_score(best.valid_score()),
            best.valid_score_origin(),
            run.write_score(best.test_score),
            grouped(row.parameters)
        ));
        say(format_args!("      {}", row.summary));
    }
    Ok(())
}
