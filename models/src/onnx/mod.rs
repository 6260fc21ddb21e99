//! ONNX: lowers a graph and writes it as a `ModelProto`.
//!
//! It knows the file format and nothing of operators: each operator lowers itself. It must not know genomes or
//! sessions.

pub mod proto;
mod tensor;

use crate::graph::{
    Fact, Graph,
    lowering::{Attribute, Emitter, LoweredNode, Provider, Value},
};
use prost::Message;
use proto::{
    AttributeProto, Dimension, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorShapeProto, TypeProto, TypeTensorProto, ValueInfoProto, attribute_type,
};
use std::collections::{HashMap, HashSet};

/// Version of the standard operator set that lowerings are written for.
pub const OPSET: i64 = 17;
/// Version of the file format: the first one that goes with opset 17.
pub const IR_VERSION: i64 = 8;
/// Name of the leading dimension of models that take any number of samples.
pub const BATCH_DIMENSION: &str = "batch";

/// What a model says of itself, and how it takes its samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Name of the graph.
    pub name: String,
    /// Texts for people and programs: genome, data hash, seed, accuracy, ...
    pub metadata: Vec<(String, String)>,
    /// Whether the first dimension of every input and output is any size instead of the graph's.
    pub dynamic_batch: bool,
}

impl EncodeOptions {
    /// A model with fixed shapes and no metadata.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Why a file is no model that we can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a readable ONNX model: {0}")]
pub struct DecodeError(String);

/// Writes a graph as an ONNX model in standard operators, for a provider.
///
/// Nodes that no output depends on are left out; inputs are declared whether they are used or not.
pub fn encode(graph: &Graph, provider: Provider, options: &EncodeOptions) -> Vec<u8> {
    model(graph, provider, options).encode_to_vec()
}

/// The same as a message.
pub fn model(graph: &Graph, provider: Provider, options: &EncodeOptions) -> ModelProto {
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: "hatchery".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph_proto(graph, provider, options)),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
        metadata_props: options
            .metadata
            .iter()
            .map(|(key, value)| StringStringEntryProto { key: key.clone(), value: value.clone() })
            .collect(),
    }
}

/// Reads a model's bytes.
///
/// # Errors
/// Where they are no protobuf message of this kind, or one without a graph.
pub fn decode(bytes: &[u8]) -> Result<ModelProto, DecodeError> {
    let model = ModelProto::decode(bytes).map_err(|error| DecodeError(error.to_string()))?;
    if model.graph.is_none() {
        return Err(DecodeError("it has no graph".to_owned()));
    }
    Ok(model)
}

/// The metadata of a model.
pub fn metadata(model: &ModelProto) -> Vec<(String, String)> {
    model.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
}

fn graph_proto(graph: &Graph, provider: Provider, options: &EncodeOptions) -> GraphProto {
    let mut lowered = lower(graph, provider);
    name_outputs(graph, &mut lowered);
    let read: HashSet<&Value> = lowered.emitter.nodes.iter().flat_map(|node| &node.inputs).collect();
    let constants = lowered.emitter.constants.iter().filter(|(name, _)| read.contains(name));
    let initializer = constants.map(|(name, constant)| tensor::initializer(name, constant)).collect();
    let info = |name: &str, fact: &Fact| value_info(name, fact, options.dynamic_batch);
    GraphProto {
        name: options.name.clone(),
        input: lowered.inputs.iter().map(|(name, fact)| info(name, fact)).collect(),
        output: graph.outputs().iter().map(|(name, outlet)| info(name, graph.fact(*outlet))).collect(),
        initializer,
        node: lowered.emitter.nodes.into_iter().map(node_proto).collect(),
    }
}

struct Lowered {
    emitter: Emitter,
    inputs: Vec<(Value, Fact)>,
    values: Vec<Vec<Value>>,
}

