//! A network that the user has designed, made ready to be born.

use crate::protocol::Newborn;
use hatchery_config::experiment::Limits;
use hatchery_models::expression;
use hatchery_models::genome::{Genome, canonical, check, structural_hash};
use hatchery_models::problem::Problem;

/// A network by hand. It may lie outside of the search space, but not beyond the limits.
///
/// # Errors
/// Why it is no network for this problem, for the user.
pub fn by_hand(genome: Genome, name: &str, problem: Problem, limits: &Limits) -> Result<Newborn, String> {
    check(&genome).map_err(|error| error.to_string())?;
    let genome = canonical(&genome);
    let estimate = expression::viable(&genome, &problem, limits).map_err(|reason| reason.to_string())?;
    Ok(Newborn {
        summary: genome.to_string(),
        hash: structural_hash(&genome).to_string(),
        parents: Vec::new(),
        operation: format!("by hand: {name}"),
        parameters: estimate.parameters,
        multiply_adds: estimate.multiply_adds,
        genome: genome.into(),
    })
}
