//! All connections of this process that still exist, by their labels.

use super::connection::{Connection, hold};
use crate::protocol::letters::NodeName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

/// The connections.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    count: u64,
    connections: HashMap<String, Weak<Connection>>,
}

impl Registry {
    /// A new connection, to this node at this address.
    pub(super) fn create(&self, peer: NodeName, address: &str) -> Arc<Connection> {
        let mut entries = hold(&self.0);
        entries.connections.retain(|_, connection| connection.strong_count() > 0);
        entries.count += 1;
        let connection = Connection::new(peer, format!("{address}, connection {}", entries.count));
        entries.connections.insert(connection.label.clone(), Arc::downgrade(&connection));
        connection
    }

    /// The connection with this label.
    pub(super) fn find(&self, label: &str) -> Option<Arc<Connection>> {
        hold(&self.0).connections.get(label).and_then(Weak::upgrade)
    }

    /// All connections.
    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        hold(&self.0).connections.values().filter_map(Weak::upgrade).collect()
    }

    /// All connections to this node.
    pub(super) fn of(&self, peer: &NodeName) -> Vec<Arc<Connection>> {
        self.all().into_iter().filter(|connection| connection.peer == *peer).collect()
    }
}