/// Lowers what the outputs depend on, and every input.
fn lower(graph: &Graph, provider: Provider) -> Lowered {
    let needed = needed_nodes(graph);
    let mut lowered = Lowered { emitter: Emitter::new(provider), inputs: Vec::new(), values: Vec::new() };
    for (node, needed) in graph.nodes().iter().zip(needed) {
        if !needed && !node.inputs.is_empty() {
            lowered.values.push(Vec::new());
            continue;
        }
        let emitted = (lowered.emitter.nodes.len(), lowered.emitter.constants.len());
        let inputs: Vec<Value> =
            node.inputs.iter().map(|o| lowered.values[o.node as usize][o.slot as usize].clone()).collect();
        let facts: Vec<&Fact> = node.inputs.iter().map(|outlet| graph.fact(*outlet)).collect();
        let outputs = node.operator.lower(&mut lowered.emitter, &inputs, &facts, &node.facts);
        let is_input = node.inputs.is_empty() && is_new_name(&lowered.emitter, emitted, &outputs);
        if is_input {
            lowered.inputs.push((outputs[0].clone(), node.facts[0].clone()));
        }
        lowered.values.push(outputs);
    }
    lowered
}

/// Whether a source's value is neither computed nor constant: then it comes from outside.
fn is_new_name(emitter: &Emitter, before: (usize, usize), outputs: &[Value]) -> bool {
    let emitted_nothing = (emitter.nodes.len(), emitter.constants.len()) == before;
    emitted_nothing && !emitter.constants.iter().any(|(name, _)| outputs.contains(name))
}

fn needed_nodes(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    for (_, outlet) in graph.outputs() {
        needed[outlet.node as usize] = true;
    }
    for index in (0..needed.len()).rev() {
        if needed[index] {
            for input in &graph.nodes()[index].inputs {
                needed[input.node as usize] = true;
            }
        }
    }
    needed
}

/// Gives values the names of the outputs that they are; where a value is an input, a constant or already another
/// output, an `Identity` gives it a second name.
fn name_outputs(graph: &Graph, lowered: &mut Lowered) {
    let computed: HashSet<Value> =
        lowered.emitter.nodes.iter().flat_map(|node| node.outputs.iter().cloned()).collect();
    let mut renamed: HashMap<Value, Value> = HashMap::new();
    let mut copies = Vec::new();
    for (name, outlet) in graph.outputs() {
        let value = &lowered.values[outlet.node as usize][outlet.slot as usize];
        if computed.contains(value) && !renamed.contains_key(value) {
            renamed.insert(value.clone(), name.clone());
        } else {
            copies.push((value.clone(), name.clone()));
        }
    }
    for node in &mut lowered.emitter.nodes {
        for value in node.inputs.iter_mut().chain(&mut node.outputs) {
            if let Some(name) = renamed.get(value) {
                value.clone_from(name);
            }
        }
    }
    for (value, name) in copies {
        let value = renamed.get(&value).cloned().unwrap_or(value);
        let node =
            LoweredNode { op_type: "Identity", inputs: vec![value], outputs: vec![name], attributes: vec![] };
        lowered.emitter.nodes.push(node);
    }
}

fn node_proto(node: LoweredNode) -> NodeProto {
    let attribute = node.attributes.into_iter().map(|(name, value)| attribute_proto(name, value)).collect();
    NodeProto {
        name: node.outputs.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default(),
        input: node.inputs,
        output: node.outputs,
        op_type: node.op_type.to_owned(),
        attribute,
    }
}

fn attribute_proto(name: &str, value: Attribute) -> AttributeProto {
    let mut attribute = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    attribute.r#type = Some(match value {
        Attribute::Int(value) => {
            attribute.i = Some(value);
            attribute_type::INT
        }
        Attribute::Ints(values) => {
            attribute.ints = values;
            attribute_type::INTS
        }
        Attribute::Float(value) => {
            attribute.f = Some(value);
            attribute_type::FLOAT
        }
        Attribute::Text(text) => {
            attribute.s = Some(text.into_bytes());
            attribute_type::STRING
        }
    });
    attribute
}

fn value_info(name: &str, fact: &Fact, dynamic_batch: bool) -> ValueInfoProto {
    let size = |(axis, size): (usize, &usize)| Dimension {
        value: Some(if dynamic_batch && axis == 0 {
            DimensionValue::Parameter(BATCH_DIMENSION.to_owned())
        } else {
            DimensionValue::Value(*size as i64)
        }),
    };
    let shape = TensorShapeProto { dim: fact.shape.iter().enumerate().map(size).collect() };
    let tensor = TypeTensorProto { elem_type: Some(tensor::data_type(fact.element)), shape: Some(shape) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

#[cfg(test)]
mod tests;
