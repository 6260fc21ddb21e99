//! Users who pause, resume and grant more at any moment, in any weather: nothing is handed out in a pause, no budget is
//! exceeded or forgotten, and all of it can be replayed.

use super::replayed::{replayed, whole};
use super::weather::Weather;
use super::world::World;
use crate::invariants;
use crate::journal::{End, Stage};
use crate::protocol::{Event, Wish, WorkerId};
use hatchery_config::duration::Duration;
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

fn seconds_left(world: &World) -> f64 {
    world.brain.snapshot(world.now).seconds_left.unwrap()
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
    let left = seconds_left;
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

/// A timed world that is paused at 50 s.
fn paused_in_time(time: f64) -> World {
    let weather = Weather { evaluations: None, time: Some(time), failures: 0.0, ..Weather::fair(2) };
    let mut world = World::new(4, weather);
    while world.now < 50.0 {
        world.step();
    }
    world.tell(Event::Wished(Wish::Pause));
    world
}

fn wait_until(world: &mut World, now: f64) {
    while world.now < now {
        world.step();
    }
}

#[test]
fn a_pause_is_not_shared_out_by_a_later_life() {
    let ends = |world: &World| (world.brain.timing.search_seconds_left(world.now), seconds_left(world));
    let mut world = paused_in_time(200.0);
    wait_until(&mut world, 450.0);
    world.tell(Event::Wished(Wish::Resume));
    let (search, all) = ends(&world);
    world.kill();
    let (later_search, later_all) = ends(&world);
    // What the finale does not need, the search has: that is known again when the best change.
    assert!(
        later_all == all && later_search.unwrap() > search.unwrap() - 60.0,
        "{search:?} {later_search:?}"
    );
    let planned = 200.0 * (1.0 - world.brain.settings.final_share());
    assert!((later_search.unwrap() - (planned - world.brain.timing.passed(world.now))).abs() < 1e-6);
}

#[test]
fn a_pause_counts_once_where_the_coordinator_dies_late_in_it() {
    let mut world = paused_in_time(200.0);
    let before = seconds_left(&world);
    for killed_at in [150.0, 350.0, 448.0] {
        wait_until(&mut world, killed_at);
        // A commit in the pause: what has passed of it is in the journal.
        let commit =
            [crate::journal::Entry::Evidence { worker: WorkerId(1), crashed: false, how: String::new() }];
        world.journal.commit(world.now, &commit).unwrap();
        world.kill();
        assert_eq!(seconds_left(&world), before);
    }
    world.tell(Event::Wished(Wish::Resume));
    assert!((seconds_left(&world) - before).abs() < 1e-6, "{} of {before}", seconds_left(&world));
}

#[test]
fn a_pause_in_the_finale_moves_its_end_once_where_the_coordinator_dies_in_it() {
    let weather = Weather { evaluations: None, time: Some(200.0), failures: 0.0, ..Weather::fair(2) };
    let mut world = World::new(4, weather);
    while world.brain.snapshot(world.now).stage != Stage::Crown {
        world.step();
    }
    world.tell(Event::Wished(Wish::Pause));
    let (paused, end) = (world.now, world.brain.finale.crown_end.unwrap());
    wait_until(&mut world, paused + 300.0);
    world.kill();
    world.tell(Event::Wished(Wish::Resume));
    let (stood, later) = (world.now - paused, world.brain.finale.crown_end.unwrap());
    assert!(later < end + stood + 60.0 && later > world.now, "{end} {stood} {later}");
}

#[test]
fn a_pause_of_the_longest_run_can_be_recorded() {
    let longest = Duration::SECONDS_MAX;
    let mut world = paused_in_time(longest);
    wait_until(&mut world, 60.0);
    world.tell(Event::Wished(Wish::Resume));
    let experiment = world.journal.record().unwrap().info.experiment;
    assert_eq!(world.weather.settings_of(4, &experiment).time, Some(longest));
    assert!((seconds_left(&world) - (longest - 50.0)).abs() < 1.0);
}

#[test]
fn a_run_that_fails_in_a_pause_has_not_spent_it() {
    let mut world = paused_in_time(200.0);
    let before = seconds_left(&world);
    wait_until(&mut world, 450.0);
    world.tell(Event::Broken("the disk is gone".to_owned()));
    assert!(matches!(world.brain.end(), Some(End::Failed(_))));
    world.kill();
    assert!(!is_paused(&world));
    assert!((seconds_left(&world) - before).abs() < 1.0, "{} of {before}", seconds_left(&world));
}

#[test]
fn rates_leave_out_what_nobody_did_in_a_pause() {
    let mut world = paused_in_time(200.0);
    wait_until(&mut world, 100.0);
    let before = world.brain.snapshot(world.now);
    wait_until(&mut world, 1000.0);
    let after = world.brain.snapshot(world.now);
    assert!(
        before.per_hour > 0.0 && before.per_hour == after.per_hour,
        "{} {}",
        before.per_hour,
        after.per_hour
    );
    assert!(after.utilisation > 0.9 && before.utilisation == after.utilisation, "{}", after.utilisation);
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
