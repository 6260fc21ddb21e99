//! The whole search under a virtual clock: trainers of random speed that crash, fall silent, deliver twice or late;
//! a Breeder that finds duplicates; a coordinator that is killed at any moment and goes on from its journal. One seed
//! makes one world; the invariants are checked after every event.

use super::effect::Effect;
use super::settings::{LOSSES_MAX, Settings};
use super::state::Brain;
use super::stopping::StoppingRule;
use crate::invariants;
use crate::journal::{End, Entry, EvaluationState, Journal, RunRecord};
use crate::protocol::{
    BreedOrder, Delivery, EvaluationId, Event, Images, Lease, LeaseKind, Newborn, Recipe, TrainerId,
    nothing_trained,
};
use crate::testing;
use hatchery_config::experiment::{FinalTraining, Search};
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained, Weights};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

const STEPS_MAX: usize = 200_000;
const TICK_SECONDS: f64 = 5.0;
const BREEDING_SECONDS: f64 = 0.01;

/// What a world is like.
#[derive(Clone, Debug)]
struct Weather {
    trainers: u32,
    evaluations: Option<u32>,
    time: Option<f64>,
    /// How many different genomes there are.
    genomes: u64,
    /// Share of trainings that take their trainer down, and that fall silent.
    deaths: f64,
    silences: f64,
    /// Share of trainings that end badly by themselves.
    failures: f64,
    /// Share of deliveries that come twice.
    echoes: f64,
    /// How often the coordinator is killed.
    kills: u32,
}

impl Weather {
    fn fair(trainers: u32) -> Self {
        Self {
            trainers,
            evaluations: Some(40),
            time: None,
            genomes: 100_000,
            deaths: 0.0,
            silences: 0.0,
            failures: 0.05,
            echoes: 0.0,
            kills: 0,
        }
    }

    fn drawn(rng: &mut ChaCha8Rng) -> Self {
        let budget = rng.random_range(1..40);
        let timed = rng.random_bool(0.4);
        Self {
            trainers: rng.random_range(1..9),
            evaluations: if timed && rng.random_bool(0.5) { None } else { Some(budget) },
            time: timed.then(|| rng.random_range(20.0..400.0)),
            genomes: if rng.random_bool(0.2) { rng.random_range(1..30) } else { 1_000_000 },
            deaths: if rng.random_bool(0.5) { 0.15 } else { 0.0 },
            silences: if rng.random_bool(0.3) { 0.1 } else { 0.0 },
            failures: rng.random_range(0.0..0.3),
            echoes: if rng.random_bool(0.3) { 0.3 } else { 0.0 },
            kills: if rng.random_bool(0.5) { rng.random_range(1..4) } else { 0 },
        }
    }

    fn settings(&self, seed: u64) -> Settings {
        Settings {
            seed,
            search: Search { initial: 6, population: 10, tournament: 3, crossover: 0.2, immigrants: 0.05 },
            evaluations: self.evaluations,
            time: self.time,
            epochs: 5,
            seconds: None,
            final_training: FinalTraining { enabled: true, epochs: 10, time_share: 0.3 },
            trainers: self.trainers,
            images: Images { search: 800, crown: 1000, last: 1200, test: 300 },
            stopping: StoppingRule::default(),
        }
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Event(Event),
    /// The slot's actor is started again.
    Restart(u32),
    Tick,
    KillCoordinator,
}

/// Ordered by time, then by number: a world is the same every time.
#[derive(Debug)]
struct Scheduled {
    at: f64,
    number: u64,
    /// Of which life of the coordinator.
    life: u32,
    happening: Happening,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.total_cmp(&other.at).then(self.number.cmp(&other.number))
    }
}

