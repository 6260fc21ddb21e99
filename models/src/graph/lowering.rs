//! Lowers whole graphs: each operator writes itself down through the `Emitter`, in the order of the nodes.
//!
//! It stands above the operators, none of which knows of it; `onnx` encodes what comes out.

mod fusion;
mod parts;
mod program;

pub use super::emitter::Provider;
pub use program::{Lowered, lower, lower_with};
