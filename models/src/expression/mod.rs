//! Expression: from a genome to a network with shapes, and from there to graphs.
//!
//! `blueprint` resolves every gene against a problem and is the one place that says what a gene means; costs, the
//! layout of the parameters and the wired graphs are all read off the blueprint, so they cannot disagree.
//! This floor must not know how genomes arise, nor how graphs are encoded or run.

mod assembly;
mod blueprint;
mod estimate;
mod inherit;
mod initial;
mod layout;
mod pool_first;
mod products;
mod shape;
#[cfg(test)]
mod suite;
mod wiring;

pub use assembly::blueprint;
pub(crate) use assembly::resolve_groups;
pub use blueprint::{Blueprint, Convolution, NotViable, Operation, Origin, Reason, STEPS_MAX, Step};
pub(crate) use estimate::within;
pub use estimate::{Estimate, costs_by_gene, estimate, viable};
pub use inherit::{Bequest, InheritError, inherit};
pub use initial::{initial_parameters, initial_statistics};
pub use layout::{Layout, ParameterTensor, Role, StatisticTensor, Weights, layout};
pub use products::{ExpressionError, Feed, Product, evaluation, inference, training_step};
pub use shape::Shape;
pub(crate) use shape::slide_sizes;
