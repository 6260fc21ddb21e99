//! Lowerings of the convolution itself. None of them writes down the number of samples.

use super::{Convolution, unfold};
use crate::graph::{
    choices::Forward,
    emitter::{Emitter, Value},
    operators::{lowering_choice, names, window::ConvolutionShape},
};

pub(super) fn lower(
    convolution: &Convolution,
    emitter: &mut Emitter,
    inputs: &[Value],
    shape: &ConvolutionShape,
) -> Value {
    match lowering_choice::forward(emitter, shape) {
        Forward::Native => emitter.op("Conv", &names(inputs), convolution.attributes(shape.kernel)),
        Forward::Unfolded => unfolded(emitter, inputs, shape),
        Forward::Kernel => emitter.kernel("Convolution", &names(inputs), 1, shape.to_sizes()).swap_remove(0),
    }
}

/// The weights `[K, taps C]` times the unfolded image `[N, taps C, H'W']`.
fn unfolded(emitter: &mut Emitter, inputs: &[Value], shape: &ConvolutionShape) -> Value {
    let columns = unfold::by_slices(emitter, &inputs[0], shape);
    let filters = shape.filters as i64;
    let weights = match shape.taps() {
        1 => inputs[1].clone(),
        _ => emitter.transpose(&inputs[1], &[0, 2, 3, 1]),
    };
    let weights = emitter.reshape(&weights, &[filters, -1]);
    let mut product = emitter.op("MatMul", &[&weights, &columns], Vec::new());
    if let Some(bias) = inputs.get(2) {
        let bias = emitter.reshape(bias, &[filters, 1]);
        product = emitter.op("Add", &[&product, &bias], Vec::new());
    }
    emitter.reshape(&product, &[0, filters, shape.output[0] as i64, shape.output[1] as i64])
}
