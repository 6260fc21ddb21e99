//! The mean of each window, and its gradient; what lies beyond the image does not count.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole plane"
)]

use super::sliding::Sliding;
use crate::{
    graph::operators::window::PoolShape,
    training::kernels::{
        Kernel, Team,
        columns::{Columns, Gradients, WINDOWS, load_windows},
        team::Shares,
    },
};
use std::arch::x86_64::{_mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_storeu_ps};

/// A planned average pool.
#[derive(Debug)]
pub struct AveragePool {
    shape: PoolShape,
    sliding: Sliding,
    scratch: Vec<Vec<f32>>,
}

impl AveragePool {
    /// Plans a pool that is known here.
    pub fn new(shape: &PoolShape) -> Option<Self> {
        Some(Self { shape: *shape, sliding: Sliding::of(shape)?, scratch: Vec::new() })
    }
}

impl Kernel for AveragePool {
    /// x `[N, C, H, W]`; y `[N, C, H', W']`.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x], [y]) = (inputs, outputs) else { return };
        let Self { shape, sliding, scratch } = self;
        let mut shares = Shares::new(shape.batch * shape.channels, team, scratch, (x, y));
        // SAFETY: kernels run only where the processor has AVX2.
        shares.each(team, |sums, x, y| unsafe { sliding.means(x, y, sums) });
    }
}

/// A planned gradient of an average pool.
#[derive(Debug)]
pub struct AveragePoolGradient {
    shape: PoolShape,
    way: Way,
    scratch: Vec<Vec<f32>>,
}

/// How a plane is gone through.
#[derive(Debug)]
enum Way {
    Sliding(Sliding),
    /// Window by window; `[H', W']`: one divided by the number of values in a window.
    Windows(Gradients, Vec<f32>),
}

impl AveragePoolGradient {
    /// Plans the gradient of a pool.
    pub fn new(shape: &PoolShape) -> Self {
        let way = match Sliding::of(shape) {
            Some(sliding) => Way::Sliding(sliding),
            None => Way::Windows(Gradients::of(&Columns::new(shape)), weights(shape)),
        };
        Self { shape: *shape, way, scratch: Vec::new() }
    }
}

fn weights(shape: &PoolShape) -> Vec<f32> {
    let inside = |axis: usize, position: usize| {
        let (start, end) = shape.window(axis, position);
        (end - start) as f32
    };
    let [rows, columns] = shape.output;
    let positions = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    positions.map(|(row, column)| 1.0 / (inside(0, row) * inside(1, column))).collect()
}

impl Kernel for AveragePoolGradient {
    /// The gradient of y `[N, C, H', W']`; the gradient of x `[N, C, H, W]`.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([upstream], [dx]) = (inputs, outputs) else { return };
        let Self { shape, way, scratch } = self;
        let mut shares = Shares::new(shape.batch * shape.channels, team, scratch, (upstream, dx));
        // SAFETY: kernels run only where the processor has AVX2.
        shares.each(team, |scratch, upstream, dx| unsafe {
            match &*way {
                Way::Sliding(sliding) => sliding.gradients(upstream, dx, scratch),
                Way::Windows(gradients, weights) => {
                    spread(shape, gradients, weights, scratch, (upstream, dx))
                }
            }
        });
    }
}

#[target_feature(enable = "avx2")]
fn spread(
    shape: &PoolShape,
    gradients: &Gradients,
    weights: &[f32],
    scratch: &mut Vec<f32>,
    (upstream, dx): (&[f32], &mut [f32]),
) {
    scratch.resize(gradients.len(), 0.0);
    let [read, written] = shape.planes();
    let width = shape.output[1];
    for (dx, upstream) in dx.chunks_exact_mut(read).zip(upstream.chunks_exact(written)) {
        scratch.fill(0.0);
        let rows = upstream.chunks_exact(width).zip(weights.chunks_exact(width));
        for (row, (upstream, weights)) in rows.enumerate() {
            // SAFETY: all windows of a row have a place for what they give.
            unsafe { add_to_windows(gradients, [upstream, weights], &mut scratch[gradients.window(row)..]) };
        }
        gradients.join(scratch, dx);
    }
}

#[target_feature(enable = "avx2")]
unsafe fn add_to_windows(gradients: &Gradients, [upstream, weights]: [&[f32]; 2], to: &mut [f32]) {
    for window in (0..upstream.len()).step_by(WINDOWS) {
        let share = _mm256_mul_ps(load_windows(upstream, window), load_windows(weights, window));
        for place in gradients.taps() {
            // SAFETY: the caller's promise.
            unsafe {
                let to = to.as_mut_ptr().add(window + place);
                _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), share));
            }
        }
    }
}
