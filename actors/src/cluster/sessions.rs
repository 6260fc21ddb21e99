//! Which sessions there are, and through which of them a node is up: the bookkeeping behind `Up` and `Down`.
//!
//! Keyed by session, never by what a session says about itself at its end. A plain struct: who opens and closes
//! sessions, and who is told, it does not know.

use crate::protocol::letters::NodeName;
use std::collections::BTreeMap;

/// The sessions of this process. Numbers grow: of two sessions the greater is younger.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: BTreeMap<u64, NodeName>,
    up: BTreeMap<NodeName, u64>,
}

/// What becomes of a node when a session turns out to be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rise {
    /// Nothing: the session has ended, or carries letters already, or a younger one does.
    Nothing,
    /// It is up.
    Up,
    /// It was up by this older session, is down, and up again.
    Replaces(u64),
}

impl Sessions {
    /// A session to this node has begun.
    pub(super) fn opened(&mut self, session: u64, peer: NodeName) {
        self.open.insert(session, peer);
    }

    /// A session is ready for letters.
    pub(super) fn ready(&mut self, session: u64) -> Rise {
        let Some(peer) = self.open.get(&session) else { return Rise::Nothing };
        match self.up.get(peer) {
            Some(known) if *known >= session => Rise::Nothing,
            _ => match self.up.insert(peer.clone(), session) {
                None => Rise::Up,
                Some(older) => Rise::Replaces(older),
            },
        }
    }

    /// A session has ended. Returns the node that is down by it.
    pub(super) fn closed(&mut self, session: u64) -> Option<NodeName> {
        let peer = self.open.remove(&session)?;
        if self.up.get(&peer) != Some(&session) {
            return None;
        }
        self.up.remove(&peer);
        Some(peer)
    }

    /// All sessions have ended. Returns the nodes that are down by it, with the sessions that they were up by.
    pub(super) fn all_closed(&mut self) -> Vec<(NodeName, u64)> {
        self.open.clear();
        std::mem::take(&mut self.up).into_iter().collect()
    }

    /// Whether a node is up.
    pub(super) fn is_up(&self, peer: &NodeName) -> bool {
        self.up.contains_key(peer)
    }

    /// The youngest open session to a node.
    pub(super) fn youngest(&self, peer: &NodeName) -> Option<u64> {
        self.open.iter().rev().find(|(_, node)| *node == peer).map(|(session, _)| *session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use std::collections::BTreeSet;

    fn node(number: u64) -> NodeName {
        NodeName { stable: format!("worker-{number}"), incarnation: number }
    }

    #[test]
    fn only_the_end_of_the_session_that_carries_letters_is_a_down() {
        let mut sessions = Sessions::default();
        sessions.opened(1, node(0));
        sessions.opened(2, node(0));
        assert_eq!(sessions.ready(1), Rise::Up);
        assert_eq!(sessions.ready(1), Rise::Nothing);
        assert_eq!(sessions.closed(2), None);
        assert_eq!(sessions.closed(1), Some(node(0)));
        assert_eq!(sessions.closed(1), None);
        assert_eq!(sessions.ready(1), Rise::Nothing, "what has ended does not rise");
    }

    #[test]
    fn a_younger_session_replaces_an_older_one_and_never_the_other_way() {
        let mut sessions = Sessions::default();
        sessions.opened(1, node(0));
        sessions.opened(2, node(0));
        assert_eq!(sessions.youngest(&node(0)), Some(2));
        assert_eq!(sessions.ready(1), Rise::Up);
        assert_eq!(sessions.ready(2), Rise::Replaces(1));
        assert_eq!(sessions.ready(1), Rise::Nothing);
        assert_eq!(sessions.closed(1), None);
        assert!(sessions.is_up(&node(0)));
        assert_eq!(sessions.closed(2), Some(node(0)));
    }

    #[test]
    fn whatever_happens_each_up_has_one_down() {
        for seed in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (mut sessions, mut up, mut next) = (Sessions::default(), BTreeSet::new(), 0);
            let mut peers = BTreeMap::new();
            for _ in 0..300 {
                let session = rng.random_range(0..=next);
                match rng.random_range(0..3) {
                    0 => {
                        let peer = node(rng.random_range(0..4));
                        sessions.opened(next, peer.clone());
                        peers.insert(next, peer);
                        next += 1;
                    }
                    1 => match sessions.ready(session) {
                        Rise::Nothing => {}
                        Rise::Up => assert!(up.insert(peers[&session].clone()), "seed {seed}: up twice"),
                        Rise::Replaces(older) => {
                            assert_eq!(peers[&older], peers[&session], "seed {seed}");
                            assert!(up.contains(&peers[&session]), "seed {seed}: replaced while down");
                        }
                    },
                    _ => {
                        if let Some(peer) = sessions.closed(session) {
                            assert!(up.remove(&peer), "seed {seed}: down without up");
                        }
                    }
                }
                assert!((0..4).all(|peer| sessions.is_up(&node(peer)) == up.contains(&node(peer))));
            }
            let left: BTreeSet<_> = sessions.all_closed().into_iter().map(|(peer, _)| peer).collect();
            assert_eq!(left, up, "seed {seed}");
        }
    }
}
