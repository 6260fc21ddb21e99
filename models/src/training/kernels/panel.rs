//! The product that all convolutions come down to: rows gathered by offsets, times a packed panel of columns.
//!
//! `c[i, j] (+)= Σ_r a[rows[i] + steps[r]] b[r, j]`. The rows of a matrix product are any positions in an image, and
//! its steps any other offsets from there: nothing is unfolded. It must not know what rows and steps are.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole panel"
)]

use super::{
    Vectors,
    division::of_at_most,
    lanes::{Eight, Lanes, Sixteen},
};

/// Offsets into an image, and the largest of them: bounds are checked by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Offsets {
    values: Vec<u32>,
    largest: usize,
}

impl Offsets {
    /// Offsets of elements.
    pub fn new(values: Vec<u32>) -> Self {
        let largest = values.iter().copied().max().unwrap_or(0) as usize;
        Self { values, largest }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Those from `start` to `end`.
    pub fn part(&self, start: usize, end: usize) -> OffsetsPart<'_> {
        OffsetsPart { values: &self.values[start..end], largest: self.largest }
    }

    /// The same, for images that may end before the largest offset of all.
    pub fn narrow_part(&self, start: usize, end: usize) -> OffsetsPart<'_> {
        let values = &self.values[start..end];
        OffsetsPart { values, largest: values.iter().copied().max().unwrap_or(0) as usize }
    }
}

/// Some of a list's offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct OffsetsPart<'a> {
    values: &'a [u32],
    largest: usize,
}

impl<'a> OffsetsPart<'a> {
    /// The offsets.
    pub fn values(self) -> &'a [u32] {
        self.values
    }

    /// None is larger than this.
    pub fn largest(self) -> usize {
        self.largest
    }
}

/// What is there before the products are added up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start<'a> {
    /// Nothing.
    Zero,
    /// One number for each column.
    Columns(&'a [f32]),
    /// What `c` holds.
    Kept,
}

/// One product.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    /// The image.
    pub a: &'a [f32],
    /// Where each row lies in it.
    pub rows: OffsetsPart<'a>,
    /// Where a row's elements lie, from the row on.
    pub steps: OffsetsPart<'a>,
    /// `[steps, columns]`.
    pub b: &'a [f32],
    /// `[rows, columns]`.
    pub c: &'a mut [f32],
    /// Columns: one or two vectors.
    pub columns: usize,
    /// What the sums begin with.
    pub start: Start<'a>,
    /// Whether negative results become 0.
    pub rectified: bool,
}

impl Panel<'_> {
    /// Computes it.
    pub fn compute(self, vectors: Vectors) {
        let reach = self.rows.largest + self.steps.largest;
        assert!(reach < self.a.len() || self.rows.values.is_empty() || self.steps.values.is_empty());
        assert!(self.steps.values.len() * self.columns <= self.b.len());
        assert!(self.rows.values.len() * self.columns <= self.c.len());
        if let Start::Columns(columns) = self.start {
            assert!(columns.len() >= self.columns);
        }
        // SAFETY: `Vectors` are only made where the processor has them; the bounds were checked just now.
        unsafe {
            match (vectors, self.columns) {
                (Vectors::Eight, 16) => two_of_eight(self),
                (Vectors::Eight, 8) => one_of_eight(self),
                (Vectors::Sixteen, 32) => two_of_sixteen(self),
                (Vectors::Sixteen, 16) => one_of_sixteen(self),
                _ => unreachable!("a panel has one or two vectors of columns"),
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn two_of_eight(panel: Panel<'_>) {
    unsafe { by_rows::<Eight, 6, 2>(panel, 0) }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn one_of_eight(panel: Panel<'_>) {
    unsafe { by_rows::<Eight, 8, 1>(panel, 0) }
}

#[target_feature(enable = "avx512f")]
unsafe fn two_of_sixteen(panel: Panel<'_>) {
    unsafe { by_rows::<Sixteen, 8, 2>(panel, 0) }
}

/// Each product reads an element of a row, and loads are the limit: the more rows, the less the columns' own weigh.
#[target_feature(enable = "avx512f")]
unsafe fn one_of_sixteen(mut panel: Panel<'_>) {
    unsafe {
        let done = by_whole_tiles::<Sixteen, 16, 1>(&mut panel);
        by_rows::<Sixteen, 8, 1>(panel, done);
    }
}

/// As many tiles of `M` rows as there are; how many rows that are.
#[inline(always)]
unsafe fn by_whole_tiles<L: Lanes, const M: usize, const N: usize>(panel: &mut Panel<'_>) -> usize {
    let done = panel.rows.values.len() / M * M;
    for first in (0..done).step_by(M) {
        unsafe { tile::<L, M, N>(panel, first) }
    }
    done
}

/// The rows from `start` on, in tiles of at most `M` rows, as many as keep all sums in registers. All have nearly as many:
/// a tile of one row would take as long as one of four, since each of its sums waits for the last.
#[inline(always)]
unsafe fn by_rows<L: Lanes, const M: usize, const N: usize>(mut panel: Panel<'_>, start: usize) {
    for (first, last) in of_at_most(panel.rows.values.len() - start, M) {
        let row = start + first;
        unsafe {
            match last - first {
                1 => tile::<L, 1, N>(&mut panel, row),
                2 => tile::<L, 2, N>(&mut panel, row),
                3 => tile::<L, 3, N>(&mut panel, row),
                4 => tile::<L, 4, N>(&mut panel, row),
                5 => tile::<L, 5, N>(&mut panel, row),
                6 => tile::<L, 6, N>(&mut panel, row),
                7 => tile::<L, 7, N>(&mut panel, row),
                _ => tile::<L, M, N>(&mut panel, row),
            }
        }
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize, const N: usize>(panel: &mut Panel<'_>, first: usize) {
    unsafe {
        let width = N * L::WIDTH;
        let to = panel.c.as_mut_ptr().add(first * width);
        let rows: [*const f32; M] =
            std::array::from_fn(|row| panel.a.as_ptr().add(panel.rows.values[first + row] as usize));
        let mut sums = begin::<L, M, N>(&panel.start, to);
        let mut b = panel.b.as_ptr();
        for &step in panel.steps.values {
            let columns: [L::Vector; N] = std::array::from_fn(|column| L::load(b.add(column * L::WIDTH)));
            for (row, sums) in rows.iter().zip(&mut sums) {
                let a = L::splat(row.add(step as usize));
                for (sum, column) in sums.iter_mut().zip(&columns) {
                    *sum = L::fused(a, *column, *sum);
                }
            }
            b = b.add(width);
        }
        for (row, sums) in sums.iter().enumerate() {
            for (column, sum) in sums.iter().enumerate() {
                let value = if panel.rectified { L::max(L::zero(), *sum) } else { *sum };
                L::store(to.add(row * width + column * L::WIDTH), value);
            }
        }
    }
}

#[inline(always)]
unsafe fn begin<L: Lanes, const M: usize, const N: usize>(
    start: &Start<'_>,
    to: *const f32,
) -> [[L::Vector; N]; M] {
    unsafe {
        match start {
            Start::Zero => [[L::zero(); N]; M],
            Start::Columns(columns) => {
                let columns = columns.as_ptr();
                [std::array::from_fn(|column| L::load(columns.add(column * L::WIDTH))); M]
            }
            Start::Kept => std::array::from_fn(|row| {
                std::array::from_fn(|column| L::load(to.add((row * N + column) * L::WIDTH)))
            }),
        }
    }
}
