//! The gradient of a convolution with respect to its input.

use super::{Convolution, ConvolutionShape, window_attributes};
use crate::graph::{
    Cost, Fact, GraphError, Operator,
    lowering::{Attribute, Emitter, Value},
    operators::{
        all_f32, exactly, expect_shape,
        lowering_choice::{self, InputGradient},
        misfit,
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

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let Ok(shape) = self.shape(facts) else { return Vec::new() };
        let (weights, upstream) = (inputs[0].as_str(), inputs[1].as_str());
        vec![match lowering_choice::input_gradient(emitter, &shape) {
            InputGradient::Transposed => transposed(emitter, weights, upstream, &shape),
            InputGradient::Flipped => flipped(emitter, weights, upstream, &shape),
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
    let (spread, after) = spread_by_stride(emitter, upstream, shape);
    let before = [0, 1].map(|axis| shape.reach(axis) - shape.pads[axis]);
    let pads = [before[0], before[1], after[0], after[1]];
    let attributes = window_attributes(shape.kernel, [1, 1], shape.dilation, pads, shape.groups);
    emitter.op("Conv", &[&spread, &weights], attributes)
}

/// `[K, C / groups, kh, kw]` to `[C, K / groups, kh, kw]`, each kernel turned around by half a circle.
fn turned_weights(emitter: &mut Emitter, weights: &str, shape: &ConvolutionShape) -> Value {
    let turned = match shape.taps() {
        1 => weights.to_owned(),
        _ => emitter.slice(weights, &[2, 3], &[-1, -1], &[i64::MIN / 2, i64::MIN / 2], &[-1, -1]),
    };
    if shape.groups == 1 {
        return emitter.transpose(&turned, &[1, 0, 2, 3]);
    }
    let [groups, filters, channels, height, width] = [
        shape.groups,
        shape.filters / shape.groups,
        shape.channels / shape.groups,
        shape.kernel[0],
        shape.kernel[1],
    ];
    if filters == 1 && channels == 1 {
        return turned;
    }
    let signed = |sizes: &[usize]| sizes.iter().map(|&size| size as i64).collect::<Vec<_>>();
    let grouped = emitter.reshape(&turned, &signed(&[groups, filters, channels, height, width]));
    let swapped = emitter.transpose(&grouped, &[0, 2, 1, 3, 4]);
    emitter.reshape(&swapped, &signed(&[groups * channels, filters, height, width]))
}

/// Puts stride - 1 zeros after each element, and says how many zeros the convolution must add after them.
fn spread_by_stride(emitter: &mut Emitter, upstream: &str, shape: &ConvolutionShape) -> (Value, [usize; 2]) {
    // The gradient's last element stands `reach - after` before the end of the image.
    let tail = |axis: usize| {
        let last = (shape.output[axis] - 1) * shape.stride[axis] + 1;
        (shape.size[axis] + shape.pads[axis]) as i64 - last as i64
    };
    if shape.stride == [1, 1] {
        let after = [0, 1].map(|axis| tail(axis).max(0) as usize);
        return crop_tail(emitter, upstream, shape, [tail(0), tail(1)], after);
    }
    let [rows, columns] = shape.output.map(|size| size as i64);
    let [down, across] = shape.stride.map(|stride| stride as i64);
    let filters = shape.filters as i64;
    let single = emitter.reshape(upstream, &[0, filters, rows, 1, columns, 1]);
    let pads = emitter.integers(&[0, 0, 0, 0, 0, 0, 0, 0, 0, down - 1, 0, across - 1]);
    let padded = emitter.op("Pad", &[&single, &pads], Vec::new());
    let spread = emitter.reshape(&padded, &[0, filters, rows * down, columns * across]);
    let tails = [0, 1].map(|axis| tail(axis) - (shape.stride[axis] as i64 - 1));
    crop_tail(emitter, &spread, shape, tails, tails.map(|tail| tail.max(0) as usize))
}

/// Cuts off at the end what would need a negative pad.
fn crop_tail(
    emitter: &mut Emitter,
    spread: &str,
    shape: &ConvolutionShape,
    tails: [i64; 2],
    after: [usize; 2],
) -> (Value, [usize; 2]) {
    let length = |axis: usize| match shape.stride {
        [1, 1] => shape.output[axis] as i64,
        _ => (shape.output[axis] * shape.stride[axis]) as i64,
    };
    if tails.iter().all(|&tail| tail >= 0) {
        return (spread.to_owned(), after);
    }
    let ends = [0, 1].map(|axis| length(axis) + tails[axis].min(0));
    (emitter.slice(spread, &[2, 3], &[0, 0], &ends, &[1, 1]), after)
}
