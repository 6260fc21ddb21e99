//! The whole search under a virtual clock: trainers of random speed that crash, fall silent, deliver twice or late;
//! a Breeder that finds duplicates; a coordinator that is killed at any moment and goes on from its journal. One seed
//! makes one world; the invariants are checked after every event.

mod finalists;
mod lost;
mod replayed;
pub mod weather;
mod wished;
pub mod world;

use super::effect::Effect;
use super::state::Brain;
use crate::invariants;
use crate::journal::{End, EvaluationRecord, EvaluationState, Pauses, RunRecord};
use crate::protocol::{
    Delivery, EvaluationId, Event, LeaseKind, Maker, Newborn, Ticket, TrainerId, WeightsPlace, WorkerId,
    nothing_trained,
};
use crate::testing;
use hatchery_models::training::outcome::{Outcome, Weights};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use weather::Weather;
use world::World;

/// Whether it has a score that no other network of at most its size reaches; of equals, the eldest has it.
fn is_champion(one: &EvaluationRecord, all: &[&EvaluationRecord]) -> bool {
    let key = |of: &EvaluationRecord| of.score.filter(|_| of.has_fitness());
    let Some(score) = key(one) else { return false };
    let (size, id) = (one.individual.parameters, one.individual.id);
    all.iter().all(|other| {
        let (other_size, other_id) = (other.individual.parameters, other.individual.id);
        key(other).is_none_or(|other| {
            other < score || other_size > size || (other == score && other_size == size && other_id >= id)
        })
    })
}

/// What must be true of every world's end.
fn judge(brain: &Brain, record: &RunRecord, world: &World) {
    let (seed, weather) = (world.seed, &world.weather);
    let search: Vec<_> = record.evaluations.iter().filter(|e| e.kind == LeaseKind::Search).collect();
    let done = search.iter().filter(|e| e.state == EvaluationState::Finished).count();
    assert_eq!(done as u32, brain.snapshot(world.now).evaluations, "seed {seed}");
    assert!(weather.evaluations.is_none_or(|budget| done <= budget as usize), "seed {seed}: budget exceeded");
    assert!(!world.handed_out_after_search, "seed {seed}: a search training was begun after the search");
    let running: Vec<_> = record.evaluations.iter().filter(|e| e.state == EvaluationState::Running).collect();
    assert!(running.is_empty(), "seed {seed}: {:?} with {} still running", brain.end(), running.len());
    for champion in search.iter().filter(|one| is_champion(one, &search)) {
        assert!(champion.has_weights, "seed {seed}: {:?} is on the front, without weights", champion.id);
    }
    let tests = record.evaluations.iter().filter(|e| e.kind == LeaseKind::Test && e.score.is_some()).count();
    match brain.end().unwrap() {
        End::Completed => {
            let last = record.final_result.as_ref().unwrap();
            assert!(last.test_score.is_some());
            assert_eq!(tests, 1, "seed {seed}: tested {tests} times");
            assert!(
                record.evaluations.iter().any(|e| e.id == last.evaluation && e.has_weights),
                "seed {seed}"
            );
            if weather.time.is_none() && weather.genomes > 1000 {
                assert_eq!(Some(done as u32), weather.evaluations, "seed {seed}: the budget is used up");
            }
        }
        End::Failed(message) => {
            let why = ["none of", "crashed", "the time was over", "no network", "the test of", "no weights"];
            assert!(why.iter().any(|why| message.contains(why)), "seed {seed}: {message}");
        }
        End::Interrupted => panic!("seed {seed}: nobody interrupted"),
    }
}

#[test]
fn every_weather_is_survived() {
    let mut completed = 0;
    let mut deaths = 0;
    for seed in 0..300 {
        let weather = Weather::drawn(&mut ChaCha8Rng::seed_from_u64(seed));
        let (brain, record, world) = World::new(seed, weather).run();
        judge(&brain, &record, &world);
        completed += u32::from(*brain.end().unwrap() == End::Completed);
        deaths += world.deaths;
    }
    // A winner's test fails by itself in up to three of ten worlds.
    assert!(completed > 225, "only {completed} of 300 worlds were completed");
    assert!(deaths > 300, "only {deaths} trainers died: the test tests little");
}

