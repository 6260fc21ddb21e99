//! Batch normalisation (Ioffe & Szegedy, 2015), while training and afterwards.

use super::{channels, per_channel};
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator,
    choices::{BatchMoments, ChannelAffine},
    emitter::{Attribute, Emitter, Value},
    operators::{
        all_f32, convolution::sum_per_channel, exactly, expect_shape, lowering_choice, names, signed,
    },
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

/// Gradient of `BatchNorm`. Inputs: x, scale, shift, the gradient of y. Outputs: the gradients of x, scale and shift.
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

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None; 5]) };
        let inputs = [application.inputs[0], application.inputs[1], application.inputs[2], upstream];
        let found = graph.add_many(BatchNormGradient { epsilon: self.epsilon }, &inputs)?;
        Ok(found.into_iter().map(Some).chain([None, None]).collect())
    }

    /// ONNX's operator normalises with the batch's statistics, in training mode or computed beside it.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let [x, scale, shift, mean, variance] = [0, 1, 2, 3, 4].map(|index| inputs[index].as_str());
        let batch = Statistics::emit(emitter, [x, scale, shift], &facts[0].shape, self.epsilon);
        let y = match batch.normalised {
            Some(y) => y,
            None => normalise(emitter, &[x, scale, shift, &batch.mean, &batch.variance], self.epsilon),
        };
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
    /// `[C]`.
    variance: Value,
    /// Like x: the normalised values, where they come with the statistics.
    normalised: Option<Value>,
}

impl Statistics {
    fn emit(emitter: &mut Emitter, inputs: [&str; 3], shape: &[usize], epsilon: f32) -> Self {
        let [x, ..] = inputs;
        let (rank, share) = (shape.len(), 1.0 / values_per_channel(shape));
        let moments = lowering_choice::batch_moments(emitter, shape);
        match moments {
            BatchMoments::Native => return Self::native(emitter, inputs, epsilon),
            BatchMoments::Kernel => return Self::kernel(emitter, inputs, shape, epsilon),
            BatchMoments::Centred | BatchMoments::Raw => {}
        }
        let sum = channel_sum(emitter, x, rank);
        let mean = emitter.scale(&sum, share);
        let from = match moments {
            BatchMoments::Centred => centred(emitter, x, &mean, rank),
            _ => x.to_owned(),
        };
        let squares = emitter.op("Mul", &[&from, &from], Vec::new());
        let squares = channel_sum(emitter, &squares, rank);
        let mut variance = emitter.scale(&squares, share);
        if moments == BatchMoments::Raw {
            variance = less_square(emitter, &variance, &mean);
        }
        Self { mean, variance, normalised: None }
    }

    /// With momentum 0 the next statistics are the batch's. ONNX Runtime writes them over the old ones, which must
    /// therefore be computed and nobody else's: a constant would be shared.
    fn native(emitter: &mut Emitter, [x, scale, shift]: [&str; 3], epsilon: f32) -> Self {
        let [old_mean, old_variance] =
            [scale, shift].map(|vector| emitter.op("Sub", &[vector, vector], Vec::new()));
        let attributes = vec![
            ("epsilon", Attribute::Float(epsilon)),
            ("momentum", Attribute::Float(0.0)),
            ("training_mode", Attribute::Int(1)),
        ];
        let inputs = [x, scale, shift, &old_mean, &old_variance];
        let outputs = emitter.op_many("BatchNormalization", &inputs, 3, attributes);
        let [normalised, mean, variance] = [0, 1, 2].map(|index| outputs[index].clone());
        Self { mean, variance, normalised: Some(normalised) }
    }

    fn kernel(emitter: &mut Emitter, inputs: [&str; 3], shape: &[usize], epsilon: f32) -> Self {
        let outputs = emitter.kernel("BatchNorm", &inputs, 3, kernel_sizes(shape, epsilon));
        let [normalised, mean, variance] = [0, 1, 2].map(|index| outputs[index].clone());
        Self { mean, variance, normalised: Some(normalised) }
    }
}

/// All sizes of a kernel, and the bits of what is added to the variance.
fn kernel_sizes(shape: &[usize], epsilon: f32) -> Vec<i64> {
    signed(shape).into_iter().chain([i64::from(epsilon.to_bits())]).collect()
}

fn centred(emitter: &mut Emitter, x: &str, mean: &str, rank: usize) -> Value {
    let mean = per_channel(emitter, mean, rank);
    emitter.op("Sub", &[x, &mean], Vec::new())
}

/// The mean of squares less the square of the mean; rounding must not make it negative.
fn less_square(emitter: &mut Emitter, mean_of_squares: &str, mean: &str) -> Value {
    let square = emitter.op("Mul", &[mean, mean], Vec::new());
    let variance = emitter.op("Sub", &[mean_of_squares, &square], Vec::new());
    let zero = emitter.scalar(0.0);
    emitter.op("Max", &[&variance, &zero], Vec::new())
}

