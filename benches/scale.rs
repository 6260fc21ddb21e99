//! How many trainers can one coordinator keep at work?
//!
//! `cargo bench --bench scale [-- TRAINERS ..]` prints one line for each number of trainers. Workers, trainings and the
//! network are events under a virtual clock; the coordinator's own work is real: the brains of Membership and
//! Population, the Breeder, and the journal on the disk. Whatever that takes by the machine's clock, the virtual clock
//! passes meanwhile, so that trainers wait for a coordinator that is too slow. All of it happens on one thread, one thing
//! after the other: a coordinator in earnest has a thread each for the journal and the Breeder. What is left out is the
//! way of letters through actors and sockets, which `hatchery bench coordinator` has: `HATCHERY_LETTER_US` microseconds
//! are added for each letter that comes in (default 0).

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use hatchery_actors::{
    calendar::Calendar,
    journal::{Journal, RunInfo},
    link::LinkEvent,
    makers::{Makers, Making, SearchingMakers},
    membership::{Deed, Membership},
    population::{effect::Effect, state::Brain},
    protocol::{
        Event, Maker, Ticket, WorkerId,
        letters::{
            Hello, Letter, NodeName, Order, Report, SlotStatus, Status, ToCoordinator, ToWorker, Welcome,
        },
    },
    replay,
    trainer::simulated::TrainingTime,
};
use hatchery_config::Experiment;
use hatchery_models::{
    problem::{Problem, Task},
    training::outcome::{EpochReport, Outcome},
};
use std::{
    collections::{BTreeSet, HashMap},
    time::Instant,
};

/// Trainings, as over a real search.
const TRAINING: TrainingTime = TrainingTime::LogNormal { mean: 10.0, sigma: 0.5 };

/// GPUs of one host, each a slot of its worker.
const SLOTS: u32 = 8;

/// Seconds on the way, one way.
const LATENCY: f64 = 0.000_5;

/// How often a worker says what it has, and how often the coordinator's clock speaks.
const STATUS_SECONDS: f64 = 2.0;
const TICK_SECONDS: f64 = 0.25;

/// Workers join over so many seconds, ..
const JOINING_SECONDS: f64 = 20.0;

/// .. and from then on it is measured, between these.
const MEASURED: std::ops::Range<f64> = 60.0..120.0;

/// Letters that are taken in at once, as the actors do.
const LETTERS_AT_ONCE: usize = 512;

fn main() {
    let counts: Vec<u32> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![1_000, 18_600, 50_000, 100_000] } else { counts };
    println!(
        "trainers  evaluations/s  utilisation  coordinator busy  of it journal  breeder  letters in/s  RSS MiB"
    );
    for trainers in counts {
        match World::new(trainers).map(World::run) {
            Ok(line) => println!("{line}"),
            Err(error) => println!("{trainers}: {error}"),
        }
    }
}

/// What happens under the virtual clock.
enum What {
    /// A worker says something, and it arrives.
    Arrives(usize, ToCoordinator),
    /// A worker says what it has.
    Speaks(usize),
    /// A training ends.
    Ends(usize, u32, Ticket, f64, f64),
    /// The coordinator's clock.
    Tick,
}

/// A host with its trainers.
struct Worker {
    node: NodeName,
    slots: Vec<SlotStatus>,
    held: BTreeSet<Ticket>,
    statuses: u64,
}

/// Seconds of real work between the ends of the measurement.
#[derive(Clone, Copy, Default)]
struct Spent {
    all: f64,
    journal: f64,
    breeder: f64,
    training: f64,
    evaluations: u64,
    letters: u64,
}

struct World {
    now: f64,
    calendar: Calendar<What>,
    workers: Vec<Worker>,
    by_name: HashMap<NodeName, usize>,
    membership: Membership,
    brain: Brain,
    breeder: Box<dyn Making>,
    journal: Journal,
    trainers: u32,
    letter_seconds: f64,
    spent: Spent,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(trainers: u32) -> Result<Self, Box<dyn std::error::Error>> {
        let sets = [
            "search.strategy=random",
            "search.refiner=off",
            "budget.evaluations=100000000",
            "budget.time=none",
        ];
        let experiment = Experiment::load("digits", &sets.map(str::to_owned))?;
        let problem = Problem {
            channels: 1,
            height: 8,
            width: 8,
            multi_view: false,
            task: Task::Classification { classes: 10 },
        };
        let toml = experiment.to_toml()?;
        let info = RunInfo {
            experiment: toml.clone(),
            data_source: "digits".to_owned(),
            data_hash: "none".to_owned(),
            problem,
            program_version: "bench".to_owned(),
        };
        let folder = tempfile::tempdir()?;
        let mut world = Self {
            now: 0.0,
            calendar: Calendar::default(),
            workers: Vec::new(),
            by_name: HashMap::new(),
            membership: Membership::new(welcome(), WorkerId(1), false),
            brain: Brain::new(replay::settings(&toml)?),
            breeder: SearchingMakers::of(&experiment, problem).mind(Maker::Breeder),
            journal: Journal::create(&folder.path().join("run"), &info)?,
            trainers,
            letter_seconds: std::env::var("HATCHERY_LETTER_US")
                .ok()
                .and_then(|us| us.parse().ok())
                .unwrap_or(0.0)
                * 1e-6,
            spent: Spent::default(),
            _folder: folder,
        };
        world.hire();
        Ok(world)
    }

