//! What the actors can be told: their mailboxes' types, apart from the actors, so that each can name the others'.

use crate::link::LinkEvent;
use crate::protocol::letters::BlobName;
use crate::protocol::{BreedOrder, Event, Lease, News, Ticket, TrainerId};
use crate::remote::{Answer, Asked};
use crate::trainer::outfit::Outfit;
use hatchery_models::training::outcome::{EpochReport, Trained};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a Population can be told.
pub enum PopulationMessage {
    /// These things happened, in this order.
    Events(Vec<Event>),
    /// By itself: commit and perform.
    Flush,
    /// From outside.
    Asked(Asked),
    /// By the clock.
    Tick,
}

/// What a maker of networks can be told: these words, in this order.
pub struct MakerMessage(pub Vec<MakerWord>);

/// A word to a maker of networks.
pub enum MakerWord {
    /// Make a network.
    Order(BreedOrder),
    /// Learn this.
    News(News),
}

/// What the coordinator's Hub can be told.
pub enum HubMessage {
    /// By the link: these things have come in, in this order.
    Link(Vec<LinkEvent>),
    /// By the Population: these are to be run, in this order.
    Errands(Vec<Errand>),
    /// From outside: let this node take no more work, and end.
    Drain(String, Answer),
    /// By itself: the data set is packed for sending.
    Packed(Arc<[u8]>),
    /// By the Population: the run is over, and why. Answered when all workers know.
    Finish(String, oneshot::Sender<()>),
    /// By the clock.
    Tick,
}

/// An errand of the Population's to a trainer or its worker.
pub enum Errand {
    /// Give a trainer work.
    Assign(TrainerId, Box<Lease>),
    /// Ask for an early end.
    Advise(TrainerId, Ticket),
    /// What this attempt has left is recorded.
    Acknowledge(TrainerId, Ticket),
    /// This attempt is no longer wanted.
    Abandon(TrainerId, Ticket),
    /// Get the weights that this attempt has left.
    Fetch(TrainerId, Ticket),
}

/// What a worker's Agent can be told.
pub enum AgentMessage {
    /// By the link: these things have come in, in this order.
    Link(Vec<LinkEvent>),
    /// By itself: send what there is to say.
    Flush,
    /// By its own preparation: what the trainers work with, or why there is nothing.
    Outfitted(Result<Outfit, String>),
    /// By its own preparation: this blob is wanted from the coordinator.
    Want(BlobName, oneshot::Sender<Result<Vec<u8>, String>>),
    /// By the trainer of this slot.
    Slot(u32, SlotReport),
    /// By the Node: the trainer of this slot has died, and why. Another is being started.
    Died(u32, String),
    /// By the process: take no more work, give back what is under way, and end; and why.
    Drain(String),
    /// By the clock.
    Tick,
}

/// What a trainer says.
pub enum SlotReport {
    /// It can work.
    Able,
    /// It cannot work at all, and why.
    Unable(String),
    /// This attempt will have so many epochs.
    Planned(Ticket, u32),
    /// An epoch is finished.
    Epoch(Ticket, EpochReport),
    /// This attempt has ended.
    Done(Ticket, Box<Trained>),
}

/// What the Node of a worker can be told.
pub enum NodeMessage {
    /// By itself, after a pause: start the trainer of this slot, for so many times before.
    Start(u32, u32),
    /// By the Agent: for the trainer of this slot.
    Trainer(u32, TrainerMessage),
}

/// What a trainer can be told.
pub enum TrainerMessage {
    /// By the Agent: do this.
    Assign(Box<Lease>),
    /// By the Agent: end what is under way early, and report.
    Stop,
    /// By the Agent: give up what is under way, and keep its state.
    HandBack,
    /// By its thread.
    Thread(SlotReport),
}

impl ractor::Message for PopulationMessage {}
impl ractor::Message for MakerMessage {}
impl ractor::Message for HubMessage {}
impl ractor::Message for AgentMessage {}
impl ractor::Message for NodeMessage {}
impl ractor::Message for TrainerMessage {}
