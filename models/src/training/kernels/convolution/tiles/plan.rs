//! Which tiles are computed together, and what that takes.

use super::ELEMENTS;
use crate::{
    graph::operators::window::PoolShape,
    training::kernels::columns::{Columns, WINDOWS},
};
use std::ops::Range;

/// Tiles that are worth being computed together: with 64 channels they take 400 KB, which a core's own cache holds.
const TILES_AT_ONCE: usize = 96;

/// Images of some channels, cut into tiles of 4x4 elements that lie 2 apart.
#[derive(Clone, Debug)]
pub(super) struct Tiles {
    /// The tiles as windows over a plane.
    pub columns: Columns,
    /// Channels of the images.
    pub channels: usize,
    /// Height and width of the images.
    pub size: [usize; 2],
    /// Height and width of what is computed: one more or less than twice the tiles.
    pub output: [usize; 2],
    /// Tiles down and across.
    pub grid: [usize; 2],
    /// Samples whose tiles are computed together: several where they have few.
    pub samples: usize,
    /// Rows of tiles that are computed together: all, or some of one sample.
    pub rows: usize,
}

impl Tiles {
    /// Images `[channels, size]` with `pads` around them, `batch` of them at most at once.
    pub fn new(
        batch: usize,
        channels: usize,
        size: [usize; 2],
        output: [usize; 2],
        pads: [usize; 4],
    ) -> Self {
        let grid = output.map(|size| size.div_ceil(2));
        let all = grid[0] * grid[1];
        let windows =
            PoolShape { batch: 1, channels: 1, size, kernel: [4, 4], output: grid, stride: [2, 2], pads };
        let rows = (TILES_AT_ONCE / grid[1]).clamp(1, grid[0]);
        let samples = if rows == grid[0] { (TILES_AT_ONCE / all).clamp(1, batch.max(1)) } else { 1 };
        // Rows in groups of one size.
        let rows = grid[0].div_ceil(grid[0].div_ceil(rows));
        Self { columns: Columns::new(&windows), channels, size, output, grid, samples, rows }
    }

    /// Tiles that are computed together, at most.
    pub fn at_once(&self) -> usize {
        self.samples * self.rows * self.grid[1]
    }

    /// Distance between channels of transformed tiles: with room for whole vectors.
    pub fn stride(&self) -> usize {
        self.at_once() + WINDOWS
    }

    /// Distance between elements of transformed tiles.
    pub fn element(&self) -> usize {
        self.channels * self.stride()
    }

    /// Floats of all transformed tiles.
    pub fn len(&self) -> usize {
        ELEMENTS * self.element()
    }

    /// The groups of rows.
    pub fn row_groups(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, all) = (self.rows, self.grid[0]);
        (0..all).step_by(rows).map(move |first| first..(first + rows).min(all))
    }
}
