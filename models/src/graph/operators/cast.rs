//! Conversion to 32-bit floats.

use super::exactly;
use crate::graph::{
    Application, ElementType, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Emitter, Value},
};

/// The same numbers as 32-bit floats.
#[derive(Clone, Copy, Debug)]
pub struct ToFloat;

impl Operator for ToFloat {
    fn name(&self) -> &'static str {
        "to float"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [fact] = exactly(self.name(), inputs)?;
        Ok(vec![Fact::f32(&fact.shape)])
    }

    /// Numbers of other types are not trained.
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let is_float = graph.fact(application.inputs[0]).element == ElementType::F32;
        Ok(vec![application.output_gradients[0].filter(|_| is_float)])
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        match facts[0].element {
            ElementType::F32 => inputs.to_vec(),
            _ => vec![emitter.to_float(&inputs[0])],
        }
    }
}
