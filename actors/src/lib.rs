//! Who does what, where: the actors of a search over pure brains, and the journal of all that they do.
//!
//! Entry points: `run::run_search`, `journal::Journal`, `journal::record`. One search is one tree of actors: the
//! Population supervises the Breeder and the Node, the Node its Trainers. What an actor decides lies in a plain
//! struct beside it (`population::state::Brain`, `breeder::breed`); what it does to the world is a few lines.
//!
//! This crate knows no ONNX operator and prints nothing.

pub mod breeder;
pub mod error;
pub mod invariants;
pub mod journal;
pub mod link;
pub mod messages;
pub mod node;
pub mod pace;
pub mod population;
pub mod progress;
pub mod protocol;
pub mod run;
#[cfg(test)]
mod run_tests;
pub mod search;
pub mod streams;
mod supervision;
pub mod trainer;

#[cfg(test)]
mod testing;
