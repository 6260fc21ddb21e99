//! Pooling: maximum, average and global average of windows, and their gradients.

mod average;
mod global;
mod max;
mod spread;

pub use average::{AveragePool, AveragePoolGradientOf};
pub use global::{GlobalAveragePool, GlobalAveragePoolGradient};
pub use max::{MaxPool, MaxPoolGradientOf};
pub(super) use spread::spread;
