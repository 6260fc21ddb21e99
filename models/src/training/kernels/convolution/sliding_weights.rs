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
    sliding,
    weights_by_threads::{ByThreads, Way},
};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        Vectors,
        division::of_at_most,
        lanes::{Eight, Lanes, Sixteen},
        packing::Frame,
        panel::Offsets,
    },
};

/// Filters that are computed together, at most.
const FILTERS_MAX: usize = 4;

/// Of this many products of the way by filters, at most so many are left for this one to pay: each of its products reads
/// more.
const WORTH: (usize, usize) = (7, 8);

/// Whether this way pays.
pub(super) fn pays(shape: &ConvolutionShape, vectors: Vectors) -> bool {
    let (line, filters) = (shape.output[1], shape.filters);
    let by_positions = filters * line.div_ceil(vectors.width());
    let [_, by_filters] = sliding::products(line, filters, vectors);
    let is_less = WORTH.1 * by_positions <= WORTH.0 * by_filters;
    shape.groups == 1 && shape.stride[1] == 1 && line > Vectors::Eight.width() && is_less
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
    /// What holds them.
    vectors: Vectors,
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
    /// `[pairs, filters, floats of a vector]`.
    sums: Vec<f32>,
    /// `[filters, floats of a vector]`.
    bias: Vec<f32>,
}

impl SlidingWeightGradient {
    /// Plans the gradient of a convolution with a single group and stride 1 across.
    pub fn new(shape: &ConvolutionShape, vectors: Vectors) -> Self {
        let frame = frame(shape);
        let across = shape.output[1].next_multiple_of(vectors.width());
        let plan = Plan { shape: *shape, frame, taps: taps(shape, &frame), vectors, across };
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
        let (pairs, filters, lanes) = (self.taps.len(), self.shape.filters, self.vectors.width());
        dw.fill(0.0);
        for part in &parts {
            for (number, sums) in part.sums.chunks_exact(lanes).enumerate() {
                let (pair, filter) = (number / filters, number % filters);
                dw[filter * pairs + pair] += sums.iter().sum::<f32>();
            }
        }
        let Some(db) = db else { return };
        db.fill(0.0);
        for part in &parts {
            for (db, sums) in db.iter_mut().zip(part.bias.chunks_exact(lanes)) {
                *db += sums.iter().sum::<f32>();
            }
        }
    }
}

impl Part {
    fn begin(&mut self, plan: &Plan) {
        let ConvolutionShape { channels, filters, output, .. } = plan.shape;
        let lanes = plan.vectors.width();
        self.padded.resize(channels * plan.frame.plane() + lanes, 0.0);
        self.upstream.resize(filters * output[0] * plan.across, 0.0);
        self.sums.clear();
        self.sums.resize(plan.taps.len() * filters * lanes, 0.0);
        self.bias.clear();
        self.bias.resize(filters * lanes, 0.0);
    }

