//! Convolution by tiles: the forward pass, and with the kernels turned around the input gradient.

use super::{ELEMENTS, plan::Tiles, transform};
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

/// A planned convolution by tiles with its buffers.
#[derive(Debug)]
pub struct TiledForward {
    plan: Plan,
    /// For each element of a tile, for each block `[channels, width]`.
    kernels: Vec<f32>,
    bias: Vec<f32>,
    scratch: Vec<Scratch>,
}

#[derive(Debug)]
struct Plan {
    tiles: Tiles,
    vectors: Vectors,
    columns: usize,
    blocks: Vec<Block>,
    /// Places of all blocks together.
    width: usize,
    rows: Offsets,
    steps: Offsets,
    rectified: bool,
    /// Whether weights are `[channels, columns, 3, 3]` and turned around, instead of `[columns, channels, 3, 3]`.
    turned: bool,
}

/// What one thread needs to itself.
#[derive(Debug, Default)]
struct Scratch {
    seen: Vec<f32>,
    transformed: Vec<f32>,
    products: Vec<f32>,
    outputs: Vec<f32>,
}

impl TiledForward {
    /// Plans a convolution; where `rectified`, negative results become 0.
    pub fn new(shape: &ConvolutionShape, rectified: bool, vectors: Vectors) -> Self {
        let tiles = Tiles::new(shape.batch, shape.channels, shape.size, shape.output, shape.pads);
        Self::of(tiles, shape.filters, vectors, [rectified, false])
    }

    /// Plans a convolution's input gradient.
    pub fn of_gradient(shape: &ConvolutionShape, vectors: Vectors) -> Self {
        let [top, left, ..] = shape.pads;
        // The last tap of the first window that an element lies under is as far before it.
        let pads = [2 - top, 2 - left, 0, 0];
        let tiles = Tiles::new(shape.batch, shape.filters, shape.output, shape.size, pads);
        Self::of(tiles, shape.channels, vectors, [false, true])
    }

    fn of(tiles: Tiles, columns: usize, vectors: Vectors, [rectified, turned]: [bool; 2]) -> Self {
        let vectors = vectors.for_columns(columns);
        let blocks = blocks(columns, vectors);
        let width = blocks.iter().map(|block| block.width).sum();
        let rows = Offsets::new((0..tiles.at_once() as u32).collect());
        let steps =
            Offsets::new((0..tiles.channels).map(|channel| (channel * tiles.stride()) as u32).collect());
        let kernels = vec![0.0; ELEMENTS * width * tiles.channels];
        let plan = Plan { tiles, vectors, columns, blocks, width, rows, steps, rectified, turned };
        Self { plan, kernels, bias: vec![0.0; width], scratch: Vec::new() }
    }

    /// x `[N, channels, H, W]`, weights, bias `[columns]`, y `[N, columns, H', W']`.
    pub fn convolve(
        &mut self,
        (x, weights, bias): (&[f32], &[f32], Option<&[f32]>),
        y: &mut [f32],
        team: &dyn Team,
    ) {
        self.pack(weights);
        if let Some(bias) = bias {
            self.bias[..bias.len()].copy_from_slice(bias);
        }
        let Self { plan, kernels, bias: filled, scratch } = self;
        let bias = bias.map(|_| filled.as_slice());
        let samples = y.len() / plan.written();
        let mut shares = Shares::new(samples, team, scratch, (x, y));
        shares.each(team, |scratch, x, y| plan.compute((kernels, bias), x, y, scratch));
    }

    fn pack(&mut self, weights: &[f32]) {
        let Plan { tiles, columns, blocks, width, turned, .. } = &self.plan;
        let element = width * tiles.channels;
        for (index, kernel) in weights.chunks_exact(9).enumerate() {
            let (channel, column) = match turned {
                true => (index / columns, index % columns),
                false => (index % tiles.channels, index / tiles.channels),
            };
            let taps = std::array::from_fn(|tap| kernel[if *turned { 8 - tap } else { tap }]);
            let block = blocks[column / blocks[0].width];
            let place = block.start * tiles.channels + channel * block.width + column - block.start;
            for (number, value) in transform::kernel(taps).into_iter().enumerate() {
                self.kernels[number * element + place] = value;
            }
        }
    }
}

