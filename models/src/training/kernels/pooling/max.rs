//! The maximum of each window, and its gradient.
//!
//! NaN is neither greater nor smaller than anything. A window goes through its elements row by row, what lies beyond the
//! image as -infinity, and forgets at each NaN what it has seen: it has the maximum of what stands behind its last NaN,
//! and NaN where nothing does. Its gradient goes to the first element that equals its maximum, and to none where that is
//! NaN. So a plane of NaN alone becomes NaN, but for windows that end beyond the image (-infinity). ONNX Runtime's
//! `MaxPool` is no measure for it: by sizes, and by whether places are asked for, it either passes over NaN, and has the
//! lowest finite number for a window of nothing else, or hands NaN on. To be like one of them would cost each step of
//! those trainings that are well; of one that is not, the loss tells.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole plane"
)]

use super::quads::Quads;
use crate::{
    graph::operators::window::PoolShape,
    training::kernels::{
        Kernel, Team,
        columns::{Columns, Gradients, WINDOWS, load_windows, store_windows},
        division::ranges,
        team::{Shares, chunks},
    },
};
use std::{
    arch::x86_64::{
        _CMP_EQ_OQ, _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps, _mm256_cmp_ps, _mm256_loadu_ps,
        _mm256_max_ps, _mm256_set1_ps, _mm256_storeu_ps,
    },
    sync::{Mutex, PoisonError},
};

/// A planned maximum pool.
#[derive(Debug)]
pub struct MaxPool {
    shape: PoolShape,
    way: Way,
    scratch: Vec<Part>,
}

/// A planned gradient of a maximum pool. The first of equal maxima of a window gets all of its gradient.
#[derive(Debug)]
pub struct MaxPoolGradient {
    shape: PoolShape,
    way: Way,
    parts: Vec<Mutex<Part>>,
}

/// How a plane's windows are read.
#[derive(Debug)]
enum Way {
    /// Four at a time, straight from the image.
    Quads(Quads),
    /// From the plane taken apart; what windows give back is added up at the end.
    Columns(Box<(Columns, Gradients)>),
}

impl Way {
    fn of(shape: &PoolShape) -> Self {
        Quads::of(shape).map_or_else(|| Self::by_columns(Columns::new(shape)), Self::Quads)
    }

    fn by_columns(columns: Columns) -> Self {
        let gradients = Gradients::of(&columns);
        Self::Columns(Box::new((columns, gradients)))
    }
}

/// What one thread needs to itself.
#[derive(Debug, Default)]
struct Part {
    /// The plane, taken apart; what lies beyond it never wins.
    seen: Vec<f32>,
    /// What windows give to its elements.
    given: Vec<f32>,
}

impl MaxPool {
    /// Plans a pool.
    pub fn new(shape: &PoolShape) -> Self {
        Self { shape: *shape, way: Way::of(shape), scratch: Vec::new() }
    }
}

impl Kernel for MaxPool {
    /// x `[N, C, H, W]`; y `[N, C, H', W']`.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x], [y]) = (inputs, outputs) else { return };
        let Self { shape, way, scratch } = self;
        let way = &*way;
        let mut shares = Shares::new(shape.batch * shape.channels, team, scratch, (x, y));
        shares.each(team, |part, x, y| {
            // SAFETY: kernels run only where the processor has AVX2.
            unsafe {
                match way {
                    Way::Quads(quads) => quads.maxima(x, y),
                    Way::Columns(way) => maxima(shape, &way.0, &mut part.seen, x, y),
                }
            }
        });
    }
}

