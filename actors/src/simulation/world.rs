//! The world: a virtual clock, one coordinator, workers, the network between them, and what befalls them.

use super::happening::{Happening, Side};
use super::invariants::{Breach, Cluster, Ledger, ProcessId};
use super::lines::Network;
use super::state::{Count, Station, World};
use super::weather::{Trouble, Weather};
use crate::calendar::Calendar;
use crate::journal::entry::{End, Stage};
use crate::journal::{EvaluationState, Journal};
use crate::protocol::LeaseKind;
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

impl World {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let mut world = Self {
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0xc1_05_7e_12),
            seed,
            now: 0.0,
            calendar: Calendar::default(),
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

    /// Runs to the end, or to the first breach.
    pub fn run(mut self) -> Result<Count, Breach> {
        while self.goes_on() {}
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

    /// Runs until then.
    pub fn run_until(&mut self, seconds: f64) {
        while self.now < seconds && self.goes_on() {}
    }

    /// The next thing happens, where there is one, and nothing was broken.
    fn goes_on(&mut self) -> bool {
        if !self.ledger.breaches.is_empty() || self.is_over() {
            return false;
        }
        let Some((at, happening)) = self.calendar.take_next() else { return false };
        self.now = at;
        self.count.events += 1;
        self.happen(happening);
        if self.now > SECONDS_MAX || self.count.events > EVENTS_MAX {
            let (now, events) = (self.now, self.count.events);
            self.ledger.breach(Cluster::ItEnds, &format!("{events} events, {now:.0} s"));
        }
        true
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