impl Kernel for TiledForward {
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        match (self.plan.turned, inputs, outputs) {
            (false, [x, weights, bias @ ..], [y]) => {
                self.convolve((x, weights, bias.first().copied()), y, team);
            }
            (true, [weights, upstream], [dx]) => self.convolve((upstream, weights, None), dx, team),
            _ => {}
        }
    }
}

impl Plan {
    /// Floats of one sample of what is written.
    fn written(&self) -> usize {
        self.columns * self.tiles.output[0] * self.tiles.output[1]
    }

    fn compute(&self, weights: (&[f32], Option<&[f32]>), x: &[f32], y: &mut [f32], scratch: &mut Scratch) {
        let tiles = &self.tiles;
        let (read, written) = (tiles.channels * tiles.size[0] * tiles.size[1], self.written());
        scratch.transformed.resize(tiles.len(), 0.0);
        scratch.products.resize(ELEMENTS * tiles.at_once() * self.blocks[0].width, 0.0);
        scratch.outputs.resize(4 * tiles.grid[1] * self.blocks[0].width, 0.0);
        for (x, y) in x.chunks(tiles.samples * read).zip(y.chunks_mut(tiles.samples * written)) {
            for rows in tiles.row_groups() {
                let own = rows.len() * tiles.grid[1];
                for (index, sample) in x.chunks_exact(read).enumerate() {
                    // Where a sample has several groups of rows, it is the only one and taken apart once.
                    if rows.start == 0 {
                        tiles.split(sample, &mut scratch.seen);
                    }
                    tiles.transform(&scratch.seen, rows.clone(), index * own, &mut scratch.transformed);
                }
                let count = x.len() / read * own;
                for block in &self.blocks {
                    self.multiply(block, weights.0, count, scratch);
                    self.write(block, weights.1, rows.clone(), y, scratch);
                }
            }
        }
    }

    fn multiply(&self, block: &Block, kernels: &[f32], count: usize, scratch: &mut Scratch) {
        let Tiles { channels, .. } = self.tiles;
        let (element, start) = (self.width * channels, block.start * channels);
        let products = scratch.products.chunks_exact_mut(self.tiles.at_once() * self.blocks[0].width);
        for ((index, a), c) in
            scratch.transformed.chunks_exact(self.tiles.element()).enumerate().zip(products)
        {
            let panel = Panel {
                a,
                rows: self.rows.narrow_part(0, count),
                steps: self.steps.part(0, channels),
                b: &kernels[index * element + start..index * element + start + block.width * channels],
                c,
                columns: block.width,
                start: Start::Zero,
                rectified: false,
            };
            panel.compute(self.vectors);
        }
    }

    /// From products to the outputs' planes.
    fn write(
        &self,
        block: &Block,
        bias: Option<&[f32]>,
        rows: std::ops::Range<usize>,
        y: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let tiles = &self.tiles;
        let ([height, width], across) = (tiles.output, tiles.grid[1]);
        let bias = bias.map(|bias| &bias[block.start..]);
        let row = transform::Rows {
            element: tiles.at_once() * self.blocks[0].width,
            tiles: across,
            width: block.width,
        };
        for (sample, y) in y.chunks_exact_mut(self.written()).enumerate() {
            let planes = &mut y[block.start * height * width..];
            for (index, tile_row) in rows.clone().enumerate() {
                let first = (sample * rows.len() + index) * across * block.width;
                row.outputs(&scratch.products[first..], bias, self.rectified, &mut scratch.outputs);
                for (line, outputs) in
                    scratch.outputs.chunks_exact(2 * across * block.width).take(2).enumerate()
                {
                    let place = 2 * tile_row + line;
                    if place < height {
                        let to = &mut planes[place * width..];
                        transpose(outputs, block.width, to, height * width, [width, block.used]);
                    }
                }
            }
        }
    }
}
