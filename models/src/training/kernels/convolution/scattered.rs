//! The gradient of a convolution with respect to its input, the other way round: what each position's gradient comes to
//! under each tap is computed for many positions at once, and added where that tap had looked.
//!
//! Nothing is multiplied with the zeros around the gradient, and channels need fill no vectors: that pays where windows
//! are large beside the image and nothing is padded.

use super::{STEPS_AT_ONCE, sliding};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        Kernel, Vectors,
        packing::{Block, blocks},
        panel::{Offsets, Panel, Start},
        team::{Shares, Team},
        transpose::transpose,
    },
};

/// Positions that lie side by side in a row of the output, as many as a group of columns has.
const GROUP: usize = 8;
/// (Channel, tap) pairs whose products are computed before they are added; with 16 columns they take 12 KiB.
const ROWS_AT_ONCE: usize = 192;

/// Adding a group to a plane takes as long as so many products.
const ADDING: usize = 6;
/// Of this many products of the gathering way, so many may be left for this one to pay.
const WORTH: (usize, usize) = (3, 4);

/// Whether this way pays.
pub(super) fn pays(shape: &ConvolutionShape, vectors: Vectors) -> bool {
    let [height, width] = shape.size;
    let [by_positions, by_channels] = sliding::products(width, shape.channels, vectors);
    let of_row = if sliding::pays(width, shape.channels, vectors) { by_positions } else { by_channels };
    let gathered = height * of_row;
    let columns = columns(shape);
    let products = columns.div_ceil(vectors.for_columns(columns).width()) * shape.filters;
    let scattered = (products + columns / GROUP * ADDING) * shape.channels;
    let is_less = WORTH.1 * scattered <= WORTH.0 * gathered * shape.filters;
    shape.groups == 1 && shape.stride == [1, 1] && is_less
}

/// Columns of the product: the positions of one sample, each row filled up to whole groups.
fn columns(shape: &ConvolutionShape) -> usize {
    shape.output[0] * shape.output[1].next_multiple_of(GROUP)
}

/// A planned input gradient with its buffers.
#[derive(Debug)]
pub struct ScatteredGradient {
    plan: Plan,
    /// `[channels taps, filters]`.
    weights: Vec<f32>,
    scratch: Vec<Scratch>,
}

#[derive(Debug)]
struct Plan {
    shape: ConvolutionShape,
    vectors: Vectors,
    blocks: Vec<Block>,
    /// Where each (channel, tap) pair's weights begin.
    rows: Offsets,
    /// Where its filters lie from there on.
    steps: Offsets,
    /// (Channel, tap) pairs that are computed together: of whole channels.
    rows_at_once: usize,
    /// The positions of the columns, group by group.
    groups: Vec<Group>,
    /// For each tap, where the products of each group go.
    places: Vec<Place>,
}

/// Neighbouring positions in a row of the output.
#[derive(Clone, Copy, Debug)]
struct Group {
    row: usize,
    column: usize,
    len: usize,
}

/// Where a group's products under one tap are added: `len` of them from `from` on, to a plane's elements from `to` on.
#[derive(Clone, Copy, Debug)]
struct Place {
    from: usize,
    len: usize,
    to: usize,
}

/// What one thread needs to itself.
#[derive(Debug, Default)]
struct Scratch {
    /// `[filters, width]`.
    upstream: Vec<f32>,
    /// `[rows at once, width]`.
    products: Vec<f32>,
}

impl ScatteredGradient {
    /// Plans the gradient of a convolution with stride 1 and a single group.
    pub fn new(shape: &ConvolutionShape, vectors: Vectors) -> Self {
        let columns = columns(shape);
        let vectors = vectors.for_columns(columns);
        let (taps, pairs) = (shape.taps(), shape.channels * shape.taps());
        let groups = groups(shape);
        let places = (0..taps).flat_map(|tap| groups.iter().map(move |group| Place::new(shape, group, tap)));
        let plan = Plan {
            shape: *shape,
            vectors,
            blocks: blocks(columns, vectors),
            rows: Offsets::new((0..pairs).map(|pair| (pair * shape.filters) as u32).collect()),
            steps: Offsets::new((0..shape.filters).map(|filter| filter as u32).collect()),
            rows_at_once: (ROWS_AT_ONCE / taps).clamp(1, shape.channels.max(1)) * taps,
            places: places.collect(),
            groups,
        };
        Self { plan, weights: vec![0.0; pairs * shape.filters], scratch: Vec::new() }
    }

    /// Weights `[K, C, h, w]`, the output's gradient `[N, K, H', W']`, the input's gradient `[N, C, H, W]`.
    pub fn differentiate(&mut self, (weights, upstream): (&[f32], &[f32]), dx: &mut [f32], team: &dyn Team) {
        let Self { plan, weights: packed, scratch } = self;
        let (filters, pairs) = (plan.steps.len(), plan.rows.len());
        transpose(weights, pairs, packed, filters, [filters, pairs]);
        let ConvolutionShape { channels, size, output, .. } = plan.shape;
        let [read, written] = [filters * output[0] * output[1], channels * size[0] * size[1]];
        let samples = dx.len() / written.max(1);
        let mut shares = Shares::new(samples, team, scratch, (upstream, dx));
        shares.each(team, |scratch, upstream, dx| {
            for (upstream, dx) in upstream.chunks_exact(read).zip(dx.chunks_exact_mut(written)) {
                plan.sample(packed, upstream, dx, scratch);
            }
        });
    }
}

