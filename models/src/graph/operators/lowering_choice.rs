//! The one place that decides between lowerings that compute the same.
//!
//! Each decision is a plain function of shape and provider. What an `Emitter` asks for through `Choices` goes before,
//! where that lowering can express the shape. It must not emit anything, nor know the operators that ask.

use super::window::{ConvolutionShape, PoolShape};
use crate::graph::{
    choices::{
        AveragePoolGradient, BatchMoments, BiasGradient, ChannelAffine, Forward, InputGradient,
        KernelActivation, MaxPool, MaxPoolGradient, ReluGradient, Spread, WeightGradient,
    },
    emitter::{Emitter, Provider},
};
use hatchery_config::vocabulary::Activation;

/// Bytes that the largest activation of a part of a batch should take: what a core's own cache holds.
const PART_ACTIVATION_BYTES: usize = 750_000;
/// Bytes of a sample's largest activation from which on dividing the batch pays. Below, no gain was seen, and
/// preparing a session takes longer with each part.
const LARGE_ACTIVATION_BYTES: usize = 1_000_000;
/// Parts of a batch that goes through the network, at most: each repeats most of the graph.
const BATCH_PARTS_MAX: usize = 4;

/// How many samples of a batch go through the network at once; never 0.
pub fn samples_at_once(emitter: &Emitter, batch: usize, sample_bytes_max: usize) -> usize {
    let all = batch.max(1);
    if let Some(samples) = emitter.choices.samples_at_once {
        return samples.clamp(1, all);
    }
    match emitter.provider {
        Provider::Cpu if sample_bytes_max >= LARGE_ACTIVATION_BYTES => {
            (PART_ACTIVATION_BYTES / sample_bytes_max).max(all.div_ceil(BATCH_PARTS_MAX))
        }
        _ => all,
    }
}

/// Whether there may be kernels of our own.
pub fn kernels(emitter: &Emitter) -> bool {
    emitter.choices.kernels && emitter.provider == Provider::Cpu
}

/// The kernel's activation where a kernel is to compute it: behind our batch normalisation, into which it is put then.
/// Elsewhere it is arithmetic, which is put together with that around it.
pub fn kernel_activation(emitter: &Emitter, x: &str, activation: Activation) -> Option<KernelActivation> {
    let is_behind_norm =
        kernels(emitter) && emitter.writer(x).is_some_and(|node| node.is_kernel("BatchNorm"));
    KernelActivation::of(activation).filter(|_| is_behind_norm)
}

/// Whether our kernels know a convolution: offsets within an image fit 32 bits, however many samples of it a kernel puts
/// together.
fn has_kernel(emitter: &Emitter, shape: &ConvolutionShape) -> bool {
    let padded = |axis: usize| shape.size[axis] + shape.pads[axis] + shape.pads[axis + 2] + shape.reach(axis);
    let sample = padded(0) * padded(1) * shape.channels.max(shape.filters);
    kernels(emitter) && sample < KERNEL_IMAGE_ELEMENTS_MAX
}

/// Elements of an image with its surroundings, up to which our kernels know convolutions.
const KERNEL_IMAGE_ELEMENTS_MAX: usize = 1 << 26;

/// How to lower a convolution.
pub fn forward(emitter: &Emitter, shape: &ConvolutionShape) -> Forward {
    let kernel = has_kernel(emitter, shape);
    let possible = |choice: &Forward| match choice {
        Forward::Native => true,
        Forward::Unfolded => shape.groups == 1,
        Forward::Kernel => kernel,
    };
    let default = if kernel { Forward::Kernel } else { Forward::Native };
    emitter.choices.forward.filter(possible).unwrap_or(default)
}

/// How to lower a convolution's gradient with respect to its input.
pub fn input_gradient(emitter: &Emitter, shape: &ConvolutionShape) -> InputGradient {
    let single = shape.taps() == 1 && shape.pads == [0; 4];
    let kernel = has_kernel(emitter, shape);
    let possible = |choice: &InputGradient| match choice {
        InputGradient::Transposed => true,
        InputGradient::Flipped => (0..2).all(|axis| shape.pads[axis] <= shape.reach(axis)),
        InputGradient::SmallGrid => single,
        InputGradient::Kernel => kernel,
    };
    let default = match emitter.provider {
        _ if kernel => InputGradient::Kernel,
        Provider::Cpu if single => InputGradient::SmallGrid,
        _ => InputGradient::Transposed,
    };
    emitter.choices.input_gradient.filter(possible).unwrap_or(default)
}

