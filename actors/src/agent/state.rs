//! All that an agent remembers, and the few things that every part of it does: saying, asking, ending.
//!
//! The parts that decide (`brain`, `slots`) add their methods; none of them is known here.

use crate::freight::Download;
use crate::metrics::WorkerStanding;
use crate::protocol::letters::{BlobName, Hello, NodeName, SlotStatus, Status, ToCoordinator, Welcome};
use crate::protocol::{Lease, Ticket};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What a slot does.
#[derive(Clone, Debug)]
pub enum Slot {
    /// Its trainer is being started.
    Starting {
        /// What it took last.
        last: Option<Ticket>,
    },
    /// It can take work.
    Idle {
        /// What it took last.
        last: Option<Ticket>,
    },
    /// It waits for what its order needs.
    Fetching(Box<Fetching>),
    /// Its trainer is at it.
    Running {
        /// What it took.
        ticket: Ticket,
        /// Nobody wants it any more.
        abandoned: bool,
    },
}

/// An order that waits for blobs.
#[derive(Clone, Debug)]
pub struct Fetching {
    pub(super) lease: Lease,
    pub(super) downloads: BTreeMap<BlobName, Download>,
}

/// What an attempt has left, until it is acknowledged.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What is said about it.
    pub letter: ToCoordinator,
    /// What may be asked for.
    pub blob: Option<(BlobName, Arc<[u8]>)>,
    /// When it was said last.
    pub said: f64,
}

impl Slot {
    /// What it has been given and not finished.
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Starting { .. } | Self::Idle { .. } => None,
            Self::Fetching(fetching) => Some(fetching.lease.ticket()),
            Self::Running { ticket, .. } => Some(*ticket),
        }
    }

    /// In a status, where it rests or not.
    pub fn status(&self, rests: bool) -> SlotStatus {
        match self {
            Self::Starting { .. } => SlotStatus::Starting,
            Self::Idle { last } if rests => SlotStatus::Resting(*last),
            Self::Idle { last } => SlotStatus::Idle(*last),
            Self::Fetching(fetching) => SlotStatus::Running(fetching.lease.ticket()),
            Self::Running { ticket, .. } => SlotStatus::Running(*ticket),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Send this letter.
    Send(NodeName, ToCoordinator),
    /// Make ready for this run: load its data, then start the trainers.
    Outfit(Box<Welcome>),
    /// Begin this, in this slot.
    Start(u32, Box<Lease>),
    /// End what this slot is at within one step, and report.
    Stop(u32),
    /// Give up what this slot is at within one step, and keep its state.
    HandBack(u32),
    /// The data set that was asked for, or why it cannot be had.
    Fetched(Result<Vec<u8>, String>),
    /// This worker ends.
    End(Ending),
}

/// How a worker ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The run is over.
    Finished(String),
    /// It was asked to end, and has given back what it had.
    Drained(String),
    /// The coordinator has asked it to end, and it has given back what it had: it is not to come again.
    Dismissed(String),
    /// The coordinator does not want it.
    Refused(String),
    /// It cannot work.
    Unable(String),
    /// There was no coordinator for too long.
    Abandoned(String),
    /// The coordinator is at another run than the one that this worker is ready for.
    OtherRun,
}

/// The times that a user may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// Seconds that a draining worker has.
    pub grace: f64,
    /// Seconds without a coordinator after which it gives up.
    pub lonely: f64,
}

/// A worker that is about to end.
#[derive(Clone, Debug)]
pub(super) struct Draining {
    pub(super) since: f64,
    pub(super) reason: String,
    pub(super) handing_back: bool,
    /// Whether the coordinator wants it.
    pub(super) dismissed: bool,
}

/// The worker's side of the cluster.
#[derive(Clone, Debug)]
pub struct Agent {
    pub(super) hello: Hello,
    pub(super) patience: Patience,
    pub(super) coordinator: Option<NodeName>,
    pub(super) lonely_since: f64,
    /// Whether the coordinator has answered on this connection.
    pub(super) welcomed: bool,
    pub(super) greeted: f64,
    pub(super) run: Option<String>,
    pub(super) slots: Vec<Slot>,
    /// Slots that are to take nothing more for now. What was on its way to them is begun all the same.
    pub(super) resting: BTreeSet<u32>,
    pub(super) kept: BTreeMap<Ticket, Kept>,
    pub(super) remembered: VecDeque<Ticket>,
    pub(super) data: Option<(BlobName, Download)>,
    pub(super) draining: Option<Draining>,
    pub(super) status: u64,
    pub(super) said: f64,
    pub(super) memory_bytes: u64,
    pub(super) ended: bool,
    pub(super) out: Vec<Deed>,
}

impl Agent {
    /// A worker that has not met its coordinator yet. It has one slot for each of the hello's devices.
    pub fn new(hello: Hello, patience: Patience, now: f64) -> Self {
        Self {
            slots: hello.devices.iter().map(|_| Slot::Starting { last: None }).collect(),
            resting: BTreeSet::new(),
            hello,
            patience,
            coordinator: None,
            lonely_since: now,
            welcomed: false,
            greeted: now,
            run: None,
            kept: BTreeMap::new(),
            remembered: VecDeque::new(),
            data: None,
            draining: None,
            status: 0,
            said: now,
            memory_bytes: 0,
            ended: false,
            out: Vec::new(),
        }
    }

    /// How it stands, for those who watch it.
    pub fn standing(&self) -> WorkerStanding {
        let mut standing = WorkerStanding {
            unacknowledged: self.kept.len(),
            connected: self.welcomed && self.coordinator.is_some(),
            ..WorkerStanding::default()
        };
        for (index, slot) in (0..).zip(&self.slots) {
            match slot {
                Slot::Starting { .. } => standing.starting += 1,
                Slot::Idle { .. } if self.rests(index) => standing.resting += 1,
                Slot::Idle { .. } => standing.idle += 1,
                Slot::Fetching(_) => standing.fetching += 1,
                Slot::Running { .. } => standing.running += 1,
            }
        }
        standing
    }

    pub(super) fn rests(&self, slot: u32) -> bool {
        self.resting.contains(&slot)
    }

    pub(super) fn ask(&mut self, name: &BlobName, offsets: &[u64]) {
        for offset in offsets {
            self.say(ToCoordinator::Ask(name.clone(), *offset));
        }
    }

    pub(super) fn say(&mut self, letter: ToCoordinator) {
        let hello = matches!(letter, ToCoordinator::Hello(_));
        if let Some(coordinator) = self.coordinator.clone().filter(|_| hello || self.welcomed) {
            self.out.push(Deed::Send(coordinator, letter));
        }
    }

    /// What every slot is doing.
    pub(super) fn say_status(&mut self) {
        self.status += 1;
        let status = Status {
            number: self.status,
            slots: (0..).zip(&self.slots).map(|(slot, state)| state.status(self.rests(slot))).collect(),
            held: self.kept.keys().copied().collect(),
            draining: self.draining.is_some(),
            memory_bytes: self.memory_bytes,
        };
        self.say(ToCoordinator::Status(status));
    }

    pub(super) fn end(&mut self, ending: Ending) {
        if !self.ended {
            self.ended = true;
            self.out.push(Deed::End(ending));
        }
    }

    pub(super) fn take(&mut self) -> Vec<Deed> {
        std::mem::take(&mut self.out)
    }
}
