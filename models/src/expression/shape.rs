//! Shapes of one sample, and the arithmetic of windows.

use crate::genome::Padding;
use std::fmt;

/// Shape of one sample between two operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Values without positions.
    Flat(usize),
    /// Channels, each with rows and columns.
    Spatial {
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
}

impl Shape {
    /// Number of values.
    pub const fn volume(self) -> usize {
        match self {
            Self::Flat(values) => values,
            Self::Spatial { channels, height, width } => channels * height * width,
        }
    }

    /// Channels, or values where there are no positions: what normalisation has one scale for.
    pub const fn channels(self) -> usize {
        match self {
            Self::Flat(values) => values,
            Self::Spatial { channels, .. } => channels,
        }
    }

    /// Positions of a channel; 1 where there are none.
    pub const fn positions(self) -> usize {
        match self {
            Self::Flat(_) => 1,
            Self::Spatial { height, width, .. } => height * width,
        }
    }

    /// Sizes of a batch of this many samples, outermost first.
    pub fn batched(self, batch: usize) -> Vec<usize> {
        match self {
            Self::Flat(values) => vec![batch, values],
            Self::Spatial { channels, height, width } => vec![batch, channels, height, width],
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat(values) => write!(formatter, "{values}"),
            Self::Spatial { channels, height, width } => write!(formatter, "{channels}x{height}x{width}"),
        }
    }
}

/// One axis of a window over an input: output size, and zeros before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// Output size.
    pub size: usize,
    /// Zeros before the first value.
    pub before: usize,
    /// Zeros after the last value.
    pub after: usize,
}

/// Slides a window of `kernel` values, `dilation` apart, over `input` values. `None` where no window fits.
///
/// `same`: ceil(input / stride) outputs; of the (outputs - 1) * stride + extent - input zeros needed, the smaller
/// half goes before (as TensorFlow's SAME, ONNX's SAME_UPPER). `valid`: whole windows only.
pub(super) fn slide(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
) -> Option<Axis> {
    let extent = (kernel - 1) * dilation + 1;
    match padding {
        Padding::Same => {
            let size = input.div_ceil(stride);
            let total = ((size - 1) * stride + extent).saturating_sub(input);
            Some(Axis { size, before: total / 2, after: total - total / 2 })
        }
        Padding::Valid if extent <= input => {
            Some(Axis { size: (input - extent) / stride + 1, before: 0, after: 0 })
        }
        Padding::Valid => None,
    }
}

/// Rows and columns behind a window; `None` where no window fits.
pub(crate) fn slide_sizes(
    size: [usize; 2],
    kernel: [u32; 2],
    stride: u32,
    dilation: u32,
    padding: Padding,
) -> Option<[usize; 2]> {
    let axis = |index: usize| {
        let axis = slide(size[index], kernel[index] as usize, stride as usize, dilation as usize, padding);
        axis.map(|axis| axis.size)
    };
    Some([axis(0)?, axis(1)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_follows_its_definition() {
        assert_eq!(slide(28, 3, 1, 1, Padding::Same), Some(Axis { size: 28, before: 1, after: 1 }));
        assert_eq!(slide(28, 3, 2, 1, Padding::Same), Some(Axis { size: 14, before: 0, after: 1 }));
        assert_eq!(slide(7, 2, 2, 1, Padding::Same), Some(Axis { size: 4, before: 0, after: 1 }));
        assert_eq!(slide(8, 2, 2, 1, Padding::Same), Some(Axis { size: 4, before: 0, after: 0 }));
        assert_eq!(slide(10, 3, 1, 2, Padding::Same), Some(Axis { size: 10, before: 2, after: 2 }));
        assert_eq!(slide(8, 1, 2, 1, Padding::Same), Some(Axis { size: 4, before: 0, after: 0 }));
    }

    #[test]
    fn valid_windows_must_fit() {
        assert_eq!(slide(28, 5, 1, 1, Padding::Valid), Some(Axis { size: 24, before: 0, after: 0 }));
        assert_eq!(slide(5, 5, 3, 1, Padding::Valid), Some(Axis { size: 1, before: 0, after: 0 }));
        assert_eq!(slide(4, 5, 1, 1, Padding::Valid), None);
        assert_eq!(slide(4, 3, 1, 2, Padding::Valid), None);
    }
}
