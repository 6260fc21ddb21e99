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
    /// Of each phase of the stride: the places of its columns that lie in the image, and the first one's column.
    phases: Vec<(Range<usize>, usize)>,
    /// Columns of each phase that are moved in vectors, with those of the other one; the others go one by one.
    pairs: usize,
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
        let pairs = if stride == 2 { pairs(&phases, shape.size[1]) } else { 0 };
        Self { shape: *shape, rows, across: width, taps: taps.collect(), phases, pairs }
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

    /// Whether some columns go one by one.
    fn has_single_columns(&self) -> bool {
        self.phases.iter().any(|(places, _)| places.len() > self.pairs)
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
        let (stride, width, pairs) = (self.shape.stride[1], self.shape.size[1], self.pairs);
        let ((even, odd), has_single_columns) = (self.even_and_odd(), self.has_single_columns());
        for (row, from) in self.rows() {
            let from = &plane[from * width..(from + 1) * width];
            let row = &mut columns[row * stride * self.across..(row + 1) * stride * self.across];
            split_pairs(from, row, pairs, even, odd);
            if !has_single_columns {
                continue;
            }
            for ((places, first), to) in self.phases.iter().zip(row.chunks_exact_mut(self.across)) {
                let to = &mut to[places.clone()][pairs.min(places.len())..];
                let from = from.get(first + pairs * stride..).unwrap_or(&[]);
                to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Puts a plane together; elements that no window sees become 0.
    #[target_feature(enable = "avx2")]
    pub fn merge(&self, columns: &[f32], plane: &mut [f32]) {
        let (stride, width, pairs) = (self.shape.stride[1], self.shape.size[1], self.pairs);
        let ((even, odd), has_single_columns) = (self.even_and_odd(), self.has_single_columns());
        let seen: usize = self.phases.iter().map(|(places, _)| places.len()).sum();
        if seen < width || self.rows().count() < self.shape.size[0] {
            plane.fill(0.0);
        }
        for (row, to) in self.rows() {
            let to = &mut plane[to * width..(to + 1) * width];
            let row = &columns[row * stride * self.across..(row + 1) * stride * self.across];
            merge_pairs(row, to, pairs, even, odd);
            if !has_single_columns {
                continue;
            }
            for ((places, first), from) in self.phases.iter().zip(row.chunks_exact(self.across)) {
                let from = &from[places.clone()][pairs.min(places.len())..];
                let to = to.get_mut(first + pairs * stride..).unwrap_or(&mut []);
                to.iter_mut().step_by(stride).zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// Whether so many pairs can be moved four at a time.
fn is_moved_by_fours(pairs: usize) -> bool {
    pairs == 0 || pairs >= 4
}

/// Where fours of pairs begin; the last ones may be moved twice.
fn fours(pairs: usize) -> impl Iterator<Item = usize> {
    (0..pairs).step_by(4).map(move |pair| pair.min(pairs - 4))
}

/// Takes so many pairs of columns apart, four at a time.
#[target_feature(enable = "avx2")]
fn split_pairs(from: &[f32], row: &mut [f32], pairs: usize, even: usize, odd: usize) {
    assert!(even.max(odd) + pairs <= row.len() && 2 * pairs <= from.len() && is_moved_by_fours(pairs));
    for pair in fours(pairs) {
        // SAFETY: columns and places up to `pairs` were checked just now, and there are four of them at least.
        unsafe {
            let low = _mm_loadu_ps(from.as_ptr().add(2 * pair));
            let high = _mm_loadu_ps(from.as_ptr().add(2 * pair + 4));
            let to = row.as_mut_ptr();
            _mm_storeu_ps(to.add(even + pair), _mm_shuffle_ps::<0b10_00_10_00>(low, high));
            _mm_storeu_ps(to.add(odd + pair), _mm_shuffle_ps::<0b11_01_11_01>(low, high));
        }
    }
}

/// Puts so many pairs of columns together, four at a time.
#[target_feature(enable = "avx2")]
fn merge_pairs(row: &[f32], to: &mut [f32], pairs: usize, even: usize, odd: usize) {
    assert!(even.max(odd) + pairs <= row.len() && 2 * pairs <= to.len() && is_moved_by_fours(pairs));
    for pair in fours(pairs) {
        // SAFETY: columns and places up to `pairs` were checked just now, and there are four of them at least.
        unsafe {
            let even = _mm_loadu_ps(row.as_ptr().add(even + pair));
            let odd = _mm_loadu_ps(row.as_ptr().add(odd + pair));
            let to = to.as_mut_ptr().add(2 * pair);
            _mm_storeu_ps(to, _mm_unpacklo_ps(even, odd));
            _mm_storeu_ps(to.add(4), _mm_unpackhi_ps(even, odd));
        }
    }
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
