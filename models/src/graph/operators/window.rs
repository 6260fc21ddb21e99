//! Windows that slide over images, and all sizes of a convolution or a pool.
//!
//! Sizes only: it must not know how either is computed, so that what chooses between lowerings can go by them.

use super::{images, misfit};
use crate::graph::{Fact, GraphError, emitter::Attribute};

/// A window that slides over an image, rows first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Steps down and across.
    pub stride: [usize; 2],
    /// What lies around the image: top, left, bottom, right.
    pub pads: [usize; 4],
}

/// All sizes of one application of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvolutionShape {
    /// Samples.
    pub batch: usize,
    /// Input channels.
    pub channels: usize,
    /// Input height and width.
    pub size: [usize; 2],
    /// Output channels.
    pub filters: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Output height and width.
    pub output: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Distances between the window's elements.
    pub dilation: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
}

impl ConvolutionShape {
    /// Distance from the window's first to its last element along an axis.
    pub fn reach(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1)
    }

    /// Elements of the window.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Multiplications of the forward pass, or of either gradient.
    pub fn multiply_adds(&self) -> u64 {
        let outputs = self.batch * self.filters * self.output[0] * self.output[1];
        (outputs * self.taps() * (self.channels / self.groups)) as u64
    }

    /// All sizes in one list, as `from_sizes` reads them.
    pub fn to_sizes(&self) -> Vec<i64> {
        let Self { batch, channels, size, filters, kernel, output, stride, dilation, groups, pads } = *self;
        let pairs = [size, kernel, output, stride, dilation].concat();
        let singles = [batch, channels, filters, groups];
        singles.into_iter().chain(pairs).chain(pads).map(|size| size as i64).collect()
    }

    /// The sizes that `to_sizes` has listed; none where they are not as many.
    pub fn from_sizes(sizes: &[i64]) -> Option<Self> {
        let sizes: [i64; 18] = sizes.try_into().ok()?;
        let sizes = sizes.map(|size| size as usize);
        let pair = |index: usize| [sizes[index], sizes[index + 1]];
        let [batch, channels, filters, groups, ..] = sizes;
        Some(Self {
            batch,
            channels,
            size: pair(4),
            filters,
            kernel: pair(6),
            output: pair(8),
            stride: pair(10),
            dilation: pair(12),
            groups,
            pads: [sizes[14], sizes[15], sizes[16], sizes[17]],
        })
    }

    /// Whether the window is one element that is placed on every element of the image.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.pads == [0; 4]
    }
}

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
    /// Elements of one plane of the image and of the pool.
    pub fn planes(&self) -> [usize; 2] {
        [self.size, self.output].map(|[rows, columns]| rows * columns)
    }

    /// Sizes of a pool of `[N, C, H, W]`. Padding must be narrower than the window, so that no window lies in it
    /// alone.
    pub(super) fn of(operator: &'static str, inputs: &[&Fact], window: Window) -> Result<Self, GraphError> {
        let Window { kernel, stride, pads } = window;
        let [batch, channels, height, width] = images(operator, inputs)?;
        let size = [height, width];
        if (0..4).any(|side| pads[side] >= kernel[side % 2]) {
            return Err(misfit(
                operator,
                format!("pads {pads:?} must be narrower than the window {kernel:?}"),
            ));
        }
        let output = window_outputs(size, kernel, stride, [1, 1], pads)
            .ok_or_else(|| misfit(operator, format!("no place for a window of {kernel:?} in {size:?}")))?;
        Ok(Self { batch, channels, size, kernel, output, stride, pads })
    }

    /// All sizes in one list, as `from_sizes` reads them.
    pub fn to_sizes(&self) -> Vec<i64> {
        let Self { batch, channels, size, kernel, output, stride, pads } = *self;
        let pairs = [size, kernel, output, stride].concat();
        [batch, channels].into_iter().chain(pairs).chain(pads).map(|size| size as i64).collect()
    }

    /// The sizes that `to_sizes` has listed; none where they are not as many.
    pub fn from_sizes(sizes: &[i64]) -> Option<Self> {
        let sizes: [i64; 14] = sizes.try_into().ok()?;
        let sizes = sizes.map(|size| size as usize);
        let pair = |index: usize| [sizes[index], sizes[index + 1]];
        Some(Self {
            batch: sizes[0],
            channels: sizes[1],
            size: pair(2),
            kernel: pair(4),
            output: pair(6),
            stride: pair(8),
            pads: [sizes[10], sizes[11], sizes[12], sizes[13]],
        })
    }

    /// Whether the windows lie side by side from the image's first element on, and none leaves the image.
    pub fn is_disjoint(&self) -> bool {
        self.kernel == self.stride && self.pads == [0; 4]
    }

    /// Whether windows slide by one column over rows of some length: those are added up by vectors.
    pub(crate) fn is_sliding(&self) -> bool {
        const WIDTH_MIN: usize = 8;
        self.stride[1] == 1 && self.size[1].min(self.output[1]) >= WIDTH_MIN
    }

    /// Whether a window's indices along an axis lie in the image: first (inclusive) and last (exclusive).
    pub(crate) fn window(&self, axis: usize, position: usize) -> (usize, usize) {
        let start = position * self.stride[axis];
        let end = (start + self.kernel[axis]).saturating_sub(self.pads[axis]).min(self.size[axis]);
        (start.saturating_sub(self.pads[axis]), end)
    }

    pub(super) fn output_fact(&self) -> Fact {
        Fact::f32(&[self.batch, self.channels, self.output[0], self.output[1]])
    }

    pub(super) fn input_fact(&self) -> Fact {
        Fact::f32(&[self.batch, self.channels, self.size[0], self.size[1]])
    }

    pub(super) fn attributes(&self, pads: [usize; 4]) -> Vec<(&'static str, Attribute)> {
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
    pub(super) fn is_lopsided(&self) -> bool {
        self.pads[..2] != self.pads[2..]
    }
}

/// Height and width of what a sliding window gives; none where it has no place.
pub(super) fn window_outputs(
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
