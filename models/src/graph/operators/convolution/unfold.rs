//! Unfolding: for each position of the window, the image elements that lie under each of the window's elements.

use super::{ConvolutionShape, window_attributes};
use crate::graph::lowering::{Emitter, Value};

/// The image with the convolution's zeros around it, `axes` being those of height and width among `rank` ones.
pub(super) fn pad(
    emitter: &mut Emitter,
    x: &str,
    shape: &ConvolutionShape,
    rank: usize,
    axes: [usize; 2],
) -> Value {
    if shape.pads == [0; 4] {
        return x.to_owned();
    }
    let mut pads = vec![0; 2 * rank];
    for (index, axis) in axes.into_iter().enumerate() {
        pads[axis] = shape.pads[index] as i64;
        pads[rank + axis] = shape.pads[2 + index] as i64;
    }
    let pads = emitter.integers(&pads);
    emitter.op("Pad", &[x, &pads], Vec::new())
}

/// What lies under one element of the window at each of its positions.
pub(super) fn tap(
    emitter: &mut Emitter,
    padded: &str,
    shape: &ConvolutionShape,
    tap: [usize; 2],
    axes: [usize; 2],
) -> Value {
    if shape.is_pointwise() {
        return padded.to_owned();
    }
    let start = |axis: usize| (tap[axis] * shape.dilation[axis]) as i64;
    let end = |axis: usize| start(axis) + ((shape.output[axis] - 1) * shape.stride[axis]) as i64 + 1;
    let axes = axes.map(|axis| axis as i64);
    let steps = shape.stride.map(|stride| stride as i64);
    emitter.slice(padded, &axes, &[start(0), start(1)], &[end(0), end(1)], &steps)
}

/// The window's elements, row by row.
pub(super) fn taps(shape: &ConvolutionShape) -> impl Iterator<Item = [usize; 2]> + use<> {
    let [rows, columns] = shape.kernel;
    (0..rows).flat_map(move |row| (0..columns).map(move |column| [row, column]))
}

/// `[N, taps C, H'W']`: channels of the window's first element, then of its second, ...
pub(super) fn by_slices(emitter: &mut Emitter, x: &str, shape: &ConvolutionShape) -> Value {
    let padded = pad(emitter, x, shape, 4, [2, 3]);
    let slices: Vec<Value> =
        taps(shape).map(|position| tap(emitter, &padded, shape, position, [2, 3])).collect();
    let columns = emitter.concat(&slices, 1);
    let [rows, positions] = [shape.taps() * shape.channels, shape.output[0] * shape.output[1]];
    emitter.reshape(&columns, &[0, rows as i64, positions as i64])
}

/// `[N, C taps, H', W']`: the window's elements of the first channel, then of the second, ...
pub(super) fn by_one_hot(emitter: &mut Emitter, x: &str, shape: &ConvolutionShape) -> Value {
    if shape.is_pointwise() {
        return x.to_owned();
    }
    let taps = shape.taps();
    let mut kernels = vec![0.0; shape.channels * taps * taps];
    for row in 0..shape.channels * taps {
        kernels[row * taps + row % taps] = 1.0;
    }
    let [height, width] = shape.kernel;
    let kernels = emitter.tensor(&[shape.channels * taps, 1, height, width], kernels);
    let attributes =
        window_attributes(shape.kernel, shape.stride, shape.dilation, shape.pads, shape.channels);
    emitter.op("Conv", &[x, &kernels], attributes)
}
