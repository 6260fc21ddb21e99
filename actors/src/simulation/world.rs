//! The world: a virtual clock, one coordinator, workers, the network between them, and what befalls them.

use super::calendar::Calendar;
use super::coordinator::{Coordinator, Word};
use super::invariants::{Breach, Cluster, Ledger, ProcessId};
use super::network::{Network, Side};
use super::process::{Process, Ready, Report, Station};
use super::weather::{Trouble, Weather};
use crate::journal::entry::{End, Stage};
use crate::journal::{EvaluationState, Journal};
use crate::protocol::LeaseKind;
use crate::protocol::letters::Letter;
use crate::testing;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Events of one world, at most.
const EVENTS_MAX: u64 = 3_000_000;

/// Seconds of one world, at most: the longest sky clears after 400.
const SECONDS_MAX: f64 = 6_000.0;

/// After the end of the run, workers have so long to take note.
const FAREWELL_SECONDS: f64 = 3.0;

/// A deliberate mistake of the world's, to show that the invariants see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The coordinator acknowledges results as they come in.
    AcknowledgeBeforeCommit,
    /// Results are recorded twice.
    RecordTwice,
    /// An agent forgets what it has kept.
    ForgetKept,
    /// A worker begins an order twice.
    BeginTwice,
    /// An agent forgets nothing.
    KeepEverything,
    /// The Population does not hear of workers that are about to end.
    OrderTheDraining,
    /// A slot counts as free while it is at work.
    FreeTooEarly,
    /// A state is damaged on its way.
    DamageState,
    /// The Breeder never answers.
    BreedNothing,
    /// The journal leaves results out.
    RecordNothing,
}

/// What happens next.
pub enum Happening {
    /// A process dials.
    Dial(ProcessId),
    /// A line is ready at this side.
    Rise(u64, Side),
    /// A line ends at this side, and why.
    Fall(u64, Side, String),
    /// A letter reaches this side of a line.
    Arrive(u64, Side, Letter),
    /// A process's clock.
    Process(ProcessId),
    /// A process's preparation.
    Prepared(ProcessId, Ready),
    /// A trainer of a process, in a slot, at a training.
    Trainer(ProcessId, u32, u64, Report),
    /// A stopped process goes on.
    Wake(ProcessId),
    /// A supervisor starts a process.
    Start(usize),
    /// The coordinator's process starts.
    StartCoordinator,
    /// The stopped coordinator goes on, in this life.
    WakeCoordinator(u32),
    /// A word to an actor of the coordinator's, in this life.
    Coordinator(u32, Word),
    /// Something goes wrong.
    Trouble,
}

/// What a world has seen, added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub events: u64,
    pub connections: u64,
    pub lost: u64,
    pub doubled: u64,
    pub overtaken: u64,
    pub too_late: u64,
    pub unsent: u64,
    pub hung_up: u64,
    pub crashes: u64,
    pub kills: u64,
    pub hangs: u64,
    pub stalls: u64,
    pub drains: u64,
    pub drained: u64,
    pub twins: u64,
    pub refused: u64,
    pub severed: u64,
    pub partitions: u64,
    pub outages: u64,
    pub failed_commits: u64,
    pub coordinator_kills: u64,
    pub kills_before_commit: u64,
    pub kills_after_commit: u64,
    pub lonely: u64,
    pub finished: u64,
    pub trainers_died: u64,
    pub abandoned: u64,
    pub checkpoints: u64,
    pub resumed: u64,
    pub inherited: u64,
    pub weights: u64,
    pub data: u64,
    pub claims: u64,
    pub retries: u64,
    pub losses: u64,
    pub evidence: u64,
    pub superseded: u64,
    pub completed: u64,
}