/// Positions of a window up to which picking them out of channels-last images pays.
const SMALL_IMAGE_POSITIONS: usize = 200;

/// How to lower a convolution's gradient with respect to its weights.
pub fn weight_gradient(emitter: &Emitter, shape: &ConvolutionShape) -> WeightGradient {
    let kernel = has_kernel(emitter, shape);
    let possible = |choice: &WeightGradient| match choice {
        WeightGradient::OneHotUnfold | WeightGradient::Transposed => true,
        WeightGradient::SliceUnfold | WeightGradient::ChannelsLastUnfold => shape.groups == 1,
        WeightGradient::SplitUnfold => shape.groups == 1 && shape.stride == [1, 1],
        WeightGradient::TapWise => shape.groups == shape.channels && shape.filters == shape.channels,
        WeightGradient::Kernel => kernel,
    };
    let default = match emitter.provider {
        _ if kernel => WeightGradient::Kernel,
        Provider::Cpu => weight_gradient_on_cpu(shape),
        Provider::Cuda => WeightGradient::Transposed,
    };
    emitter.choices.weight_gradient.filter(possible).unwrap_or(default)
}

/// By measurements of ONNX Runtime 1.31 on one and two threads of an AVX-512 machine.
fn weight_gradient_on_cpu(shape: &ConvolutionShape) -> WeightGradient {
    let (taps, positions) = (shape.taps(), shape.output[0] * shape.output[1]);
    let (is_dense, is_line) = (shape.stride == [1, 1], shape.kernel[0].min(shape.kernel[1]) == 1);
    match shape.channels {
        channels if shape.groups == channels && shape.filters == channels && channels > 1 => {
            WeightGradient::TapWise
        }
        _ if shape.groups > 1 => WeightGradient::OneHotUnfold,
        1 if taps <= 12 && is_dense => WeightGradient::OneHotUnfold,
        0..8 => WeightGradient::SliceUnfold,
        _ if taps == 1 => WeightGradient::SliceUnfold,
        16.. if positions <= SMALL_IMAGE_POSITIONS || !is_dense => WeightGradient::ChannelsLastUnfold,
        0..16 if is_line || positions <= SMALL_IMAGE_POSITIONS || !is_dense => WeightGradient::SliceUnfold,
        _ => WeightGradient::SplitUnfold,
    }
}

/// Bytes of unfolded image and gradient that a part of the batch should take: what caches hold.
const PART_BYTES: usize = 4_000_000;
/// Parts of a batch, at most: each costs a dozen nodes.
const PARTS_MAX: usize = 8;

/// Sizes of the parts in which a batch is unfolded; `sample_bytes` is what one sample takes unfolded.
pub fn parts(emitter: &Emitter, batch: usize, sample_bytes: usize) -> Vec<usize> {
    let bytes = match emitter.provider {
        Provider::Cpu => emitter.choices.part_bytes.unwrap_or(PART_BYTES),
        Provider::Cuda => usize::MAX,
    };
    let samples = (bytes / sample_bytes.max(1)).clamp(1, batch).max(batch.div_ceil(PARTS_MAX));
    let mut parts = vec![samples; batch / samples];
    parts.extend(Some(batch % samples).filter(|&rest| rest > 0));
    parts
}

/// How to sum a convolution's gradient to its bias's.
pub fn bias_gradient(emitter: &Emitter) -> BiasGradient {
    let possible = |choice: &BiasGradient| *choice != BiasGradient::Kernel || kernels(emitter);
    emitter.choices.bias_gradient.filter(possible).unwrap_or(match emitter.provider {
        _ if kernels(emitter) => BiasGradient::Kernel,
        Provider::Cpu => BiasGradient::TwoSums,
        Provider::Cuda => BiasGradient::ReduceSum,
    })
}

/// How to lower a maximum pool.
pub fn max_pool(emitter: &Emitter) -> MaxPool {
    let possible = |choice: &MaxPool| *choice == MaxPool::Native || kernels(emitter);
    let default = if kernels(emitter) { MaxPool::Kernel } else { MaxPool::Native };
    emitter.choices.max_pool.filter(possible).unwrap_or(default)
}

