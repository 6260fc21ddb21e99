//! The gradient of a convolution with respect to its weights.

use super::{Convolution, ConvolutionShape, unfold, window_attributes};
use crate::graph::{
    Cost, Fact, GraphError, Operator,
    lowering::{Emitter, Value},
    operators::{
        all_f32, exactly, expect_shape,
        lowering_choice::{self, WeightGradient},
        misfit, signed,
    },
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

    fn lower(
        &self,
        emitter: &mut Emitter,
        inputs: &[Value],
        facts: &[&Fact],
        outputs: &[Fact],
    ) -> Vec<Value> {
        let Ok(shape) = self.shape(facts) else { return Vec::new() };
        let (x, upstream) = (inputs[0].as_str(), inputs[1].as_str());
        let weights = signed(&outputs[0].shape);
        vec![match lowering_choice::weight_gradient(emitter, &shape) {
            WeightGradient::OneHotUnfold => one_hot(emitter, x, upstream, &shape, &weights),
            WeightGradient::SliceUnfold => slices(emitter, x, upstream, &shape, &weights),
            WeightGradient::ChannelsLastUnfold => channels_last(emitter, x, upstream, &shape, &weights),
            WeightGradient::Transposed => transposed(emitter, x, upstream, &shape, &weights),
            WeightGradient::TapWise => tap_wise(emitter, x, upstream, &shape, &weights),
        }]
    }
}

/// Per sample and group, the gradient `[K, H'W']` times the unfolded image `[H'W', C taps]`; summed over samples.
fn one_hot(
    emitter: &mut Emitter,
    x: &str,
    upstream: &str,
    shape: &ConvolutionShape,
    weights: &[i64],
) -> Value {
    let columns = unfold::by_one_hot(emitter, x, shape);
    let groups = shape.groups;
    let (rows, filters) = (shape.channels / groups * shape.taps(), shape.filters / groups);
    let positions = (shape.output[0] * shape.output[1]) as i64;
    let grouped = |rows: usize| match groups {
        1 => vec![0, rows as i64, positions],
        _ => vec![0, groups as i64, rows as i64, positions],
    };
    let columns = emitter.reshape(&columns, &grouped(rows));
    let upstream = emitter.reshape(upstream, &grouped(filters));
    let order: &[usize] = if groups == 1 { &[0, 2, 1] } else { &[0, 1, 3, 2] };
    let columns = emitter.transpose(&columns, order);
    let products = emitter.op("MatMul", &[&upstream, &columns], Vec::new());
    let sum = sum_over_samples(emitter, &products, shape);
    emitter.reshape(&sum, weights)
}

/// The same with the window's elements outermost among the columns.
fn slices(
    emitter: &mut Emitter,
    x: &str,
    upstream: &str,
    shape: &ConvolutionShape,
    weights: &[i64],
) -> Value {
    let columns = unfold::by_slices(emitter, x, shape);
    let columns = emitter.transpose(&columns, &[0, 2, 1]);
    let positions = (shape.output[0] * shape.output[1]) as i64;
    let upstream = emitter.reshape(upstream, &[0, shape.filters as i64, positions]);
    let products = emitter.op("MatMul", &[&upstream, &columns], Vec::new());
    let sum = sum_over_samples(emitter, &products, shape);
    channels_before_taps(emitter, &sum, weights)
}

fn sum_over_samples(emitter: &mut Emitter, products: &str, shape: &ConvolutionShape) -> Value {
    match shape.batch {
        1 => products.to_owned(),
        _ => emitter.reduce_sum(products, &[0], false),
    }
}

/// `[K, taps C]` to the weights' `[K, C, kh, kw]`.
fn channels_before_taps(emitter: &mut Emitter, product: &str, weights: &[i64]) -> Value {
    let &[filters, channels, height, width] = weights else { return product.to_owned() };
    if height * width == 1 {
        return emitter.reshape(product, weights);
    }
    let unfolded = emitter.reshape(product, &[filters, height, width, channels]);
    emitter.transpose(&unfolded, &[0, 3, 1, 2])
}

/// One product over all samples: the gradient `[K, N H'W']` times channels-last slices `[N H'W', taps C]`.
fn channels_last(
    emitter: &mut Emitter,
    x: &str,
    upstream: &str,
    shape: &ConvolutionShape,
    weights: &[i64],
) -> Value {
    let x = emitter.transpose(x, &[0, 2, 3, 1]);
    let padded = unfold::pad(emitter, &x, shape, 4, [1, 2]);
    let slices: Vec<Value> =
        unfold::taps(shape).map(|tap| unfold::tap(emitter, &padded, shape, tap, [1, 2])).collect();
    let columns = emitter.concat(&slices, 3);
    let columns = emitter.reshape(&columns, &[-1, (shape.taps() * shape.channels) as i64]);
    let upstream = emitter.transpose(upstream, &[1, 0, 2, 3]);
    let upstream = emitter.reshape(&upstream, &[shape.filters as i64, -1]);
    let product = emitter.op("MatMul", &[&upstream, &columns], Vec::new());
    channels_before_taps(emitter, &product, weights)
}

/// A convolution of `[C / groups, groups N, H, W]` with the kernel `[K, N, H', W']`: stride and dilation change roles.
fn transposed(
    emitter: &mut Emitter,
    x: &str,
    upstream: &str,
    shape: &ConvolutionShape,
    weights: &[i64],
) -> Value {
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
fn tap_wise(
    emitter: &mut Emitter,
    x: &str,
    upstream: &str,
    shape: &ConvolutionShape,
    weights: &[i64],
) -> Value {
    let padded = unfold::pad(emitter, x, shape, 4, [2, 3]);
    let mut sums = Vec::with_capacity(shape.taps());
    for position in unfold::taps(shape) {
        let under = unfold::tap(emitter, &padded, shape, position, [2, 3]);
        let product = emitter.op("Mul", &[&under, upstream], Vec::new());
        let sum = emitter.reduce_sum(&product, &[0, 2, 3], false);
        sums.push(emitter.reshape(&sum, &[-1, 1]));
    }
    let sums = emitter.concat(&sums, 1);
    emitter.reshape(&sums, weights)
}
