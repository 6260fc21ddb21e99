//! The lowerings between which there is a choice, and which of them a caller asks for.
//!
//! Names only: `operators/lowering_choice` decides, operators write the lowerings down.

use hatchery_config::vocabulary::Activation;

/// Lowerings of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forward {
    /// ONNX's own operator.
    Native,
    /// Unfolding by slices, then one matrix product per sample; without groups.
    Unfolded,
    /// A kernel of our own.
    Kernel,
}

/// Lowerings of a convolution's gradient with respect to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputGradient {
    /// ONNX's transposed convolution.
    Transposed,
    /// Convolution of the gradient, spread out by the stride, with the kernel turned around. Pads within the kernel's
    /// reach only.
    Flipped,
    /// The product at the window's positions, spread out by the stride afterwards. Windows of one element only.
    SmallGrid,
    /// A kernel of our own.
    Kernel,
}

/// Lowerings of a convolution's gradient with respect to its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightGradient {
    /// Unfolding by a grouped convolution with one-hot kernels, then matrix products.
    OneHotUnfold,
    /// Unfolding by slices, then one matrix product per sample; without groups.
    SliceUnfold,
    /// Unfolding of channels-last images by picking positions, then one matrix product over all samples; without
    /// groups.
    ChannelsLastUnfold,
    /// The image is unfolded across only, the gradient down only, then one matrix product per sample; without groups,
    /// stride 1. Copies kw C + kh K rows where unfolding copies kh kw C.
    SplitUnfold,
    /// A convolution of samples as channels, the gradient being the kernel.
    Transposed,
    /// A product and a sum for each position of the kernel; depthwise only.
    TapWise,
    /// A kernel of our own.
    Kernel,
}

/// Lowerings of a sum over samples and positions, the gradient of a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BiasGradient {
    /// One sum.
    ReduceSum,
    /// Over positions, then over samples.
    TwoSums,
    /// A kernel of our own, or part of the one of the weights' gradient.
    Kernel,
}

/// Lowerings of the maximum pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaxPool {
    /// ONNX's own operator.
    Native,
    /// A kernel of our own.
    Kernel,
}

/// Lowerings of the maximum pool's gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaxPoolGradient {
    /// The pooled values are spread over their windows and compared with the input; windows must not overlap. Equal
    /// maxima of a window share the gradient.
    SpreadAndCompare,
    /// The gradient is scattered to the places that ONNX's operator names: the first of equal maxima.
    Scatter,
    /// A kernel of our own: the first of equal maxima.
    Kernel,
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
    /// A kernel of our own.
    Kernel,
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
    /// A kernel of our own.
    Kernel,
}

/// Ways to the mean and variance of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchMoments {
    /// The variance as the mean of squares of what is left without the mean.
    Centred,
    /// The variance as the mean of squares less the square of the mean: fewer passes, less exact where the mean is
    /// many times the deviation.
    Raw,
    /// ONNX's batch normalisation in training mode, which CUDA's kernel does not know.
    Native,
    /// A kernel of our own, and another one for the gradient; images only.
    Kernel,
}

/// Ways to multiply each channel by a number and add another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelAffine {
    /// ONNX's batch normalisation, with mean 0 and variance 1.
    Normalise,
    /// A product and a sum.
    Arithmetic,
}

/// Lowerings that a caller asks for; `None` leaves the choice to shape and provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Choices {
    /// Whether the graph will run in a session that knows Hatchery's kernels; they are then preferred on the CPU.
    pub kernels: bool,
    /// Samples in a part of a batch that goes through the network at once; as many as there are for no parts.
    pub samples_at_once: Option<usize>,
    /// Bytes of a part of a batch that is unfolded at once.
    pub part_bytes: Option<usize>,
    /// Of convolutions.
    pub forward: Option<Forward>,
    /// Of their input gradients.
    pub input_gradient: Option<InputGradient>,
    /// Of their weight gradients.
    pub weight_gradient: Option<WeightGradient>,
    /// Of their bias gradients.
    pub bias_gradient: Option<BiasGradient>,
    /// Of maximum pools.
    pub max_pool: Option<MaxPool>,
    /// Of maximum pools' gradients.
    pub max_pool_gradient: Option<MaxPoolGradient>,
    /// Of average pools' gradients.
    pub average_pool_gradient: Option<AveragePoolGradient>,
    /// Of repetition over windows.
    pub spread: Option<Spread>,
    /// Of a batch's mean and variance.
    pub batch_moments: Option<BatchMoments>,
    /// Of affine functions of channels.
    pub channel_affine: Option<ChannelAffine>,
    /// Of the ReLU's gradient.
    pub relu_gradient: Option<ReluGradient>,
}

/// A non-linearity that Hatchery's kernels know: behind a batch normalisation it is computed in passing, forth and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelActivation {
    /// max(x, 0).
    Relu,
    /// x above 0, a small part of it below.
    LeakyRelu,
    /// x above 0, exp(x) - 1 below.
    Elu,
    /// x Φ(x).
    Gelu,
    /// x times the logistic function of x.
    Silu,
}

impl KernelActivation {
    const ALL: [Self; 5] = [Self::Relu, Self::LeakyRelu, Self::Elu, Self::Gelu, Self::Silu];

    /// The same, where kernels know it.
    pub const fn of(activation: Activation) -> Option<Self> {
        match activation {
            Activation::Relu => Some(Self::Relu),
            Activation::LeakyRelu => Some(Self::LeakyRelu),
            Activation::Elu => Some(Self::Elu),
            Activation::Gelu => Some(Self::Gelu),
            Activation::Silu => Some(Self::Silu),
            Activation::None | Activation::Sigmoid | Activation::Tanh => None,
        }
    }

    /// Its number in a kernel's attributes.
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// The one with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}
