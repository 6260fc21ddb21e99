//! What a world is like: how many trainers it has, and how much goes wrong.

use super::super::retry::RetryPolicy;
use super::super::settings::Settings;
use super::super::stopping::StoppingRule;
use crate::protocol::Images;
use crate::testing::Drawing;
use hatchery_config::experiment::{Duration, Experiment, FinalTraining, Search};
use hatchery_config::vocabulary::EarlyStopping;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// How many trainers there are, what is to be done, and what goes wrong meanwhile.
#[derive(Clone, Debug)]
pub struct Weather {
    pub trainers: u32,
    pub evaluations: Option<u32>,
    pub time: Option<f64>,
    /// How many different genomes there are.
    pub genomes: u64,
    /// Share of trainings that take their trainer down, and that fall silent.
    pub deaths: f64,
    pub silences: f64,
    /// Share of trainings that end badly by themselves.
    pub failures: f64,
    /// Share of deliveries that come twice.
    pub echoes: f64,
    /// How often the coordinator is killed.
    pub kills: u32,
    /// Whether decisions are independent of the trainers.
    pub reproducible: bool,
}

impl Weather {
    pub fn fair(trainers: u32) -> Self {
        Self {
            trainers,
            evaluations: Some(40),
            time: None,
            genomes: 100_000,
            deaths: 0.0,
            silences: 0.0,
            failures: 0.05,
            echoes: 0.0,
            kills: 0,
            reproducible: false,
        }
    }

    pub fn drawn(rng: &mut ChaCha8Rng) -> Self {
        let budget = rng.random_range(1..40);
        let timed = rng.random_bool(0.4);
        Self {
            trainers: rng.random_range(1..9),
            evaluations: if timed && rng.random_bool(0.5) { None } else { Some(budget) },
            time: timed.then(|| rng.random_range(20.0..400.0)),
            genomes: if rng.random_bool(0.2) { rng.random_range(1..30) } else { 1_000_000 },
            deaths: if rng.random_bool(0.5) { 0.15 } else { 0.0 },
            silences: if rng.random_bool(0.3) { 0.1 } else { 0.0 },
            failures: rng.random_range(0.0..0.3),
            echoes: if rng.random_bool(0.3) { 0.3 } else { 0.0 },
            kills: if rng.random_bool(0.5) { rng.random_range(1..4) } else { 0 },
            reproducible: !timed && rng.random_bool(0.2),
        }
    }

    pub fn settings(&self, seed: u64) -> Settings {
        Settings {
            seed,
            search: Search { reproducible: self.reproducible, lag: 4, ..Search::default() },
            seeds: Vec::new(),
            evaluations: self.evaluations,
            time: self.time,
            epochs: 5,
            seconds: None,
            final_training: FinalTraining {
                epochs: 10,
                epochs_max: seed.is_multiple_of(3).then_some(25),
                ..FinalTraining::default()
            },
            trainers: self.trainers,
            images: Images { search: 800, crown: 1000, last: 1200, test: 300 },
            stopping: StoppingRule::named(if seed.is_multiple_of(5) {
                EarlyStopping::Extrapolation
            } else {
                EarlyStopping::Quartile
            }),
            retry: RetryPolicy::new(&Default::default()),
            regulariser: Some(Arc::new(drawing(seed, self))),
            claims: false,
            inherit: seed.is_multiple_of(2),
            measure_latency: seed.is_multiple_of(3),
        }
    }
}

impl Weather {
    /// Those of a run whose recorded experiment has another budget.
    pub fn settings_of(&self, seed: u64, experiment: &str) -> Settings {
        let settings = self.settings(seed);
        if !experiment.contains("[budget]") {
            return settings;
        }
        let budget = Experiment::parse(experiment, "the journal", &[]).unwrap().budget;
        Settings { evaluations: budget.evaluations, time: budget.time.map(Duration::seconds), ..settings }
    }
}

/// A world's makers.
pub const fn drawing(seed: u64, weather: &Weather) -> Drawing {
    Drawing { seed, genomes: weather.genomes, barren: 0.02 }
}
