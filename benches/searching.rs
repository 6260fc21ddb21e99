//! What does a question to the search cost, and does the cost stay flat as the history grows?
//!
//! `cargo bench --bench searching [-- STRATEGY ..]` prints one line for each 10,000 of 200,000 evaluations: the mean
//! cost of asking and telling once. The last half stands on 100,000 individuals of history and more.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use hatchery_actors::search::{
    StrategyName, by_name,
    domain::{Domain, Scale},
    strategy::{Ask, Context, Outcome},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use std::time::Instant;

const EVALUATIONS: u64 = 200_000;
const BLOCK: u64 = 10_000;
const LEVELS: [u8; 10] = [16, 16, 16, 16, 16, 4, 4, 4, 4, 4];

/// Five numbers and five words.
struct Cube {
    scales: Vec<Scale>,
}

fn draw(rng: &mut ChaCha8Rng, below: u8) -> u8 {
    (rng.next_u32() % u32::from(below)) as u8
}

impl Domain for Cube {
    type Point = [u8; 10];
    type Key = [u8; 10];

    fn key(&self, point: &[u8; 10]) -> [u8; 10] {
        *point
    }

    fn scales(&self) -> &[Scale] {
        &self.scales
    }

    fn features(&self, point: &[u8; 10]) -> Vec<f32> {
        let feature = |(scale, value): (&Scale, &u8)| match scale {
            Scale::Ordered => f32::from(*value) / 15.0,
            Scale::Words(_) => f32::from(*value),
        };
        self.scales.iter().zip(point).map(feature).collect()
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Option<[u8; 10]> {
        Some(LEVELS.map(|levels| draw(rng, levels)))
    }

    fn mutate(&self, point: &[u8; 10], rng: &mut ChaCha8Rng) -> Option<[u8; 10]> {
        let mut mutant = *point;
        let place = usize::from(draw(rng, 10));
        mutant[place] = draw(rng, LEVELS[place]);
        Some(mutant)
    }

    fn crossover(&self, one: &[u8; 10], other: &[u8; 10], rng: &mut ChaCha8Rng) -> Option<[u8; 10]> {
        let mut child = *one;
        for (gene, other) in child.iter_mut().zip(other) {
            if draw(rng, 2) == 0 {
                *gene = *other;
            }
        }
        Some(child)
    }

    fn neighbours(&self, point: &[u8; 10], max: usize, rng: &mut ChaCha8Rng) -> Vec<[u8; 10]> {
        (0..max).filter_map(|_| self.mutate(point, rng)).collect()
    }

    fn size(&self) -> Option<u64> {
        None
    }
}

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with("--")).collect();
    let named = if named.is_empty() { vec![StrategyName::Hatchery.name().to_owned()] } else { named };
    for name in named {
        match name.parse() {
            Ok(strategy) => time(strategy),
            Err(error) => println!("{error}"),
        }
    }
}

fn time(name: StrategyName) {
    let scales = LEVELS.map(|levels| if levels > 4 { Scale::Ordered } else { Scale::Words(4) });
    let domain = Cube { scales: scales.to_vec() };
    let mut strategy = by_name::<Cube>(name, 1);
    let mut noise = ChaCha8Rng::seed_from_u64(1);
    let mut since = Instant::now();
    println!("{}: individuals, mean ms of one ask and tell", name.name());
    for at in 0..EVALUATIONS {
        let left = Some(EVALUATIONS - at);
        let context = Context {
            evaluations_left: left,
            evaluations: Some(EVALUATIONS),
            workers: 1,
            pool: Context::POOL_USUAL,
        };
        let Ask::Evaluate(trial, point) = strategy.ask(&domain, &context) else { return };
        let distances = point.iter().enumerate().map(|(place, gene)| f64::from(*gene) - place as f64 / 2.0);
        let loss = distances.map(|distance| distance * distance).sum::<f64>()
            + f64::from(draw(&mut noise, 100)) / 100.0;
        strategy.tell(&domain, trial, &Outcome::Done(vec![loss]));
        if (at + 1) % BLOCK == 0 {
            println!("{:>7} {:.4}", at + 1, since.elapsed().as_secs_f64() * 1e3 / BLOCK as f64);
            since = Instant::now();
        }
    }
}
