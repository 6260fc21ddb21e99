use super::invariants::Breach;
use super::weather::Weather;
use super::world::{Break, Count, World};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Seeds of one test; there are two tests, for two cores.
const SEEDS: u64 = 2000;

fn trace(now: f64, what: &str) {
    // Past the capture of the tests' output: whoever asks for one seed wants to see it, whether it fails or not.
    let _ = writeln!(std::io::stderr(), "{now:10.4} {what}");
}

fn asked_for() -> Option<u64> {
    std::env::var("HATCHERY_SEED").ok().map(|seed| seed.parse().expect("HATCHERY_SEED is a number"))
}

fn world(seed: u64) -> World {
    World::new(seed, Weather::drawn(&mut ChaCha8Rng::seed_from_u64(seed)))
}

fn run(seed: u64, tracing: bool) -> Result<Count, String> {
    let mut world = world(seed);
    if tracing {
        trace(0.0, &format!("seed {seed}: {:?}", world.weather));
        world.tracing = Some(trace);
    }
    let run = catch_unwind(AssertUnwindSafe(|| world.run()));
    match run {
        Ok(Ok(count)) => Ok(count),
        Ok(Err(breach)) => Err(breach.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned())
        }
    }
}

/// Runs all these worlds, or the one that is asked for.
fn run_all(seeds: std::ops::Range<u64>) -> Vec<Count> {
    let mut counts = Vec::new();
    let mut failures = Vec::new();
    for seed in seeds {
        match run(seed, false) {
            Ok(count) => counts.push(count),
            Err(why) => failures.push(format!(
                "seed {seed}: {why}\n  again: HATCHERY_SEED={seed} cargo test -p hatchery-actors simulation"
            )),
        }
    }
    let all = failures.len() + counts.len();
    assert!(failures.is_empty(), "{} of {all} worlds failed\n{}", failures.len(), failures.join("\n"));
    counts
}

fn sum(counts: &[Count], of: impl Fn(&Count) -> u64) -> u64 {
    counts.iter().map(of).sum()
}

#[test]
fn a_world_of_one_seed() {
    if let Some(seed) = asked_for() {
        let outcome = run(seed, true);
        trace(0.0, &format!("{outcome:?}"));
        outcome.unwrap();
    }
}

#[test]
fn fair() {
    let mut world = World::new(1, Weather::fair(3));
    world.tracing = None;
    let outcome: Result<Count, Breach> = world.run();
    let _ = trace(0.0, &format!("{:?}", outcome));
    outcome.unwrap();
}

#[test]
fn seeds_a() {
    if asked_for().is_none() {
        let counts = run_all(0..SEEDS);
        trace(0.0, &format!("{}", sum(&counts, |count| count.completed)));
    }
}

#[test]
fn breaks() {
    let _ = [Break::AcknowledgeBeforeCommit];
}