/// `[C]`: the sum over samples and positions.
fn channel_sum(emitter: &mut Emitter, x: &str, rank: usize) -> Value {
    match rank {
        2 => emitter.reduce_sum(x, &[0], false),
        _ => sum_per_channel(emitter, x),
    }
}

fn values_per_channel(shape: &[usize]) -> f32 {
    shape.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, &size)| size).product::<usize>() as f32
}

/// `slope x + offset`, both per channel.
fn channel_affine(emitter: &mut Emitter, x: &str, slope: &str, offset: &str, shape: &[usize]) -> Value {
    match lowering_choice::channel_affine(emitter) {
        ChannelAffine::Normalise => {
            let [zeros, ones] = [0.0, 1.0].map(|value| emitter.repeated(value, shape[1]));
            normalise(emitter, &[x, slope, offset, &zeros, &ones], 0.0)
        }
        ChannelAffine::Arithmetic => {
            let [slope, offset] = [slope, offset].map(|vector| per_channel(emitter, vector, shape.len()));
            let product = emitter.op("Mul", &[x, &slope], Vec::new());
            emitter.op("Add", &[&product, &offset], Vec::new())
        }
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

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::element_wise(&[true, false, false, false, false]))
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
        let [x, scale, shift, upstream] = exactly(self.name(), inputs)?;
        all_f32(self.name(), inputs)?;
        channels(self.name(), x, &[scale, shift])?;
        expect_shape(self.name(), "gradient", upstream, &x.shape)?;
        Ok(vec![x.clone(), scale.clone(), scale.clone()])
    }

    /// With i = 1 / √(variance + ε), a = scale i and M values per channel: `dshift = Σ dy`,
    /// `dscale = i Σ dy (x - mean)`, `dx = a dy + b (x - mean) - a dshift / M` where `b = -a i dscale / M`.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let [x, scale, shift, upstream] = [0, 1, 2, 3].map(|index| inputs[index].as_str());
        let shape = &facts[0].shape;
        let batch = Statistics::emit(emitter, [x, scale, shift], shape, self.epsilon);
        if lowering_choice::batch_moments(emitter, shape) == BatchMoments::Kernel {
            let inputs = [x, scale, &batch.mean, &batch.variance, upstream];
            return emitter.kernel("BatchNormGradient", &inputs, 3, kernel_sizes(shape, self.epsilon));
        }
        let inverse = inverse_deviation(emitter, &batch.variance, self.epsilon);
        let shift_gradient = channel_sum(emitter, upstream, shape.len());
        let along = sum_along(emitter, x, &batch.mean, upstream, &shift_gradient, shape);
        let mut multiply = |left: &str, right: &str| emitter.op("Mul", &[left, right], Vec::new());
        let scale_gradient = multiply(&along, &inverse);
        let a = multiply(scale, &inverse);
        let b = multiply(&inverse, &scale_gradient);
        let b = multiply(&a, &b);
        let shift_part = multiply(&a, &shift_gradient);
        let share = -1.0 / values_per_channel(shape);
        let b = emitter.scale(&b, share);
        let shift_part = emitter.scale(&shift_part, share);
        let mean_part = emitter.op("Mul", &[&b, &batch.mean], Vec::new());
        let offset = emitter.op("Sub", &[&shift_part, &mean_part], Vec::new());
        let through_moments = channel_affine(emitter, x, &b, &offset, shape);
        let a = per_channel(emitter, &a, shape.len());
        let direct = emitter.op("Mul", &[upstream, &a], Vec::new());
        let x_gradient = emitter.op("Add", &[&direct, &through_moments], Vec::new());
        vec![x_gradient, scale_gradient, shift_gradient]
    }
}

/// `Σ dy (x - mean)` per channel.
fn sum_along(
    emitter: &mut Emitter,
    x: &str,
    mean: &str,
    upstream: &str,
    upstream_sum: &str,
    shape: &[usize],
) -> Value {
    match lowering_choice::batch_moments(emitter, shape) {
        BatchMoments::Centred => {
            let centred = centred(emitter, x, mean, shape.len());
            let products = emitter.op("Mul", &[upstream, &centred], Vec::new());
            channel_sum(emitter, &products, shape.len())
        }
        BatchMoments::Raw | BatchMoments::Native | BatchMoments::Kernel => {
            let products = emitter.op("Mul", &[upstream, x], Vec::new());
            let sum = channel_sum(emitter, &products, shape.len());
            let of_mean = emitter.op("Mul", &[mean, upstream_sum], Vec::new());
            emitter.op("Sub", &[&sum, &of_mean], Vec::new())
        }
    }
}

fn inverse_deviation(emitter: &mut Emitter, variance: &str, epsilon: f32) -> Value {
    let epsilon = emitter.scalar(epsilon);
    let sum = emitter.op("Add", &[variance, &epsilon], Vec::new());
    let deviation = emitter.op("Sqrt", &[&sum], Vec::new());
    emitter.op("Reciprocal", &[&deviation], Vec::new())
}
