//! The Population: which individuals there are, which are trained next, by whom, and when the search is over.

pub mod actor;
mod archive;
pub mod brain;
pub mod desk;
mod finale;
mod nursery;
mod restore;
pub mod results;
#[cfg(test)]
mod simulation;
mod stopping;
mod timing;
mod view;

pub use actor::PopulationMessage;
pub use brain::{LOSSES_MAX, WEIGHTS_KEPT_MAX};
pub use stopping::StoppingRule;
