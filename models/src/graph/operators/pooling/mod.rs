//! Pooling: maximum, average and global average of windows, and their gradients.

mod average;
mod global;
mod max;
mod spread;

pub use average::{AveragePool, AveragePoolGradientOf};
pub use global::{GlobalAveragePool, GlobalAveragePoolGradient};
pub use max::{MaxPool, MaxPoolGradientOf};
pub(crate) use spread::spread;

use super::{all_f32, exactly, misfit};
use crate::graph::{Fact, GraphError, lowering::Attribute};

/// All sizes of one application of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolShape {
    /// Samples.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Input height and width.
    pub size: [usize; 2],
    /// Window height and width.
    pub kernel: [usize; 2],
    /// Output height and width.
    pub output: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
}

impl PoolShape {
    /// Sizes of a pool of `[N, C, H, W]`. Padding must be narrower than the window, so that no window lies in it
    /// alone.
    fn of(
        operator: &'static str,
        inputs: &[&Fact],
        kernel: [usize; 2],
        stride: [usize; 2],
        pads: [usize; 4],
    ) -> Result<Self, GraphError> {
        let [x] = exactly(operator, inputs)?;
        all_f32(operator, inputs)?;
        let &[batch, channels, height, width] = x.shape.as_slice() else {
            return Err(misfit(operator, format!("expects [N, C, H, W], got {:?}", x.shape)));
        };
        let size = [height, width];
        if (0..4).any(|side| pads[side] >= kernel[side % 2]) {
            return Err(misfit(
                operator,
                format!("pads {pads:?} must be narrower than the window {kernel:?}"),
            ));
        }
        let output = window_outputs(size, kernel, stride, [1, 1], pads).ok_or_else(|| {
            misfit(operator, format!("no place for a window of {kernel:?} in {:?}", x.shape))
        })?;
        Ok(Self { batch, channels, size, kernel, output, stride, pads })
    }

    /// Whether the windows lie side by side from the image's first element on, and none leaves the image.
    pub fn is_disjoint(&self) -> bool {
        self.kernel == self.stride && self.pads == [0; 4]
    }

    /// Whether a window's indices along an axis lie in the image: first (inclusive) and last (exclusive).
    fn window(&self, axis: usize, position: usize) -> (usize, usize) {
        let start = position * self.stride[axis];
        let end = (start + self.kernel[axis]).saturating_sub(self.pads[axis]).min(self.size[axis]);
        (start.saturating_sub(self.pads[axis]), end)
    }

    fn output_fact(&self) -> Fact {
        Fact::f32(&[self.batch, self.channels, self.output[0], self.output[1]])
    }

    fn input_fact(&self) -> Fact {
        Fact::f32(&[self.batch, self.channels, self.size[0], self.size[1]])
    }

    fn attributes(&self, pads: [usize; 4]) -> Vec<(&'static str, Attribute)> {
        let mut attributes = vec![
            ("kernel_shape", Attribute::sizes(&self.kernel)),
            ("strides", Attribute::sizes(&self.stride)),
        ];
        if pads != [0; 4] {
            attributes.push(("pads", Attribute::sizes(&pads)));
        }
        attributes
    }

    /// Whether opposite pads differ.
    fn is_lopsided(&self) -> bool {
        self.pads[..2] != self.pads[2..]
    }
}

/// Height and width of what a sliding window gives; none where it has no place.
pub(crate) fn window_outputs(
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pads: [usize; 4],
) -> Option<[usize; 2]> {
    let output = |axis: usize| {
        if kernel[axis] == 0 || stride[axis] == 0 || dilation[axis] == 0 {
            return None;
        }
        let reach = dilation[axis] * (kernel[axis] - 1) + 1;
        (size[axis] + pads[axis] + pads[axis + 2]).checked_sub(reach).map(|rest| rest / stride[axis] + 1)
    };
    Some([output(0)?, output(1)?])
}
