//! The convolution itself, with its bias and, where it is wanted, a rectifier behind it.

use super::gather::{Gather, Given, Phase, Positions, Scratch, samples_at_once};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        Kernel, Vectors,
        packing::Frame,
        panel::Offsets,
        team::{Shares, Team},
        transpose::transpose,
    },
};

/// A planned convolution with its buffers.
#[derive(Debug)]
pub struct Forward {
    gather: Gather,
    phase: [Phase; 1],
    at_once: usize,
    packed: [Vec<f32>; 1],
    bias: Vec<f32>,
    rectified: bool,
    scratch: Vec<Scratch>,
}

/// The image of a convolution with its zeros.
pub(super) fn frame(shape: &ConvolutionShape) -> Frame {
    let [top, left, bottom, right] = shape.pads;
    let [height, width] = shape.size;
    Frame { size: shape.size, before: [top, left], padded: [height + top + bottom, width + left + right] }
}

/// Offsets of the first tap of each position, for some samples.
pub(super) fn positions(shape: &ConvolutionShape, frame: &Frame, samples: usize) -> Offsets {
    let [down, across] = shape.stride;
    let sample = shape.channels * frame.plane();
    let mut offsets = Vec::with_capacity(samples * shape.output[0] * shape.output[1]);
    for first in (0..samples).map(|index| index * sample) {
        for row in (0..shape.output[0]).map(|row| first + row * down * frame.padded[1]) {
            offsets.extend((0..shape.output[1]).map(|column| (row + column * across) as u32));
        }
    }
    Offsets::new(offsets)
}

/// Offsets of (channel, tap) pairs, in the order of the weights.
pub(super) fn taps(shape: &ConvolutionShape, frame: &Frame) -> Offsets {
    let [down, across] = shape.dilation;
    let mut offsets = Vec::with_capacity(shape.channels * shape.taps());
    for plane in (0..shape.channels).map(|channel| channel * frame.plane()) {
        for row in (0..shape.kernel[0]).map(|row| plane + row * down * frame.padded[1]) {
            offsets.extend((0..shape.kernel[1]).map(|column| (row + column * across) as u32));
        }
    }
    Offsets::new(offsets)
}

impl Forward {
    /// Plans a convolution that `is_known`.
    /// Where `rectified`, negative results become 0.
    pub fn new(shape: &ConvolutionShape, rectified: bool, vectors: Vectors) -> Self {
        let frame = frame(shape);
        let count = shape.output[0] * shape.output[1];
        let gather = Gather::new(frame, shape.channels, count, shape.filters, vectors);
        let gather = if shape.stride[1] == 1 { gather.along(shape.output[1]) } else { gather };
        let at_once = samples_at_once(count).min(shape.batch.max(1));
        let positions = Positions { rows: positions(shape, &frame, at_once), targets: None, count };
        let phase = [Phase { positions, steps: taps(shape, &frame) }];
        let packed = [vec![0.0; gather.packed_len(phase[0].steps.len())]];
        let bias = vec![0.0; gather.packed_len(1)];
        Self { gather, phase, at_once, packed, bias, rectified, scratch: Vec::new() }
    }

    /// x `[N, C, H, W]`, weights `[K, C, h, w]`, bias `[K]`, y `[N, K, H', W']`.
    pub fn convolve(
        &mut self,
        (x, weights, bias): (&[f32], &[f32], Option<&[f32]>),
        y: &mut [f32],
        team: &dyn Team,
    ) {
        self.pack(weights);
        if let Some(bias) = bias {
            self.bias[..bias.len()].copy_from_slice(bias);
        }
        let Self { gather, phase, at_once, packed, bias: filled, rectified, scratch } = self;
        let given = Given { packed, bias: bias.map(|_| filled.as_slice()), rectified: *rectified };
        let samples = y.len() / (gather.columns * gather.plane).max(1);
        let mut shares = Shares::new(samples, team, scratch, (x, y));
        shares.each(team, |scratch, x, y| gather.compute(&*phase, &given, *at_once, (x, y), scratch));
    }

    fn pack(&mut self, weights: &[f32]) {
        let steps = self.phase[0].steps.len();
        let mut packed = self.packed[0].as_mut_slice();
        for block in &self.gather.blocks {
            let (own, rest) = packed.split_at_mut(steps * block.width);
            transpose(&weights[block.start * steps..], steps, own, block.width, [block.used, steps]);
            packed = rest;
        }
    }
}

impl Kernel for Forward {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        if let ([x, weights, bias @ ..], [y]) = (inputs, outputs) {
            self.convolve((x, weights, bias.first().copied()), y, team);
        }
    }
}
