//! Whether a model and data fit together, from what the model says of its inputs and outputs: in words, before ONNX
//! Runtime would say it in its own.
//!
//! It must not know how a model is run.

use hatchery_models::{
    data::{Dataset, Targets},
    onnx::proto::{DimensionValue, GraphProto, ModelProto, ValueInfoProto},
};

/// Name of the input that takes the samples.
pub(super) const INPUT: &str = "input";

/// Name of the output that answers for such targets.
pub(super) const fn output(targets: &Targets) -> &'static str {
    match targets {
        Targets::Classes { .. } => "probabilities",
        Targets::Values { .. } => "prediction",
    }
}

/// Why a model cannot be tested on data.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    /// It takes no samples as we give them.
    #[error(
        "the model has no input `{INPUT}`, its inputs are {found}; test a model that `hatchery run` or `hatchery export \
         --onnx` wrote"
    )]
    NoInput { found: String },
    /// Samples of another shape.
    #[error(
        "the model takes {wanted}, the data has {found}: test it on data of the shape that it was trained on{hint}"
    )]
    Samples { wanted: String, found: String, hint: String },
    /// It answers another question.
    #[error(
        "the model has no output `{wanted}`, its outputs are {found}: it was trained for another task; test it on data \
         like those that it was trained on{hint}"
    )]
    NoOutput { wanted: &'static str, found: String, hint: String },
    /// Another number of classes or targets.
    #[error(
        "the model has {wanted} {what}, the data {found}: test it on data with those that it was trained on{hint}"
    )]
    Outputs { what: &'static str, wanted: i64, found: i64, hint: String },
}

/// Whether the model takes samples as the data has them, and answers with as many outputs. Sizes that the model leaves
/// open fit everything. `trained_on` is the source that the model was trained on, where it says so.
pub(super) fn check(model: &ModelProto, dataset: &Dataset, trained_on: Option<&str>) -> Result<(), Misfit> {
    let Some(graph) = &model.graph else { return Ok(()) };
    let hint = || trained_on.map_or_else(String::new, |source| format!(" ({source})"));
    check_input(graph, dataset, &hint)?;
    check_output(graph, dataset, &hint)
}

fn check_input(graph: &GraphProto, dataset: &Dataset, hint: &dyn Fn() -> String) -> Result<(), Misfit> {
    let Some(input) = graph.input.iter().find(|input| input.name == INPUT) else {
        return Err(Misfit::NoInput { found: names(&graph.input) });
    };
    let Some(wanted) = sizes(input) else { return Ok(()) };
    // The number of samples is not part of a sample's shape.
    let wanted = wanted.get(1..).unwrap_or_default();
    let found: Vec<Option<i64>> = dataset.shape(1)[1..].iter().map(|&size| Some(size as i64)).collect();
    let fits = |(wanted, found): (&Option<i64>, &Option<i64>)| wanted.is_none() || wanted == found;
    if wanted.len() == found.len() && wanted.iter().zip(&found).all(fits) {
        return Ok(());
    }
    Err(Misfit::Samples { wanted: in_words(wanted), found: in_words(&found), hint: hint() })
}

fn check_output(graph: &GraphProto, dataset: &Dataset, hint: &dyn Fn() -> String) -> Result<(), Misfit> {
    let wanted = output(&dataset.targets);
    let Some(output) = graph.output.iter().find(|output| output.name == wanted) else {
        return Err(Misfit::NoOutput { wanted, found: names(&graph.output), hint: hint() });
    };
    let found = i64::from(dataset.problem.task.outputs());
    let what = match dataset.targets {
        Targets::Classes { .. } => "classes",
        Targets::Values { .. } => "targets",
    };
    match sizes(output).as_deref() {
        Some([_, Some(wanted)]) if *wanted != found => {
            Err(Misfit::Outputs { what, wanted: *wanted, found, hint: hint() })
        }
        _ => Ok(()),
    }
}

