//! Real connections between node processes: the [`Link`] of a coordinator or a worker.
//!
//! The only room that knows the cluster library (`ractor_cluster`), the form of letters on the wire (bincode) and TLS
//! (rustls). What letters mean, who coordinates and who works, it does not know. Nodes form a star: workers dial, the
//! coordinator listens, no node learns of another through a third.
//!
//! The library is used as a multiplexer of authenticated connections and no more; what it lacks is added from outside:
//! - `knock`: proof of the cookie before the library sees a byte; `tls` below it, between machines;
//! - `listener`, `porch`: limits against floods; `dialler`: joins, and joins again after a loss;
//! - `guard`, `connection`: deadlines, detection of dead peers, an end that ends, and a measure of what waits;
//! - `gateway`: the one actor that peers see; `switchboard`, `sessions`: `Up`, letters, `Down`, in this order;
//! - `wire`: letters to bytes.
//!
//! The library keeps its actors in tables that a whole process shares, so a process holds one [`Cluster`] at a time.
//! Keep its logging at `info` or above: at `debug` it prints every frame, byte by byte.

mod connection;
mod cookie;
mod core;
mod dialler;
mod error;
mod gateway;
mod guard;
mod knock;
mod listener;
mod messages;
mod porch;
mod registry;
mod secrecy;
mod sessions;
mod switchboard;
mod tls;
mod turned_away;
mod wire;

pub use connection::WAITING_BYTES_MAX;
pub use cookie::{COOKIE_BYTES, Cookie, CookieError};
pub use core::Trouble;
pub use error::ClusterError;
pub use knock::NAME_BYTES_MAX;
pub use listener::Door;
pub use tls::{NODE_SERVER_NAME, TlsError, TlsFiles};
pub use wire::LETTER_BYTES_MAX;

use self::connection::hold;
use self::core::Core;
use self::error::Step;
use self::gateway::{Gateway, GatewayMessage, OVERHEAD_BYTES_MAX, Undeliverable, gateway_name};
use self::messages::SwitchboardMessage;
use self::registry::Registry;
use self::sessions::Sessions;
use self::switchboard::{Board, Lines, News, Switchboard};
use self::tls::Tls;
use self::wire::Unwritable;
use crate::link::{Ear, Link, Unsent};
use crate::protocol::letters::{Letter, NodeName, PROTOCOL_VERSION};
use ractor::{Actor, ActorCell, ActorRef};
use ractor_cluster::node::NodeConnectionMode;
use ractor_cluster::{IncomingEncryptionMode, NodeServer, NodeServerMessage};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Milliseconds that closing waits for letters to leave, and again for sessions to end.
const CLOSING_MS_MAX: u64 = 1_000;

/// Milliseconds between two looks at whether they have.
const CLOSING_LOOK_MS: u64 = 2;

/// Whether this process has a node.
static OCCUPIED: AtomicBool = AtomicBool::new(false);

/// What makes strangers strangers.
#[derive(Clone, Debug)]
pub struct Security {
    /// The secret that all nodes share.
    pub cookie: Cookie,
    /// Encryption. Between machines, always.
    pub tls: Option<TlsFiles>,
}

/// What a node needs to listen.
#[derive(Debug)]
pub struct ListenSettings {
    /// Where.
    pub door: Door,
    /// As which node.
    pub name: NodeName,
    /// Whom it lets in.
    pub security: Security,
}

/// This process's node: its connections to others.
pub struct Cluster {
    core: Arc<Core>,
    version: u16,
    switchboard: ActorRef<SwitchboardMessage>,
    gateway: ActorRef<GatewayMessage>,
    tasks: Mutex<Tasks>,
    closing: Arc<AtomicBool>,
    occupant: Mutex<Option<Occupant>>,
}

#[derive(Default)]
struct Tasks {
    listening: Option<AbortHandle>,
    joining: Option<AbortHandle>,
}

impl Tasks {
    fn abort(&mut self) {
        for task in [self.listening.take(), self.joining.take()].into_iter().flatten() {
            task.abort();
        }
    }
}

/// Gives the process's place back.
struct Occupant;

impl Occupant {
    fn enter() -> Option<Self> {
        (!OCCUPIED.swap(true, Ordering::AcqRel)).then_some(Self)
    }
}

impl Drop for Occupant {
    fn drop(&mut self) {
        OCCUPIED.store(false, Ordering::Release);
    }
}

