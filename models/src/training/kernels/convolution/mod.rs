//! Convolutions and their gradients as panel products, without unfolding, on images with channels first.
//!
//! Two ways, chosen by sizes alone. Gathered: the forward pass multiplies positions by packed weights; the input
//! gradient is the same on the gradient of the output, once for each phase of the stride; the weight gradient multiplies
//! taps by the packed gradient of the output. By `tiles`: what is 3x3 with stride 1, with fewer products.

pub(super) mod forward;
mod gather;
pub(super) mod input_gradient;
pub(super) mod tiles;
pub(super) mod weight_gradient;

use super::{Kernel, Vectors};
use crate::graph::operators::window::ConvolutionShape;

/// Steps of a product whose part of the panel stays in the nearest cache: 256 of 16 floats take 16 KiB.
const STEPS_AT_ONCE: usize = 256;

/// Plans a convolution; where `rectified`, negative results become 0.
pub(super) fn forward(shape: &ConvolutionShape, rectified: bool, vectors: Vectors) -> Box<dyn Kernel> {
    match tiles::pay(shape) {
        true => Box::new(tiles::TiledForward::new(shape, rectified, vectors)),
        false => Box::new(forward::Forward::new(shape, rectified, vectors)),
    }
}

/// Plans the gradient of a convolution with respect to its input.
pub(super) fn input_gradient(shape: &ConvolutionShape, vectors: Vectors) -> Box<dyn Kernel> {
    match tiles::pay(shape) {
        true => Box::new(tiles::TiledForward::of_gradient(shape, vectors)),
        false => Box::new(input_gradient::InputGradient::new(shape, vectors)),
    }
}

/// Plans the gradient of a convolution with respect to its weights and its bias.
pub(super) fn weight_gradient(shape: &ConvolutionShape, vectors: Vectors) -> Box<dyn Kernel> {
    match tiles::pay(shape) {
        true => Box::new(tiles::TiledWeightGradient::new(shape, vectors)),
        false => Box::new(weight_gradient::WeightGradient::new(shape, vectors)),
    }
}
