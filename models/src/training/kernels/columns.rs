//! One plane of an image, taken apart by its columns' places in a window's stride, so that neighbouring windows read
//! neighbouring elements. Pools and the convolutions by tiles go by it; it knows neither.

#![expect(unsafe_code, reason = "vector instructions work on pointers; bounds are checked before")]

use crate::graph::operators::window::PoolShape;
use std::{
    arch::x86_64::{_mm_loadu_ps, _mm_shuffle_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps},
    ops::Range,
};

/// Windows of a row that are computed together: a vector's worth.
pub(super) const WINDOWS: usize = 8;

/// Where the columns of a plane lie: `[rows, stride, across]`, with what the windows see beyond the image, and room for
/// whole vectors.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    shape: PoolShape,
    rows: usize,
    across: usize,
    /// Where each element of a window lies from the window's own place on, row by row.
    taps: Vec<usize>,
}

impl Columns {
    /// Takes planes apart for windows of this shape.
    pub fn new(shape: &PoolShape) -> Self {
        Self::dilated(shape, [1, 1])
    }

    /// The same for windows whose elements lie `dilation` apart.
    pub fn dilated(shape: &PoolShape, dilation: [usize; 2]) -> Self {
        let stride = shape.stride[1];
        let [down, across] = [0, 1].map(|axis| (shape.kernel[axis] - 1) * dilation[axis]);
        let rows = (shape.output[0] - 1) * shape.stride[0] + down + 1;
        let width = shape.output[1].next_multiple_of(WINDOWS) + across / stride;
        let place = |row: usize, column: usize| (row * stride + column % stride) * width + column / stride;
        let taps = (0..shape.kernel[0]).flat_map(|row| {
            (0..shape.kernel[1]).map(move |column| place(row * dilation[0], column * dilation[1]))
        });
        Self { shape: *shape, rows, across: width, taps: taps.collect() }
    }

    /// Elements in all.
    pub fn len(&self) -> usize {
        self.rows * self.shape.stride[1] * self.across
    }

    /// Windows of a row, filled up to whole vectors.
    pub fn windows(&self) -> usize {
        self.shape.output[1].next_multiple_of(WINDOWS)
    }

    /// Where the first window of a row lies; eight windows on, everything lies eight elements on.
    pub fn window(&self, row: usize) -> usize {
        row * self.shape.stride[0] * self.shape.stride[1] * self.across
    }

    /// Where each element of a window lies from the window's own place on. With `window` of any row and whole vectors
    /// of windows, all lie within `len`.
    pub fn taps(&self) -> &[usize] {
        &self.taps
    }

    /// Rows of the image that windows see, each with its number here.
    fn rows(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let top = self.shape.pads[0];
        let end = self.rows.min(self.shape.size[0] + top);
        (top..end).map(move |row| (row, row - top))
    }

    /// For one phase of the stride: the places of its columns that lie in the image, and the first one's column.
    fn phase(&self, phase: usize) -> (Range<usize>, usize) {
        let (stride, left) = (self.shape.stride[1], self.shape.pads[1]);
        let start = left.saturating_sub(phase).div_ceil(stride);
        let end = (self.shape.size[1] + left).saturating_sub(phase).div_ceil(stride).min(self.across);
        (start..end.max(start), start * stride + phase - left)
    }

