//! Picking rows by index: a batch out of the resident data set.

use super::{exactly, misfit};
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