#[test]
fn trainers_are_kept_busy() {
    for seed in 0..8 {
        for trainers in [1, 2, 8] {
            let weather = Weather { evaluations: Some(trainers * 40), ..Weather::fair(trainers) };
            let (brain, record, world) = World::new(seed, weather).run();
            judge(&brain, &record, &world);
            let utilisation = brain.snapshot(world.now).utilisation;
            assert!(utilisation > 0.9, "seed {seed}, {trainers} trainers: {utilisation}");
        }
    }
}

#[test]
fn a_timed_run_ends_in_time_with_a_retrained_winner() {
    let mut handed_over_as_they_are = Vec::new();
    for seed in 0..30 {
        let weather = Weather { evaluations: None, time: Some(300.0), failures: 0.0, ..Weather::fair(2) };
        let (brain, record, world) = World::new(seed, weather).run();
        judge(&brain, &record, &world);
        assert!(world.now <= 300.0 * 1.01, "seed {seed}: took {} s", world.now);
        assert!(world.now > 190.0, "seed {seed}: took only {} s", world.now);
        if !record.final_result.unwrap().retrained {
            handed_over_as_they_are.push(seed);
        }
    }
    // Where the best is found at the last moment and trains for longer than those before it, there may be no time left.
    assert!(handed_over_as_they_are.len() <= 1, "{handed_over_as_they_are:?}");
}

#[test]
fn a_final_training_in_a_timed_run_comes_to_its_planned_end() {
    let (mut shortened, mut called_off) = (0, 0);
    for seed in 0..40 {
        let weather = Weather { evaluations: None, time: Some(40.0), failures: 0.0, ..Weather::fair(2) };
        let (_, record, _) = World::new(seed, weather).run();
        for last in record.evaluations.iter().filter(|e| e.kind == LeaseKind::Final) {
            // One that sees fewer samples than the search's trainings (5 epochs of 800; its own has 1200) is called off.
            if last.epochs < 4 {
                assert_eq!(last.outcome, Some(Outcome::Stopped), "seed {seed}");
                assert_ne!(record.final_result.as_ref().unwrap().evaluation, last.id, "seed {seed}");
                called_off += 1;
                continue;
            }
            assert_eq!(last.outcome, Some(Outcome::Completed), "seed {seed}");
            assert_eq!(
                last.epochs as usize,
                last.curve.len(),
                "seed {seed}: the recorded plan is the real one"
            );
            shortened += u32::from(last.epochs < 10);
        }
    }
    assert!(shortened > 0 && called_off > 0, "no world was short of time: the test tests little");
}

#[test]
fn few_trainings_are_cut_off_by_the_end_of_the_search() {
    let (mut cut, mut all) = (0, 0);
    for seed in 0..30 {
        let weather = Weather { evaluations: None, time: Some(300.0), failures: 0.0, ..Weather::fair(8) };
        let (_, record, _) = World::new(seed, weather).run();
        let search = record.evaluations.iter().filter(|e| e.kind == LeaseKind::Search);
        let ended: Vec<_> = search.filter_map(|e| e.outcome).collect();
        cut += ended.iter().filter(|outcome| **outcome == Outcome::TimedOut).count();
        all += ended.len();
    }
    // Eight trainers could each have one cut per world.
    assert!(cut * 3 < 30 * 8, "{cut} of {all} were cut");
}

/// A search with one trainer that waits and 20 s left, in which networks of 1000 multiply-adds take 10 s.
fn short_of_time() -> Brain {
    let weather = Weather { evaluations: None, time: Some(100.0), ..Weather::fair(1) };
    let mut brain = Brain::new(weather.settings(1));
    brain.timing.learn(1000, 10.0);
    brain.on_event(Event::Joined(WorkerId(1), testing::worker_facts("node")), 50.0);
    brain.on_event(Event::Ready(TrainerId { worker: WorkerId(1), slot: 0 }, None), 50.0);
    brain
}

