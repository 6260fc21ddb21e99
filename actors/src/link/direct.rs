//! A link within one process: what one end sends, the other end hears. For searches without worker processes.

use super::{Ear, Link, LinkEvent, Unsent, queue};
use crate::protocol::letters::{Letter, NodeName};
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// One end.
struct Direct {
    me: NodeName,
    other: NodeName,
    mine: Ear,
    theirs: Ear,
}

/// An end of a link, and what comes in there.
pub type End = (Arc<dyn Link>, Receiver<LinkEvent>);

/// Connects two nodes. Both ends are up at once.
pub fn pair(one: NodeName, other: NodeName) -> (End, End) {
    let (to_one, from_other) = queue();
    let (to_other, from_one) = queue();
    to_one(LinkEvent::Up(other.clone()));
    to_other(LinkEvent::Up(one.clone()));
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
        (self.theirs)(LinkEvent::Letter(self.me.clone(), Box::new(letter)));
        Ok(())
    }

    /// Both ends hear that the connection has ended, and at once that there is a new one.
    fn hang_up(&self, _: &NodeName, reason: &str) {
        (self.mine)(LinkEvent::Down(self.other.clone(), reason.to_owned()));
        (self.theirs)(LinkEvent::Down(self.me.clone(), reason.to_owned()));
        (self.mine)(LinkEvent::Up(self.other.clone()));
        (self.theirs)(LinkEvent::Up(self.me.clone()));
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        (self.theirs)(LinkEvent::Down(self.me.clone(), "it has ended".to_owned()));
    }
}
