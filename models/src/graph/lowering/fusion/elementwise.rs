//! Puts arithmetic on tensors of one shape together: what is computed element by element, such as an optimizer's update,
//! then reads and writes memory once, in one node.
//!
//! Nodes that feed each other become a formula, where nothing outside lies between them. It knows shapes as far as
//! they follow from those of the values that operators have handed over.

use crate::graph::emitter::{
    Attribute, Constant, Emitter, KERNEL_DOMAIN, KERNEL_OUTPUTS, LoweredNode, Value,
};
use std::collections::{HashMap, HashSet};

/// Arithmetic that a formula knows, in the order of the kernel's codes.
const CODES: [&str; 7] = ["Add", "Sub", "Mul", "Div", "Sqrt", "Reciprocal", "Relu"];
/// Nodes of a formula, at most: each has a buffer.
const FORMULA_NODES_MAX: usize = 32;

/// Shapes of values.
pub(in crate::graph::lowering) type Shapes = HashMap<Value, Vec<usize>>;

/// Fuses what can be; `shapes` says what is known of values, `outputs` which are handed out.
pub(super) fn fuse(emitter: &mut Emitter, mut shapes: Shapes, outputs: &[Value]) {
    for (name, constant) in &emitter.constants {
        if let Constant::F32(shape, _) = constant {
            shapes.insert(name.clone(), shape.clone());
        }
    }
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
            let nodes = self.connected(index, &taken);
            if nodes.len() > 1 && nodes.len() <= FORMULA_NODES_MAX && self.is_closed(&nodes) {
                nodes.iter().for_each(|&node| taken[node] = true);
                formulas.push(Formula { node: self.formula(&nodes), nodes });
            }
        }
        formulas
    }

    /// All arithmetic on the same shape that is connected with a node, in order.
    fn connected(&self, first: usize, taken: &[bool]) -> Vec<usize> {
        let shape = self.shape(first);
        let (mut found, mut open) = (HashSet::from([first]), vec![first]);
        while let Some(index) = open.pop() {
            let node = &self.nodes[index];
            let before = node.inputs.iter().filter_map(|value| self.writers.get(value.as_str()));
            let after = node.outputs.iter().filter_map(|value| self.readers.get(value.as_str())).flatten();
            for &next in before.chain(after) {
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

    /// Whether the nodes may stand in the last one's place: nothing before that reads what they write.
    fn is_closed(&self, nodes: &[usize]) -> bool {
        let Some(&last) = nodes.last() else { return false };
        let read = nodes.iter().filter_map(|&index| self.readers.get(self.nodes[index].outputs[0].as_str()));
        read.flatten().all(|reader| *reader > last || nodes.binary_search(reader).is_ok())
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

/// Whether a node is arithmetic on tensors of one shape, other operands being scalars; its output's shape is noted.
fn is_arithmetic(node: &LoweredNode, shapes: &mut Shapes) -> bool {
    if !node.domain.is_empty() || !CODES.contains(&node.op_type) {
        return false;
    }
    let Some(inputs) = node.inputs.iter().map(|value| shapes.get(value)).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let Some(shape) = inputs.iter().find(|shape| !shape.is_empty()) else { return false };
    if !inputs.iter().all(|other| other.is_empty() || other == shape) {
        return false;
    }
    let shape = (*shape).clone();
    shapes.insert(node.outputs[0].clone(), shape);
    true
}