/// The Breeder's answer to the one order under way.
fn bred(brain: &Brain, multiply_adds: u64) -> Event {
    let order = brain.orders().remove(0);
    let newborn = Newborn {
        parents: Vec::new(),
        genome: testing::genome(order.birth.0).into(),
        summary: String::new(),
        hash: order.birth.to_string(),
        operation: "random".to_owned(),
        parameters: 1,
        multiply_adds,
    };
    Event::Bred(order.birth, order.draw, Box::new(newborn))
}

#[test]
fn a_candidate_that_takes_too_long_makes_room_for_a_smaller_one() {
    let mut brain = short_of_time();
    let large = brain.on_event(bred(&brain, 1_000_000), 50.0);
    assert!(large.iter().all(|effect| !matches!(effect, Effect::Assign(..))), "{large:?}");
    assert!(large.iter().any(|effect| matches!(effect, Effect::Breed(_))), "{large:?}");
    let small = brain.on_event(bred(&brain, 1000), 50.0);
    assert!(small.iter().any(|effect| matches!(effect, Effect::Assign(..))), "{small:?}");
}

#[test]
fn candidates_set_aside_wait_again_as_far_as_the_budget_has_room() {
    let mut world = World::new(2, Weather { time: Some(300.0), evaluations: None, ..Weather::fair(3) });
    while world.brain.snapshot(world.now).evaluations < 10 {
        world.step();
    }
    world.tell(Event::Stop);
    let record = world.journal.record().unwrap();
    let waiting = record.evaluations.iter().filter(|e| e.state == EvaluationState::Queued).count();
    assert!(waiting >= 3, "{waiting} wait");
    for room in 0..4 {
        let mut settings = world.weather.settings(2);
        settings.evaluations = Some(10 + room);
        let brain = Brain::restore(settings, &record, Pauses::default(), BTreeMap::new());
        invariants::enforce(&brain.view());
        assert_eq!(brain.desk.ready().len(), waiting.min(room as usize));
    }
}

#[test]
fn breeding_ends_where_nothing_has_time() {
    let mut brain = short_of_time();
    let mut tried = 0;
    while !brain.orders().is_empty() {
        brain.on_event(bred(&brain, 1_000_000), 50.0);
        brain.on_event(Event::Tick, 50.0);
        tried += 1;
    }
    assert_eq!(tried, 16);
    assert!(matches!(brain.end(), Some(End::Failed(_))), "nothing was trained: {:?}", brain.end());
}

#[test]
fn the_search_finds_better_networks_than_chance() {
    let (mut better, worlds) = (0, 40);
    for seed in 0..worlds {
        let weather = Weather { evaluations: Some(120), failures: 0.0, ..Weather::fair(4) };
        let (_, record, _) = World::new(seed, weather).run();
        let score = |range: std::ops::Range<usize>| {
            let mut scores: Vec<f64> = record.evaluations[range].iter().filter_map(|e| e.score).collect();
            scores.sort_by(f64::total_cmp);
            scores[scores.len() / 2]
        };
        better += u32::from(score(80..120) > score(0..40));
    }
    assert!(better > 36, "the last third was better than the first in {better} of {worlds} worlds");
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let run = |seed| {
        let (_, record, world) = World::new(seed, Weather::fair(3)).run();
        let rows: Vec<_> = record
            .evaluations
            .iter()
            .map(|e| {
                (e.id, e.individual.hash.clone(), e.individual.parents.clone(), e.trainer.clone(), e.score)
            })
            .collect();
        (rows, world.now.to_bits())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).0, run(6).0);
}

#[test]
fn a_stop_releases_everything_and_can_be_resumed() {
    let mut world = World::new(3, Weather::fair(3));
    while world.brain.snapshot(world.now).evaluations < 10 {
        world.step();
    }
    world.tell(Event::Stop);
    invariants::enforce(&world.brain.view());
    assert_eq!(world.brain.end(), Some(&End::Interrupted));
    let record = world.journal.record().unwrap();
    assert_eq!(record.end, Some(End::Interrupted));
    assert!(record.evaluations.iter().all(|e| e.state != EvaluationState::Running && e.losses == 0));
    world.kill();
    let (brain, record, world) = world.run();
    judge(&brain, &record, &world);
    assert_eq!(brain.snapshot(world.now).evaluations, 40);
    // What was released was handed out again, as a further attempt.
    assert!(record.evaluations.iter().filter(|e| e.attempt == 2 && e.losses == 0).count() >= 2);
}