fn names(values: &[ValueInfoProto]) -> String {
    values.iter().map(|value| value.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Sizes of an input or output, `None` for those that are open; nothing where it has no shape.
fn sizes(value: &ValueInfoProto) -> Option<Vec<Option<i64>>> {
    let shape = value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let size = |value: &Option<DimensionValue>| match value {
        Some(DimensionValue::Value(size)) => Some(*size),
        _ => None,
    };
    Some(shape.dim.iter().map(|dimension| size(&dimension.value)).collect())
}

/// The shape of one sample for people.
fn in_words(sizes: &[Option<i64>]) -> String {
    let words: Vec<String> =
        sizes.iter().map(|size| size.map_or_else(|| "?".to_owned(), |size| size.to_string())).collect();
    match words.as_slice() {
        [features] => format!("rows of {features} numbers"),
        [_, _, _] => format!("{} images", words.join("x")),
        _ => format!("arrays of shape [{}]", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatchery_models::{
        data::{Samples, TableNotes},
        onnx::proto::{Dimension, TensorShapeProto, TypeProto, TypeTensorProto},
        problem::{Problem, Task},
    };

    fn value(name: &str, sizes: &[i64]) -> ValueInfoProto {
        let batch = DimensionValue::Parameter("batch".to_owned());
        let known = sizes.iter().map(|&size| DimensionValue::Value(size));
        let dim = [batch].into_iter().chain(known).map(|size| Dimension { value: Some(size) }).collect();
        let tensor = TypeTensorProto { elem_type: Some(1), shape: Some(TensorShapeProto { dim }) };
        ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
    }

    fn model(input: ValueInfoProto, output: ValueInfoProto) -> ModelProto {
        let graph = GraphProto { input: vec![input], output: vec![output], ..GraphProto::default() };
        ModelProto { graph: Some(graph), ..ModelProto::default() }
    }

    fn data([channels, height, width]: [u32; 3], classes: u32) -> Dataset {
        Dataset {
            source: "some".to_owned(),
            problem: Problem {
                channels,
                height,
                width,
                multi_view: false,
                task: Task::Classification { classes },
            },
            columns: Vec::new(),
            samples: Samples::U8(Vec::new()),
            targets: Targets::Classes { labels: Vec::new(), names: Vec::new() },
            count: 0,
            official_test: 0,
            notes: TableNotes::default(),
            content_hash: String::new(),
        }
    }

    #[test]
    fn data_of_another_shape_is_told_in_words() {
        let digits = model(value("input", &[1, 8, 8]), value("probabilities", &[10]));
        let says =
            |dataset: &Dataset| check(&digits, dataset, Some("digits")).map_err(|misfit| misfit.to_string());
        assert_eq!(says(&data([1, 8, 8], 10)), Ok(()));
        let table = says(&data([64, 1, 1], 10)).unwrap_err();
        assert!(
            table.starts_with("the model takes 1x8x8 images, the data has rows of 64 numbers: "),
            "{table}"
        );
        assert!(table.ends_with("(digits)"), "{table}");
        assert!(says(&data([3, 8, 8], 10)).unwrap_err().contains("3x8x8 images"));
        assert!(says(&data([1, 8, 8], 3)).unwrap_err().contains("the model has 10 classes, the data 3"));
    }

    #[test]
    fn a_model_for_something_else_is_told_of_by_its_inputs_and_outputs() {
        let step = model(value("samples", &[1, 8, 8]), value("loss", &[]));
        let message = check(&step, &data([1, 8, 8], 10), None).unwrap_err().to_string();
        assert!(message.contains("no input `input`, its inputs are samples"), "{message}");
        let regression = model(value("input", &[4]), value("prediction", &[1]));
        let message = check(&regression, &data([4, 1, 1], 3), None).unwrap_err().to_string();
        assert!(message.contains("no output `probabilities`, its outputs are prediction"), "{message}");
    }

    #[test]
    fn sizes_that_a_model_leaves_open_fit_everything() {
        let mut open = model(value("input", &[1, 8, 8]), value("probabilities", &[10]));
        let graph = open.graph.as_mut().unwrap();
        graph.output[0].r#type = None;
        let shape = graph.input[0].r#type.as_mut().and_then(|kind| kind.tensor_type.as_mut()?.shape.as_mut());
        shape.unwrap().dim[2].value = None;
        assert_eq!(check(&open, &data([1, 28, 8], 3), None), Ok(()));
    }
}
