//! A small typed intermediate representation of tensor programs with static shapes.
//!
//! A graph that exists is typed: every node's shapes are checked as it is wired. A graph knows no genome, and
//! nothing of protobuf: `onnx` turns lowered nodes into a `ModelProto`.
//!
//! One file per operator (or family of like operators) in `operators/` holds its shape rule, cost, gradient rule and
//! lowering to standard ONNX operators. Reverse-mode differentiation (`gradient`) is one walk over the nodes.
//!
//! What an operator lowers itself to is below it (`emitter`, `choices`), what lowers whole graphs is above (`lowering`).

pub mod choices;
pub mod cuda_kernels;
pub mod emitter;
pub mod fact;
pub mod gradient;
pub mod lowering;
pub mod operator;
pub mod operators;
pub mod optimizer;

pub use fact::{ElementType, Fact};
pub use gradient::gradients;
pub use operator::{Application, Batching, Cost, InputGradients, Operator};

use std::sync::Arc;

/// One output of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outlet {
    /// Index of the node.
    pub node: u32,
    /// Which of its outputs.
    pub slot: u32,
}

/// One operator applied to earlier outlets.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub operator: Arc<dyn Operator>,
    /// What it reads; always earlier nodes.
    pub inputs: Vec<Outlet>,
    /// Type and shape of each output.
    pub facts: Vec<Fact>,
}

/// A program: nodes in topological order, and its named outputs.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    outputs: Vec<(String, Outlet)>,
}

/// Why a node could not be wired, differentiated or lowered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The inputs' shapes or types do not fit the operator.
    #[error("{operator}: {message}")]
    Shape {
        /// The operator's name.
        operator: &'static str,
        /// What does not fit, with the shapes.
        message: String,
    },
    /// The operator has no gradient rule and a gradient was asked for.
    #[error("{operator} has no gradient")]
    NoGradient {
        /// The operator's name.
        operator: &'static str,
    },
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a named input of the given type and shape.
    pub fn input(&mut self, name: impl Into<String>, fact: Fact) -> Outlet {
        let operator = operators::source::Input { name: name.into(), fact: fact.clone() };
        self.push(Arc::new(operator), Vec::new(), vec![fact])
    }

    /// Adds a node with one output.
    ///
    /// # Errors
    /// `GraphError::Shape` where the inputs do not fit.
    pub fn add(
        &mut self,
        operator: impl Operator + 'static,
        inputs: &[Outlet],
    ) -> Result<Outlet, GraphError> {
        Ok(self.add_many(operator, inputs)?[0])
    }

    /// Adds a node and returns all its outputs.
    ///
    /// # Errors
    /// `GraphError::Shape` where the inputs do not fit.
    pub fn add_many(
        &mut self,
        operator: impl Operator + 'static,
        inputs: &[Outlet],
    ) -> Result<Vec<Outlet>, GraphError> {
        let input_facts: Vec<&Fact> = inputs.iter().map(|outlet| self.fact(*outlet)).collect();
        let facts = operator.facts(&input_facts)?;
        let count = facts.len() as u32;
        let first = self.push(Arc::new(operator), inputs.to_vec(), facts);
        Ok((0..count).map(|slot| Outlet { node: first.node, slot }).collect())
    }

    /// Names an outlet as an output of the graph.
    pub fn output(&mut self, name: impl Into<String>, outlet: Outlet) {
        self.outputs.push((name.into(), outlet));
    }

    /// Type and shape of an outlet.
    pub fn fact(&self, outlet: Outlet) -> &Fact {
        &self.nodes[outlet.node as usize].facts[outlet.slot as usize]
    }

    /// Shape of an outlet.
    pub fn shape(&self, outlet: Outlet) -> &[usize] {
        &self.fact(outlet).shape
    }

    /// The nodes, each after everything that it reads.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The named inputs, in the order of their declaration.
    pub fn inputs(&self) -> Vec<(&str, Outlet)> {
        let names = self.nodes.iter().map(|node| node.operator.input_name());
        (0..).zip(names).filter_map(|(node, name)| Some((name?, Outlet { node, slot: 0 }))).collect()
    }

    /// What all nodes together cost.
    pub fn cost(&self) -> Cost {
        let multiply_adds = self.nodes.iter().map(|node| {
            let inputs: Vec<&Fact> = node.inputs.iter().map(|outlet| self.fact(*outlet)).collect();
            node.operator.cost(&inputs, &node.facts).multiply_adds
        });
        Cost { multiply_adds: multiply_adds.sum() }
    }

    /// For each node, whether a named output depends on it.
    pub fn reachable(&self) -> Vec<bool> {
        let mut reachable = vec![false; self.nodes.len()];
        for (_, outlet) in &self.outputs {
            reachable[outlet.node as usize] = true;
        }
        for index in (0..self.nodes.len()).rev() {
            if reachable[index] {
                self.nodes[index].inputs.iter().for_each(|input| reachable[input.node as usize] = true);
            }
        }
        reachable
    }

    /// The named outputs.
    pub fn outputs(&self) -> &[(String, Outlet)] {
        &self.outputs
    }

    fn push(&mut self, operator: Arc<dyn Operator>, inputs: Vec<Outlet>, facts: Vec<Fact>) -> Outlet {
        self.nodes.push(Node { operator, inputs, facts });
        Outlet { node: (self.nodes.len() - 1) as u32, slot: 0 }
    }
}

#[cfg(test)]
pub(crate) mod tests;
