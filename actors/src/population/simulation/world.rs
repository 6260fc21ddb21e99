//! A world for a search to live in: a virtual clock, trainers, a Breeder, a journal, and what can go wrong with them.

use super::super::effect::Effect;
use super::super::lease::Place;
use super::super::state::Brain;
use super::weather::{Weather, drawing};
use crate::calendar::Calendar;
use crate::invariants;
use crate::journal::{Entry, Journal, RunRecord, Stage};
use crate::protocol::{
    BreedOrder, Delivery, EvaluationId, Event, Lease, LeaseKind, Ticket, TrainerId, WeightsPlace, WorkerId,
    nothing_trained,
};
use crate::testing::{self, Drawing, Minds};
use hatchery_models::genome::Genome;
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained, Weights};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const STEPS_MAX: usize = 200_000;
const TICK_SECONDS: f64 = 5.0;
const BREEDING_SECONDS: f64 = 0.01;

#[derive(Clone, Debug)]
pub enum Happening {
    Event(Event),
    /// The slot's worker is started again.
    Restart(u32),
    /// A trainer is done with what it was at.
    Done(TrainerId, Ticket),
    Tick,
    KillCoordinator,
}

/// Something that is to happen, and in which life of the coordinator.
#[derive(Debug)]
pub struct Due {
    life: u32,
    happening: Happening,
}