struct World {
    weather: Weather,
    seed: u64,
    rng: ChaCha8Rng,
    brain: Brain,
    journal: Journal,
    now: f64,
    calendar: BinaryHeap<Reverse<Scheduled>>,
    number: u64,
    life: u32,
    incarnations: BTreeMap<u32, u32>,
    /// What has been recorded, to check that nothing is acted upon before.
    leased: BTreeSet<(EvaluationId, u32)>,
    finished: BTreeSet<EvaluationId>,
    /// Trainings under way, and the structures that were ever handed out for the search.
    trained_hashes: BTreeMap<String, EvaluationId>,
    handed_out_after_search: bool,
    deaths: u32,
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        let brain = Brain::new(weather.settings(seed));
        let mut world = Self {
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0x5eed),
            seed,
            brain,
            journal: Journal::in_memory(&testing::run_info()).unwrap(),
            now: 0.0,
            calendar: BinaryHeap::new(),
            number: 0,
            life: 0,
            incarnations: BTreeMap::new(),
            leased: BTreeSet::new(),
            finished: BTreeSet::new(),
            trained_hashes: BTreeMap::new(),
            handed_out_after_search: false,
            deaths: 0,
            weather,
        };
        world.open();
        for _ in 0..world.weather.kills {
            let at = world.rng.random_range(0.0..150.0);
            world.schedule(at, Happening::KillCoordinator);
        }
        world
    }

    /// A life of the coordinator begins.
    fn open(&mut self) {
        self.schedule(0.0, Happening::Event(Event::Begin));
        self.schedule(TICK_SECONDS, Happening::Tick);
        for slot in 0..self.weather.trainers {
            self.incarnations.insert(slot, 0);
            let delay = self.rng.random_range(0.0..2.0);
            self.schedule(delay, Happening::Event(Event::Ready(TrainerId { slot, incarnation: 0 })));
        }
    }

    fn schedule(&mut self, delay: f64, happening: Happening) {
        self.number += 1;
        // Kills are the world's, not a life's.
        let life = if matches!(happening, Happening::KillCoordinator) { u32::MAX } else { self.life };
        let entry = Scheduled { at: self.now + delay, number: self.number, life, happening };
        self.calendar.push(Reverse(entry));
    }

    /// Runs until the search is over.
    fn run(mut self) -> (Brain, RunRecord, Self) {
        for _ in 0..STEPS_MAX {
            let Some(Reverse(next)) = self.calendar.pop() else { break };
            if next.life != self.life && next.life != u32::MAX {
                continue;
            }
            self.now = next.at;
            self.happen(next.happening);
            invariants::enforce(&self.brain.view());
            if self.brain.end().is_some() {
                let record = self.journal.record().unwrap();
                return (self.brain.clone(), record, self);
            }
        }
        panic!("seed {}: the search got stuck at {} s: {:?}", self.seed, self.now, self.weather);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Event(event) => self.tell(event),
            Happening::Tick => {
                self.schedule(TICK_SECONDS, Happening::Tick);
                self.tell(Event::Tick);
            }
            Happening::Restart(slot) => {
                let incarnation = self.incarnations.entry(slot).or_default();
                *incarnation += 1;
                let trainer = TrainerId { slot, incarnation: *incarnation };
                self.tell(Event::Ready(trainer));
            }
            Happening::KillCoordinator => self.kill(),
        }
    }

    fn kill(&mut self) {
        self.life += 1;
        let record = self.journal.record().unwrap();
        let weights: BTreeMap<EvaluationId, Arc<Weights>> = record
            .evaluations
            .iter()
            .filter(|evaluation| evaluation.has_weights)
            .map(|evaluation| {
                (evaluation.id, Arc::new(self.journal.weights(evaluation.id).unwrap().unwrap()))
            })
            .collect();
        self.brain = Brain::restore(self.weather.settings(self.seed), &record, weights);
        self.open();
    }

    fn tell(&mut self, event: Event) {
        let effects = self.brain.on_event(event, self.now);
        // A kill may come before the commit: then nothing happened.
        if self.weather.kills > 0 && self.rng.random_bool(0.002) {
            return self.kill();
        }
        let entries: Vec<Entry> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Record(entry) => Some(entry.clone()),
                _ => None,
            })
            .collect();
        self.note(&entries);
        if !entries.is_empty() {
            self.journal.commit(self.now, &entries).unwrap();
        }
        // Or between the commit and the deeds.
        if self.weather.kills > 0 && self.brain.end().is_none() && self.rng.random_bool(0.002) {
            return self.kill();
        }
        for effect in effects {
            self.perform(effect);
        }
    }

    fn note(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Leased { evaluation, attempt, .. } => {
                    assert!(
                        self.leased.insert((*evaluation, *attempt)),
                        "handed out twice as the same attempt"
                    );
                }
                Entry::Finished(finished) => {
                    assert!(self.finished.insert(finished.evaluation), "seed {}: ended twice", self.seed);
                }
                _ => {}
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Record(_) => {}
            Effect::Finish(_) => {}
            Effect::Replace(trainer) => {
                let delay = self.rng.random_range(0.1..3.0);
                self.schedule(delay, Happening::Restart(trainer.slot));
            }
            Effect::Breed(order) => self.breed(&order),
            Effect::Assign(trainer, lease) => {
                assert!(
                    self.leased.contains(&(lease.evaluation, lease.attempt)),
                    "acted upon before recorded"
                );
                self.train(trainer, &lease);
            }
            Effect::Advise(trainer, evaluation, attempt) => {
                let trained = Trained { outcome: Outcome::Stopped, ..fruits(&mut self.rng, 3, 10.0, 0.2) };
                self.deliver(0.1, trainer, Delivery { evaluation, attempt, trained });
            }
            Effect::Acknowledge(_, evaluation, attempt) => {
                assert!(
                    self.finished.contains(&evaluation) || self.leased.contains(&(evaluation, attempt)),
                    "acknowledged before recorded"
                );
            }
        }
    }

    fn breed(&mut self, order: &BreedOrder) {
        if self.rng.random_bool(0.02) {
            let event = Event::Barren(order.birth, order.draw, "no viable genome".to_owned());
            return self.schedule(BREEDING_SECONDS, Happening::Event(event));
        }
        let number = match &order.recipe {
            Recipe::Random => self.rng.random_range(1..=self.weather.genomes),
            Recipe::Mutate(parent) => {
                (testing::number(&parent.genome) + self.rng.random_range(0..5)) % self.weather.genomes + 1
            }
            Recipe::Cross(one, other) => {
                (testing::number(&one.genome) + testing::number(&other.genome)) / 2 + 1
            }
        };
        let newborn = Newborn {
            genome: testing::genome(number),
            summary: format!("dense {number}"),
            hash: format!("{number:x}"),
            operation: "test".to_owned(),
            parameters: number,
            multiply_adds: number,
        };
        self.schedule(
            BREEDING_SECONDS,
            Happening::Event(Event::Bred(order.birth, order.draw, Box::new(newborn))),
        );
    }

    fn train(&mut self, trainer: TrainerId, lease: &Lease) {
        if lease.kind == LeaseKind::Search {
            let hash = format!("{:x}", testing::number(&lease.genome));
            let owner = *self.trained_hashes.entry(hash).or_insert(lease.evaluation);
            assert_eq!(owner, lease.evaluation, "seed {}: a structure was trained twice", self.seed);
            if let Some(time) = self.weather.time {
                self.handed_out_after_search |= self.now > time * 0.7;
            }
        }
        assert_eq!(lease.kind == LeaseKind::Test, lease.weights.is_some());
        let images = [800.0, 1000.0, 1200.0, 300.0][lease.kind as usize];
        // Speeds are log-normal, sigma about 0.5; the same structure always has the same.
        let mut own = ChaCha8Rng::seed_from_u64(testing::number(&lease.genome));
        let spread: f64 = (0..12).map(|_| own.random_range(-0.5..0.5)).sum();
        let epoch = images / 800.0 * 2.0 * (0.5 * spread).exp();
        let whole = epoch * f64::from(lease.epochs.max(1)) + 0.1;
        let duration = lease.seconds_max.map_or(whole, |limit| whole.min(limit.max(0.01)));
        if self.rng.random_bool(self.weather.deaths) {
            self.deaths += 1;
            let (after, restart) = (self.rng.random_range(0.0..duration), self.rng.random_range(0.1..3.0));
            let event = Event::TrainerLost(trainer, "killed".to_owned());
            self.schedule(after, Happening::Event(event));
            return self.schedule(after + restart, Happening::Restart(trainer.slot));
        }
        let outcome = self.outcome(whole, duration);
        let epochs = ((duration - 0.1) / epoch).floor().max(0.0) as u32;
        let score = 1.0 / (1.0 + testing::number(&lease.genome) as f64 / 1000.0);
        let mut trained = fruits(&mut self.rng, epochs.min(lease.epochs.max(1)), duration, score);
        trained.outcome = outcome;
        if !outcome.has_fitness() {
            trained = nothing_trained(outcome, "bad luck".to_owned());
        }
        self.tell_of(trainer, lease, epoch, duration, &trained);
        self.deliver(
            duration,
            trainer,
            Delivery { evaluation: lease.evaluation, attempt: lease.attempt, trained },
        );
    }

    /// Progress and heartbeats, unless the trainer falls silent: then it delivers long after its lease is over.
    fn tell_of(&mut self, trainer: TrainerId, lease: &Lease, epoch: f64, duration: f64, trained: &Trained) {
        if self.rng.random_bool(self.weather.silences) {
            return;
        }
        let (evaluation, attempt) = (lease.evaluation, lease.attempt);
        for (number, report) in (1..).zip(&trained.curve) {
            let event = Event::Progress(trainer, evaluation, attempt, *report);
            self.schedule(f64::from(number) * epoch, Happening::Event(event));
        }
        let mut at = 15.0;
        while at < duration {
            self.schedule(at, Happening::Event(Event::Heartbeat(trainer, evaluation, attempt)));
            at += 15.0;
        }
    }

    fn outcome(&mut self, whole: f64, duration: f64) -> Outcome {
        if duration < whole {
            return Outcome::TimedOut;
        }
        if !self.rng.random_bool(self.weather.failures) {
            return Outcome::Completed;
        }
        let bad = [Outcome::Diverged, Outcome::Degenerate, Outcome::OutOfMemory, Outcome::Crashed];
        bad[self.rng.random_range(0..bad.len())]
    }

    fn deliver(&mut self, delay: f64, trainer: TrainerId, delivery: Delivery) {
        if self.rng.random_bool(self.weather.echoes) {
            let echo = Event::Delivered(trainer, Box::new(delivery.clone()));
            let late = delay + self.rng.random_range(0.0..100.0);
            self.schedule(late, Happening::Event(echo));
        }
        self.schedule(delay, Happening::Event(Event::Delivered(trainer, Box::new(delivery))));
    }
}

