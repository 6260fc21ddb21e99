//! What every operator says of itself: shapes, cost, gradient, lowering.

use super::{
    Fact, Graph, GraphError, Outlet,
    emitter::{Emitter, Value},
};
use std::fmt::Debug;

/// What one application of an operator costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiplications fused with additions, as convolutions and matrix products count them.
    pub multiply_adds: u64,
}

/// The gradient with respect to each input; `None` for an input that gets none.
pub type InputGradients = Result<Vec<Option<Outlet>>, GraphError>;

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
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let _ = (graph, application);
        Err(GraphError::NoGradient { operator: self.name() })
    }

    /// How it treats samples, where it can be computed for one part of a batch after another.
    fn batching(&self, _inputs: &[&Fact]) -> Option<Batching> {
        None
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

/// How an operator treats the samples of a batch, which lie along the first axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Whether a batch is worth being divided for this operator's sake; others only go along.
    pub starts: bool,
    /// For each input, whether samples lie along its first axis; other inputs are the same for all samples.
    pub along: Vec<bool>,
    /// For each output, whether it is a sum over the samples; others have the samples along their first axis.
    pub summed: Vec<bool>,
}

impl Batching {
    /// One output, in which each sample depends on that sample of the inputs alone.
    pub fn sample_wise(along: &[bool]) -> Self {
        Self { starts: true, along: along.to_vec(), summed: vec![false] }
    }

    /// The same, where dividing the batch does not pay for this operator alone.
    pub fn element_wise(along: &[bool]) -> Self {
        Self { starts: false, ..Self::sample_wise(along) }
    }

    /// One output, the sum over samples.
    pub fn sum(along: &[bool]) -> Self {
        Self { summed: vec![true], ..Self::sample_wise(along) }
    }
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
