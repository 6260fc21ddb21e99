//! What may be asked of a running search from outside, and what is seen of it there.
//!
//! It must not know who asks, nor how. Whether something is done, the Population's and the membership's brains decide.

use crate::progress::{Nodes, Progress};
use crate::protocol::Wish;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Requests under way at once; more wait, and their senders with them.
const REQUESTS_MAX: usize = 16;

/// Stops a search; can be cloned and called from anywhere.
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<watch::Sender<bool>>);

impl StopHandle {
    /// One whose wish goes there.
    pub(crate) fn new(wish: watch::Sender<bool>) -> Self {
        Self(Arc::new(wish))
    }

    /// Asks the search to end cleanly, with the best so far. It can be resumed.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// For the Population.
    Wish(Wish),
    /// Let the node of this name take no more work, and end.
    Drain(String),
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it is about is not there.
    #[error("{0}")]
    Unknown(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// The search has ended meanwhile.
    #[error("the search has ended")]
    Over,
}

/// Where the answer goes: what was done, in words.
pub type Answer = oneshot::Sender<Result<String, Refusal>>;

/// A request on its way.
#[derive(Debug)]
pub struct Asked {
    /// What is to be done.
    pub command: Command,
    /// Where the answer goes.
    pub answer: Answer,
}

/// A search, seen and asked from outside; can be cloned.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Ends the search cleanly.
    pub stop: StopHandle,
    /// Where it stands.
    pub progress: watch::Receiver<Progress>,
    /// Which workers there are.
    pub nodes: watch::Receiver<Nodes>,
    requests: mpsc::Sender<Asked>,
}

impl Remote {
    /// Asks, and waits until it is done or refused.
    ///
    /// # Errors
    /// Why it is not done.
    pub async fn ask(&self, command: Command) -> Result<String, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Asked { command, answer }).await.map_err(|_| Refusal::Over)?;
        answered.await.unwrap_or(Err(Refusal::Over))
    }
}

/// A remote, and where its requests come out.
pub(crate) fn requests(
    stop: StopHandle,
    progress: watch::Receiver<Progress>,
    nodes: watch::Receiver<Nodes>,
) -> (Remote, mpsc::Receiver<Asked>) {
    let (requests, asked) = mpsc::channel(REQUESTS_MAX);
    (Remote { stop, progress, nodes, requests }, asked)
}
