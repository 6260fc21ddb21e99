//! `hatchery test`: runs an exported model over a part of data, as any user of the file would.

mod shapes;

use super::{data, open_runtime};
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::TestOptions,
    },
    model_facts::{self, DataFacts},
    output::{grouped, percent, say},
};
use anyhow::{Context, bail};
use hatchery_config::{Experiment, experiment};
use hatchery_models::{
    data::{Dataset, Samples, Targets},
    onnx,
    training::runtime::{HostTensor, Model, Runtime},
};
use serde_json::json;

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
    let facts = model_facts::data_facts(&onnx::metadata(&model));
    let deviations = facts.as_ref().map(|facts| facts.target_deviations.clone()).unwrap_or_default();
    let trained_on = facts.as_ref().map(|facts| facts.source.clone());
    let settings = settings(options, facts)?;
    let dataset = data::load(&settings)?;
    let place = || format!("{} on {}", options.model.display(), options.data);
    shapes::check(&model, &dataset, trained_on.as_deref()).with_context(place).or_exit(Exit::Data)?;
    let indices = data::part(&dataset, &settings, options.part)?;
    let runtime = open_runtime(None, options.offline)?;
    let score =
        score(&runtime, &bytes, &dataset, &indices, &deviations).with_context(place).or_exit(Exit::Failed)?;
    print(options, &dataset, indices.len(), score);
    Ok(())
}

fn read_model(options: &TestOptions) -> anyhow::Result<Vec<u8>> {
    let context = || format!("cannot read the model {}", options.model.display());
    let length = std::fs::metadata(&options.model).with_context(context)?.len();
    if length > MODEL_BYTES_MAX {
        bail!("{}: it has {length} bytes, more than {MODEL_BYTES_MAX}", context());
    }
    std::fs::read(&options.model).with_context(context)
}

/// The model's own settings with the source that is named now; defaults for models that say nothing.
fn settings(options: &TestOptions, facts: Option<DataFacts>) -> Result<experiment::Data, Failure> {
    if let Some(facts) = facts {
        return Ok(experiment::Data { source: options.data.clone(), ..facts.settings });
    }
    let set = format!("data.source={}", options.data);
    let experiment =
        Experiment::parse("name = \"data\"\n", "the options", &[set]).or_exit(Exit::Experiment)?;
    Ok(experiment.data)
}

fn print(options: &TestOptions, dataset: &Dataset, count: usize, score: f64) {
    let name = match dataset.targets {
        Targets::Classes { .. } => "accuracy",
        Targets::Values { .. } => "r_squared",
    };
    if options.json {
        say(json!({
            "model": options.model.display().to_string(),
            "data": options.data,
            "part": format!("{:?}", options.part).to_lowercase(),
            "samples": count,
            (name): score,
        }));
        return;
    }
    let score = if name == "accuracy" { percent(score) } else { format!("{score:.4}") };
    say(format_args!(
        "{}: {name} {score} on {} samples of {}",
        options.model.display(),
        grouped(count as u64),
        options.data
    ));
}

/// Accuracy; or R squared: 1 - squared errors / variance, each target in units of `deviations`.
fn score(
    runtime: &Runtime,
    bytes: &[u8],
    dataset: &Dataset,
    indices: &[u32],
    deviations: &[f32],
) -> anyhow::Result<f64> {
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
            correct as f64 / indices.len().max(1) as f64
        }
        Targets::Values { values, .. } => r_squared(values, indices, &predictions, width, deviations),
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

fn r_squared(values: &[f32], indices: &[u32], predictions: &[f32], width: usize, deviations: &[f32]) -> f64 {
    let (mut errors, mut variance) = (0.0, 0.0);
    for target in 0..width {
        let scale = f64::from(deviations.get(target).copied().unwrap_or(1.0)).powi(2);
        let truth: Vec<f64> =
            indices.iter().map(|index| f64::from(values[*index as usize * width + target])).collect();
        let mean = truth.iter().sum::<f64>() / truth.len().max(1) as f64;
        let predicted = predictions.iter().skip(target).step_by(width);
        errors += truth.iter().zip(predicted).map(|(t, p)| (t - f64::from(*p)).powi(2)).sum::<f64>() / scale;
        variance += truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / scale;
    }
    if variance > 0.0 { 1.0 - errors / variance } else { 0.0 }
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
    fn predicting_the_mean_scores_0_and_the_truth_1() {
        let values = [1.0, 10.0, 3.0, 30.0, 99.0, 99.0];
        let score = |predictions: &[f32]| r_squared(&values, &[0, 1], predictions, 2, &[1.0, 10.0]);
        assert_eq!(score(&[1.0, 10.0, 3.0, 30.0]), 1.0);
        assert!(score(&[2.0, 20.0, 2.0, 20.0]).abs() < 1e-9);
    }
}
