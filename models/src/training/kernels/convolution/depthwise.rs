//! Convolutions in which each channel has filters of its own, plane by plane: windows are columns of a vector.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole plane"
)]

use super::grouped::Pass;
use crate::{
    graph::operators::window::{ConvolutionShape, PoolShape},
    training::kernels::{
        Kernel, Team,
        columns::{Columns, Gradients, WINDOWS, load_windows, store_windows},
        division::ranges,
        team::chunks,
    },
};
use std::{
    arch::x86_64::{
        __m256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_set1_ps, _mm256_storeu_ps,
    },
    ops::Range,
    sync::{Mutex, PoisonError},
};

/// A planned depthwise convolution, or one of its gradients.
#[derive(Debug)]
pub struct Depthwise {
    pass: Pass,
    plan: Plan,
    parts: Vec<Mutex<Part>>,
}

#[derive(Debug)]
struct Plan {
    columns: Columns,
    gradients: Gradients,
    channels: usize,
    /// Filters of a channel.
    filters: usize,
    samples: usize,
    image: usize,
    output: usize,
    width: usize,
    rectified: bool,
}

/// What one thread needs to itself.
#[derive(Debug, Default)]
struct Part {
    /// The plane, taken apart.
    seen: Vec<f32>,
    /// What windows give to its elements.
    given: Vec<f32>,
    /// For each filter and tap a vector of sums, and one for its bias.
    sums: Vec<f32>,
}

impl Depthwise {
    /// Plans a convolution with as many groups as channels; where `rectified`, negative results become 0.
    pub fn new(pass: Pass, shape: &ConvolutionShape, rectified: bool) -> Self {
        let ConvolutionShape {
            batch, channels, size, filters, kernel, output, stride, dilation, pads, ..
        } = *shape;
        let windows = PoolShape { batch, channels, size, kernel, output, stride, pads };
        let columns = Columns::dilated(&windows, dilation);
        let plan = Plan {
            gradients: Gradients::of(&columns),
            columns,
            channels,
            filters: filters / channels,
            samples: batch,
            image: size[0] * size[1],
            output: output[0] * output[1],
            width: output[1],
            rectified,
        };
        Self { pass, plan, parts: Vec::new() }
    }
}

impl Plan {
    fn taps(&self) -> usize {
        self.columns.taps().len()
    }

    /// A filter of a channel among all filters.
    fn filter(&self, channel: usize, filter: usize) -> usize {
        channel * self.filters + filter
    }

    fn weights<'a>(&self, all: &'a [f32], filter: usize) -> &'a [f32] {
        &all[filter * self.taps()..(filter + 1) * self.taps()]
    }
}

impl Kernel for Depthwise {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let plan = &self.plan;
        let shares = ranges(plan.samples * plan.channels, team.threads());
        self.parts.resize_with(shares.len(), Mutex::default);
        let parts = &self.parts;
        let each = |work: &(dyn Fn(&mut Part, usize, Range<usize>) + Sync)| {
            team.each(shares.len(), &|share| {
                let mut part = parts[share].lock().unwrap_or_else(PoisonError::into_inner);
                part.prepare(plan);
                work(&mut part, share, shares[share].clone());
            });
        };
        match (self.pass, inputs, outputs) {
            (Pass::Forward, [x, weights, bias @ ..], [y]) => {
                let own = chunks(y, &shares, plan.filters * plan.output);
                each(&|part, share, planes| {
                    let mut y = own[share].lock().unwrap_or_else(PoisonError::into_inner);
                    // SAFETY: kernels run only where the processor has AVX2 and FMA.
                    unsafe { part.convolve(plan, (x, weights, bias.first().copied()), planes, &mut y) }
                });
            }
            (Pass::Input, [weights, upstream], [dx]) => {
                let own = chunks(dx, &shares, plan.image);
                each(&|part, share, planes| {
                    let mut dx = own[share].lock().unwrap_or_else(PoisonError::into_inner);
                    // SAFETY: kernels run only where the processor has AVX2 and FMA.
                    unsafe { part.spread(plan, (weights, upstream), planes, &mut dx) }
                });
            }
            (Pass::Weights, [x, upstream], [dw, db @ ..]) => {
                // SAFETY: kernels run only where the processor has AVX2 and FMA.
                each(&|part, _, planes| unsafe { part.add_up(plan, (x, upstream), planes) });
                self.finish(dw, db.first_mut().map(|db| &mut **db));
            }
            _ => {}
        }
    }
}

impl Depthwise {
    /// Adds up the parts and their vectors, always in the same order.
    fn finish(&mut self, dw: &mut [f32], mut db: Option<&mut [f32]>) {
        let taps = self.plan.taps();
        let parts = self.parts.iter_mut().map(|part| part.get_mut().unwrap_or_else(PoisonError::into_inner));
        let mut totals = vec![0.0; self.plan.channels * self.plan.filters * (taps + 1)];
        for part in parts {
            for (total, vector) in totals.iter_mut().zip(part.sums.chunks_exact(WINDOWS)) {
                *total += vector.iter().sum::<f32>();
            }
        }
        for (filter, totals) in totals.chunks_exact(taps + 1).enumerate() {
            dw[filter * taps..(filter + 1) * taps].copy_from_slice(&totals[..taps]);
            if let Some(db) = &mut db {
                db[filter] = totals[taps];
            }
        }
    }
}

