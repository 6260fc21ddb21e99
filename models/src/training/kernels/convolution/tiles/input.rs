//! Transformation of images' tiles.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a group of tiles"
)]

use super::plan::Tiles;
use crate::training::kernels::columns::WINDOWS;
use std::{
    arch::x86_64::{__m256, _mm256_add_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_sub_ps},
    ops::Range,
};

impl Tiles {
    /// Takes the planes of one sample apart.
    pub fn split(&self, sample: &[f32], seen: &mut Vec<f32>) {
        seen.resize(self.channels * self.columns.len(), 0.0);
        let planes = sample.chunks_exact(self.size[0] * self.size[1]);
        for (plane, seen) in planes.zip(seen.chunks_exact_mut(self.columns.len())) {
            // SAFETY: kernels run only where the processor has AVX2.
            unsafe { self.columns.split(plane, seen) };
        }
    }

    /// Transforms the tiles of some rows of one sample into `[16, channels, stride]`, from the tile `first` on.
    pub fn transform(&self, seen: &[f32], rows: Range<usize>, first: usize, transformed: &mut [f32]) {
        let across = self.grid[1];
        let last = first + rows.len() * across;
        assert!(rows.end <= self.grid[0] && last <= self.at_once() && transformed.len() >= self.len());
        for (channel, seen) in seen.chunks_exact(self.columns.len()).enumerate() {
            for (index, row) in rows.clone().enumerate() {
                let start = channel * self.stride() + first + index * across;
                // SAFETY: kernels run only where the processor has AVX2. All windows of a row, filled up to whole
                // vectors, lie within `seen`; what is written beyond the row's tiles lies before the next channel's.
                unsafe { self.transform_row(seen, self.columns.window(row), &mut transformed[start..]) };
            }
        }
    }

    #[target_feature(enable = "avx2")]
    unsafe fn transform_row(&self, seen: &[f32], first: usize, to: &mut [f32]) {
        for window in (0..self.grid[1]).step_by(WINDOWS) {
            // SAFETY: the caller's promise.
            unsafe {
                let from = seen.as_ptr().add(first + window);
                let taps = self.columns.taps().as_ptr();
                let across: [[__m256; 4]; 4] = std::array::from_fn(|row| {
                    combined(std::array::from_fn(|column| {
                        _mm256_loadu_ps(from.add(*taps.add(4 * row + column)))
                    }))
                });
                let down: [[__m256; 4]; 4] =
                    std::array::from_fn(|column| combined(std::array::from_fn(|row| across[row][column])));
                for (column, down) in down.into_iter().enumerate() {
                    for (row, element) in down.into_iter().enumerate() {
                        let place = (4 * row + column) * self.element() + window;
                        _mm256_storeu_ps(to.as_mut_ptr().add(place), element);
                    }
                }
            }
        }
    }
}

/// One axis of the transformation: `(d0 - d2, d1 + d2, d2 - d1, d1 - d3)`.
#[target_feature(enable = "avx2")]
#[inline]
fn combined([first, second, third, fourth]: [__m256; 4]) -> [__m256; 4] {
    [
        _mm256_sub_ps(first, third),
        _mm256_add_ps(second, third),
        _mm256_sub_ps(third, second),
        _mm256_sub_ps(second, fourth),
    ]
}
