//! Shapes of floats as far as fusing needs to know them: those of values that operators have handed over are given,
//! those of what lies between are worked out here, for the few operators that stand beside arithmetic.

use crate::graph::emitter::{Attribute, Constant, LoweredNode, Value};
use std::collections::HashMap;

/// Operators whose output has their first input's shape, whatever the others are.
const SAME_SHAPE: [&str; 9] =
    ["Sigmoid", "Tanh", "Erf", "Exp", "Log", "Elu", "LeakyRelu", "Floor", "LogSoftmax"];

/// Shapes of values, and what is needed to know more of them.
#[derive(Debug)]
pub(in crate::graph::lowering) struct Shapes {
    known: HashMap<Value, Vec<usize>>,
    /// Lists of integers, such as the axes of a sum.
    integers: HashMap<Value, Vec<i64>>,
}

impl Shapes {
    /// These are known.
    pub fn new(known: impl IntoIterator<Item = (Value, Vec<usize>)>) -> Self {
        Self { known: known.into_iter().collect(), integers: HashMap::new() }
    }

    /// The shape of a value.
    pub fn get(&self, value: &str) -> Option<&Vec<usize>> {
        self.known.get(value)
    }

    /// Knows a value's shape from now on.
    pub fn insert(&mut self, value: Value, shape: Vec<usize>) {
        self.known.insert(value, shape);
    }

    /// Knows these constants from now on.
    pub fn add_constants(&mut self, constants: &[(Value, Constant)]) {
        for (name, constant) in constants {
            match constant {
                Constant::F32(shape, _) => self.insert(name.clone(), shape.clone()),
                Constant::I64(_, values) => _ = self.integers.insert(name.clone(), values.clone()),
            }
        }
    }

    /// Knows what follows for an operator's outputs from now on.
    pub fn add_outputs(&mut self, node: &LoweredNode) {
        for (number, output) in node.outputs.iter().enumerate() {
            if let Some(shape) = self.of_output(node, number) {
                self.known.entry(output.clone()).or_insert(shape);
            }
        }
    }

    fn of_output(&self, node: &LoweredNode, number: usize) -> Option<Vec<usize>> {
        let input = |number: usize| self.get(node.inputs.get(number)?).cloned();
        match node.op_type {
            name if SAME_SHAPE.contains(&name) => input(0),
            // Of the output, then of means and variances, or of gradients, which are as many as the scales.
            "BatchNormalization" | "BatchNorm" | "BatchNormGradient" => input(usize::from(number > 0)),
            "ReduceSum" => self.of_sum(node, input(0)?),
            // Without strides, pads and groups.
            "Conv" if node.attributes.is_empty() => {
                let ([batch, _, height, width], [filters, _, down, across]) =
                    (input(0)?.try_into().ok()?, input(1)?.try_into().ok()?);
                Some(vec![batch, filters, (height + 1).checked_sub(down)?, (width + 1).checked_sub(across)?])
            }
            _ => None,
        }
    }

    fn of_sum(&self, node: &LoweredNode, mut shape: Vec<usize>) -> Option<Vec<usize>> {
        let rank = i64::try_from(shape.len()).ok()?;
        let axes = self.integers.get(node.inputs.get(1)?)?.iter();
        let axes = axes.map(|axis| Some(axis.checked_rem_euclid(rank)? as usize));
        let mut axes = axes.collect::<Option<Vec<usize>>>()?;
        axes.sort_unstable();
        let keeps = node.attributes.contains(&("keepdims", Attribute::Int(1)));
        for axis in axes.into_iter().rev() {
            if keeps {
                *shape.get_mut(axis)? = 1;
            } else if axis < shape.len() {
                shape.remove(axis);
            }
        }
        Some(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op_type: &'static str, inputs: &[&str], outputs: usize) -> LoweredNode {
        LoweredNode {
            domain: "",
            op_type,
            attributes: vec![("keepdims", Attribute::Int(0))],
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: (0..outputs).map(|number| format!("{op_type} {number}")).collect(),
        }
    }

    #[test]
    fn shapes_follow_from_what_is_known() {
        let mut shapes = Shapes::new([("x".to_owned(), vec![4, 3, 2]), ("scale".to_owned(), vec![3])]);
        shapes.add_constants(&[("axes".to_owned(), Constant::I64(vec![2], vec![0, -1]))]);
        shapes.add_outputs(&node("Sigmoid", &["x"], 1));
        shapes.add_outputs(&node("BatchNormalization", &["Sigmoid 0", "scale"], 2));
        shapes.add_outputs(&node("ReduceSum", &["BatchNormalization 0", "axes"], 1));
        shapes.add_outputs(&node("ReduceSum", &["x", "unknown"], 1));
        assert_eq!(shapes.get("Sigmoid 0"), Some(&vec![4, 3, 2]));
        assert_eq!(shapes.get("BatchNormalization 1"), Some(&vec![3]));
        assert_eq!(shapes.get("ReduceSum 0"), Some(&vec![3]));
        let mut kept = node("ReduceSum", &["x", "axes"], 1);
        kept.attributes = vec![("keepdims", Attribute::Int(1))];
        kept.outputs = vec!["kept".to_owned()];
        shapes.add_outputs(&kept);
        assert_eq!(shapes.get("kept"), Some(&vec![1, 3, 1]));
        shapes.insert("scalar".to_owned(), Vec::new());
        shapes.add_outputs(&node("ReduceSum", &["scalar", "axes"], 1));
        shapes.add_outputs(&node("Gather", &["x"], 1));
        assert_eq!(shapes.get("Gather 0"), None);
    }
}
