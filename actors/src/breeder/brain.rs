//! How an order becomes a genome. Pure: the same order and the same seed give the same newborn.
//!
//! It must not know which genomes are known already, nor how good any is: that is the Population's part.

use crate::protocol::{BreedOrder, Newborn, Recipe};
use crate::streams::{Purpose, stream};
use hatchery_config::experiment::Limits;
use hatchery_config::space::Space;
use hatchery_models::expression;
use hatchery_models::genome::structural_hash;
use hatchery_models::problem::Problem;
use hatchery_models::variation::{self, Habitat};
use rand_chacha::ChaCha8Rng;

/// How genomes arise.
pub trait Variation: Send + Sync + 'static {
    /// A genome by this recipe, drawn from this stream.
    ///
    /// # Errors
    /// Why none could be found, for the user.
    fn vary(&self, recipe: &Recipe, rng: &mut ChaCha8Rng) -> Result<Newborn, String>;
}

/// Fulfils an order.
///
/// # Errors
/// Why it cannot be.
pub fn breed(variation: &dyn Variation, seed: u64, order: &BreedOrder) -> Result<Newborn, String> {
    let mut rng = stream(seed, Purpose::Variation, order.birth.0, order.draw);
    variation.vary(&order.recipe, &mut rng)
}

/// Variation within a search space, for a problem, below limits.
#[derive(Clone, Debug)]
pub struct SpaceVariation {
    /// Bounds on every gene.
    pub space: Space,
    /// What goes in and comes out.
    pub problem: Problem,
    /// What a network may cost.
    pub limits: Limits,
}

impl Variation for SpaceVariation {
    fn vary(&self, recipe: &Recipe, rng: &mut ChaCha8Rng) -> Result<Newborn, String> {
        let habitat = Habitat { space: &self.space, problem: &self.problem, limits: &self.limits };
        let offspring = match recipe {
            Recipe::Random => variation::random(&habitat, rng),
            Recipe::Mutate(parent) => variation::mutate(&parent.genome, &habitat, rng),
            Recipe::Cross(one, other) => variation::crossover(&one.genome, &other.genome, &habitat, rng),
        }
        .map_err(|barren| barren.to_string())?;
        let estimate = expression::viable(&offspring.genome, &self.problem, &self.limits)
            .map_err(|reason| reason.to_string())?;
        Ok(Newborn {
            summary: offspring.genome.to_string(),
            hash: structural_hash(&offspring.genome).to_string(),
            operation: offspring.operation,
            parameters: estimate.parameters,
            multiply_adds: estimate.multiply_adds,
            genome: offspring.genome,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Individual, IndividualId};
    use crate::testing;
    use std::sync::Arc;

    fn variation() -> SpaceVariation {
        SpaceVariation {
            space: Space::default(),
            problem: testing::run_info().problem,
            limits: Limits::default(),
        }
    }

    fn individual(id: u64) -> Arc<Individual> {
        let order = BreedOrder { birth: IndividualId(id), draw: 0, recipe: Recipe::Random };
        let newborn = breed(&variation(), 1, &order).unwrap();
        Arc::new(Individual { genome: newborn.genome, hash: newborn.hash, ..testing::individual(id, &[]) })
    }

    #[test]
    fn an_order_gives_the_same_newborn_every_time_and_another_draw_another() {
        let (one, other) = (individual(1), individual(2));
        for recipe in [Recipe::Random, Recipe::Mutate(one.clone()), Recipe::Cross(one, other)] {
            let order = |draw| BreedOrder { birth: IndividualId(7), draw, recipe: recipe.clone() };
            let first = breed(&variation(), 1, &order(0)).unwrap();
            assert_eq!(first, breed(&variation(), 1, &order(0)).unwrap());
            let others = (1..5).map(|draw| breed(&variation(), 1, &order(draw)).unwrap());
            assert!(others.into_iter().any(|other| other.hash != first.hash), "{recipe:?}");
            assert!(first.parameters > 0 && first.multiply_adds > 0 && !first.summary.is_empty());
        }
    }

    #[test]
    fn a_space_without_networks_says_why() {
        let mut barren = variation();
        barren.limits.parameters = 1;
        let order = BreedOrder { birth: IndividualId(1), draw: 0, recipe: Recipe::Random };
        let message = breed(&barren, 1, &order).unwrap_err();
        assert!(message.contains("[limits]"), "{message}");
    }
}