    fn add_sample(&mut self, plan: &Plan, x: &[f32], upstream: &[f32]) {
        plan.frame.fill(x, &mut self.padded);
        let (line, lanes) = (plan.shape.output[1], plan.vectors.width());
        for (from, to) in upstream.chunks_exact(line).zip(self.upstream.chunks_exact_mut(plan.across)) {
            to[..line].copy_from_slice(from);
        }
        let rows = self.upstream.chunks_exact(plan.shape.output[0] * plan.across);
        for (upstream, sums) in rows.zip(self.bias.chunks_exact_mut(lanes)) {
            for values in upstream.chunks_exact(lanes) {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        plan.check(self);
        let Self { padded, upstream, sums, .. } = self;
        // SAFETY: `Vectors` are only made where the processor has them; the bounds were checked just now.
        unsafe {
            match plan.vectors {
                Vectors::Eight => plan.by_eights(padded, upstream, sums),
                Vectors::Sixteen => plan.by_sixteens(padded, upstream, sums),
            }
        }
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
        assert!(pairs.values().len() * filters * self.vectors.width() <= part.sums.len());
    }

    /// Four filters and two (channel, tap) pairs, or fewer filters and three: all sums stay in sixteen registers.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn by_eights(&self, x: &[f32], upstream: &[f32], sums: &mut [f32]) {
        // SAFETY: as for the whole sample.
        unsafe { self.by_tiles::<Eight>([3, 3, 3, 2], x, upstream, sums) }
    }

    /// Six (channel, tap) pairs: all sums stay in thirty-two registers.
    #[target_feature(enable = "avx512f")]
    unsafe fn by_sixteens(&self, x: &[f32], upstream: &[f32], sums: &mut [f32]) {
        // SAFETY: as for the whole sample.
        unsafe { self.by_tiles::<Sixteen>([6; FILTERS_MAX], x, upstream, sums) }
    }

    /// With one filter and up to four of them, so many (channel, tap) pairs at most.
    #[inline(always)]
    unsafe fn by_tiles<L: Lanes>(
        &self,
        pairs_max: [usize; FILTERS_MAX],
        x: &[f32],
        upstream: &[f32],
        sums: &mut [f32],
    ) {
        for (first, last) in of_at_most(self.shape.filters, FILTERS_MAX) {
            for pair in of_at_most(self.taps.len(), pairs_max[last - first - 1]) {
                // SAFETY: as for the whole sample.
                unsafe {
                    match last - first {
                        1 => self.by_pairs::<L, 1>(pair, first, x, upstream, sums),
                        2 => self.by_pairs::<L, 2>(pair, first, x, upstream, sums),
                        3 => self.by_pairs::<L, 3>(pair, first, x, upstream, sums),
                        _ => self.by_pairs::<L, FILTERS_MAX>(pair, first, x, upstream, sums),
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn by_pairs<L: Lanes, const F: usize>(
        &self,
        (first, last): (usize, usize),
        filter: usize,
        x: &[f32],
        upstream: &[f32],
        sums: &mut [f32],
    ) {
        unsafe {
            match last - first {
                1 => self.tile::<L, F, 1>(first, filter, x, upstream, sums),
                2 => self.tile::<L, F, 2>(first, filter, x, upstream, sums),
                3 => self.tile::<L, F, 3>(first, filter, x, upstream, sums),
                4 => self.tile::<L, F, 4>(first, filter, x, upstream, sums),
                5 => self.tile::<L, F, 5>(first, filter, x, upstream, sums),
                _ => self.tile::<L, F, 6>(first, filter, x, upstream, sums),
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes, const F: usize, const P: usize>(
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
                ((pair + pair_index) * filters + filter + filter_index) * L::WIDTH
            };
            let mut totals: [[L::Vector; F]; P] = std::array::from_fn(|one| {
                std::array::from_fn(|other| L::load(sums.as_ptr().add(place(one, other))))
            });
            for row in 0..output[0] {
                let images: [*const f32; P] = std::array::from_fn(|index| {
                    x.as_ptr().add(offsets.values()[index] as usize + row * self.down())
                });
                let gradients: [*const f32; F] = std::array::from_fn(|index| {
                    upstream.as_ptr().add((filter + index) * plane + row * self.across)
                });
                for column in (0..self.across).step_by(L::WIDTH) {
                    let image = images.map(|image| L::load(image.add(column)));
                    for (index, gradient) in gradients.iter().enumerate() {
                        let gradient = L::load(gradient.add(column));
                        for (totals, image) in totals.iter_mut().zip(&image) {
                            totals[index] = L::fused(gradient, *image, totals[index]);
                        }
                    }
                }
            }
            for (one, totals) in totals.iter().enumerate() {
                for (other, total) in totals.iter().enumerate() {
                    L::store(sums.as_mut_ptr().add(place(one, other)), *total);
                }
            }
        }
    }
}
