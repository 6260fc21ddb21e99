//! The post between node processes, as those who write letters see it: letters go out by name, events come in.
//!
//! Behind it stand real connections (`cluster`), or, in tests, a simulated network. Delivery is at most once; letters
//! of one sender to one receiver keep their order while a connection lasts.

pub mod direct;
pub mod gathering;

use crate::metrics;
use crate::protocol::letters::{Letter, NodeName};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// What comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// A connection to this node is ready for letters.
    Up(NodeName),
    /// It is gone, and why.
    Down(NodeName, String),
    /// A letter from this node.
    Letter(NodeName, Box<Letter>),
    /// This node speaks another version of the letters. The link has told it so, and said both versions.
    OtherVersion(NodeName, u16),
    /// This node refuses us, and why: its version differs.
    Refused(NodeName, String),
}

/// Who is told what comes in. Called from the link's tasks: it must only pass the event on.
pub type Ear = Arc<dyn Fn(LinkEvent) + Send + Sync>;

/// Events that wait to be heard. Whoever listens passes them on at once, so that it is never reached but by a flood.
const EVENTS_MAX: usize = 65_536;

/// A queue of events: its ear, and where they come out. Where it is full, events are lost as letters can be.
pub fn queue() -> (Ear, Receiver<LinkEvent>) {
    let (sender, receiver) = channel(EVENTS_MAX);
    (Arc::new(move |event| pass(&sender, event)), receiver)
}

/// Events that are passed on together, where so many have come.
const HEARD_AT_ONCE_MAX: usize = 512;

/// Counts what comes in and passes it on, together what has come meanwhile, until nobody wants it or nothing can come
/// any more. `rest` says for how long nothing is passed on after these, where no more of them wait already.
pub async fn listen(
    incoming: &mut Receiver<LinkEvent>,
    mut rest: impl FnMut(&[LinkEvent]) -> Duration,
    pass_on: impl Fn(Vec<LinkEvent>) -> bool,
) {
    loop {
        let mut events = Vec::new();
        if incoming.recv_many(&mut events, HEARD_AT_ONCE_MAX).await == 0 {
            return;
        }
        metrics::letters_received(events.iter().filter_map(word));
        let pause = if events.len() < HEARD_AT_ONCE_MAX { rest(&events) } else { Duration::ZERO };
        if !pass_on(events) {
            return;
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

fn word(event: &LinkEvent) -> Option<&'static str> {
    match event {
        LinkEvent::Letter(_, letter) => Some(letter.word()),
        _ => None,
    }
}

fn pass(to: &Sender<LinkEvent>, event: LinkEvent) {
    if let Err(TrySendError::Full(event)) = to.try_send(event) {
        tracing::error!(?event, "too much comes in; an event is lost");
    }
}

/// Sends letters and counts them: of those that do not all go, each counts as unsent. That is no error here: those who
/// write letters reckon with letters that are lost.
pub(crate) fn post_all(link: &dyn Link, to: &NodeName, letters: Vec<Letter>) {
    let said: Vec<&'static str> = letters.iter().map(Letter::word).collect();
    let sent = link.send_all(to, letters);
    metrics::letters_sent(said.iter().copied(), sent.is_ok());
    if let Err(error) = sent {
        tracing::debug!(%error, letters = ?said, "letters were not sent");
    }
}

/// Why a letter was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// There is no connection to this node.
    #[error("there is no connection to {0}")]
    NotConnected(NodeName),
    /// It exceeds what a letter may weigh.
    #[error("a letter of {bytes} bytes exceeds the {bytes_max} that a letter may have")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most there may be.
        bytes_max: usize,
    },
    /// Too much is on its way to this node already: it does not read.
    #[error("{bytes} bytes wait for {node} already: it does not read")]
    Congested {
        /// The node.
        node: NodeName,
        /// Bytes that wait.
        bytes: u64,
    },
}

/// Sends letters.
pub trait Link: Send + Sync {
    /// Sends a letter. `Ok` says that it is on its way, not that it has arrived.
    ///
    /// # Errors
    /// See [`Unsent`].
    fn send(&self, to: &NodeName, letter: Letter) -> Result<(), Unsent>;

    /// Sends letters, in this order. The first that cannot be sent is the last that is tried.
    ///
    /// # Errors
    /// See [`Unsent`].
    fn send_all(&self, to: &NodeName, letters: Vec<Letter>) -> Result<(), Unsent> {
        letters.into_iter().try_for_each(|letter| self.send(to, letter))
    }

    /// Ends the connection to a node; what waits for it is dropped. A `Down` follows.
    fn hang_up(&self, node: &NodeName, reason: &str);
}
