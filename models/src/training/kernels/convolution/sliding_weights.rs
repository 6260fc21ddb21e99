//! The gradients of a convolution with few filters with respect to its weights and its bias: positions that lie side by
//! side in a row fill vectors, where `weight_gradient` fills them with filters.
//!
//! Each (channel, tap) pair and filter has a vector of sums, which is added up at the end.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole sample"
)]

use super::{
    forward::{frame, taps},
    sliding::{self, nearly_equal},
    weights_by_threads::{ByThreads, Way},
};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        lanes::{Eight, Lanes},
        packing::Frame,
        panel::Offsets,
    },
};

/// Positions of a vector.
const LANES: usize = Eight::WIDTH;
/// Filters that are computed together, at most.
const FILTERS_MAX: usize = 4;
/// (Channel, tap) pairs that are computed together with so many filters, and with fewer.
const PAIRS: [usize; 2] = [2, 3];

/// Of this many products of the way by filters, at most so many are left for this one to pay: each of its products reads
/// more.
const WORTH: (usize, usize) = (7, 8);

/// Whether this way pays.
pub(super) fn pays(shape: &ConvolutionShape) -> bool {
    let (line, filters) = (shape.output[1], shape.filters);
    let [by_positions, by_filters] = sliding::products(line, filters);
    let is_less = WORTH.1 * by_positions <= WORTH.0 * by_filters;
    shape.groups == 1 && shape.stride[1] == 1 && line > LANES && is_less
}

/// A planned weight gradient with its buffers.
pub type SlidingWeightGradient = ByThreads<Plan>;

/// How it is computed.
#[derive(Debug)]
pub struct Plan {
    shape: ConvolutionShape,
    frame: Frame,
    /// (Channel, tap) pairs.
    taps: Offsets,
    /// Positions of a row, filled up to whole vectors.
    across: usize,
}

/// What one thread adds up.
#[derive(Debug, Default)]
pub struct Part {
    /// The image with its zeros, and room for a vector behind it.
    padded: Vec<f32>,
    /// `[filters, rows, across]` of the output's gradient; zeros beyond a row's positions.
    upstream: Vec<f32>,
    /// `[pairs, filters, LANES]`.
    sums: Vec<f32>,
    /// `[filters, LANES]`.
    bias: Vec<f32>,
}

impl SlidingWeightGradient {
    /// Plans the gradient of a convolution with a single group and stride 1 across.
    pub fn new(shape: &ConvolutionShape) -> Self {
        let frame = frame(shape);
        let across = shape.output[1].next_multiple_of(LANES);
        let plan = Plan { shape: *shape, frame, taps: taps(shape, &frame), across };
        Self::planned(plan)
    }
}

impl Way for Plan {
    type Part = Part;

    fn sample_sizes(&self) -> [usize; 2] {
        let ConvolutionShape { channels, size, filters, output, .. } = self.shape;
        [channels * size[0] * size[1], filters * output[0] * output[1]]
    }

    fn compute(&self, part: &mut Part, x: &[f32], upstream: &[f32], _: bool) {
        part.begin(self);
        let [read, written] = self.sample_sizes();
        for (x, upstream) in x.chunks_exact(read).zip(upstream.chunks_exact(written)) {
            part.add_sample(self, x, upstream);
        }
    }

    fn finish(&self, parts: Vec<&mut Part>, dw: &mut [f32], db: Option<&mut [f32]>) {
        let (pairs, filters) = (self.taps.len(), self.shape.filters);
        dw.fill(0.0);
        for part in &parts {
            for (number, sums) in part.sums.chunks_exact(LANES).enumerate() {
                let (pair, filter) = (number / filters, number % filters);
                dw[filter * pairs + pair] += sums.iter().sum::<f32>();
            }
        }
        let Some(db) = db else { return };
        db.fill(0.0);
        for part in &parts {
            for (db, sums) in db.iter_mut().zip(part.bias.chunks_exact(LANES)) {
                *db += sums.iter().sum::<f32>();
            }
        }
    }
}

impl Part {
    fn begin(&mut self, plan: &Plan) {
        let ConvolutionShape { channels, filters, output, .. } = plan.shape;
        self.padded.resize(channels * plan.frame.plane() + LANES, 0.0);
        self.upstream.resize(filters * output[0] * plan.across, 0.0);
        self.sums.clear();
        self.sums.resize(plan.taps.len() * filters * LANES, 0.0);
        self.bias.clear();
        self.bias.resize(filters * LANES, 0.0);
    }

