//! Puts what stands beside one of Hatchery's kernels into it, where the kernel can do it in passing.
//!
//! A rectifier behind a kernel, a rectifier's gradient in front of one, a non-linearity behind a batch normalisation, a sum
//! that a kernel can add up while it reads.
//! It works on lowered nodes, and leaves standard operators among themselves as they are.

mod elementwise;
mod shapes;

pub(super) use shapes::Shapes;

use crate::graph::{
    emitter::{Attribute, Emitter, KERNEL_OUTPUTS, LoweredNode, Value},
    operators::lowering_choice,
};
use std::collections::HashMap;

/// Kernels behind which a rectifier may follow.
const RECTIFIABLE: [&str; 2] = ["Convolution", "LocalResponseNorm"];
/// Of the gradient of local responses: the gradient to be passed on. Behind it may come a rectifier's output.
const RESPONSES_UPSTREAM: usize = 1;
/// Of a batch normalisation: the shift.
const NORM_SHIFT: usize = 2;
/// Of its gradient: the gradient to be passed on. Behind it may come the shift.
const NORM_UPSTREAM: usize = 4;

/// Fuses nodes; `shapes` are those of values that operators have handed over, `outputs` the values that are handed out.
pub(super) fn fuse(emitter: &mut Emitter, shapes: Shapes, outputs: &[Value]) {
    if !lowering_choice::kernels(emitter) {
        return;
    }
    let mut fusion = Fusion::new(std::mem::take(&mut emitter.nodes), outputs);
    for index in 0..fusion.nodes.len() {
        fusion.rectifier(index);
        fusion.rectifier_gradient(index);
        fusion.norm_activation(index);
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
    /// For the input of a kernel's activation, the node of its gradient.
    activation_gradients: HashMap<Value, usize>,
    /// For the gradient of a batch normalisation's output, the node that passes it on.
    norm_gradients: HashMap<Value, usize>,
}

impl Fusion {
    fn new(nodes: Vec<LoweredNode>, outputs: &[Value]) -> Self {
        let mut readers: HashMap<Value, usize> = HashMap::new();
        let read = nodes.iter().flat_map(|node| &node.inputs).chain(outputs);
        read.for_each(|value| *readers.entry(value.clone()).or_default() += 1);
        let written = nodes.iter().enumerate();
        let writers =
            written.flat_map(|(index, node)| node.outputs.iter().map(move |value| (value.clone(), index)));
        let by_input = |kernel: &str, input: usize| -> HashMap<Value, usize> {
            let kernels = nodes.iter().enumerate().filter(|(_, node)| node.is_kernel(kernel));
            kernels.map(|(index, node)| (node.inputs[input].clone(), index)).collect()
        };
        Self {
            readers,
            writers: writers.collect(),
            weight_gradients: by_input("ConvolutionWeightGradient", 1),
            activation_gradients: by_input("ActivationGradient", 0),
            norm_gradients: by_input("BatchNormGradient", NORM_UPSTREAM),
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
        if !RECTIFIABLE.iter().any(|name| kernel.is_kernel(name)) || kernel.outputs[0] != value {
            return None;
        }
        kernel.attributes.push(("rectified", Attribute::Int(1)));
        kernel.outputs[0].clone_from(&rectified);
        self.writers.insert(rectified, writer);
        self.nodes[index] = None;
        Some(())
    }

    /// A rectifier's gradient that only the gradient of local responses reads.
    fn rectifier_gradient(&mut self, index: usize) -> Option<()> {
        let node = self.nodes[index].as_ref().filter(|node| node.is_kernel("LocalResponseNormGradient"))?;
        let value = node.inputs.get(RESPONSES_UPSTREAM)?.clone();
        if node.inputs.len() != RESPONSES_UPSTREAM + 1 || !self.is_read_once(&value) {
            return None;
        }
        let writer = *self.writers.get(&value)?;
        let gradient = self.nodes[writer].take_if(|node| node.is_kernel("RectifierGradient"))?;
        let [rectified, upstream] = <[Value; 2]>::try_from(gradient.inputs).ok()?;
        let node = self.nodes[index].as_mut()?;
        node.inputs[RESPONSES_UPSTREAM] = upstream;
        node.inputs.push(rectified);
        Some(())
    }

    /// An activation that reads what a batch normalisation writes, and their gradients: what lies between is in no memory.
    fn norm_activation(&mut self, index: usize) -> Option<()> {
        let node = self.nodes[index].as_ref().filter(|node| node.is_kernel("Activation"))?;
        let (between, activated) = (node.inputs[0].clone(), node.outputs[0].clone());
        let (_, Attribute::Ints(sizes)) = node.attributes.first()? else { return None };
        let activation = ("activation", Attribute::Int(*sizes.first()?));
        let gradients = self.gradients_through(&between);
        if self.readers.get(&between) != Some(&(1 + usize::from(gradients.is_some()))) {
            return None;
        }
        let norm = *self.writers.get(&between)?;
        let kernel = self.nodes[norm].as_mut().filter(|node| node.is_kernel("BatchNorm"))?;
        let shift = kernel.inputs[NORM_SHIFT].clone();
        kernel.attributes.push(activation.clone());
        kernel.outputs[0].clone_from(&activated);
        self.writers.insert(activated, norm);
        self.nodes[index] = None;
        let [of_activation, of_norm] = gradients?;
        let upstream = self.nodes[of_activation].take()?.inputs.swap_remove(1);
        let kernel = self.nodes[of_norm].as_mut()?;
        kernel.attributes.push(activation);
        kernel.inputs[NORM_UPSTREAM] = upstream;
        kernel.inputs.push(shift);
        Some(())
    }

    /// The nodes that hand a gradient through an activation that reads `between` and through the normalisation before it,
    /// where the latter alone reads what the former writes.
    fn gradients_through(&self, between: &str) -> Option<[usize; 2]> {
        let of_activation = *self.activation_gradients.get(between)?;
        let handed_on = &self.nodes[of_activation].as_ref()?.outputs[0];
        let of_norm = *self.norm_gradients.get(handed_on).filter(|_| self.is_read_once(handed_on))?;
        Some([of_activation, of_norm])
    }

    /// A bias's gradient beside its weights' gradient.
    fn channel_sum(&mut self, index: usize) -> Option<()> {
        let node = self.nodes[index].as_ref().filter(|node| node.is_kernel("ChannelSum"))?;
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
