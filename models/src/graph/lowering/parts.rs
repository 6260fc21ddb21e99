//! Lowers node by node, and where it pays, each node for one part of the batch after another.
//!
//! The activations of a whole batch do not fit the caches: what one operator wrote, the next must fetch from memory.
//! Those of a few samples do. So a batch is divided where the first convolution or pool meets it, and put together
//! again where an operator wants all samples at once. Gradients that are sums over samples are summed over the parts.

use super::fusion::Shapes;
use crate::graph::{
    ElementType, Fact, Graph, Node, Outlet,
    emitter::{Attribute, Emitter, Value},
    operator::Batching,
    operators::lowering_choice::samples_at_once,
};

/// Lowers what the outputs depend on, and returns the outputs' values, and the shapes of all float values that are
/// known as a whole.
pub(super) fn lower_nodes(graph: &Graph, emitter: &mut Emitter) -> (Vec<Value>, Shapes) {
    let sizes = sizes_of_parts(graph, emitter);
    let held = graph.nodes().iter().map(|node| vec![Held::default(); node.facts.len()]).collect();
    let mut lowering = Lowering { graph, emitter, sizes, held };
    for (index, reachable) in graph.reachable().into_iter().enumerate() {
        if reachable {
            lowering.node(index, &graph.nodes()[index]);
        }
    }
    let outputs = graph.outputs().iter().map(|(_, outlet)| lowering.whole(*outlet)).collect();
    (outputs, lowering.shapes())
}

/// Sizes of the parts of a batch; a single one where dividing does not pay.
fn sizes_of_parts(graph: &Graph, emitter: &Emitter) -> Vec<usize> {
    let mut batch = 0;
    let mut sample_bytes_max = 0;
    for node in graph.nodes() {
        let inputs: Vec<&Fact> = node.inputs.iter().map(|outlet| graph.fact(*outlet)).collect();
        let Some(batching) = node.operator.batching(&inputs).filter(|batching| batching.starts) else {
            continue;
        };
        let along = inputs.iter().zip(&batching.along).filter(|(_, along)| **along).map(|(fact, _)| *fact);
        let outputs =
            node.facts.iter().zip(&batching.summed).filter(|(_, summed)| !**summed).map(|(fact, _)| fact);
        for fact in along.chain(outputs) {
            batch = fact.shape[0];
            sample_bytes_max = sample_bytes_max.max(fact.bytes() / batch.max(1));
        }
    }
    let samples = samples_at_once(emitter, batch, sample_bytes_max);
    let mut sizes = vec![samples; batch / samples];
    sizes.extend(Some(batch % samples).filter(|&rest| rest > 0));
    sizes
}

/// What is known of a value: all of it, its parts, or both.
#[derive(Clone, Debug, Default)]
struct Held {
    whole: Option<Value>,
    parts: Option<Vec<Value>>,
}

struct Lowering<'a> {
    graph: &'a Graph,
    emitter: &'a mut Emitter,
    sizes: Vec<usize>,
    held: Vec<Vec<Held>>,
}

impl Lowering<'_> {
    fn shapes(&self) -> Shapes {
        let held = self.graph.nodes().iter().zip(&self.held);
        let known = held.flat_map(|(node, held)| node.facts.iter().zip(held));
        let floats = known.filter(|(fact, _)| fact.element == ElementType::F32);
        Shapes::new(floats.filter_map(|(fact, held)| Some((held.whole.clone()?, fact.shape.clone()))))
    }

    fn held(&mut self, outlet: Outlet) -> &mut Held {
        &mut self.held[outlet.node as usize][outlet.slot as usize]
    }

    /// The value for the whole batch, put together if need be.
    fn whole(&mut self, outlet: Outlet) -> Value {
        let held = self.held(outlet).clone();
        match (held.whole, held.parts) {
            (Some(whole), _) => whole,
            (None, parts) => {
                let whole = self.emitter.concat(&parts.unwrap_or_default(), 0);
                self.held(outlet).whole = Some(whole.clone());
                whole
            }
        }
    }

    /// The value for each part of the batch, divided if need be.
    fn parts(&mut self, outlet: Outlet) -> Vec<Value> {
        if let Some(parts) = &self.held(outlet).parts {
            return parts.clone();
        }
        let whole = self.whole(outlet);
        let sizes: Vec<i64> = self.sizes.iter().map(|&size| size as i64).collect();
        let sizes = self.emitter.integers(&sizes);
        let axis = vec![("axis", Attribute::Int(0))];
        let parts = self.emitter.op_many("Split", &[&whole, &sizes], self.sizes.len(), axis);
        self.held(outlet).parts = Some(parts.clone());
        parts
    }

    fn node(&mut self, index: usize, node: &Node) {
        let facts: Vec<&Fact> = node.inputs.iter().map(|outlet| self.graph.fact(*outlet)).collect();
        let batching = self.divided(node, &facts);
        let held = match batching.and_then(|batching| self.in_parts(node, &facts, &batching)) {
            Some(held) => held,
            None => {
                let inputs: Vec<Value> = node.inputs.iter().map(|outlet| self.whole(*outlet)).collect();
                let outputs = node.operator.lower(self.emitter, &inputs, &facts, &node.facts);
                outputs.into_iter().map(|value| Held { whole: Some(value), parts: None }).collect()
            }
        };
        self.held[index] = held;
    }

    /// How the operator treats samples, if it is to be lowered in parts.
    fn divided(&mut self, node: &Node, facts: &[&Fact]) -> Option<Batching> {
        if self.sizes.len() < 2 {
            return None;
        }
        let batch: usize = self.sizes.iter().sum();
        let batching = node.operator.batching(facts)?;
        let mut along = facts.iter().zip(&batching.along).filter(|(_, along)| **along);
        if !along.all(|(fact, _)| fact.shape.first() == Some(&batch)) {
            return None;
        }
        let mut inputs = node.inputs.iter().zip(&batching.along);
        let goes_along = inputs.any(|(outlet, along)| *along && self.held(*outlet).parts.is_some());
        (batching.starts || goes_along).then_some(batching)
    }

    /// The outputs, lowered part by part; none where the operator has no shape for a part.
    fn in_parts(&mut self, node: &Node, facts: &[&Fact], batching: &Batching) -> Option<Vec<Held>> {
        let mut inputs: Vec<Vec<Value>> = Vec::with_capacity(node.inputs.len());
        for (outlet, along) in node.inputs.iter().zip(&batching.along) {
            inputs.push(match along {
                true => self.parts(*outlet),
                false => vec![self.whole(*outlet); self.sizes.len()],
            });
        }
        let mut outputs: Vec<Vec<Value>> = vec![Vec::new(); node.facts.len()];
        for (part, samples) in self.sizes.clone().into_iter().enumerate() {
            let facts: Vec<Fact> = facts
                .iter()
                .zip(&batching.along)
                .map(|(fact, along)| if *along { fact.with_samples(samples) } else { (*fact).clone() })
                .collect();
            let facts: Vec<&Fact> = facts.iter().collect();
            let output_facts = node.operator.facts(&facts).ok()?;
            let values: Vec<Value> = inputs.iter().map(|parts| parts[part].clone()).collect();
            let lowered = node.operator.lower(self.emitter, &values, &facts, &output_facts);
            outputs.iter_mut().zip(lowered).for_each(|(parts, value)| parts.push(value));
        }
        let held = outputs.into_iter().zip(&batching.summed).map(|(parts, summed)| match summed {
            true => Held { whole: Some(self.emitter.sum(&parts)), parts: None },
            false => Held { whole: None, parts: Some(parts) },
        });
        Some(held.collect())
    }
}
