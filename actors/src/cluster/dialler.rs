//! Joins a cluster: dials the given addresses in turn until one lets this node in, stays as long as the connection
//! does, then dials again. Never dials while it is joined, for the cluster library might drop the connection that works.

use super::connection::Connection;
use super::cookie::random_bytes;
use super::core::{Core, HANDSHAKE_MS_MAX, Stream, Trouble};
use super::knock::{self, KnockError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

/// The longest pause after the first failure, and after many. Each pause is drawn between nothing and that, so that
/// nodes that lost their coordinator together do not come back together.
const PAUSE_MS_MIN: u64 = 200;
const PAUSE_MS_MAX: u64 = 5_000;

/// Milliseconds for a connection to come about.
const CONNECT_MS_MAX: u64 = 3_000;

/// Milliseconds for a host name to be found.
const LOOKUP_MS_MAX: u64 = 5_000;

/// Addresses of one host name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Why an address did not let us in.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("cannot find {address}: {trouble}; expected HOST:PORT")]
    Unknown { address: String, trouble: String },
    #[error("cannot reach {address}: {trouble}")]
    Unreachable { address: String, trouble: String },
    #[error(
        "{address} does not accept TLS: {trouble}; does it listen with TLS, and are both certificates of the same \
         authority and valid?"
    )]
    Tls { address: String, trouble: io::Error },
    #[error(
        "{address} does not accept this node's certificate: {trouble}; is it valid today, and of the authority that \
         the coordinator knows? `hatchery cert node` makes another"
    )]
    Certificate { address: String, trouble: io::Error },
    #[error("{address} does not let this node in: {trouble}")]
    Refused { address: String, trouble: KnockError },
    #[error("{address} answers too slowly")]
    Slow { address: String },
    #[error("this node's part of the cluster has ended")]
    Ended,
}

impl DialError {
    /// What came back after TLS was set up. What the other side thinks of a certificate is heard only then.
    fn knocked(address: &str, trouble: KnockError) -> Self {
        let address = address.to_owned();
        match trouble {
            KnockError::Broken(trouble) if trouble.kind() == io::ErrorKind::InvalidData => {
                Self::Certificate { address, trouble }
            }
            trouble => Self::Refused { address, trouble },
        }
    }

    /// Whether trying again as things are comes to the same.
    const fn is_refusal(&self) -> bool {
        match self {
            Self::Tls { .. } | Self::Certificate { .. } => true,
            Self::Refused { trouble, .. } => {
                !matches!(trouble, KnockError::Broken(_) | KnockError::Full | KnockError::NoRandomness)
            }
            Self::Unknown { .. } | Self::Unreachable { .. } | Self::Slow { .. } | Self::Ended => false,
        }
    }
}

impl From<DialError> for Trouble {
    fn from(error: DialError) -> Self {
        Self { is_refusal: error.is_refusal(), words: error.to_string() }
    }
}

/// Joins for ever.
pub(super) async fn join(core: Arc<Core>, addresses: Vec<String>) {
    let mut pause = Pause::new();
    if addresses.is_empty() {
        return core.note(passing("there is no address to join".to_owned()));
    }
    loop {
        for address in &addresses {
            match dial(&core, address).await {
                Ok(connection) => {
                    connection.gone().await;
                    core.note(passing(format!("the connection to {address} ended: {}", connection.reason())));
                    if connection.is_ready() {
                        pause.reset();
                    }
                    break;
                }
                Err(error) => core.note(error.into()),
            }
        }
        sleep(pause.next()).await;
    }
}

/// What may be otherwise the next time.
const fn passing(words: String) -> Trouble {
    Trouble { words, is_refusal: false }
}

async fn dial(core: &Core, address: &str) -> Result<Arc<Connection>, DialError> {
    let unknown = |trouble: String| DialError::Unknown { address: address.to_owned(), trouble };
    let found = timeout(Duration::from_millis(LOOKUP_MS_MAX), lookup_host(address))
        .await
        .map_err(|_| unknown("no answer".to_owned()))?
        .map_err(|error| unknown(error.to_string()))?;
    let mut trouble = unknown("it has no address".to_owned());
    for found in found.take(ADDRESSES_MAX) {
        match knock_at(core, address, found).await {
            Ok(connection) => return Ok(connection),
            Err(error) => trouble = error,
        }
    }
    Err(trouble)
}

async fn knock_at(core: &Core, address: &str, found: SocketAddr) -> Result<Arc<Connection>, DialError> {
    let unreachable = |trouble: String| DialError::Unreachable { address: address.to_owned(), trouble };
    let stream = timeout(Duration::from_millis(CONNECT_MS_MAX), TcpStream::connect(found))
        .await
        .map_err(|_| unreachable("no answer".to_owned()))?
        .map_err(|error| unreachable(error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
    timeout(Duration::from_millis(HANDSHAKE_MS_MAX), enter(core, address, stream))
        .await
        .map_err(|_| DialError::Slow { address: address.to_owned() })?
}

async fn enter(core: &Core, address: &str, stream: TcpStream) -> Result<Arc<Connection>, DialError> {
    let mut stream: Box<dyn Stream> = match &core.tls {
        None => Box::new(stream),
        Some(tls) => {
            let failed = |trouble| DialError::Tls { address: address.to_owned(), trouble };
            Box::new(tls.connector.connect(tls.name.clone(), stream).await.map_err(failed)?)
        }
    };
    let peer = knock::knock(&mut stream, &core.name, &core.cookie)
        .await
        .map_err(|trouble| DialError::knocked(address, trouble))?;
    core.adopt(stream, peer, address, None).ok_or(DialError::Ended)
}

/// How long to wait before dialling again.
struct Pause {
    rng: ChaCha8Rng,
    most_ms: u64,
}

impl Pause {
    fn new() -> Self {
        let mut seed = [0; 32];
        // Without randomness nodes may come back together, no more.
        let _ = random_bytes(&mut seed);
        Self { rng: ChaCha8Rng::from_seed(seed), most_ms: PAUSE_MS_MIN }
    }

    fn reset(&mut self) {
        self.most_ms = PAUSE_MS_MIN;
    }

    fn next(&mut self) -> Duration {
        let pause_ms = self.rng.random_range(0..=self.most_ms);
        self.most_ms = (self.most_ms * 2).min(PAUSE_MS_MAX);
        Duration::from_millis(pause_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_begin_anew() {
        let mut pause = Pause::new();
        let mut limits = Vec::new();
        for _ in 0..8 {
            limits.push(pause.most_ms);
            let most = Duration::from_millis(pause.most_ms);
            assert!(pause.next() <= most);
        }
        assert_eq!(limits, [200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        pause.reset();
        assert_eq!(pause.most_ms, PAUSE_MS_MIN);
    }
}
