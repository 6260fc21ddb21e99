//! The Population: which individuals there are, which are trained next, by whom, and when the search is over.

pub mod actor;
mod archive;
mod births;
mod brain;
pub mod desk;
pub mod effect;
mod finale;
mod front;
mod inheritance;
pub mod ledger;
mod nursery;
mod plan;
mod restore;
mod results;
pub mod retry;
pub mod settings;
#[cfg(test)]
pub(crate) mod simulation;
pub mod state;
mod stopping;
mod timing;
mod view;
pub(crate) mod witness;
mod workers;

pub(crate) use nursery::Birth;
pub use stopping::StoppingRule;
