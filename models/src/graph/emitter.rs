//! What operators lower themselves to: standard ONNX operators, named values, constants.
//!
//! Batch-agnostic where it can be: an operator of the forward pass must not write the batch size into a constant (use
//! 0 or -1 in reshapes), so that the inference model takes any number of samples.
//!
//! It must not know any operator: each lowers itself through the `Emitter`, which gives equal nodes one name, so a
//! gradient's lowering may simply write down again what the forward pass has computed already.

use super::choices::Choices;
use std::collections::HashMap;

/// Version of the standard operator set that lowerings are written for.
pub const OPSET: i64 = 17;

/// The operator set of kernels that Hatchery brings with it, beside the standard one. Only sessions of Hatchery's know
/// it, so a lowering may use it only where `Choices::kernels` says that such a session will run the graph.
pub const KERNEL_DOMAIN: &str = "hatchery";

/// The attribute that says how many outputs a kernel's node has: whoever infers their shapes is not told otherwise.
pub const KERNEL_OUTPUTS: &str = "outputs";

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

/// One operator: a standard ONNX operator, or one of Hatchery's kernels.
#[derive(Clone, Debug, PartialEq)]
pub struct LoweredNode {
    /// Operator set: empty for the standard one, else `KERNEL_DOMAIN`.
    pub domain: &'static str,
    /// ONNX operator type.
    pub op_type: &'static str,
    /// Names of its inputs.
    pub inputs: Vec<Value>,
    /// Names of its outputs; empty names are not computed.
    pub outputs: Vec<Value>,
    /// Attributes by name.
    pub attributes: Vec<(&'static str, Attribute)>,
}

impl LoweredNode {
    /// Whether it is this kernel of Hatchery's.
    pub fn is_kernel(&self, name: &str) -> bool {
        self.domain == KERNEL_DOMAIN && self.op_type == name
    }
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
    /// An emitter for a provider, with lowerings that are asked for.
    pub fn new(provider: Provider, choices: Choices) -> Self {
        Self { provider, choices, ..Self::default() }
    }

    /// The node that writes a value; none for an input or a constant.
    pub fn writer(&self, value: &str) -> Option<&LoweredNode> {
        self.nodes.iter().rev().find(|node| node.outputs.iter().any(|output| output == value))
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
        self.node("", op_type, inputs, outputs, attributes)
    }

    /// Emits one of Hatchery's kernels, with all its sizes in one list.
    pub fn kernel(
        &mut self,
        op_type: &'static str,
        inputs: &[&str],
        outputs: usize,
        sizes: Vec<i64>,
    ) -> Vec<Value> {
        let count = Attribute::Int(outputs as i64);
        let attributes = vec![("sizes", Attribute::Ints(sizes)), (KERNEL_OUTPUTS, count)];
        self.node(KERNEL_DOMAIN, op_type, inputs, outputs, attributes)
    }

    fn node(
        &mut self,
        domain: &'static str,
        op_type: &'static str,
        inputs: &[&str],
        outputs: usize,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Vec<Value> {
        let key = format!("{domain} {op_type} {outputs} {inputs:?} {attributes:?}");
        if let Some(names) = self.known_nodes.get(&key) {
            return names.clone();
        }
        let names: Vec<Value> = (0..outputs).map(|_| self.name()).collect();
        self.known_nodes.insert(key, names.clone());
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        self.nodes.push(LoweredNode { domain, op_type, inputs, outputs: names.clone(), attributes });
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

    /// `[count]`: one number so many times; the same constant wherever it is wanted.
    pub fn repeated(&mut self, value: f32, count: usize) -> Value {
        self.keyed_tensor(format!("{count} times {value}"), &[count], || vec![value; count])
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

    /// The sum of values of one shape; a single one is returned as it is.
    pub fn sum(&mut self, values: &[Value]) -> Value {
        if let [single] = values {
            return single.clone();
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.op("Sum", &values, Vec::new())
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
