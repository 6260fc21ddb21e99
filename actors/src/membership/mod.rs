//! Membership: which workers there are, what they say they have, and when one counts as gone.
//!
//! The coordinator's half of the conversation with its workers, pure: letters and the time go in, letters and events
//! for the Population come out. It knows no score, no journal and no connection. Letters may be lost, doubled or late
//! (`protocol::letters`); whatever is believed here about a worker is corrected by its next status.
//!
//! - `roll`: who joins, who is given up; `past`: who is gone;
//! - `status`: what a worker's status says about its slots;
//! - `results`: what attempts leave, and the blobs that they consist of; `bequests`: those that many children begin
//!   with.

mod bequests;
mod past;
mod results;
mod roll;
mod status;
#[cfg(test)]
mod tests;

use crate::freight::Download;
use crate::link::LinkEvent;
use crate::progress::NodeProgress;
use crate::protocol::letters::{BlobName, Letter, NodeName, Report, ToCoordinator, ToWorker, Welcome};
use crate::protocol::{Event, Ticket, TrainerId, WorkerFacts, WorkerId};
use bequests::Bequests;
use past::Past;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use roll::{GRACE_SECONDS, SILENCE_SECONDS};

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Send this letter.
    Send(NodeName, ToWorker),
    /// Tell the Population.
    Tell(Event),
    /// The same, of what a worker says again and again until it is answered: not to be said while the Population does
    /// not read.
    Repeat(Event),
    /// End the connection, and why.
    HangUp(NodeName, String),
    /// Send a piece of the data set.
    ServeData(NodeName, BlobName, u64),
}

/// What a slot does, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// Unknown, or not ready: its worker's next status says.
    Unknown,
    /// Can take work, and the Population has been told.
    Free,
    /// Has been given this, or says that it is at it.
    Assigned(Ticket),
}

/// A worker.
#[derive(Clone, Debug)]
struct Member {
    node: NodeName,
    slots: Vec<Slot>,
    facts: WorkerFacts,
    http: Option<String>,
    draining: bool,
    /// When it was last heard of.
    heard: f64,
    /// Since when there is no connection.
    down: Option<(f64, String)>,
    /// Number of the last status.
    status: u64,
    memory_bytes: u64,
    /// Takes no more work: it is about to end, or has left much that is not recorded yet.
    shut: bool,
    /// Results without their weights, until they are acknowledged.
    reports: BTreeMap<Ticket, Report>,
    /// What is being fetched from it.
    downloads: BTreeMap<BlobName, (Ticket, Download)>,
    /// What it may fetch: weights and checkpoints of its orders.
    offers: BTreeMap<BlobName, Arc<[u8]>>,
}

/// The coordinator's side of the cluster.
#[derive(Clone, Debug)]
pub struct Membership {
    welcome: Welcome,
    sole: bool,
    members: BTreeMap<WorkerId, Member>,
    /// Which number the process of a name has now.
    present: BTreeMap<NodeName, WorkerId>,
    /// Which number an incarnation had that is gone, for evidence that comes later.
    past: Past,
    bequests: Bequests,
    /// Since when somebody asks to join under a name that is taken.
    knocking: BTreeMap<NodeName, f64>,
    /// When the clock was last heard.
    ticked: f64,
    next: u32,
    finished: Option<String>,
    out: Vec<Deed>,
}

impl Membership {
    /// An empty one. Workers are numbered from `first`: a coordinator that is started again goes on counting. Where
    /// its first worker is the only one that there will be (`sole`), the search ends when that one cannot work.
    pub const fn new(welcome: Welcome, first: WorkerId, sole: bool) -> Self {
        Self {
            welcome,
            sole,
            members: BTreeMap::new(),
            present: BTreeMap::new(),
            past: Past::new(),
            bequests: Bequests::new(),
            knocking: BTreeMap::new(),
            ticked: 0.0,
            next: first.0,
            finished: None,
            out: Vec::new(),
        }
    }

    /// Something has come in.
    pub fn on_link(&mut self, event: LinkEvent, now: f64) -> Vec<Deed> {
        match event {
            // Its hello follows.
            LinkEvent::Up(_) => {}
            LinkEvent::Down(node, reason) => self.down(&node, &reason, now),
            LinkEvent::Letter(node, letter) => match *letter {
                Letter::ToCoordinator(letter) => self.letter(&node, letter, now),
                Letter::ToWorker(_) => {
                    let reason = "it speaks as a coordinator does".to_owned();
                    self.out.push(Deed::HangUp(node, reason));
                }
            },
            LinkEvent::OtherVersion(node, theirs) => {
                tracing::warn!(%node, theirs, "a worker of another version was refused");
            }
            LinkEvent::Refused(node, reason) => {
                tracing::warn!(%node, reason, "a node refuses this coordinator");
            }
        }
        std::mem::take(&mut self.out)
    }

