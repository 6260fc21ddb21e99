//! Who does what, where: the actors of a search over pure brains, and the journal of all that they do.

pub mod invariants;
pub mod journal;
pub mod population;
pub mod progress;
pub mod protocol;
pub mod streams;

#[cfg(test)]
mod testing;
