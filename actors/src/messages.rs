//! What the actors can be told: their mailboxes' types, apart from the actors, so that each can name the others'.

use crate::protocol::{BreedOrder, Delivery, EvaluationId, Event, Lease, TrainerId};
use hatchery_models::training::outcome::EpochReport;
use ractor::ActorRef;

/// What a Population can be told.
pub enum PopulationMessage {
    /// Something happened.
    Event(Event),
    /// A trainer is there, and can take work.
    Hello(TrainerId, ActorRef<TrainerMessage>),
    /// By itself: commit and perform.
    Flush,
    /// By the clock.
    Tick,
}

impl ractor::Message for PopulationMessage {}

/// What the Breeder can be told.
pub enum BreederMessage {
    /// Make a genome.
    Order(BreedOrder),
}

impl ractor::Message for BreederMessage {}

/// What a trainer can be told.
pub enum TrainerMessage {
    /// By the Population: do this.
    Assign(Box<Lease>),
    /// By the Population: end this attempt early, and deliver.
    Advise(EvaluationId, u32),
    /// By the Population: this delivery is recorded.
    Acknowledge(EvaluationId, u32),
    /// By its thread: it can work.
    Able,
    /// By its thread: it cannot work at all.
    Unable(String),
    /// By its thread: this attempt will have so many epochs.
    Planned(EvaluationId, u32, u32),
    /// By its thread: an epoch is finished.
    Epoch(EvaluationId, u32, EpochReport),
    /// By its thread: a result.
    Done(Box<Delivery>),
    /// By the clock.
    Beat,
}

impl ractor::Message for TrainerMessage {}