/// A world.
pub struct World {
    pub seed: u64,
    pub weather: Weather,
    pub rng: ChaCha8Rng,
    pub now: f64,
    pub calendar: Calendar<Happening>,
    pub network: Network,
    pub journal: Journal,
    pub coordinator: Option<Coordinator>,
    pub life: u32,
    /// The journal cannot be written until then.
    pub outage: f64,
    pub stations: Vec<Station>,
    pub processes: BTreeMap<ProcessId, Process>,
    pub last_process: ProcessId,
    pub last_training: u64,
    pub last_removed: Option<(usize, u64)>,
    pub ledger: Ledger,
    pub count: Count,
    pub broken: Option<Break>,
    /// The run's end, and when the workers were told.
    pub finished: Option<(End, f64)>,
    pub tracing: Option<fn(f64, &str)>,
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let mut world = Self {
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0xc1_05_7e_12),
            seed,
            now: 0.0,
            calendar: Calendar::new(),
            network: Network::default(),
            journal: Journal::in_memory(&testing::run_info()).unwrap(),
            coordinator: None,
            life: 0,
            outage: 0.0,
            stations: weather.slots.iter().map(|slots| Station::new(*slots)).collect(),
            processes: BTreeMap::new(),
            last_process: 0,
            last_training: 0,
            last_removed: None,
            ledger: Ledger::default(),
            count: Count::default(),
            broken: None,
            finished: None,
            tracing: None,
            weather,
        };
        world.later(0.0, Happening::StartCoordinator);
        for station in 0..world.stations.len() {
            let delay = world.rng.random_range(0.0..3.0);
            world.later(delay, Happening::Start(station));
        }
        world.expect_trouble();
        world
    }

    pub fn later(&mut self, delay: f64, happening: Happening) {
        self.calendar.enter(self.now + delay, happening);
    }

    pub fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random_bool(share)
    }

    pub fn trace(&self, what: impl FnOnce() -> String) {
        if let Some(trace) = self.tracing {
            trace(self.now, &what());
        }
    }

    /// Runs to the end, or to the first breach.
    pub fn run(mut self) -> Result<Count, Breach> {
        while self.ledger.breaches.is_empty() && !self.is_over() {
            let Some((at, happening)) = self.calendar.next() else { break };
            self.now = at;
            self.count.events += 1;
            self.happen(happening);
            if self.now > SECONDS_MAX || self.count.events > EVENTS_MAX {
                let (now, events) = (self.now, self.count.events);
                self.ledger.breach(Cluster::ItEnds, &format!("{events} events, {now:.0} s"));
            }
        }
        if self.ledger.breaches.is_empty() {
            self.judge();
        }
        let Ledger { claims, retries, losses, evidence, superseded, breaches, .. } = self.ledger;
        match breaches.into_iter().next() {
            None => Ok(Count { claims, retries, losses, evidence, superseded, ..self.count }),
            Some(breach) => {
                let text = format!("{breach}, at {:.3} s", self.now);
                Err(Breach { text, ..breach })
            }
        }
    }

    fn is_over(&self) -> bool {
        let members = self.coordinator.as_ref().is_some_and(|coordinator| !coordinator.membership.is_empty());
        self.finished.as_ref().is_some_and(|(_, at)| !members || self.now - at > FAREWELL_SECONDS)
    }

    fn happen(&mut self, happening: Happening) {
        let Some(happening) = self.unless_asleep(happening) else { return };
        match happening {
            Happening::Dial(process) => self.dial(process),
            Happening::Rise(line, side) => self.rise(line, side),
            Happening::Fall(line, side, reason) => self.fall(line, side, &reason),
            Happening::Arrive(line, side, letter) => self.arrive(line, side, letter),
            Happening::Process(process) => self.process_tick(process),
            Happening::Prepared(process, ready) => self.prepared(process, ready),
            Happening::Trainer(process, slot, number, report) => {
                self.trainer_says(process, slot, number, report);
            }
            Happening::Wake(process) => self.wake_process(process),
            Happening::Start(station) => self.start_process(station),
            Happening::StartCoordinator => self.start_coordinator(),
            Happening::WakeCoordinator(life) => self.wake_coordinator(life),
            Happening::Coordinator(life, word) => {
                if self.coordinator.as_ref().is_some_and(|now| now.life == life) {
                    self.coordinator_acts(word);
                }
            }
            Happening::Trouble => self.trouble(),
        }
    }

    /// What comes to a stopped process waits until it goes on; what comes to one that is gone is lost.
    fn unless_asleep(&mut self, happening: Happening) -> Option<Happening> {
        let (process, coordinator) = match &happening {
            Happening::Dial(id)
            | Happening::Process(id)
            | Happening::Prepared(id, _)
            | Happening::Trainer(id, ..) => (Some(*id), None),
            Happening::Rise(line, Side::Worker)
            | Happening::Fall(line, Side::Worker, _)
            | Happening::Arrive(line, Side::Worker, _) => (Some(self.ends_of(*line)?.0), None),
            Happening::Rise(line, Side::Coordinator)
            | Happening::Fall(line, Side::Coordinator, _)
            | Happening::Arrive(line, Side::Coordinator, _) => (None, Some(self.ends_of(*line)?.1)),
            Happening::Coordinator(life, _) => (None, Some(*life)),
            _ => (None, None),
        };
        if let Some(id) = process {
            let process = self.processes.get_mut(&id)?;
            if process.asleep {
                process.backlog.push(happening);
                return None;
            }
        }
        if let Some(life) = coordinator {
            let coordinator = self.coordinator.as_mut().filter(|now| now.life == life)?;
            if coordinator.asleep {
                coordinator.backlog.push(happening);
                return None;
            }
        }
        Some(happening)
    }

    fn expect_trouble(&mut self) {
        if self.weather.troubles.is_empty() {
            return;
        }
        let share: f64 = self.rng.random_range(1e-9..1.0);
        let delay = -share.ln() * self.weather.trouble_seconds;
        if self.now + delay < self.weather.clears_at {
            self.later(delay, Happening::Trouble);
        }
    }

    fn trouble(&mut self) {
        self.expect_trouble();
        let kinds = self.weather.troubles.len();
        let trouble = self.weather.troubles[self.rng.random_range(0..kinds)];
        let station = self.rng.random_range(0..self.stations.len());
        let there: Vec<ProcessId> =
            self.processes.iter().filter(|(_, of)| of.station == station).map(|(id, _)| *id).collect();
        self.trace(|| format!("trouble: {trouble:?} at station {station}"));
        match (trouble, there.first().copied()) {
            (Trouble::KillCoordinator, _) => {
                if self.over().is_none() {
                    self.kill_coordinator();
                }
            }
            (Trouble::StallCoordinator, _) => self.stall_coordinator(),
            (Trouble::Outage, _) => {
                self.count.outages += 1;
                self.outage = self.now + self.rng.random_range(0.5..50.0);
            }
            (Trouble::Partition, _) => {
                self.count.partitions += 1;
                let seconds = self.rng.random_range(0.5..60.0);
                self.cut_off(station, seconds);
            }
            (_, None) => {}
            (Trouble::Crash, Some(id)) => {
                self.count.crashes += 1;
                self.end_process(id, true, "SIGBUS");
            }
            (Trouble::Kill, Some(id)) => {
                self.count.kills += 1;
                self.end_process(id, false, "SIGKILL");
            }
            (Trouble::Hang, Some(id)) => {
                let seconds = self.rng.random_range(1.0..60.0);
                self.hang_process(id, seconds);
            }
            (Trouble::Drain, Some(id)) => {
                self.count.drains += 1;
                self.drain_process(id);
            }
            (Trouble::Twin, Some(_)) => {
                if there.len() == 1 {
                    self.count.twins += 1;
                    self.start_process(station);
                }
            }
            (Trouble::Sever, Some(id)) => {
                self.count.severed += 1;
                let side = if self.rng.random_bool(0.5) { Side::Worker } else { Side::Coordinator };
                if let Some(line) = self.line_of(id) {
                    self.later(0.0, Happening::Fall(line, side, "the line breaks".to_owned()));
                }
            }
        }
    }

    /// What must be true at the end.
    fn judge(&mut self) {
        let Some((end, _)) = self.finished.clone() else {
            return self.ledger.breach(Cluster::ItEnds, "nothing happens any more");
        };
        let record = self.journal.record().unwrap();
        let (search, others): (Vec<_>, Vec<_>) =
            record.evaluations.iter().partition(|of| of.kind == LeaseKind::Search);
        let mut wrong = Vec::new();
        let running = record.evaluations.iter().filter(|of| of.state == EvaluationState::Running).count();
        if running > 0 && !matches!(end, End::Failed(_)) {
            wrong.push(format!("{running} evaluations are running in the journal"));
        }
        let done = search.iter().filter(|of| of.state == EvaluationState::Finished).count() as u32;
        let counted = self.coordinator.as_ref().map(|now| now.brain.snapshot(self.now).evaluations);
        if counted != Some(done) {
            wrong.push(format!("{done} evaluations are recorded, {counted:?} counted"));
        }
        let tests = others.iter().filter(|of| of.kind == LeaseKind::Test && of.score.is_some()).count();
        match &end {
            End::Completed => {
                self.count.completed += 1;
                if self.weather.search.time.is_none() && self.weather.search.evaluations != Some(done) {
                    wrong.push(format!("{done} of {:?} evaluations", self.weather.search.evaluations));
                }
                if tests != 1 || record.stage != Stage::Done {
                    wrong.push(format!("the winner was tested {tests} times"));
                }
            }
            End::Failed(message) => {
                let why =
                    ["none of", "crashed", "the time was over", "no network", "the test of", "no weights"];
                if !why.iter().any(|why| message.contains(why)) {
                    wrong.push(message.clone());
                }
            }
            End::Interrupted => wrong.push("nobody interrupted".to_owned()),
        }
        for detail in wrong {
            self.ledger.breach(Cluster::BudgetIsUsed, &detail);
        }
    }
}
