//! ONNX: lowers a graph and writes it as a `ModelProto`.
//!
//! It knows the file format and nothing of operators: each operator lowers itself. It must not know genomes or
//! sessions.

pub mod proto;
mod tensor;

use crate::graph::{
    Fact, Graph,
    choices::Choices,
    emitter::{Attribute, Constant, KERNEL_DOMAIN, LoweredNode, Provider, Value},
    lowering::{self, Lowered},
};
use prost::Message;
use proto::{
    AttributeProto, Dimension, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorShapeProto, TypeProto, TypeTensorProto, ValueInfoProto, attribute_type,
};

pub use crate::graph::emitter::OPSET;
/// Version of the operator set of Hatchery's kernels.
const KERNEL_OPSET: i64 = 1;
/// Version of the file format: the first one that goes with opset 17.
pub const IR_VERSION: i64 = 8;
/// Name of the leading dimension of models that take any number of samples.
pub const BATCH_DIMENSION: &str = "batch";

/// What a model says of itself, and how it takes its samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncodeOptions {
    /// Name of the graph.
    pub name: String,
    /// Texts for people and programs: genome, data hash, seed, accuracy, ...
    pub metadata: Vec<(String, String)>,
    /// Whether the first dimension of every input and output is any size instead of the graph's.
    pub dynamic_batch: bool,
    /// Values of float inputs that need not be fed, by the inputs' names: as many numbers as the input has elements.
    pub defaults: Vec<(String, Vec<f32>)>,
    /// Whether nodes may be Hatchery's own kernels: then only its own sessions run the model.
    pub kernels: bool,
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

/// Writes a graph as an ONNX model for a provider, in standard operators unless `options` allow for kernels.
///
/// Nodes that no output depends on are left out; inputs are declared whether they are used or not.
pub fn encode(graph: &Graph, provider: Provider, options: &EncodeOptions) -> Vec<u8> {
    model(graph, provider, options).encode_to_vec()
}

/// The same as a message.
pub fn model(graph: &Graph, provider: Provider, options: &EncodeOptions) -> ModelProto {
    // Parts of a batch have fixed sizes.
    let samples_at_once = options.dynamic_batch.then_some(usize::MAX);
    let choices = Choices { samples_at_once, kernels: options.kernels, ..Choices::default() };
    model_of(lowering::lower_with(graph, provider, choices), options)
}

/// The same for a graph that has been lowered already.
pub fn model_of(lowered: Lowered, options: &EncodeOptions) -> ModelProto {
    let opset = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.to_owned()),
        version: Some(version),
    };
    let has_kernels = lowered.nodes.iter().any(|node| node.domain == KERNEL_DOMAIN);
    let kernels = has_kernels.then(|| opset(KERNEL_DOMAIN, KERNEL_OPSET));
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: "hatchery".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph_proto(lowered, options)),
        opset_import: [opset("", OPSET)].into_iter().chain(kernels).collect(),
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

fn graph_proto(lowered: Lowered, options: &EncodeOptions) -> GraphProto {
    let infos = |values: &[(Value, Fact)]| {
        values.iter().map(|(name, fact)| value_info(name, fact, options.dynamic_batch)).collect()
    };
    let constants = lowered.constants.iter().map(|(name, c)| tensor::initializer(name, c));
    GraphProto {
        name: options.name.clone(),
        input: infos(&lowered.inputs),
        output: infos(&lowered.outputs),
        initializer: constants.chain(defaults(&lowered.inputs, &options.defaults)).collect(),
        node: lowered.nodes.into_iter().map(node_proto).collect(),
    }
}

/// Since version 4 of the format an initializer with an input's name is what the input is where it is not fed.
fn defaults(
    inputs: &[(Value, Fact)],
    defaults: &[(String, Vec<f32>)],
) -> impl Iterator<Item = proto::TensorProto> {
    inputs.iter().filter_map(|(name, fact)| {
        let (_, values) = defaults.iter().find(|(of, _)| of == name)?;
        Some(tensor::initializer(name, &Constant::F32(fact.shape.clone(), values.clone())))
    })
}

fn node_proto(node: LoweredNode) -> NodeProto {
    let attribute = node.attributes.into_iter().map(|(name, value)| attribute_proto(name, value)).collect();
    NodeProto {
        name: node.outputs.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default(),
        input: node.inputs,
        output: node.outputs,
        op_type: node.op_type.to_owned(),
        attribute,
        domain: node.domain.to_owned(),
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
