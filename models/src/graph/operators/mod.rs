//! The operators: one file per operator, or family of like operators, with its shape rule, cost, gradient rule and
//! lowering to standard ONNX operators.
//!
//! An operator must not know the layers or genomes that it serves. Where several lowerings compute the same,
//! `lowering_choice` alone decides between them.

pub mod activation;
pub mod arithmetic;
pub mod augment;
pub mod cast;
pub mod convolution;
pub mod dense;
pub mod dropout;
pub mod gather;
pub mod loss;
pub mod lowering_choice;
pub mod missing;
pub mod normalisation;
pub mod pooling;
mod random;
pub mod reduce;
pub mod shape;
pub mod source;
pub mod window;

use super::{ElementType, Fact, GraphError, emitter::Value};

/// A shape error of an operator.
pub(crate) fn misfit(operator: &'static str, message: impl Into<String>) -> GraphError {
    GraphError::Shape { operator, message: message.into() }
}

/// The inputs as an array, or an error that says how many there should be.
pub(crate) fn exactly<'a, const N: usize>(
    operator: &'static str,
    inputs: &[&'a Fact],
) -> Result<[&'a Fact; N], GraphError> {
    inputs.try_into().map_err(|_| misfit(operator, format!("expects {N} inputs, got {}", inputs.len())))
}

/// Refuses inputs that are not 32-bit floats.
pub(crate) fn all_f32(operator: &'static str, inputs: &[&Fact]) -> Result<(), GraphError> {
    match inputs.iter().position(|fact| fact.element != ElementType::F32) {
        Some(index) => {
            Err(misfit(operator, format!("input {index} is {:?}, expected F32", inputs[index].element)))
        }
        None => Ok(()),
    }
}

/// The shape rule of what maps each element of one tensor of 32-bit floats.
pub(crate) fn same_as_input(operator: &'static str, inputs: &[&Fact]) -> Result<Vec<Fact>, GraphError> {
    let [fact] = exactly(operator, inputs)?;
    all_f32(operator, inputs)?;
    Ok(vec![fact.clone()])
}

/// The sizes `[N, C, H, W]` of the one input, a batch of images.
pub(crate) fn images(operator: &'static str, inputs: &[&Fact]) -> Result<[usize; 4], GraphError> {
    let [fact] = exactly(operator, inputs)?;
    all_f32(operator, inputs)?;
    let sizes = fact.shape.as_slice().try_into();
    sizes.map_err(|_| misfit(operator, format!("expects [N, C, H, W], got {:?}", fact.shape)))
}

/// Refuses an input of another shape.
pub(crate) fn expect_shape(
    operator: &'static str,
    what: &str,
    fact: &Fact,
    shape: &[usize],
) -> Result<(), GraphError> {
    if fact.shape == shape {
        return Ok(());
    }
    Err(misfit(operator, format!("{what} has shape {:?}, expected {shape:?}", fact.shape)))
}

/// Sizes as the signed integers that ONNX wants.
pub(crate) fn signed(sizes: &[usize]) -> Vec<i64> {
    sizes.iter().map(|&size| size as i64).collect()
}

/// The names of lowered values as string slices.
pub(crate) fn names(values: &[Value]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}
