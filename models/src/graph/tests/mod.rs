//! Graphs run in ONNX Runtime itself.

mod cuda;
mod draws;
mod gradients;
mod lowerings;
mod optimizers;
mod support;
mod vectors;