impl Cluster {
    /// Makes this process a node. It has no connection yet: see [`Self::listen`] and [`Self::join`].
    ///
    /// # Errors
    /// Where the name cannot be said, files of `security` are not in order, or this process is a node already.
    pub async fn start(name: NodeName, security: Security, ear: Ear) -> Result<Arc<Self>, ClusterError> {
        Self::start_speaking(PROTOCOL_VERSION, name, security, ear).await
    }

    /// As [`Self::start`], but speaking this version of the letters, as a node of another release does.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_speaking(
        version: u16,
        name: NodeName,
        security: Security,
        ear: Ear,
    ) -> Result<Arc<Self>, ClusterError> {
        if !knock::sayable(&name) {
            return Err(ClusterError::BadName(name));
        }
        let tls = security.tls.as_ref().map(Tls::load).transpose()?;
        let occupant = Occupant::enter().ok_or(ClusterError::Occupied)?;
        let registry = Arc::new(Registry::default());
        let lines = Arc::new(Lines::default());
        let closing = Arc::new(AtomicBool::new(false));
        let board = Board {
            name: name.clone(),
            version,
            ear,
            registry: Arc::clone(&registry),
            lines: Arc::clone(&lines),
            sessions: Sessions::default(),
            connections: HashMap::new(),
            closing: Arc::clone(&closing),
        };
        let (switchboard, _) =
            Actor::spawn(None, Switchboard, board).await.map_err(ClusterError::spawn(Step::Switchboard))?;
        let spawned = spawn_below(&switchboard, &name, &security.cookie).await;
        let (gateway, server) = spawned.inspect_err(|_| switchboard.stop(None))?;
        let cookie = security.cookie;
        let core = Core { name, cookie, tls, server, registry, lines, trouble: Mutex::new(None) };
        Ok(Arc::new(Self {
            core: Arc::new(core),
            version,
            switchboard,
            gateway,
            tasks: Mutex::default(),
            closing,
            occupant: Mutex::new(Some(occupant)),
        }))
    }

    /// Lets nodes in that come to this door, until the node is closed.
    ///
    /// # Errors
    /// Where it cannot listen there.
    pub async fn listen(&self, door: Door) -> Result<(), ClusterError> {
        let listener = door.into_listener()?;
        let task = tokio::spawn(listener::accept(Arc::clone(&self.core), listener));
        if let Some(older) = hold(&self.tasks).listening.replace(task.abort_handle()) {
            older.abort();
        }
        Ok(())
    }

    /// Dials these addresses (`HOST:PORT`) in turn until one lets this node in, and again whenever the connection is
    /// lost, until the node is closed.
    pub fn join(&self, addresses: Vec<String>) {
        let task = tokio::spawn(dialler::join(Arc::clone(&self.core), addresses));
        if let Some(older) = hold(&self.tasks).joining.replace(task.abort_handle()) {
            older.abort();
        }
    }

    /// Why joining failed when it was last tried: for the message of a worker that gives up.
    pub fn trouble(&self) -> Option<Trouble> {
        hold(&self.core.trouble).clone()
    }

    /// Leaves the cluster: lets waiting letters leave for a moment, then ends all connections. `Down` is said for every
    /// node that is up.
    pub async fn close(&self) {
        hold(&self.tasks).abort();
        let connections = self.core.registry.all();
        wait_until(|| connections.iter().all(|it| it.is_over() || it.waiting_bytes() == 0)).await;
        self.end_all();
        for connection in &connections {
            let _ = timeout(Duration::from_millis(CLOSING_MS_MAX), connection.gone()).await;
        }
        drop(connections);
        let patience = Some(Duration::from_millis(CLOSING_MS_MAX));
        let _ = self.core.server.stop_and_wait(None, patience).await;
        let _ = self.gateway.stop_and_wait(None, patience).await;
        let _ = self.switchboard.stop_and_wait(None, patience).await;
        hold(&self.occupant).take();
    }

    fn end_all(&self) {
        self.closing.store(true, Ordering::Release);
        for connection in self.core.registry.all() {
            connection.end("this node leaves the cluster");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        hold(&self.tasks).abort();
        self.end_all();
        self.core.server.stop(None);
        self.gateway.stop(None);
        self.switchboard.stop(None);
    }
}

