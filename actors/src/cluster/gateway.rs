//! The Gateway: the one actor of each process that other processes see. Letters go from gateway to gateway, as bytes.
//!
//! The cluster library announces it to every peer, where a shim stands in for it: what is cast to the shim arrives
//! here. Only casts are used. A shim is never stopped, killed or drained (the library would end the whole session), and
//! never looked up in the name registry (the library does not keep it right): it is found in a process group, by the
//! number of its session and by its name, which holds the node's name and so is unlike any other.

use super::connection::Connection;
use super::switchboard::SwitchboardMessage;
use crate::protocol::letters::NodeName;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, pg};
use ractor_cluster::{BytesConvertable, RactorClusterMessage};
use std::sync::Arc;

/// The process group of all gateways.
const GROUP: &str = "hatchery-gateways";

/// What the library, and the derived message, add to a frame, rounded up.
pub(super) const OVERHEAD_BYTES_MAX: usize = 1 << 10;

/// Bytes as they are.
pub(super) struct Bytes(pub(super) Vec<u8>);

impl BytesConvertable for Bytes {
    fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// What a gateway is sent. Variants' names go over the wire: never rename one.
#[derive(RactorClusterMessage)]
pub(super) enum GatewayMessage {
    /// The sender's name and a frame.
    Letter(Bytes, Bytes),
}

/// The Gateway actor: hands what arrives to the switchboard.
pub(super) struct Gateway;

impl Actor for Gateway {
    type Msg = GatewayMessage;
    type State = ActorRef<SwitchboardMessage>;
    type Arguments = ActorRef<SwitchboardMessage>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        switchboard: ActorRef<SwitchboardMessage>,
    ) -> Result<Self::State, ActorProcessingErr> {
        pg::join(GROUP.to_owned(), vec![myself.get_cell()]);
        Ok(switchboard)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: GatewayMessage,
        switchboard: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let GatewayMessage::Letter(Bytes(sender), Bytes(frame)) = message;
        match read_name(&sender) {
            Some(from) => switchboard.cast(SwitchboardMessage::Frame { from, frame })?,
            None => tracing::warn!("a letter came without the name of its sender: dropped"),
        }
        Ok(())
    }
}

/// The name of a node's gateway.
pub(super) fn gateway_name(node: &NodeName) -> String {
    format!("hatchery-gateway {node}")
}

/// How a letter reaches one node.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) connection: Arc<Connection>,
    shim: ActorRef<GatewayMessage>,
}

/// Why a frame did not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undeliverable {
    /// The session has ended.
    Gone,
    /// So many bytes wait already.
    Congested(u64),
}

impl Line {
    /// The line to the node at the other end of a session, once that has announced its gateway.
    pub(super) fn find(session: u64, connection: &Arc<Connection>) -> Option<Self> {
        let name = gateway_name(&connection.peer);
        let is_it = |id: ActorId| matches!(id, ActorId::Remote { node_id, .. } if node_id == session);
        let cell = pg::get_members(&GROUP.to_owned())
            .into_iter()
            .find(|cell| is_it(cell.get_id()) && cell.get_name().as_ref() == Some(&name))?;
        Some(Self { connection: Arc::clone(connection), shim: cell.into() })
    }

    /// Sends a frame.
    pub(super) fn post(&self, sender: &NodeName, frame: Vec<u8>) -> Result<(), Undeliverable> {
        if self.connection.is_over() {
            return Err(Undeliverable::Gone);
        }
        let bytes = frame.len() as u64;
        let message = GatewayMessage::Letter(Bytes(write_name(sender)), Bytes(frame));
        match self.connection.queue(bytes, || self.shim.cast(message)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Undeliverable::Gone),
            Err(waiting) => Err(Undeliverable::Congested(waiting)),
        }
    }
}

fn write_name(name: &NodeName) -> Vec<u8> {
    [&name.incarnation.to_be_bytes(), name.stable.as_bytes()].concat()
}

fn read_name(bytes: &[u8]) -> Option<NodeName> {
    let (number, stable) = bytes.split_first_chunk()?;
    let stable = str::from_utf8(stable).ok()?.to_owned();
    Some(NodeName { stable, incarnation: u64::from_be_bytes(*number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_name_survives() {
        let name = NodeName { stable: "worker-0@höst#1".to_owned(), incarnation: u64::MAX - 1 };
        assert_eq!(read_name(&write_name(&name)), Some(name));
        assert_eq!(read_name(&[1, 2, 3]), None);
        assert_eq!(read_name(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff]), None);
    }
}
