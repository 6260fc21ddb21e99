//! All that a world consists of: its clock, the coordinator, stations with their processes, the lines between them,
//! and what has been seen so far.
//!
//! The parts that act (`coordinator`, `process`, `network`, `checks`, and `world`, which runs it) add their methods;
//! none of them is known here.

use super::happening::{Break, Happening, Word};
use super::invariants::{Ledger, ProcessId};
use super::lines::Network;
use super::weather::Weather;
use crate::agent::state::Agent;
use crate::calendar::Calendar;
use crate::journal::Journal;
use crate::journal::entry::{End, Entry};
use crate::membership::Membership;
use crate::population::effect::Effect;
use crate::population::state::Brain;
use crate::protocol::letters::{NodeName, Predecessor};
use crate::protocol::{Lease, Ticket, WorkerId};
use crate::testing::Minds;
use hatchery_models::training::outcome::{EpochReport, Outcome};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    pub packings: u64,
    pub drained: u64,
    pub twins: u64,
    pub refused: u64,
    pub severed: u64,
    pub partitions: u64,
    pub outages: u64,
    pub failed_commits: u64,
    /// Words that were not said again while the Population did not read, and the most that lay in its mailbox.
    pub held_back: u64,
    pub mail_max: u64,
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

/// A life of the coordinator.
pub struct Coordinator {
    pub life: u32,
    pub asleep: bool,
    pub backlog: Vec<Happening>,
    pub began: f64,
    pub spent: f64,
    pub brain: Brain,
    pub minds: Minds,
    pub membership: Membership,
    pub effects: Vec<Effect>,
    pub flushing: bool,
    pub frozen: Option<Frozen>,
    pub mailbox: VecDeque<Word>,
    /// When the last word to the Population, and to the Hub, arrives: they keep their order.
    pub last: [f64; 2],
    /// When a worker's name was first heard to drain, by its number.
    pub draining: BTreeMap<NodeName, f64>,
    pub names: BTreeMap<WorkerId, NodeName>,
    /// When it was last out of order.
    pub disturbed: f64,
    pub events: u64,
}

/// A batch that waits for the journal.
pub struct Frozen {
    pub entries: Vec<Entry>,
    pub deeds: Vec<Effect>,
    pub pause: f64,
}

/// A host with a supervisor that keeps one worker process running.
pub struct Station {
    pub slots: u32,
    /// How the last process ended, where the supervisor knows.
    pub predecessor: Option<Predecessor>,
}

impl Station {
    pub const fn new(slots: u32) -> Self {
        Self { slots, predecessor: None }
    }
}

/// A worker process.
pub struct Process {
    pub station: usize,
    pub node: NodeName,
    pub agent: Agent,
    pub began: f64,
    /// Seconds before it dials again, at most.
    pub pause: f64,
    pub asleep: bool,
    pub backlog: Vec<Happening>,
    pub draining: bool,
    /// All that was ever kept.
    pub hoard: BTreeSet<Ticket>,
    pub trainings: Vec<Option<Training>>,
}

/// What a made-up trainer is at.
pub struct Training {
    pub number: u64,
    pub lease: Lease,
    pub epochs: u32,
    pub done: u32,
    pub epoch_seconds: f64,
    pub began: f64,
    pub curve: Vec<EpochReport>,
    pub fate: Fate,
    pub ending: bool,
}

/// How a training ends, if nobody stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Ends(Outcome),
    /// Its trainer dies in this epoch.
    Dies(u32),
    /// Its process breaks down in this epoch.
    BreaksDown(u32),
}

impl World {
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

    /// How the search ended, where it has.
    pub fn over(&self) -> Option<&End> {
        self.coordinator.as_ref().and_then(|coordinator| coordinator.brain.end())
    }
}
