//! Losses for training, and their per-sample forms for evaluation.

use super::{all_f32, exactly, expect_shape, misfit};
use crate::graph::{
    Application, ElementType, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
};

/// Mean over the batch of the cross-entropy between labels and softmax. Inputs: logits `[N, K]`, labels i64 `[N]`.
/// Output: scalar. With smoothing s the label's class is to have probability `1 - s + s / K`, the others `s / K`
/// (Szegedy et al., 2016).
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxCrossEntropy {
    /// Share of the probability that is spread over all classes.
    pub label_smoothing: f32,
}

/// Gradient of `SoftmaxCrossEntropy` with respect to the logits. Inputs: logits, labels, the gradient of the loss.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxCrossEntropyGradient(pub SoftmaxCrossEntropy);

/// Mean of squared differences. Inputs: predictions `[N, T]`, targets `[N, T]`. Output: scalar.
#[derive(Clone, Copy, Debug)]
pub struct MeanSquaredError;

/// Gradient of `MeanSquaredError` with respect to the predictions. Inputs: predictions, targets, the gradient of the
/// loss.
#[derive(Clone, Copy, Debug)]
pub struct MeanSquaredErrorGradient;

/// Cross-entropy of each sample. Inputs: logits `[N, K]`, labels i64 `[N]`. Output `[N]`.
#[derive(Clone, Copy, Debug)]
pub struct SampleCrossEntropy;

/// Squared difference of each sample, mean over its targets. Inputs: predictions `[N, T]`, targets `[N, T]`. Output
/// `[N]`.
#[derive(Clone, Copy, Debug)]
pub struct SampleSquaredError;

/// Squared differences of each target, summed over samples. Inputs: predictions `[N, T]`, targets `[N, T]`, the weight
/// of each sample `[N]`. Output `[T]`.
#[derive(Clone, Copy, Debug)]
pub struct TargetSquaredErrors;

/// 1 where the largest logit is the label's, else 0. Inputs: logits `[N, K]`, labels i64 `[N]`. Output f32 `[N]`.
#[derive(Clone, Copy, Debug)]
pub struct Correct;

/// How often each class is predicted. Inputs: logits `[N, K]`, the weight of each sample `[N]`. Output `[K]`.
#[derive(Clone, Copy, Debug)]
pub struct PredictedCounts;

/// Probabilities out of logits, along the last axis of `[N, K]`.
#[derive(Clone, Copy, Debug)]
pub struct Softmax;

/// Gradient of `Softmax`. Inputs: the probabilities p, the gradient of p. Output: `p (dp - Σ dp p)`.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxGradient;

fn logits_and_labels(operator: &'static str, logits: &Fact, labels: &Fact) -> Result<[usize; 2], GraphError> {
    all_f32(operator, &[logits])?;
    match (logits.shape.as_slice(), labels.shape.as_slice(), labels.element) {
        (&[samples, classes], &[count], ElementType::I64) if samples == count => Ok([samples, classes]),
        _ => Err(misfit(
            operator,
            format!("expects logits [N, K] and labels I64 [N], got {logits:?}, {labels:?}"),
        )),
    }
}

fn predictions_and_targets(
    operator: &'static str,
    predictions: &Fact,
    targets: &Fact,
) -> Result<(), GraphError> {
    all_f32(operator, &[predictions, targets])?;
    if predictions.shape.len() != 2 {
        return Err(misfit(operator, format!("expects predictions [N, T], got {:?}", predictions.shape)));
    }
    expect_shape(operator, "targets", targets, &predictions.shape)
}

/// The gradient of a loss: of what was predicted only, targets are not trained. The operator reads what the loss read,
/// and the loss's gradient.
fn of_predictions(
    graph: &mut Graph,
    application: &Application<'_>,
    operator: impl Operator + 'static,
) -> InputGradients {
    let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None, None]) };
    let inputs = [application.inputs[0], application.inputs[1], upstream];
    Ok(vec![Some(graph.add(operator, &inputs)?), None])
}

fn log_softmax(emitter: &mut Emitter, logits: &str) -> Value {
    emitter.op("LogSoftmax", &[logits], vec![("axis", Attribute::Int(1))])
}

