//! Graphs run in ONNX Runtime itself.

mod catalogue;
mod cuda;
mod draws;
mod gradients;
mod lowerings;
mod rules;
pub(super) mod standard;
pub(crate) mod support;
mod vectors;
