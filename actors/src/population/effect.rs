//! What the brain wants done. It must not know by whom.

use crate::journal::entry::{End, Entry};
use crate::protocol::{BreedOrder, EvaluationId, Lease, TrainerId};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Record this, before anything else of this answer.
    Record(Entry),
    /// Ask the Breeder.
    Breed(BreedOrder),
    /// Give a trainer work.
    Assign(TrainerId, Box<Lease>),
    /// Tell a trainer to end this attempt early and deliver.
    Advise(TrainerId, EvaluationId, u32),
    /// Tell a trainer that its delivery is recorded.
    Acknowledge(TrainerId, EvaluationId, u32),
    /// End a trainer that has fallen silent or hangs; another takes its slot.
    Replace(TrainerId),
    /// The run is over.
    Finish(End),
}
