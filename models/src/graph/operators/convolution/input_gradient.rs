//! The gradient of a convolution with respect to its input.

use super::{Convolution, window_attributes};
use crate::graph::{
    Batching, Cost, Fact, GraphError, Operator,
    choices::InputGradient,
    emitter::{Attribute, Emitter, Value},
    operators::{
        all_f32, exactly, expect_shape, lowering_choice, misfit,
        pooling::spread,
        signed,
        window::{ConvolutionShape, PoolShape},
    },
};

/// Inputs: the convolution's weights `[K, C / groups, kh, kw]`, the gradient of its output `[N, K, H', W']`.
/// Output: the gradient of its input `[N, C, H, W]`.
#[derive(Clone, Copy, Debug)]
pub struct ConvolutionInputGradient {
    /// The convolution.
    pub convolution: Convolution,
    /// Height and width of its input.
    pub size: [usize; 2],
}

impl ConvolutionInputGradient {
    fn shape(&self, inputs: &[&Fact]) -> Result<ConvolutionShape, GraphError> {
        let [weights, upstream] = exactly(self.name(), inputs)?;
        let ([_, depth, _, _], [samples, ..]) = (weights.shape.as_slice(), upstream.shape.as_slice()) else {
            return Err(misfit(
                self.name(),
                format!("weights {:?}, gradient {:?}", weights.shape, upstream.shape),
            ));
        };
        let x = [*samples, depth * self.convolution.groups, self.size[0], self.size[1]];
        let shape = self.convolution.shape(&x, &weights.shape)?;
        let output = [shape.batch, shape.filters, shape.output[0], shape.output[1]];
        expect_shape(self.name(), "gradient", upstream, &output)?;
        Ok(shape)
    }
}

impl Operator for ConvolutionInputGradient {
    fn name(&self) -> &'static str {
        "convolution input gradient"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        all_f32(self.name(), inputs)?;
        let shape = self.shape(inputs)?;
        Ok(vec![Fact::f32(&[shape.batch, shape.channels, shape.size[0], shape.size[1]])])
    }

    fn cost(&self, inputs: &[&Fact], _: &[Fact]) -> Cost {
        Cost { multiply_adds: self.shape(inputs).map_or(0, |shape| shape.multiply_adds()) }
    }

    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        Some(Batching::sample_wise(&[false, true]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let Ok(shape) = self.shape(facts) else { return Vec::new() };
        let (weights, upstream) = (inputs[0].as_str(), inputs[1].as_str());
        vec![match lowering_choice::input_gradient(emitter, &shape) {
            InputGradient::Transposed => transposed(emitter, weights, upstream, &shape),
            InputGradient::Flipped => flipped(emitter, weights, upstream, &shape),
            InputGradient::SmallGrid => small_grid(emitter, weights, upstream, &shape),
            InputGradient::Kernel => {
                let sizes = shape.to_sizes();
                emitter.kernel("ConvolutionInputGradient", &[weights, upstream], 1, sizes).swap_remove(0)
            }
        }]
    }
}

/// Rows and columns at the end of the padded image that no window reached.
fn left_over(shape: &ConvolutionShape, axis: usize) -> usize {
    let padded = shape.size[axis] + shape.pads[axis] + shape.pads[axis + 2];
    padded - (shape.output[axis] - 1) * shape.stride[axis] - shape.reach(axis) - 1
}

fn transposed(emitter: &mut Emitter, weights: &str, upstream: &str, shape: &ConvolutionShape) -> Value {
    let mut attributes =
        window_attributes(shape.kernel, shape.stride, shape.dilation, shape.pads, shape.groups);
    let left_over = [left_over(shape, 0), left_over(shape, 1)];
    if left_over != [0, 0] {
        attributes.push(("output_padding", Attribute::sizes(&left_over)));
    }
    emitter.op("ConvTranspose", &[upstream, weights], attributes)
}

