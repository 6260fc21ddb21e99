//! Puts what stands beside one of Hatchery's kernels into it, where the kernel can do it in passing.
//!
//! A rectifier behind a kernel, a rectifier's gradient in front of one, a sum that a kernel can add up while it reads.
//! It works on lowered nodes, and leaves standard operators among themselves as they are.

mod elementwise;
mod shapes;

pub(super) use shapes::Shapes;

use crate::graph::{
    emitter::{Attribute, Emitter, KERNEL_DOMAIN, KERNEL_OUTPUTS, LoweredNode, Value},
    operators::lowering_choice,
};
use std::collections::HashMap;

/// Kernels behind which a rectifier may follow.
const RECTIFIABLE: [&str; 2] = ["Convolution", "BatchNorm"];
/// Inputs of the gradient of a batch normalisation without a rectifier, and which of them is the gradient to be passed
/// on.
const NORM_GRADIENT_INPUTS: usize = 5;
const NORM_GRADIENT_UPSTREAM: usize = 4;

/// Fuses nodes; `shapes` are those of values that operators have handed over, `outputs` the values that are handed out.
pub(super) fn fuse(emitter: &mut Emitter, shapes: Shapes, outputs: &[Value]) {
    if !lowering_choice::kernels(emitter) {
        return;
    }
    let mut fusion = Fusion::new(std::mem::take(&mut emitter.nodes), outputs);
    for index in 0..fusion.nodes.len() {
        fusion.rectifier(index);
        fusion.rectifier_gradient(index);
        fusion.channel_sum(index);
    }
    emitter.nodes = fusion.nodes.into_iter().flatten().collect();
    elementwise::fuse(emitter, shapes, outputs);
}

struct Fusion {
    /// Nodes in topological order; none where one has become part of another.
    nodes: Vec<Option<LoweredNode>>,
    /// How often each value is read or handed out.
    readers: HashMap<Value, usize>,
    /// Which node writes a value.
    writers: HashMap<Value, usize>,
    /// For each gradient, the node that multiplies an image by it.
    weight_gradients: HashMap<Value, usize>,
}

impl Fusion {
    fn new(nodes: Vec<LoweredNode>, outputs: &[Value]) -> Self {
        let mut readers: HashMap<Value, usize> = HashMap::new();
        let read = nodes.iter().flat_map(|node| &node.inputs).chain(outputs);
        read.for_each(|value| *readers.entry(value.clone()).or_default() += 1);
        let written = nodes.iter().enumerate();
        let writers =
            written.flat_map(|(index, node)| node.outputs.iter().map(move |value| (value.clone(), index)));
        let gradients =
            nodes.iter().enumerate().filter(|(_, node)| is_kernel(node, "ConvolutionWeightGradient"));
        Self {
            readers,
            writers: writers.collect(),
            weight_gradients: gradients.map(|(index, node)| (node.inputs[1].clone(), index)).collect(),
            nodes: nodes.into_iter().map(Some).collect(),
        }
    }

    fn is_read_once(&self, value: &str) -> bool {
        self.readers.get(value) == Some(&1)
    }

    /// A rectifier that alone reads what a kernel writes.
    fn rectifier(&mut self, index: usize) -> Option<()> {
        let node =
            self.nodes[index].as_ref().filter(|node| node.domain.is_empty() && node.op_type == "Relu")?;
        let (value, rectified) = (node.inputs[0].clone(), node.outputs[0].clone());
        let writer = *self.writers.get(&value).filter(|_| self.is_read_once(&value))?;
        let kernel = self.nodes[writer].as_mut()?;
        if !RECTIFIABLE.iter().any(|name| is_kernel(kernel, name)) || kernel.outputs[0] != value {
            return None;
        }
        kernel.attributes.push(("rectified", Attribute::Int(1)));
        kernel.outputs[0].clone_from(&rectified);
        self.writers.insert(rectified, writer);
        self.nodes[index] = None;
        Some(())
    }

    /// A rectifier's gradient that only a normalisation's gradient reads.
    fn rectifier_gradient(&mut self, index: usize) -> Option<()> {
        let node = self.nodes[index].as_ref().filter(|node| is_kernel(node, "BatchNormGradient"))?;
        let value = node.inputs.get(NORM_GRADIENT_UPSTREAM)?.clone();
        if node.inputs.len() != NORM_GRADIENT_INPUTS || !self.is_read_once(&value) {
            return None;
        }
        let writer = *self.writers.get(&value)?;
        let gradient = self.nodes[writer].take_if(|node| is_kernel(node, "RectifierGradient"))?;
        let [rectified, upstream] = <[Value; 2]>::try_from(gradient.inputs).ok()?;
        let node = self.nodes[index].as_mut()?;
        node.inputs[NORM_GRADIENT_UPSTREAM] = upstream;
        node.inputs.push(rectified);
        Some(())
    }

    /// A bias's gradient beside its weights' gradient.
    fn channel_sum(&mut self, index: usize) -> Option<()> {
        let node = self.nodes[index].as_ref().filter(|node| is_kernel(node, "ChannelSum"))?;
        let writer = *self.weight_gradients.get(&node.inputs[0]).filter(|writer| **writer < index)?;
        let sum = node.outputs[0].clone();
        let kernel = self.nodes[writer].as_mut().filter(|node| node.outputs.len() == 1)?;
        kernel.outputs.push(sum.clone());
        let count = Attribute::Int(kernel.outputs.len() as i64);
        kernel
            .attributes
            .iter_mut()
            .filter(|(name, _)| *name == KERNEL_OUTPUTS)
            .for_each(|(_, value)| *value = count.clone());
        self.writers.insert(sum, writer);
        self.nodes[index] = None;
        Some(())
    }
}

fn is_kernel(node: &LoweredNode, name: &str) -> bool {
    node.domain == KERNEL_DOMAIN && node.op_type == name
}
