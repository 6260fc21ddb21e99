//! Transformation of kernels, of outputs' tiles and of their gradients.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a row of tiles"
)]

use super::ELEMENTS;
use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_storeu_ps, _mm256_sub_ps,
};

/// Floats of a vector.
const LANES: usize = 8;

/// A kernel of 3x3, as a tile is multiplied by it.
pub(super) fn kernel(weights: [f32; 9]) -> [f32; ELEMENTS] {
    let line = |[first, second, third]: [f32; 3]| {
        let (ends, middle) = (0.5 * (first + third), 0.5 * second);
        [first, ends + middle, ends - middle, third]
    };
    let across: [[f32; 4]; 3] =
        std::array::from_fn(|row| line(std::array::from_fn(|column| weights[3 * row + column])));
    let down: [[f32; 4]; 4] =
        std::array::from_fn(|column| line(std::array::from_fn(|row| across[row][column])));
    std::array::from_fn(|element| down[element % 4][element / 4])
}

/// The gradient of a kernel from that of what it was transformed to.
pub(super) fn kernel_gradient(elements: [f32; ELEMENTS]) -> [f32; 9] {
    let line = |[first, second, third, fourth]: [f32; 4]| {
        let (sum, difference) = (0.5 * (second + third), 0.5 * (second - third));
        [first + sum, difference, sum + fourth]
    };
    let across: [[f32; 3]; 4] =
        std::array::from_fn(|row| line(std::array::from_fn(|column| elements[4 * row + column])));
    let down: [[f32; 3]; 3] =
        std::array::from_fn(|column| line(std::array::from_fn(|row| across[row][column])));
    std::array::from_fn(|tap| down[tap % 3][tap / 3])
}

/// A row of products' tiles `[16, (element apart,) tiles, width]` to two rows of outputs `[2, 2 tiles, width]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// Distance between elements of a tile.
    pub element: usize,
    /// Tiles of the row.
    pub tiles: usize,
    /// Columns of a block, a multiple of a vector's.
    pub width: usize,
}

impl Rows {
    /// Outputs of tiles; `bias` is added, and negative results become 0 where they are `rectified`.
    pub fn outputs(&self, products: &[f32], bias: Option<&[f32]>, rectified: bool, outputs: &mut [f32]) {
        self.check(products.len(), outputs.len());
        assert!(bias.is_none_or(|bias| bias.len() >= self.width));
        // SAFETY: kernels run only where the processor has AVX2; the bounds were checked just now.
        unsafe {
            self.each_output(products.as_ptr(), bias.map(<[f32]>::as_ptr), rectified, outputs.as_mut_ptr())
        }
    }

    #[target_feature(enable = "avx2")]
    unsafe fn each_output(&self, from: *const f32, bias: Option<*const f32>, rectified: bool, to: *mut f32) {
        let least = _mm256_set1_ps(if rectified { 0.0 } else { f32::NEG_INFINITY });
        for column in (0..self.width).step_by(LANES) {
            // SAFETY: the caller has checked that all tiles lie behind the pointers, and all columns behind the bias.
            unsafe {
                let bias = bias.map_or(_mm256_setzero_ps(), |bias| _mm256_loadu_ps(bias.add(column)));
                for tile in 0..self.tiles {
                    let place = tile * self.width;
                    self.output(from.add(place + column), (bias, least), to.add(2 * place + column));
                }
            }
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn output(&self, from: *const f32, (bias, least): (__m256, __m256), to: *mut f32) {
        // SAFETY: the caller has checked that all elements lie behind the pointers.
        unsafe {
            let across: [[__m256; 2]; 4] = std::array::from_fn(|row| {
                gathered(std::array::from_fn(|column| {
                    _mm256_loadu_ps(from.add((4 * row + column) * self.element))
                }))
            });
            let down: [[__m256; 2]; 2] =
                std::array::from_fn(|column| gathered(std::array::from_fn(|row| across[row][column])));
            for (column, down) in down.into_iter().enumerate() {
                for (row, value) in down.into_iter().enumerate() {
                    let to = to.add((2 * row * self.tiles + column) * self.width);
                    // With the operands in this order, what is no number is handed on.
                    _mm256_storeu_ps(to, _mm256_max_ps(least, _mm256_add_ps(value, bias)));
                }
            }
        }
    }

    /// The other way: two rows of outputs' gradients to transformed tiles.
    pub fn gradients(&self, outputs: &[f32], tiles: &mut [f32]) {
        self.check(tiles.len(), outputs.len());
        // SAFETY: kernels run only where the processor has AVX2; the bounds were checked just now.
        unsafe { self.each_gradient(outputs.as_ptr(), tiles.as_mut_ptr()) }
    }

    #[target_feature(enable = "avx2")]
    unsafe fn each_gradient(&self, from: *const f32, to: *mut f32) {
        for tile in 0..self.tiles {
            for column in (0..self.width).step_by(LANES) {
                // SAFETY: the caller has checked that all tiles lie behind the pointers.
                unsafe {
                    let place = tile * self.width;
                    self.gradient(from.add(2 * place + column), to.add(place + column));
                }
            }
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn gradient(&self, from: *const f32, to: *mut f32) {
        // SAFETY: the caller has checked that all elements lie behind the pointers.
        unsafe {
            let across: [[__m256; 4]; 2] = std::array::from_fn(|row| {
                scattered(std::array::from_fn(|column| {
                    _mm256_loadu_ps(from.add((2 * row * self.tiles + column) * self.width))
                }))
            });
            let down: [[__m256; 4]; 4] =
                std::array::from_fn(|column| scattered(std::array::from_fn(|row| across[row][column])));
            for (column, down) in down.into_iter().enumerate() {
                for (row, value) in down.into_iter().enumerate() {
                    _mm256_storeu_ps(to.add((4 * row + column) * self.element), value);
                }
            }
        }
    }

    fn check(&self, transformed: usize, outputs: usize) {
        assert!(self.width.is_multiple_of(LANES));
        assert!((ELEMENTS - 1) * self.element + self.tiles * self.width <= transformed);
        assert!(4 * self.tiles * self.width <= outputs);
    }
}

/// One axis of the outputs: `(m0 + m1 + m2, m1 - m2 - m3)`.
#[target_feature(enable = "avx2")]
#[inline]
fn gathered([first, second, third, fourth]: [__m256; 4]) -> [__m256; 2] {
    [_mm256_add_ps(_mm256_add_ps(first, second), third), _mm256_sub_ps(_mm256_sub_ps(second, third), fourth)]
}

/// One axis of the outputs' gradients: `(y0, y0 + y1, y0 - y1, -y1)`.
#[target_feature(enable = "avx2")]
#[inline]
fn scattered([first, second]: [__m256; 2]) -> [__m256; 4] {
    [
        first,
        _mm256_add_ps(first, second),
        _mm256_sub_ps(first, second),
        _mm256_sub_ps(_mm256_setzero_ps(), second),
    ]
}
