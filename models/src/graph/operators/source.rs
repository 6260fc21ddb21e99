//! Values that come from nowhere: inputs, constants, masks made of two constants.

use super::{misfit, signed};
use crate::graph::{
    Fact, GraphError, Operator,
    emitter::{Emitter, Value},
};
use std::sync::Arc;

/// A value handed in by name.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name; names like `v12` are taken by lowered values.
    pub name: String,
    /// Its type and shape.
    pub fact: Fact,
}

impl Operator for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn input_name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn facts(&self, _inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        Ok(vec![self.fact.clone()])
    }

    fn lower(&self, _: &mut Emitter, _: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![self.name.clone()]
    }
}

/// A tensor of 32-bit floats that is known when the graph is built.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements, row by row.
    pub values: Arc<Vec<f32>>,
}

impl Constant {
    /// A scalar.
    pub fn scalar(value: f32) -> Self {
        Self { shape: Vec::new(), values: Arc::new(vec![value]) }
    }

    /// A vector.
    pub fn vector(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], values: Arc::new(values) }
    }
}

impl Operator for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn facts(&self, _inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let fact = Fact::f32(&self.shape);
        match fact.volume() == self.values.len() {
            true => Ok(vec![fact]),
            false => {
                Err(misfit(self.name(), format!("{} values for shape {:?}", self.values.len(), self.shape)))
            }
        }
    }

    fn lower(&self, emitter: &mut Emitter, _: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        match self.shape.as_slice() {
            [] => vec![emitter.scalar(self.values[0])],
            shape => vec![emitter.tensor(shape, self.values.to_vec())],
        }
    }
}

/// A tensor of 64-bit integers that is known when the graph is built.
#[derive(Clone, Debug)]
pub struct IntegerConstant {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements, row by row.
    pub values: Arc<Vec<i64>>,
}

impl Operator for IntegerConstant {
    fn name(&self) -> &'static str {
        "integer constant"
    }

    fn facts(&self, _inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        let fact = Fact::i64(&self.shape);
        match fact.volume() == self.values.len() {
            true => Ok(vec![fact]),
            false => {
                Err(misfit(self.name(), format!("{} values for shape {:?}", self.values.len(), self.shape)))
            }
        }
    }

    fn lower(&self, emitter: &mut Emitter, _: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        vec![emitter.integer_tensor(&self.shape, &self.values)]
    }
}

/// A tensor filled with one number; takes no room in the model file.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The number.
    pub value: f32,
}

impl Operator for Filled {
    fn name(&self) -> &'static str {
        "filled"
    }

    fn facts(&self, _inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        Ok(vec![Fact::f32(&self.shape)])
    }

    fn lower(&self, emitter: &mut Emitter, _: &[Value], _: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let scalar = emitter.scalar(self.value);
        let shape = emitter.integers(&signed(&self.shape));
        vec![emitter.op("Expand", &[&scalar, &shape], Vec::new())]
    }
}
