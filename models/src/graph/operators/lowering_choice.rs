//! The one place that decides between lowerings that compute the same.
//!
//! Each decision is a plain function of shape and provider. What an `Emitter` asks for through `Choices` goes before,
//! where that lowering can express the shape. It must not emit anything.

use super::{convolution::ConvolutionShape, pooling::PoolShape};
use crate::graph::lowering::{Emitter, Provider};

/// Lowerings of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forward {
    /// ONNX's own operator.
    Native,
    /// Unfolding by slices, then one matrix product per sample; without groups.
    Unfolded,
}

/// Lowerings of a convolution's gradient with respect to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputGradient {
    /// ONNX's transposed convolution.
    Transposed,
    /// Convolution of the gradient, spread out by the stride, with the kernel turned around. Pads below the kernel's
    /// reach only.
    Flipped,
}

/// Lowerings of a convolution's gradient with respect to its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightGradient {
    /// Unfolding by a grouped convolution with one-hot kernels, then matrix products.
    OneHotUnfold,
    /// Unfolding by slices, then one matrix product per sample; without groups.
    SliceUnfold,
    /// Unfolding by slices of channels-last images, then one matrix product over all samples; without groups.
    ChannelsLastUnfold,
    /// A convolution of samples as channels, the gradient being the kernel.
    Transposed,
    /// A product and a sum for each position of the kernel; depthwise only.
    TapWise,
}

/// Lowerings of a sum over samples and positions, the gradient of a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BiasGradient {
    /// One sum.
    ReduceSum,
    /// Over positions, then over samples.
    TwoSums,
}

/// Lowerings of the maximum pool's gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaxPoolGradient {
    /// The pooled values are spread over their windows and compared with the input; windows must not overlap, and
    /// equal maxima in a window each get the whole gradient.
    SpreadAndCompare,
    /// The gradient is scattered to the places that ONNX's operator names.
    Scatter,
}

/// Lowerings of the average pool's gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AveragePoolGradient {
    /// The gradient is spread over the windows; windows must tile the input.
    Spread,
    /// Products with the pool's two matrices, one along each axis of the image.
    Separable,
    /// One product with the pool's whole matrix.
    Whole,
}

/// Ways to repeat each element of an image over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spread {
    /// Concatenation with itself and reshaping.
    Concat,
    /// ONNX's nearest-neighbour resizing.
    Resize,
}

/// Lowerings of the gradient of max(x, 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReluGradient {
    /// Times the sign of the output.
    Sign,
    /// Times a mask made by a comparison and a cast.
    Cast,
    /// Selection by a comparison.
    Where,
}

/// Lowerings that a caller asks for; `None` leaves the choice to this module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Choices {
    /// Of convolutions.
    pub forward: Option<Forward>,
    /// Of their input gradients.
    pub input_gradient: Option<InputGradient>,
    /// Of their weight gradients.
    pub weight_gradient: Option<WeightGradient>,
    /// Of their bias gradients.
    pub bias_gradient: Option<BiasGradient>,
    /// Of maximum pools' gradients.
    pub max_pool_gradient: Option<MaxPoolGradient>,
    /// Of average pools' gradients.
    pub average_pool_gradient: Option<AveragePoolGradient>,
    /// Of repetition over windows.
    pub spread: Option<Spread>,
    /// Of the ReLU's gradient.
    pub relu_gradient: Option<ReluGradient>,
}

/// How to lower a convolution.
pub fn forward(emitter: &Emitter, shape: &ConvolutionShape) -> Forward {
    let possible = |choice: &Forward| *choice == Forward::Native || shape.groups == 1;
    emitter.choices.forward.filter(possible).unwrap_or(Forward::Native)
}

/// How to lower a convolution's gradient with respect to its input.
pub fn input_gradient(emitter: &Emitter, shape: &ConvolutionShape) -> InputGradient {
    let flippable = (0..2).all(|axis| shape.pads[axis] <= shape.reach(axis));
    let possible = |choice: &InputGradient| *choice == InputGradient::Transposed || flippable;
    let default = match emitter.provider {
        Provider::Cpu if shape.stride == [1, 1] => InputGradient::Flipped,
        _ => InputGradient::Transposed,
    };
    emitter.choices.input_gradient.or(Some(default)).filter(possible).unwrap_or(InputGradient::Transposed)
}

/// How to lower a convolution's gradient with respect to its weights.
pub fn weight_gradient(emitter: &Emitter, shape: &ConvolutionShape) -> WeightGradient {
    let possible = |choice: &WeightGradient| match choice {
        WeightGradient::OneHotUnfold | WeightGradient::Transposed => true,
        WeightGradient::SliceUnfold | WeightGradient::ChannelsLastUnfold => shape.groups == 1,
        WeightGradient::TapWise => shape.groups == shape.channels && shape.filters == shape.channels,
    };
    let default = match emitter.provider {
        Provider::Cpu => WeightGradient::OneHotUnfold,
        Provider::Cuda => WeightGradient::Transposed,
    };
    emitter.choices.weight_gradient.filter(possible).unwrap_or(default)
}

/// How to sum a convolution's gradient to its bias's.
pub fn bias_gradient(emitter: &Emitter) -> BiasGradient {
    emitter.choices.bias_gradient.unwrap_or(BiasGradient::ReduceSum)
}

/// How to lower a maximum pool's gradient.
pub fn max_pool_gradient(emitter: &Emitter, shape: &PoolShape) -> MaxPoolGradient {
    let possible = |choice: &MaxPoolGradient| *choice == MaxPoolGradient::Scatter || shape.is_disjoint();
    let default = Some(MaxPoolGradient::SpreadAndCompare);
    emitter.choices.max_pool_gradient.or(default).filter(possible).unwrap_or(MaxPoolGradient::Scatter)
}

/// Largest matrix of an average pool that is written down whole, in elements (1 MiB).
const WHOLE_POOL_MATRIX_ELEMENTS_MAX: usize = 1 << 18;
/// Largest matrix of an average pool that is chosen before the two separate ones, in elements.
const WHOLE_POOL_MATRIX_ELEMENTS_GOOD: usize = 1 << 13;

/// How to lower an average pool's gradient.
pub fn average_pool_gradient(emitter: &Emitter, shape: &PoolShape) -> AveragePoolGradient {
    let matrix: usize = shape.size.iter().chain(&shape.output).product();
    let possible = |choice: &AveragePoolGradient| match choice {
        AveragePoolGradient::Spread => shape.is_disjoint(),
        AveragePoolGradient::Separable => true,
        AveragePoolGradient::Whole => matrix <= WHOLE_POOL_MATRIX_ELEMENTS_MAX,
    };
    let default = match shape.is_disjoint() {
        true => AveragePoolGradient::Spread,
        false if matrix <= WHOLE_POOL_MATRIX_ELEMENTS_GOOD => AveragePoolGradient::Whole,
        false => AveragePoolGradient::Separable,
    };
    emitter.choices.average_pool_gradient.filter(possible).unwrap_or(default)
}

/// How to repeat the elements of an image.
pub fn spread(emitter: &Emitter) -> Spread {
    emitter.choices.spread.unwrap_or(match emitter.provider {
        Provider::Cpu => Spread::Concat,
        Provider::Cuda => Spread::Resize,
    })
}

/// How to lower the ReLU's gradient.
pub fn relu_gradient(emitter: &Emitter) -> ReluGradient {
    emitter.choices.relu_gradient.unwrap_or(match emitter.provider {
        Provider::Cpu => ReluGradient::Cast,
        Provider::Cuda => ReluGradient::Where,
    })
}
