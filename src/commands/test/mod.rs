//! `hatchery test`: runs an exported model over a part of data, as any user of the file would.

mod classes;
mod columns;
mod shapes;

use super::{data, open_runtime};
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::{Part, TestOptions},
    },
    model_facts::{self, DataFacts},
    output::{grouped, note, percent, say, say_json, table},
};
use anyhow::{Context, bail};
use hatchery_config::{Experiment, experiment};
use hatchery_models::{
    data::{Dataset, Samples, Targets},
    onnx,
    training::{
        r_squared,
        runtime::{HostTensor, Model, Runtime},
        variance_of,
    },
};
use serde::Serialize;
use serde_json::{Value, json};

/// Samples that go through the model at once.
const BATCH: usize = 256;
/// Largest model file that is read, in bytes: what protobuf can hold.
const MODEL_BYTES_MAX: u64 = 2 << 30;

/// Tests it.
pub fn test(options: &TestOptions) -> Result<(), Failure> {
    let bytes = read_model(options).or_exit(Exit::RunDirectory)?;
    let model = onnx::decode(&bytes)
        .with_context(|| options.model.display().to_string())
        .or_exit(Exit::RunDirectory)?;
    let metadata = onnx::metadata(&model);
    let facts = model_facts::data_facts(&metadata);
    let settings = settings(options, facts.as_ref())?;
    let dataset = columns::load(&settings, model_facts::columns(&metadata).as_deref())?;
    let place = || format!("{} on {}", options.model.display(), options.data);
    let indices = data::part(&dataset, &settings, options.part)?;
    warn_of_other_data(options, facts.as_ref(), &dataset);
    let dataset = classes::as_known(dataset, &model_facts::outputs(&metadata));
    let dataset = dataset.with_context(place).or_exit(Exit::Data)?;
    let trained_on = facts.as_ref().map(|facts| facts.source.as_str());
    shapes::check(&model, &dataset, trained_on).with_context(place).or_exit(Exit::Data)?;
    let runtime = open_runtime(None, options.offline)?;
    let found = figures(&runtime, &bytes, &dataset, &indices).with_context(place).or_exit(Exit::Failed)?;
    if options.json {
        say_json(&json(options, indices.len(), &found));
    } else {
        say(text(options, indices.len(), &found));
    }
    Ok(())
}

/// How well a model predicts.
enum Figures {
    /// Share of samples classified rightly.
    Accuracy(f64),
    /// Of each target.
    Regression(Vec<TargetFigures>),
}

/// How well a model predicts one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct TargetFigures {
    name: String,
    r_squared: f64,
    /// Root of the mean squared error, in the target's own unit.
    rmse: f64,
    /// Mean absolute error, in the target's own unit.
    mae: f64,
}

fn read_model(options: &TestOptions) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read the model {}", options.model.display());
    let length = std::fs::metadata(&options.model).with_context(context)?.len();
    if length > MODEL_BYTES_MAX {
        bail!("{}: it has {length} bytes, more than {MODEL_BYTES_MAX}", context());
    }
    std::fs::read(&options.model).with_context(context)
}

/// Of other data than those that the model was trained on, the split is not the same: what it has been trained on may be
/// in the part that is tested.
fn warn_of_other_data(options: &TestOptions, facts: Option<&DataFacts>, dataset: &Dataset) {
    let is_other = facts.is_some_and(|facts| facts.content_hash != dataset.content_hash);
    if is_other && options.part != Part::All {
        note(
            "warning: these are not the data that the model was trained on, so its parts are drawn anew: samples that it was \
             trained on may be among those that are tested. Where it has seen none of them, --part all tests on all",
        );
    }
}

