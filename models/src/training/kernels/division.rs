//! So many things divided: into parts of nearly the same length, or into blocks of one length, of which the last may
//! begin before the last but one ends.

use std::ops::Range;

/// At most `parts` ranges of nearly the same length.
pub(super) fn ranges(count: usize, parts: usize) -> Vec<Range<usize>> {
    nearly_equal(count, parts.clamp(1, count.max(1))).map(|(first, end)| first..end).collect()
}

/// Ranges of nearly the same length, at most `most`: where each begins and ends.
pub(super) fn of_at_most(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    nearly_equal(count, count.div_ceil(most))
}

fn nearly_equal(count: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..parts).map(move |part| (part * count / parts, (part + 1) * count / parts))
}

/// Where blocks of `block` things begin that together are all `count` of them, of which there is at least one block: the
/// last one ends with the last thing.
pub(super) fn overlapping(count: usize, block: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(block).map(move |start| overlapping_start(start, count, block))
}

/// Where the block begins that would begin at `start`.
pub(super) fn overlapping_start(start: usize, count: usize, block: usize) -> usize {
    start.min(count - block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_nearly_equal_and_leave_nothing_out() {
        assert_eq!(ranges(7, 3), [0..2, 2..4, 4..7]);
        assert_eq!(ranges(2, 3), [0..1, 1..2]);
        assert_eq!(ranges(0, 3).len(), 1);
        assert_eq!(of_at_most(9, 4).collect::<Vec<_>>(), [(0, 3), (3, 6), (6, 9)]);
        assert_eq!(of_at_most(0, 4).count(), 0);
    }

    #[test]
    fn the_last_block_ends_with_the_last_thing() {
        assert_eq!(overlapping(12, 4).collect::<Vec<_>>(), [0, 4, 8]);
        assert_eq!(overlapping(9, 4).collect::<Vec<_>>(), [0, 4, 5]);
        assert_eq!(overlapping(0, 4).count(), 0);
    }
}