impl Part {
    fn prepare(&mut self, plan: &Plan) {
        self.seen.resize(plan.columns.len(), 0.0);
        self.given.resize(plan.gradients.len(), 0.0);
        self.sums.clear();
        self.sums.resize(plan.channels * plan.filters * (plan.taps() + 1) * WINDOWS, 0.0);
    }

    #[target_feature(enable = "avx2,fma")]
    fn convolve(
        &mut self,
        plan: &Plan,
        (x, weights, bias): (&[f32], &[f32], Option<&[f32]>),
        planes: Range<usize>,
        y: &mut [f32],
    ) {
        for (plane, y) in planes.zip(y.chunks_exact_mut(plan.filters * plan.output)) {
            plan.columns.split(&x[plane * plan.image..(plane + 1) * plan.image], &mut self.seen);
            for (filter, y) in y.chunks_exact_mut(plan.output).enumerate() {
                let filter = plan.filter(plane % plan.channels, filter);
                let weights = plan.weights(weights, filter);
                let bias = bias.map_or(0.0, |bias| bias[filter]);
                for (row, y) in y.chunks_exact_mut(plan.width).enumerate() {
                    // SAFETY: all windows of a row lie within what was taken apart.
                    unsafe { self.row_of_sums(plan, plan.columns.window(row), (weights, bias), y) };
                }
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn row_of_sums(&self, plan: &Plan, first: usize, (weights, bias): (&[f32], f32), row: &mut [f32]) {
        let least = _mm256_set1_ps(if plan.rectified { 0.0 } else { f32::NEG_INFINITY });
        for window in (0..row.len()).step_by(WINDOWS) {
            let mut sum = _mm256_set1_ps(bias);
            for (tap, weight) in plan.columns.taps().iter().zip(weights) {
                // SAFETY: the caller's promise.
                let under = unsafe { _mm256_loadu_ps(self.seen.as_ptr().add(first + window + tap)) };
                sum = _mm256_fmadd_ps(_mm256_set1_ps(*weight), under, sum);
            }
            // With the operands in this order, what is no number is handed on.
            store_windows(_mm256_max_ps(least, sum), row, window);
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn spread(
        &mut self,
        plan: &Plan,
        (weights, upstream): (&[f32], &[f32]),
        planes: Range<usize>,
        dx: &mut [f32],
    ) {
        let each = plan.filters * plan.output;
        for (plane, dx) in planes.zip(dx.chunks_exact_mut(plan.image)) {
            self.given.fill(0.0);
            let upstream = &upstream[plane * each..(plane + 1) * each];
            for (filter, upstream) in upstream.chunks_exact(plan.output).enumerate() {
                let weights = plan.weights(weights, plan.filter(plane % plan.channels, filter));
                for (row, upstream) in upstream.chunks_exact(plan.width).enumerate() {
                    // SAFETY: all windows of a row have a place for what they give.
                    unsafe { self.add_row(plan, plan.gradients.window(row), weights, upstream) };
                }
            }
            plan.gradients.join(&self.given, dx);
        }
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn add_row(&mut self, plan: &Plan, first: usize, weights: &[f32], upstream: &[f32]) {
        for window in (0..upstream.len()).step_by(WINDOWS) {
            let upstream = load_windows(upstream, window);
            for (place, weight) in plan.gradients.taps().iter().zip(weights) {
                // SAFETY: the caller's promise.
                unsafe {
                    let to = self.given.as_mut_ptr().add(first + window + place);
                    let sum = _mm256_fmadd_ps(_mm256_set1_ps(*weight), upstream, _mm256_loadu_ps(to));
                    _mm256_storeu_ps(to, sum);
                }
            }
        }
    }

    #[target_feature(enable = "avx2,fma")]
    fn add_up(&mut self, plan: &Plan, (x, upstream): (&[f32], &[f32]), planes: Range<usize>) {
        let each = plan.filters * plan.output;
        for plane in planes {
            plan.columns.split(&x[plane * plan.image..(plane + 1) * plan.image], &mut self.seen);
            let upstream = &upstream[plane * each..(plane + 1) * each];
            for (filter, upstream) in upstream.chunks_exact(plan.output).enumerate() {
                let first = plan.filter(plane % plan.channels, filter) * (plan.taps() + 1) * WINDOWS;
                for (row, upstream) in upstream.chunks_exact(plan.width).enumerate() {
                    // SAFETY: all windows of a row lie within what was taken apart; the filter has sums for all taps.
                    unsafe { self.add_products(plan, plan.columns.window(row), first, upstream) };
                }
            }
        }
    }

    /// Windows that are there only to fill a vector have no gradient.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn add_products(&mut self, plan: &Plan, first: usize, sums: usize, upstream: &[f32]) {
        for window in (0..upstream.len()).step_by(WINDOWS) {
            let upstream = load_windows(upstream, window);
            // SAFETY: the caller's promise.
            unsafe {
                let sums = self.sums.as_mut_ptr().add(sums);
                for (number, tap) in plan.columns.taps().iter().enumerate() {
                    let under = _mm256_loadu_ps(self.seen.as_ptr().add(first + window + tap));
                    add_product(sums.add(number * WINDOWS), upstream, under);
                }
                add_product(sums.add(plan.taps() * WINDOWS), upstream, _mm256_set1_ps(1.0));
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn add_product(sum: *mut f32, one: __m256, other: __m256) {
    // SAFETY: the caller has a vector's room behind the pointer.
    unsafe { _mm256_storeu_ps(sum, _mm256_fmadd_ps(one, other, _mm256_loadu_ps(sum))) }
}
