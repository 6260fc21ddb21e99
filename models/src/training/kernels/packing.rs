//! Columns in blocks of one or two vectors, and images with zeros around them.

use super::{Vectors, division::overlapping};

/// Elements of a row that are copied at once.
const ROW_BLOCK: usize = 8;

/// Some columns that are computed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The first one.
    pub start: usize,
    /// How many there are.
    pub used: usize,
    /// How many places they take: one or two vectors.
    pub width: usize,
}

/// Divides columns into blocks of two vectors; what is left takes one where one is enough.
pub(super) fn blocks(columns: usize, vectors: Vectors) -> Vec<Block> {
    let (one, two) = (vectors.width(), 2 * vectors.width());
    let block = |start: usize| {
        let used = (columns - start).min(two);
        Block { start, used, width: if used <= one { one } else { two } }
    };
    (0..columns).step_by(two).map(block).collect()
}

/// Height and width of an image, and the zeros around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Height and width of the image.
    pub size: [usize; 2],
    /// Rows of zeros above it and columns to its left.
    pub before: [usize; 2],
    /// Height and width with the zeros.
    pub padded: [usize; 2],
}

impl Frame {
    /// Elements of one channel with its zeros.
    pub fn plane(&self) -> usize {
        self.padded[0] * self.padded[1]
    }

    /// Whether there is nothing around the image.
    pub fn is_bare(&self) -> bool {
        self.size == self.padded
    }

    /// Writes images into frames, of which only the inside is touched.
    pub fn fill(&self, images: &[f32], frames: &mut [f32]) {
        let [height, width] = self.size;
        for (image, frame) in images.chunks_exact(height * width).zip(frames.chunks_exact_mut(self.plane())) {
            let inside = &mut frame[self.before[0] * self.padded[1] + self.before[1]..];
            for (row, to) in image.chunks_exact(width).zip(inside.chunks_mut(self.padded[1])) {
                copy_row(row, to);
            }
        }
    }
}

/// Rows are short: a loop is faster than a call. The last block begins before the last but one ends, which also keeps the
/// compiler from making it a call.
#[inline]
pub(super) fn copy_row(from: &[f32], to: &mut [f32]) {
    let to = &mut to[..from.len()];
    if from.len() < ROW_BLOCK {
        for (from, to) in from.iter().zip(to) {
            *to = *from;
        }
        return;
    }
    for start in overlapping(from.len(), ROW_BLOCK) {
        let block = start..start + ROW_BLOCK;
        to[block.clone()].copy_from_slice(&from[block]);
    }
}
