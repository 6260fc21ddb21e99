//! Lowered nodes: standard ONNX operators, named values, constants. `onnx` encodes them.
//!
//! Batch-agnostic where it can be: an operator of the forward pass must not write the batch size into a constant (use
//! 0 or -1 in reshapes), so that the inference model takes any number of samples.
//!
//! It must not know what an operator computes: each lowers itself through the `Emitter`, which gives equal nodes one
//! name, so a gradient's lowering may simply write down again what the forward pass has computed already.

use super::{Fact, Graph, Outlet, operators::lowering_choice::Choices};
use std::collections::{HashMap, HashSet};

/// Version of the standard operator set that lowerings are written for.
pub const OPSET: i64 = 17;

/// The name of a value in the lowered graph. The empty name is an omitted optional input.
pub type Value = String;

/// Where the graph will run: lowerings may differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Provider {
    /// ONNX Runtime's CPU provider.
    #[default]
    Cpu,
    /// ONNX Runtime's CUDA provider.
    Cuda,
}

/// An attribute of a lowered node.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// Integer.
    Int(i64),
    /// List of integers.
    Ints(Vec<i64>),
    /// Float.
    Float(f32),
    /// Text.
    Text(String),
}

impl Attribute {
    /// A list of sizes, strides or pads.
    pub fn sizes(values: &[usize]) -> Self {
        Self::Ints(values.iter().map(|&value| value as i64).collect())
    }
}

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// 32-bit floats with their shape.
    F32(Vec<usize>, Vec<f32>),
    /// 64-bit integers with their shape.
    I64(Vec<usize>, Vec<i64>),
}

/// One standard ONNX operator.
#[derive(Clone, Debug, PartialEq)]
pub struct LoweredNode {
    /// ONNX operator type.
    pub op_type: &'static str,
    /// Names of its inputs.
    pub inputs: Vec<Value>,
    /// Names of its outputs; empty names are not computed.
    pub outputs: Vec<Value>,
    /// Attributes by name.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// Collects lowered nodes and constants, and invents names.
#[derive(Debug, Default)]
pub struct Emitter {
    /// Where the graph will run.
    pub provider: Provider,
    /// Lowerings that are asked for instead of the ones chosen by shape and provider.
    pub choices: Choices,
    /// The nodes so far, in topological order.
    pub nodes: Vec<LoweredNode>,
    /// The constants so far.
    pub constants: Vec<(Value, Constant)>,
    known_nodes: HashMap<String, Vec<Value>>,
    known_integers: HashMap<(Vec<usize>, Vec<i64>), Value>,
    known_scalars: HashMap<u32, Value>,
    known_tensors: HashMap<String, Value>,
    scalar_values: HashMap<Value, f32>,
    next: usize,
}

impl Emitter {
    /// An emitter for a provider.
    pub fn new(provider: Provider) -> Self {
        Self { provider, ..Self::default() }
    }