/// The model's own settings with the source that is named now; defaults for models that say nothing.
fn settings(options: &TestOptions, facts: Option<&DataFacts>) -> Result<experiment::Data, Failure> {
    let mut experiment =
        Experiment::parse("name = \"data\"\n[data]\nsource = \"digits\"\n", "the options", &[])
            .or_exit(Exit::Failed)?;
    if let Some(facts) = facts {
        experiment.data = facts.settings.clone();
    }
    let mut sets = vec![format!("data.source={}", options.data)];
    sets.extend(options.sets.iter().cloned());
    let text = experiment.to_toml().or_exit(Exit::Failed)?;
    Ok(Experiment::parse(&text, "the options", &sets).or_exit(Exit::Experiment)?.data)
}

/// The figure that a search goes by: accuracy, or R squared (the mean of all targets).
fn score(figures: &Figures) -> (&'static str, f64) {
    match figures {
        Figures::Accuracy(share) => ("accuracy", *share),
        Figures::Regression(targets) => {
            let sum: f64 = targets.iter().map(|target| target.r_squared).sum();
            ("r_squared", sum / targets.len().max(1) as f64)
        }
    }
}

fn json(options: &TestOptions, count: usize, figures: &Figures) -> Value {
    let (name, score) = score(figures);
    let mut object = json!({
        "model": options.model.display().to_string(),
        "data": options.data,
        "part": format!("{:?}", options.part).to_lowercase(),
        "samples": count,
        (name): score,
    });
    if let Figures::Regression(targets) = figures {
        object["targets"] = json!(targets);
    }
    object
}

fn text(options: &TestOptions, count: usize, figures: &Figures) -> String {
    let (name, score) = score(figures);
    let score = if name == "accuracy" { percent(score) } else { format!("{score:.4}") };
    let headline = format!(
        "{}: {name} {score} on {} samples of {}",
        options.model.display(),
        grouped(count as u64),
        options.data
    );
    match figures {
        Figures::Accuracy(_) => headline,
        Figures::Regression(targets) => format!("{headline}\n{}", target_table(targets)),
    }
}

fn target_table(targets: &[TargetFigures]) -> String {
    let cells = targets.iter().map(|target| {
        let TargetFigures { name, r_squared, rmse, mae } = target;
        vec![name.clone(), format!("{r_squared:.4}"), six_digits(*rmse), six_digits(*mae)]
    });
    table(&["target", "r_squared", "rmse", "mae"], &cells.collect::<Vec<_>>())
}

/// A number of any size with six digits that count.
fn six_digits(value: f64) -> String {
    let magnitude = if value > 0.0 { value.log10().floor() } else { 0.0 };
    match magnitude as i32 {
        places @ -4..6 => format!("{value:.*}", (5 - places).unsigned_abs() as usize),
        _ => format!("{value:.5e}"),
    }
}

/// Runs the model over the samples and compares.
fn figures(runtime: &Runtime, bytes: &[u8], dataset: &Dataset, indices: &[u32]) -> anyhow::Result<Figures> {
    let mut model = runtime.model(bytes)?;
    let width = dataset.problem.task.outputs() as usize;
    let mut predictions = Vec::with_capacity(indices.len() * width);
    for batch in indices.chunks(BATCH) {
        predictions.extend(predict(&mut model, dataset, batch, width)?);
    }
    Ok(match &dataset.targets {
        Targets::Classes { labels, .. } => {
            let rows = indices.iter().zip(predictions.chunks(width));
            let correct = rows.filter(|(index, row)| argmax(row) as i64 == labels[**index as usize]).count();
            Figures::Accuracy(correct as f64 / indices.len().max(1) as f64)
        }
        Targets::Values { values, names } => {
            Figures::Regression(of_targets(names, values, indices, &predictions))
        }
    })
}

