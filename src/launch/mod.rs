//! Starts processes, starts them again when they break down, and ends them all: nobody is left behind.
//!
//! `ending` says how a process ended and what that means, `policy` what to do about it (a pure brain), `process`
//! starts one and listens to it, `log` keeps what it says, `supervisor` joins them. `child` is the other side: what a
//! process does that was started so.
//!
//! It must know nothing of networks, genomes, or what processes say to each other: lines come out, signals go in.

pub mod child;
mod ending;
mod log;
mod policy;
mod process;
mod supervisor;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use ending::Ending;
pub use ending::Meaning;
pub use policy::ProcessId;
pub use process::Program;
pub use supervisor::{Happening, Past, Recipe, Supervisor, sleep_until};
