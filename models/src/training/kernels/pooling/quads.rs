//! Pools of 2x2 windows side by side, which are the most common: four windows at a time, straight from the image.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; that all places lie within a plane is checked when they are planned"
)]

use crate::{graph::operators::window::PoolShape, training::kernels::division::overlapping};
use std::arch::x86_64::{
    __m128, _mm_and_ps, _mm_andnot_ps, _mm_cmpeq_ps, _mm_loadu_ps, _mm_max_ps, _mm_shuffle_ps, _mm_storeu_ps,
    _mm_unpackhi_ps, _mm_unpacklo_ps,
};

/// Windows that are computed together: a vector's worth.
const WINDOWS: usize = 4;

/// A plane's windows, four by four. Some may occur twice, where their number fills no vectors: it comes to the same.
#[derive(Clone, Debug)]
pub(super) struct Quads {
    quads: Vec<Quad>,
    /// Elements of one plane of the image and of the pool.
    planes: [usize; 2],
    /// Whether there are elements that no window sees.
    has_gaps: bool,
}

/// Four windows that are neighbours in the pool.
#[derive(Clone, Copy, Debug)]
struct Quad {
    /// Where the upper elements of two windows lie in the image, and those of the other two.
    upper: [usize; 2],
    /// The same of the lower elements.
    lower: [usize; 2],
    /// Where the windows lie in the pool.
    pooled: usize,
}

impl Quads {
    /// The windows of this shape, where they lie side by side and are enough to fill a vector.
    pub fn of(shape: &PoolShape) -> Option<Self> {
        let PoolShape { size: [height, width], output: [rows, columns], .. } = *shape;
        if (shape.kernel, shape.stride, shape.pads) != ([2, 2], [2, 2], [0; 4]) {
            return None;
        }
        assert!(2 * rows <= height && 2 * columns <= width);
        // Rows of two windows lie one behind the other in the pool, and in the image where it has no other columns.
        let is_narrow = columns == 2 && width == 4 && rows >= 2;
        let quads = if is_narrow {
            overlapping(rows, 2)
                .map(|row| Quad::at([row, row + 1].map(|row| 2 * row * width), width, 2 * row))
                .collect()
        } else if columns >= WINDOWS {
            let row = |row: usize| {
                overlapping(columns, WINDOWS).map(move |column| {
                    let first = 2 * row * width + 2 * column;
                    Quad::at([first, first + WINDOWS], width, row * columns + column)
                })
            };
            (0..rows).flat_map(row).collect()
        } else {
            return None;
        };
        let has_gaps = height > 2 * rows || width > 2 * columns;
        Some(Self { quads, planes: shape.planes(), has_gaps })
    }

    /// The maxima of all planes: x `[planes, H, W]`, y `[planes, H', W']`.
    #[target_feature(enable = "avx2")]
    pub fn maxima(&self, x: &[f32], y: &mut [f32]) {
        let [read, written] = self.planes;
        for (x, y) in x.chunks_exact(read).zip(y.chunks_exact_mut(written)) {
            for quad in &self.quads {
                // SAFETY: a plane holds all that a quad names.
                unsafe {
                    let [upper, other, lower, last] = quad.load(x);
                    // In this order it comes to the same as by columns, to the last bit.
                    let largest = _mm_max_ps(_mm_max_ps(_mm_max_ps(upper, other), lower), last);
                    _mm_storeu_ps(y.as_mut_ptr().add(quad.pooled), largest);
                }
            }
        }
    }

    /// Each window gives its gradient to the first of its elements that is its maximum.
    #[target_feature(enable = "avx2")]
    pub fn shares_of_maxima(&self, [x, y, upstream]: [&[f32]; 3], dx: &mut [f32]) {
        let [read, written] = self.planes;
        if self.has_gaps {
            dx.fill(0.0);
        }
        let outputs = y.chunks_exact(written).zip(upstream.chunks_exact(written));
        for ((x, dx), (y, upstream)) in x.chunks_exact(read).zip(dx.chunks_exact_mut(read)).zip(outputs) {
            for quad in &self.quads {
                // SAFETY: a plane holds all that a quad names.
                unsafe {
                    let y = _mm_loadu_ps(y.as_ptr().add(quad.pooled));
                    let mut left = _mm_loadu_ps(upstream.as_ptr().add(quad.pooled));
                    let shares = quad.load(x).map(|seen| {
                        let won = _mm_cmpeq_ps(seen, y);
                        let share = _mm_and_ps(won, left);
                        left = _mm_andnot_ps(won, left);
                        share
                    });
                    quad.store(shares, dx);
                }
            }
        }
    }
}

impl Quad {
    fn at(upper: [usize; 2], width: usize, pooled: usize) -> Self {
        Self { upper, lower: upper.map(|upper| upper + width), pooled }
    }

    /// The four elements of each window, row by row.
    #[inline(always)]
    unsafe fn load(&self, plane: &[f32]) -> [__m128; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let [[one, other], [below, last]] = [self.upper, self.lower]
                .map(|places| places.map(|place| _mm_loadu_ps(plane.as_ptr().add(place))));
            [
                _mm_shuffle_ps::<0b10_00_10_00>(one, other),
                _mm_shuffle_ps::<0b11_01_11_01>(one, other),
                _mm_shuffle_ps::<0b10_00_10_00>(below, last),
                _mm_shuffle_ps::<0b11_01_11_01>(below, last),
            ]
        }
    }

    /// Puts them back where they come from.
    #[inline(always)]
    unsafe fn store(&self, [upper, other, lower, last]: [__m128; 4], plane: &mut [f32]) {
        // SAFETY: the caller's promise.
        unsafe {
            let to = plane.as_mut_ptr();
            _mm_storeu_ps(to.add(self.upper[0]), _mm_unpacklo_ps(upper, other));
            _mm_storeu_ps(to.add(self.upper[1]), _mm_unpackhi_ps(upper, other));
            _mm_storeu_ps(to.add(self.lower[0]), _mm_unpacklo_ps(lower, last));
            _mm_storeu_ps(to.add(self.lower[1]), _mm_unpackhi_ps(lower, last));
        }
    }
}
