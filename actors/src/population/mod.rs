//! The Population: which individuals there are, which are trained next, by whom, and when the search is over.

pub mod actor;
pub mod archive;
mod births;
mod brain;
mod champions;
mod clock;
pub mod desk;
pub mod effect;
mod finale;
pub mod front;
mod inheritance;
pub mod lease;
pub mod ledger;
pub mod line;
mod needs;
mod nursery;
pub mod objectives;
mod plan;
mod restore;
mod results;
pub mod retry;
pub mod settings;
mod sharing;
#[cfg(test)]
pub(crate) mod simulation;
pub(crate) mod slate;
pub mod state;
mod stopping;
mod telling;
mod timing;
mod view;
mod wishes;
pub(crate) mod witness;
mod workers;

pub use stopping::StoppingRule;
pub(crate) use witness::Taken;
