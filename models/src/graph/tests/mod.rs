//! Graphs run in ONNX Runtime itself.

mod catalogue;
mod cuda;
mod draws;
mod gradients;
mod lowerings;
mod rules;
pub(super) mod standard;
pub(super) mod support;
mod vectors;
