//! A genome: an ordered list of layer genes and the genes of its training.
//!
//! A genome knows no graph: what its genes mean is said in `expression`. Input stem (normalisation of raw
//! values) and head (the output layer) are fixed by the problem and are no genes.

mod canonical;
mod check;
mod hash;
pub mod numeric;
mod summary;
mod written;

use serde::{Deserialize, Serialize};

pub use canonical::canonical;
pub use check::{BATCH_MAX, GenomeError, KERNEL_MAX, LAYERS_MAX, WIDTH_MAX, check};
pub use hash::{GenomeHash, HashError, canonical_hash, structural_hash};
pub use hatchery_config::vocabulary::{
    Activation, Initializer, LayerKind, Norm, Optimizer, Padding, Schedule,
};
pub use written::Written;

/// A network's whole description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Genome {
    /// Layers, from the input to the head.
    pub layers: Vec<LayerGene>,
    /// How it is trained.
    pub training: TrainingGenes,
}

/// One layer. Convolutions and pools act on `[channels, height, width]`; the first `Dense` flattens (or, behind
/// a `GlobalAveragePool`, takes the channels), and nothing spatial may follow it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerGene {
    /// Convolution, then normalisation, then activation.
    Convolution(Convolution),
    /// Maximum over windows.
    MaxPool(Pool),
    /// Mean over windows, padding excluded.
    AveragePool(Pool),
    /// Mean over all positions of each channel.
    GlobalAveragePool,
    /// Four parallel branches (1x1; 1x1 then 3x3; 1x1 then 5x5; 3x3 max pool then 1x1), all of stride 1 and
    /// padding same, concatenated (after Szegedy et al., 2014).
    Inception(Inception),
    /// conv 3x3, norm, activation, conv 3x3, norm, plus the input (projected by a 1x1 convolution where the shape
    /// changes), then activation (after He et al., 2015).
    Residual(Residual),
    /// Fully connected layer, then normalisation (batch or layer), then activation.
    Dense(Dense),
    /// Normalisation alone. Never `Norm::None` in canonical form.
    Normalisation {
        /// Which one.
        norm: Norm,
    },
    /// Random zeroing while training.
    Dropout {
        /// Share of values zeroed, in [0, 1).
        ratio: f64,
    },
    /// End of the per-view part of a multi-view network: concatenates the views' channels.
    Merge,
}

impl LayerGene {
    /// What kind of layer it is.
    pub const fn kind(&self) -> LayerKind {
        match self {
            Self::Convolution(_) => LayerKind::Convolution,
            Self::MaxPool(_) => LayerKind::MaxPool,
            Self::AveragePool(_) => LayerKind::AveragePool,
            Self::GlobalAveragePool => LayerKind::GlobalAveragePool,
            Self::Inception(_) => LayerKind::Inception,
            Self::Residual(_) => LayerKind::Residual,
            Self::Dense(_) => LayerKind::Dense,
            Self::Normalisation { .. } => LayerKind::Normalisation,
            Self::Dropout { .. } => LayerKind::Dropout,
            Self::Merge => LayerKind::Merge,
        }
    }

    /// The normalisation that the layer applies; `Norm::None` where it applies none.
    pub const fn norm(&self) -> Norm {
        match self {
            Self::Convolution(genes) => genes.norm,
            Self::Inception(genes) => genes.norm,
            Self::Residual(genes) => genes.norm,
            Self::Dense(genes) => genes.norm,
            Self::Normalisation { norm } => *norm,
            _ => Norm::None,
        }
    }

    /// The layer's activation; `None` for a layer that has no such gene.
    pub const fn activation(&self) -> Option<Activation> {
        match self {
            Self::Convolution(genes) => Some(genes.activation),
            Self::Inception(genes) => Some(genes.activation),
            Self::Residual(genes) => Some(genes.activation),
            Self::Dense(genes) => Some(genes.activation),
            _ => None,
        }
    }

    /// Whether the layer has weights: convolutions, inception modules, residual blocks, dense layers.
    pub const fn is_weighted(&self) -> bool {
        self.activation().is_some()
    }

