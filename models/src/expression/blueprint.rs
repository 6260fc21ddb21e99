//! A network resolved against a problem: a list of primitive operations, each with its shape.
//!
//! Modules (residual, inception) and views are spelled out, so that whoever reads a blueprint needs to know
//! primitive operations only. It must not know how one comes to be (`assembly`).

use super::shape::Shape;
use crate::{
    genome::{Activation, GenomeError, LayerKind, Norm},
    graph::operators::window::Window,
};
use smallvec::SmallVec;

/// Most operations of a network, views and modules spelled out. Each costs several nodes in the training graph: one of
/// 600 operations takes about a second to prepare, one of 1,300 five.
pub const STEPS_MAX: usize = 2_000;
/// Most values of one sample between two layers; beyond it, sizes in bytes could not be relied on.
pub(super) const VOLUME_MAX: usize = 1 << 31;

/// A convolution with everything resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Its window; a dilated window reaches (kernel - 1) * dilation + 1 values.
    pub window: Window,
    /// Distance between the values of a window.
    pub dilation: [usize; 2],
    /// Groups; divides input channels and filters.
    pub groups: usize,
    /// Whether there is a bias. There is none in front of a batch normalisation, which would take it away again.
    pub bias: bool,
}

/// One primitive operation on one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// The sample, normalised.
    Input,
    /// One channel of the sample, as a view.
    View {
        /// Which channel, from 0.
        channel: usize,
    },
    /// Convolution.
    Convolution(Convolution),
    /// Maximum over windows; zeros count as minus infinity.
    MaxPool(Window),
    /// Mean over windows; zeros do not count.
    AveragePool(Window),
    /// Mean over positions.
    GlobalAveragePool,
    /// Positions and channels in one row.
    Flatten,
    /// Matrix product.
    Dense {
        /// Whether there is a bias.
        bias: bool,
    },
    /// Normalisation with one scale and shift per channel (`Norm::None` never occurs).
    Normalise(Norm),
    /// Element-wise function (`Activation::None` never occurs).
    Activate(Activation),
    /// Random zeroing while training.
    Dropout {
        /// Share of values zeroed.
        ratio: f64,
    },
    /// Sum of two inputs of the same shape.
    Add,
    /// Channels of all inputs, one after the other.
    Concatenate,
}

/// Where an operation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Index of the layer gene; `None` for input and head.
    pub gene: Option<usize>,
    /// Which view's copy; `None` outside of the per-view part.
    pub view: Option<usize>,
    /// Which part of a module, such as `second` of a residual block; empty for plain layers.
    pub part: &'static str,
}

/// One operation in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub operation: Operation,
    /// To the results of which earlier steps.
    pub inputs: SmallVec<[usize; 2]>,
    /// Shape of the result for one sample.
    pub shape: Shape,
    /// Where it comes from.
    pub origin: Origin,
}

/// A whole network: steps in order, the last of which computes the outputs (logits, or standardised predictions).
#[derive(Clone, Debug, PartialEq)]
pub struct Blueprint {
    /// The operations; each reads earlier ones only.
    pub steps: Vec<Step>,
    /// For each layer gene, the shape behind it (in the per-view part: of one view).
    pub layers: Vec<Shape>,
}

impl Blueprint {
    /// Shape of a step's first input; its own shape for a step that reads none.
    pub fn input_shape(&self, step: &Step) -> Shape {
        step.inputs.first().map_or(step.shape, |&input| self.steps[input].shape)
    }
}

/// Why a layer cannot be where it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// A layer that needs positions where there are none.
    #[error("it needs rows and columns, but its input is a row of {values} values")]
    NeedsPositions {
        /// How many values.
        values: usize,
    },
    /// A `valid` window larger than its input.
    #[error("its window reaches over {extent} values, but its input has only {size}")]
    WindowTooLarge {
        /// Reach of the window.
        extent: usize,
        /// Size of the input along that axis.
        size: usize,
    },
    /// Local response normalisation without channels next to each other.
    #[error("local response normalisation needs channels with positions; take batch or layer")]
    LocalResponse,
    /// A merge in a network without views, or a second one.
    #[error("merge is for multi-view problems only, and once only")]
    UnexpectedMerge,
    /// Values beyond counting.
    #[error("its output has {volume} values per sample; at most {VOLUME_MAX} are possible")]
    TooLarge {
        /// How many.
        volume: u64,
    },
    /// Too many operations.
    #[error("with it, the network has more than {STEPS_MAX} operations")]
    TooManySteps,
}

/// Why a genome cannot become a network, or not within the limits.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotViable {
    /// A gene outside its range.
    #[error(transparent)]
    Genome(#[from] GenomeError),
    /// A problem without inputs or outputs.
    #[error(
        "the problem is empty: inputs {channels}x{height}x{width}, {outputs} outputs; none of them may be 0"
    )]
    EmptyProblem {
        /// Channels.
        channels: u32,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
        /// Outputs.
        outputs: u32,
    },
    /// A layer that cannot be where it is.
    #[error("layer {layer} ({kind}): {reason}")]
    Layer {
        /// Which layer, from 1.
        layer: usize,
        /// Its kind.
        kind: LayerKind,
        /// Why.
        reason: Reason,
    },
    /// A multi-view problem without `merge`.
    #[error("the problem has several views, but the genome has no merge layer")]
    NoMerge,
    /// The output layer would be beyond counting.
    #[error("the head: {reason}")]
    Head {
        /// Why.
        reason: Reason,
    },
    /// Too many parameters.
    #[error("{parameters} parameters are more than limits.parameters = {limit}")]
    Parameters {
        /// How many.
        parameters: u64,
        /// How many may be.
        limit: u64,
    },
    /// Too many multiply-adds.
    #[error("{multiply_adds} multiply-adds per sample are more than limits.multiply_adds = {limit}")]
    MultiplyAdds {
        /// How many.
        multiply_adds: u64,
        /// How many may be.
        limit: u64,
    },
    /// Too much memory.
    #[error("{memory_bytes} bytes of memory are more than limits.memory_mib = {limit_mib}")]
    Memory {
        /// How much a training needs.
        memory_bytes: u64,
        /// How much it may.
        limit_mib: u64,
    },
}
