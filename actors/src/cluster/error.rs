//! Why a process cannot be a node.

use super::knock::NAME_BYTES_MAX;
use super::tls::TlsError;
use crate::protocol::letters::NodeName;
use ractor::SpawnErr;
use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;

/// Why a process cannot be a node.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Its name cannot be said.
    #[error("`{stable}` is no name for a node: 1 to {NAME_BYTES_MAX} bytes without control characters are", stable = .0.stable)]
    BadName(NodeName),
    /// It is one already.
    #[error("this process is a node already: close that first")]
    Occupied,
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error("cannot listen on {address}; choose another with `--listen`")]
    CannotListen {
        /// Where.
        address: SocketAddr,
        /// The trouble.
        source: io::Error,
    },
    /// One of its actors did not start.
    #[error("the {0} did not start: {1}")]
    Broken(Step, String),
}

/// What is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Tells what comes in.
    Switchboard,
    /// Receives letters.
    Gateway,
    /// The cluster library's server.
    Server,
}

impl Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Switchboard => "switchboard",
            Self::Gateway => "gateway",
            Self::Server => "server of the cluster library",
        })
    }
}

impl ClusterError {
    /// Whether it is in what the user has given, and not in this machine.
    pub const fn is_misuse(&self) -> bool {
        matches!(self, Self::BadName(_) | Self::Tls(_))
    }

    pub(super) fn spawn(step: Step) -> impl FnOnce(SpawnErr) -> Self {
        move |error| Self::Broken(step, error.to_string())
    }
}
