//! Arithmetic of two tensors with numpy's broadcasting. A gradient is summed over the axes along which its input was
//! broadcast.

use super::Scale;
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, InputGradients, Operator, Outlet,
    emitter::{Emitter, Value},
    operators::{exactly, misfit, reduce::ReduceSum, shape::Reshape},
};
use std::fmt::Debug;

/// a + b.
#[derive(Clone, Copy, Debug)]
pub struct Add;

/// a - b.
#[derive(Clone, Copy, Debug)]
pub struct Subtract;

/// a b.
#[derive(Clone, Copy, Debug)]
pub struct Multiply;

/// a / b.
#[derive(Clone, Copy, Debug)]
pub struct Divide;

/// The shape that two shapes are broadcast to, if they fit.
pub fn broadcast(left: &[usize], right: &[usize]) -> Option<Vec<usize>> {
    let rank = left.len().max(right.len());
    let size = |shape: &[usize], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(index) => shape[index],
        None => 1,
    };
    let sizes = (0..rank).map(|axis| match (size(left, axis), size(right, axis)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    });
    sizes.collect()
}

/// Sums `outlet` over the axes along which a tensor of shape `shape` was broadcast to it.
///
/// # Errors
/// `GraphError::Shape` where `shape` cannot be broadcast to it.
pub fn sum_to(graph: &mut Graph, outlet: Outlet, shape: &[usize]) -> Result<Outlet, GraphError> {
    let from = graph.shape(outlet).to_vec();
    if from == shape {
        return Ok(outlet);
    }
    let missing = from.len() - shape.len();
    let axes: Vec<usize> = (0..from.len())
        .filter(|&axis| axis < missing || (shape[axis - missing] == 1 && from[axis] != 1))
        .collect();
    let sum = match axes.is_empty() {
        true => outlet,
        false => graph.add(ReduceSum { axes, keep: false }, &[outlet])?,
    };
    match graph.shape(sum) == shape {
        true => Ok(sum),
        false => graph.add(Reshape { shape: shape.to_vec() }, &[sum]),
    }
}

/// What tells these operators apart; the rest they have in common.
trait Broadcasting: Debug + Send + Sync + Sized {
    const NAME: &'static str;
    const OP_TYPE: &'static str;

    /// The gradient of the left (0) or right (1) input, in the output's shape; `upstream` is the output's.
    fn side_gradient(
        side: usize,
        graph: &mut Graph,
        application: &Application<'_>,
        upstream: Outlet,
    ) -> Result<Outlet, GraphError>;
}

impl<B: Broadcasting> Operator for B {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let [left, right] = exactly(self.name(), inputs)?;
        if left.element != right.element {
            let message = format!("{:?} and {:?} do not mix", left.element, right.element);
            return Err(misfit(self.name(), message));
        }
        let shape = broadcast(&left.shape, &right.shape)
            .ok_or_else(|| misfit(self.name(), format!("{:?} does not fit {:?}", left.shape, right.shape)))?;
        Ok(vec![Fact { element: left.element, shape }])
    }

    /// Each only if wanted, and summed back to its input's shape.
    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let mut gradients = vec![None, None];
        let Some(upstream) = application.output_gradients[0] else { return Ok(gradients) };
        for side in (0..2).filter(|&side| application.wanted[side]) {
            let gradient = Self::side_gradient(side, graph, application, upstream)?;
            let shape = graph.shape(application.inputs[side]).to_vec();
            gradients[side] = Some(sum_to(graph, gradient, &shape)?);
        }
        Ok(gradients)
    }

    /// Samples, if any, lie along the first axis of inputs that have all axes of the output.
    fn batching(&self, inputs: &[&Fact]) -> Option<Batching> {
        let [left, right] = inputs else { return None };
        let shape = broadcast(&left.shape, &right.shape)?;
        let has_first_axis =
            |fact: &Fact| fact.shape.len() == shape.len() && fact.shape.first() == shape.first();
        Some(Batching::element_wise(&[has_first_axis(left), has_first_axis(right)]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.op(Self::OP_TYPE, &[&inputs[0], &inputs[1]], Vec::new())]
    }
}

impl Broadcasting for Add {
    const NAME: &'static str = "add";
    const OP_TYPE: &'static str = "Add";

    /// dy, dy.
    fn side_gradient(
        _: usize,
        _: &mut Graph,
        _: &Application<'_>,
        upstream: Outlet,
    ) -> Result<Outlet, GraphError> {
        Ok(upstream)
    }
}

impl Broadcasting for Subtract {
    const NAME: &'static str = "subtract";
    const OP_TYPE: &'static str = "Sub";

    /// dy, -dy.
    fn side_gradient(
        side: usize,
        graph: &mut Graph,
        _: &Application<'_>,
        upstream: Outlet,
    ) -> Result<Outlet, GraphError> {
        if side == 0 { Ok(upstream) } else { graph.add(Scale(-1.0), &[upstream]) }
    }
}

impl Broadcasting for Multiply {
    const NAME: &'static str = "multiply";
    const OP_TYPE: &'static str = "Mul";

    /// b dy, a dy.
    fn side_gradient(
        side: usize,
        graph: &mut Graph,
        application: &Application<'_>,
        upstream: Outlet,
    ) -> Result<Outlet, GraphError> {
        graph.add(Self, &[upstream, application.inputs[1 - side]])
    }
}

impl Broadcasting for Divide {
    const NAME: &'static str = "divide";
    const OP_TYPE: &'static str = "Div";

    /// dy / b, -y dy / b.
    fn side_gradient(
        side: usize,
        graph: &mut Graph,
        application: &Application<'_>,
        upstream: Outlet,
    ) -> Result<Outlet, GraphError> {
        let (right, quotient) = (application.inputs[1], application.outputs[0]);
        if side == 0 {
            return graph.add(Self, &[upstream, right]);
        }
        let share = graph.add(Multiply, &[upstream, quotient])?;
        let share = graph.add(Self, &[share, right])?;
        graph.add(Scale(-1.0), &[share])
    }
}
