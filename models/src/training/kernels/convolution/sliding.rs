//! The product of a few columns with positions that lie side by side in a row: vectors are filled with positions, where
//! `panel` fills them with columns.
//!
//! That pays where columns are fewer than a vector holds: groups of few channels, thin layers. What comes out lies as the
//! image is to be, and needs no transposing. It must not know what columns and positions are.

#![expect(
    unsafe_code,
    reason = "vector instructions work on pointers; bounds are checked once for a whole row"
)]

use crate::training::kernels::{
    lanes::{Eight, Lanes},
    panel::OffsetsPart,
};

/// Positions of a vector.
const LANES: usize = Eight::WIDTH;
/// Vectors of positions that are computed together, at most.
const VECTORS_MAX: usize = 3;
/// Columns that are computed together with them, at most; with fewer vectors one more. So all sums stay in registers.
const COLUMNS_MAX: usize = 3;

/// Products of a row of so many positions with so many columns, those that fill up vectors included: where vectors hold
/// positions, and where they hold columns.
pub(super) fn products(line: usize, columns: usize) -> [usize; 2] {
    [columns * line.next_multiple_of(LANES), line * columns.next_multiple_of(LANES)]
}

/// Whether this way pays for so many columns and rows of so many positions: it computes no more than whole vectors of
/// columns would.
pub(super) fn pays(line: usize, columns: usize) -> bool {
    let [by_positions, by_columns] = products(line, columns);
    line > LANES && by_positions <= by_columns
}

/// One row of positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// The image, from the row's first position on.
    pub a: &'a [f32],
    /// Where a position's elements lie, from the position on.
    pub steps: OffsetsPart<'a>,
    /// `[steps, width]`, of which the first columns count.
    pub b: &'a [f32],
    /// Places of a step in `b`.
    pub width: usize,
    /// Columns.
    pub columns: usize,
    /// Positions.
    pub line: usize,
    /// What the sums begin with, one number for each column; zeros where there is nothing.
    pub bias: Option<&'a [f32]>,
    /// Whether negative results become 0.
    pub rectified: bool,
}

impl Row<'_> {
    /// Computes it: a row of each column's plane, which lie `plane` apart.
    pub fn compute(&self, to: &mut [f32], plane: usize) {
        let Self { a, steps, b, width, columns, line, bias, .. } = *self;
        assert!(line >= LANES && (1..=width).contains(&columns));
        assert!(steps.largest() + line <= a.len() && steps.values().len() * width <= b.len());
        assert!((columns - 1) * plane + line <= to.len());
        assert!(bias.is_none_or(|bias| bias.len() >= columns));
        // SAFETY: kernels run only where the processor has AVX2; the bounds were checked just now.
        unsafe { self.by_tiles(to.as_mut_ptr(), plane) }
    }

    /// All tiles have nearly as many vectors and columns: a small one would take as long as a larger, since each of its
    /// sums waits for the last.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn by_tiles(&self, to: *mut f32, plane: usize) {
        for (first, last) in nearly_equal(self.line.div_ceil(LANES), VECTORS_MAX) {
            let at_once = if last - first == VECTORS_MAX { COLUMNS_MAX } else { COLUMNS_MAX + 1 };
            for columns in nearly_equal(self.columns, at_once) {
                // SAFETY: as for all of the row.
                unsafe {
                    match last - first {
                        1 => self.by_columns::<1>(first, columns, to, plane),
                        2 => self.by_columns::<2>(first, columns, to, plane),
                        _ => self.by_columns::<VECTORS_MAX>(first, columns, to, plane),
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn by_columns<const V: usize>(
        &self,
        vector: usize,
        (first, last): (usize, usize),
        to: *mut f32,
        plane: usize,
    ) {
        unsafe {
            match last - first {
                1 => self.tile::<V, 1>(vector, first, to, plane),
                2 => self.tile::<V, 2>(vector, first, to, plane),
                3 => self.tile::<V, 3>(vector, first, to, plane),
                _ => self.tile::<V, 4>(vector, first, to, plane),
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<const V: usize, const C: usize>(
        &self,
        vector: usize,
        first: usize,
        to: *mut f32,
        plane: usize,
    ) {
        unsafe {
            // The last vector of a row ends with it: some of its positions are computed twice.
            let places: [usize; V] =
                std::array::from_fn(|index| ((vector + index) * LANES).min(self.line - LANES));
            let from = places.map(|place| self.a.as_ptr().add(place));
            let mut sums: [[<Eight as Lanes>::Vector; V]; C] =
                std::array::from_fn(|column| match self.bias {
                    Some(bias) => [Eight::splat(bias.as_ptr().add(first + column)); V],
                    None => [Eight::zero(); V],
                });
            let mut b = self.b.as_ptr().add(first);
            for &step in self.steps.values() {
                let image = from.map(|from| Eight::load(from.add(step as usize)));
                for (column, sums) in sums.iter_mut().enumerate() {
                    let weight = Eight::splat(b.add(column));
                    for (sum, image) in sums.iter_mut().zip(&image) {
                        *sum = Eight::fused(weight, *image, *sum);
                    }
                }
                b = b.add(self.width);
            }
            for (column, sums) in sums.iter().enumerate() {
                for (sum, place) in sums.iter().zip(places) {
                    let value = if self.rectified { Eight::max(*sum, Eight::zero()) } else { *sum };
                    Eight::store(to.add((first + column) * plane + place), value);
                }
            }
        }
    }
}

/// Ranges of nearly the same length, at most `most`, of so many things.
pub(super) fn nearly_equal(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let ranges = count.div_ceil(most);
    (0..ranges).map(move |number| (number * count / ranges, (number + 1) * count / ranges))
}
