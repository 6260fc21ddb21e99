//! Two-dimensional convolution and its gradients, each an operator with several lowerings.

mod bias_gradient;
mod forward;
mod input_gradient;
mod unfold;
mod weight_gradient;

pub use bias_gradient::ChannelSum;
pub(crate) use bias_gradient::sum_per_channel;
pub use input_gradient::ConvolutionInputGradient;
pub use weight_gradient::ConvolutionWeightGradient;

use super::{
    all_f32, expect_shape, misfit,
    window::{ConvolutionShape, window_outputs},
};
use crate::graph::{
    Application, Batching, Cost, Fact, Graph, GraphError, InputGradients, Operator,
    emitter::{Attribute, Emitter, Value},
};

/// Inputs: x `[N, C, H, W]`, weights `[K, C / groups, kh, kw]`, optional bias `[K]`. Output `[N, K, H', W']`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Steps of the window, down and across.
    pub stride: [usize; 2],
    /// Distances between the window's elements, down and across.
    pub dilation: [usize; 2],
    /// How many groups the channels are split into; C for a depthwise convolution.
    pub groups: usize,
    /// Zeros around the image: top, left, bottom, right.
    pub pads: [usize; 4],
}

impl Convolution {
    /// All sizes for an input `[N, C, H, W]` and weights `[K, C / groups, kh, kw]`.
    ///
    /// # Errors
    /// `GraphError::Shape` where they do not fit.
    pub fn shape(&self, x: &[usize], weights: &[usize]) -> Result<ConvolutionShape, GraphError> {
        let error = |message: String| misfit("convolution", message);
        let (&[batch, channels, height, width], &[filters, depth, kernel_height, kernel_width]) =
            (x, weights)
        else {
            return Err(error(format!(
                "expects input [N, C, H, W] and weights [K, C, h, w], got {x:?} and {weights:?}"
            )));
        };
        let groups = self.groups;
        if groups == 0 || depth * groups != channels || !filters.is_multiple_of(groups) {
            return Err(error(format!("{groups} groups do not fit input {x:?} and weights {weights:?}")));
        }
        let (size, kernel) = ([height, width], [kernel_height, kernel_width]);
        let output = window_outputs(size, kernel, self.stride, self.dilation, self.pads)
            .ok_or_else(|| error(format!("no place for a window of {kernel:?} as {self:?} in {x:?}")))?;
        let Self { stride, dilation, pads, .. } = *self;
        Ok(ConvolutionShape {
            batch,
            channels,
            size,
            filters,
            kernel,
            output,
            stride,
            dilation,
            groups,
            pads,
        })
    }

    fn attributes(&self, kernel: [usize; 2]) -> Vec<(&'static str, Attribute)> {
        window_attributes(kernel, self.stride, self.dilation, self.pads, self.groups)
    }
}

/// Attributes of ONNX's convolutions; those at their default are left out.
fn window_attributes(
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pads: [usize; 4],
    groups: usize,
) -> Vec<(&'static str, Attribute)> {
    let mut attributes = vec![("kernel_shape", Attribute::sizes(&kernel))];
    if stride != [1, 1] {
        attributes.push(("strides", Attribute::sizes(&stride)));
    }
    if dilation != [1, 1] {
        attributes.push(("dilations", Attribute::sizes(&dilation)));
    }
    if pads != [0; 4] {
        attributes.push(("pads", Attribute::sizes(&pads)));
    }
    if groups != 1 {
        attributes.push(("group", Attribute::Int(groups as i64)));
    }
    attributes
}

impl Operator for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn facts(&self, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
        all_f32(self.name(), inputs)?;
        if !(2..=3).contains(&inputs.len()) {
            return Err(misfit(self.name(), format!("expects 2 or 3 inputs, got {}", inputs.len())));
        }
        let shape = self.shape(&inputs[0].shape, &inputs[1].shape)?;
        if let Some(bias) = inputs.get(2) {
            expect_shape(self.name(), "bias", bias, &[shape.filters])?;
        }
        Ok(vec![Fact::f32(&[shape.batch, shape.filters, shape.output[0], shape.output[1]])])
    }

    fn cost(&self, inputs: &[&Fact], _: &[Fact]) -> Cost {
        let shape = self.shape(&inputs[0].shape, &inputs[1].shape);
        Cost { multiply_adds: shape.map_or(0, |shape| shape.multiply_adds()) }
    }

    fn gradient(&self, graph: &mut Graph, application: &Application<'_>) -> InputGradients {
        let mut gradients = vec![None; application.inputs.len()];
        let Some(upstream) = application.output_gradients[0] else { return Ok(gradients) };
        let (x, weights) = (application.inputs[0], application.inputs[1]);
        if application.wanted[0] {
            let &[_, _, height, width] = graph.shape(x) else { return Ok(gradients) };
            let operator = ConvolutionInputGradient { convolution: *self, size: [height, width] };
            gradients[0] = Some(graph.add(operator, &[weights, upstream])?);
        }
        if application.wanted[1] {
            let &[_, _, height, width] = graph.shape(weights) else { return Ok(gradients) };
            let operator = ConvolutionWeightGradient { convolution: *self, kernel: [height, width] };
            gradients[1] = Some(graph.add(operator, &[x, upstream])?);
        }
        if application.wanted.get(2) == Some(&true) {
            gradients[2] = Some(graph.add(ChannelSum, &[upstream])?);
        }
        Ok(gradients)
    }

    fn batching(&self, inputs: &[&Fact]) -> Option<Batching> {
        let along = [true, false, false];
        Some(Batching::sample_wise(&along[..inputs.len()]))
    }

    fn lower(&self, emitter: &mut Emitter, inputs: &[Value], facts: &[&Fact], _: &[Fact]) -> Vec<Value> {
        let Ok(shape) = self.shape(&facts[0].shape, &facts[1].shape) else { return Vec::new() };
        vec![forward::lower(self, emitter, inputs, &shape)]
    }
}
