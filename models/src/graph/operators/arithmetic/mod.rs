//! Element-wise arithmetic: of two tensors with numpy's broadcasting, and of one.

mod binary;
mod unary;

pub use binary::{Add, Divide, Multiply, Subtract, broadcast, sum_to};
pub use unary::{AddScalar, AtMost, Power, PowerOf, Reciprocal, Scale, Square, SquareRoot};
