//! Search strategies: who is evaluated next, and who is handed over in the end.
//!
//! Pure: `strategy` is ask and tell, `domain` is what is searched. Behind them stand `random`, `evolution` (ageing, or
//! steady state with tournament), `local`, `nsga2` (several losses), `tpe`, and Hatchery's own in `hatchery`, which
//! stands on `model`. `table`, `world` and `replay` try them on benchmark tables in simulated time.
//!
//! No clock, no actor, no network: a strategy knows what it is told.

pub mod domain;
mod draw;
pub mod evolution;
pub mod hatchery;
pub mod history;
pub mod local;
pub mod model;
pub mod nsga2;
pub mod pareto;
pub mod random;
pub mod replay;
pub mod strategy;
pub mod table;
#[cfg(test)]
mod tests;
pub mod tpe;
pub mod world;

use domain::Domain;
use strategy::Strategy;

/// Which strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrategyName {
    /// Hatchery's own.
    Hatchery,
    /// Random search.
    Random,
    /// Evolution, survival by age.
    Aging,
    /// Evolution, survival by fitness.
    Steady,
    /// Local search.
    Local,
    /// NSGA-II.
    Nsga2,
    /// Tree-structured Parzen estimators.
    Tpe,
}

/// No strategy has this name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("there is no strategy `{name}`; there are {known}")]
pub struct UnknownStrategy {
    name: String,
    known: String,
}

impl StrategyName {
    /// All strategies, the default first.
    pub const ALL: [Self; 7] =
        [Self::Hatchery, Self::Random, Self::Aging, Self::Steady, Self::Local, Self::Nsga2, Self::Tpe];

    /// As users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hatchery => "hatchery",
            Self::Random => "random",
            Self::Aging => "aging",
            Self::Steady => "steady",
            Self::Local => "local",
            Self::Nsga2 => "nsga2",
            Self::Tpe => "tpe",
        }
    }
}

impl std::str::FromStr for StrategyName {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|strategy| strategy.name() == name);
        found.ok_or_else(|| UnknownStrategy { name: name.into(), known: known() })
    }
}

/// A strategy from this seed.
pub fn by_name<D: Domain + 'static>(name: StrategyName, seed: u64) -> Box<dyn Strategy<D>> {
    match name {
        StrategyName::Hatchery => Box::new(hatchery::Hatchery::new(seed)),
        StrategyName::Random => Box::new(random::Random::new(seed)),
        StrategyName::Aging => Box::new(evolution::Evolution::new(evolution::Settings::AGING, seed)),
        StrategyName::Steady => Box::new(evolution::Evolution::new(evolution::Settings::STEADY, seed)),
        StrategyName::Local => Box::new(local::Local::new(seed)),
        StrategyName::Nsga2 => Box::new(nsga2::Nsga2::new(seed)),
        StrategyName::Tpe => Box::new(tpe::Tpe::new(seed)),
    }
}
