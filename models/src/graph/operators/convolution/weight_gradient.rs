//! The gradient of a convolution with respect to its weights.

use super::{Convolution, sum_per_channel, unfold, window_attributes};
use crate::graph::{
    Batching, Cost, Fact, GraphError, Operator,
    choices::WeightGradient,
    emitter::{Attribute, Emitter, Value},
    operators::{all_f32, exactly, expect_shape, lowering_choice, misfit, signed, window::ConvolutionShape},
};

/// Inputs: the convolution's input `[N, C, H, W]`, the gradient of its output `[N, K, H', W']`.
/// Output: the gradient of its weights `[K, C / groups, kh, kw]`.
#[derive(Clone, Copy, Debug)]
pub struct ConvolutionWeightGradient {
    /// The convolution.
    pub convolution: Convolution,
    /// Height and width of its kernel.
    pub kernel: [usize; 2],
}

impl ConvolutionWeightGradient {
    fn shape(&self, inputs: &[&Fact]) -> Result<ConvolutionShape, GraphError> {
        let [x, upstream] = exactly(self.name(), inputs)?;
        let ([_, channels, _, _], [_, filters, _, _]) = (x.shape.as_slice(), upstream.shape.as_slice())
        else {
            return Err(misfit(self.name(), format!("input {:?}, gradient {:?}", x.shape, upstream.shape)));
        };
        let depth = channels / self.convolution.groups.max(1);
        let shape = self.convolution.shape(&x.shape, &[*filters, depth, self.kernel[0], self.kernel[1]])?;
        let output = [shape.batch, shape.filters, shape.output[0], shape.output[1]];
        expect_shape(self.name(), "gradient", upstream, &output)?;
        Ok(shape)
    }
}

impl Operator for ConvolutionWeightGradient {
    fn name(&self) -> &'static str {
        "convolution weight gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        all_f32(self.name(), inputs)?;
        let shape = self.shape(inputs)?;
        Ok(vec![Fact::f32(&[shape.filters, shape.channels / shape.groups, shape.kernel[0], shape.kernel[1]])])
    }

    fn cost(&self, inputs: &[&Fact], _: &[Fact]) -> Cost {
        Cost { multiply_adds: self.shape(inputs).map_or(0, |shape| shape.multiply_adds()) }
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sum(&[true, true]))
    }

    fn lower(
        &self,
        emitter: &mut Emitter,
        inputs: &[Value],
        facts: &[&Fact],
        outputs: &[Fact],
    ) -> Vec<Value> {
        let Ok(shape) = self.shape(facts) else { return Vec::new() };
        let weights = signed(&outputs[0].shape);
        let given = Given { x: &inputs[0], upstream: &inputs[1], shape: &shape, weights: &weights };
        vec![match lowering_choice::weight_gradient(emitter, &shape) {
            WeightGradient::OneHotUnfold => unfolded(emitter, &given, one_hot),
            WeightGradient::SliceUnfold => unfolded(emitter, &given, slices),
            WeightGradient::SplitUnfold => unfolded(emitter, &given, split),
            WeightGradient::ChannelsLastUnfold => channels_last(emitter, &given),
            WeightGradient::Transposed => transposed(emitter, &given),
            WeightGradient::TapWise => tap_wise(emitter, &given),
            WeightGradient::Kernel => {
                let (x, upstream) = (given.x, given.upstream);
                emitter
                    .kernel("ConvolutionWeightGradient", &[x, upstream], 1, shape.to_sizes())
                    .swap_remove(0)
            }
        }]
    }
}

/// What a lowering has to do with.
#[derive(Clone, Copy)]
struct Given<'a> {
    x: &'a str,
    upstream: &'a str,
    shape: &'a ConvolutionShape,
    /// Shape of the weights.
    weights: &'a [i64],
}

/// Rows of the gradient and rows of the unfolded image, `[N, (groups,) rows, positions]` each: the weights' gradient is
/// the first times the second transposed, summed over samples.
struct Rows {
    gradient: Value,
    image: Value,
    /// Whether the image's rows are ordered by channel, then by the window's elements; else the other way round.
    by_channel: bool,
}

/// Unfolds a part of the batch.
type Unfold = fn(&mut Emitter, &str, &str, &ConvolutionShape) -> Rows;