/// The figures of each target; `predictions` are those of the samples `indices`, one after the other.
fn of_targets(names: &[String], values: &[f32], indices: &[u32], predictions: &[f32]) -> Vec<TargetFigures> {
    let width = names.len();
    let of_target = |(target, name): (usize, &String)| {
        let truth: Vec<f64> =
            indices.iter().map(|index| f64::from(values[*index as usize * width + target])).collect();
        let predicted = predictions.iter().skip(target).step_by(width);
        let errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| t - f64::from(*p)).collect();
        let mean = |of: fn(&f64) -> f64| errors.iter().map(of).sum::<f64>() / errors.len().max(1) as f64;
        let squares = mean(|error| error * error);
        TargetFigures {
            name: name.clone(),
            r_squared: r_squared(squares, variance_of(&truth)),
            rmse: squares.sqrt(),
            mae: mean(|error| error.abs()),
        }
    };
    names.iter().enumerate().map(of_target).collect()
}

/// The model's outputs for a batch, `[batch, width]`.
fn predict(model: &mut Model, dataset: &Dataset, batch: &[u32], width: usize) -> anyhow::Result<Vec<f32>> {
    let wanted = shapes::output(&dataset.targets);
    let input = HostTensor::F32(dataset.shape(batch.len()), raw_values(dataset, batch));
    let outputs = model.run(&[(shapes::INPUT, input)])?;
    let found = outputs.iter().find(|(name, _)| name == wanted).and_then(|(_, tensor)| tensor.floats());
    let Some(values) = found else {
        bail!("the model has no output `{wanted}`: it was not made for this kind of data");
    };
    if values.len() != batch.len() * width {
        bail!("the model has {} outputs a sample, the data {width}", values.len() / batch.len().max(1));
    }
    Ok(values.to_vec())
}

fn raw_values(dataset: &Dataset, batch: &[u32]) -> Vec<f32> {
    let each = dataset.values_per_sample();
    let range = |index: &u32| *index as usize * each..(*index as usize + 1) * each;
    match &dataset.samples {
        Samples::U8(values) => batch
            .iter()
            .flat_map(|index| values[range(index)].iter().map(|value| f32::from(*value)))
            .collect(),
        Samples::F32(values) => batch.iter().flat_map(|index| values[range(index)].iter().copied()).collect(),
    }
}

/// The first of the greatest values.
fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(argmax(&[0.1, 0.7, 0.7]), 1);
        assert_eq!(argmax(&[f32::NAN, 0.2]), 0);
    }

    fn of_two(predictions: &[f32]) -> Vec<TargetFigures> {
        let names = ["width", "length"].map(str::to_owned);
        let values = [1.0, 10.0, 3.0, 30.0, 99.0, 99.0];
        of_targets(&names, &values, &[0, 1], predictions)
    }

    #[test]
    fn predicting_the_mean_scores_0_and_the_truth_1() {
        let score = |predictions: &[f32]| score(&Figures::Regression(of_two(predictions)));
        assert_eq!(score(&[1.0, 10.0, 3.0, 30.0]), ("r_squared", 1.0));
        assert!(score(&[2.0, 20.0, 2.0, 20.0]).1.abs() < 1e-9);
        let (_, half) = score(&[1.0, 20.0, 3.0, 20.0]);
        assert!((half - 0.5).abs() < 1e-9, "every target counts alike, whatever its unit: {half}");
    }

    #[test]
    fn errors_are_in_the_unit_of_their_target() {
        let figures = of_two(&[1.0, 20.0, 2.0, 30.0]);
        assert_eq!((figures[0].rmse, figures[0].mae), (0.5_f64.sqrt(), 0.5));
        assert_eq!((figures[1].rmse, figures[1].mae), (50.0_f64.sqrt(), 5.0));
        let table = target_table(&figures);
        assert!(
            table.contains("length") && table.contains("7.07107") && table.contains("0.707107"),
            "{table}"
        );
    }

    #[test]
    fn six_digits_count_of_every_number() {
        let found = [0.0, 1_234.567, 123_456.7, 1e-3, 12_345_678.0, 1e-9].map(six_digits);
        assert_eq!(found, ["0.00000", "1234.57", "123457", "0.00100000", "1.23457e7", "1.00000e-9"]);
    }
}
