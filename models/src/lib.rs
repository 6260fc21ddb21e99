//! What a network is and how one is trained: genome, graph, gradients, ONNX, sessions, data.
//!
//! Three floors, arrows down only: `training` and `variation`; `expression` and `onnx`; `genome`, `graph` and
//! `data`; `flat` and `places` serve all of them. This crate knows no actor, no socket, no database, and no wall
//! clock but a deadline it is handed.

pub mod data;
pub mod expression;
pub mod flat;
pub mod genome;
pub mod graph;
pub mod onnx;
pub mod places;
pub mod problem;
pub mod training;
pub mod variation;
