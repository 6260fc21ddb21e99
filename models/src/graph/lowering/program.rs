//! A whole graph as a program of standard ONNX operators.

use super::{fusion::fuse, parts};
use crate::graph::{
    Fact, Graph,
    choices::Choices,
    emitter::{Constant, Emitter, LoweredNode, Provider, Value},
};
use std::collections::{HashMap, HashSet};

/// A whole graph in standard ONNX operators: nothing in it but what its outputs depend on, and all inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lowered {
    /// Inputs by name, in the order of their declaration.
    pub inputs: Vec<(Value, Fact)>,
    /// Outputs by name.
    pub outputs: Vec<(Value, Fact)>,
    /// The nodes, in topological order.
    pub nodes: Vec<LoweredNode>,
    /// The constants.
    pub constants: Vec<(Value, Constant)>,
}

/// Lowers a graph for a provider.
pub fn lower(graph: &Graph, provider: Provider) -> Lowered {
    lower_with(graph, provider, Choices::default())
}

/// Lowers a graph with some lowerings chosen by the caller.
pub fn lower_with(graph: &Graph, provider: Provider, choices: Choices) -> Lowered {
    let mut emitter = Emitter::new(provider, choices);
    let (values, shapes) = parts::lower_nodes(graph, &mut emitter);
    let inputs: Vec<(Value, Fact)> = graph
        .inputs()
        .iter()
        .map(|(name, outlet)| ((*name).to_owned(), graph.fact(*outlet).clone()))
        .collect();
    let outputs: Vec<(Value, Value)> =
        graph.outputs().iter().map(|(name, _)| name.clone()).zip(values).collect();
    let handed_out: Vec<Value> = outputs.iter().map(|(_, value)| value.clone()).collect();
    fuse(&mut emitter, shapes, &handed_out);
    name_outputs(&mut emitter, &outputs);
    prune(&mut emitter, &outputs);
    let facts = graph.outputs().iter().map(|(name, outlet)| (name.clone(), graph.fact(*outlet).clone()));
    Lowered { inputs, outputs: facts.collect(), nodes: emitter.nodes, constants: emitter.constants }
}

/// Gives each output its name: by renaming the value where a node computes it for this output alone, else by a copy.
fn name_outputs(emitter: &mut Emitter, outputs: &[(Value, Value)]) {
    let computed: HashSet<Value> = emitter.nodes.iter().flat_map(|node| node.outputs.clone()).collect();
    let mut new_names: HashMap<Value, Value> = HashMap::new();
    for (name, value) in outputs {
        if computed.contains(value) && !new_names.contains_key(value) {
            new_names.insert(value.clone(), name.clone());
            continue;
        }
        let node = LoweredNode {
            domain: "",
            op_type: "Identity",
            inputs: vec![value.clone()],
            outputs: vec![name.clone()],
            attributes: Vec::new(),
        };
        emitter.nodes.push(node);
    }
    for node in &mut emitter.nodes {
        for value in node.inputs.iter_mut().chain(&mut node.outputs) {
            if let Some(name) = new_names.get(value) {
                value.clone_from(name);
            }
        }
    }
}

/// ONNX operators whose later outputs cost time and may be left out.
const OPTIONAL_OUTPUTS: [&str; 2] = ["LayerNormalization", "MaxPool"];

/// Drops nodes, optional outputs and constants that nothing reads.
fn prune(emitter: &mut Emitter, outputs: &[(Value, Value)]) {
    let mut used: HashSet<Value> = outputs.iter().map(|(name, _)| name.clone()).collect();
    let mut kept = Vec::with_capacity(emitter.nodes.len());
    for mut node in std::mem::take(&mut emitter.nodes).into_iter().rev() {
        if !node.outputs.iter().any(|output| used.contains(output)) {
            continue;
        }
        if OPTIONAL_OUTPUTS.contains(&node.op_type) {
            while node.outputs.len() > 1 && node.outputs.last().is_some_and(|last| !used.contains(last)) {
                node.outputs.pop();
            }
        }
        used.extend(node.inputs.iter().cloned());
        kept.push(node);
    }
    kept.reverse();
    emitter.nodes = kept;
    emitter.constants.retain(|(name, _)| used.contains(name));
}
