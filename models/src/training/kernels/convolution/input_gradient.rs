//! The gradient of a convolution with respect to its input.
//!
//! Where the stride is not 1, elements of the image fall into phases: those whose distance to the first tap leaves the
//! same rest. Each phase sees its own taps, and is a convolution with stride 1 of the output's gradient.

use super::gather::{Gather, Given, Phase, Positions, Scratch, samples_at_once};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        Kernel, Vectors,
        packing::Frame,
        panel::Offsets,
        team::{Shares, Team},
    },
};

/// A planned input gradient with its buffers.
#[derive(Debug)]
pub struct InputGradient {
    shape: ConvolutionShape,
    gather: Gather,
    phases: Vec<Phase>,
    /// Taps of each phase, in the order of its steps.
    taps: Vec<Vec<usize>>,
    at_once: usize,
    packed: Vec<Vec<f32>>,
    /// Whether there are elements that no window reaches.
    gaps: bool,
    scratch: Vec<Scratch>,
}

/// One axis of one phase.
struct Line {
    /// Taps, and how far before the position each reads.
    taps: Vec<(usize, usize)>,
    /// Elements of the image, and the position of each in the output.
    places: Vec<(usize, usize)>,
}

fn line(shape: &ConvolutionShape, axis: usize, rest: usize) -> Line {
    let (stride, dilation, pad) = (shape.stride[axis], shape.dilation[axis], shape.pads[axis]);
    let taps = (0..shape.kernel[axis]).map(|tap| (tap, tap * dilation));
    let taps =
        taps.filter(|(_, reach)| reach % stride == rest).map(|(tap, reach)| (tap, (reach - rest) / stride));
    let places = (0..shape.size[axis]).map(|place| (place, place + pad));
    let places =
        places.filter(|(_, reach)| reach % stride == rest).map(|(place, reach)| (place, reach / stride));
    Line { taps: taps.collect(), places: places.collect() }
}

/// The output's gradient with as many zeros around it as taps reach.
fn frame(shape: &ConvolutionShape) -> Frame {
    let before = [0, 1].map(|axis| shape.reach(axis) / shape.stride[axis]);
    let padded = [0, 1].map(|axis| {
        let last = (shape.size[axis] - 1 + shape.pads[axis]) / shape.stride[axis];
        before[axis] + shape.output[axis].max(last + 1)
    });
    Frame { size: shape.output, before, padded }
}

impl InputGradient {
    /// Plans the gradient of a convolution that `is_known`.
    pub fn new(shape: &ConvolutionShape, vectors: Vectors) -> Self {
        let frame = frame(shape);
        let plane = shape.size[0] * shape.size[1];
        let gather = Gather::new(frame, shape.filters, plane, shape.channels, vectors);
        let gather = if shape.stride == [1, 1] { gather.along(shape.size[1]) } else { gather };
        let at_once = samples_at_once(plane).min(shape.batch.max(1));
        let mut planned = Self {
            shape: *shape,
            gather,
            phases: Vec::new(),
            taps: Vec::new(),
            at_once,
            packed: Vec::new(),
            gaps: false,
            scratch: Vec::new(),
        };
        for rest in 0..shape.stride[0] {
            let rows = line(shape, 0, rest);
            (0..shape.stride[1]).for_each(|rest| planned.plan_phase(&rows, &line(shape, 1, rest)));
        }
        planned
    }

    fn plan_phase(&mut self, rows: &Line, columns: &Line) {
        if rows.places.is_empty() || columns.places.is_empty() {
            return;
        }
        if rows.taps.is_empty() || columns.taps.is_empty() {
            self.gaps = true;
            return;
        }
        let frame = self.gather.frame;
        let width = frame.padded[1];
        let mut steps = Vec::new();
        for plane in (0..self.shape.filters).map(|filter| filter * frame.plane()) {
            for (_, up) in &rows.taps {
                let row = plane + (frame.before[0] - up) * width + frame.before[1];
                steps.extend(columns.taps.iter().map(|(_, left)| (row - left) as u32));
            }
        }
        let across = self.shape.kernel[1];
        let taps = rows
            .taps
            .iter()
            .flat_map(|(row, _)| columns.taps.iter().map(move |(column, _)| row * across + column));
        self.taps.push(taps.collect());
        let steps = Offsets::new(steps);
        self.packed.push(vec![0.0; self.gather.packed_len(steps.len())]);
        let positions = self.positions(rows, columns);
        self.phases.push(Phase { positions, steps });
    }

    fn positions(&self, rows: &Line, columns: &Line) -> Positions {
        let frame = self.gather.frame;
        let sample = self.shape.filters * frame.plane();
        let mut offsets = Vec::new();
        for first in (0..self.at_once).map(|index| index * sample) {
            for row in rows.places.iter().map(|(_, position)| first + position * frame.padded[1]) {
                offsets.extend(columns.places.iter().map(|(_, position)| (row + position) as u32));
            }
        }
        let across = self.shape.size[1];
        let targets = rows.places.iter().flat_map(|(row, _)| {
            columns.places.iter().map(move |(column, _)| (row * across + column) as u32)
        });
        let targets = (self.shape.stride != [1, 1]).then(|| targets.collect());
        let count = rows.places.len() * columns.places.len();
        Positions { rows: Offsets::new(offsets), targets, count }
    }

    /// Weights `[K, C, h, w]`, the output's gradient `[N, K, H', W']`, the input's gradient `[N, C, H, W]`.
    pub fn differentiate(&mut self, (weights, upstream): (&[f32], &[f32]), dx: &mut [f32], team: &dyn Team) {
        self.pack(weights);
        if self.gaps {
            dx.fill(0.0);
        }
        let Self { gather, phases, at_once, packed, scratch, .. } = self;
        let given = Given { packed, bias: None, rectified: false };
        let samples = dx.len() / (gather.columns * gather.plane).max(1);
        let mut shares = Shares::new(samples, team, scratch, (upstream, dx));
        shares.each(team, |scratch, upstream, dx| {
            gather.compute(phases, &given, *at_once, (upstream, dx), scratch);
        });
    }

    fn pack(&mut self, weights: &[f32]) {
        let (all, channels) = (self.shape.taps(), self.shape.channels);
        for (taps, packed) in self.taps.iter().zip(&mut self.packed) {
            let mut packed = packed.as_mut_slice();
            for block in &self.gather.blocks {
                let (own, rest) = packed.split_at_mut(self.shape.filters * taps.len() * block.width);
                packed = rest;
                let rows =
                    (0..self.shape.filters).flat_map(|filter| taps.iter().map(move |tap| (filter, tap)));
                for ((filter, tap), row) in rows.zip(own.chunks_exact_mut(block.width)) {
                    let first = (filter * channels + block.start) * all + tap;
                    let from = weights[first..].iter().step_by(all);
                    row[..block.used].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

impl Kernel for InputGradient {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        if let ([weights, upstream], [dx]) = (inputs, outputs) {
            self.differentiate((weights, upstream), dx, team);
        }
    }
}
