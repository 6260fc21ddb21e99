//! Many worlds, and a few that are broken on purpose.

use super::happening::Break;
use super::state::{Count, World};
use super::weather::{Trouble, Weather};
use crate::population::simulation::weather::Weather as Search;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One of the numbers that a world counts.
type Tally = fn(&Count) -> u64;

/// Worlds of each of the tests that run side by side.
const WORLDS: u64 = 500;

/// Of all worlds, so many are completed at least; in the others nothing that was trained has a score, or most of it
/// took its workers down.
const COMPLETED_SHARE: f64 = 0.9;

fn trace(now: f64, what: &str) {
    // Past the capture of the tests' output: whoever asks for one seed wants to see it, whether it fails or not.
    let _ = writeln!(std::io::stderr(), "{now:10.4} {what}");
}

/// The seed that is asked for, where one is.
fn asked_for() -> Option<u64> {
    std::env::var("HATCHERY_SEED").ok().map(|seed| seed.parse().expect("HATCHERY_SEED must be a number"))
}

fn world(seed: u64) -> World {
    World::new(seed, Weather::drawn(&mut ChaCha8Rng::seed_from_u64(seed)))
}

fn run(world: World) -> Result<Count, String> {
    match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(ended) => ended.map_err(|breach| breach.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned())
        }
    }
}

/// Runs all these worlds, unless one is asked for.
fn survive(seeds: Range<u64>) {
    if asked_for().is_some() {
        return;
    }
    let (mut counts, mut failures) = (Vec::new(), Vec::new());
    for seed in seeds {
        match run(world(seed)) {
            Ok(count) => counts.push(count),
            Err(why) => failures.push(format!(
                "seed {seed}: {why}\n  again: HATCHERY_SEED={seed} cargo test -p hatchery-actors simulation"
            )),
        }
    }
    let all = failures.len() + counts.len();
    assert!(failures.is_empty(), "{} of {all} worlds failed\n{}", failures.len(), failures.join("\n"));
    test_something(&counts);
}

/// That nothing was broken says something only where all that can break things has happened.
fn test_something(counts: &[Count]) {
    let sum = |of: Tally| counts.iter().map(of).sum::<u64>();
    let happened: [(&str, Tally); 38] = [
        ("letters lost", |count| count.lost),
        ("letters doubled", |count| count.doubled),
        ("letters overtaken", |count| count.overtaken),
        ("letters after the end of their line", |count| count.too_late),
        ("letters to nobody", |count| count.unsent),
        ("connections ended by the coordinator", |count| count.hung_up),
        ("connections broken", |count| count.severed),
        ("partitions", |count| count.partitions),
        ("worker crashes", |count| count.crashes),
        ("worker kills", |count| count.kills),
        ("worker hangs", |count| count.hangs),
        ("workers told to drain", |count| count.drains),
        ("workers with other slots at rest", |count| count.packings),
        ("workers drained", |count| count.drained),
        ("workers too long alone", |count| count.lonely),
        ("workers that know of the end", |count| count.finished),
        ("twins", |count| count.twins),
        ("refusals", |count| count.refused),
        ("trainers died", |count| count.trainers_died),
        ("evidence", |count| count.evidence),
        ("coordinator kills", |count| count.coordinator_kills),
        ("kills before a commit", |count| count.kills_before_commit),
        ("kills after a commit", |count| count.kills_after_commit),
        ("coordinator stalls", |count| count.stalls),
        ("outages of the journal", |count| count.outages),
        ("failed commits", |count| count.failed_commits),
        ("words not said again", |count| count.held_back),
        ("claims adopted", |count| count.claims),
        ("failures tried again", |count| count.retries),
        ("attempts lost", |count| count.losses),
        ("attempts abandoned", |count| count.abandoned),
        ("results superseded", |count| count.superseded),
        ("checkpoints fetched", |count| count.checkpoints),
        ("trainings resumed from one", |count| count.resumed),
        ("trainings with inherited weights", |count| count.inherited),
        ("weights fetched", |count| count.weights),
        ("data sets fetched", |count| count.data),
        ("connections", |count| count.connections),
    ];
    for (what, of) in happened {
        assert!(sum(of) > 0, "{what}: none in {} worlds", counts.len());
    }
    let completed = sum(|count| count.completed) as f64;
    assert!(completed > counts.len() as f64 * COMPLETED_SHARE, "only {completed} worlds were completed");
}

