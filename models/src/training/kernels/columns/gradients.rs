//! What the windows of a plane give to the elements that they see, added up into the plane: the gradients of pools and
//! convolutions.
//!
//! Each column of a window has rows of its own for what it gives. In one row for all of them, what was written just now
//! would be read again at another alignment for the next column, and the processor would wait for it each time.

#![expect(unsafe_code, reason = "vector instructions work on pointers; bounds are checked before")]

use super::{Columns, WINDOWS, seen_rows};
use crate::{graph::operators::window::PoolShape, training::kernels::division::overlapping};
use std::arch::x86_64::{
    __m128, __m256, _mm_add_ps, _mm_loadu_ps, _mm_setzero_ps, _mm_storeu_ps, _mm_unpackhi_ps,
    _mm_unpacklo_ps, _mm256_add_ps, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_setzero_ps,
    _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

/// Where windows put what they give: `[rows, columns of a window, windows]`, each row of windows with zeros around it.
#[derive(Clone, Debug)]
pub(in crate::training::kernels) struct Gradients {
    shape: PoolShape,
    /// Rows that windows see.
    rows: usize,
    /// Floats of one row.
    row: usize,
    /// Where each element of a window puts its share from the window's own place on, row by row.
    taps: Vec<usize>,
    /// For each phase of the stride: where in a row the shares of its first column lie, one place for each column of a
    /// window that sees it. Those of the next column lie one on.
    phases: Vec<Vec<usize>>,
}

impl Gradients {
    /// For the windows of a plane that is taken apart in this way.
    pub fn of(columns: &Columns) -> Self {
        let (shape, [down, across]) = (&columns.shape, columns.dilation);
        let stride = shape.stride[1];
        let shift = |column: usize| column * across / stride;
        let before = shift(shape.kernel[1] - 1);
        let places = (shape.size[1] - 1 + shape.pads[1]) / stride + 1;
        let width = before + columns.windows().max(places);
        let row = shape.kernel[1] * width;
        let start = |column: usize| column * width + before;
        let taps = (0..shape.kernel[0])
            .flat_map(|line| (0..shape.kernel[1]).map(move |column| line * down * row + start(column)));
        let phase = |phase: usize| {
            let own = (0..shape.kernel[1]).filter(|column| column * across % stride == phase);
            own.map(|column| start(column) - shift(column)).collect()
        };
        Self {
            row,
            taps: taps.collect(),
            phases: (0..stride).map(phase).collect(),
            shape: *shape,
            rows: columns.rows,
        }
    }

    /// Elements in all. They are to be 0 before windows add to them.
    pub fn len(&self) -> usize {
        self.rows * self.row
    }

    /// Where the first window of a row lies; eight windows on, everything lies eight elements on.
    pub fn window(&self, row: usize) -> usize {
        row * self.shape.stride[0] * self.row
    }

    /// Where each element of a window puts its share from the window's own place on. With `window` of any row and whole
    /// vectors of windows, all lie within `len`.
    pub fn taps(&self) -> &[usize] {
        &self.taps
    }

    /// Adds up what each element of a plane was given; those that no window sees become 0.
    #[target_feature(enable = "avx2")]
    pub fn join(&self, given: &[f32], plane: &mut [f32]) {
        let [height, width] = self.shape.size;
        if seen_rows(&self.shape, self.rows).count() < height {
            plane.fill(0.0);
        }
        for (row, to) in seen_rows(&self.shape, self.rows) {
            let from = &given[row * self.row..(row + 1) * self.row];
            let to = &mut plane[to * width..(to + 1) * width];
            let done = match self.shape.stride[1] {
                1 => self.side_by_side(from, to),
                2 => self.in_pairs(from, to),
                _ => 0,
            };
            for (column, to) in to.iter_mut().enumerate().skip(done) {
                let (places, index) = self.sources(column);
                *to = places.iter().map(|place| from[place + index]).sum();
            }
        }
    }

    /// Where in a row the shares of an image's column lie: so far behind each of the places of a phase.
    fn sources(&self, column: usize) -> (&[usize], usize) {
        let (column, stride) = (column + self.shape.pads[1], self.shape.stride[1]);
        (&self.phases[column % stride], column / stride)
    }

    /// The elements of a row, eight at a time; how many those are.
    #[target_feature(enable = "avx2")]
    fn side_by_side(&self, from: &[f32], to: &mut [f32]) -> usize {
        let width = to.len();
        if width < WINDOWS {
            return 0;
        }
        for column in overlapping(width, WINDOWS) {
            let (places, index) = self.sources(column);
            // SAFETY: a row has a place for each column, and there are eight from here on.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr().add(column), sum_of_eight(from, places, index)) };
        }
        width
    }

    /// The elements of a row in pairs of neighbours, eight or four of them at a time; how many elements those are.
    #[target_feature(enable = "avx2")]
    fn in_pairs(&self, from: &[f32], to: &mut [f32]) -> usize {
        let pairs = to.len() / 2;
        let ((even, first), (odd, second)) = (self.sources(0), self.sources(1));
        // SAFETY: a row has a place for each column, and there are eight or four pairs from here on.
        unsafe {
            match pairs {
                8.. => {
                    for pair in overlapping(pairs, 8) {
                        let even = sum_of_eight(from, even, first + pair);
                        let odd = sum_of_eight(from, odd, second + pair);
                        store_eight_pairs(even, odd, to.as_mut_ptr().add(2 * pair));
                    }
                }
                4.. => {
                    for pair in overlapping(pairs, 4) {
                        let even = sum_of_four(from, even, first + pair);
                        let odd = sum_of_four(from, odd, second + pair);
                        store_four_pairs(even, odd, to.as_mut_ptr().add(2 * pair));
                    }
                }
                _ => return 0,
            }
        }
        2 * pairs
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sum_of_eight(row: &[f32], places: &[usize], index: usize) -> __m256 {
    let mut sum = _mm256_setzero_ps();
    for place in places {
        // SAFETY: the caller's promise.
        sum = unsafe { _mm256_add_ps(sum, _mm256_loadu_ps(row.as_ptr().add(place + index))) };
    }
    sum
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sum_of_four(row: &[f32], places: &[usize], index: usize) -> __m128 {
    let mut sum = _mm_setzero_ps();
    for place in places {
        // SAFETY: the caller's promise.
        sum = unsafe { _mm_add_ps(sum, _mm_loadu_ps(row.as_ptr().add(place + index))) };
    }
    sum
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_eight_pairs(even: __m256, odd: __m256, to: *mut f32) {
    let (low, high) = (_mm256_unpacklo_ps(even, odd), _mm256_unpackhi_ps(even, odd));
    // SAFETY: the caller's promise.
    unsafe {
        _mm256_storeu_ps(to, _mm256_permute2f128_ps::<0x20>(low, high));
        _mm256_storeu_ps(to.add(8), _mm256_permute2f128_ps::<0x31>(low, high));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_four_pairs(even: __m128, odd: __m128, to: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        _mm_storeu_ps(to, _mm_unpacklo_ps(even, odd));
        _mm_storeu_ps(to.add(4), _mm_unpackhi_ps(even, odd));
    }
}
