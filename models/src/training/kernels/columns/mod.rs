//! One plane of an image, taken apart by its columns' places in a window's stride, so that neighbouring windows read
//! neighbouring elements. Pools and the convolutions by tiles go by it; it knows neither. What windows give back to the
//! elements of a plane is in `gradients`.

#![expect(unsafe_code, reason = "vector instructions work on pointers; bounds are checked before")]

mod gradients;

pub(super) use gradients::Gradients;

use super::{division::overlapping, packing::copy_row};
use crate::graph::operators::window::PoolShape;
use std::{
    arch::x86_64::{
        __m256, __m256i, _mm_loadu_ps, _mm_shuffle_ps, _mm_storeu_ps, _mm256_castpd_ps, _mm256_castps_pd,
        _mm256_loadu_ps, _mm256_loadu_si256, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_permute4x64_pd,
        _mm256_shuffle_ps, _mm256_storeu_ps,
    },
    ops::Range,
};

/// Windows of a row that are computed together: a vector's worth.
pub(super) const WINDOWS: usize = 8;

/// Where the columns of a plane lie: `[rows, stride, across]`, with what the windows see beyond the image, and room for
/// whole vectors.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    shape: PoolShape,
    dilation: [usize; 2],
    rows: usize,
    across: usize,
    /// Where each element of a window lies from the window's own place on, row by row.
    taps: Vec<usize>,
    /// Of each phase of the stride: the places of its columns that lie in the image, and the first one's column.
    phases: Vec<(Range<usize>, usize)>,
    /// Columns of each phase that are moved in vectors, those of two phases together; the others go one by one.
    moved: usize,
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
        let phases: Vec<_> = (0..stride).map(|number| phase(shape, width, number)).collect();
        let moved = match &phases[..] {
            [(places, _)] => places.len(),
            [_, _] => pairs(&phases, shape.size[1]),
            _ => 0,
        };
        Self { shape: *shape, dilation, rows, across: width, taps: taps.collect(), phases, moved }
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

    /// Whether some columns go one by one.
    fn has_single_columns(&self) -> bool {
        self.phases.iter().any(|(places, _)| places.len() > self.moved)
    }

    /// Where, in a row taken apart, the columns of even and of odd number in the image begin.
    fn even_and_odd(&self) -> (usize, usize) {
        match &self.phases[..] {
            [(one, first), (other, _)] if *first == 0 => (one.start, self.across + other.start),
            [(one, _), (other, _)] => (self.across + other.start, one.start),
            _ => (0, 0),
        }
    }

    /// Takes a plane apart. What lies beyond the image is left as it is.
    #[target_feature(enable = "avx2")]
    pub fn split(&self, plane: &[f32], columns: &mut [f32]) {
        let (stride, width, moved) = (self.shape.stride[1], self.shape.size[1], self.moved);
        let ((even, odd), has_single_columns) = (self.even_and_odd(), self.has_single_columns());
        for (row, from) in seen_rows(&self.shape, self.rows) {
            let from = &plane[from * width..(from + 1) * width];
            let row = &mut columns[row * stride * self.across..(row + 1) * stride * self.across];
            match &self.phases[..] {
                [(places, first)] => copy_row(&from[*first..first + moved], &mut row[places.clone()]),
                _ => split_pairs(from, row, moved, even, odd),
            }
            if !has_single_columns {
                continue;
            }
            for ((places, first), to) in self.phases.iter().zip(row.chunks_exact_mut(self.across)) {
                let to = &mut to[places.clone()][moved.min(places.len())..];
                let from = from.get(first + moved * stride..).unwrap_or(&[]);
                to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// Of `rows` rows that windows see, those that lie in the image, each with its number there.
fn seen_rows(shape: &PoolShape, rows: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
    let top = shape.pads[0];
    (top..rows.min(shape.size[0] + top)).map(move |row| (row, row - top))
}

/// Whether so many pairs can be moved four at a time.
fn is_moved_by_fours(pairs: usize) -> bool {
    pairs == 0 || pairs >= 4
}

/// Takes so many pairs of columns apart, eight or four at a time; the last ones may be moved twice.
#[target_feature(enable = "avx2")]
fn split_pairs(from: &[f32], row: &mut [f32], pairs: usize, even: usize, odd: usize) {
    assert!(even.max(odd) + pairs <= row.len() && 2 * pairs <= from.len() && is_moved_by_fours(pairs));
    let (from, row) = (from.as_ptr(), row.as_mut_ptr());
    // SAFETY: columns and places up to `pairs` were checked just now, and there are four of them at least.
    unsafe {
        if pairs >= 8 {
            for pair in overlapping(pairs, 8) {
                split_eight(from.add(2 * pair), row.add(even + pair), row.add(odd + pair));
            }
        } else {
            for pair in overlapping(pairs, 4) {
                split_four(from.add(2 * pair), row.add(even + pair), row.add(odd + pair));
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn split_eight(from: *const f32, even: *mut f32, odd: *mut f32) {
    /// Both halves of the first vector, then both of the second.
    const IN_ORDER: i32 = 0b11_01_10_00;
    // SAFETY: the caller's promise.
    unsafe {
        let (low, high) = (_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8)));
        let [evens, odds] =
            [_mm256_shuffle_ps::<0b10_00_10_00>(low, high), _mm256_shuffle_ps::<0b11_01_11_01>(low, high)]
                .map(|halves| _mm256_permute4x64_pd::<IN_ORDER>(_mm256_castps_pd(halves)));
        _mm256_storeu_ps(even, _mm256_castpd_ps(evens));
        _mm256_storeu_ps(odd, _mm256_castpd_ps(odds));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn split_four(from: *const f32, even: *mut f32, odd: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        let (low, high) = (_mm_loadu_ps(from), _mm_loadu_ps(from.add(4)));
        _mm_storeu_ps(even, _mm_shuffle_ps::<0b10_00_10_00>(low, high));
        _mm_storeu_ps(odd, _mm_shuffle_ps::<0b11_01_11_01>(low, high));
    }
}

/// Eight windows of a row from `start` on, zeros behind the last one.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_windows(row: &[f32], start: usize) -> __m256 {
    let row = &row[start..];
    // SAFETY: as many are read as there are.
    unsafe {
        match row.len() {
            WINDOWS.. => _mm256_loadu_ps(row.as_ptr()),
            few => _mm256_maskload_ps(row.as_ptr(), first_lanes(few)),
        }
    }
}

/// Writes eight windows of a row from `start` on, or as many as it has.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_windows(windows: __m256, row: &mut [f32], start: usize) {
    let row = &mut row[start..];
    // SAFETY: as many are written as there are.
    unsafe {
        match row.len() {
            WINDOWS.. => _mm256_storeu_ps(row.as_mut_ptr(), windows),
            few => _mm256_maskstore_ps(row.as_mut_ptr(), first_lanes(few), windows),
        }
    }
}

/// A mask of so many of a vector's lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn first_lanes(count: usize) -> __m256i {
    const MASKS: [i32; 2 * WINDOWS] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let lanes = &MASKS[WINDOWS - count..][..WINDOWS];
    // SAFETY: there are eight of them.
    unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
}

/// Of one phase of the stride: the places of its columns that lie in the image, and the first one's column.
fn phase(shape: &PoolShape, across: usize, phase: usize) -> (Range<usize>, usize) {
    let (stride, left) = (shape.stride[1], shape.pads[1]);
    let start = left.saturating_sub(phase).div_ceil(stride);
    let end = (shape.size[1] + left).saturating_sub(phase).div_ceil(stride).min(across);
    (start..end.max(start), start * stride + phase - left)
}

/// Pairs of columns that both phases have, where they fill a vector of four.
fn pairs(phases: &[(Range<usize>, usize)], width: usize) -> usize {
    let common = phases.iter().map(|(places, _)| places.len()).min().unwrap_or(0).min(width / 2);
    if is_moved_by_fours(common) { common } else { 0 }
}