impl Kernel for ScatteredGradient {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        if let ([weights, upstream], [dx]) = (inputs, outputs) {
            self.differentiate((weights, upstream), dx, team);
        }
    }
}

fn groups(shape: &ConvolutionShape) -> Vec<Group> {
    let [height, width] = shape.output;
    let groups = (0..height).flat_map(|row| {
        let columns = (0..width).step_by(GROUP);
        columns.map(move |column| Group { row, column, len: (width - column).min(GROUP) })
    });
    groups.collect()
}

impl Place {
    /// As much of a group as lies in the image under this tap.
    fn new(shape: &ConvolutionShape, group: &Group, tap: usize) -> Self {
        let ConvolutionShape { size: [height, across], kernel, dilation, pads, .. } = *shape;
        // Counted from the padding's edges.
        let row = group.row + tap / kernel[1] * dilation[0];
        let column = group.column + tap % kernel[1] * dilation[1];
        let from = pads[1].saturating_sub(column);
        let end = (pads[1] + across).saturating_sub(column).min(group.len);
        if row < pads[0] || row >= pads[0] + height || end <= from {
            return Self { from: 0, len: 0, to: 0 };
        }
        Self { from, len: end - from, to: (row - pads[0]) * across + column + from - pads[1] }
    }
}

impl Plan {
    fn sample(&self, weights: &[f32], upstream: &[f32], dx: &mut [f32], scratch: &mut Scratch) {
        dx.fill(0.0);
        let plane = self.shape.size[0] * self.shape.size[1];
        let taps = self.shape.taps();
        for block in &self.blocks {
            self.pack(upstream, block, &mut scratch.upstream);
            scratch.products.resize(self.rows_at_once * block.width, 0.0);
            for first in (0..self.rows.len()).step_by(self.rows_at_once) {
                let last = (first + self.rows_at_once).min(self.rows.len());
                self.multiply(weights, (first, last), block.width, scratch);
                let planes = dx[first / taps * plane..].chunks_exact_mut(plane);
                let products =
                    scratch.products[..(last - first) * block.width].chunks_exact(taps * block.width);
                planes.zip(products).for_each(|(plane, products)| self.add(products, block, plane));
            }
        }
    }

    fn groups_of(&self, block: &Block) -> std::ops::Range<usize> {
        block.start / GROUP..(block.start + block.used) / GROUP
    }

    /// From `[filters, positions]` to `[filters, width]`; zeros where there is no position.
    fn pack(&self, upstream: &[f32], block: &Block, packed: &mut Vec<f32>) {
        packed.resize(self.steps.len() * block.width, 0.0);
        let [height, across] = self.shape.output;
        let groups = &self.groups[self.groups_of(block)];
        for (from, to) in upstream.chunks_exact(height * across).zip(packed.chunks_exact_mut(block.width)) {
            for (group, to) in groups.iter().zip(to.as_chunks_mut::<GROUP>().0) {
                let from = &from[group.row * across + group.column..];
                match from.first_chunk() {
                    Some(from) if group.len == GROUP => *to = *from,
                    _ => {
                        to.fill(0.0);
                        to.iter_mut().zip(&from[..group.len]).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
    }

    fn multiply(&self, weights: &[f32], (first, last): (usize, usize), width: usize, scratch: &mut Scratch) {
        let steps = self.steps.len();
        for begin in (0..steps).step_by(STEPS_AT_ONCE) {
            let end = (begin + STEPS_AT_ONCE).min(steps);
            let panel = Panel {
                a: weights,
                rows: self.rows.part(first, last),
                steps: self.steps.part(begin, end),
                b: &scratch.upstream[begin * width..end * width],
                c: &mut scratch.products,
                columns: width,
                start: if begin == 0 { Start::Zero } else { Start::Kept },
                rectified: false,
            };
            panel.compute(self.vectors);
        }
    }

    /// Adds the products `[taps, width]` of one channel to its plane, as far as they lie in the image.
    fn add(&self, products: &[f32], block: &Block, plane: &mut [f32]) {
        let groups = self.groups_of(block);
        let taps = products.chunks_exact(block.width).zip(self.places.chunks_exact(self.groups.len()));
        for (products, places) in taps {
            for (place, products) in places[groups.clone()].iter().zip(products.as_chunks().0) {
                add_group(products, place, plane);
            }
        }
    }
}

#[inline]
fn add_group(products: &[f32; GROUP], place: &Place, plane: &mut [f32]) {
    let to = &mut plane[place.to..];
    match to.first_chunk_mut::<GROUP>() {
        Some(to) if place.len == GROUP => to.iter_mut().zip(products).for_each(|(to, from)| *to += from),
        _ => {
            let from = &products[place.from..place.from + place.len];
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }
}