pub struct World {
    pub weather: Weather,
    pub seed: u64,
    pub rng: ChaCha8Rng,
    pub brain: Brain,
    pub minds: Minds,
    pub journal: Journal,
    pub now: f64,
    pub calendar: Calendar<Due>,
    pub life: u32,
    /// Which worker a slot is now.
    pub workers: BTreeMap<u32, WorkerId>,
    pub last_worker: u32,
    /// What each trainer is at.
    pub at: BTreeMap<TrainerId, Ticket>,
    /// What has been recorded, to check that nothing is acted upon before.
    pub leased: BTreeSet<(EvaluationId, u32)>,
    pub finished: BTreeSet<EvaluationId>,
    /// Trainings under way, and the structures that were ever handed out for the search.
    pub trained_hashes: BTreeMap<String, EvaluationId>,
    pub handed_out_after_search: bool,
    pub deaths: u32,
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let brain = Brain::new(weather.settings(seed));
        let mut world = Self {
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0x5eed),
            seed,
            brain,
            minds: Minds::new(&drawing(seed, &weather), &[]),
            journal: Journal::in_memory(&testing::run_info()).unwrap(),
            now: 0.0,
            calendar: Calendar::default(),
            life: 0,
            workers: BTreeMap::new(),
            last_worker: 0,
            at: BTreeMap::new(),
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
            let delay = self.rng.random_range(0.0..2.0);
            self.schedule(delay, Happening::Restart(slot));
        }
    }

    fn schedule(&mut self, delay: f64, happening: Happening) {
        // Kills are the world's, not a life's.
        let life = if matches!(happening, Happening::KillCoordinator) { u32::MAX } else { self.life };
        self.calendar.enter(self.now + delay, Due { life, happening });
    }

    /// Runs until the search is over.
    pub fn run(mut self) -> (Brain, RunRecord, Self) {
        for _ in 0..STEPS_MAX {
            if !self.goes_on() {
                break;
            }
            invariants::enforce(&self.brain.view());
            if self.brain.end().is_some() {
                let record = self.journal.record().unwrap();
                return (self.brain.clone(), record, self);
            }
        }
        panic!("seed {}: the search got stuck at {} s: {:?}", self.seed, self.now, self.weather);
    }

    /// The next thing happens.
    pub fn step(&mut self) {
        assert!(self.goes_on(), "nothing left");
    }

    /// The next thing happens, unless it was another life's. Says whether there was one.
    fn goes_on(&mut self) -> bool {
        let Some((at, due)) = self.calendar.take_next() else { return false };
        if due.life == self.life || due.life == u32::MAX {
            self.now = at;
            self.happen(due.happening);
        }
        true
    }

    pub fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Event(event) => self.tell(event),
            Happening::Tick => {
                self.schedule(TICK_SECONDS, Happening::Tick);
                self.tell(Event::Tick);
            }
            Happening::Restart(slot) => {
                self.last_worker += 1;
                let worker = WorkerId(self.last_worker);
                self.workers.insert(slot, worker);
                self.tell(Event::Joined(worker, testing::worker_facts(&format!("node-{slot}"))));
                self.tell(Event::Ready(TrainerId { worker, slot: 0 }, None));
            }
            Happening::Done(trainer, ticket) => {
                if self.at.get(&trainer) == Some(&ticket) {
                    self.at.remove(&trainer);
                    self.tell(Event::Ready(trainer, Some(ticket)));
                }
            }
            Happening::KillCoordinator => self.kill(),
        }
    }

    pub fn kill(&mut self) {
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
        let settings = self.weather.settings_of(self.seed, &record.info.experiment);
        self.brain = Brain::restore(settings, &record, self.journal.pauses().unwrap(), weights);
        self.minds = Minds::new(&self.makers(), &self.brain.news(&record));
        if !self.brain.is_done() {
            let experiment = record.info.experiment.clone();
            let program_version = "0.1.0".to_owned();
            let resumed = Entry::Resumed { program_version, experiment, started_again: true };
            self.journal.commit(record.elapsed_seconds, &[resumed]).unwrap();
        }
        self.open();
    }

    pub fn tell(&mut self, event: Event) {
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
            // A worker that had fallen silent is ended, and another is started.
            Effect::Abandon(trainer, ticket) => {
                if self.at.get(&trainer) != Some(&ticket) {
                    return;
                }
                let delay = self.rng.random_range(0.1..3.0);
                let slot = self.slot_of(trainer.worker);
                self.schedule(0.0, Happening::Event(Event::Left(trainer.worker, "silent".to_owned())));
                self.schedule(delay, Happening::Restart(slot));
            }
            Effect::Fetch(..) => {}
            Effect::Breed(order) => self.breed(&order),
            Effect::Tell(news) => self.minds.hear(&news),
            Effect::Assign(trainer, lease) => {
                assert!(
                    self.leased.contains(&(lease.evaluation, lease.attempt)),
                    "acted upon before recorded"
                );
                self.at.insert(trainer, lease.ticket());
                self.train(trainer, &lease);
            }
            Effect::Advise(trainer, ticket) => {
                let Some(open) = self.brain.desk.get(ticket.evaluation) else { return };
                let Place::Leased(held) = &open.place else { return };
                let curve = held.curve.clone();
                let seconds = 3.0 * epoch_seconds(open.kind, &open.individual.genome) + 0.1;
                let mut trained = fruits(&mut self.rng, 3, seconds, 0.2);
                trained.outcome = Outcome::Stopped;
                if !curve.is_empty() {
                    trained.curve = curve;
                }
                self.deliver(0.1, trainer, ticket, trained);
            }
            Effect::Acknowledge(_, ticket) => {
                assert!(
                    self.finished.contains(&ticket.evaluation)
                        || self.leased.contains(&(ticket.evaluation, ticket.attempt)),
                    "acknowledged before recorded"
                );
            }
        }
    }

    /// The makers are a part of the world.
    pub const fn makers(&self) -> Drawing {
        drawing(self.seed, &self.weather)
    }

    fn breed(&mut self, order: &BreedOrder) {
        let event = match self.minds.make(order) {
            Ok(newborn) => Event::Bred(order.birth, order.draw, Box::new(newborn)),
            Err(message) => Event::Barren(order.birth, order.draw, message),
        };
        self.schedule(BREEDING_SECONDS, Happening::Event(event));
    }

    /// How many times as fast a training of this kind is as one of several side by side: a final training is alone, with
    /// the cores of all trainers.
    fn speed_up(&self, kind: LeaseKind) -> f64 {
        const OF_EACH_FURTHER_TRAINER: f64 = 0.8;
        match kind {
            LeaseKind::Final => 1.0 + OF_EACH_FURTHER_TRAINER * f64::from(self.weather.trainers - 1),
            _ => 1.0,
        }
    }

    fn train(&mut self, trainer: TrainerId, lease: &Lease) {
        if lease.kind == LeaseKind::Search {
            let hash = format!("{:x}", testing::number(&lease.genome));
            let owner = *self.trained_hashes.entry(hash).or_insert(lease.evaluation);
            assert_eq!(owner, lease.evaluation, "seed {}: a structure was trained twice", self.seed);
            // Where what follows needs less than its share, the search goes on for longer than was planned.
            self.handed_out_after_search |= self.brain.stage != Stage::Search
                || self.weather.time.is_some_and(|time| self.now > time * 0.98);
        }
        assert_eq!(lease.kind == LeaseKind::Test, lease.weights.is_some());
        let epoch = epoch_seconds(lease.kind, &lease.genome) / self.speed_up(lease.kind);
        let planned = planned_epochs(lease, epoch);
        if planned != lease.epochs {
            let event = Event::Planned(trainer, lease.ticket(), planned);
            self.schedule(0.0, Happening::Event(event));
        }
        let whole = epoch * f64::from(planned.max(1)) + 0.1;
        let duration = lease.seconds_max.map_or(whole, |limit| whole.min(limit.max(0.01)));
        if self.rng.random_bool(self.weather.deaths) {
            self.deaths += 1;
            let (after, restart) = (self.rng.random_range(0.0..duration), self.rng.random_range(0.1..3.0));
            let event = Event::Left(trainer.worker, "killed".to_owned());
            self.schedule(after, Happening::Event(event));
            let slot = self.slot_of(trainer.worker);
            return self.schedule(after + restart, Happening::Restart(slot));
        }
        let outcome = self.outcome(whole, duration);
        // What is lost in rounding is not lost in training.
        let epochs = ((duration - 0.1) / epoch + 1e-9).floor().max(0.0) as u32;
        let worth = testing::number(&lease.genome) as f64 / 1000.0;
        let score = 1.0 / (1.0 + worth) + 0.01 * f64::from(lease.genome.training.shift);
        let mut trained = fruits(&mut self.rng, epochs.min(planned.max(1)), duration, score);
        trained.outcome = outcome;
        if !outcome.has_fitness() {
            trained = nothing_trained(outcome, "bad luck".to_owned());
        }
        self.tell_of(trainer, lease, epoch, duration, &trained);
        self.deliver(duration, trainer, lease.ticket(), trained);
    }

    /// Progress and heartbeats, unless the trainer falls silent: then it delivers long after its lease is over.
    fn tell_of(&mut self, trainer: TrainerId, lease: &Lease, epoch: f64, duration: f64, trained: &Trained) {
        if self.rng.random_bool(self.weather.silences) {
            return;
        }
        let ticket = lease.ticket();
        for (number, report) in (1..).zip(&trained.curve) {
            let event = Event::Progress(trainer, ticket, *report);
            self.schedule(f64::from(number) * epoch, Happening::Event(event));
        }
        let mut at = 15.0;
        while at < duration {
            self.schedule(at, Happening::Event(Event::Holds(trainer, ticket)));
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

    fn deliver(&mut self, delay: f64, trainer: TrainerId, ticket: Ticket, trained: Trained) {
        let delivery = Delivery { ticket, trained, weights: WeightsPlace::Here };
        if self.rng.random_bool(self.weather.echoes) {
            let echo = Event::Delivered(trainer, Box::new(delivery.clone()));
            let late = delay + self.rng.random_range(0.0..100.0);
            self.schedule(late, Happening::Event(echo));
        }
        self.schedule(delay, Happening::Event(Event::Delivered(trainer, Box::new(delivery))));
        self.schedule(delay, Happening::Done(trainer, ticket));
    }

    fn slot_of(&self, worker: WorkerId) -> u32 {
        self.workers.iter().find(|(_, now)| **now == worker).map_or(0, |(slot, _)| *slot)
    }
}

/// Speeds are log-normal, sigma about 0.5; the same structure always has the same.
pub fn epoch_seconds(kind: LeaseKind, genome: &Genome) -> f64 {
    let images = [800.0, 1000.0, 1200.0, 300.0][kind as usize];
    let mut own = ChaCha8Rng::seed_from_u64(testing::number(genome));
    let spread: f64 = (0..12).map(|_| own.random_range(-0.5..0.5)).sum();
    images / 800.0 * 2.0 * (0.5 * spread).exp()
}

/// The final training is fitted to its time by its trainer.
pub fn planned_epochs(lease: &Lease, epoch_seconds: f64) -> u32 {
    match lease.seconds_max {
        Some(limit) if lease.kind == LeaseKind::Final => {
            ((limit * 0.9 / epoch_seconds) as u32).clamp(1, lease.epochs)
        }
        _ => lease.epochs,
    }
}

/// A training's fruits after so many epochs.
pub fn fruits(rng: &mut ChaCha8Rng, epochs: u32, seconds: f64, score: f64) -> Trained {
    let curve: Vec<EpochReport> = (1..=epochs)
        .map(|epoch| EpochReport {
            epoch,
            training_loss: 1.0,
            validation_loss: 1.0 / f64::from(epoch),
            validation_score: score * f64::from(epoch) / f64::from(epochs) + rng.random_range(0.0..0.02),
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
        latency_seconds: None,
        curve,
        checkpoint: None,
    }
}
