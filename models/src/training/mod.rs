//! Training: finds and loads the ONNX Runtime library, makes sessions, runs the loop.
//!
//! It must not know where work comes from or where results go: it is handed an assignment and an observer.

pub mod library;
pub mod outcome;
pub mod runtime;