    fn hire(&mut self) {
        let hosts = self.trainers.div_ceil(SLOTS);
        for number in 0..hosts {
            let slots = SLOTS.min(self.trainers - number * SLOTS);
            let node = NodeName { stable: format!("gpu-{number}"), incarnation: 1 };
            let joins = JOINING_SECONDS * f64::from(number) / f64::from(hosts);
            let index = self.workers.len();
            self.by_name.insert(node.clone(), index);
            let slots = vec![SlotStatus::Idle(None); slots as usize];
            let hello = Hello {
                program_version: "bench".to_owned(),
                host: node.stable.clone(),
                pid: 1,
                devices: vec!["cuda:0".to_owned(); slots.len()],
                http: None,
                predecessor: None,
            };
            self.workers.push(Worker { node, slots, held: BTreeSet::new(), statuses: 0 });
            self.at(joins, What::Arrives(index, ToCoordinator::Hello(hello)));
            self.at(joins + LATENCY, What::Speaks(index));
        }
        self.at(0.0, What::Tick);
    }

    fn at(&mut self, time: f64, what: What) {
        self.calendar.enter(time, what);
    }

    fn run(mut self) -> String {
        while self.now < MEASURED.end {
            let letters = self.what_has_come();
            self.work(letters);
        }
        let (seconds, spent) = (MEASURED.end - MEASURED.start, self.spent);
        format!(
            "{:8} {:14.0} {:12.4} {:17.4} {:14.4} {:8.4} {:13.0} {:8.0}",
            self.trainers,
            spent.evaluations as f64 / seconds,
            spent.training / (seconds * f64::from(self.trainers)),
            spent.all / seconds,
            spent.journal / seconds,
            spent.breeder / seconds,
            spent.letters as f64 / seconds,
            resident_mib(),
        )
    }

    /// Lets the workers live until something has come for the coordinator, and takes in what has come by now.
    fn what_has_come(&mut self) -> Vec<Option<(usize, ToCoordinator)>> {
        let mut come = Vec::new();
        while let Some(time) = self.calendar.next_at() {
            if (time > self.now && !come.is_empty()) || come.len() >= LETTERS_AT_ONCE {
                break;
            }
            let Some((time, what)) = self.calendar.take_next() else { break };
            match what {
                What::Arrives(worker, letter) => {
                    self.now = self.now.max(time);
                    come.push(Some((worker, letter)));
                }
                What::Tick => {
                    self.now = self.now.max(time);
                    self.at(time + TICK_SECONDS, What::Tick);
                    come.push(None);
                }
                What::Speaks(worker) => self.speak(worker, time),
                What::Ends(worker, slot, ticket, seconds, score) => {
                    self.end(worker, slot, ticket, (time, seconds, score));
                }
            }
        }
        come
    }

    fn speak(&mut self, index: usize, time: f64) {
        let worker = &mut self.workers[index];
        worker.statuses += 1;
        let status = Status {
            number: worker.statuses,
            slots: worker.slots.clone(),
            held: worker.held.iter().copied().collect(),
            draining: false,
            memory_bytes: 0,
        };
        self.at(time + LATENCY, What::Arrives(index, ToCoordinator::Status(status)));
        self.at(time + STATUS_SECONDS, What::Speaks(index));
    }

    fn end(&mut self, index: usize, slot: u32, ticket: Ticket, (time, seconds, score): (f64, f64, f64)) {
        let worker = &mut self.workers[index];
        worker.slots[slot as usize] = SlotStatus::Idle(Some(ticket));
        worker.held.insert(ticket);
        if MEASURED.contains(&time) {
            self.spent.evaluations += 1;
            // What lies before the measurement is not of it; what is under way at its end makes up for that.
            self.spent.training += seconds;
        }
        let report = EpochReport {
            epoch: 1,
            training_loss: 1.0,
            validation_loss: 1.0 - score,
            validation_score: score,
            seconds,
        };
        let result = Report {
            ticket,
            slot,
            slot_is_free: true,
            outcome: Outcome::Completed,
            message: String::new(),
            curve: vec![report],
            steps: 1,
            build_seconds: 0.0,
            seconds,
            latency_seconds: None,
            weights: None,
        };
        for letter in [ToCoordinator::Progress(ticket, report), ToCoordinator::Result(Box::new(result))] {
            self.at(time + LATENCY, What::Arrives(index, letter));
        }
    }

