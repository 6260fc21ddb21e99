//! Unfolding: for each position of the window, the image elements that lie under each of the window's elements.

use super::window_attributes;
use crate::graph::{
    emitter::{Attribute, Emitter, Value},
    operators::window::ConvolutionShape,
};

/// `[N, C, H, W]` with the convolution's zeros around it.
pub(super) fn pad(emitter: &mut Emitter, x: &str, shape: &ConvolutionShape) -> Value {
    if shape.pads == [0; 4] {
        return x.to_owned();
    }
    let [top, left, bottom, right] = shape.pads.map(|pad| pad as i64);
    let pads = emitter.integers(&[0, 0, top, left, 0, 0, bottom, right]);
    emitter.op("Pad", &[x, &pads], Vec::new())
}

/// What lies under one element of the window at each of its positions.
pub(super) fn tap(emitter: &mut Emitter, padded: &str, shape: &ConvolutionShape, tap: [usize; 2]) -> Value {
    if shape.is_pointwise() {
        return padded.to_owned();
    }
    let start = |axis: usize| (tap[axis] * shape.dilation[axis]) as i64;
    let end = |axis: usize| start(axis) + ((shape.output[axis] - 1) * shape.stride[axis]) as i64 + 1;
    let steps = shape.stride.map(|stride| stride as i64);
    emitter.slice(padded, &[2, 3], &[start(0), start(1)], &[end(0), end(1)], &steps)
}

/// The window's elements, row by row.
pub(super) fn taps(shape: &ConvolutionShape) -> impl Iterator<Item = [usize; 2]> + use<> {
    let [rows, columns] = shape.kernel;
    (0..rows).flat_map(move |row| (0..columns).map(move |column| [row, column]))
}

/// `[N, taps C, H'W']`: channels of the window's first element, then of its second, ... First across, then down.
pub(super) fn by_slices(emitter: &mut Emitter, x: &str, shape: &ConvolutionShape) -> Value {
    let padded = pad(emitter, x, shape);
    let across = lines(emitter, &padded, shape, 1);
    let columns = lines(emitter, &across, shape, 0);
    let [rows, positions] = [shape.taps() * shape.channels, shape.output[0] * shape.output[1]];
    emitter.reshape(&columns, &[0, rows as i64, positions as i64])
}

/// What lies under each of the window's elements along one axis, one after another as channels.
pub(super) fn lines(emitter: &mut Emitter, x: &str, shape: &ConvolutionShape, axis: usize) -> Value {
    if shape.kernel[axis] == 1 && shape.stride[axis] == 1 {
        return x.to_owned();
    }
    let (stride, length) =
        (shape.stride[axis] as i64, ((shape.output[axis] - 1) * shape.stride[axis] + 1) as i64);
    let slices: Vec<Value> = (0..shape.kernel[axis])
        .map(|tap| {
            let start = (tap * shape.dilation[axis]) as i64;
            emitter.slice(x, &[2 + axis as i64], &[start], &[start + length], &[stride])
        })
        .collect();
    emitter.concat(&slices, 1)
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
    let key = format!("one-hot kernels {} {height} {width}", shape.channels);
    let kernels = emitter.keyed_tensor(key, &[shape.channels * taps, 1, height, width], || kernels);
    let attributes =
        window_attributes(shape.kernel, shape.stride, shape.dilation, shape.pads, shape.channels);
    emitter.op("Conv", &[x, &kernels], attributes)
}

/// `[N H'W', taps C]` out of a channels-last image `[N, H, W, C]`.
pub(super) fn by_picking(emitter: &mut Emitter, x: &str, shape: &ConvolutionShape) -> Value {
    let width = (shape.size[1] + shape.pads[1] + shape.pads[3]) as i64;
    let padded = match shape.pads {
        [0, 0, 0, 0] => x.to_owned(),
        pads => {
            let [top, left, bottom, right] = pads.map(|pad| pad as i64);
            let pads = emitter.integers(&[0, top, left, 0, 0, bottom, right, 0]);
            emitter.op("Pad", &[x, &pads], Vec::new())
        }
    };
    let [rows, columns] = shape.output;
    let position = |axis: usize, step: usize, tap: usize| {
        (step * shape.stride[axis] + tap * shape.dilation[axis]) as i64
    };
    let mut places = Vec::with_capacity(rows * columns * shape.taps());
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        places.extend(
            taps(shape).map(|[down, across]| position(0, row, down) * width + position(1, column, across)),
        );
    }
    let places = emitter.integer_tensor(&[rows * columns, shape.taps()], &places);
    let flat = emitter.reshape(&padded, &[0, -1, shape.channels as i64]);
    let picked = emitter.op("Gather", &[&flat, &places], vec![("axis", Attribute::Int(1))]);
    emitter.reshape(&picked, &[-1, (shape.taps() * shape.channels) as i64])
}
