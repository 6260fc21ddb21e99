//! A link within one process: what one end sends, the other end hears. For searches without worker processes.

use super::{Link, LinkEvent, Unsent};
use crate::protocol::letters::{Letter, NodeName};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One end.
struct Direct {
    me: NodeName,
    other: NodeName,
    mine: UnboundedSender<LinkEvent>,
    theirs: UnboundedSender<LinkEvent>,
}

/// An end of a link, and what comes in there.
pub type End = (Arc<dyn Link>, UnboundedReceiver<LinkEvent>);

/// Connects two nodes. Both ends are up at once.
pub fn pair(one: NodeName, other: NodeName) -> (End, End) {
    let (to_one, from_other) = unbounded_channel();
    let (to_other, from_one) = unbounded_channel();
    // Both receivers are held here: the first events cannot fail.
    let _ = to_one.send(LinkEvent::Up(other.clone()));
    let _ = to_other.send(LinkEvent::Up(one.clone()));
    let first =
        Direct { me: one.clone(), other: other.clone(), mine: to_one.clone(), theirs: to_other.clone() };
    let second = Direct { me: other, other: one, mine: to_other, theirs: to_one };
    ((Arc::new(first), from_other), (Arc::new(second), from_one))
}

impl Link for Direct {
    fn send(&self, to: &NodeName, letter: Letter) -> Result<(), Unsent> {
        if *to != self.other {
            return Err(Unsent::NotConnected(to.clone()));
        }
        let event = LinkEvent::Letter(self.me.clone(), Box::new(letter));
        self.theirs.send(event).map_err(|_| Unsent::NotConnected(to.clone()))
    }

    /// Both ends hear that the connection has ended, and at once that there is a new one.
    fn hang_up(&self, _: &NodeName, reason: &str) {
        // An end that is gone hears nothing.
        let _ = self.mine.send(LinkEvent::Down(self.other.clone(), reason.to_owned()));
        let _ = self.theirs.send(LinkEvent::Down(self.me.clone(), reason.to_owned()));
        let _ = self.mine.send(LinkEvent::Up(self.other.clone()));
        let _ = self.theirs.send(LinkEvent::Up(self.me.clone()));
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        let _ = self.theirs.send(LinkEvent::Down(self.me.clone(), "it has ended".to_owned()));
    }
}