/// A training's fruits after so many epochs.
fn fruits(rng: &mut ChaCha8Rng, epochs: u32, seconds: f64, score: f64) -> Trained {
    let curve: Vec<EpochReport> = (1..=epochs)
        .map(|epoch| EpochReport {
            epoch,
            training_loss: 1.0,
            validation_loss: 1.0 / epoch as f32,
            validation_score: (score * f64::from(epoch) / f64::from(epochs) + rng.random_range(0.0..0.02))
                as f32,
            seconds: seconds * f64::from(epoch) / f64::from(epochs),
        })
        .collect();
    Trained {
        outcome: Outcome::Completed,
        message: String::new(),
        weights: (!curve.is_empty())
            .then(|| Weights { parameters: vec![score as f32], statistics: Vec::new() }),
        steps: u64::from(epochs) * 25,
        build_seconds: 0.1,
        seconds,
        curve,
    }
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
    assert!(running.is_empty(), "seed {seed}: {running:?}");
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
    assert!(completed > 240, "only {completed} of 300 worlds were completed");
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
    for seed in 0..30 {
        let weather = Weather { evaluations: None, time: Some(300.0), failures: 0.0, ..Weather::fair(2) };
        let (brain, record, world) = World::new(seed, weather).run();
        judge(&brain, &record, &world);
        assert!(world.now <= 300.0 * 1.01, "seed {seed}: took {} s", world.now);
        assert!(world.now > 190.0, "seed {seed}: took only {} s", world.now);
        let tail: Vec<_> = record
            .evaluations
            .iter()
            .filter(|e| e.kind != LeaseKind::Search)
            .map(|e| (e.kind, e.outcome, e.epochs, e.curve.len(), e.seconds, e.has_weights))
            .collect();
        assert!(record.final_result.unwrap().retrained, "seed {seed}: {tail:?}");
    }
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
        let Some(Reverse(next)) = world.calendar.pop() else { panic!("nothing left") };
        world.now = next.at;
        world.happen(next.happening);
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
            let Some(Reverse(next)) = world.calendar.pop() else { panic!("nothing left") };
            world.now = next.at;
            world.happen(next.happening);
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
fn a_poisonous_evaluation_is_given_up() {
    let weather = Weather { deaths: 1.0, evaluations: Some(3), ..Weather::fair(1) };
    let (brain, record, _) = World::new(1, weather).run();
    assert!(matches!(brain.end(), Some(End::Failed(_))));
    assert_eq!(record.evaluations.len(), 3);
    for evaluation in &record.evaluations {
        assert_eq!(evaluation.outcome, Some(Outcome::Crashed));
        assert_eq!((evaluation.losses, evaluation.attempt), (LOSSES_MAX, LOSSES_MAX));
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
        let Some(Reverse(next)) = world.calendar.pop() else { panic!("nothing left") };
        world.now = next.at;
        world.happen(next.happening);
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
    const GHOST: TrainerId = TrainerId { slot: 99, incarnation: 0 };
    let cases: [(&str, Break); 11] = [
        ("P1", |brain| brain.desk.waiting.extend(brain.desk.trainers.keys().take(1))),
        ("P2", |brain| {
            let evaluation = brain.desk.leases().next().unwrap().0;
            brain.desk.trainers.insert(GHOST, Some(evaluation));
        }),
        ("P3", |brain| {
            let leased = brain.desk.leases().next().unwrap().0;
            brain.desk.ready.push_back(leased);
        }),
        ("P4", |brain| {
            brain.desk.trainers.insert(GHOST, None);
            brain.desk.waiting.push_back(GHOST);
        }),
        ("P5", |brain| brain.settings.evaluations = Some(11)),
        ("P6", |brain| brain.tally.counted += 1),
        ("P7", |brain| {
            let twin = brain.closed.values().next().unwrap().individual.clone();
            brain.desk.open.values_mut().next().unwrap().individual = twin;
        }),
        ("P8", |brain| {
            let leased = brain.desk.leases().next().unwrap().0;
            brain.desk.open.get_mut(&leased).unwrap().losses = LOSSES_MAX;
        }),
        ("P9", |brain| brain.archive.capacity = 1),
        ("P10", |brain| {
            let weights = Arc::new(Weights { parameters: Vec::new(), statistics: Vec::new() });
            brain.weights.extend((0..100).map(|id| (EvaluationId(1000 + id), Arc::clone(&weights))));
        }),
        ("P11", |brain| brain.desk.open.values_mut().next().unwrap().kind = LeaseKind::Test),
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
    let event = Event::Heartbeat(TrainerId { slot: 0, incarnation: 0 }, EvaluationId(1), 1);
    world.tell(event);
    world.brain.tally.counted += 1;
    invariants::enforce(&world.brain.view());
}
