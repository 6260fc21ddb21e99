//! Puts arithmetic on tensors of one shape together: what is computed element by element, such as an optimizer's update,
//! then reads and writes memory once, in one node.
//!
//! Nodes that feed each other become a formula, where nothing outside lies between them; else those before and those
//! behind what lies between, as in forward and backward pass, become one each.

use super::shapes::Shapes;
use crate::graph::emitter::{Attribute, Emitter, KERNEL_DOMAIN, KERNEL_OUTPUTS, LoweredNode, Value};
use std::collections::{HashMap, HashSet};

/// Arithmetic that a formula knows, in the order of the kernel's codes.
const CODES: [&str; 11] =
    ["Add", "Sub", "Mul", "Div", "Sqrt", "Reciprocal", "Relu", "Max", "Min", "Sign", "Exp"];
/// Nodes of a formula, at most: each has a buffer.
const FORMULA_NODES_MAX: usize = 32;

/// Fuses what can be; `shapes` says what is known of values, `outputs` which are handed out.
pub(super) fn fuse(emitter: &mut Emitter, mut shapes: Shapes, outputs: &[Value]) {
    shapes.add_constants(&emitter.constants);
    let nodes = std::mem::take(&mut emitter.nodes);
    let formulas = Search::new(&nodes, &mut shapes, outputs).formulas();
    let mut within: HashMap<usize, usize> = HashMap::new();
    for (number, formula) in formulas.iter().enumerate() {
        within.extend(formula.nodes.iter().map(|&node| (node, number)));
    }
    for (index, node) in nodes.into_iter().enumerate() {
        match within.get(&index) {
            None => emitter.nodes.push(node),
            Some(&number) if formulas[number].nodes.last() == Some(&index) => {
                emitter.nodes.push(formulas[number].node.clone());
            }
            Some(_) => {}
        }
    }
}

struct Formula {
    /// Which nodes it takes the place of, in order.
    nodes: Vec<usize>,
    /// What does so, in the last one's place.
    node: LoweredNode,
}

struct Search<'a> {
    nodes: &'a [LoweredNode],
    shapes: &'a Shapes,
    /// For each node, whether it is arithmetic on one shape.
    is_arithmetic: Vec<bool>,
    writers: HashMap<&'a str, usize>,
    readers: HashMap<&'a str, Vec<usize>>,
    handed_out: HashSet<&'a str>,
}

impl<'a> Search<'a> {
    fn new(nodes: &'a [LoweredNode], shapes: &'a mut Shapes, outputs: &'a [Value]) -> Self {
        let is_arithmetic = nodes.iter().map(|node| is_arithmetic(node, shapes)).collect();
        let (mut writers, mut readers) = (HashMap::new(), HashMap::<&str, Vec<usize>>::new());
        for (index, node) in nodes.iter().enumerate() {
            writers.extend(node.outputs.iter().map(|value| (value.as_str(), index)));
            node.inputs.iter().for_each(|value| readers.entry(value).or_default().push(index));
        }
        let handed_out = outputs.iter().map(String::as_str).collect();
        Self { nodes, shapes, is_arithmetic, writers, readers, handed_out }
    }

    fn formulas(&self) -> Vec<Formula> {
        let mut taken = vec![false; self.nodes.len()];
        let mut formulas = Vec::new();
        for index in 0..self.nodes.len() {
            if !self.is_arithmetic[index] || taken[index] {
                continue;
            }
            let nodes = self.closed(index, &taken);
            if nodes.len() > 1 {
                nodes.iter().for_each(|&node| taken[node] = true);
                formulas.push(Formula { node: self.formula(&nodes), nodes });
            }
        }
        formulas
    }

    /// As much of the arithmetic that is connected with a node as may stand in the last one's place, in order.
    fn closed(&self, first: usize, taken: &[bool]) -> Vec<usize> {
        let mut nodes = self.connected(first, self.nodes.len(), taken);
        loop {
            let beyond = self.reader_between(&nodes).or_else(|| nodes.get(FORMULA_NODES_MAX).copied());
            let Some(end) = beyond else { return nodes };
            nodes = self.connected(first, end, taken);
        }
    }

    /// All arithmetic on the same shape, from a node on, that is connected with it by nodes before `end`, in order.
    fn connected(&self, first: usize, end: usize, taken: &[bool]) -> Vec<usize> {
        let shape = self.shape(first);
        let (mut found, mut open) = (HashSet::from([first]), vec![first]);
        while let Some(index) = open.pop() {
            let node = &self.nodes[index];
            let before = node.inputs.iter().filter_map(|value| self.writers.get(value.as_str()));
            let after = node.outputs.iter().filter_map(|value| self.readers.get(value.as_str())).flatten();
            for &next in before.chain(after).filter(|next| (first..end).contains(*next)) {
                let fits = self.is_arithmetic[next] && !taken[next] && self.shape(next) == shape;
                if fits && found.insert(next) {
                    open.push(next);
                }
            }
        }
        let mut found: Vec<usize> = found.into_iter().collect();
        found.sort_unstable();
        found
    }

    fn shape(&self, index: usize) -> Option<&Vec<usize>> {
        self.shapes.get(&self.nodes[index].outputs[0])
    }

