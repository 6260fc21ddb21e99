//! Normalisations: over the batch, over a sample, over neighbouring channels.

mod batch;
mod layer;
mod local_response;

pub use batch::{BatchNorm, BatchNormGradient, BatchNormInference};
pub use layer::{LayerNorm, LayerNormGradient};
pub use local_response::{LocalResponseNorm, LocalResponseNormGradient};

use super::{expect_shape, misfit};
use crate::graph::{
    Fact, GraphError,
    emitter::{Emitter, Value},
};

/// The axes that a channel's values lie along: samples, and positions where there are any.
fn axes_of_a_channel(rank: usize) -> &'static [i64] {
    if rank == 2 { &[0] } else { &[0, 2, 3] }
}

/// A vector over the channels in a shape that broadcasts against `[N, C]` or `[N, C, H, W]`.
fn per_channel(emitter: &mut Emitter, vector: &str, rank: usize) -> Value {
    match rank {
        2 => vector.to_owned(),
        _ => emitter.reshape(vector, &[-1, 1, 1]),
    }
}

/// Channels of `[N, C]` or `[N, C, H, W]`; all of `vectors` must be `[C]`.
fn channels(operator: &'static str, x: &Fact, vectors: &[&Fact]) -> Result<usize, GraphError> {
    let channels = match x.shape.as_slice() {
        [_, channels] | [_, channels, _, _] => *channels,
        shape => return Err(misfit(operator, format!("expects [N, C] or [N, C, H, W], got {shape:?}"))),
    };
    for vector in vectors {
        expect_shape(operator, "scale, shift, mean or variance", vector, &[channels])?;
    }
    Ok(channels)
}
