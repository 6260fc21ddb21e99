//! How many networks do Breeder and Refiner make in a second, and could they ever keep trainers waiting?
//!
//! `cargo bench --bench breeding` prints one line for each preset's space and each maker, with results made up from
//! the networks' sizes.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use hatchery_actors::{
    makers::{Makers, Making, SearchingMakers},
    protocol::{BreedOrder, Individual, IndividualId, Maker, Newborn, News, Verdict},
};
use hatchery_config::{Experiment, presets::PRESETS, vocabulary::SearchStrategy};
use hatchery_models::problem::{Problem, Task};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Networks that each maker makes.
const NETWORKS: u64 = 300;

/// Of these so many come first, by the Breeder: something has to be known.
const FIRST: u64 = 20;

fn main() {
    println!("preset          maker                 networks/s  median ms  in vain");
    for preset in PRESETS {
        let sets = ["data.source=digits".to_owned()];
        match Experiment::load(preset.name, &sets) {
            Ok(experiment) => time_preset(&experiment),
            Err(error) => println!("{}: {error}", preset.name),
        }
    }
}

fn time_preset(experiment: &Experiment) {
    for strategy in [SearchStrategy::Random, SearchStrategy::Aging, SearchStrategy::Hatchery] {
        let mut experiment = experiment.clone();
        experiment.search.strategy = strategy;
        time(&format!("breeder, {strategy}"), &experiment, Maker::Breeder);
    }
    time("refiner", experiment, Maker::Refiner);
}

/// Times a maker that hears of everything that is made.
fn time(label: &str, experiment: &Experiment, maker: Maker) {
    let makers = SearchingMakers::of(experiment, problem(&experiment.name));
    let mut minds = [makers.mind(Maker::Breeder), makers.mind(maker)];
    let (mut times, mut in_vain) = (Vec::new(), 0);
    for birth in 1..=NETWORKS {
        let timed = usize::from(birth > FIRST);
        let order = BreedOrder {
            birth: IndividualId(birth),
            draw: 0,
            maker: [Maker::Breeder, maker][timed],
            expected: None,
        };
        let began = Instant::now();
        let made = minds[timed].make(&order);
        times.extend((timed == 1).then(|| began.elapsed()));
        match made {
            Ok(newborn) => tell(&mut minds, &individual(newborn, birth, order.maker)),
            Err(_) => in_vain += 1,
        }
    }
    report(&experiment.name, label, times, in_vain);
}

fn tell(minds: &mut [Box<dyn Making>], individual: &Arc<Individual>) {
    let loss = (individual.parameters as f64).log10() / 10.0 + individual.genome.training.learning_rate;
    for mind in minds {
        mind.hear(&News::Born(Arc::clone(individual)));
        mind.hear(&News::Ended(individual.id, Verdict::Judged(vec![loss])));
    }
}

fn report(preset: &str, label: &str, mut times: Vec<Duration>, in_vain: u64) {
    times.sort();
    let all: f64 = times.iter().map(Duration::as_secs_f64).sum();
    let median = times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    println!("{preset:15} {label:20} {:11.0} {median:10.2} {in_vain:8}", times.len() as f64 / all);
}

fn individual(newborn: Newborn, id: u64, maker: Maker) -> Arc<Individual> {
    Arc::new(Individual {
        id: IndividualId(id),
        genome: newborn.genome,
        summary: newborn.summary,
        hash: newborn.hash,
        parents: newborn.parents,
        operation: newborn.operation,
        maker,
        parameters: newborn.parameters,
        multiply_adds: newborn.multiply_adds,
    })
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
