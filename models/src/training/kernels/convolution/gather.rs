//! A convolution as a product of gathered positions with packed weights: forward pass and input gradient alike.

use super::{
    STEPS_AT_ONCE,
    sliding::{self, Row},
};
use crate::training::kernels::{
    Vectors,
    packing::{Block, Frame, blocks},
    panel::{Offsets, Panel, Start},
    transpose::transpose,
};

/// Samples whose small images are put together, at most.
pub(super) const SAMPLES_AT_ONCE_MAX: usize = 16;
/// Rows of a product that are worth being computed together; their sums take 12 KiB of 16 columns.
const ROWS_AT_ONCE: usize = 192;

/// Samples of which together there are enough positions.
pub(super) fn samples_at_once(positions: usize) -> usize {
    (ROWS_AT_ONCE / positions.max(1)).clamp(1, SAMPLES_AT_ONCE_MAX)
}

/// Where positions of some samples are read and written.
#[derive(Clone, Debug)]
pub(super) struct Positions {
    /// Offsets of the first tap, for as many samples as go at once.
    pub rows: Offsets,
    /// Element of the output's plane for each position of one sample; none where it is the position itself.
    pub targets: Option<Vec<u32>>,
    /// Positions of one sample.
    pub count: usize,
}

/// A gathering product that is planned: sizes and offsets.
#[derive(Clone, Debug)]
pub(super) struct Gather {
    /// How images are padded.
    pub frame: Frame,
    /// Channels of what is read.
    pub depth: usize,
    /// Elements of one channel of what is written.
    pub plane: usize,
    /// Channels of what is written.
    pub columns: usize,
    /// Blocks of them.
    pub blocks: Vec<Block>,
    /// Which vectors there are.
    vectors: Vectors,
    /// Positions of a row that lie side by side, where the product slides along them.
    line: Option<usize>,
}

/// What one thread needs to itself.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    padded: Vec<f32>,
    sums: Vec<f32>,
}

/// One phase: positions with the same taps.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    /// Where they are.
    pub positions: Positions,
    /// Offsets of (channel, tap) pairs, as many as the packed weights have rows.
    pub steps: Offsets,
}

/// What is computed with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    /// Packed weights of each phase: for each block `[steps, width]`.
    pub packed: &'a [Vec<f32>],
    /// One number for each column, filled up to whole blocks.
    pub bias: Option<&'a [f32]>,
    /// Whether negative results become 0.
    pub rectified: bool,
}

impl Gather {
    pub fn new(frame: Frame, depth: usize, plane: usize, columns: usize, vectors: Vectors) -> Self {
        let blocks = blocks(columns, vectors.for_columns(columns));
        Self { frame, depth, plane, columns, blocks, vectors, line: None }
    }

    /// The same for a single phase of positions of which so many lie side by side in each row.
    #[must_use]
    pub fn along(self, line: usize) -> Self {
        Self { line: Some(line).filter(|line| sliding::pays(*line, self.columns, self.vectors)), ..self }
    }

    /// Floats of a panel with this many steps.
    pub fn packed_len(&self, steps: usize) -> usize {
        steps * self.blocks.iter().map(|block| block.width).sum::<usize>()
    }

