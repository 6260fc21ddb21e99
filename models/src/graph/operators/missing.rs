//! What becomes of the values of a table that are missing (NaN) or stand for categories. Whatever these operators put
//! out is a number: NaN goes no further.
//!
//! None has a gradient: data is not trained.

use super::{all_f32, exactly, misfit};
use crate::graph::{
    Fact, GraphError, Operator,
    emitter::{Emitter, Value},
};

/// Inputs: f32 `[N, C]` and f32 `[C]`. Output: the first, with the second's number of the column where one is missing.
#[derive(Clone, Copy, Debug)]
pub struct FillMissing;

/// Inputs: f32 `[N, C]` and f32 `[C]`. Output: the second's number of the column where one is missing in the first,
/// and 0 where none is.
#[derive(Clone, Copy, Debug)]
pub struct MarkMissing;

/// Inputs: f32 `[N, C]` and f32 `[C]`. Output f32 `[N, C]`: 1 where the first has the second's number of the column,
/// else 0. NaN equals nothing, in either of them.
#[derive(Clone, Copy, Debug)]
pub struct MarkEqual;

/// The shape rule of all three.
fn rows_and_numbers(operator: &'static str, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
    let [rows, numbers] = exactly(operator, inputs)?;
    all_f32(operator, inputs)?;
    if rows.shape.len() == 2 && rows.shape[1..] == numbers.shape {
        return Ok(vec![rows.clone()]);
    }
    Err(misfit(operator, format!("expects [N, C] and [C], got {:?} and {:?}", rows.shape, numbers.shape)))
}

impl Operator for FillMissing {
    fn name(&self) -> &'static str {
        "fill missing"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        rows_and_numbers(self.name(), inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let missing = emitter.op("IsNaN", &[&inputs[0]], Vec::new());
        vec![emitter.op("Where", &[&missing, &inputs[1], &inputs[0]], Vec::new())]
    }
}

impl Operator for MarkMissing {
    fn name(&self) -> &'static str {
        "mark missing"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        rows_and_numbers(self.name(), inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let missing = emitter.op("IsNaN", &[&inputs[0]], Vec::new());
        let zero = emitter.scalar(0.0);
        vec![emitter.op("Where", &[&missing, &inputs[1], &zero], Vec::new())]
    }
}

impl Operator for MarkEqual {
    fn name(&self) -> &'static str {
        "mark equal"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        rows_and_numbers(self.name(), inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let equal = emitter.op("Equal", &[&inputs[0], &inputs[1]], Vec::new());
        vec![emitter.to_float(&equal)]
    }
}
