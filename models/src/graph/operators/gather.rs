//! Picking by index: rows, as a batch out of the resident data set, and columns of a table.

use super::{exactly, misfit, signed};
use crate::graph::{
    ElementType, Fact, GraphError, Operator,
    emitter::{Attribute, Emitter, Value},
};

/// Inputs: data `[S, ..]` of any type, index i64 `[N]`. Output `[N, ..]`. No gradient: data is not trained.
#[derive(Clone, Copy, Debug)]
pub struct GatherRows;

impl Operator for GatherRows {
    fn name(&self) -> &'static str {
        "gather rows"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [data, index] = exactly(self.name(), inputs)?;
        if data.shape.is_empty() || index.element != ElementType::I64 || index.shape.len() != 1 {
            return Err(misfit(
                self.name(),
                format!("expects data [S, ..] and index I64 [N], got {inputs:?}"),
            ));
        }
        let mut shape = data.shape.clone();
        shape[0] = index.shape[0];
        Ok(vec![Fact { element: data.element, shape }])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.op("Gather", &[&inputs[0], &inputs[1]], vec![("axis", Attribute::Int(0))])]
    }
}

/// Columns of a table, each as often as it is named. Input: `[N, C]` of any type. Output `[N, columns]`. No gradient:
/// data is not trained.
#[derive(Clone, Debug)]
pub struct GatherColumns {
    /// Which columns, in the order of the output.
    pub columns: Vec<usize>,
}

impl Operator for GatherColumns {
    fn name(&self) -> &'static str {
        "gather columns"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [data] = exactly(self.name(), inputs)?;
        match *data.shape {
            [rows, width] if self.columns.iter().all(|&column| column < width) => {
                Ok(vec![Fact { element: data.element, shape: vec![rows, self.columns.len()] }])
            }
            _ => Err(misfit(self.name(), format!("no columns {:?} in shape {:?}", self.columns, data.shape))),
        }
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let columns = emitter.integers(&signed(&self.columns));
        vec![emitter.op("Gather", &[&inputs[0], &columns], vec![("axis", Attribute::Int(1))])]
    }
}
