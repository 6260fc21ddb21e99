//! The Switchboard: hears what becomes of sessions and what the gateway receives, and tells the [`Ear`] in the right
//! order: `Up`, then letters, then `Down`, once each.
//!
//! A letter may overtake the news that its session is ready, for the two come on different ways. Then the session is
//! taken as ready: what has sent a letter has announced its gateway before.

use super::connection::Connection;
use super::gateway::Line;
use super::messages::SwitchboardMessage;
use super::registry::Registry;
use super::sessions::{Rise, Sessions};
use super::wire::{self, Reading};
use crate::link::{Ear, LinkEvent};
use crate::protocol::letters::NodeName;
use crate::supervision::ending;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use ractor_cluster::NodeEventSubscription;
use ractor_cluster::node::NodeServerSessionInformation;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The nodes that are up, and how letters reach them.
#[derive(Default)]
pub(super) struct Lines(RwLock<HashMap<NodeName, Line>>);

impl Lines {
    /// The line to a node.
    pub(super) fn get(&self, node: &NodeName) -> Option<Line> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(node).cloned()
    }

    fn set(&self, node: NodeName, line: Line) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(node, line);
    }

    fn remove(&self, node: &NodeName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(node);
    }
}

/// What it works with.
pub(super) struct Board {
    pub(super) name: NodeName,
    pub(super) version: u16,
    pub(super) ear: Ear,
    pub(super) registry: Arc<Registry>,
    pub(super) lines: Arc<Lines>,
    pub(super) sessions: Sessions,
    pub(super) connections: HashMap<u64, Arc<Connection>>,
    /// Whether this node leaves because it wants to.
    pub(super) closing: Arc<AtomicBool>,
}

impl Board {
    fn opened(&mut self, session: u64, label: &str) {
        // Sessions without a label of ours are not ours: the library's own listener made them.
        let Some(connection) = self.registry.find(label) else { return };
        self.sessions.opened(session, connection.peer.clone());
        self.connections.insert(session, connection);
    }

    fn ready(&mut self, session: u64) {
        let Some(connection) = self.connections.get(&session).cloned() else { return };
        match Line::find(session, &connection) {
            Some(line) => self.rise(session, line),
            None => connection.end("the other end is no node of this program: it has announced no gateway"),
        }
    }

    fn rise(&mut self, session: u64, line: Line) {
        let rise = self.sessions.ready(session);
        if rise == Rise::Nothing {
            return;
        }
        let connection = Arc::clone(&line.connection);
        let peer = connection.peer.clone();
        if let Rise::Replaces(older) = rise {
            let reason = "it has connected anew";
            if let Some(older) = self.connections.get(&older) {
                older.end(reason);
            }
            (self.ear)(LinkEvent::Down(peer.clone(), reason.to_owned()));
        }
        connection.set_ready();
        self.lines.set(peer.clone(), line);
        tracing::info!("connected to {peer} at {}", connection.label);
        (self.ear)(LinkEvent::Up(peer));
    }

    fn closed(&mut self, session: u64) {
        let connection = self.connections.remove(&session);
        let reason = connection.as_ref().map(|connection| connection.reason()).unwrap_or_default();
        if let Some(connection) = &connection {
            // The library may have let go of the reader alone: its writer ends here, with all that it holds.
            connection.end("the session ended");
        }
        if let Some(peer) = self.sessions.closed(session) {
            self.down(peer, reason);
        }
    }

    fn down(&self, peer: NodeName, reason: String) {
        self.lines.remove(&peer);
        tracing::info!("no longer connected to {peer}: {reason}");
        (self.ear)(LinkEvent::Down(peer, reason));
    }

    fn all_closed(&mut self) {
        for (peer, session) in self.sessions.all_closed() {
            let reason = self.connections.get(&session).map(|connection| connection.reason());
            self.down(peer, reason.unwrap_or_default());
        }
        self.connections.clear();
    }

    fn received(&mut self, from: NodeName, frame: &[u8]) {
        if !self.sessions.is_up(&from) {
            self.rise_early(&from);
        }
        if !self.sessions.is_up(&from) {
            tracing::debug!("a letter from {from}, which is not connected: dropped");
            return;
        }
        match wire::read(frame, self.version) {
            Reading::Letters(letters) => {
                for letter in letters {
                    (self.ear)(LinkEvent::Letter(from.clone(), Box::new(letter)));
                }
            }
            Reading::Refusal(reason) => (self.ear)(LinkEvent::Refused(from, reason)),
            Reading::OtherVersion(theirs) => self.refuse(from, theirs),
            Reading::Garbage(trouble) => tracing::warn!("dropped from {from}: {trouble}"),
        }
    }

    fn rise_early(&mut self, from: &NodeName) {
        let Some(session) = self.sessions.youngest(from) else { return };
        let Some(connection) = self.connections.get(&session).filter(|it| !it.is_over()) else { return };
        if let Some(line) = Line::find(session, connection) {
            self.rise(session, line);
        }
    }

    fn refuse(&self, from: NodeName, theirs: u16) {
        if let Some(line) = self.lines.get(&from)
            && let Err(trouble) = line.post(&self.name, wire::refuse(self.version, theirs))
        {
            tracing::debug!("{from} was not told that its version differs: {trouble:?}");
        }
        (self.ear)(LinkEvent::OtherVersion(from, theirs));
    }
}

/// The Switchboard actor. It supervises the library's server and the gateway.
pub(super) struct Switchboard;

impl Actor for Switchboard {
    type Msg = SwitchboardMessage;
    type State = Board;
    type Arguments = Board;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        board: Board,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(board)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: SwitchboardMessage,
        board: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SwitchboardMessage::Opened(session, label) => board.opened(session, &label),
            SwitchboardMessage::Ready(session) => board.ready(session),
            SwitchboardMessage::Closed(session) => board.closed(session),
            SwitchboardMessage::Frame { from, frame } => board.received(from, &frame),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        board: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        // Server or gateway have ended: there are no sessions any more.
        if let Some((_, reason)) = ending(event) {
            if !board.closing.load(Ordering::Acquire) {
                tracing::error!("this process is no node any more, and has to be started again: {reason}");
            }
            for connection in board.registry.all() {
                connection.end(format!("this node's part of the cluster ended: {reason}"));
            }
            board.all_closed();
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Self::Msg>,
        board: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        board.all_closed();
        Ok(())
    }
}

/// Passes the library's news on to the switchboard.
pub(super) struct News(pub(super) ActorRef<SwitchboardMessage>);

impl News {
    fn tell(&self, message: SwitchboardMessage) {
        // The switchboard is gone only when the node is being closed.
        let _ = self.0.cast(message);
    }
}

impl NodeEventSubscription for News {
    fn node_session_opened(&self, session: NodeServerSessionInformation) {
        self.tell(SwitchboardMessage::Opened(session.node_id, session.peer_addr));
    }

    fn node_session_disconnected(&self, session: NodeServerSessionInformation) {
        self.tell(SwitchboardMessage::Closed(session.node_id));
    }

    fn node_session_authenticated(&self, _: NodeServerSessionInformation) {}

    fn node_session_ready(&self, session: NodeServerSessionInformation) {
        self.tell(SwitchboardMessage::Ready(session.node_id));
    }
}
