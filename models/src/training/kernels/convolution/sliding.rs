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
    Vectors,
    division::{of_at_most, overlapping_start},
    lanes::{Eight, Lanes, Sixteen},
    panel::OffsetsPart,
};

/// Vectors of positions that are computed together, at most.
const VECTORS_MAX: usize = 3;

/// Vector products for a row of so many positions with so many columns: where vectors hold positions, and where they hold
/// columns.
pub(super) fn products(line: usize, columns: usize, vectors: Vectors) -> [usize; 2] {
    let [of_line, of_columns] = [along(line, vectors), vectors.for_columns(columns)].map(Vectors::width);
    [columns * line.div_ceil(of_line), line * columns.div_ceil(of_columns)]
}

/// Whether this way pays for so many columns and rows of so many positions: it computes no more than whole vectors of
/// columns would.
pub(super) fn pays(line: usize, columns: usize, vectors: Vectors) -> bool {
    let [by_positions, by_columns] = products(line, columns, vectors);
    line > Vectors::Eight.width() && by_positions <= by_columns
}

/// The widest vectors that a row fills.
fn along(line: usize, vectors: Vectors) -> Vectors {
    if line < vectors.width() { Vectors::Eight } else { vectors }
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
    pub fn compute(&self, to: &mut [f32], plane: usize, vectors: Vectors) {
        let Self { a, steps, b, width, columns, line, bias, .. } = *self;
        let vectors = along(line, vectors);
        assert!(line >= vectors.width() && (1..=width).contains(&columns));
        assert!(steps.largest() + line <= a.len() && steps.values().len() * width <= b.len());
        assert!((columns - 1) * plane + line <= to.len());
        assert!(bias.is_none_or(|bias| bias.len() >= columns));
        // SAFETY: `Vectors` are only made where the processor has them; the bounds were checked just now.
        unsafe {
            match vectors {
                Vectors::Eight => self.by_eights(to.as_mut_ptr(), plane),
                Vectors::Sixteen => self.by_sixteens(to.as_mut_ptr(), plane),
            }
        }
    }

    /// Three columns and three vectors of positions, or four columns and fewer: all sums stay in sixteen registers.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn by_eights(&self, to: *mut f32, plane: usize) {
        // SAFETY: as for all of the row.
        unsafe { self.by_tiles::<Eight>([4, 4, 3], to, plane) }
    }

    /// Eight columns: all sums stay in thirty-two registers.
    #[target_feature(enable = "avx512f")]
    unsafe fn by_sixteens(&self, to: *mut f32, plane: usize) {
        // SAFETY: as for all of the row.
        unsafe { self.by_tiles::<Sixteen>([8; VECTORS_MAX], to, plane) }
    }

    /// With one vector, two and three of them, so many columns at most. All tiles have nearly as many vectors and columns: a
    /// small one would take as long as a larger, since each of its sums waits for the last.
    #[inline(always)]
    unsafe fn by_tiles<L: Lanes>(&self, columns_max: [usize; VECTORS_MAX], to: *mut f32, plane: usize) {
        for (first, last) in of_at_most(self.line.div_ceil(L::WIDTH), VECTORS_MAX) {
            for columns in of_at_most(self.columns, columns_max[last - first - 1]) {
                // SAFETY: as for all of the row.
                unsafe {
                    match last - first {
                        1 => self.by_columns::<L, 1>(first, columns, to, plane),
                        2 => self.by_columns::<L, 2>(first, columns, to, plane),
                        _ => self.by_columns::<L, VECTORS_MAX>(first, columns, to, plane),
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn by_columns<L: Lanes, const V: usize>(
        &self,
        vector: usize,
        (first, last): (usize, usize),
        to: *mut f32,
        plane: usize,
    ) {
        unsafe {
            match last - first {
                1 => self.tile::<L, V, 1>(vector, first, to, plane),
                2 => self.tile::<L, V, 2>(vector, first, to, plane),
                3 => self.tile::<L, V, 3>(vector, first, to, plane),
                4 => self.tile::<L, V, 4>(vector, first, to, plane),
                5 => self.tile::<L, V, 5>(vector, first, to, plane),
                6 => self.tile::<L, V, 6>(vector, first, to, plane),
                7 => self.tile::<L, V, 7>(vector, first, to, plane),
                _ => self.tile::<L, V, 8>(vector, first, to, plane),
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes, const V: usize, const C: usize>(
        &self,
        vector: usize,
        first: usize,
        to: *mut f32,
        plane: usize,
    ) {
        unsafe {
            // The last vector of a row ends with it: some of its positions are computed twice.
            let places: [usize; V] = std::array::from_fn(|index| {
                overlapping_start((vector + index) * L::WIDTH, self.line, L::WIDTH)
            });
            let from = places.map(|place| self.a.as_ptr().add(place));
            let mut sums: [[L::Vector; V]; C] = std::array::from_fn(|column| match self.bias {
                Some(bias) => [L::splat(bias.as_ptr().add(first + column)); V],
                None => [L::zero(); V],
            });
            let mut b = self.b.as_ptr().add(first);
            for &step in self.steps.values() {
                let image = from.map(|from| L::load(from.add(step as usize)));
                for (column, sums) in sums.iter_mut().enumerate() {
                    let weight = L::splat(b.add(column));
                    for (sum, image) in sums.iter_mut().zip(&image) {
                        *sum = L::fused(weight, *image, *sum);
                    }
                }
                b = b.add(self.width);
            }
            for (column, sums) in sums.iter().enumerate() {
                for (sum, place) in sums.iter().zip(places) {
                    let value = if self.rectified { L::max(L::zero(), *sum) } else { *sum };
                    L::store(to.add((first + column) * plane + place), value);
                }
            }
        }
    }
}
