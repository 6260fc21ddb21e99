//! Who does what, where: the actors of a search over pure brains, and the journal of all that they do.
//!
//! Entry points: `run::run_search` (one process), `coordinator::run_coordinator` and `worker::run_worker` (a cluster),
//! `journal::Journal`, `journal::record`. The coordinator's tree of actors: the Population supervises the Breeder, the
//! Refiner and the Hub. A worker's: the Agent supervises the Node, the Node its Trainers. Hub and Agent exchange letters
//! (`protocol::letters`) over a `link`. What an actor decides lies in a plain struct beside it
//! (`population::state::Brain`, `membership`, `agent::brain`, `makers::searcher`); what it does to the world is a few
//! lines.
//!
//! This crate knows no ONNX operator and prints nothing.

pub mod agent;
pub mod calendar;
pub mod cluster;
pub mod coordinator;
pub mod error;
mod freight;
pub mod hub;
pub mod invariants;
pub mod journal;
pub mod link;
pub mod makers;
mod median;
pub mod membership;
pub mod messages;
pub mod metrics;
pub mod node;
pub mod pace;
pub mod population;
pub mod progress;
pub mod protocol;
mod reading;
pub mod remote;
pub mod replay;
pub mod run;
#[cfg(test)]
mod run_tests;
pub mod search;
#[cfg(test)]
mod simulation;
pub mod streams;
mod supervision;
#[cfg(test)]
mod testing;
pub mod trainer;
pub mod worker;