#[target_feature(enable = "avx2")]
fn maxima(shape: &PoolShape, columns: &Columns, seen: &mut Vec<f32>, x: &[f32], y: &mut [f32]) {
    seen.resize(columns.len(), f32::NEG_INFINITY);
    let [read, written] = shape.planes();
    for (x, y) in x.chunks_exact(read).zip(y.chunks_exact_mut(written)) {
        columns.split(x, seen);
        for (row, y) in y.chunks_exact_mut(shape.output[1]).enumerate() {
            // SAFETY: all windows of a row lie within what was taken apart.
            unsafe { row_of_maxima(columns, columns.window(row), seen, y) };
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn row_of_maxima(columns: &Columns, first: usize, seen: &[f32], row: &mut [f32]) {
    for window in (0..row.len()).step_by(WINDOWS) {
        let mut largest = _mm256_set1_ps(f32::NEG_INFINITY);
        for tap in columns.taps() {
            // SAFETY: the caller's promise.
            let value = unsafe { _mm256_loadu_ps(seen.as_ptr().add(first + window + tap)) };
            // Of NaN and a number the second operand is taken: a tap that is NaN, and the tap behind it.
            largest = _mm256_max_ps(largest, value);
        }
        store_windows(largest, row, window);
    }
}

impl MaxPoolGradient {
    /// Plans the gradient of a pool.
    pub fn new(shape: &PoolShape) -> Self {
        Self { shape: *shape, way: Way::of(shape), parts: Vec::new() }
    }
}

impl Kernel for MaxPoolGradient {
    /// x `[N, C, H, W]`, y and its gradient `[N, C, H', W']`; the gradient of x.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x, y, upstream], [dx]) = (inputs, outputs) else { return };
        let [read, written] = self.shape.planes();
        let shares = ranges(self.shape.batch * self.shape.channels, team.threads());
        self.parts.resize_with(shares.len(), Mutex::default);
        let own = chunks(dx, &shares, read);
        team.each(shares.len(), &|index| {
            let mut part = self.parts[index].lock().unwrap_or_else(PoisonError::into_inner);
            let mut dx = own[index].lock().unwrap_or_else(PoisonError::into_inner);
            let share = &shares[index];
            let x = &x[share.start * read..share.end * read];
            let [y, upstream] = [y, upstream].map(|all| &all[share.start * written..share.end * written]);
            // SAFETY: kernels run only where the processor has AVX2.
            unsafe {
                match &self.way {
                    Way::Quads(quads) => quads.shares_of_maxima([x, y, upstream], &mut dx),
                    Way::Columns(way) => {
                        shares_of_maxima(&self.shape, way, &mut part, [x, y, upstream], &mut dx);
                    }
                }
            }
        });
    }
}

#[target_feature(enable = "avx2")]
fn shares_of_maxima(
    shape: &PoolShape,
    (columns, gradients): &(Columns, Gradients),
    part: &mut Part,
    [x, y, upstream]: [&[f32]; 3],
    dx: &mut [f32],
) {
    part.seen.resize(columns.len(), f32::NEG_INFINITY);
    part.given.resize(gradients.len(), 0.0);
    let [read, written] = shape.planes();
    let width = shape.output[1];
    let outputs = y.chunks_exact(written).zip(upstream.chunks_exact(written));
    for ((x, dx), (y, upstream)) in x.chunks_exact(read).zip(dx.chunks_exact_mut(read)).zip(outputs) {
        columns.split(x, &mut part.seen);
        part.given.fill(0.0);
        for (row, (y, upstream)) in y.chunks_exact(width).zip(upstream.chunks_exact(width)).enumerate() {
            let from = &part.seen[columns.window(row)..];
            let to = &mut part.given[gradients.window(row)..];
            // SAFETY: all windows of a row lie within what was taken apart, and have a place for what they give.
            unsafe { give_away((columns, gradients), from, [y, upstream], to) };
        }
        gradients.join(&part.given, dx);
    }
}

/// Each window gives its gradient to the first of its elements that is its maximum. Windows that are there only to fill
/// a vector have no gradient.
#[target_feature(enable = "avx2")]
unsafe fn give_away(
    (columns, gradients): (&Columns, &Gradients),
    seen: &[f32],
    [y, upstream]: [&[f32]; 2],
    to: &mut [f32],
) {
    for window in (0..y.len()).step_by(WINDOWS) {
        let y = load_windows(y, window);
        let mut left = load_windows(upstream, window);
        for (tap, place) in columns.taps().iter().zip(gradients.taps()) {
            // SAFETY: the caller's promise.
            unsafe {
                let value = _mm256_loadu_ps(seen.as_ptr().add(window + tap));
                let won = _mm256_cmp_ps::<_CMP_EQ_OQ>(value, y);
                let to = to.as_mut_ptr().add(window + place);
                _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), _mm256_and_ps(won, left)));
                left = _mm256_andnot_ps(won, left);
            }
        }
    }
}
