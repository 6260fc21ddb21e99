//! A whole cluster under a virtual clock: one coordinator with its journal, workers with made-up trainings, and a
//! network and hosts on which everything goes wrong that can. One seed makes one world; what must hold of a search
//! (`crate::invariants`) and of a cluster (`invariants`) is checked after every event.
//!
//! `HATCHERY_SEED=1234 cargo test -p hatchery-actors simulation` runs the world of one seed alone, and prints all that
//! happens in it. What actors do with their brains' effects is done by the world as well (`coordinator`, `process`);
//! there is no actor, socket, thread or clock in here.

mod checks;
mod coordinator;
mod happening;
mod invariants;
mod lines;
mod network;
mod process;
mod state;
mod tests;
mod weather;
mod words;
mod world;
