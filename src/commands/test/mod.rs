//! `hatchery test`: runs an exported model over a part of data, as any user of the file would.

mod classes;
mod classification;
mod columns;
mod regression;
mod shapes;

use super::{data, open_runtime};
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::{Part, TestOptions},
    },
    model_facts::{self, DataFacts},
    output::{grouped, note, percent, say, say_json},
    yardstick::Yardstick,
};
use anyhow::{Context, bail};
use classification::Confusion;
use hatchery_config::{Experiment, experiment};
use hatchery_models::{
    data::{Dataset, Known, Samples, Targets, UnknownCategories},
    onnx,
    training::runtime::{HostTensor, Model, Runtime},
};
use regression::TargetFigures;
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
    let known_columns = model_facts::columns(&metadata);
    let known_labels = known_labels(options, &metadata);
    let known = Known { columns: known_columns.as_deref(), labels: &known_labels };
    let (dataset, unknown) = columns::load(&settings, known)?;
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
        say_json(&json(options, indices.len(), &found, &unknown));
    } else {
        say(text(options, indices.len(), &found));
    }
    Ok(())
}

/// How well a model predicts.
enum Figures {
    /// Which class was taken for which, and what is reached by always saying the same one.
    Classes(Confusion, Yardstick),
    /// Of each target.
    Values(Vec<TargetFigures>),
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
        if format(&facts.source) != format(&options.data) {
            // What is the label there says nothing of data of another format.
            experiment.data.label = None;
        }
    }
    let mut sets = vec![format!("data.source={}", options.data)];
    sets.extend(options.sets.iter().cloned());
    let text = experiment.to_toml().or_exit(Exit::Failed)?;
    Ok(Experiment::parse(&text, "the options", &sets).or_exit(Exit::Experiment)?.data)
}

/// `csv` of `csv:FILE`.
fn format(source: &str) -> &str {
    source.split(':').next().unwrap_or(source)
}

/// Names of the label columns by which the model knows them, where the options do not say which they are.
fn known_labels(options: &TestOptions, metadata: &[(String, String)]) -> Vec<String> {
    let says_label = |set: &String| set.split('=').next().is_some_and(|key| key.trim() == "data.label");
    if options.sets.iter().any(says_label) { Vec::new() } else { model_facts::label_columns(metadata) }
}

/// The figure that a search goes by: accuracy, or R squared (the mean of all targets).
fn score(figures: &Figures) -> (&'static str, f64) {
    match figures {
        Figures::Classes(confusion, _) => ("accuracy", confusion.accuracy()),
        Figures::Values(targets) => {
            let sum: f64 = targets.iter().map(|target| target.r_squared).sum();
            ("r_squared", sum / targets.len().max(1) as f64)
        }
    }
}

/// `unknown` are the values, in all rows of the data, of categories that the model does not know.
fn json(options: &TestOptions, count: usize, figures: &Figures, unknown: &[UnknownCategories]) -> Value {
    let (name, score) = score(figures);
    let mut object = json!({
        "model": options.model.display().to_string(),
        "data": options.data,
        "part": format!("{:?}", options.part).to_lowercase(),
        "samples": count,
        (name): score,
        "unknown_categories": unknown,
    });
    match figures {
        Figures::Classes(confusion, yardstick) => {
            if let Yardstick::Majority { class, share } = yardstick {
                object["baseline_class"] = json!(class);
                object["baseline_accuracy"] = json!(share);
            }
            let (classes, matrix) = confusion.json();
            object["classes"] = classes;
            object["confusion"] = matrix;
        }
        Figures::Values(targets) => object["targets"] = json!(targets),
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
        Figures::Classes(confusion, yardstick) => {
            format!("{headline}\n{}\n{}", yardstick.in_words().unwrap_or_default(), confusion.text())
        }
        Figures::Values(targets) => format!("{headline}\n{}", regression::text(targets)),
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
        Targets::Classes { labels, names } => {
            let is = |index: &u32| usize::try_from(labels[*index as usize]).unwrap_or(usize::MAX);
            let rows = indices.iter().zip(predictions.chunks(width));
            let answers = rows.map(|(index, row)| (is(index), argmax(row)));
            Figures::Classes(Confusion::new(names.clone(), answers), Yardstick::of(dataset, indices))
        }
        Targets::Values { values, names } => {
            Figures::Values(regression::of_targets(names, values, indices, &predictions))
        }
    })
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

    #[test]
    fn the_score_is_the_mean_of_all_targets() {
        let names = ["width", "length"].map(str::to_owned);
        let values = [1.0, 10.0, 3.0, 30.0, 99.0, 99.0];
        let score = |predictions: &[f32]| {
            score(&Figures::Values(regression::of_targets(&names, &values, &[0, 1], predictions)))
        };
        assert_eq!(score(&[1.0, 10.0, 3.0, 30.0]), ("r_squared", 1.0));
        assert!(score(&[2.0, 20.0, 2.0, 20.0]).1.abs() < 1e-9);
        let (_, half) = score(&[1.0, 20.0, 3.0, 20.0]);
        assert!((half - 0.5).abs() < 1e-9, "every target counts alike, whatever its unit: {half}");
    }
}
