//! Graphs run in ONNX Runtime itself.

mod catalogue;
mod completeness;
mod cuda;
mod draws;
mod gradients;
mod gradients_drawn;
mod kernels;
mod lowerings;
mod rules;
pub(super) mod standard;
pub(crate) mod support;
mod vectors;
