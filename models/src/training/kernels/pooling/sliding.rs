//! Means of windows that slide by one column, and their gradients: neighbouring windows read neighbouring elements, so
//! rows are added up eight elements at a time, down first and across after that.
//!
//! A window's weight, one divided by the elements of it that lie in the image, is a factor of its row times one of its
//! column. It must not know batches or threads.

use crate::graph::operators::window::PoolShape;

/// Elements that are computed together: a vector's worth.
const LANES: usize = 8;

/// The windows of a plane.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    shape: PoolShape,
    /// Each row of windows: the first row of the image that it sees, the first one beyond, and its factor.
    rows: Vec<(usize, usize, f32)>,
    /// Each row of the image: the first row of windows that sees it, and the first one beyond.
    seen: Vec<(usize, usize)>,
    /// The factor of each column of windows.
    columns: Vec<f32>,
}

impl Sliding {
    /// The windows of this shape, where they slide by one column and rows fill vectors.
    pub fn of(shape: &PoolShape) -> Option<Self> {
        if !shape.is_sliding() {
            return None;
        }
        assert!(shape.size[1].min(shape.output[1]) >= LANES);
        let factor = |(start, end): (usize, usize)| 1.0 / (end - start) as f32;
        let window = |row: usize| shape.window(0, row);
        let rows: Vec<_> =
            (0..shape.output[0]).map(|row| (window(row).0, window(row).1, factor(window(row)))).collect();
        let seen = (0..shape.size[0]).map(|row| {
            let first = rows.partition_point(|(_, end, _)| *end <= row);
            (first, rows.partition_point(|(start, _, _)| *start <= row).max(first))
        });
        let columns = (0..shape.output[1]).map(|column| factor(shape.window(1, column)));
        Some(Self { shape: *shape, seen: seen.collect(), columns: columns.collect(), rows })
    }

    /// Means of all planes: x `[planes, H, W]`, y `[planes, H', W']`.
    #[target_feature(enable = "avx2,fma")]
    pub fn means(&self, x: &[f32], y: &mut [f32], sums: &mut Vec<f32>) {
        let PoolShape { size: [_, width], output: [_, across], kernel: [_, taps], pads, .. } = self.shape;
        let [read, written] = self.shape.planes();
        // What windows see to the left and to the right of the image counts as nothing.
        sums.clear();
        sums.resize(pads[1] + width.max(across) + taps + LANES, 0.0);
        for (x, y) in x.chunks_exact(read).zip(y.chunks_exact_mut(written)) {
            for ((start, end, factor), y) in self.rows.iter().zip(y.chunks_exact_mut(across)) {
                let down = &mut sums[pads[1]..pads[1] + width];
                by_lanes(width, |column| {
                    let mut sum = [0.0; LANES];
                    for row in *start..*end {
                        add(&mut sum, lanes(x, row * width + column));
                    }
                    put(down, column, sum.map(|sum| sum * factor));
                });
                by_lanes(across, |column| {
                    let mut sum = [0.0; LANES];
                    for tap in 0..taps {
                        add(&mut sum, lanes(sums, column + tap));
                    }
                    let factors = lanes(&self.columns, column);
                    put(y, column, std::array::from_fn(|lane| sum[lane] * factors[lane]));
                });
            }
        }
    }

    /// Gradients of all planes: that of y `[planes, H', W']`, that of x `[planes, H, W]`.
    #[target_feature(enable = "avx2,fma")]
    pub fn gradients(&self, upstream: &[f32], dx: &mut [f32], sums: &mut Vec<f32>) {
        let PoolShape { size: [_, width], output: [_, across], kernel: [_, taps], pads, .. } = self.shape;
        let [read, written] = self.shape.planes();
        // To the left and to the right of the windows there are none.
        let first = taps - 1;
        sums.clear();
        sums.resize(first + (pads[1] + width).max(across) + LANES, 0.0);
        for (dx, upstream) in dx.chunks_exact_mut(read).zip(upstream.chunks_exact(written)) {
            for ((start, end), dx) in self.seen.iter().zip(dx.chunks_exact_mut(width)) {
                let down = &mut sums[first..first + across];
                by_lanes(across, |column| {
                    let mut sum = [0.0; LANES];
                    for row in *start..*end {
                        let (values, factor) = (lanes(upstream, row * across + column), self.rows[row].2);
                        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * factor);
                    }
                    let factors = lanes(&self.columns, column);
                    put(down, column, std::array::from_fn(|lane| sum[lane] * factors[lane]));
                });
                by_lanes(width, |column| {
                    let mut sum = [0.0; LANES];
                    for tap in 0..taps {
                        add(&mut sum, lanes(sums, first + pads[1] + column - tap));
                    }
                    put(dx, column, sum);
                });
            }
        }
    }
}

/// All of `count` elements, at least a vector's worth, eight at a time; some twice, where their number is no multiple.
#[inline(always)]
fn by_lanes(count: usize, mut work: impl FnMut(usize)) {
    let whole = count / LANES * LANES;
    (0..whole).step_by(LANES).for_each(&mut work);
    if whole < count {
        work(count - LANES);
    }
}

#[inline(always)]
fn lanes(from: &[f32], place: usize) -> &[f32; LANES] {
    const ZEROS: [f32; LANES] = [0.0; LANES];
    from[place..].first_chunk().unwrap_or(&ZEROS)
}

#[inline(always)]
fn put(to: &mut [f32], place: usize, values: [f32; LANES]) {
    if let Some(to) = to[place..].first_chunk_mut() {
        *to = values;
    }
}

#[inline(always)]
fn add(sum: &mut [f32; LANES], values: &[f32; LANES]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}
