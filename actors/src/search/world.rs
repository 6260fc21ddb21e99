//! A simulated world in which a strategy is tried: workers, training times, results out of a table. No clock: time
//! is simulated.
//!
//! Training times are independent draws of a log-normal distribution with median 1 and sigma 0.5 (mean 1.13; one in
//! a hundred takes more than 3.2). An evaluation's result is known when it has ended, not before; whoever becomes
//! free asks at once.

use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use super::table::{Results, Table};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Spread of the logarithm of training times.
pub const TIME_SIGMA: f64 = 0.5;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Game<'a> {
    /// Where.
    pub table: &'a Table,
    /// What is looked at.
    pub objective: &'a Results,
    /// Evaluations that may be started.
    pub evaluations: u64,
    /// Evaluations side by side.
    pub workers: u32,
}

/// How a game ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Played {
    /// The row that is handed over; `None` where nothing was evaluated.
    pub row: Option<u32>,
    /// Evaluations that were started.
    pub evaluations: u64,
    /// When the last of them ended.
    pub time: f64,
}

/// An evaluation under way, by the order in which they end.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    end: f64,
    trial: TrialId,
    loss: f64,
}

impl Eq for Run {}

impl PartialOrd for Run {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Run {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.end.total_cmp(&other.end).then(self.trial.cmp(&other.trial))
    }
}

/// Plays a strategy to the end of its budget. What the world draws is told by `seed`.
pub fn play(game: &Game<'_>, strategy: &mut dyn Strategy<Table>, seed: u64) -> Played {
    let mut world = World {
        game: *game,
        rng: world_stream(seed),
        running: BinaryHeap::new(),
        rows: HashMap::new(),
        started: 0,
        time: 0.0,
    };
    world.fill(strategy);
    while let Some(Reverse(run)) = world.running.pop() {
        world.time = run.end;
        strategy.tell(game.table, run.trial, &Outcome::Done(vec![run.loss]));
        world.fill(strategy);
    }
    let row = strategy.incumbent(game.table).and_then(|trial| world.rows.get(&trial).copied());
    Played { row, evaluations: world.started, time: world.time }
}

struct World<'a> {
    game: Game<'a>,
    rng: ChaCha8Rng,
    running: BinaryHeap<Reverse<Run>>,
    rows: HashMap<TrialId, u32>,
    started: u64,
    time: f64,
}

impl World<'_> {
    /// Gives every free worker something to do.
    fn fill(&mut self, strategy: &mut dyn Strategy<Table>) {
        while self.running.len() < self.game.workers as usize && self.started < self.game.evaluations {
            let context = Context {
                evaluations_left: Some(self.game.evaluations - self.started),
                evaluations: Some(self.game.evaluations),
                workers: self.game.workers,
                pool: Context::POOL_USUAL,
            };
            let Ask::Evaluate(trial, row) = strategy.ask(self.game.table, &context) else { return };
            self.start(trial, row);
        }
    }

    fn start(&mut self, trial: TrialId, row: u32) {
        self.started += 1;
        self.rows.insert(trial, row);
        let column = self.rng.random_range(0..self.game.objective.columns());
        let duration = (TIME_SIGMA * normal(&mut self.rng)).exp();
        let loss = self.game.objective.loss(row, column);
        self.running.push(Reverse(Run { end: self.time + duration, trial, loss }));
    }
}

/// The world's own stream, apart from those that a strategy draws from the same seed.
fn world_stream(seed: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::MAX);
    rng
}

/// A draw of the standard normal distribution (Box and Muller, 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