#[test]
fn a_coordinator_killed_in_any_part_of_the_finale_does_that_part_again() {
    for kind in [LeaseKind::Crown, LeaseKind::Final, LeaseKind::Test] {
        let mut world = World::new(4, Weather { failures: 0.0, ..Weather::fair(2) });
        while world.brain.desk.leases().all(|(_, open, _)| open.kind != kind) {
            world.step();
        }
        let before = world.journal.record().unwrap();
        world.kill();
        let (brain, record, world) = world.run();
        judge(&brain, &record, &world);
        assert_eq!(brain.end(), Some(&End::Completed), "{kind:?}");
        let redone: Vec<_> = record.evaluations.iter().filter(|e| e.losses == 1).map(|e| e.kind).collect();
        assert!(!redone.is_empty() && redone.iter().all(|of| *of == kind), "{kind:?}: {redone:?}");
        // Nothing that had ended was done again, and no other part was added.
        for evaluation in before.evaluations.iter().filter(|e| e.state == EvaluationState::Finished) {
            assert!(
                record
                    .evaluations
                    .iter()
                    .any(|later| later.id == evaluation.id && later.attempt == evaluation.attempt)
            );
        }
        let finals = record.evaluations.iter().filter(|e| e.kind == LeaseKind::Final).count();
        assert_eq!(finals, 1, "{kind:?}");
    }
}

#[test]
fn a_winner_whose_weights_could_not_be_fetched_is_tested_by_another_attempt() {
    let mut world = World::new(4, Weather { failures: 0.0, ..Weather::fair(2) });
    let tested = |world: &World| {
        let mut leases = world.brain.desk.leases();
        leases
            .find(|(_, open, _)| open.kind == LeaseKind::Test)
            .map(|(id, open, held)| (held.trainer, Ticket { evaluation: id, attempt: open.attempt }))
    };
    while tested(&world).is_none() {
        world.step();
    }
    let (trainer, ticket) = tested(&world).unwrap();
    let trained = nothing_trained(Outcome::WorkerLost, "its weights cannot be had".to_owned());
    let delivery = Delivery { ticket, trained, weights: WeightsPlace::Here };
    world.tell(Event::Delivered(trainer, Box::new(delivery)));
    let (brain, record, world) = world.run();
    judge(&brain, &record, &world);
    assert_eq!(brain.end(), Some(&End::Completed));
    assert!(record.evaluations.iter().any(|e| e.id == ticket.evaluation && (e.attempt, e.losses) == (2, 1)));
}

#[test]
fn a_maker_that_dies_again_and_again_ends_the_run_and_one_that_bears_between_does_not() {
    let died = || Event::MakerDied(Maker::Breeder, "a bug".to_owned());
    let mut world = World::new(4, Weather { failures: 0.0, evaluations: Some(80), ..Weather::fair(2) });
    for _ in 0..30 {
        world.tell(died());
        let births = |world: &World| world.brain.births.get(&Maker::Breeder).copied();
        let before = births(&world);
        while births(&world) == before {
            world.step();
        }
    }
    assert_eq!(world.brain.end(), None);
    (0..20).for_each(|_| world.tell(died()));
    let Some(End::Failed(why)) = world.brain.end() else { panic!("{:?}", world.brain.end()) };
    assert!(why.contains("the breeder has died 10 times") && why.contains("a bug"), "{why}");
}

#[test]
fn a_poisonous_evaluation_is_given_up() {
    let weather = Weather { deaths: 1.0, evaluations: Some(3), ..Weather::fair(1) };
    let (brain, record, _) = World::new(1, weather).run();
    assert!(matches!(brain.end(), Some(End::Failed(_))));
    assert_eq!(record.evaluations.len(), 3);
    for evaluation in &record.evaluations {
        assert_eq!(evaluation.outcome, Some(Outcome::Crashed));
        assert_eq!((evaluation.losses, evaluation.attempt), (8, 8));
        assert!(evaluation.message.contains("given up"), "{}", evaluation.message);
    }
}