fn one_hot(emitter: &mut Emitter, labels: &str, classes: usize, off: f32, on: f32) -> Value {
    let depth = emitter.integers(&[classes as i64]);
    let key = format!("one hot {off} {on}");
    let values = emitter.keyed_tensor(key, &[2], || vec![off, on]);
    emitter.op("OneHot", &[labels, &depth, &values], vec![("axis", Attribute::Int(-1))])
}

/// `value * factor * upstream`, in one node where the upstream gradient is a known number.
fn times(emitter: &mut Emitter, value: &str, factor: f32, upstream: &str) -> Value {
    if let Some(number) = emitter.scalar_value(upstream) {
        return emitter.scale(value, factor * number);
    }
    let factor = emitter.scale(upstream, factor);
    emitter.op("Mul", &[value, &factor], Vec::new())
}

impl SoftmaxCrossEntropy {
    /// The probabilities that the classes are to have, `[N, K]`.
    fn wanted(&self, emitter: &mut Emitter, labels: &str, classes: usize) -> Value {
        let off = self.label_smoothing / classes as f32;
        one_hot(emitter, labels, classes, off, 1.0 - self.label_smoothing + off)
    }
}

impl Operator for SoftmaxCrossEntropy {
    fn name(&self) -> &'static str {
        "softmax cross-entropy"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [logits, labels] = exactly(self.name(), inputs)?;
        logits_and_labels(self.name(), logits, labels)?;
        Ok(vec![Fact::f32(&[])])
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        of_predictions(graph, application, SoftmaxCrossEntropyGradient(*self))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let classes = facts[0].shape[1];
        let logarithms = log_softmax(emitter, &inputs[0]);
        let wanted = self.wanted(emitter, &inputs[1], classes);
        let products = emitter.op("Mul", &[&logarithms, &wanted], Vec::new());
        let mean = emitter.reduce_mean(&products, &[0, 1], false);
        vec![emitter.scale(&mean, -(classes as f32))]
    }
}

impl Operator for SoftmaxCrossEntropyGradient {
    fn name(&self) -> &'static str {
        "softmax cross-entropy gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [logits, labels, upstream] = exactly(self.name(), inputs)?;
        logits_and_labels(self.name(), logits, labels)?;
        expect_shape(self.name(), "gradient", upstream, &[])?;
        Ok(vec![logits.clone()])
    }

    /// `(softmax - wanted probabilities) / N`.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let &[samples, classes] = facts[0].shape.as_slice() else { return Vec::new() };
        let logarithms = log_softmax(emitter, &inputs[0]);
        let probabilities = emitter.op("Exp", &[&logarithms], Vec::new());
        let wanted = self.0.wanted(emitter, &inputs[1], classes);
        let difference = emitter.op("Sub", &[&probabilities, &wanted], Vec::new());
        vec![times(emitter, &difference, 1.0 / samples as f32, &inputs[2])]
    }
}

fn squared_differences(emitter: &mut Emitter, inputs: &[Value]) -> Value {
    let difference = emitter.op("Sub", &[&inputs[0], &inputs[1]], Vec::new());
    emitter.op("Mul", &[&difference, &difference], Vec::new())
}

impl Operator for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean squared error"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [predictions, targets] = exactly(self.name(), inputs)?;
        predictions_and_targets(self.name(), predictions, targets)?;
        Ok(vec![Fact::f32(&[])])
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        of_predictions(graph, application, MeanSquaredErrorGradient)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let squares = squared_differences(emitter, inputs);
        vec![emitter.reduce_mean(&squares, &[0, 1], false)]
    }
}

impl Operator for MeanSquaredErrorGradient {
    fn name(&self) -> &'static str {
        "mean squared error gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [predictions, targets, upstream] = exactly(self.name(), inputs)?;
        predictions_and_targets(self.name(), predictions, targets)?;
        expect_shape(self.name(), "gradient", upstream, &[])?;
        Ok(vec![predictions.clone()])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let difference = emitter.op("Sub", &[&inputs[0], &inputs[1]], Vec::new());
        vec![times(emitter, &difference, 2.0 / facts[0].volume() as f32, &inputs[2])]
    }
}

