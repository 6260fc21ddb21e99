//! Convolutions and their gradients as panel products, without unfolding, on images with channels first.
//!
//! The way is chosen by sizes alone. Gathered: the forward pass multiplies positions by packed weights; the input
//! gradient is the same on the gradient of the output, once for each phase of the stride, or `scattered` where that is
//! less; the weight gradient multiplies taps by the packed gradient of the output. `Sliding`: the same along rows of
//! positions, where channels or filters fill no vectors. By `tiles`: what is 3x3 with stride 1, with fewer products.
//! `Depthwise`: plane by plane. `Grouped`: group by group, each one of the former ways.

pub(super) mod depthwise;
pub(super) mod forward;
mod gather;
pub(super) mod grouped;
pub(super) mod input_gradient;
pub(super) mod scattered;
mod sliding;
pub(super) mod sliding_weights;
pub(super) mod tiles;
pub(super) mod weight_gradient;
mod weights_by_threads;

use self::{
    depthwise::Depthwise,
    grouped::{Grouped, Pass, shape_of_group},
};
use super::{Kernel, Vectors};
use crate::graph::operators::window::ConvolutionShape;

/// Steps of a product whose part of the panel stays in the nearest cache: 256 of 16 floats take 16 KiB.
const STEPS_AT_ONCE: usize = 256;

/// Plans a convolution; where `rectified`, negative results become 0.
pub(super) fn forward(shape: &ConvolutionShape, rectified: bool, vectors: Vectors) -> Box<dyn Kernel> {
    let pass = Pass::Forward;
    let shape = &in_one_row(shape);
    match Way::of(shape) {
        Way::Gathered => Box::new(forward::Forward::new(shape, rectified, vectors)),
        Way::Tiled => Box::new(tiles::TiledForward::new(shape, rectified, vectors)),
        Way::Depthwise => Box::new(Depthwise::new(pass, shape, rectified)),
        Way::Grouped => {
            let group = forward(&shape_of_group(shape), rectified, vectors);
            Box::new(Grouped::new(pass, shape, group))
        }
    }
}

/// Plans the gradient of a convolution with respect to its input.
pub(super) fn input_gradient(shape: &ConvolutionShape, vectors: Vectors) -> Box<dyn Kernel> {
    let pass = Pass::Input;
    let shape = &in_one_row(shape);
    match Way::of(shape) {
        Way::Gathered if scattered::pays(shape, vectors) => {
            Box::new(scattered::ScatteredGradient::new(shape, vectors))
        }
        Way::Gathered => Box::new(input_gradient::InputGradient::new(shape, vectors)),
        Way::Tiled => Box::new(tiles::TiledForward::of_gradient(shape, vectors)),
        Way::Depthwise => Box::new(Depthwise::new(pass, shape, false)),
        Way::Grouped => {
            let group = input_gradient(&shape_of_group(shape), vectors);
            Box::new(Grouped::new(pass, shape, group))
        }
    }
}

/// Plans the gradient of a convolution with respect to its weights and its bias.
pub(super) fn weight_gradient(shape: &ConvolutionShape, vectors: Vectors) -> Box<dyn Kernel> {
    let pass = Pass::Weights;
    let shape = &in_one_row(shape);
    match Way::of(shape) {
        Way::Gathered if sliding_weights::pays(shape, vectors) => {
            Box::new(sliding_weights::SlidingWeightGradient::new(shape, vectors))
        }
        Way::Gathered => Box::new(weight_gradient::WeightGradient::new(shape, vectors)),
        Way::Tiled => Box::new(tiles::TiledWeightGradient::new(shape, vectors)),
        Way::Depthwise => Box::new(Depthwise::new(pass, shape, false)),
        Way::Grouped => {
            let group = weight_gradient(&shape_of_group(shape), vectors);
            Box::new(Grouped::new(pass, shape, group))
        }
    }
}

/// The same for images of a single row, where positions are computed by themselves: vectors are filled better.
fn in_one_row(shape: &ConvolutionShape) -> ConvolutionShape {
    if shape.taps() > 1 || shape.stride != [1, 1] || shape.pads != [0; 4] {
        return *shape;
    }
    let row = [1, shape.size[0] * shape.size[1]];
    ConvolutionShape { size: row, output: row, ..*shape }
}

/// How a convolution is computed.
enum Way {
    Gathered,
    Tiled,
    Depthwise,
    Grouped,
}

impl Way {
    fn of(shape: &ConvolutionShape) -> Self {
        match shape.groups {
            1 if tiles::pay(shape) => Self::Tiled,
            1 => Self::Gathered,
            groups if groups == shape.channels => Self::Depthwise,
            _ => Self::Grouped,
        }
    }
}
