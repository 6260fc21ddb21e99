//! What a worker process is made ready with for a run: what its trainers work with, and what they are watched for.

use super::guard::{GuardSettings, Hang};
use super::work::WorkFactory;
use crate::protocol::letters::{BlobName, Welcome};
use std::sync::Arc;

/// Makes ready what the trainers of a process work with.
pub trait Outfitter: Send + Sync {
    /// What this run's trainers work with. Called on a thread that may wait; `fetch` gets a blob from the coordinator.
    ///
    /// # Errors
    /// Why there can be no training here, for the user.
    fn outfit(
        &self,
        welcome: &Welcome,
        fetch: &dyn Fn(BlobName) -> Result<Vec<u8>, String>,
    ) -> Result<Outfit, String>;
}

/// What the trainers of a process work with, and what they are watched for.
pub struct Outfit {
    /// Makes their work.
    pub factory: Arc<dyn WorkFactory>,
    /// What the process's guard minds; `None`: there is no guard.
    pub guard: Option<GuardSettings>,
}

/// What happens when a trainer's native code does not come back: the program ends the process.
pub type OnHang = Arc<dyn Fn(&Hang) + Send + Sync>;