/// How to lower a maximum pool's gradient.
pub fn max_pool_gradient(emitter: &Emitter, shape: &PoolShape) -> MaxPoolGradient {
    let possible = |choice: &MaxPoolGradient| match choice {
        MaxPoolGradient::SpreadAndCompare => shape.is_disjoint(),
        MaxPoolGradient::Scatter => true,
        MaxPoolGradient::Kernel => kernels(emitter),
    };
    let default = match shape.is_disjoint() {
        _ if kernels(emitter) => MaxPoolGradient::Kernel,
        true => MaxPoolGradient::SpreadAndCompare,
        false => MaxPoolGradient::Scatter,
    };
    emitter.choices.max_pool_gradient.filter(possible).unwrap_or(default)
}

/// Largest matrix of an average pool that is written down whole, in elements (1 MiB).
const WHOLE_POOL_MATRIX_ELEMENTS_MAX: usize = 1 << 18;
/// Largest matrix of an average pool that is chosen before the two separate ones, in elements.
const WHOLE_POOL_MATRIX_ELEMENTS_GOOD: usize = 1 << 13;

/// Whether an average pool has a kernel.
pub fn average_pool_has_kernel(emitter: &Emitter, shape: &PoolShape) -> bool {
    kernels(emitter) && shape.is_sliding()
}

/// How to lower an average pool's gradient.
pub fn average_pool_gradient(emitter: &Emitter, shape: &PoolShape) -> AveragePoolGradient {
    let matrix: usize = shape.size.iter().chain(&shape.output).product();
    let possible = |choice: &AveragePoolGradient| match choice {
        AveragePoolGradient::Spread => shape.is_disjoint(),
        AveragePoolGradient::Separable => true,
        AveragePoolGradient::Whole => matrix <= WHOLE_POOL_MATRIX_ELEMENTS_MAX,
        AveragePoolGradient::Kernel => kernels(emitter),
    };
    let default = match shape.is_disjoint() {
        _ if kernels(emitter) => AveragePoolGradient::Kernel,
        true => AveragePoolGradient::Spread,
        false if matrix <= WHOLE_POOL_MATRIX_ELEMENTS_GOOD => AveragePoolGradient::Whole,
        false => AveragePoolGradient::Separable,
    };
    emitter.choices.average_pool_gradient.filter(possible).unwrap_or(default)
}

/// How to repeat the elements of an image.
pub fn spread(emitter: &Emitter) -> Spread {
    emitter.choices.spread.unwrap_or(Spread::Resize)
}

/// How to lower the ReLU's gradient.
pub fn relu_gradient(emitter: &Emitter) -> ReluGradient {
    let possible = |choice: &ReluGradient| *choice != ReluGradient::Kernel || kernels(emitter);
    emitter.choices.relu_gradient.filter(possible).unwrap_or(match emitter.provider {
        _ if kernels(emitter) => ReluGradient::Kernel,
        Provider::Cpu => ReluGradient::Cast,
        Provider::Cuda => ReluGradient::Where,
    })
}

/// How to compute the mean and variance of a batch of a shape.
pub fn batch_moments(emitter: &Emitter, shape: &[usize]) -> BatchMoments {
    let kernel = kernels(emitter) && shape.len() == 4;
    let possible = |choice: &BatchMoments| match choice {
        BatchMoments::Centred | BatchMoments::Raw => true,
        BatchMoments::Native => emitter.provider == Provider::Cpu,
        BatchMoments::Kernel => kernel,
    };
    emitter.choices.batch_moments.filter(possible).unwrap_or(match emitter.provider {
        _ if kernel => BatchMoments::Kernel,
        Provider::Cpu => BatchMoments::Native,
        Provider::Cuda => BatchMoments::Centred,
    })
}

/// How to apply an affine function to each channel. cuDNN may refuse or widen an epsilon of 0.
pub fn channel_affine(emitter: &Emitter) -> ChannelAffine {
    emitter.choices.channel_affine.unwrap_or(match emitter.provider {
        Provider::Cpu => ChannelAffine::Normalise,
        Provider::Cuda => ChannelAffine::Arithmetic,
    })
}
