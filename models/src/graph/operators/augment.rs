//! Random changes of training images, drawn in the graph for each image.

use super::{all_f32, exactly, misfit, random};
use crate::graph::{
    Fact, GraphError, Operator,
    emitter::{Emitter, Value},
};

/// Shifts each image by up to `pixels` up, down, left and right; zeros come in. Inputs: x `[N, C, H, W]`, seed i64
/// scalar. No gradient: images are not trained.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    /// Largest shift along each axis.
    pub pixels: usize,
}

/// Mirrors each image left to right, or not. Inputs: x `[N, C, H, W]`, seed i64 scalar. No gradient.
#[derive(Clone, Copy, Debug)]
pub struct Flip;

/// Salts of the draws here; dropouts have theirs from outside, small numbers most likely.
const SHIFT_DOWN: u64 = 0x5348_4946_5444;
const SHIFT_ACROSS: u64 = 0x5348_4946_5441;
const FLIP: u64 = 0x464C_4950;

fn image_and_seed(operator: &'static str, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
    let [x, seed] = exactly(operator, inputs)?;
    all_f32(operator, &[x])?;
    match x.shape.len() == 4 && *seed == Fact::i64(&[]) {
        true => Ok(vec![x.clone()]),
        false => Err(misfit(operator, format!("expects [N, C, H, W] and an I64 scalar, got {inputs:?}"))),
    }
}

impl Operator for Shift {
    fn name(&self) -> &'static str {
        "shift"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        image_and_seed(self.name(), inputs)
    }

    /// A shift along an axis is a product with an off-diagonal matrix, picked for each image out of a table.
    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let &[samples, _, height, width] = facts[0].shape.as_slice() else { return Vec::new() };
        if self.pixels == 0 {
            return vec![inputs[0].clone()];
        }
        let down = self.matrices(emitter, &inputs[1], SHIFT_DOWN, samples, height);
        let across = self.matrices(emitter, &inputs[1], SHIFT_ACROSS, samples, width);
        let shifted = emitter.op("MatMul", &[&down, &inputs[0]], Vec::new());
        vec![emitter.op("MatMul", &[&shifted, &across], Vec::new())]
    }
}

impl Shift {
    /// `[N, 1, size, size]`.
    fn matrices(&self, emitter: &mut Emitter, seed: &str, salt: u64, samples: usize, size: usize) -> Value {
        let count = 2 * self.pixels + 1;
        let pick = random::draw_below(emitter, seed, salt, &[samples, 1], count);
        let table = emitter.keyed_tensor(format!("shifts {count} {size}"), &[count, size, size], || {
            let element = |index: usize| {
                let (shift, row, column) = (index / (size * size), index / size % size, index % size);
                if column + self.pixels == row + shift { 1.0 } else { 0.0 }
            };
            (0..count * size * size).map(element).collect()
        });
        emitter.op("Gather", &[&table, &pick], Vec::new())
    }
}

impl Operator for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        image_and_seed(self.name(), inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let pick = random::draw_below(emitter, &inputs[1], FLIP, &[facts[0].shape[0], 1, 1, 1], 2);
        let zero = emitter.integer_tensor(&[], &[0]);
        let mirrored = emitter.slice(&inputs[0], &[3], &[-1], &[i64::MIN / 2], &[-1]);
        let flips = emitter.op("Greater", &[&pick, &zero], Vec::new());
        vec![emitter.op("Where", &[&flips, &mirrored, &inputs[0]], Vec::new())]
    }
}
