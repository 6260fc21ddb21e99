//! Search strategies.
pub mod domain;
mod draw;
pub mod evolution;
pub mod hatchery;
pub mod history;
pub mod local;
pub mod model;
pub mod random;
pub mod strategy;
pub mod table;
pub mod world;

use domain::Domain;
use strategy::Strategy;

/// A strategy by its name.
pub fn by_name<D: Domain + 'static>(name: &str, seed: u64) -> Option<Box<dyn Strategy<D>>> {
    Some(match name {
        "hatchery" => Box::new(hatchery::Hatchery::new(seed)),
        "random" => Box::new(random::Random::new(seed)),
        "aging" => Box::new(evolution::Evolution::new(evolution::Settings::AGING, seed)),
        "steady" => Box::new(evolution::Evolution::new(evolution::Settings::STEADY, seed)),
        "local" => Box::new(local::Local::new(seed)),
        _ => return None,
    })
}