    /// Takes a plane apart. What lies beyond the image is left as it is.
    #[target_feature(enable = "avx2")]
    pub fn split(&self, plane: &[f32], columns: &mut [f32]) {
        let (stride, width) = (self.shape.stride[1], self.shape.size[1]);
        let phases: Vec<_> = (0..stride).map(|phase| self.phase(phase)).collect();
        for (row, from) in self.rows() {
            let from = &plane[from * width..(from + 1) * width];
            let row = &mut columns[row * stride * self.across..(row + 1) * stride * self.across];
            let done = if stride == 2 { self.split_pairs(from, row, &phases) } else { 0 };
            for ((places, first), to) in phases.iter().zip(row.chunks_exact_mut(self.across)) {
                let to = &mut to[places.clone()][done.min(places.len())..];
                let from = from.get(first + done * stride..).unwrap_or(&[]);
                to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Four pairs of columns at a time; how many columns of each phase are done.
    #[target_feature(enable = "avx2")]
    fn split_pairs(&self, from: &[f32], row: &mut [f32], phases: &[(Range<usize>, usize)]) -> usize {
        let [(even, first), (odd, _)] = phases else { return 0 };
        let (even, odd) = if *first == 0 {
            (even.start, self.across + odd.start)
        } else {
            (self.across + odd.start, even.start)
        };
        let pairs = pairs(phases, from.len());
        let (start, end) = (even.max(odd) + pairs, row.len());
        assert!(start <= end && 2 * pairs <= from.len());
        for pair in (0..pairs).step_by(4) {
            // SAFETY: `pairs` is a multiple of 4; columns and places up to there were checked just now.
            unsafe {
                let low = _mm_loadu_ps(from.as_ptr().add(2 * pair));
                let high = _mm_loadu_ps(from.as_ptr().add(2 * pair + 4));
                let to = row.as_mut_ptr();
                _mm_storeu_ps(to.add(even + pair), _mm_shuffle_ps::<0b10_00_10_00>(low, high));
                _mm_storeu_ps(to.add(odd + pair), _mm_shuffle_ps::<0b11_01_11_01>(low, high));
            }
        }
        pairs
    }

    /// Puts a plane together; elements that no window sees become 0.
    #[target_feature(enable = "avx2")]
    pub fn merge(&self, columns: &[f32], plane: &mut [f32]) {
        let (stride, width) = (self.shape.stride[1], self.shape.size[1]);
        let phases: Vec<_> = (0..stride).map(|phase| self.phase(phase)).collect();
        let seen: usize = phases.iter().map(|(places, _)| places.len()).sum();
        if seen < width || self.rows().count() < self.shape.size[0] {
            plane.fill(0.0);
        }
        for (row, to) in self.rows() {
            let to = &mut plane[to * width..(to + 1) * width];
            let row = &columns[row * stride * self.across..(row + 1) * stride * self.across];
            let done = if stride == 2 { self.merge_pairs(row, to, &phases) } else { 0 };
            for ((places, first), from) in phases.iter().zip(row.chunks_exact(self.across)) {
                let from = &from[places.clone()][done.min(places.len())..];
                let to = to.get_mut(first + done * stride..).unwrap_or(&mut []);
                to.iter_mut().step_by(stride).zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Four pairs of columns at a time; how many columns of each phase are done.
    #[target_feature(enable = "avx2")]
    fn merge_pairs(&self, row: &[f32], to: &mut [f32], phases: &[(Range<usize>, usize)]) -> usize {
        let [(even, first), (odd, _)] = phases else { return 0 };
        let (even, odd) = if *first == 0 {
            (even.start, self.across + odd.start)
        } else {
            (self.across + odd.start, even.start)
        };
        let pairs = pairs(phases, to.len());
        assert!(even.max(odd) + pairs <= row.len() && 2 * pairs <= to.len());
        for pair in (0..pairs).step_by(4) {
            // SAFETY: `pairs` is a multiple of 4; columns and places up to there were checked just now.
            unsafe {
                let even = _mm_loadu_ps(row.as_ptr().add(even + pair));
                let odd = _mm_loadu_ps(row.as_ptr().add(odd + pair));
                let to = to.as_mut_ptr().add(2 * pair);
                _mm_storeu_ps(to, _mm_unpacklo_ps(even, odd));
                _mm_storeu_ps(to.add(4), _mm_unpackhi_ps(even, odd));
            }
        }
        pairs
    }
}

/// Pairs of columns that both phases have, as far as they fill vectors of four.
fn pairs(phases: &[(Range<usize>, usize)], width: usize) -> usize {
    let common = phases.iter().map(|(places, _)| places.len()).min().unwrap_or(0);
    common.min(width / 2) & !3
}