    /// The first node before the last of these that reads what they write, and is none of them.
    fn reader_between(&self, nodes: &[usize]) -> Option<usize> {
        let last = nodes.last()?;
        let read = nodes.iter().filter_map(|&index| self.readers.get(self.nodes[index].outputs[0].as_str()));
        read.flatten().filter(|reader| *reader < last && nodes.binary_search(reader).is_err()).min().copied()
    }

    fn formula(&self, nodes: &[usize]) -> LoweredNode {
        let mut inputs: Vec<&str> = Vec::new();
        let results: HashMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .map(|(number, &index)| (self.nodes[index].outputs[0].as_str(), number))
            .collect();
        for value in nodes.iter().flat_map(|&index| &self.nodes[index].inputs) {
            if !results.contains_key(value.as_str()) && !inputs.contains(&value.as_str()) {
                inputs.push(value);
            }
        }
        let place = |value: &str| match results.get(value) {
            Some(number) => inputs.len() + number,
            None => inputs.iter().position(|input| *input == value).unwrap_or_default(),
        };
        let is_read = |value: &str| {
            let readers = self.readers.get(value).into_iter().flatten();
            self.handed_out.contains(value)
                || readers.into_iter().any(|reader| nodes.binary_search(reader).is_err())
        };
        let outputs: Vec<&str> = nodes
            .iter()
            .map(|&index| self.nodes[index].outputs[0].as_str())
            .filter(|value| is_read(value))
            .collect();
        let shape = self.shape(nodes[0]).cloned().unwrap_or_default();
        let mut sizes = vec![shape.len(), inputs.len(), outputs.len()];
        sizes.extend(shape);
        sizes.extend(outputs.iter().map(|value| place(value)));
        for node in nodes.iter().map(|&index| &self.nodes[index]) {
            let code = CODES.iter().position(|code| *code == node.op_type).unwrap_or_default();
            let other = node.inputs.last().map_or(0, |value| place(value));
            sizes.extend([code, place(&node.inputs[0]), other]);
        }
        let sizes = Attribute::Ints(sizes.into_iter().map(|size| size as i64).collect());
        LoweredNode {
            domain: KERNEL_DOMAIN,
            op_type: "Formula",
            attributes: vec![("sizes", sizes), (KERNEL_OUTPUTS, Attribute::Int(outputs.len() as i64))],
            inputs: inputs.into_iter().map(str::to_owned).collect(),
            outputs: outputs.into_iter().map(str::to_owned).collect(),
        }
    }
}

/// Whether a node is arithmetic on tensors of one shape, other operands being scalars; its outputs' shapes are noted.
fn is_arithmetic(node: &LoweredNode, shapes: &mut Shapes) -> bool {
    shapes.add_outputs(node);
    if !node.domain.is_empty() || !CODES.contains(&node.op_type) || node.inputs.len() > 2 {
        return false;
    }
    let Some(inputs) = node.inputs.iter().map(|value| shapes.get(value)).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let Some(shape) = inputs.iter().max_by_key(|shape| shape.len()) else { return false };
    if !inputs.iter().all(|other| other.is_empty() || other == shape) {
        return false;
    }
    let shape = (*shape).clone();
    shapes.insert(node.outputs[0].clone(), shape);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{choices::Choices, lowering::Provider};

    /// Operators of the nodes after fusing; each node is an operator and its inputs, named by the numbers of their nodes.
    fn fused(nodes: &[(&'static str, &[&str])]) -> Vec<&'static str> {
        let mut emitter = Emitter::new(Provider::Cpu, Choices::default());
        for (number, (op_type, inputs)) in nodes.iter().enumerate() {
            emitter.nodes.push(LoweredNode {
                domain: "",
                op_type,
                attributes: Vec::new(),
                inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
                outputs: vec![number.to_string()],
            });
        }
        let known = ["x", "y"].into_iter().map(str::to_owned).chain((0..nodes.len()).map(|n| n.to_string()));
        let shapes = Shapes::new(known.map(|value| (value, vec![2, 3])));
        fuse(&mut emitter, shapes, &[(nodes.len() - 1).to_string()]);
        emitter.nodes.iter().map(|node| node.op_type).collect()
    }

    #[test]
    fn what_lies_between_divides_a_formula() {
        assert_eq!(fused(&[("Mul", &["x", "y"]), ("Add", &["0", "x"])]), ["Formula"]);
        let between: [(&str, &[&str]); 5] = [
            ("Mul", &["x", "y"]),
            ("Add", &["0", "x"]),
            ("MatMul", &["1", "y"]),
            ("Mul", &["2", "1"]),
            ("Sub", &["3", "0"]),
        ];
        assert_eq!(fused(&between), ["Formula", "MatMul", "Formula"]);
        let alone: [(&str, &[&str]); 3] =
            [("Mul", &["x", "y"]), ("MatMul", &["0", "y"]), ("Add", &["0", "1"])];
        assert_eq!(fused(&alone), ["Mul", "MatMul", "Add"]);
    }

    #[test]
    fn a_formula_has_as_many_nodes_as_it_may() {
        let names: Vec<String> = (0..40_usize).map(|number| number.to_string()).collect();
        let inputs: Vec<[&str; 2]> = (0..40)
            .map(|number| if number == 0 { ["x", "y"] } else { [names[number - 1].as_str(), "y"] })
            .collect();
        let chain: Vec<(&str, &[&str])> = inputs.iter().map(|inputs| ("Mul", inputs.as_slice())).collect();
        assert_eq!(fused(&chain), ["Formula", "Formula"]);
    }
}