impl Operator for SampleCrossEntropy {
    fn name(&self) -> &'static str {
        "sample cross-entropy"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [logits, labels] = exactly(self.name(), inputs)?;
        let [samples, _] = logits_and_labels(self.name(), logits, labels)?;
        Ok(vec![Fact::f32(&[samples])])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let logarithms = log_softmax(emitter, &inputs[0]);
        let wanted = one_hot(emitter, &inputs[1], facts[0].shape[1], 0.0, -1.0);
        let products = emitter.op("Mul", &[&logarithms, &wanted], Vec::new());
        vec![emitter.reduce_sum(&products, &[1], false)]
    }
}

impl Operator for SampleSquaredError {
    fn name(&self) -> &'static str {
        "sample squared error"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [predictions, targets] = exactly(self.name(), inputs)?;
        predictions_and_targets(self.name(), predictions, targets)?;
        Ok(vec![Fact::f32(&predictions.shape[..1])])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let squares = squared_differences(emitter, inputs);
        vec![emitter.reduce_mean(&squares, &[1], false)]
    }
}

impl Operator for TargetSquaredErrors {
    fn name(&self) -> &'static str {
        "target squared errors"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [predictions, targets, weight] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        predictions_and_targets(self.name(), predictions, targets)?;
        expect_shape(self.name(), "weights", weight, &predictions.shape[..1])?;
        Ok(vec![Fact::f32(&predictions.shape[1..])])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let squares = squared_differences(emitter, &inputs[..2]);
        vec![emitter.op("MatMul", &[&inputs[2], &squares], Vec::new())]
    }
}

fn predicted_class(emitter: &mut Emitter, logits: &str) -> Value {
    emitter.op("ArgMax", &[logits], vec![("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(0))])
}

impl Operator for Correct {
    fn name(&self) -> &'static str {
        "correct"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [logits, labels] = exactly(self.name(), inputs)?;
        let [samples, _] = logits_and_labels(self.name(), logits, labels)?;
        Ok(vec![Fact::f32(&[samples])])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let class = predicted_class(emitter, &inputs[0]);
        let equal = emitter.op("Equal", &[&class, &inputs[1]], Vec::new());
        vec![emitter.to_float(&equal)]
    }
}

impl Operator for PredictedCounts {
    fn name(&self) -> &'static str {
        "predicted counts"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [logits, weight] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        match (logits.shape.as_slice(), weight.shape.as_slice()) {
            (&[samples, classes], &[count]) if samples == count => Ok(vec![Fact::f32(&[classes])]),
            _ => Err(misfit(self.name(), format!("expects logits [N, K] and weights [N], got {inputs:?}"))),
        }
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let class = predicted_class(emitter, &inputs[0]);
        let votes = one_hot(emitter, &class, facts[0].shape[1], 0.0, 1.0);
        vec![emitter.op("MatMul", &[&inputs[1], &votes], Vec::new())]
    }
}

impl Operator for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [logits] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        match logits.shape.len() {
            2 => Ok(vec![logits.clone()]),
            _ => Err(misfit(self.name(), format!("expects [N, K], got {:?}", logits.shape))),
        }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        Ok(vec![Some(graph.add(SoftmaxGradient, &[application.outputs[0], upstream])?)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.op("Softmax", &[&inputs[0]], vec![("axis", Attribute::Int(1))])]
    }
}

impl Operator for SoftmaxGradient {
    fn name(&self) -> &'static str {
        "softmax gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [probabilities, upstream] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        expect_shape(self.name(), "gradient", upstream, &probabilities.shape)?;
        Ok(vec![probabilities.clone()])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let products = emitter.op("Mul", &[&inputs[0], &inputs[1]], Vec::new());
        let sum = emitter.reduce_sum(&products, &[1], true);
        let rest = emitter.op("Sub", &[&inputs[1], &sum], Vec::new());
        vec![emitter.op("Mul", &[&inputs[0], &rest], Vec::new())]
    }
}