    /// The coordinator's work on what has come. The virtual clock passes with the real one.
    fn work(&mut self, come: Vec<Option<(usize, ToCoordinator)>>) {
        let (began, now, before) = (Instant::now(), self.now, self.spent);
        let letters = come.iter().flatten().count();
        let mut deeds = Vec::new();
        let mut events = Vec::new();
        for one in come {
            match one {
                Some((worker, letter)) => {
                    let node = self.workers[worker].node.clone();
                    let letter = Box::new(Letter::ToCoordinator(letter));
                    deeds.extend(self.membership.on_link(LinkEvent::Letter(node, letter), now));
                }
                None => {
                    events.push(Event::Tick);
                    deeds.extend(self.membership.on_tick(now));
                }
            }
        }
        let mut orders = Vec::new();
        while !deeds.is_empty() || !events.is_empty() {
            for deed in std::mem::take(&mut deeds) {
                match deed {
                    Deed::Tell(event) | Deed::Repeat(event) => events.push(event),
                    Deed::Send(node, letter) => orders.push((node, letter)),
                    Deed::HangUp(..) | Deed::ServeData(..) => {}
                }
            }
            let effects =
                std::mem::take(&mut events).into_iter().flat_map(|event| self.brain.on_event(event, now));
            let effects: Vec<Effect> = effects.collect();
            self.perform(effects, &mut deeds, &mut events);
        }
        let took = began.elapsed().as_secs_f64() + letters as f64 * self.letter_seconds;
        if MEASURED.contains(&now) {
            self.spent.all += took;
            self.spent.letters += letters as u64;
        } else {
            (self.spent.journal, self.spent.breeder) = (before.journal, before.breeder);
        }
        self.now += took;
        for (node, letter) in orders {
            self.carry_out(&node, letter);
        }
    }

    fn perform(&mut self, effects: Vec<Effect>, deeds: &mut Vec<Deed>, events: &mut Vec<Event>) {
        let (mut entries, mut rest) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Record(entry) => entries.push(entry),
                other => rest.push(other),
            }
        }
        let began = Instant::now();
        if !entries.is_empty()
            && let Err(error) = self.journal.commit(self.now, &entries)
        {
            println!("the journal cannot be written: {error}");
        }
        self.spent.journal += began.elapsed().as_secs_f64();
        let began = Instant::now();
        for effect in rest {
            match effect {
                Effect::Breed(order) => events.push(match self.breeder.make(&order) {
                    Ok(newborn) => Event::Bred(order.birth, order.draw, Box::new(newborn)),
                    Err(message) => Event::Barren(order.birth, order.draw, message),
                }),
                Effect::Tell(news) => self.breeder.hear(&news),
                Effect::Assign(trainer, lease) => deeds.extend(self.membership.assign(trainer, &lease)),
                Effect::Acknowledge(trainer, ticket) => {
                    deeds.extend(self.membership.acknowledge(trainer, ticket));
                }
                Effect::Abandon(trainer, ticket) => deeds.extend(self.membership.abandon(trainer, ticket)),
                Effect::Advise(trainer, ticket) => deeds.extend(self.membership.advise(trainer, ticket)),
                Effect::Record(_) | Effect::Fetch(..) | Effect::Finish(_) => {}
            }
        }
        self.spent.breeder += began.elapsed().as_secs_f64();
    }

    /// What a worker does with a letter, half a millisecond later.
    fn carry_out(&mut self, node: &NodeName, letter: ToWorker) {
        let Some(&index) = self.by_name.get(node) else { return };
        match letter {
            ToWorker::Assign(slot, order) => self.begin(index, slot, &order),
            ToWorker::Acknowledge(ticket) => _ = self.workers[index].held.remove(&ticket),
            _ => {}
        }
    }

    fn begin(&mut self, index: usize, slot: u32, order: &Order) {
        self.workers[index].slots[slot as usize] = SlotStatus::Running(order.ticket);
        let (seconds, score) = (TRAINING.seconds(order.seed), (order.seed % 10_007) as f64 / 10_007.0);
        let ends = self.now + LATENCY + seconds;
        self.at(ends, What::Ends(index, slot, order.ticket, seconds, score));
    }
}

fn welcome() -> Welcome {
    Welcome {
        run: "bench".to_owned(),
        experiment: String::new(),
        data_hash: String::new(),
        threads: 1,
        trainers: 1,
    }
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").trim().parse::<f64>().ok()).unwrap_or(0.0)
        / 1024.0
}
