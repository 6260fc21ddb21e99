//! `hatchery show`: one network: its genome, its learning curve, where it comes from.

use super::pick;
use crate::{
    cli::{exit::Failure, options::ShowOptions},
    layers::{Layer, layers},
    output::{duration, grouped, plain, say, say_json, table},
    view::{self, Row, Run},
};
use hatchery_actors::protocol::LeaseKind;
use hatchery_models::{
    genome::{Optimizer, TrainingGenes},
    problem::{Problem, Task},
    training::outcome::EpochReport,
};
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
    say(format_args!("\nlayers\n{}", layer_table(layers(&row.genome, &run.problem))));
    say("\ntraining genes");
    for (name, value) in training_genes(&row.genome.training, &run.problem) {
        say(format_args!("{name:15} {value}"));
    }
    curve(&run, &row.curve);
    if let Some(best) = run.best.as_ref().filter(|best| best.id == row.id) {
        final_curve(&best.final_curve);
    }
    lineage(&run, row.id);
    Ok(())
}

/// Layers with what each costs.
fn layer_table(layers: Vec<Layer>) -> String {
    let cells = layers.into_iter().map(|layer| {
        vec![layer.words, layer.shape_in_words, grouped(layer.parameters), grouped(layer.multiply_adds)]
    });
    table(&["layer", "output", "parameters", "multiply-adds"], &cells.collect::<Vec<_>>())
}

