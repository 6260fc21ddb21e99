//! All kernels by name: how many tensors each reads and writes, their shapes, and how it is planned.

use super::{
    Kernel, Vectors, activation,
    batch_norm::{self, BatchNorm, BatchNormGradient},
    channel_sum::ChannelSum,
    convolution,
    formula::Formula,
    local_response::{LocalResponseNorm, LocalResponseNormGradient, Responses},
    pooling::{AveragePool, AveragePoolGradient, MaxPool, MaxPoolGradient},
    rectifier::RectifierGradient,
};
use crate::graph::{
    choices::KernelActivation,
    operators::window::{ConvolutionShape, PoolShape},
};

/// What a node says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// All sizes in one list, as the lowering has written them down.
    pub sizes: &'a [i64],
    /// Whether negative results become 0.
    pub rectified: bool,
    /// The number of the non-linearity that is computed in passing.
    pub activation: Option<i64>,
    /// Vectors of the processor.
    pub vectors: Vectors,
}

impl Request<'_> {
    /// The non-linearity, where there is one; none where no kernel knows it.
    fn activation(&self) -> Option<Option<KernelActivation>> {
        self.activation.map_or(Some(None), |code| KernelActivation::from_code(code).map(Some))
    }
}

/// What there is to know of a kernel before it is planned.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name that lowerings use.
    pub name: &'static str,
    /// Tensors that it reads; `ANY` number of them.
    pub inputs: usize,
    /// How many of them, the last ones, may be missing.
    pub optional_inputs: usize,
    /// Tensors that it writes; `ANY` number of them.
    pub outputs: usize,
    /// How many of them, the last ones, may be unwanted.
    pub optional_outputs: usize,
    /// Shapes of what it writes, for given sizes; none where sizes are of another kernel.
    pub shapes: fn(&[i64]) -> Option<Vec<Vec<i64>>>,
    /// Plans it; none where sizes are of another kernel.
    pub plan: fn(&Request<'_>) -> Option<Box<dyn Kernel>>,
}

