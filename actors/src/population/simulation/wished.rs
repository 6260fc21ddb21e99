//! Users who pause, resume and grant more at any moment, in any weather: nothing is handed out in a pause, no budget is
//! exceeded or forgotten, and all of it can be replayed.

use super::replayed::{replayed, whole};
use super::weather::Weather;
use super::world::World;
use crate::invariants;
use crate::journal::{End, Stage};
use crate::protocol::{Event, Wish};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEPS_MAX: usize = 100_000;
/// Wishes of one world: who grants more without an end has a search without one.
const WISHES_MAX: u32 = 12;
/// Worlds with wishes.
const WORLDS: u64 = 120;

/// A wish that a user may have.
fn drawn(rng: &mut ChaCha8Rng, paused: bool) -> Wish {
    match rng.random_range(0..4) {
        _ if paused => Wish::Resume,
        0 => Wish::Budget { evaluations: Some(rng.random_range(1..10)), seconds: None },
        1 => Wish::Budget { evaluations: None, seconds: Some(rng.random_range(1.0..60.0)) },
        2 => Wish::Budget { evaluations: Some(3), seconds: Some(30.0) },
        _ => Wish::Pause,
    }
}

/// A world to its end, with wishes on the way; how often it was paused, and how often it was granted more.
fn lived(seed: u64, weather: Weather) -> (World, u32, u32) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x715);
    let mut world = World::new(seed, weather);
    let (mut pauses, mut grants) = (0, 0);
    for _ in 0..STEPS_MAX {
        if world.brain.end().is_some() {
            return (world, pauses, grants);
        }
        let (life, paused, leased) = (world.life, is_paused(&world), world.leased.len());
        world.step();
        invariants::enforce(&world.brain.view());
        if world.life == life && paused {
            assert_eq!(world.leased.len(), leased, "seed {seed}: handed out in a pause");
        }
        let is_content = !paused && pauses + grants >= WISHES_MAX;
        if rng.random_bool(if paused { 0.1 } else { 0.02 }) && !is_content {
            let wish = drawn(&mut rng, is_paused(&world));
            let objection = world.brain.objection(wish);
            world.tell(Event::Wished(wish));
            if objection.is_none() {
                pauses += u32::from(wish == Wish::Pause);
                grants += u32::from(matches!(wish, Wish::Budget { .. }));
            }
        }
    }
    panic!("seed {seed}: the search got stuck");
}

fn is_paused(world: &World) -> bool {
    world.brain.snapshot(world.now).paused.is_some()
}

#[test]
fn wishes_are_fulfilled_in_any_weather_and_can_be_replayed() {
    let (mut pauses, mut grants, mut lives) = (0, 0, 0_u32);
    for seed in 0..WORLDS {
        let weather = Weather::drawn(&mut ChaCha8Rng::seed_from_u64(seed));
        let (world, paused, granted) = lived(seed, weather);
        (pauses, grants) = (pauses + paused, grants + granted);
        let record = world.journal.record().unwrap();
        let budget = world.weather.settings_of(seed, &record.info.experiment).evaluations;
        let counted = world.brain.snapshot(world.now).evaluations;
        assert!(budget.is_none_or(|budget| counted <= budget), "seed {seed}: {counted} of {budget:?}");
        let report = replayed(&world, &whole(&world));
        assert!(report.is_identical(), "seed {seed}: {:#?}", report.differences);
        lives += report.lives;
    }
    let some_were_killed = u64::from(lives) > WORLDS;
    assert!(
        pauses > 50 && grants > 50 && some_were_killed,
        "{pauses} pauses, {grants} grants, {lives} lives"
    );
}

#[test]
fn what_is_granted_is_used_and_survives_the_coordinator() {
    let mut world = World::new(9, Weather { evaluations: Some(10), failures: 0.0, ..Weather::fair(2) });
    while world.brain.snapshot(world.now).evaluations < 5 {
        world.step();
    }
    world.tell(Event::Wished(Wish::Budget { evaluations: Some(7), seconds: None }));
    world.kill();
    let (brain, _, world) = world.run();
    assert_eq!(brain.end(), Some(&End::Completed));
    assert_eq!(brain.snapshot(world.now).evaluations, 17);
}

#[test]
fn a_pause_survives_the_coordinator_and_costs_no_time() {
    let weather = Weather { evaluations: None, time: Some(200.0), failures: 0.0, ..Weather::fair(2) };
    let mut world = World::new(4, weather);
    while world.now < 50.0 {
        world.step();
    }
    let left = |world: &World| world.brain.snapshot(world.now).seconds_left.unwrap();
    let before = left(&world);
    world.tell(Event::Wished(Wish::Pause));
    while world.now < 100.0 {
        world.step();
    }
    world.kill();
    assert!(is_paused(&world), "a coordinator that was killed stays paused");
    while world.now < 550.0 {
        world.step();
    }
    assert!((left(&world) - before).abs() < 6.0, "{} of {before}", left(&world));
    let evaluations = world.brain.snapshot(world.now).evaluations;
    world.tell(Event::Wished(Wish::Resume));
    assert!((left(&world) - before).abs() < 6.0);
    let (brain, _, world) = world.run();
    assert_eq!(brain.end(), Some(&End::Completed));
    assert!(brain.snapshot(world.now).evaluations > evaluations, "the search went on");
    assert!(world.now > 600.0 && world.now < 720.0, "{}", world.now);
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let mut world = World::new(1, Weather { evaluations: Some(4), failures: 0.0, ..Weather::fair(2) });
    let says = |world: &World, wish| world.brain.objection(wish).unwrap_or_default();
    assert!(says(&world, Wish::Resume).contains("not paused"));
    assert!(
        says(&world, Wish::Budget { evaluations: None, seconds: Some(1.0) }).contains("no limit of time")
    );
    let too_much = Wish::Budget { evaluations: Some(u32::MAX), seconds: None };
    assert!(says(&world, too_much).contains("more than a search"));
    while world.brain.snapshot(world.now).stage == Stage::Search {
        world.step();
    }
    assert!(says(&world, Wish::Budget { evaluations: Some(1), seconds: None }).contains("search is over"));
    assert_eq!(says(&world, Wish::Pause), "");
}

#[test]
fn a_run_that_is_stopped_in_a_pause_goes_on_when_it_is_resumed() {
    let mut world = World::new(6, Weather::fair(2));
    while world.brain.snapshot(world.now).evaluations < 5 {
        world.step();
    }
    world.tell(Event::Wished(Wish::Pause));
    world.tell(Event::Stop);
    assert_eq!(world.brain.end(), Some(&End::Interrupted));
    world.kill();
    assert!(!is_paused(&world));
    let (brain, _, _) = world.run();
    assert_eq!(brain.end(), Some(&End::Completed));
}
