//! What listening and dialling share: who this node is, and where connections that are through the knock go.

use super::connection::{Connection, hold};
use super::cookie::Cookie;
use super::guard::Guarded;
use super::registry::Registry;
use super::switchboard::Lines;
use super::tls::Tls;
use crate::protocol::letters::NodeName;
use ractor::ActorRef;
use ractor_cluster::NodeServerMessage;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

/// Milliseconds for TLS and knock together. An honest node needs a few; over a bad line, a few hundred.
pub(super) const HANDSHAKE_MS_MAX: u64 = 5_000;

/// A byte stream, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A node.
pub(super) struct Core {
    pub(super) name: NodeName,
    pub(super) cookie: Cookie,
    pub(super) tls: Option<Tls>,
    pub(super) server: ActorRef<NodeServerMessage>,
    pub(super) registry: Arc<Registry>,
    pub(super) lines: Arc<Lines>,
    /// Why the last attempt to join failed.
    pub(super) trouble: Mutex<Option<String>>,
}

impl Core {
    /// Gives a connection to the cluster library. `None` where that has ended.
    pub(super) fn adopt(
        &self,
        stream: Box<dyn Stream>,
        peer: NodeName,
        address: &str,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Option<Arc<Connection>> {
        let is_server = permit.is_some();
        let connection = self.registry.create(peer, address);
        let stream = Box::new(Guarded::new(stream, &connection, permit));
        self.server.cast(NodeServerMessage::ConnectionOpenedExternal { stream, is_server }).ok()?;
        Some(connection)
    }

    /// Notes why joining failed, and says so if it is news.
    pub(super) fn note(&self, trouble: String) {
        let mut known = hold(&self.trouble);
        if known.as_ref() != Some(&trouble) {
            tracing::warn!("{trouble}");
            *known = Some(trouble);
        }
    }
}
