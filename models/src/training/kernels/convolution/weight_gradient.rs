//! The gradients of a convolution with respect to its weights and its bias.

use super::{
    STEPS_AT_ONCE,
    forward::{frame, positions, taps},
    gather::{from_or_padded, samples_at_once},
    weights_by_threads::{BlockSums, ByThreads, Way},
};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        Vectors,
        packing::{Block, Frame, blocks},
        panel::{Offsets, Panel, Start},
        transpose::transpose,
    },
};

/// A planned weight gradient with its buffers.
pub type WeightGradient = ByThreads<Plan>;

/// How it is computed: taps times the packed gradient of the output.
#[derive(Debug)]
pub struct Plan {
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
pub struct Part {
    padded: Vec<f32>,
    /// For each block `[positions, width]` of the output's gradient.
    upstream: Vec<Vec<f32>>,
    /// Of the weights, for each block `[channels taps, width]`.
    sums: BlockSums,
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
        Self::planned(plan)
    }
}

impl Way for Plan {
    type Part = Part;

    fn sample_sizes(&self) -> [usize; 2] {
        let ConvolutionShape { channels, size, filters, output, .. } = self.shape;
        [channels * size[0] * size[1], filters * output[0] * output[1]]
    }

    fn compute(&self, part: &mut Part, x: &[f32], upstream: &[f32], bias: bool) {
        part.compute(self, x, upstream, bias);
    }

    fn finish(&self, parts: Vec<&mut Part>, dw: &mut [f32], db: Option<&mut [f32]>) {
        let Some(total) = BlockSums::total(parts.into_iter().map(|part| &mut part.sums)) else { return };
        total.write_bias(&self.blocks, db);
        let steps = self.taps.len();
        for (block, sums) in self.blocks.iter().zip(&total.weights) {
            transpose(sums, block.width, &mut dw[block.start * steps..], steps, [steps, block.used]);
        }
    }
}

impl Part {
    fn compute(&mut self, plan: &Plan, x: &[f32], upstream: &[f32], bias: bool) {
        let zeros = |rows: usize| plan.blocks.iter().map(|block| vec![0.0; rows * block.width]).collect();
        if self.sums.weights.is_empty() {
            *self = Self {
                padded: Vec::new(),
                upstream: zeros(STEPS_AT_ONCE),
                sums: BlockSums::zeros(&plan.blocks, plan.taps.len()),
            };
        }
        self.sums.clear();
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
                    self.sums.add_to_bias(index, &packed[..(last - first) * block.width]);
                }
                let panel = Panel {
                    a: x,
                    rows: plan.taps.part(0, plan.taps.len()),
                    steps: plan.positions.narrow_part(first, last),
                    b: packed,
                    c: &mut self.sums.weights[index],
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