    /// Whether the layer needs positions: it may not follow what flattens.
    pub const fn is_spatial(&self) -> bool {
        matches!(
            self,
            Self::Convolution(_)
                | Self::MaxPool(_)
                | Self::AveragePool(_)
                | Self::GlobalAveragePool
                | Self::Inception(_)
                | Self::Residual(_)
        )
    }

    /// Whether the layer's output has no positions, whatever its input has.
    pub const fn is_flattening(&self) -> bool {
        matches!(self, Self::GlobalAveragePool | Self::Dense(_))
    }
}

/// Genes of a convolution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Convolution {
    /// Output channels.
    pub filters: u32,
    /// Kernel height and width.
    pub kernel: [u32; 2],
    /// Stride in both directions.
    pub stride: u32,
    /// Dilation in both directions.
    pub dilation: u32,
    /// How channels are split.
    pub groups: Groups,
    /// Zero padding.
    pub padding: Padding,
    /// Normalisation before the activation.
    pub norm: Norm,
    /// Activation.
    pub activation: Activation,
}

/// How a convolution's channels are split into groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    /// This many groups; must divide input channels and filters (expression takes the greatest divisor that does).
    Count(u32),
    /// As many groups as input channels; filters are rounded to a multiple of the input channels.
    Depthwise,
}

/// Genes of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Window in both directions.
    pub kernel: u32,
    /// Stride in both directions; smaller than the window means overlapping.
    pub stride: u32,
    /// Padding (minus infinity for maxima; excluded from means).
    pub padding: Padding,
}

/// Genes of an inception module: filters of its four branches, in the order of `LayerGene::Inception`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inception {
    /// Filters of each branch's last convolution; a branch of 0 is left out, at least one is not 0.
    pub branches: [u32; 4],
    /// Filters of the 1x1 convolutions that lead into the 3x3 and 5x5 ones.
    pub bottleneck: u32,
    /// Normalisation of the concatenated output.
    pub norm: Norm,
    /// Activation of the concatenated output (and, behind the bottlenecks, of those).
    pub activation: Activation,
}

/// Genes of a residual block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    /// Output channels of both convolutions.
    pub filters: u32,
    /// Stride of the first convolution.
    pub stride: u32,
    /// Normalisation after each convolution.
    pub norm: Norm,
    /// Activation after the first convolution and after the sum.
    pub activation: Activation,
}

/// Genes of a dense layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dense {
    /// Output units.
    pub units: u32,
    /// Normalisation before the activation; `Batch`, `Layer` or `None`.
    pub norm: Norm,
    /// Activation.
    pub activation: Activation,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingGenes {
    /// Optimizer.
    pub optimizer: Optimizer,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Momentum; decay of the squared gradients for RMSProp; first-moment decay for Adam and AdamW.
    pub momentum: f64,
    /// Weight decay; 0 = none. Applied to weights, not to biases and normalisation scales.
    pub weight_decay: f64,
    /// Samples of a step.
    pub batch_size: u32,
    /// Label smoothing; 0 = none.
    pub label_smoothing: f64,
    /// Largest global gradient norm; 0 = no clipping.
    pub gradient_clip: f64,
    /// How weights are drawn.
    pub initializer: Initializer,
    /// Augmentation: each image is shifted by up to this many pixels in both directions, anew at each step.
    pub shift: u32,
    /// Augmentation: each image is flipped horizontally with probability one half.
    pub flip: bool,
}

/// A small, ordinary network for tests.
#[cfg(test)]
pub(crate) fn sample() -> Genome {
    let convolution = Convolution {
        filters: 32,
        kernel: [3, 3],
        stride: 1,
        dilation: 1,
        groups: Groups::Count(1),
        padding: Padding::Same,
        norm: Norm::Batch,
        activation: Activation::Relu,
    };
    Genome {
        layers: vec![
            LayerGene::Convolution(convolution),
            LayerGene::MaxPool(Pool { kernel: 2, stride: 2, padding: Padding::Same }),
            LayerGene::Dense(Dense { units: 128, norm: Norm::None, activation: Activation::Relu }),
        ],
        training: TrainingGenes {
            optimizer: Optimizer::AdamW,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine,
            momentum: 0.9,
            weight_decay: 0.0,
            batch_size: 64,
            label_smoothing: 0.0,
            gradient_clip: 0.0,
            initializer: Initializer::HeNormal,
            shift: 0,
            flip: false,
        },
    }
}
