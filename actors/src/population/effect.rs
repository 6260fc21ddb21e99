//! What the brain wants done. It must not know by whom.

use crate::journal::entry::{End, Entry};
use crate::protocol::{BreedOrder, Lease, News, Ticket, TrainerId};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Record this, before anything else of this answer.
    Record(Entry),
    /// Ask a maker.
    Breed(BreedOrder),
    /// Tell the makers.
    Tell(News),
    /// Give a trainer work.
    Assign(TrainerId, Box<Lease>),
    /// Tell a trainer to end this attempt early and deliver.
    Advise(TrainerId, Ticket),
    /// Tell a trainer's worker that what this attempt has left is recorded.
    Acknowledge(TrainerId, Ticket),
    /// Tell a trainer's worker that this attempt is no longer wanted: its lease has ended otherwise.
    Abandon(TrainerId, Ticket),
    /// Get the weights that this attempt has left with its worker, and deliver it again with them.
    Fetch(TrainerId, Ticket),
    /// The run is over.
    Finish(End),
}
