//! Convolutions of 3x3 with stride 1 by tiles of 2x2 outputs (Winograd's minimal filtering, after Lavin & Gray, 2016).
//!
//! A tile of 4x4 inputs, transformed, times a transformed kernel, element by element, gives a transformed tile of 2x2
//! outputs: 16 products in place of 36. Summed over channels, each of the 16 elements is a matrix product of its own.
//! The input gradient is such a convolution with the kernels turned around; the weight gradient multiplies transformed
//! inputs by transformed gradients of the outputs.
//!
//! Results differ from those of plain sums in the last bits: all constants are 1 and 1/2.

mod forward;
mod input;
mod plan;
mod transform;
mod weight_gradient;

pub use forward::TiledForward;
pub use weight_gradient::TiledWeightGradient;

use crate::graph::operators::window::ConvolutionShape;

/// Elements of a transformed tile.
const ELEMENTS: usize = 16;

/// Channels on either side from which on transforming pays.
const CHANNELS_MIN: usize = 24;

/// Whether a convolution is computed by tiles.
pub(super) fn pay(shape: &ConvolutionShape) -> bool {
    shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
        && shape.channels.min(shape.filters) >= CHANNELS_MIN
        && shape.output.iter().all(|&size| size >= 2)
        && shape.pads.iter().all(|&pad| pad <= 2)
}
