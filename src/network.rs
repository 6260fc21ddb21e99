//! Addresses, cookies and certificates, as the command line names them. No network that others can read is used
//! unless the user says so.

use crate::cli::{
    cluster::TlsOptions,
    exit::{Exit, Failure, OrExit},
};
use anyhow::{Context, anyhow};
use hatchery_actors::cluster::{Cookie, TlsFiles};
use std::{
    fs::File,
    net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs},
    path::Path,
    time::{Duration, Instant},
};

/// Ports that are tried: none that the system hands out to connections by itself.
const PORT_MIN: u16 = 20_000;
const PORT_COUNT: u16 = 10_001;
/// Time between two looks whether a cookie is there.
const COOKIE_LOOK: Duration = Duration::from_millis(500);
/// How many are tried.
const PORT_TRIES: u64 = 100;

/// The certificates that are named, all of them readable.
pub fn tls(options: &TlsOptions) -> Result<Option<TlsFiles>, Failure> {
    let (Some(ca), Some(certificate), Some(key)) =
        (&options.tls_ca, &options.tls_certificate, &options.tls_key)
    else {
        return Ok(None);
    };
    for (option, path) in [("--tls-ca", ca), ("--tls-certificate", certificate), ("--tls-key", key)] {
        let opened = File::open(path).with_context(|| format!("{option} {}", path.display()));
        opened.context("hatchery cert makes certificates").or_exit(Exit::Experiment)?;
    }
    Ok(Some(TlsFiles { ca: ca.clone(), certificate: certificate.clone(), key: key.clone() }))
}

/// An existing cookie.
pub fn cookie(path: &Path) -> Result<Cookie, Failure> {
    Cookie::read(path).with_context(|| format!("--cookie-file {}", path.display())).or_exit(Exit::Experiment)
}

/// The cookie that the coordinator makes when it begins: where it is not there yet, it is waited for.
pub fn awaited_cookie(path: &Path, patience: Duration) -> Result<Cookie, Failure> {
    let since = Instant::now();
    if !path.exists() {
        let patience = patience.as_secs();
        tracing::info!("there is no {} yet: it is waited for, {patience} s at most", path.display());
    }
    while !path.exists() && since.elapsed() < patience {
        std::thread::sleep(COOKIE_LOOK.min(patience));
    }
    cookie(path)
}

/// The address to listen on.
pub fn listening(listen: &str, tls: &TlsOptions) -> Result<SocketAddr, Failure> {
    let resolved = listen.to_socket_addrs().map_err(anyhow::Error::from);
    let address = resolved.and_then(|mut all| all.next().ok_or_else(|| anyhow!("no such host")));
    let address = address
        .with_context(|| {
            format!("--listen {listen} is no address of this machine with a port, like 127.0.0.1:7117")
        })
        .or_exit(Exit::Experiment)?;
    not_open(&format!("--listen {listen}"), address.ip().is_loopback(), tls)?;
    Ok(address)
}

/// Checks the addresses of coordinators.
pub fn joining(join: &[String], tls: &TlsOptions) -> Result<(), Failure> {
    for address in join {
        let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains('/'));
        let Some((host, Ok(_))) = parts.map(|(host, port)| (host, port.parse::<u16>())) else {
            let error = anyhow!("--join {address}: write HOST:PORT, as the coordinator shows it");
            return Err(error).or_exit(Exit::Experiment);
        };
        not_open(&format!("--join {address}"), is_loopback(host), tls)?;
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn not_open(what: &str, is_loopback: bool, tls: &TlsOptions) -> Result<(), Failure> {
    if is_loopback || tls.tls_ca.is_some() || tls.plain {
        return Ok(());
    }
    let error = anyhow!(
        "{what} leaves this machine, and nothing is encrypted: make certificates with `hatchery cert` and name them by \
         --tls-ca, --tls-certificate and --tls-key, or say --plain where nobody else can reach that network"
    );
    Err(error).or_exit(Exit::Experiment)
}

/// A port of this machine that nobody listens on; `wanted` where that is one.
pub fn free_port(wanted: Option<u16>, draw: u64) -> std::io::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let drawn = (0..PORT_TRIES).map(|number| {
        let offset = draw.wrapping_add(number.wrapping_mul(7919)) % u64::from(PORT_COUNT);
        PORT_MIN + u16::try_from(offset).unwrap_or(0)
    });
    wanted.into_iter().chain(drawn).find(is_free).ok_or_else(|| {
        std::io::Error::other(format!("no free port from {PORT_MIN} on: {PORT_TRIES} were tried"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_machine_in_the_clear_unless_it_is_said() {
        let none = TlsOptions::default();
        let plain = TlsOptions { plain: true, ..TlsOptions::default() };
        let certified = TlsOptions { tls_ca: Some("ca.pem".into()), ..TlsOptions::default() };
        for address in ["127.0.0.1:7117", "[::1]:7117", "localhost:0"] {
            listening(address, &none).unwrap();
            joining(&[address.to_owned()], &none).unwrap();
        }
        for address in ["0.0.0.0:7117", "[::]:7117", "192.0.2.1:7117"] {
            for refused in [listening(address, &none).map(|_| ()), joining(&[address.to_owned()], &none)] {
                let refused = refused.unwrap_err();
                assert_eq!(refused.exit, Exit::Experiment);
                assert!(refused.to_string().contains("hatchery cert"), "{refused}");
            }
            listening(address, &plain).unwrap();
            joining(&[address.to_owned()], &certified).unwrap();
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for address in ["", "node1", "node1:", ":7117", "node1:http", "node1:70000", "http://node1:7117"] {
            let refused = joining(&[address.to_owned()], &TlsOptions::default()).unwrap_err();
            assert!(refused.to_string().contains("HOST:PORT"), "{address}: {refused}");
        }
        assert!(listening("7117", &TlsOptions::default()).unwrap_err().to_string().contains("--listen 7117"));
    }

    #[test]
    fn a_cookie_that_comes_late_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cookie");
        let missing = awaited_cookie(&path, Duration::ZERO).unwrap_err();
        assert!(
            missing.exit == Exit::Experiment && missing.to_string().contains("--cookie-file"),
            "{missing}"
        );
        let coordinator = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(Duration::from_millis(50));
                Cookie::create(&path).unwrap()
            }
        });
        let found = awaited_cookie(&path, Duration::from_secs(60)).unwrap();
        assert!(found == coordinator.join().unwrap());
    }

    #[test]
    fn a_port_that_is_taken_is_passed_over() {
        let port = free_port(None, 5).unwrap();
        assert!((PORT_MIN..PORT_MIN + PORT_COUNT).contains(&port));
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let other = free_port(Some(taken.local_addr().unwrap().port()), 5).unwrap();
        assert!((PORT_MIN..PORT_MIN + PORT_COUNT).contains(&other));
    }
}
