//! Which makers a run has: minds made from what the experiment says.

use super::Making;
use super::genomes::{Genomes, Home};
use super::searcher::{Searcher, Task};
use crate::protocol::{Individual, Maker, Newborn};
use crate::search::evolution::{Evolution, Settings};
use crate::search::hatchery::Hatchery;
use crate::search::local::Local;
use crate::search::nsga2::Nsga2;
use crate::search::random::Random;
use crate::search::strategy::Strategy;
use crate::search::tpe::Tpe;
use crate::streams::{Purpose, seed_for};
use hatchery_config::experiment::{Experiment, Search};
use hatchery_config::vocabulary::SearchStrategy;
use hatchery_models::problem::Problem;
use std::fmt::Debug;
use std::sync::Arc;

/// Where a run's makers come from.
pub trait Makers: Debug + Send + Sync + 'static {
    /// A maker that knows nothing yet.
    fn mind(&self, maker: Maker) -> Box<dyn Making>;

    /// A network with so many steps more of regularisation, for the comparison at full length: the Refiner's word there.
    /// It depends on nothing but the network. `None` where there is no more.
    fn regularised(&self, individual: &Individual, steps: u32) -> Option<Newborn>;
}

/// Makers that search a space.
#[derive(Clone, Debug)]
pub struct SearchingMakers {
    /// Where networks live.
    pub home: Arc<Home>,
    /// How they are searched.
    pub search: Search,
    /// The one seed.
    pub seed: u64,
    /// Evaluations of the whole run, where they are counted.
    pub evaluations: Option<u32>,
}

impl SearchingMakers {
    /// The makers of an experiment.
    pub fn of(experiment: &Experiment, problem: Problem) -> Self {
        let (space, limits) = (experiment.space.clone(), experiment.limits.clone());
        Self {
            home: Arc::new(Home { space, problem, limits }),
            search: experiment.search.clone(),
            seed: experiment.seed,
            evaluations: experiment.budget.evaluations,
        }
    }

    fn strategy(&self, maker: Maker) -> Box<dyn Strategy<Genomes> + Send> {
        let seed = seed_for(self.seed, Purpose::Selection, maker as u64);
        if maker == Maker::Refiner {
            return Box::new(Hatchery::without_repeats(seed));
        }
        match self.search.strategy {
            SearchStrategy::Hatchery => Box::new(Hatchery::without_repeats(seed)),
            SearchStrategy::Random => Box::new(Random::new(seed)),
            SearchStrategy::Aging => Box::new(Evolution::new(self.evolution(Settings::AGING), seed)),
            SearchStrategy::Steady => Box::new(Evolution::new(self.evolution(Settings::STEADY), seed)),
            SearchStrategy::Local => Box::new(Local::new(seed)),
            SearchStrategy::Nsga2 => Box::new(Nsga2::new(seed)),
            SearchStrategy::Tpe => Box::new(Tpe::new(seed)),
        }
    }

    fn evolution(&self, common: Settings) -> Settings {
        let whole = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Settings {
            population: whole(self.search.population),
            tournament: whole(self.search.tournament),
            crossover: self.search.crossover,
            ..common
        }
    }
}

impl Makers for SearchingMakers {
    fn mind(&self, maker: Maker) -> Box<dyn Making> {
        let strategy = self.strategy(maker);
        let task = Task { evaluations: self.evaluations, textbook: self.search.textbook };
        Box::new(Searcher::new(maker, Arc::clone(&self.home), strategy, task))
    }

    fn regularised(&self, individual: &Individual, steps: u32) -> Option<Newborn> {
        self.home.regularised(&individual.genome, individual.id, steps).map(|candidate| candidate.newborn())
    }
}
