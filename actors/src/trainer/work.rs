//! What a trainer's thread does with a lease, behind a trait: actors are tested without training anything.

use crate::protocol::Lease;
use hatchery_models::training::Observer;
use hatchery_models::training::outcome::Trained;

/// Does evaluations, one after the other, on one thread. It need not be `Send`: it is made and stays on its thread,
/// as a device's context must.
pub trait Work {
    /// The lease as it will be carried out: with its length fitted to its time, and the time that this took taken off;
    /// one that goes on from a checkpoint, with the length that it was begun with.
    /// Ends soon where the observer wants to stop.
    fn plan(&mut self, lease: Lease, _: &dyn Observer) -> Lease {
        lease
    }

    /// Does one evaluation as planned. However it ends, it is an outcome: a panic counts as `Crashed`, one that is
    /// handed back as `WorkerLost`. It minds its observer's wishes, and gives it signs of life.
    fn evaluate(&mut self, lease: &Lease, observer: &mut dyn Observer) -> Trained;
}

/// Makes the work of each trainer, on the trainer's own thread; again after a panic, whose leftovers nobody trusts.
pub trait WorkFactory: Send + Sync + 'static {
    /// The work of the trainer in this slot.
    ///
    /// # Errors
    /// Why this trainer cannot work, for the user.
    fn make(&self, slot: u32) -> Result<Box<dyn Work>, String>;
}
