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
    pub(super) trouble: Mutex<Option<Trouble>>,
}

/// Why joining failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In words, with the remedy.
    pub words: String,
    /// Whether somebody was there and did not want this node, or this node did not want them: trying again as things
    /// are comes to the same.
    pub is_refusal: bool,
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
    pub(super) fn note(&self, trouble: Trouble) {
        let mut known = hold(&self.trouble);
        if known.as_ref().is_none_or(|known| without_numbers(&known.words) != without_numbers(&trouble.words))
        {
            tracing::warn!("{}", trouble.words);
        }
        *known = Some(trouble);
    }
}

/// Words that tell of the same trouble may count seconds.
fn without_numbers(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}
