//! Models of the loss, fitted to what is known, to judge what has not been tried.
//!
//! They must not know what points mean, nor how candidates are found.

pub mod encoding;
pub mod fit;
pub mod gaussian;
pub mod kernel;
mod linear;
pub mod normal;
pub mod warp;