fn flipped(emitter: &mut Emitter, weights: &str, upstream: &str, shape: &ConvolutionShape) -> Value {
    let weights = turned_weights(emitter, weights, shape);
    let spread = spread_by_stride(emitter, upstream, shape, shape.filters);
    // Where the spread gradient ends in the padded image, and what is missing to the end of the image.
    let length = |axis: usize| (shape.output[axis] * shape.stride[axis]) as i64;
    let rest = [0, 1].map(|axis| (shape.size[axis] + shape.pads[axis]) as i64 - length(axis));
    let spread = match rest.iter().all(|&rest| rest >= 0) {
        true => spread,
        false => {
            let ends = [0, 1].map(|axis| length(axis) + rest[axis].min(0));
            emitter.slice(&spread, &[2, 3], &[0, 0], &ends, &[1, 1])
        }
    };
    let before = [0, 1].map(|axis| shape.reach(axis) - shape.pads[axis]);
    let after = rest.map(|rest| rest.max(0) as usize);
    let pads = [before[0], before[1], after[0], after[1]];
    let attributes = window_attributes(shape.kernel, [1, 1], shape.dilation, pads, shape.groups);
    emitter.op("Conv", &[&spread, &weights], attributes)
}

fn small_grid(emitter: &mut Emitter, weights: &str, upstream: &str, shape: &ConvolutionShape) -> Value {
    let weights = turned_weights(emitter, weights, shape);
    let attributes = window_attributes([1, 1], [1, 1], [1, 1], [0; 4], shape.groups);
    let product = emitter.op("Conv", &[upstream, &weights], attributes);
    let spread = spread_by_stride(emitter, &product, shape, shape.channels);
    let length = [0, 1].map(|axis| shape.output[axis] * shape.stride[axis]);
    let kept = [0, 1].map(|axis| length[axis].min(shape.size[axis]));
    let spread = match kept == length {
        true => spread,
        false => emitter.slice(&spread, &[2, 3], &[0, 0], &kept.map(|size| size as i64), &[1, 1]),
    };
    let rest = [0, 1].map(|axis| (shape.size[axis] - kept[axis]) as i64);
    if rest == [0, 0] {
        return spread;
    }
    let pads = emitter.integers(&[0, 0, 0, 0, 0, 0, rest[0], rest[1]]);
    emitter.op("Pad", &[&spread, &pads], Vec::new())
}

/// `[K, C / groups, kh, kw]` to `[C, K / groups, kh, kw]`, each kernel turned around by half a circle.
fn turned_weights(emitter: &mut Emitter, weights: &str, shape: &ConvolutionShape) -> Value {
    let groups = shape.groups;
    let (filters, channels, taps) = (shape.filters / groups, shape.channels / groups, shape.taps());
    let swapped = if groups == 1 {
        emitter.transpose(weights, &[1, 0, 2, 3])
    } else if filters == 1 && channels == 1 {
        weights.to_owned()
    } else {
        let grouped = emitter.reshape(weights, &signed(&[groups, filters, channels, taps]));
        emitter.transpose(&grouped, &[0, 2, 1, 3])
    };
    let turned = match taps {
        1 => swapped,
        _ => {
            let kernels = emitter.reshape(&swapped, &[-1, taps as i64]);
            let backwards: Vec<i64> = (0..taps as i64).rev().collect();
            let backwards = emitter.integers(&backwards);
            emitter.op("Gather", &[&kernels, &backwards], vec![("axis", Attribute::Int(1))])
        }
    };
    emitter.reshape(&turned, &signed(&[groups * channels, filters, shape.kernel[0], shape.kernel[1]]))
}

/// Puts stride - 1 zeros after each element of `[N, channels, H', W']`.
fn spread_by_stride(emitter: &mut Emitter, value: &str, shape: &ConvolutionShape, channels: usize) -> Value {
    if shape.stride == [1, 1] {
        return value.to_owned();
    }
    let grid = PoolShape {
        batch: shape.batch,
        channels,
        size: [0, 1].map(|axis| shape.output[axis] * shape.stride[axis]),
        kernel: shape.stride,
        output: shape.output,
        stride: shape.stride,
        pads: [0; 4],
    };
    let repeated = spread(emitter, value, &grid);
    let [height, width] = grid.size;
    let [down, across] = shape.stride;
    let key = format!("every {down} {across} of {height} {width}");
    let mask = emitter.keyed_tensor(key, &[height, width], || {
        let element =
            |index: usize| (index / width).is_multiple_of(down) && (index % width).is_multiple_of(across);
        (0..height * width).map(|index| if element(index) { 1.0 } else { 0.0 }).collect()
    });
    emitter.op("Mul", &[&repeated, &mask], Vec::new())
}
