//! The search space: bounds on every gene, as the experiment file states them.
//!
//! It must not know how genomes are drawn from it (`hatchery-models`, `variation`).

use crate::vocabulary::{Activation, Initializer, LayerKind, Norm, Optimizer, Padding, Schedule};
use serde::{Deserialize, Serialize};

/// A closed range, written `[min, max]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[T; 2]", into = "[T; 2]")]
pub struct Range<T: Copy> {
    /// Smallest allowed value.
    pub min: T,
    /// Largest allowed value.
    pub max: T,
}

impl<T: Copy> From<[T; 2]> for Range<T> {
    fn from([min, max]: [T; 2]) -> Self {
        Self { min, max }
    }
}

impl<T: Copy> From<Range<T>> for [T; 2] {
    fn from(range: Range<T>) -> Self {
        [range.min, range.max]
    }
}

impl<T: Copy + PartialOrd> Range<T> {
    /// Whether `value` lies inside, both ends included.
    pub fn contains(&self, value: T) -> bool {
        self.min <= value && value <= self.max
    }

    /// The nearest allowed value.
    pub fn clamp(&self, value: T) -> T {
        if value < self.min {
            self.min
        } else if value > self.max {
            self.max
        } else {
            value
        }
    }
}

/// Bounds on every gene. Every list holds at least one word; every range is ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Space {
    /// Kinds of layers that may occur.
    pub layers: Vec<LayerKind>,
    /// How many layer genes a genome has (input stem and head not counted).
    pub depth: Range<u32>,
    /// Output channels of a convolution, a residual block, or an inception branch in total.
    pub filters: Range<u32>,
    /// Kernel height and width of a convolution, each on its own.
    pub kernel: Range<u32>,
    /// Stride of a convolution, equal in both directions.
    pub stride: Range<u32>,
    /// Dilation of a convolution, equal in both directions.
    pub dilation: Range<u32>,
    /// Groups that a convolution's channels may be split into (1 = none).
    pub groups: Vec<u32>,
    /// Whether depthwise convolutions (as many groups as input channels) may occur.
    pub depthwise: bool,
    /// Paddings of convolutions and pools.
    pub padding: Vec<Padding>,
    /// Window of a pool, equal in both directions.
    pub pool_kernel: Range<u32>,
    /// Stride of a pool, equal in both directions; smaller than the window means overlapping.
    pub pool_stride: Range<u32>,
    /// Units of a dense layer.
    pub units: Range<u32>,
    /// Share of values zeroed by dropout.
    pub dropout: Range<f64>,
    /// Activations after convolutions, residual blocks, inception modules and dense layers.
    pub activations: Vec<Activation>,
    /// Normalisations, within blocks and as layers of their own.
    pub norms: Vec<Norm>,
    /// Optimizers.
    pub optimizers: Vec<Optimizer>,
    /// Learning rate, drawn on a logarithmic scale.
    pub learning_rate: Range<f64>,
    /// Learning-rate schedules.
    pub schedules: Vec<Schedule>,
    /// Momentum of momentum, Nesterov and RMSProp; first-moment decay of Adam and AdamW.
    pub momentum: Range<f64>,
    /// Weight decay, drawn on a logarithmic scale when not zero.
    pub weight_decay: Range<f64>,
    /// Batch sizes.
    pub batch_size: Vec<u32>,
    /// Label smoothing (classification only).
    pub label_smoothing: Range<f64>,
    /// Largest gradient norm; 0 means no clipping.
    pub gradient_clip: Range<f64>,
    /// Initializers.
    pub initializers: Vec<Initializer>,
    /// Largest augmentation shift in pixels; images only.
    pub shift: Range<u32>,
    /// Whether augmentation by horizontal flips may occur; images only.
    pub flip: bool,
}

impl Default for Space {
    /// Everything, within bounds that suit small images.
    fn default() -> Self {
        Self {
            layers: LayerKind::ALL.to_vec(),
            depth: Range { min: 2, max: 12 },
            filters: Range { min: 8, max: 128 },
            kernel: Range { min: 1, max: 7 },
            stride: Range { min: 1, max: 2 },
            dilation: Range { min: 1, max: 2 },
            groups: vec![1, 2, 4],
            depthwise: true,
            padding: Padding::ALL.to_vec(),
            pool_kernel: Range { min: 2, max: 3 },
            pool_stride: Range { min: 1, max: 3 },
            units: Range { min: 16, max: 256 },
            dropout: Range { min: 0.0, max: 0.5 },
            activations: Activation::ALL.to_vec(),
            norms: Norm::ALL.to_vec(),
            optimizers: Optimizer::ALL.to_vec(),
            learning_rate: Range { min: 1e-4, max: 0.1 },
            schedules: Schedule::ALL.to_vec(),
            momentum: Range { min: 0.8, max: 0.98 },
            weight_decay: Range { min: 0.0, max: 0.01 },
            batch_size: vec![16, 32, 64, 128],
            label_smoothing: Range { min: 0.0, max: 0.1 },
            gradient_clip: Range { min: 0.0, max: 5.0 },
            initializers: Initializer::ALL.to_vec(),
            shift: Range { min: 0, max: 2 },
            flip: false,
        }
    }
}
