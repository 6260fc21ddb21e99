//! Lowered nodes: standard ONNX operators, named values, constants. `onnx` encodes them.
//!
//! Batch-agnostic where it can be: an operator of the forward pass must not write the batch size into a constant (use
//! 0 or -1 in reshapes), so that the inference model takes any number of samples.

use std::collections::HashMap;

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
    /// The nodes so far, in topological order.
    pub nodes: Vec<LoweredNode>,
    /// The constants so far.
    pub constants: Vec<(Value, Constant)>,
    known_integers: HashMap<(Vec<usize>, Vec<i64>), Value>,
    known_scalars: HashMap<u32, Value>,
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
        let output = self.name();
        self.push(op_type, inputs, vec![output.clone()], attributes);
        output
    }

    /// Emits an operator with several outputs.
    pub fn op_many(
        &mut self,
        op_type: &'static str,
        inputs: &[&str],
        outputs: usize,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Vec<Value> {
        let names: Vec<Value> = (0..outputs).map(|_| self.name()).collect();
        self.push(op_type, inputs, names.clone(), attributes);
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
        name
    }

    /// A float tensor as a constant.
    pub fn tensor(&mut self, shape: &[usize], values: Vec<f32>) -> Value {
        let name = self.name();
        self.constants.push((name.clone(), Constant::F32(shape.to_vec(), values)));
        name
    }

    fn push(
        &mut self,
        op_type: &'static str,
        inputs: &[&str],
        outputs: Vec<Value>,
        attributes: Vec<(&'static str, Attribute)>,
    ) {
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        self.nodes.push(LoweredNode { op_type, inputs, outputs, attributes });
    }

    fn name(&mut self) -> Value {
        self.next += 1;
        format!("v{}", self.next)
    }
}
