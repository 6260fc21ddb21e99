//! Arithmetic of two tensors with numpy's broadcasting. A gradient is summed over the axes along which its input was
//! broadcast.

use super::Scale;
use crate::graph::{
    Application, Batching, Fact, Graph, GraphError, Operator, Outlet,
    emitter::{Emitter, Value},
    operators::{exactly, misfit, reduce::ReduceSum, shape::Reshape},
};

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

fn broadcast_facts(operator: &'static str, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
    let [left, right] = exactly(operator, inputs)?;
    if left.element != right.element {
        return Err(misfit(operator, format!("{:?} and {:?} do not mix", left.element, right.element)));
    }
    let shape = broadcast(&left.shape, &right.shape)
        .ok_or_else(|| misfit(operator, format!("{:?} does not fit {:?}", left.shape, right.shape)))?;
    Ok(vec![Fact { element: left.element, shape }])
}

/// Samples, if any, lie along the first axis of inputs that have all axes of the output.
fn along_samples(inputs: &[&Fact]) -> Option<Batching> {
    let [left, right] = inputs else { return None };
    let shape = broadcast(&left.shape, &right.shape)?;
    let has_first_axis = |fact: &Fact| fact.shape.len() == shape.len() && fact.shape.first() == shape.first();
    Some(Batching::element_wise(&[has_first_axis(left), has_first_axis(right)]))
}

fn lower_as(op_type: &'static str, emitter: &mut Emitter, inputs: &[Value]) -> Vec<Value> {
    vec![emitter.op(op_type, &[&inputs[0], &inputs[1]], Vec::new())]
}

/// Builds the gradient of one input from that of the output.
type Rule<'a> = &'a dyn Fn(&mut Graph, Outlet) -> Result<Outlet, GraphError>;

/// Builds the gradients of both inputs, each only if wanted, and sums them back to the inputs' shapes.
fn both(
    graph: &mut Graph,
    application: &Application<'_>,
    rules: [Rule<'_>; 2],
) -> Result<Vec<Option<Outlet>>, GraphError> {
    let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None, None]) };
    let mut gradients = vec![None, None];
    for (side, rule) in rules.into_iter().enumerate().filter(|(side, _)| application.wanted[*side]) {
        let gradient = rule(graph, upstream)?;
        let shape = graph.shape(application.inputs[side]).to_vec();
        gradients[side] = Some(sum_to(graph, gradient, &shape)?);
    }
    Ok(gradients)
}

impl Operator for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        broadcast_facts(self.name(), inputs)
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
        both(graph, application, [&|_, upstream| Ok(upstream), &|_, upstream| Ok(upstream)])
    }

    fn batching(&self, inputs: &[&Fact]) -> Option<Batching> {
        along_samples(inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        lower_as("Add", emitter, inputs)
    }
}

impl Operator for Subtract {
    fn name(&self) -> &'static str {
        "subtract"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        broadcast_facts(self.name(), inputs)
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
        both(
            graph,
            application,
            [&|_, upstream| Ok(upstream), &|graph, upstream| graph.add(Scale(-1.0), &[upstream])],
        )
    }

    fn batching(&self, inputs: &[&Fact]) -> Option<Batching> {
        along_samples(inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        lower_as("Sub", emitter, inputs)
    }
}

impl Operator for Multiply {
    fn name(&self) -> &'static str {
        "multiply"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        broadcast_facts(self.name(), inputs)
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
        let (left, right) = (application.inputs[0], application.inputs[1]);
        both(
            graph,
            application,
            [&|graph, upstream| graph.add(Self, &[upstream, right]), &|graph, upstream| {
                graph.add(Self, &[upstream, left])
            }],
        )
    }

    fn batching(&self, inputs: &[&Fact]) -> Option<Batching> {
        along_samples(inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        lower_as("Mul", emitter, inputs)
    }
}

impl Operator for Divide {
    fn name(&self) -> &'static str {
        "divide"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        broadcast_facts(self.name(), inputs)
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        application: &Application<'_>,
    ) -> Result<Vec<Option<Outlet>>, GraphError> {
        let (right, quotient) = (application.inputs[1], application.outputs[0]);
        both(
            graph,
            application,
            [&|graph, upstream| graph.add(Self, &[upstream, right]), &|graph, upstream| {
                let share = graph.add(Multiply, &[upstream, quotient])?;
                let share = graph.add(Self, &[share, right])?;
                graph.add(Scale(-1.0), &[share])
            }],
        )
    }

    fn batching(&self, inputs: &[&Fact]) -> Option<Batching> {
        along_samples(inputs)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        lower_as("Div", emitter, inputs)
    }
}