    /// Each block with its part of a phase's packed weights.
    fn by_block<'a>(
        &'a self,
        mut packed: &'a [f32],
        phase: &Phase,
    ) -> impl Iterator<Item = (&'a Block, &'a [f32])> {
        let steps = phase.steps.len();
        self.blocks.iter().map(move |block| {
            let (own, rest) = packed.split_at(steps * block.width);
            packed = rest;
            (block, own)
        })
    }

    /// Computes some samples of which at most `at_once` go together.
    pub fn compute(
        &self,
        phases: &[Phase],
        given: &Given<'_>,
        at_once: usize,
        (from, to): (&[f32], &mut [f32]),
        scratch: &mut Scratch,
    ) {
        let (read, written) =
            (self.depth * self.frame.size[0] * self.frame.size[1], self.columns * self.plane);
        for (from, to) in from.chunks(at_once * read).zip(to.chunks_mut(at_once * written)) {
            let samples = from.len() / read;
            let Scratch { padded, sums } = &mut *scratch;
            let padded = from_or_padded(padded, &self.frame, self.depth, from, at_once);
            for (phase, packed) in phases.iter().zip(given.packed) {
                self.phase(phase, packed, given, padded, to, samples, sums);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "slices that change from call to call")]
    fn phase(
        &self,
        phase: &Phase,
        packed: &[f32],
        given: &Given<'_>,
        padded: &[f32],
        to: &mut [f32],
        samples: usize,
        sums: &mut Vec<f32>,
    ) {
        if let Some(line) = self.line {
            return self.slide(line, phase, packed, given, padded, to, samples);
        }
        let rows = samples * phase.positions.count;
        for first in (0..rows).step_by(ROWS_AT_ONCE) {
            let last = (first + ROWS_AT_ONCE).min(rows);
            for (block, own) in self.by_block(packed, phase) {
                sums.resize(ROWS_AT_ONCE * block.width, 0.0);
                self.block(phase, own, given, padded, (first, last), block, sums);
                self.write(phase, block, (first, last), sums, to);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "slices that change from call to call")]
    fn slide(
        &self,
        line: usize,
        phase: &Phase,
        packed: &[f32],
        given: &Given<'_>,
        padded: &[f32],
        to: &mut [f32],
        samples: usize,
    ) {
        let rows = phase.positions.rows.part(0, samples * phase.positions.count);
        let starts = rows.values().iter().step_by(line);
        let per_sample = phase.positions.count / line;
        for (number, start) in starts.enumerate() {
            let (sample, row) = (number / per_sample, number % per_sample);
            for (block, own) in self.by_block(packed, phase) {
                let row_of_columns = Row {
                    a: &padded[*start as usize..],
                    steps: phase.steps.part(0, phase.steps.len()),
                    b: own,
                    width: block.width,
                    columns: block.used,
                    line,
                    bias: given.bias.map(|bias| &bias[block.start..]),
                    rectified: given.rectified,
                };
                let first = (sample * self.columns + block.start) * self.plane + row * line;
                row_of_columns.compute(&mut to[first..], self.plane, self.vectors);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "slices that change from call to call")]
    fn block(
        &self,
        phase: &Phase,
        packed: &[f32],
        given: &Given<'_>,
        padded: &[f32],
        (first, last): (usize, usize),
        block: &Block,
        sums: &mut [f32],
    ) {
        let steps = phase.steps.len();
        for begin in (0..steps).step_by(STEPS_AT_ONCE) {
            let end = (begin + STEPS_AT_ONCE).min(steps);
            let start = match (begin, given.bias) {
                (0, Some(bias)) => Start::Columns(&bias[block.start..]),
                (0, None) => Start::Zero,
                _ => Start::Kept,
            };
            let panel = Panel {
                a: padded,
                rows: phase.positions.rows.narrow_part(first, last),
                steps: phase.steps.part(begin, end),
                b: &packed[begin * block.width..end * block.width],
                c: sums,
                columns: block.width,
                start,
                rectified: given.rectified && end == steps,
            };
            panel.compute(self.vectors.for_columns(self.columns));
        }
    }

    /// From `[positions, columns]` to `[samples, columns, plane]`.
    fn write(
        &self,
        phase: &Phase,
        block: &Block,
        (first, last): (usize, usize),
        sums: &[f32],
        to: &mut [f32],
    ) {
        let count = phase.positions.count;
        let mut row = first;
        while row < last {
            let (sample, position) = (row / count, row % count);
            let rows = (count - position).min(last - row);
            let sums = &sums[(row - first) * block.width..];
            let plane = &mut to[(sample * self.columns + block.start) * self.plane..];
            match &phase.positions.targets {
                None => {
                    transpose(sums, block.width, &mut plane[position..], self.plane, [rows, block.used]);
                }
                Some(targets) => {
                    let targets = &targets[position..position + rows];
                    scatter(sums, block.width, plane, self.plane, targets, block.used);
                }
            }
            row += rows;
        }
    }
}

fn scatter(sums: &[f32], width: usize, planes: &mut [f32], plane: usize, targets: &[u32], used: usize) {
    for (column, plane) in planes.chunks_mut(plane).take(used).enumerate() {
        for (row, target) in targets.iter().enumerate() {
            plane[*target as usize] = sums[row * width + column];
        }
    }
}

/// The images with zeros around them; as they are where there are to be none.
pub(super) fn from_or_padded<'a>(
    buffer: &'a mut Vec<f32>,
    frame: &Frame,
    depth: usize,
    from: &'a [f32],
    at_once: usize,
) -> &'a [f32] {
    if frame.is_bare() {
        return from;
    }
    buffer.resize(at_once * depth * frame.plane(), 0.0);
    frame.fill(from, buffer);
    buffer
}
