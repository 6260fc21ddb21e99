//! How many offspring does the Breeder make in a second, and could it ever keep trainers waiting?
//!
//! `cargo bench --bench breeding` prints one line for each preset's space and each way of breeding.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use hatchery_actors::{
    breeder::{SpaceVariation, Variation},
    protocol::{Individual, IndividualId, Newborn, Recipe},
};
use hatchery_config::{Experiment, presets::PRESETS};
use hatchery_models::problem::{Problem, Task};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{sync::Arc, time::Instant};

/// Offspring of each kind that are timed.
const OFFSPRING: u64 = 500;

fn main() {
    println!("preset          recipe     offspring/s  in vain");
    for preset in PRESETS {
        let sets = ["data.source=digits".to_owned()];
        match Experiment::load(preset.name, &sets) {
            Ok(experiment) => time_preset(&experiment),
            Err(error) => println!("{}: {error}", preset.name),
        }
    }
}

fn time_preset(experiment: &Experiment) {
    let variation = SpaceVariation {
        space: experiment.space.clone(),
        problem: problem(&experiment.name),
        limits: experiment.limits.clone(),
    };
    let mut parents: Vec<Arc<Individual>> = Vec::new();
    let random =
        time(&variation, |_| Recipe::Random, |newborn, id| parents.push(Arc::new(individual(newborn, id))));
    report(&experiment.name, "random", random);
    if parents.len() < 2 {
        return;
    }
    let parent = |index: u64| Arc::clone(&parents[index as usize % parents.len()]);
    report(&experiment.name, "mutate", time(&variation, |index| Recipe::Mutate(parent(index)), |_, _| {}));
    let cross = |index: u64| Recipe::Cross(parent(index), parent(index + 1));
    report(&experiment.name, "cross", time(&variation, cross, |_, _| {}));
}

/// Offspring a second, and how many orders could not be fulfilled.
fn time(
    variation: &SpaceVariation,
    recipe: impl Fn(u64) -> Recipe,
    mut keep: impl FnMut(Newborn, u64),
) -> (f64, u64) {
    let mut in_vain = 0;
    let began = Instant::now();
    for index in 0..OFFSPRING {
        let mut rng = ChaCha8Rng::seed_from_u64(index);
        match variation.vary(&recipe(index), &mut rng) {
            Ok(newborn) => keep(newborn, index + 1),
            Err(_) => in_vain += 1,
        }
    }
    (OFFSPRING as f64 / began.elapsed().as_secs_f64(), in_vain)
}

fn report(preset: &str, recipe: &str, (rate, in_vain): (f64, u64)) {
    println!("{preset:15} {recipe:10} {rate:11.0}  {in_vain:7}");
}

fn individual(newborn: Newborn, id: u64) -> Individual {
    Individual {
        id: IndividualId(id),
        genome: newborn.genome,
        summary: newborn.summary,
        hash: newborn.hash,
        parents: Vec::new(),
        operation: newborn.operation,
        parameters: newborn.parameters,
        multiply_adds: newborn.multiply_adds,
    }
}

/// The shapes of each preset's data.
fn problem(name: &str) -> Problem {
    let [channels, height, width, classes] = match name {
        "fashion-mnist" => [1, 28, 28, 10],
        "magic" => [10, 1, 1, 2],
        _ => [1, 8, 8, 10],
    };
    Problem { channels, height, width, multi_view: false, task: Task::Classification { classes } }
}