    /// Emits an operator with one output and returns that output's name.
    pub fn op(
        &mut self,
        op_type: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Value {
        self.op_many(op_type, inputs, 1, attributes).swap_remove(0)
    }

    /// Emits an operator with several outputs. An operator that was emitted before, on the same inputs, is not
    /// emitted again: its outputs are returned.
    pub fn op_many(
        &mut self,
        op_type: &'static str,
        inputs: &[&str],
        outputs: usize,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Vec<Value> {
        let key = format!("{op_type} {outputs} {inputs:?} {attributes:?}");
        if let Some(names) = self.known_nodes.get(&key) {
            return names.clone();
        }
        let names: Vec<Value> = (0..outputs).map(|_| self.name()).collect();
        self.known_nodes.insert(key, names.clone());
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        self.nodes.push(LoweredNode { op_type, inputs, outputs: names.clone(), attributes });
        names
    }

    /// A list of integers (axes, shapes, pads) as a one-dimensional constant; equal lists are shared.
    pub fn integers(&mut self, values: &[i64]) -> Value {
        self.integer_tensor(&[values.len()], values)
    }

    /// An integer tensor as a constant; equal ones are shared.
    pub fn integer_tensor(&mut self, shape: &[usize], values: &[i64]) -> Value {
        let key = (shape.to_vec(), values.to_vec());
        if let Some(name) = self.known_integers.get(&key) {
            return name.clone();
        }
        let name = self.name();
        self.constants.push((name.clone(), Constant::I64(key.0.clone(), key.1.clone())));
        self.known_integers.insert(key, name.clone());
        name
    }

    /// A float scalar as a constant; equal ones are shared.
    pub fn scalar(&mut self, value: f32) -> Value {
        if let Some(name) = self.known_scalars.get(&value.to_bits()) {
            return name.clone();
        }
        let name = self.tensor(&[], vec![value]);
        self.known_scalars.insert(value.to_bits(), name.clone());
        self.scalar_values.insert(name.clone(), value);
        name
    }

    /// The number behind a value, where the value is a scalar constant.
    pub fn scalar_value(&self, value: &str) -> Option<f32> {
        self.scalar_values.get(value).copied()
    }

    /// A float tensor as a constant.
    pub fn tensor(&mut self, shape: &[usize], values: Vec<f32>) -> Value {
        let name = self.name();
        self.constants.push((name.clone(), Constant::F32(shape.to_vec(), values)));
        name
    }

    /// A float tensor as a constant; made once for each key.
    pub fn keyed_tensor(&mut self, key: String, shape: &[usize], values: impl FnOnce() -> Vec<f32>) -> Value {
        if let Some(name) = self.known_tensors.get(&key) {
            return name.clone();
        }
        let name = self.tensor(shape, values());
        self.known_tensors.insert(key, name.clone());
        name
    }

    /// The value in another shape; 0 keeps a size of the input, -1 takes what is left.
    pub fn reshape(&mut self, value: &str, shape: &[i64]) -> Value {
        let shape = self.integers(shape);
        self.op("Reshape", &[value, &shape], Vec::new())
    }

    /// The value with its axes in another order.
    pub fn transpose(&mut self, value: &str, permutation: &[usize]) -> Value {
        self.op("Transpose", &[value], vec![("perm", Attribute::sizes(permutation))])
    }

    /// The part `start..end` along each of `axes`, every `step`th element.
    pub fn slice(&mut self, value: &str, axes: &[i64], starts: &[i64], ends: &[i64], steps: &[i64]) -> Value {
        let [starts, ends, axes] = [starts, ends, axes].map(|list| self.integers(list));
        if steps.iter().all(|&step| step == 1) {
            return self.op("Slice", &[value, &starts, &ends, &axes], Vec::new());
        }
        let steps = self.integers(steps);
        self.op("Slice", &[value, &starts, &ends, &axes, &steps], Vec::new())
    }

    /// The sum over `axes`.
    pub fn reduce_sum(&mut self, value: &str, axes: &[i64], keep: bool) -> Value {
        let axes = self.integers(axes);
        self.op("ReduceSum", &[value, &axes], vec![("keepdims", Attribute::Int(i64::from(keep)))])
    }

    /// The mean over `axes`.
    pub fn reduce_mean(&mut self, value: &str, axes: &[i64], keep: bool) -> Value {
        let keep = Attribute::Int(i64::from(keep));
        self.op("ReduceMean", &[value], vec![("axes", Attribute::Ints(axes.to_vec())), ("keepdims", keep)])
    }

    /// Values one after another along an axis; a single one is returned as it is.
    pub fn concat(&mut self, values: &[Value], axis: i64) -> Value {
        if let [single] = values {
            return single.clone();
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.op("Concat", &values, vec![("axis", Attribute::Int(axis))])
    }

    /// The value converted to 32-bit floats.
    pub fn to_float(&mut self, value: &str) -> Value {
        self.op("Cast", &[value], vec![("to", Attribute::Int(1))])
    }

    /// The value times a number; times 1 it is returned as it is.
    pub fn scale(&mut self, value: &str, factor: f32) -> Value {
        if factor == 1.0 {
            return value.to_owned();
        }
        let factor = self.scalar(factor);
        self.op("Mul", &[value, &factor], Vec::new())
    }

    fn name(&mut self) -> Value {
        self.next += 1;
        format!("v{}", self.next)
    }
}

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
    let mut emitter = Emitter { provider, choices, ..Emitter::default() };
    let values = lower_nodes(graph, &mut emitter);
    let value = |outlet: Outlet| values[outlet.node as usize][outlet.slot as usize].clone();
    let inputs: Vec<(Value, Fact)> = graph
        .inputs()
        .iter()
        .map(|(name, outlet)| ((*name).to_owned(), graph.fact(*outlet).clone()))
        .collect();
    let outputs: Vec<(Value, Value)> =
        graph.outputs().iter().map(|(name, outlet)| (name.clone(), value(*outlet))).collect();
    name_outputs(&mut emitter, &outputs);
    prune(&mut emitter, &outputs);
    let facts = graph.outputs().iter().map(|(name, outlet)| (name.clone(), graph.fact(*outlet).clone()));
    Lowered { inputs, outputs: facts.collect(), nodes: emitter.nodes, constants: emitter.constants }
}

fn lower_nodes(graph: &Graph, emitter: &mut Emitter) -> Vec<Vec<Value>> {
    let mut values: Vec<Vec<Value>> = Vec::with_capacity(graph.nodes().len());
    for (node, reachable) in graph.nodes().iter().zip(graph.reachable()) {
        if !reachable {
            values.push(Vec::new());
            continue;
        }
        let inputs: Vec<Value> = node
            .inputs
            .iter()
            .map(|outlet| values[outlet.node as usize][outlet.slot as usize].clone())
            .collect();
        let facts: Vec<&Fact> = node.inputs.iter().map(|outlet| graph.fact(*outlet)).collect();
        values.push(node.operator.lower(emitter, &inputs, &facts, &node.facts));
    }
    values
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