/// Unfolds and multiplies the batch in parts small enough for the caches, and adds up the products.
fn unfolded(emitter: &mut Emitter, given: &Given<'_>, unfold: Unfold) -> Value {
    let mut sums = Vec::new();
    let mut by_channel = false;
    for (part, x, upstream) in parts_of_batch(emitter, given) {
        let rows = unfold(emitter, &x, &upstream, &part);
        by_channel = rows.by_channel;
        let order: &[usize] = if part.groups == 1 { &[0, 2, 1] } else { &[0, 1, 3, 2] };
        let image = emitter.transpose(&rows.image, order);
        let products = emitter.op("MatMul", &[&rows.gradient, &image], Vec::new());
        sums.push(emitter.reduce_sum(&products, &[0], false));
    }
    let sum = emitter.sum(&sums);
    match by_channel {
        true => emitter.reshape(&sum, given.weights),
        false => channels_before_taps(emitter, &sum, given.weights),
    }
}

/// The batch in parts: the shape of each, its input and gradient.
fn parts_of_batch(emitter: &mut Emitter, given: &Given<'_>) -> Vec<(ConvolutionShape, Value, Value)> {
    let Given { x, upstream, shape, .. } = *given;
    let positions = shape.output[0] * shape.output[1];
    let sample_bytes = 4 * positions * (shape.taps() * shape.channels + shape.filters);
    let sizes = lowering_choice::parts(emitter, shape.batch, sample_bytes);
    if sizes.len() == 1 {
        return vec![(*shape, x.to_owned(), upstream.to_owned())];
    }
    let list = emitter.integers(&signed(&sizes));
    let axis = vec![("axis", Attribute::Int(0))];
    let x = emitter.op_many("Split", &[x, &list], sizes.len(), axis.clone());
    let upstream = emitter.op_many("Split", &[upstream, &list], sizes.len(), axis);
    let shapes = sizes.into_iter().map(|batch| ConvolutionShape { batch, ..*shape });
    shapes.zip(x).zip(upstream).map(|((shape, x), upstream)| (shape, x, upstream)).collect()
}

fn one_hot(emitter: &mut Emitter, x: &str, upstream: &str, shape: &ConvolutionShape) -> Rows {
    let columns = unfold::by_one_hot(emitter, x, shape);
    let groups = shape.groups;
    let positions = (shape.output[0] * shape.output[1]) as i64;
    let grouped = |rows: usize| match groups {
        1 => vec![0, rows as i64, positions],
        _ => vec![0, groups as i64, (rows / groups) as i64, positions],
    };
    let image = emitter.reshape(&columns, &grouped(shape.channels * shape.taps()));
    let gradient = emitter.reshape(upstream, &grouped(shape.filters));
    Rows { gradient, image, by_channel: true }
}

fn slices(emitter: &mut Emitter, x: &str, upstream: &str, shape: &ConvolutionShape) -> Rows {
    let image = unfold::by_slices(emitter, x, shape);
    let gradient = emitter.reshape(upstream, &[0, shape.filters as i64, -1]);
    Rows { gradient, image, by_channel: false }
}

/// The image `[N, kw C, Hp W']`: slices along its padded rows, one for each column of the window. The gradient
/// `[N, K kh, Hp W']`: one copy for each row of the window, moved down by as many rows. One concatenation makes all
/// copies: with zeros between them as long as a copy's surroundings and one shift, each lands a shift further down.
fn split(emitter: &mut Emitter, x: &str, upstream: &str, shape: &ConvolutionShape) -> Rows {
    let [rows, columns] = shape.output;
    let padded = unfold::pad(emitter, x, shape);
    let image = unfold::lines(emitter, &padded, shape, 1);
    let plane = (rows + shape.reach(0)) * columns;
    let image = emitter.reshape(&image, &signed(&[shape.batch, shape.kernel[1] * shape.channels, plane]));
    let copy = emitter.reshape(upstream, &signed(&[shape.batch, shape.filters, rows * columns]));
    if shape.kernel[0] == 1 {
        return Rows { gradient: copy, image, by_channel: false };
    }
    let gap = plane + shape.dilation[0] * columns - rows * columns;
    let gap = zeros(emitter, &[shape.batch, shape.filters, gap]);
    let mut copies = vec![copy.clone()];
    (1..shape.kernel[0]).for_each(|_| copies.extend([gap.clone(), copy.clone()]));
    let copies = emitter.concat(&copies, 2);
    let gradient = emitter.reshape(&copies, &signed(&[shape.batch, shape.filters * shape.kernel[0], plane]));
    Rows { gradient, image, by_channel: false }
}

