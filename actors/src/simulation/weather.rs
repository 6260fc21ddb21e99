//! What a world is like: how many workers of how many slots, and what goes wrong how often.

use crate::population::retry::RetryPolicy;
use crate::population::settings::Settings;
use crate::population::simulation::weather::Weather as Search;
use hatchery_config::experiment::Retry;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What can go wrong at any moment, beside what a training does to its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A worker process breaks down by itself.
    Crash,
    /// A worker process is killed from outside.
    Kill,
    /// A worker process is stopped for a while, and goes on.
    Hang,
    /// A worker process is told to end.
    Drain,
    /// A second process of a worker's name is started while the first lives.
    Twin,
    /// A connection breaks.
    Sever,
    /// A worker's host cannot be reached for a while.
    Partition,
    /// The coordinator is killed.
    KillCoordinator,
    /// The coordinator is stopped for a while, and goes on.
    StallCoordinator,
    /// The journal cannot be written for a while.
    Outage,
}

const TROUBLES: [Trouble; 10] = [
    Trouble::Crash,
    Trouble::Kill,
    Trouble::Hang,
    Trouble::Drain,
    Trouble::Twin,
    Trouble::Sever,
    Trouble::Partition,
    Trouble::KillCoordinator,
    Trouble::StallCoordinator,
    Trouble::Outage,
];

/// What a world is like.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The search: its budget, its time, how many genomes there are, and how many trainings end badly by themselves.
    pub search: Search,
    /// Slots of each worker.
    pub slots: Vec<u32>,
    /// Share of a process's ticks at which other slots of it rest.
    pub fickle: f64,
    /// Trainings take this many times as long as usual.
    pub slowness: f64,
    /// Share of letters that are lost, ..
    pub losses: f64,
    /// .. that come twice, ..
    pub doubles: f64,
    /// .. and that are overtaken.
    pub detours: f64,
    /// Seconds that a letter takes, at most.
    pub delay_max: f64,
    /// What goes wrong, ..
    pub troubles: Vec<Trouble>,
    /// .. in the mean after so many seconds, ..
    pub trouble_seconds: f64,
    /// .. until the sky clears.
    pub clears_at: f64,
    /// Share of trainings whose trainer dies, and whose process breaks down.
    pub trainer_deaths: f64,
    pub crashes: f64,
    /// Share of commits before or after which the coordinator is killed, until the sky clears.
    pub fatal_commits: f64,
    /// Share of blobs of more than one piece.
    pub large: f64,
    /// Whether workers fetch the data set.
    pub data: bool,
    /// How often a failure that a worker reports is tried again.
    pub retries: u32,
    /// Seconds that a draining worker has, and that it goes on alone.
    pub grace: f64,
    pub lonely: f64,
}

impl Weather {
    /// Nothing goes wrong.
    pub fn fair(workers: usize) -> Self {
        let slots = vec![2; workers];
        let trainers = slots.iter().sum();
        Self {
            search: Search { evaluations: Some(20), failures: 0.0, ..Search::fair(trainers) },
            slots,
            fickle: 0.0,
            slowness: 1.0,
            losses: 0.0,
            doubles: 0.0,
            detours: 0.0,
            delay_max: 0.02,
            troubles: Vec::new(),
            trouble_seconds: 1.0,
            clears_at: 0.0,
            trainer_deaths: 0.0,
            crashes: 0.0,
            fatal_commits: 0.0,
            large: 0.2,
            data: true,
            retries: 0,
            grace: 20.0,
            lonely: 120.0,
        }
    }

    pub fn drawn(rng: &mut ChaCha8Rng) -> Self {
        let workers = rng.random_range(1..=8);
        let slots: Vec<u32> = (0..workers).map(|_| rng.random_range(1..=3)).collect();
        let trainers: u32 = slots.iter().sum();
        let timed = rng.random_bool(0.2);
        let budget = rng.random_range(3..12 + trainers);
        let chance = |rng: &mut ChaCha8Rng, often: f64, most: f64| {
            if rng.random_bool(often) { rng.random_range(0.0..most) } else { 0.0 }
        };
        // Some posts keep what the link promises; others are as bad as the letters are made for.
        let wild = rng.random_bool(0.5);
        let bad = if wild { 1.0 } else { 0.0 };
        let mut troubles = TROUBLES.to_vec();
        troubles.retain(|_| rng.random_bool(0.5));
        Self {
            search: Search {
                evaluations: if timed && rng.random_bool(0.5) { None } else { Some(budget) },
                time: timed.then(|| rng.random_range(60.0..400.0)),
                genomes: 1_000_000,
                failures: rng.random_range(0.0..0.2),
                ..Search::fair(trainers)
            },
            slots,
            fickle: chance(rng, 0.3, 0.3),
            slowness: [0.3, 1.0, 1.0, 4.0][rng.random_range(0..4)],
            losses: bad * chance(rng, 0.7, 0.2),
            doubles: bad * chance(rng, 0.7, 0.2),
            detours: bad * chance(rng, 0.7, 0.2),
            delay_max: [0.005, 0.05, 1.0][rng.random_range(0..3)],
            troubles,
            trouble_seconds: rng.random_range(3.0..40.0),
            clears_at: rng.random_range(0.0..400.0),
            trainer_deaths: chance(rng, 0.3, 0.1),
            crashes: chance(rng, 0.3, 0.15),
            fatal_commits: chance(rng, 0.3, 0.04),
            large: if rng.random_bool(0.3) { 0.3 } else { 0.02 },
            data: rng.random_bool(0.2),
            retries: if rng.random_bool(0.4) { rng.random_range(1..=2) } else { 0 },
            grace: rng.random_range(2.0..25.0),
            lonely: rng.random_range(20.0..150.0),
        }
    }

    pub fn settings(&self, seed: u64) -> Settings {
        let often = self.retries;
        let retry = Retry { out_of_memory: often, timed_out: often, failed: often, ..Retry::default() };
        Settings { claims: true, retry: RetryPolicy::new(&retry), ..self.search.settings(seed) }
    }
}
