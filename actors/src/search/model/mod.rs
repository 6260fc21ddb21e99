//! Models of the loss, fitted to what is known, to judge what has not been tried.
//!
//! They must not know what points mean, nor how candidates are found.

pub mod gaussian;
pub mod kernel;
pub mod warp;
