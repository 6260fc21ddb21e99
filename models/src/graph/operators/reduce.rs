//! Sums and means over axes.

use super::{
    all_f32,
    arithmetic::Scale,
    exactly, misfit,
    shape::{Expand, Reshape},
    signed,
};
use crate::graph::{
    Application, Fact, Graph, GraphError, InputGradients, Operator, Outlet,
    emitter::{Emitter, Value},
};

/// Sum over axes.
#[derive(Clone, Debug)]
pub struct ReduceSum {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay, with size 1.
    pub keep: bool,
}

/// Mean over axes.
#[derive(Clone, Debug)]
pub struct ReduceMean {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay, with size 1.
    pub keep: bool,
}

fn reduced(
    operator: &'static str,
    inputs: &[&Fact],
    axes: &[usize],
    keep: bool,
) -> Result<Vec<Fact>, GraphError> {
    let [fact] = exactly(operator, inputs)?;
    all_f32(operator, inputs)?;
    if axes.iter().any(|&axis| axis >= fact.shape.len()) {
        return Err(misfit(operator, format!("axes {axes:?} of shape {:?}", fact.shape)));
    }
    let sizes = fact.shape.iter().enumerate().filter_map(|(axis, &size)| match axes.contains(&axis) {
        true => keep.then_some(1),
        false => Some(size),
    });
    Ok(vec![Fact::f32(&sizes.collect::<Vec<_>>())])
}

/// Repeats a gradient of the reduced tensor along the axes that are gone.
fn spread(
    graph: &mut Graph,
    application: &Application<'_>,
    gradient: Outlet,
    axes: &[usize],
) -> InputGradients {
    let shape = graph.shape(application.inputs[0]).to_vec();
    let mut kept = shape.clone();
    axes.iter().for_each(|&axis| kept[axis] = 1);
    let gradient = match graph.shape(gradient) == kept {
        true => gradient,
        false => graph.add(Reshape { shape: kept }, &[gradient])?,
    };
    Ok(vec![Some(graph.add(Expand { shape }, &[gradient])?)])
}

impl Operator for ReduceSum {
    fn name(&self) -> &'static str {
        "reduce sum"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        reduced(self.name(), inputs, &self.axes, self.keep)
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        spread(graph, application, upstream, &self.axes)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.reduce_sum(&inputs[0], &signed(&self.axes), self.keep)]
    }
}

impl Operator for ReduceMean {
    fn name(&self) -> &'static str {
        "reduce mean"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        reduced(self.name(), inputs, &self.axes, self.keep)
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let Some(upstream) = application.output_gradients[0] else { return Ok(vec![None]) };
        let shape = graph.shape(application.inputs[0]);
        let count: usize = self.axes.iter().map(|&axis| shape[axis]).product();
        let share = graph.add(Scale(1.0 / count as f32), &[upstream])?;
        spread(graph, application, share, &self.axes)
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.reduce_mean(&inputs[0], &signed(&self.axes), self.keep)]
    }
}