    /// Time passes.
    pub fn on_tick(&mut self, now: f64) -> Vec<Deed> {
        self.give_up_silent(now);
        self.ask_again(now);
        std::mem::take(&mut self.out)
    }

    fn letter(&mut self, node: &NodeName, letter: ToCoordinator, now: f64) {
        if let ToCoordinator::Hello(hello) = letter {
            return self.hello(node, hello, now);
        }
        let Some(&worker) = self.present.get(node) else {
            // Given up, or unknown: it has to introduce itself (again), which it does on every new connection.
            let reason = "it has not introduced itself, or was given up".to_owned();
            return self.out.push(Deed::HangUp(node.clone(), reason));
        };
        if let Some(member) = self.members.get_mut(&worker) {
            (member.heard, member.down) = (now, None);
        }
        match letter {
            ToCoordinator::Hello(_) => {}
            ToCoordinator::Status(status) => self.status(worker, status),
            ToCoordinator::Planned(ticket, epochs) => {
                let trainer = self.trainer_at(worker, ticket);
                self.tell(Event::Planned(trainer, ticket, epochs));
            }
            ToCoordinator::Progress(ticket, report) => {
                let trainer = self.trainer_at(worker, ticket);
                self.tell(Event::Progress(trainer, ticket, report));
            }
            ToCoordinator::Result(report) => self.result(worker, *report),
            ToCoordinator::HandedBack(back) => self.handed_back(worker, back, now),
            ToCoordinator::Ask(blob, offset) => self.serve(worker, blob, offset),
            ToCoordinator::Piece(piece) => self.piece(worker, piece, now),
            ToCoordinator::Missing(blob, reason) => self.missing(worker, &blob, &reason),
            ToCoordinator::Unable(reason) => {
                tracing::error!(%node, reason, "a worker cannot work");
                if self.sole {
                    self.tell(Event::Broken(format!("the trainers cannot work: {reason}")));
                }
                self.leave(worker, &format!("it cannot work: {reason}"));
                self.out.push(Deed::HangUp(node.clone(), "it cannot work".to_owned()));
            }
            ToCoordinator::Goodbye(reason) => self.leave(worker, &format!("it said goodbye: {reason}")),
        }
    }

    fn tell(&mut self, event: Event) {
        self.out.push(Deed::Tell(event));
    }

    fn repeat(&mut self, event: Event) {
        self.out.push(Deed::Repeat(event));
    }

    fn send(&mut self, worker: WorkerId, letter: ToWorker) {
        if let Some(member) = self.members.get(&worker) {
            self.out.push(Deed::Send(member.node.clone(), letter));
        }
    }

    /// The slot that has this ticket; the first where none is known to have it.
    fn trainer_at(&self, worker: WorkerId, ticket: Ticket) -> TrainerId {
        let slots = self.members.get(&worker).map(|member| member.slots.as_slice()).unwrap_or_default();
        let slot = slots.iter().position(|slot| *slot == Slot::Assigned(ticket)).unwrap_or(0);
        TrainerId { worker, slot: u32::try_from(slot).unwrap_or(u32::MAX) }
    }

    /// Memory of all workers, as they say.
    pub fn memory_bytes(&self) -> u64 {
        self.members.values().map(|member| member.memory_bytes).sum()
    }

    /// The workers that are here, as those who watch see them.
    pub fn present(&self, now: f64) -> Vec<NodeProgress> {
        let node = |(worker, member): (&WorkerId, &Member)| NodeProgress {
            worker: *worker,
            name: member.facts.node.clone(),
            host: member.facts.host.clone(),
            devices: member.facts.devices.clone(),
            http: member.http.clone(),
            silent_seconds: (now - member.heard).max(0.0),
            draining: member.draining,
            memory_bytes: member.memory_bytes,
        };
        self.members.iter().map(node).collect()
    }

    /// How many workers there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The name of a worker's process.
    pub fn name_of(&self, worker: WorkerId) -> Option<&NodeName> {
        self.members.get(&worker).map(|member| &member.node)
    }

    /// What is kept for each worker: reports, blobs being fetched, and blobs offered, added up; and its slots.
    pub fn burdens(&self) -> impl Iterator<Item = (usize, usize)> {
        self.members.values().map(|member| {
            (member.reports.len() + member.downloads.len() + member.offers.len(), member.slots.len())
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// What a hello says about its worker.
fn facts(node: &NodeName, hello: &crate::protocol::letters::Hello) -> WorkerFacts {
    WorkerFacts {
        node: node.stable.clone(),
        host: hello.host.clone(),
        pid: hello.pid,
        devices: hello.devices.clone(),
        program_version: hello.program_version.clone(),
    }
}
