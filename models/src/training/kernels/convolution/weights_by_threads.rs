//! Weight gradients of a batch that threads share: each adds up those of some samples, and what they have found is put
//! together in the same order always.
//!
//! It must not know how the gradient of a sample is computed.

use crate::training::kernels::{Kernel, Team, division::ranges, packing::Block};
use std::{
    fmt::Debug,
    sync::{Mutex, PoisonError},
};

/// A way to compute weight gradients, planned for a shape.
pub(in crate::training::kernels) trait Way: Debug + Send + Sync {
    /// What one thread adds up.
    type Part: Debug + Default + Send;

    /// Floats of one sample of what the convolution reads, and of the output's gradient.
    fn sample_sizes(&self) -> [usize; 2];

    /// The gradients of some samples, added up from nothing on; that of the bias too, where it is wanted.
    fn compute(&self, part: &mut Self::Part, x: &[f32], upstream: &[f32], bias: bool);

    /// All parts put together, in their order: dw `[K, C, h, w]`, db `[K]`.
    fn finish(&self, parts: Vec<&mut Self::Part>, dw: &mut [f32], db: Option<&mut [f32]>);
}

/// A planned weight gradient with its buffers.
#[derive(Debug)]
pub struct ByThreads<W: Way> {
    way: W,
    parts: Vec<Mutex<W::Part>>,
}

impl<W: Way> ByThreads<W> {
    pub fn planned(way: W) -> Self {
        Self { way, parts: Vec::new() }
    }

    /// x `[N, C, H, W]`, the output's gradient `[N, K, H', W']`, the weights' gradient `[K, C, h, w]` and, where it is
    /// wanted, the bias's `[K]`.
    pub fn differentiate(
        &mut self,
        (x, upstream): (&[f32], &[f32]),
        (dw, db): (&mut [f32], Option<&mut [f32]>),
        team: &dyn Team,
    ) {
        let [read, written] = self.way.sample_sizes();
        let shares = ranges(upstream.len() / written.max(1), team.threads());
        self.parts.resize_with(shares.len(), Mutex::default);
        let (way, parts, bias) = (&self.way, &self.parts, db.is_some());
        team.each(shares.len(), &|share| {
            let mut part = parts[share].lock().unwrap_or_else(PoisonError::into_inner);
            let std::ops::Range { start, end } = shares[share];
            let (x, upstream) = (&x[start * read..end * read], &upstream[start * written..end * written]);
            way.compute(&mut part, x, upstream, bias);
        });
        let parts = self.parts.iter_mut().map(|part| part.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.way.finish(parts.collect(), dw, db);
    }
}

impl<W: Way> Kernel for ByThreads<W> {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        match (inputs, outputs) {
            ([x, upstream], [dw]) => self.differentiate((x, upstream), (dw, None), team),
            ([x, upstream], [dw, db]) => self.differentiate((x, upstream), (dw, Some(db)), team),
            _ => {}
        }
    }
}

/// What a way that goes by blocks of filters adds up.
#[derive(Debug, Default)]
pub struct BlockSums {
    /// For each block `[rows, width]`: what the weights' gradients come from.
    pub weights: Vec<Vec<f32>>,
    /// For each block `[width]`: the bias's gradient.
    bias: Vec<Vec<f32>>,
}

impl BlockSums {
    /// Nothing added up, of so many rows.
    pub fn zeros(blocks: &[Block], rows: usize) -> Self {
        let zeros = |rows: usize| blocks.iter().map(|block| vec![0.0; rows * block.width]).collect();
        Self { weights: zeros(rows), bias: zeros(1) }
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.weights.iter_mut().chain(&mut self.bias).for_each(|sums| sums.fill(0.0));
    }

    /// Adds rows `[.., width]` of the output's gradient to the bias's in this block.
    pub fn add_to_bias(&mut self, block: usize, rows: &[f32]) {
        let sums = &mut self.bias[block];
        for row in rows.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }

    /// All together, in their order, in the first of them.
    pub fn total<'a>(mut all: impl Iterator<Item = &'a mut Self>) -> Option<&'a Self> {
        let first = all.next()?;
        for other in all {
            let own = first.weights.iter_mut().chain(&mut first.bias);
            for (sums, more) in own.zip(other.weights.iter().chain(&other.bias)) {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
        Some(first)
    }

    /// Writes the bias's gradient down, where it is wanted.
    pub fn write_bias(&self, blocks: &[Block], db: Option<&mut [f32]>) {
        let Some(db) = db else { return };
        for (block, bias) in blocks.iter().zip(&self.bias) {
            db[block.start..block.start + block.used].copy_from_slice(&bias[..block.used]);
        }
    }
}
