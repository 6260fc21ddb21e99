//! The gradients of a convolution with respect to its weights and its bias.

use super::{
    STEPS_AT_ONCE,
    forward::{frame, positions, taps},
    gather::{from_or_padded, samples_at_once},
};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        Kernel, Vectors,
        packing::{Block, Frame, blocks},
        panel::{Offsets, Panel, Start},
        team::{Team, ranges},
        transpose::transpose,
    },
};
use std::sync::{Mutex, PoisonError};

/// A planned weight gradient with its buffers.
#[derive(Debug)]
pub struct WeightGradient {
    plan: Plan,
    parts: Vec<Mutex<Part>>,
}

#[derive(Debug)]
struct Plan {
    shape: ConvolutionShape,
    frame: Frame,
    vectors: Vectors,
    blocks: Vec<Block>,
    taps: Offsets,
    positions: Offsets,
    at_once: usize,
}

/// What one thread adds up.
#[derive(Debug, Default)]
struct Part {
    padded: Vec<f32>,
    /// For each block `[positions, width]` of the output's gradient.
    upstream: Vec<Vec<f32>>,
    /// For each block `[channels taps, width]`.
    sums: Vec<Vec<f32>>,
    /// For each block `[width]`.
    bias: Vec<Vec<f32>>,
}

impl WeightGradient {
    /// Plans the gradient of a convolution that `is_known`.
    pub fn new(shape: &ConvolutionShape, vectors: Vectors) -> Self {
        let frame = frame(shape);
        let vectors = vectors.for_columns(shape.filters);
        let at_once = samples_at_once(shape.output[0] * shape.output[1]).min(shape.batch.max(1));
        let plan = Plan {
            shape: *shape,
            frame,
            vectors,
            blocks: blocks(shape.filters, vectors),
            taps: taps(shape, &frame),
            positions: positions(shape, &frame, at_once),
            at_once,
        };
        Self { plan, parts: Vec::new() }
    }

    /// x `[N, C, H, W]`, the output's gradient `[N, K, H', W']`, the weights' gradient `[K, C, h, w]` and, where it is
    /// wanted, the bias's `[K]`.
    pub fn differentiate(
        &mut self,
        (x, upstream): (&[f32], &[f32]),
        (dw, db): (&mut [f32], Option<&mut [f32]>),
        team: &dyn Team,
    ) {
        let plan = &self.plan;
        let [read, written] = plan.sample_sizes();
        let shares = ranges(upstream.len() / written.max(1), team.threads());
        self.parts.resize_with(shares.len(), Mutex::default);
        let parts = &self.parts;
        let bias = db.is_some();
        team.each(shares.len(), &|share| {
            let mut part = parts[share].lock().unwrap_or_else(PoisonError::into_inner);
            let std::ops::Range { start, end } = shares[share];
            part.compute(plan, &x[start * read..end * read], &upstream[start * written..end * written], bias);
        });
        self.finish(dw, db);
    }

    /// Adds up the parts, always in the same order.
    fn finish(&mut self, dw: &mut [f32], mut db: Option<&mut [f32]>) {
        let mut parts =
            self.parts.iter_mut().map(|part| part.get_mut().unwrap_or_else(PoisonError::into_inner));
        let Some(first) = parts.next() else { return };
        for part in parts {
            let all = first.sums.iter_mut().chain(&mut first.bias).zip(part.sums.iter().chain(&part.bias));
            all.for_each(|(sums, more)| sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more));
        }
        let steps = self.plan.taps.len();
        for ((block, sums), bias) in self.plan.blocks.iter().zip(&first.sums).zip(&first.bias) {
            transpose(sums, block.width, &mut dw[block.start * steps..], steps, [steps, block.used]);
            if let Some(db) = &mut db {
                db[block.start..block.start + block.used].copy_from_slice(&bias[..block.used]);
            }
        }
    }
}

impl Kernel for WeightGradient {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        match (inputs, outputs) {
            ([x, upstream], [dw]) => self.differentiate((x, upstream), (dw, None), team),
            ([x, upstream], [dw, db]) => self.differentiate((x, upstream), (dw, Some(db)), team),
            _ => {}
        }
    }
}

impl Plan {
    /// Floats of one sample of what is read and of the gradient.
    fn sample_sizes(&self) -> [usize; 2] {
        let ConvolutionShape { channels, size, filters, output, .. } = self.shape;
        [channels * size[0] * size[1], filters * output[0] * output[1]]
    }
}

impl Part {
    fn compute(&mut self, plan: &Plan, x: &[f32], upstream: &[f32], bias: bool) {
        let zeros = |rows: usize| plan.blocks.iter().map(|block| vec![0.0; rows * block.width]).collect();
        if self.sums.is_empty() {
            *self = Self {
                padded: Vec::new(),
                upstream: zeros(STEPS_AT_ONCE),
                sums: zeros(plan.taps.len()),
                bias: zeros(1),
            };
        }
        self.sums.iter_mut().chain(&mut self.bias).for_each(|sums| sums.fill(0.0));
        let [read, written] = plan.sample_sizes();
        for (x, upstream) in x.chunks(plan.at_once * read).zip(upstream.chunks(plan.at_once * written)) {
            self.group(plan, x, upstream, bias);
        }
    }

    /// Some samples that go together.
    fn group(&mut self, plan: &Plan, x: &[f32], upstream: &[f32], bias: bool) {
        let rows = upstream.len() / plan.shape.filters;
        let x = from_or_padded(&mut self.padded, &plan.frame, plan.shape.channels, x, plan.at_once);
        for first in (0..rows).step_by(STEPS_AT_ONCE) {
            let last = (first + STEPS_AT_ONCE).min(rows);
            for (index, block) in plan.blocks.iter().enumerate() {
                let packed = &mut self.upstream[index];
                plan.pack(upstream, block, (first, last), packed);
                if bias {
                    add_rows(&packed[..(last - first) * block.width], &mut self.bias[index]);
                }
                let panel = Panel {
                    a: x,
                    rows: plan.taps.part(0, plan.taps.len()),
                    steps: plan.positions.narrow_part(first, last),
                    b: packed,
                    c: &mut self.sums[index],
                    columns: block.width,
                    start: Start::Kept,
                    rectified: false,
                };
                panel.compute(plan.vectors);
            }
        }
    }
}

impl Plan {
    /// From `[samples, filters, positions]` to `[positions of some samples, width]`.
    fn pack(&self, upstream: &[f32], block: &Block, (first, last): (usize, usize), packed: &mut [f32]) {
        let count = self.shape.output[0] * self.shape.output[1];
        let mut row = first;
        while row < last {
            let (sample, position) = (row / count, row % count);
            let rows = (count - position).min(last - row);
            let from = &upstream[(sample * self.shape.filters + block.start) * count + position..];
            let to = &mut packed[(row - first) * block.width..];
            transpose(from, count, to, block.width, [block.used, rows]);
            row += rows;
        }
    }
}

fn add_rows(rows: &[f32], sums: &mut [f32]) {
    for row in rows.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}
