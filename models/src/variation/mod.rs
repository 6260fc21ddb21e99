//! Variation: how genomes arise, at random, from one parent, or from two.
//!
//! Pure functions of genomes, a habitat and a random stream: the same stream gives the same offspring. Whatever
//! comes out is canonical, lies within the space's bounds, is viable within the limits, and is plausible (a network
//! that a practitioner would expect to learn) unless the space holds nothing plausible.
//! This floor must not know what became of a genome: choosing parents is the search's part.

mod bounds;
mod crossing;
mod draw;
mod habitat;
mod mutation;
pub mod plausible;
mod random;
mod refinement;
mod regularisation;
mod repair;
mod settle;
#[cfg(test)]
mod tests;
mod textbook;
mod training_genes;

pub use bounds::{OutOfBounds, within_bounds};
pub use crossing::crossover;
pub use habitat::{Barren, Habitat, Refusal};
pub use mutation::mutate;
pub use plausible::{Implausible, plausible};
pub use random::random;
pub use refinement::{blend, refine};
pub use regularisation::regularised;
pub use settle::settle;
pub use textbook::textbook;

use crate::{expression::Estimate, genome::Genome};
use settle::Settled;

/// A new genome and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Offspring {
    /// The genome: canonical, viable, within bounds.
    pub genome: Genome,
    /// How it came about, for the lineage: such as `mutate: widen convolution 2 from 32 to 48`.
    pub operation: String,
    /// What the network costs: within the limits.
    pub estimate: Estimate,
}

impl Offspring {
    fn new(settled: Settled, operation: String) -> Self {
        Self { genome: settled.genome, operation, estimate: settled.estimate }
    }
}