#[test]
fn a_space_of_five_networks_ends_after_five() {
    let weather = Weather { genomes: 5, failures: 0.0, ..Weather::fair(2) };
    let (brain, record, world) = World::new(1, weather).run();
    judge(&brain, &record, &world);
    assert_eq!(brain.snapshot(world.now).evaluations, 5);
    assert_eq!(brain.end(), Some(&End::Completed));
}

/// A search in the middle: some evaluations have ended, all trainers are busy.
fn midway() -> World {
    let mut world = World::new(2, Weather::fair(3));
    while world.brain.snapshot(world.now).evaluations < 10 || world.brain.desk.leases().count() < 3 {
        world.step();
    }
    world
}

/// Breaks one thing, and gives the ids of the invariants that are seen broken.
fn seen_broken(break_it: impl FnOnce(&mut Brain)) -> BTreeSet<&'static str> {
    let mut brain = midway().brain;
    assert_eq!(invariants::check(&brain.view()), Vec::new());
    assert_eq!(invariants::check_thoroughly(&brain.view()), Vec::new());
    break_it(&mut brain);
    let view = brain.view();
    let found = invariants::check(&view).into_iter().chain(invariants::check_thoroughly(&view));
    found.map(|breach| breach.invariant.id()).collect()
}

#[test]
fn the_checker_sees_what_is_broken() {
    type Break = fn(&mut Brain);
    const GHOST: TrainerId = TrainerId { worker: WorkerId(1), slot: 99 };
    let cases: [(&str, Break); 11] = [
        ("P1", |brain| {
            let first = *brain.desk.trainers.keys().next().unwrap();
            brain.desk.waiting.push_back(first, "node-0".to_owned());
        }),
        ("P2", |brain| {
            let evaluation = brain.desk.leases().next().unwrap().0;
            brain.desk.trainers.insert(GHOST, Some(evaluation));
        }),
        ("P3", |brain| {
            let leased = brain.desk.leases().next().unwrap().0;
            brain.desk.ready.push_back(leased, None);
        }),
        ("P4", |brain| {
            brain.desk.trainers.insert(GHOST, None);
            brain.desk.waiting.push_back(GHOST, "node-0".to_owned());
        }),
        // Where the desk itself does not see that it could hand something out.
        ("P4", |brain| {
            let blind = brain.desk.node_of(GHOST.worker).map(str::to_owned);
            brain.desk.trainers.insert(GHOST, None);
            brain.desk.waiting.push_back(GHOST, blind.clone().unwrap());
            for evaluation in brain.desk.ready.iter().copied().collect::<Vec<_>>() {
                brain.desk.ready.remove(&evaluation);
                brain.desk.ready.push_back(evaluation, blind.clone());
            }
            assert_eq!(brain.desk.next(), None);
        }),
        ("P5", |brain| brain.settings.evaluations = Some(11)),
        ("P6", |brain| brain.tally.counted += 1),
        ("P7", |brain| {
            let twin = brain.closed.kept().values().next().unwrap().individual.clone();
            brain.desk.open.values_mut().next().unwrap().individual = twin;
        }),
        ("P8", |brain| {
            let leased = brain.desk.leases().next().unwrap().0;
            brain.desk.open.get_mut(&leased).unwrap().failures.lost = 8;
        }),
        ("P9", |brain| {
            let weights = Arc::new(Weights { parameters: Vec::new(), statistics: Vec::new() });
            brain.weights.extend((0..100).map(|id| (EvaluationId(1000 + id), Arc::clone(&weights))));
        }),
        ("P10", |brain| brain.desk.open.values_mut().next().unwrap().kind = LeaseKind::Test),
    ];
    for (id, break_it) in cases {
        let seen = seen_broken(break_it);
        assert!(seen.contains(id), "{id} was broken, seen: {seen:?}");
    }
}

#[test]
#[should_panic(expected = "invariant P6 broken")]
fn a_step_that_counts_twice_stops_a_debug_build() {
    let mut world = midway();
    let ticket = Ticket { evaluation: EvaluationId(1), attempt: 1 };
    let event = Event::Holds(TrainerId { worker: WorkerId(1), slot: 0 }, ticket);
    world.tell(event);
    world.brain.tally.counted += 1;
    invariants::enforce(&world.brain.view());
}
