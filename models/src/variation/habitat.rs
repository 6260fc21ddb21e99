//! What offspring must live with: the space's bounds, the problem's shapes, the limits on cost.

use super::{Implausible, OutOfBounds, plausible, settle::resolve, within_bounds};
use crate::{
    expression::{self, NotViable, estimate},
    genome::Genome,
    problem::Problem,
};
use hatchery_config::{experiment::Limits, space::Space};

/// Space, problem and limits, together.
#[derive(Clone, Copy, Debug)]
pub struct Habitat<'a> {
    /// Bounds on every gene.
    pub space: &'a Space,
    /// What goes in and comes out.
    pub problem: &'a Problem,
    /// What a network may cost.
    pub limits: &'a Limits,
}

/// Why a genome is not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A gene outside the space.
    #[error(transparent)]
    OutOfBounds(#[from] OutOfBounds),
    /// Not a network, or too costly.
    #[error(transparent)]
    NotViable(#[from] NotViable),
    /// A network that would waste its training.
    #[error(transparent)]
    Implausible(#[from] Implausible),
}

/// No network could be found at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "no network fits the space and the limits: {attempts} were drawn and refused, the last because {refusal}; widen \
     [space] or raise [limits]"
)]
pub struct Barren {
    /// How many were drawn.
    pub attempts: u32,
    /// Why the last was refused.
    pub refusal: Refusal,
}

impl Habitat<'_> {
    /// Settles a genome and checks it for everything but plausibility.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(super) fn admit(&self, genome: &Genome) -> Result<(Genome, expression::Blueprint), Refusal> {
        let (genome, blueprint) = resolve(genome, self.space, self.problem);
        within_bounds(&genome, self.space, self.problem)?;
        let blueprint = blueprint?;
        expression::within(&estimate(&genome, &blueprint), self.limits)?;
        Ok((genome, blueprint))
    }

    /// As `admit`, and plausible.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(super) fn welcome(&self, genome: &Genome) -> Result<Genome, Refusal> {
        let (genome, blueprint) = self.admit(genome)?;
        plausible(&genome, &blueprint)?;
        Ok(genome)
    }
}
