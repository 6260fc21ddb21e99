//! Batch normalisation (Ioffe & Szegedy, 2015), while training and afterwards.

use super::{axes_of_a_channel, channels, per_channel};
use crate::graph::{
    Application, Fact, Graph, GraphError, Operator, Outlet,
    lowering::{Attribute, Emitter, Value},
    operators::{all_f32, exactly, expect_shape, names},
};

/// While training. Inputs: x `[N, C]` or `[N, C, H, W]`, scale `[C]`, shift `[C]`, running mean `[C]`, running
/// variance `[C]`. Outputs: y like x, and the next running mean and variance, `running * momentum + batch * (1 -
/// momentum)` as in ONNX; the batch's variance is the population's (divided by the number of values).
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f32,
    /// Share of the old running statistics that is kept.
    pub momentum: f32,
}

/// After training: normalises with the running statistics. Inputs as `BatchNorm`'s, output y.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormInference {
    /// Added to the variance.
    pub epsilon: f32,
}

/// Gradient of `BatchNorm`. Inputs: x, scale, the gradient of y. Outputs: the gradients of x, scale and shift.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormGradient {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Operator for BatchNorm {
    fn name(&self) -> &'static str {
        "batch norm"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, scale, shift, mean, variance] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        channels(self.name(), x, &[scale, shift, mean, variance])?;
        Ok(vec![x.clone(), mean.clone(), variance.clone()])
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None; 5]) };
        let inputs = [application.inputs[0], application.inputs[1], upstream];
        let found = graph.add_many(BatchNormGradient { epsilon: self.epsilon }, &inputs)?;
        Ok(found.into_iter().map(Some).chain([None, None]).collect())
    }

    /// ONNX's operator normalises with statistics that are computed beside it: CUDA's kernel knows no training mode.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let batch = Statistics::emit(emitter, &inputs[0], facts[0].shape.len());
        let [x, scale, shift, mean, variance] = [0, 1, 2, 3, 4].map(|index| inputs[index].as_str());
        let y = normalise(emitter, &[x, scale, shift, &batch.mean, &batch.variance], self.epsilon);
        let next_mean = self.next(emitter, mean, &batch.mean);
        let next_variance = self.next(emitter, variance, &batch.variance);
        vec![y, next_mean, next_variance]
    }
}

impl BatchNorm {
    fn next(&self, emitter: &mut Emitter, running: &str, batch: &str) -> Value {
        let old = emitter.scale(running, self.momentum);
        let new = emitter.scale(batch, 1.0 - self.momentum);
        emitter.op("Add", &[&old, &new], Vec::new())
    }
}

fn normalise(emitter: &mut Emitter, inputs: &[&str], epsilon: f32) -> Value {
    emitter.op("BatchNormalization", inputs, vec![("epsilon", Attribute::Float(epsilon))])
}

/// Statistics of a batch.
struct Statistics {
    /// `[C]`.
    mean: Value,
    /// Like x: x less its channel's mean.
    centred: Value,
    /// `[C]`.
    variance: Value,
}

impl Statistics {
    fn emit(emitter: &mut Emitter, x: &str, rank: usize) -> Self {
        let axes = axes_of_a_channel(rank);
        let mean = emitter.reduce_mean(x, axes, false);
        let spread_mean = per_channel(emitter, &mean, rank);
        let centred = emitter.op("Sub", &[x, &spread_mean], Vec::new());
        let squares = emitter.op("Mul", &[&centred, &centred], Vec::new());
        let variance = emitter.reduce_mean(&squares, axes, false);
        Self { mean, centred, variance }
    }
}

impl Operator for BatchNormInference {
    fn name(&self) -> &'static str {
        "batch norm inference"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, scale, shift, mean, variance] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        channels(self.name(), x, &[scale, shift, mean, variance])?;
        Ok(vec![x.clone()])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![normalise(emitter, &names(inputs), self.epsilon)]
    }
}

impl Operator for BatchNormGradient {
    fn name(&self) -> &'static str {
        "batch norm gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [x, scale, upstream] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        channels(self.name(), x, &[scale])?;
        expect_shape(self.name(), "gradient", upstream, &x.shape)?;
        Ok(vec![x.clone(), scale.clone(), scale.clone()])
    }

    /// With d = x - mean, i = 1 / √(variance + ε), a = scale i and M values per channel:
    /// `dshift = Σ dy`, `dscale = i Σ dy d`, `dx = a dy - d (a i dscale / M) - a dshift / M`.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let [x, scale, upstream] = [0, 1, 2].map(|index| inputs[index].as_str());
        let shape = &facts[0].shape;
        let axes = axes_of_a_channel(shape.len());
        let count: usize = axes.iter().map(|&axis| shape[axis as usize]).product();
        let batch = Statistics::emit(emitter, x, shape.len());
        let inverse = inverse_deviation(emitter, &batch.variance, self.epsilon);
        let shift_gradient = emitter.reduce_sum(upstream, axes, false);
        let product = emitter.op("Mul", &[upstream, &batch.centred], Vec::new());
        let sum = emitter.reduce_sum(&product, axes, false);
        let scale_gradient = emitter.op("Mul", &[&sum, &inverse], Vec::new());
        let a = emitter.op("Mul", &[scale, &inverse], Vec::new());
        let share = emitter.scale(&a, -1.0 / count as f32);
        let slope = emitter.op("Mul", &[&inverse, &scale_gradient], Vec::new());
        let slope = emitter.op("Mul", &[&slope, &share], Vec::new());
        let offset = emitter.op("Mul", &[&shift_gradient, &share], Vec::new());
        let [a, slope, offset] = [a, slope, offset].map(|vector| per_channel(emitter, &vector, shape.len()));
        let direct = emitter.op("Mul", &[upstream, &a], Vec::new());
        let through_deviation = emitter.op("Mul", &[&batch.centred, &slope], Vec::new());
        let through_deviation = emitter.op("Add", &[&through_deviation, &offset], Vec::new());
        let x_gradient = emitter.op("Add", &[&direct, &through_deviation], Vec::new());
        vec![x_gradient, scale_gradient, shift_gradient]
    }
}

fn inverse_deviation(emitter: &mut Emitter, variance: &str, epsilon: f32) -> Value {
    let epsilon = emitter.scalar(epsilon);
    let sum = emitter.op("Add", &[variance, &epsilon], Vec::new());
    let deviation = emitter.op("Sqrt", &[&sum], Vec::new());
    emitter.op("Reciprocal", &[&deviation], Vec::new())
}