impl Entry {
    const fn new(
        name: &'static str,
        [inputs, outputs]: [usize; 2],
        shapes: fn(&[i64]) -> Option<Vec<Vec<i64>>>,
        plan: fn(&Request<'_>) -> Option<Box<dyn Kernel>>,
    ) -> Self {
        Self { name, inputs, optional_inputs: 0, outputs, optional_outputs: 0, shapes, plan }
    }

    const fn with_optional(mut self, inputs: usize, outputs: usize) -> Self {
        self.optional_inputs = inputs;
        self.optional_outputs = outputs;
        self
    }
}

/// As many tensors as a node has.
pub const ANY: usize = usize::MAX;

/// The kernels.
pub const CATALOGUE: [Entry; 16] = [
    Entry::new("Convolution", [3, 1], convolution_output, |request| {
        let shape = ConvolutionShape::from_sizes(request.sizes)?;
        Some(convolution::forward(&shape, request.rectified, request.vectors))
    })
    .with_optional(1, 0),
    Entry::new("ConvolutionInputGradient", [2, 1], convolution_input, |request| {
        let shape = ConvolutionShape::from_sizes(request.sizes)?;
        Some(convolution::input_gradient(&shape, request.vectors))
    }),
    Entry::new("ConvolutionWeightGradient", [2, 2], convolution_weights, |request| {
        let shape = ConvolutionShape::from_sizes(request.sizes)?;
        Some(convolution::weight_gradient(&shape, request.vectors))
    })
    .with_optional(0, 1),
    Entry::new("MaxPool", [1, 1], pool_output, |request| {
        Some(Box::new(MaxPool::new(&PoolShape::from_sizes(request.sizes)?)))
    }),
    Entry::new("MaxPoolGradient", [3, 1], pool_input, |request| {
        Some(Box::new(MaxPoolGradient::new(&PoolShape::from_sizes(request.sizes)?)))
    }),
    Entry::new("AveragePool", [1, 1], pool_output, |request| {
        Some(Box::new(AveragePool::new(&PoolShape::from_sizes(request.sizes)?)?))
    }),
    Entry::new("AveragePoolGradient", [1, 1], pool_input, |request| {
        Some(Box::new(AveragePoolGradient::new(&PoolShape::from_sizes(request.sizes)?)))
    }),
    Entry::new("BatchNorm", [3, 3], batch_norm_outputs, |request| {
        let (sizes, epsilon) = batch_norm::sizes(request.sizes)?;
        Some(Box::new(BatchNorm::new(sizes, epsilon, request.activation()?)))
    }),
    Entry::new("BatchNormGradient", [6, 3], batch_norm_outputs, |request| {
        let (sizes, epsilon) = batch_norm::sizes(request.sizes)?;
        Some(Box::new(BatchNormGradient::new(sizes, epsilon, request.activation()?)))
    })
    .with_optional(1, 0),
    Entry::new("LocalResponseNorm", [1, 1], image, |request| {
        Some(Box::new(LocalResponseNorm::new(Responses::from_sizes(request.sizes)?, request.rectified)))
    }),
    Entry::new("LocalResponseNormGradient", [3, 1], image, |request| {
        Some(Box::new(LocalResponseNormGradient::new(Responses::from_sizes(request.sizes)?)))
    })
    .with_optional(1, 0),
    Entry::new("ChannelSum", [1, 1], channels, |request| Some(Box::new(ChannelSum::new(request.sizes)?))),
    Entry::new("Activation", [1, 1], activated, |request| {
        Some(Box::new(activation::Activation(activation::from_sizes(request.sizes)?.0)))
    }),
    Entry::new("ActivationGradient", [2, 1], activated, |request| {
        Some(Box::new(activation::ActivationGradient(activation::from_sizes(request.sizes)?.0)))
    }),
    Entry::new("Formula", [ANY, ANY], formula, |request| Some(Box::new(Formula::new(request.sizes)?))),
    Entry::new("RectifierGradient", [2, 1], same, |_| Some(Box::new(RectifierGradient))),
];

fn convolution_output(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    let ConvolutionShape { batch, filters, output, .. } = ConvolutionShape::from_sizes(sizes)?;
    Some(vec![signed(&[batch, filters, output[0], output[1]])])
}

fn convolution_input(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    let ConvolutionShape { batch, channels, size, .. } = ConvolutionShape::from_sizes(sizes)?;
    Some(vec![signed(&[batch, channels, size[0], size[1]])])
}

fn convolution_weights(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    let ConvolutionShape { filters, channels, kernel, groups, .. } = ConvolutionShape::from_sizes(sizes)?;
    let channels = channels / groups.max(1);
    Some(vec![signed(&[filters, channels, kernel[0], kernel[1]]), signed(&[filters])])
}

fn pool_output(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    let PoolShape { batch, channels, output, .. } = PoolShape::from_sizes(sizes)?;
    Some(vec![signed(&[batch, channels, output[0], output[1]])])
}

fn pool_input(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    let PoolShape { batch, channels, size, .. } = PoolShape::from_sizes(sizes)?;
    Some(vec![signed(&[batch, channels, size[0], size[1]])])
}

fn batch_norm_outputs(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    let [_, channels, ..] = *sizes else { return None };
    Some(vec![sizes.get(..4)?.to_vec(), vec![channels], vec![channels]])
}

fn image(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    Some(vec![sizes.get(..4)?.to_vec()])
}

fn channels(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    Some(vec![vec![*sizes.get(1)?]])
}

fn formula(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    Some(Formula::new(sizes)?.shapes())
}

fn activated(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    Some(vec![activation::from_sizes(sizes)?.1.to_vec()])
}

fn same(sizes: &[i64]) -> Option<Vec<Vec<i64>>> {
    Some(vec![sizes.to_vec()])
}

fn signed(sizes: &[usize]) -> Vec<i64> {
    sizes.iter().map(|&size| size as i64).collect()
}