#[test]
fn every_weather_is_survived_first_part() {
    survive(0..WORLDS);
}

#[test]
fn every_weather_is_survived_second_part() {
    survive(WORLDS..2 * WORLDS);
}

#[test]
fn every_weather_is_survived_third_part() {
    survive(2 * WORLDS..3 * WORLDS);
}

#[test]
fn every_weather_is_survived_fourth_part() {
    survive(3 * WORLDS..4 * WORLDS);
}

#[test]
fn a_seed_that_is_asked_for_is_run_alone() {
    if let Some(seed) = asked_for() {
        let mut world = world(seed);
        trace(0.0, &format!("seed {seed}: {:?}", world.weather));
        world.tracing = Some(trace);
        let ended = run(world);
        trace(0.0, &format!("{ended:?}"));
        assert!(ended.is_ok(), "{ended:?}");
    }
}

#[test]
fn in_fair_weather_nothing_is_lost_and_nobody_is_given_up() {
    for workers in [1, 3, 8] {
        let count = World::new(1, Weather::fair(workers)).run().unwrap();
        assert_eq!((count.completed, count.connections), (1, workers as u64));
        assert_eq!((count.claims, count.losses, count.hung_up, count.superseded), (0, 0, 0, 0));
        assert_eq!((count.finished, count.data), (workers as u64, workers as u64));
    }
}

#[test]
fn what_heaps_up_while_the_journal_cannot_be_written_does_not_grow_with_time() {
    let heaped_up = |seconds: f64| {
        let mut world = World::new(1, Weather::fair(4));
        world.run_until(10.0);
        world.outage = world.now + seconds;
        let count = world.run().unwrap();
        assert!(count.completed == 1 && count.losses == 0 && count.held_back > 0, "{count:?}");
        count.mail_max
    };
    let (short, long) = (heaped_up(200.0), heaped_up(2000.0));
    assert!(long <= short + short / 10, "{short} words in 200 s, {long} in 2000 s");
}

#[test]
fn the_same_seed_makes_the_same_world() {
    for seed in [3, 4, 5] {
        let one = format!("{:?}", run(world(seed)));
        assert_eq!(one, format!("{:?}", run(world(seed))));
    }
}

/// Workers drain for so many seconds, nothing else: what is broken in such a world was broken on purpose.
fn with_drains(seed: u64, clears_at: f64) -> World {
    let weather = Weather {
        troubles: vec![Trouble::Drain],
        trouble_seconds: 6.0,
        clears_at,
        grace: 4.0,
        search: Search { evaluations: Some(60), ..Weather::fair(2).search },
        ..Weather::fair(2)
    };
    World::new(seed, weather)
}

#[test]
fn the_invariants_see_what_is_broken() {
    let cases = [
        (Break::AcknowledgeBeforeCommit, "C1"),
        (Break::RecordTwice, "C2"),
        (Break::ForgetKept, "C3"),
        (Break::BeginTwice, "C4"),
        (Break::KeepEverything, "C5"),
        (Break::OrderTheDraining, "C6"),
        (Break::FreeTooEarly, "C7"),
        (Break::DamageState, "C8"),
        (Break::BreedNothing, "C9"),
        (Break::RecordNothing, "C10"),
    ];
    for (broken, id) in cases {
        // What grows needs workers that stay.
        let clears_at = if broken == Break::KeepEverything { 20.0 } else { 500.0 };
        let see = |seed| World { broken: Some(broken), ..with_drains(seed, clears_at) }.run().err();
        let seen = (0..20).find_map(see).map(|breach| breach.id);
        assert_eq!(seen, Some(id), "{broken:?}");
    }
    for seed in 0..20 {
        with_drains(seed, 500.0).run().unwrap();
    }
}
