//! Reverse-mode differentiation: one walk from a scalar back to what its gradient is wanted for.

use super::{Graph, GraphError, Outlet, operator::Application, operators::arithmetic::Add};
use std::collections::HashMap;

/// Adds to `graph` the gradients of the scalar `loss` with respect to `wanted`, in that order.
/// `None` where the loss does not depend on it.
///
/// # Errors
/// `GraphError::NoGradient` where an operator on the way has no rule.
pub fn gradients(
    graph: &mut Graph,
    loss: Outlet,
    wanted: &[Outlet],
) -> Result<Vec<Option<Outlet>>, GraphError> {
    let needed = needed_nodes(graph, loss, wanted);
    let mut found: HashMap<Outlet, Outlet> = HashMap::new();
    let one = graph.add(super::operators::source::Constant::scalar(1.0), &[])?;
    found.insert(loss, one);
    for index in (0..=loss.node).rev() {
        if !needed[index as usize] {
            continue;
        }
        let node = graph.nodes()[index as usize].clone();
        let outputs: Vec<Outlet> =
            (0..node.facts.len() as u32).map(|slot| Outlet { node: index, slot }).collect();
        let output_gradients: Vec<Option<Outlet>> = outputs.iter().map(|o| found.get(o).copied()).collect();
        if node.inputs.is_empty() || output_gradients.iter().all(Option::is_none) {
            continue;
        }
        let wanted_inputs: Vec<bool> = node.inputs.iter().map(|input| needed[input.node as usize]).collect();
        let application = Application {
            inputs: &node.inputs,
            outputs: &outputs,
            output_gradients: &output_gradients,
            wanted: &wanted_inputs,
        };
        let input_gradients = node.operator.gradient(graph, &application)?;
        accumulate(graph, &mut found, &node.inputs, &input_gradients, &wanted_inputs)?;
    }
    Ok(wanted.iter().map(|outlet| found.get(outlet).copied()).collect())
}

/// For each node up to the loss: does it depend on anything wanted?
fn needed_nodes(graph: &Graph, loss: Outlet, wanted: &[Outlet]) -> Vec<bool> {
    let mut needed = vec![false; loss.node as usize + 1];
    for outlet in wanted {
        needed[outlet.node as usize] = true;
    }
    for index in 0..needed.len() {
        let from_inputs = graph.nodes()[index].inputs.iter().any(|input| needed[input.node as usize]);
        needed[index] = needed[index] || from_inputs;
    }
    needed
}

fn accumulate(
    graph: &mut Graph,
    found: &mut HashMap<Outlet, Outlet>,
    inputs: &[Outlet],
    gradients: &[Option<Outlet>],
    wanted: &[bool],
) -> Result<(), GraphError> {
    for ((input, gradient), wanted) in inputs.iter().zip(gradients).zip(wanted) {
        let (Some(gradient), true) = (gradient, *wanted) else { continue };
        let sum = match found.get(input) {
            Some(earlier) => graph.add(Add, &[*earlier, *gradient])?,
            None => *gradient,
        };
        found.insert(*input, sum);
    }
    Ok(())
}
