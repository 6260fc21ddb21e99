//! Where a node process is to be seen: the address, found free before anything else is begun.

use crate::{
    chance,
    cli::{
        exit::{Exit, Failure, OrExit},
        http::HttpOptions,
    },
    identity,
    network::free_port,
};
use anyhow::{Context, anyhow};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};

/// How the option says that nothing is served.
pub const OFF: &str = "off";
/// Free ports that are tried where the user names none: another program may take one meanwhile.
const TRIES: usize = 10;

/// A port that is this process's.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: TcpListener,
    /// Where it is.
    pub address: SocketAddr,
}

/// Takes the address that the options name; `None` where nothing is to be served.
///
/// A process that is `started_again` takes another port where its own is taken meanwhile.
///
/// # Errors
/// Where the address is none, or cannot be had.
pub fn listen(options: &HttpOptions, started_again: bool) -> Result<Option<Listener>, Failure> {
    let wish = options.http.as_deref();
    if wish == Some(OFF) {
        return Ok(None);
    }
    let address =
        wish.map_or(Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))), resolve).or_exit(Exit::Experiment)?;
    let bound = bind(address).or_else(|error| match started_again {
        true => bind(SocketAddr::new(address.ip(), 0)),
        false => Err(error),
    });
    let socket = bound
        .with_context(|| {
            format!("--http {address}: nothing can listen there; name another port, leave it out, or say --http off")
        })
        .or_exit(Exit::Experiment)?;
    let address = socket.set_nonblocking(true).and_then(|()| socket.local_addr()).or_exit(Exit::Failed)?;
    Ok(Some(Listener { socket, address }))
}

impl Listener {
    /// As others on `host` or elsewhere reach it.
    pub fn reached_at(&self, host: &str) -> String {
        match self.address.ip() {
            ip if ip.is_unspecified() => format!("{host}:{}", self.address.port()),
            _ => self.address.to_string(),
        }
    }

    /// For a browser.
    pub fn url(&self, host: &str) -> String {
        format!("http://{}", self.reached_at(host))
    }
}

/// What is said of where a run is to be seen.
pub fn invitation(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() { identity::host() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("watch it at http://{host}:{}", address.port())
}

fn resolve(wish: &str) -> anyhow::Result<SocketAddr> {
    let resolved = wish.to_socket_addrs().map_err(anyhow::Error::from);
    let address = resolved.and_then(|mut all| all.next().ok_or_else(|| anyhow!("no such host")));
    address.with_context(|| {
        format!("--http {wish} is no address of this machine with a port, like 127.0.0.1:9100")
    })
}

/// Ports that the system gives to connections by itself are passed over where none is named: a process that is started
/// again would not get its own back.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    if address.port() != 0 {
        return TcpListener::bind(address);
    }
    let mut outcome = TcpListener::bind(SocketAddr::new(address.ip(), free_port(None, chance::number())?));
    for _ in 1..TRIES {
        if outcome.is_ok() {
            break;
        }
        outcome = TcpListener::bind(SocketAddr::new(address.ip(), free_port(None, chance::number())?));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(http: &str) -> Result<Option<Listener>, Failure> {
        listen(&HttpOptions { http: Some(http.to_owned()), http_token_file: None }, false)
    }

    #[test]
    fn it_is_seen_on_this_machine_alone_unless_it_is_said() {
        let listener = listen(&HttpOptions::default(), false).unwrap().unwrap();
        assert!(listener.address.ip().is_loopback() && listener.address.port() != 0);
        assert!(at("off").unwrap().is_none());
        let open = at("0.0.0.0:0").unwrap().unwrap();
        assert_eq!(open.url("node1"), format!("http://node1:{}", open.address.port()));
    }

    #[test]
    fn what_is_no_address_or_taken_is_named_with_a_remedy() {
        let taken = listen(&HttpOptions::default(), false).unwrap().unwrap();
        let refused = at(&taken.address.to_string()).unwrap_err();
        assert!(refused.exit == Exit::Experiment && refused.to_string().contains("--http off"), "{refused}");
        let again = HttpOptions { http: Some(taken.address.to_string()), http_token_file: None };
        assert_ne!(listen(&again, true).unwrap().unwrap().address.port(), taken.address.port());
        for wrong in ["", "9100", "localhost", "localhost:http"] {
            let refused = at(wrong).unwrap_err();
            assert!(refused.to_string().contains("127.0.0.1:9100"), "{wrong}: {refused}");
        }
    }
}
