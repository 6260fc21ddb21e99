//! Lets nodes in: accepts connections, takes each through TLS and knock in a task of its own, and hands those that come
//! through to the cluster library.
//!
//! Strangers are held off by three limits: how many may be on the [`Porch`], how long each may stay there, and how many
//! connections there may be at all.

use super::connection::hold;
use super::core::{Core, HANDSHAKE_MS_MAX, Stream};
use super::error::ClusterError;
use super::knock::{self, KnockError, Verdict};
use super::porch::Porch;
use super::turned_away::TurnedAway;
use crate::protocol::letters::NodeName;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Connections that are not through the knock yet. At a few KiB each (some 30 with TLS) a flood costs 16 MiB; a file
/// limit of 1024 leaves as many again for nodes.
const PORCH_MAX: usize = 512;

/// Nodes at once. A session costs some 150 KiB.
const CONNECTIONS_MAX: usize = 1024;

/// Connections that the kernel holds for us until they are accepted.
const BACKLOG: i32 = 1024;

/// Pause after a failed accept, doubled at each that follows: where nothing is given back, the next fails, too.
const PAUSE_MS_MIN: u64 = 1;
const PAUSE_MS_MAX: u64 = 1_000;

/// Who is sent away when an accept fails. Most likely the process is out of file descriptors. One alone would make room
/// for one of the thousand that a flood has in the kernel's queue, and honest nodes stand behind those.
const SENT_AWAY_AT_ONCE: usize = 64;

/// Milliseconds for an older connection of a node to go when the node has dialled again.
const FAREWELL_MS_MAX: u64 = 1_000;

/// A port that is this process's. Who dials it waits there until a node lets in.
#[derive(Debug)]
pub struct Door {
    socket: std::net::TcpListener,
    address: SocketAddr,
}

impl Door {
    /// Takes the port; 0 is a free one. A restarted coordinator gets its own back at once.
    ///
    /// # Errors
    /// Where nothing can listen there.
    pub fn open(address: SocketAddr) -> Result<Self, ClusterError> {
        let opened = bind(address).and_then(|socket| Ok(Self { address: socket.local_addr()?, socket }));
        opened.map_err(|source| ClusterError::CannotListen { address, source })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn into_listener(self) -> Result<TcpListener, ClusterError> {
        let address = self.address;
        TcpListener::from_std(self.socket).map_err(|source| ClusterError::CannotListen { address, source })
    }
}

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Who lets in.
struct Doorkeeper {
    core: Arc<Core>,
    porch: Mutex<Porch<AbortHandle>>,
    seats: Arc<Semaphore>,
    turned_away: Mutex<TurnedAway>,
}

/// Sends everybody away who still waits when no more are let in.
struct Closing(Arc<Doorkeeper>);

impl Drop for Closing {
    fn drop(&mut self) {
        while self.0.send_away_one() {}
    }
}

/// Accepts for ever.
pub(super) async fn accept(core: Arc<Core>, listener: TcpListener) {
    let porch = Mutex::new(Porch::new(PORCH_MAX));
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let doorkeeper = Arc::new(Doorkeeper { core, porch, seats, turned_away: Mutex::default() });
    let _closing = Closing(Arc::clone(&doorkeeper));
    let mut pause = PAUSE_MS_MIN;
    loop {
        if pause == PAUSE_MS_MAX {
            tracing::warn!("cannot accept connections for a while: is the limit of open files too low?");
        }
        match listener.accept().await {
            Ok((stream, address)) => {
                pause = PAUSE_MS_MIN;
                doorkeeper.admit(stream, address);
            }
            Err(error) => {
                tracing::debug!("cannot accept a connection: {error}");
                (0..SENT_AWAY_AT_ONCE).take_while(|_| doorkeeper.send_away_one()).for_each(drop);
                sleep(Duration::from_millis(pause)).await;
                pause = (pause * 2).min(PAUSE_MS_MAX);
            }
        }
    }
}

impl Doorkeeper {
    fn admit(self: &Arc<Self>, stream: TcpStream, address: SocketAddr) {
        // Under the lock, so that the task cannot leave a place before it has one.
        let leaving = hold(&self.porch).admit(address.ip(), |place| {
            let doorkeeper = Arc::clone(self);
            let task = tokio::spawn(async move {
                let result = doorkeeper.let_in(stream, address).await;
                hold(&doorkeeper.porch).leave(place);
                if let Err(trouble) = result {
                    doorkeeper.turned_away(address, &trouble);
                }
            });
            task.abort_handle()
        });
        if let Some(task) = leaving {
            task.abort();
        }
    }

    fn turned_away(&self, address: SocketAddr, trouble: &KnockError) {
        match hold(&self.turned_away).line(address.ip(), trouble.to_string(), Instant::now()) {
            Some(line) => tracing::warn!("{line}"),
            None => tracing::debug!("{address} was not let in: {trouble}"),
        }
    }

    /// Whether there was somebody.
    fn send_away_one(&self) -> bool {
        let leaving = hold(&self.porch).evict();
        leaving.inspect(AbortHandle::abort).is_some()
    }

    async fn let_in(&self, stream: TcpStream, address: SocketAddr) -> Result<(), KnockError> {
        let handshake = timeout(Duration::from_millis(HANDSHAKE_MS_MAX), self.handshake(stream));
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it took too long");
        let (stream, peer, seat) = handshake.await.map_err(|_| late())??;
        self.dismiss_older(&peer).await;
        self.core.adopt(stream, peer, &address.to_string(), Some(seat));
        Ok(())
    }

    async fn handshake(
        &self,
        stream: TcpStream,
    ) -> Result<(Box<dyn Stream>, NodeName, OwnedSemaphorePermit), KnockError> {
        stream.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match &self.core.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.acceptor.accept(stream).await?),
        };
        let mut seat = None;
        let admit = || {
            seat = Arc::clone(&self.seats).try_acquire_owned().ok();
            if seat.is_some() { Verdict::ComeIn } else { Verdict::Full }
        };
        let peer = knock::answer(&mut stream, &self.core.name, &self.core.cookie, admit).await?;
        Ok((stream, peer, seat.ok_or(KnockError::Full)?))
    }

    /// A node dials only when it has lost its connection: if we have one to the same process, that is dead, and the
    /// cluster library would choose between the two by lot.
    async fn dismiss_older(&self, peer: &NodeName) {
        for older in self.core.registry.of(peer) {
            older.end("it has dialled again");
            // Where it does not go in time, the library chooses, and the loser dials again.
            let _ = timeout(Duration::from_millis(FAREWELL_MS_MAX), older.gone()).await;
        }
    }
}