    fn add_sample(&mut self, plan: &Plan, x: &[f32], upstream: &[f32]) {
        plan.frame.fill(x, &mut self.padded);
        let line = plan.shape.output[1];
        for (from, to) in upstream.chunks_exact(line).zip(self.upstream.chunks_exact_mut(plan.across)) {
            to[..line].copy_from_slice(from);
        }
        let rows = self.upstream.chunks_exact(plan.shape.output[0] * plan.across);
        for (upstream, sums) in rows.zip(self.bias.chunks_exact_mut(LANES)) {
            for values in upstream.chunks_exact(LANES) {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        plan.check(self);
        // SAFETY: kernels run only where the processor has AVX2; the bounds were checked just now.
        unsafe { plan.by_tiles(&self.padded, &self.upstream, &mut self.sums) }
    }
}

impl Plan {
    /// Elements from a row of positions to the next in the image.
    fn down(&self) -> usize {
        self.shape.stride[0] * self.frame.padded[1]
    }

    /// That all vectors lie within what they are read from and written to.
    fn check(&self, part: &Part) {
        let ConvolutionShape { filters, output, .. } = self.shape;
        let pairs = self.taps.part(0, self.taps.len());
        let last = pairs.largest() + (output[0] - 1) * self.down() + self.across;
        assert!(last <= part.padded.len());
        assert!(filters * output[0] * self.across <= part.upstream.len());
        assert!(pairs.values().len() * filters * LANES <= part.sums.len());
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn by_tiles(&self, x: &[f32], upstream: &[f32], sums: &mut [f32]) {
        for (first, last) in nearly_equal(self.shape.filters, FILTERS_MAX) {
            let pairs = PAIRS[usize::from(last - first < FILTERS_MAX)];
            for pair in nearly_equal(self.taps.len(), pairs) {
                // SAFETY: as for the whole sample.
                unsafe {
                    match last - first {
                        1 => self.by_pairs::<1>(pair, first, x, upstream, sums),
                        2 => self.by_pairs::<2>(pair, first, x, upstream, sums),
                        3 => self.by_pairs::<3>(pair, first, x, upstream, sums),
                        _ => self.by_pairs::<FILTERS_MAX>(pair, first, x, upstream, sums),
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn by_pairs<const F: usize>(
        &self,
        (first, last): (usize, usize),
        filter: usize,
        x: &[f32],
        upstream: &[f32],
        sums: &mut [f32],
    ) {
        unsafe {
            match last - first {
                1 => self.tile::<F, 1>(first, filter, x, upstream, sums),
                2 => self.tile::<F, 2>(first, filter, x, upstream, sums),
                _ => self.tile::<F, 3>(first, filter, x, upstream, sums),
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<const F: usize, const P: usize>(
        &self,
        pair: usize,
        filter: usize,
        x: &[f32],
        upstream: &[f32],
        sums: &mut [f32],
    ) {
        unsafe {
            let ConvolutionShape { filters, output, .. } = self.shape;
            let offsets = self.taps.part(pair, pair + P);
            let plane = output[0] * self.across;
            let place = |pair_index: usize, filter_index: usize| {
                ((pair + pair_index) * filters + filter + filter_index) * LANES
            };
            let mut totals: [[<Eight as Lanes>::Vector; F]; P] = std::array::from_fn(|one| {
                std::array::from_fn(|other| Eight::load(sums.as_ptr().add(place(one, other))))
            });
            for row in 0..output[0] {
                let images: [*const f32; P] = std::array::from_fn(|index| {
                    x.as_ptr().add(offsets.values()[index] as usize + row * self.down())
                });
                let gradients: [*const f32; F] = std::array::from_fn(|index| {
                    upstream.as_ptr().add((filter + index) * plane + row * self.across)
                });
                for column in (0..self.across).step_by(LANES) {
                    let image = images.map(|image| Eight::load(image.add(column)));
                    for (index, gradient) in gradients.iter().enumerate() {
                        let gradient = Eight::load(gradient.add(column));
                        for (totals, image) in totals.iter_mut().zip(&image) {
                            totals[index] = Eight::fused(gradient, *image, totals[index]);
                        }
                    }
                }
            }
            for (one, totals) in totals.iter().enumerate() {
                for (other, total) in totals.iter().enumerate() {
                    Eight::store(sums.as_mut_ptr().add(place(one, other)), *total);
                }
            }
        }
    }
}
