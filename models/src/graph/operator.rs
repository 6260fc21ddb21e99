//! What every operator says of itself: shapes, cost, gradient, lowering.

use super::{
    Fact, Graph, GraphError, Outlet,
    lowering::{Emitter, Value},
};
use std::fmt::Debug;

/// What one application of an operator costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiplications fused with additions, as convolutions and matrix products count them.
    pub multiply_adds: u64,
}

/// One operator with its attributes.
pub trait Operator: Debug + Send + Sync {
    /// Name in messages.
    fn name(&self) -> &'static str;

    /// The name under which the value is handed in, where this is an input of the graph.
    fn input_name(&self) -> Option<&str> {
        None
    }

    /// Types and shapes of the outputs.
    ///
    /// # Errors
    /// `GraphError::Shape` where the inputs do not fit.
    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError>;

    /// What it costs.
    fn cost(&self, _inputs: &[&Fact], _outputs: &[Fact]) -> Cost {
        Cost::default()
    }

    /// Adds nodes that compute the gradient of a scalar with respect to each input, given those with respect to the
    /// outputs (`None`: that output does not influence the scalar). `None` for an input that gets no gradient
    /// (integers, running statistics).
    ///
    /// # Errors
    /// `GraphError::NoGradient` where there is no rule; `GraphError::Shape` never, if the rule is right.
    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
        let _ = (graph, application);
        Err(GraphError::NoGradient { operator: self.name() })
    }

    /// Emits standard ONNX operators and returns the names of the output values.
    fn lower(
        &self,
        emitter: &mut Emitter,
        inputs: &[Value],
        input_facts: &[&Fact],
        output_facts: &[Fact],
    ) -> Vec<Value>;
}

/// One node, as its gradient rule sees it.
#[derive(Debug)]
pub struct Application<'a> {
    /// What the node reads.
    pub inputs: &'a [Outlet],
    /// What it computed.
    pub outputs: &'a [Outlet],
    /// Gradients of the scalar with respect to `outputs`.
    pub output_gradients: &'a [Option<Outlet>],
    /// For each input, whether anyone needs its gradient: rules may return `None` where not.
    pub wanted: &'a [bool],
}
