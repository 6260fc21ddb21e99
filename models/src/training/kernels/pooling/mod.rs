//! Pools and their gradients, plane by plane.
//!
//! A plane is taken apart by columns (`columns`), so that neighbouring windows read neighbouring elements whatever their
//! stride is; the loops over a row of windows are then plain ones, which the compiler turns into vector instructions.
//! The most common windows need no taking apart: 2x2 side by side (`quads`), and means of windows that slide by one
//! column (`sliding`).

mod average;
mod max;
mod quads;
mod sliding;

pub use average::{AveragePool, AveragePoolGradient};
pub use max::{MaxPool, MaxPoolGradient};