impl Link for Cluster {
    fn send(&self, to: &NodeName, letter: Letter) -> Result<(), Unsent> {
        let line = self.core.lines.get(to).ok_or_else(|| Unsent::NotConnected(to.clone()))?;
        let frame = wire::write(&letter, self.version).map_err(|trouble| match trouble {
            Unwritable::TooLong(bytes) => Unsent::TooLarge { bytes, bytes_max: LETTER_BYTES_MAX },
            Unwritable::Encode(trouble) => {
                tracing::error!("a letter to {to} cannot be written: {trouble}");
                Unsent::TooLarge { bytes: 0, bytes_max: LETTER_BYTES_MAX }
            }
        })?;
        line.post(&self.core.name, frame).map_err(|trouble| unsent(to, trouble))
    }

    /// Together in as few frames as may be. Where one of them cannot be written, each goes alone, and the others arrive.
    fn send_all(&self, to: &NodeName, letters: Vec<Letter>) -> Result<(), Unsent> {
        let line = self.core.lines.get(to).ok_or_else(|| Unsent::NotConnected(to.clone()))?;
        let Ok(frames) = wire::write_all(&letters, self.version) else {
            let mut all = Ok(());
            for letter in letters {
                let sent = self.send(to, letter);
                all = all.and(sent);
            }
            return all;
        };
        frames
            .into_iter()
            .try_for_each(|frame| line.post(&self.core.name, frame).map_err(|trouble| unsent(to, trouble)))
    }

    fn hang_up(&self, node: &NodeName, reason: &str) {
        for connection in self.core.registry.of(node) {
            connection.end(reason);
        }
    }
}

fn unsent(to: &NodeName, trouble: Undeliverable) -> Unsent {
    match trouble {
        Undeliverable::Gone => Unsent::NotConnected(to.clone()),
        Undeliverable::Congested(bytes) => Unsent::Congested { node: to.clone(), bytes },
    }
}

async fn spawn_below(
    switchboard: &ActorRef<SwitchboardMessage>,
    name: &NodeName,
    cookie: &Cookie,
) -> Result<(ActorRef<GatewayMessage>, ActorRef<NodeServerMessage>), ClusterError> {
    let gateway = spawn_gateway(name, switchboard).await?;
    Ok((gateway, spawn_server(name, cookie, switchboard).await?))
}

async fn spawn_gateway(
    name: &NodeName,
    switchboard: &ActorRef<SwitchboardMessage>,
) -> Result<ActorRef<GatewayMessage>, ClusterError> {
    let (name, receiver) = (Some(gateway_name(name)), switchboard.clone());
    let spawned = Actor::spawn_linked(name, Gateway, receiver, switchboard.get_cell()).await;
    Ok(spawned.map_err(ClusterError::spawn(Step::Gateway))?.0)
}

/// Starts the library's server. Its own listener, which it insists on, is out of reach: on the loopback, behind a door
/// that opens for nobody. The host name is not one: the library compares such names to recognise itself.
async fn spawn_server(
    name: &NodeName,
    cookie: &Cookie,
    switchboard: &ActorRef<SwitchboardMessage>,
) -> Result<ActorRef<NodeServerMessage>, ClusterError> {
    let door = IncomingEncryptionMode::Tls(tls::closed_door()?);
    let (node, host) = (name.to_string(), name.to_string());
    let server = NodeServer::new(0, cookie.hex(), node, host, Some(door), Some(NodeConnectionMode::Isolated))
        .with_listen_addr(Ipv4Addr::LOCALHOST.into())
        .with_max_inbound_frame_size((LETTER_BYTES_MAX + OVERHEAD_BYTES_MAX) as u64);
    let supervisor: ActorCell = switchboard.get_cell();
    let spawned = Actor::spawn_linked(None, server, (), supervisor).await;
    let server = spawned.map_err(ClusterError::spawn(Step::Server))?.0;
    let subscription = Box::new(News(switchboard.clone()));
    let subscribe = NodeServerMessage::SubscribeToEvents { id: "switchboard".to_owned(), subscription };
    server.cast(subscribe).map_err(|error| ClusterError::Broken(Step::Server, error.to_string()))?;
    Ok(server)
}

/// Looks again and again, for a while.
async fn wait_until(mut condition: impl FnMut() -> bool) {
    let looks = CLOSING_MS_MAX / CLOSING_LOOK_MS;
    for _ in 0..looks {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(CLOSING_LOOK_MS)).await;
    }
}
