//! What offspring must live with: the space's bounds, the problem's shapes, the limits on cost.

use super::{Implausible, OutOfBounds, plausible, settle::Settled, within_bounds};
use crate::{
    expression::{self, NotViable},
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
    pub(super) fn admit(&self, genome: &Genome) -> Result<Settled, Refusal> {
        self.admit_settled(Settled::of(genome, self)?)
    }

    /// Checks what is settled for everything but plausibility.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(super) fn admit_settled(&self, settled: Settled) -> Result<Settled, Refusal> {
        within_bounds(&settled.genome, self.space, self.problem)?;
        expression::within(&settled.estimate, self.limits)?;
        Ok(settled)
    }

    /// Checks what is settled for everything.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(super) fn welcome(&self, settled: Settled) -> Result<Settled, Refusal> {
        let settled = self.admit_settled(settled)?;
        plausible(&settled.genome, &settled.blueprint)?;
        Ok(settled)
    }
}