/// The genes of a training, but those that change nothing with this optimizer and this problem.
fn training_genes(genes: &TrainingGenes, problem: &Problem) -> Vec<(&'static str, String)> {
    let momentum = Some(genes.momentum).filter(|_| genes.optimizer != Optimizer::Sgd);
    let smoothing =
        Some(genes.label_smoothing).filter(|_| matches!(problem.task, Task::Classification { .. }));
    let has_positions = problem.height > 1 || problem.width > 1;
    let all = [
        ("optimizer", Some(genes.optimizer.to_string())),
        ("learning_rate", Some(number(genes.learning_rate))),
        ("schedule", Some(genes.schedule.to_string())),
        ("momentum", momentum.map(number)),
        ("weight_decay", Some(number(genes.weight_decay))),
        ("batch_size", Some(genes.batch_size.to_string())),
        ("label_smoothing", smoothing.map(number)),
        ("gradient_clip", Some(number(genes.gradient_clip))),
        ("initializer", Some(genes.initializer.to_string())),
        ("shift", Some(genes.shift.to_string()).filter(|_| has_positions)),
        ("flip", Some(genes.flip.to_string()).filter(|_| has_positions)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Small numbers by powers of ten.
fn number(value: f64) -> String {
    if value != 0.0 && value < 0.01 { format!("{value:e}") } else { value.to_string() }
}

/// All that is known of a network.
fn json(run: &Run, row: &Row) -> Value {
    let best = run.best.as_ref().filter(|best| best.id == row.id);
    let full_length = run.full_length.get(&row.id);
    let lineage: Vec<Value> = run
        .lineage(row.id)
        .iter()
        .map(|one| {
            json!({"id": one.id, "parents": one.parents, "score": one.search_score(), "operation": one.operation,
                   "summary": one.summary})
        })
        .collect();
    json!({
        "id": row.id,
        "run": run.directory,
        "maker": row.maker.word(),
        "outcome": row.outcome.word(),
        "message": row.message,
        "score": row.search_score(),
        "full_length_score": full_length.map(|one| one.score),
        "full_length_epochs": full_length.map(|one| one.epochs),
        "test_score": best.and_then(|best| best.test_score),
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
        "genome": row.genome,
        "layers": layers(&row.genome, &run.problem),
        "curve": row.curve,
        "final_curve": best.map(|best| &best.final_curve),
        "lineage": lineage,
    })
}

fn facts(run: &Run, row: &Row) {
    for (name, value) in facts_of(run, row) {
        say(format_args!("{name:14} {}", plain(&value)));
    }
}

/// What is known in a line each, by name; a line without a name goes on with the one before.
fn facts_of(run: &Run, row: &Row) -> Vec<(&'static str, String)> {
    let searched = match row.kind {
        LeaseKind::Search => format!("{} (validation, in the search)", run.write_score(row.score)),
        _ => "- (not trained in the search: born for the comparison at full length)".to_owned(),
    };
    let mut facts = vec![
        ("genome", row.summary.clone()),
        (run.score_name(), searched),
        ("parameters", grouped(row.parameters)),
        ("multiply-adds", grouped(row.multiply_adds)),
        ("made by", format!("{}: {}", row.maker.word(), row.operation)),
        ("trained for", format!("{}, {} epochs", duration(row.seconds), row.epochs)),
    ];
    let best = run.best.as_ref().filter(|best| best.id == row.id);
    let full_length = run.full_length.get(&row.id).map(|one| {
        let score = run.write_score(Some(one.score));
        ("", format!("{score} (validation, at full length: {} epochs)", one.epochs))
    });
    let test = best
        .and_then(|best| best.test_score)
        .map(|score| ("", format!("{} (test, after the final training)", run.write_score(Some(score)))));
    facts.splice(2..2, full_length.into_iter().chain(test));
    if let Some(seconds) = row.latency_s {
        facts.push(("latency", format!("{:.3} ms for one sample", 1e3 * seconds)));
    }
    if let Some(evaluation) = row.inherits {
        facts.push(("began with", format!("weights that evaluation {evaluation} has left")));
    }
    if !row.message.is_empty() {
        facts.push(("message", row.message.clone()));
    }
    facts
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
            vec![
                row.id.to_string(),
                parents.join(" x "),
                run.write_score(row.search_score()),
                row.operation.clone(),
            ]
        })
        .collect();
    say("\nlineage, eldest first");
    if hidden > 0 {
        say(format_args!("({hidden} older ancestors)"));
    }
    say(table(&["id", "from", run.score_name(), "by"], &rows));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;
    use hatchery_models::genome::Schedule;

    #[test]
    fn every_gene_that_matters_is_named() {
        let mut genes = fixture::genome().training;
        (genes.optimizer, genes.learning_rate, genes.schedule) =
            (Optimizer::RmsProp, 4.78e-3, Schedule::WarmupCosine);
        let named = |genes: &TrainingGenes, problem: &Problem| -> Vec<String> {
            let genes = training_genes(genes, problem).into_iter();
            genes.map(|(name, value)| format!("{name} {value}")).collect()
        };
        let all = named(&genes, &fixture::problem());
        for gene in
            ["optimizer rmsprop", "learning_rate 4.78e-3", "momentum 0.9", "initializer he_normal", "shift 0"]
        {
            assert!(all.iter().any(|found| found == gene), "{gene}: {all:?}");
        }
        genes.optimizer = Optimizer::Sgd;
        let table =
            Problem { height: 1, width: 1, task: Task::Regression { targets: 1 }, ..fixture::problem() };
        let fewer = named(&genes, &table).join(", ");
        for gene in ["momentum", "label_smoothing", "shift", "flip"] {
            assert!(!fewer.contains(gene), "{gene} does nothing here: {fewer}");
        }
    }

    #[test]
    fn the_score_at_full_length_is_shown_of_whoever_has_one() {
        let mut run = fixture::run();
        run.full_length.insert(5, view::FullLength { score: 0.91, epochs: 30 });
        let row = run.row(5).unwrap();
        let facts = facts_of(&run, row);
        let line = "91.00 % (validation, at full length: 30 epochs)";
        assert!(facts.iter().any(|(_, value)| value == line), "{facts:?}");
        let found = json(&run, row);
        assert_eq!((&found["full_length_score"], &found["full_length_epochs"]), (&json!(0.91), &json!(30)));
        assert_eq!(json(&run, run.row(2).unwrap())["full_length_score"], Value::Null);
    }

    #[test]
    fn who_was_born_for_the_comparison_at_full_length_has_no_score_of_the_search() {
        let mut run = fixture::run();
        run.finalists = vec![fixture::finalist(6, 4)];
        run.full_length.insert(6, view::FullLength { score: 0.94, epochs: 40 });
        let row = run.row(6).unwrap();
        let facts = facts_of(&run, row);
        assert!(facts.iter().any(|(_, value)| value.contains("not trained in the search")), "{facts:?}");
        assert!(facts.iter().any(|(_, value)| value.starts_with("94.00 %")), "{facts:?}");
        let found = json(&run, row);
        assert_eq!((&found["score"], &found["full_length_score"]), (&Value::Null, &json!(0.94)));
        assert_eq!(found["lineage"].as_array().unwrap().last().unwrap()["score"], Value::Null);
    }

    #[test]
    fn programs_are_told_layers_latency_and_maker() {
        let mut run = fixture::run();
        run.rows[3].latency_s = Some(0.002);
        let found = json(&run, &run.rows[3]);
        assert_eq!((&found["latency_s"], &found["maker"]), (&json!(0.002), &json!("refiner")));
        let layers = found["layers"].as_array().unwrap();
        assert_eq!(layers.len(), fixture::genome().layers.len() + 2);
        for key in ["kind", "words", "output_shape", "parameters", "multiply_adds"] {
            assert!(layers.iter().all(|layer| layer.get(key).is_some()), "{key}: {layers:?}");
        }
    }
}
