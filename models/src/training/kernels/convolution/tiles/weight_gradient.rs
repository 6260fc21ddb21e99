//! The weight gradient by tiles: transformed images times transformed gradients of the outputs, summed over tiles.

use super::{ELEMENTS, plan::Tiles, transform};
use crate::{
    graph::operators::window::ConvolutionShape,
    training::kernels::{
        Vectors,
        convolution::weights_by_threads::{BlockSums, ByThreads, Way},
        packing::{Block, blocks},
        panel::{Offsets, Panel, Start},
        transpose::transpose,
    },
};

/// A planned weight gradient by tiles with its buffers.
pub type TiledWeightGradient = ByThreads<Plan>;

/// How it is computed.
#[derive(Debug)]
pub struct Plan {
    tiles: Tiles,
    vectors: Vectors,
    filters: usize,
    blocks: Vec<Block>,
    rows: Offsets,
    steps: Offsets,
}

/// What one thread adds up.
#[derive(Debug, Default)]
pub struct Part {
    seen: Vec<f32>,
    transformed: Vec<f32>,
    /// Two rows of outputs' gradients `[2, 2 tiles, width]`; what lies beyond the outputs is 0.
    outputs: Vec<f32>,
    /// `[16, tiles, width]`.
    upstream: Vec<f32>,
    /// Of the weights, for each block `[16, channels, width]`.
    sums: BlockSums,
}

impl TiledWeightGradient {
    /// Plans a convolution's weight gradient.
    pub fn new(shape: &ConvolutionShape, vectors: Vectors) -> Self {
        let tiles = Tiles::new(shape.batch, shape.channels, shape.size, shape.output, shape.pads);
        let vectors = vectors.for_columns(shape.filters);
        let rows = (0..tiles.channels).map(|channel| (channel * tiles.stride()) as u32).collect();
        let steps = (0..tiles.at_once() as u32).collect();
        let blocks = blocks(shape.filters, vectors);
        let (rows, steps) = (Offsets::new(rows), Offsets::new(steps));
        let plan = Plan { tiles, vectors, filters: shape.filters, blocks, rows, steps };
        Self::planned(plan)
    }
}

impl Way for Plan {
    type Part = Part;

    fn sample_sizes(&self) -> [usize; 2] {
        let Tiles { channels, size, output, .. } = &self.tiles;
        [channels * size[0] * size[1], self.filters * output[0] * output[1]]
    }

    fn compute(&self, part: &mut Part, x: &[f32], upstream: &[f32], bias: bool) {
        part.compute(self, x, upstream, bias);
    }

    fn finish(&self, parts: Vec<&mut Part>, dw: &mut [f32], db: Option<&mut [f32]>) {
        let Some(total) = BlockSums::total(parts.into_iter().map(|part| &mut part.sums)) else { return };
        total.write_bias(&self.blocks, db);
        let channels = self.tiles.channels;
        for (block, sums) in self.blocks.iter().zip(&total.weights) {
            let element = channels * block.width;
            for (index, kernel) in
                dw[block.start * channels * 9..].chunks_exact_mut(9).take(block.used * channels).enumerate()
            {
                let place = index % channels * block.width + index / channels;
                let elements = std::array::from_fn(|number| sums[number * element + place]);
                kernel.copy_from_slice(&transform::kernel_gradient(elements));
            }
        }
    }
}

impl Plan {
    /// Two rows of outputs' gradients, from planes.
    fn gather(&self, block: &Block, planes: &[f32], tile_row: usize, outputs: &mut [f32]) {
        let ([height, width], across) = (self.tiles.output, self.tiles.grid[1]);
        for (line, outputs) in outputs.chunks_exact_mut(2 * across * block.width).take(2).enumerate() {
            let place = 2 * tile_row + line;
            match place < height {
                true => transpose(
                    &planes[place * width..],
                    height * width,
                    outputs,
                    block.width,
                    [block.used, width],
                ),
                false => outputs.fill(0.0),
            }
        }
    }
}

impl Part {
    fn prepare(&mut self, plan: &Plan) {
        let tiles = &plan.tiles;
        self.transformed.resize(tiles.len(), 0.0);
        self.upstream.resize(ELEMENTS * tiles.at_once() * plan.blocks[0].width, 0.0);
        self.sums = BlockSums::zeros(&plan.blocks, ELEMENTS * tiles.channels);
    }

    fn compute(&mut self, plan: &Plan, x: &[f32], upstream: &[f32], bias: bool) {
        self.prepare(plan);
        let tiles = &plan.tiles;
        let [read, written] = plan.sample_sizes();
        for (x, upstream) in x.chunks(tiles.samples * read).zip(upstream.chunks(tiles.samples * written)) {
            for rows in tiles.row_groups() {
                let own = rows.len() * tiles.grid[1];
                for (index, sample) in x.chunks_exact(read).enumerate() {
                    // Where a sample has several groups of rows, it is the only one and taken apart once.
                    if rows.start == 0 {
                        tiles.split(sample, &mut self.seen);
                    }
                    tiles.transform(&self.seen, rows.clone(), index * own, &mut self.transformed);
                }
                for index in 0..plan.blocks.len() {
                    self.block(plan, index, upstream, rows.clone(), bias);
                }
            }
        }
    }

    fn block(
        &mut self,
        plan: &Plan,
        index: usize,
        upstream: &[f32],
        rows: std::ops::Range<usize>,
        bias: bool,
    ) {
        let (tiles, block) = (&plan.tiles, &plan.blocks[index]);
        let ([height, width], across) = (tiles.output, tiles.grid[1]);
        let written = plan.sample_sizes()[1];
        // Places beyond the used columns must be 0 in each block.
        self.outputs.clear();
        self.outputs.resize(4 * across * block.width, 0.0);
        let element = tiles.at_once() * block.width;
        let row = transform::Rows { element, tiles: across, width: block.width };
        for (sample, upstream) in upstream.chunks_exact(written).enumerate() {
            let planes = &upstream[block.start * height * width..];
            for (number, tile_row) in rows.clone().enumerate() {
                plan.gather(block, planes, tile_row, &mut self.outputs);
                if bias {
                    self.sums.add_to_bias(index, &self.outputs);
                }
                let first = (sample * rows.len() + number) * across * block.width;
                row.gradients(&self.outputs, &mut self.upstream[first..]);
            }
        }
        let count = upstream.len() / written * rows.len() * across;
        self.multiply(plan, index, count);
    }

    fn multiply(&mut self, plan: &Plan, index: usize, count: usize) {
        let (tiles, block) = (&plan.tiles, &plan.blocks[index]);
        let transformed = self.transformed.chunks_exact(tiles.element());
        let upstream = self.upstream.chunks_exact(tiles.at_once() * block.width);
        let sums = self.sums.weights[index].chunks_exact_mut(tiles.channels * block.width);
        for ((a, b), c) in transformed.zip(upstream).zip(sums) {
            let panel = Panel {
                a,
                rows: plan.rows.part(0, tiles.channels),
                steps: plan.steps.narrow_part(0, count),
                b,
                c,
                columns: block.width,
                start: Start::Kept,
                rectified: false,
            };
            panel.compute(plan.vectors);
        }
    }
}