fn zeros(emitter: &mut Emitter, shape: &[usize]) -> Value {
    let zero = emitter.scalar(0.0);
    let shape = emitter.integers(&signed(shape));
    emitter.op("Expand", &[&zero, &shape], Vec::new())
}

/// `[K (kh), (taps) C]` to the weights' `[K, C, kh, kw]`.
fn channels_before_taps(emitter: &mut Emitter, product: &str, weights: &[i64]) -> Value {
    let &[filters, channels, height, width] = weights else { return product.to_owned() };
    if height * width == 1 {
        return emitter.reshape(product, weights);
    }
    let unfolded = emitter.reshape(product, &[filters, height, width, channels]);
    emitter.transpose(&unfolded, &[0, 3, 1, 2])
}

/// Products over all samples of a part: the gradient `[K, N H'W']` times channels-last columns `[N H'W', taps C]`.
fn channels_last(emitter: &mut Emitter, given: &Given<'_>) -> Value {
    let mut sum: Option<Value> = None;
    for (part, x, upstream) in parts_of_batch(emitter, given) {
        let x = emitter.transpose(&x, &[0, 2, 3, 1]);
        let columns = unfold::by_picking(emitter, &x, &part);
        let upstream = emitter.transpose(&upstream, &[1, 0, 2, 3]);
        let upstream = emitter.reshape(&upstream, &[part.filters as i64, -1]);
        sum = Some(match sum {
            None => emitter.op("Gemm", &[&upstream, &columns], Vec::new()),
            Some(sum) => emitter.op("Gemm", &[&upstream, &columns, &sum], Vec::new()),
        });
    }
    channels_before_taps(emitter, &sum.unwrap_or_default(), given.weights)
}

/// A convolution of `[C / groups, groups N, H, W]` with the kernel `[K, N, H', W']`: stride and dilation change roles.
fn transposed(emitter: &mut Emitter, given: &Given<'_>) -> Value {
    let Given { x, upstream, shape, weights } = *given;
    let ConvolutionShape { groups, size, .. } = *shape;
    let depth = shape.channels / groups;
    let samples = match groups {
        1 => emitter.transpose(x, &[1, 0, 2, 3]),
        _ => {
            let grouped = emitter.reshape(x, &signed(&[shape.batch, groups, depth, size[0], size[1]]));
            let swapped = emitter.transpose(&grouped, &[2, 1, 0, 3, 4]);
            emitter.reshape(&swapped, &signed(&[depth, groups * shape.batch, size[0], size[1]]))
        }
    };
    let kernel = emitter.transpose(upstream, &[1, 0, 2, 3]);
    let attributes = window_attributes(shape.output, shape.dilation, shape.stride, shape.pads, groups);
    let found = emitter.op("Conv", &[&samples, &kernel], attributes);
    // Where windows did not reach the end of the image, more elements come out than the kernel has.
    let found = match (0..2).all(|axis| reaches_end(shape, axis)) {
        true => found,
        false => emitter.slice(&found, &[2, 3], &[0, 0], &weights[2..], &[1, 1]),
    };
    emitter.transpose(&found, &[1, 0, 2, 3])
}

fn reaches_end(shape: &ConvolutionShape, axis: usize) -> bool {
    let padded = shape.size[axis] + shape.pads[axis] + shape.pads[axis + 2];
    let rest = padded - (shape.output[axis] - 1) * shape.stride[axis] - 1;
    rest / shape.dilation[axis] + 1 == shape.kernel[axis]
}

/// For each element of the window, the sum of the gradient times what lies under that element.
fn tap_wise(emitter: &mut Emitter, given: &Given<'_>) -> Value {
    let Given { x, upstream, shape, weights } = *given;
    let padded = unfold::pad(emitter, x, shape);
    let mut sums = Vec::with_capacity(shape.taps());
    for position in unfold::taps(shape) {
        let under = unfold::tap(emitter, &padded, shape, position);
        let product = emitter.op("Mul", &[&under, upstream], Vec::new());
        let sum = sum_per_channel(emitter, &product);
        sums.push(emitter.reshape(&sum, &[-1, 1]));
    }
    let sums = emitter.concat(&sums, 1);
    emitter.reshape(&sums, weights)
}
