//! Certificates: made once, kept to their owner, and good for what they are meant for.

use super::common::hatchery;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};
use tempfile::{TempDir, tempdir};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};

/// Exit codes, as the README lists them.
const EXPERIMENT: i32 = 2;
const FILES: i32 = 4;

/// An authority and two nodes.
fn made() -> TempDir {
    let folder = tempdir().unwrap();
    hatchery(folder.path(), &["cert", "ca", "tls"]).ok();
    for name in ["hub", "gpu-1"] {
        hatchery(folder.path(), &["cert", "node", "tls", "--name", name, "--address", "192.0.2.1"]).ok();
    }
    folder
}

fn roots(folder: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("tls/ca.pem")).unwrap()).unwrap();
    roots
}

fn node(folder: &Path, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_file(folder.join(format!("tls/{name}.pem"))).unwrap();
    (vec![certificate], PrivateKeyDer::from_pem_file(folder.join(format!("tls/{name}.key"))).unwrap())
}

/// Lets two nodes greet each other, each with a certificate, the client expecting `address`.
fn greet(server: &Path, client: &Path, address: &'static str) -> Result<(), String> {
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(server)), Arc::clone(&provider));
    let (certificate, key) = node(server, "hub");
    let accepting = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(builder.build().unwrap())
        .with_single_cert(certificate, key)
        .unwrap();
    let (certificate, key) = node(client, "gpu-1");
    let calling = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(client))
        .with_client_auth_cert(certificate, key)
        .unwrap();
    let mut hub = ServerConnection::new(Arc::new(accepting)).unwrap();
    let mut worker =
        ClientConnection::new(Arc::new(calling), ServerName::try_from(address).unwrap()).unwrap();
    while hub.is_handshaking() || worker.is_handshaking() {
        let mut bytes = Vec::new();
        worker.write_tls(&mut bytes).unwrap();
        hub.read_tls(&mut bytes.as_slice()).unwrap();
        hub.process_new_packets().map_err(|error| format!("hub: {error}"))?;
        bytes.clear();
        hub.write_tls(&mut bytes).unwrap();
        worker.read_tls(&mut bytes.as_slice()).unwrap();
        worker.process_new_packets().map_err(|error| format!("worker: {error}"))?;
    }
    Ok(())
}

#[test]
fn nodes_of_one_authority_trust_each_other_by_every_name_that_they_bear() {
    let folder = made();
    for name in ["hatchery-node", "192.0.2.1"] {
        greet(folder.path(), folder.path(), name).unwrap();
    }
    let other = greet(folder.path(), folder.path(), "somebody-else").unwrap_err();
    assert!(other.contains("not valid for name"), "{other}");
}

#[test]
fn nodes_of_another_authority_are_strangers() {
    let (ours, theirs) = (made(), made());
    let refused = greet(ours.path(), theirs.path(), "hatchery-node").unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}

#[test]
fn keys_are_for_their_owner_and_nothing_is_overwritten() {
    let folder = made();
    for name in ["ca", "hub", "gpu-1"] {
        let key = fs::metadata(folder.path().join(format!("tls/{name}.key"))).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let read = |name: &str| fs::read(folder.path().join("tls").join(name)).unwrap();
    let before = ["ca.pem", "ca.key", "hub.pem", "hub.key"].map(read);
    hatchery(folder.path(), &["cert", "ca", "tls"]).refused(FILES, &["tls/ca.pem", "--force"]);
    hatchery(folder.path(), &["cert", "node", "tls", "--name", "hub"])
        .refused(FILES, &["tls/hub.pem", "--force"]);
    assert_eq!(["ca.pem", "ca.key", "hub.pem", "hub.key"].map(read), before);
    let said = hatchery(folder.path(), &["cert", "node", "tls", "--name", "hub", "--force"]).ok().stdout;
    assert!(said.contains("good until 20") && said.contains("--tls-key tls/hub.key"), "{said}");
    assert_ne!(read("hub.key"), before[3]);
    greet(folder.path(), folder.path(), "hatchery-node").unwrap();
}

#[test]
fn what_cannot_be_vouched_for_is_named() {
    let folder = tempdir().unwrap();
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        hatchery(folder.path(), &[&["cert", "node", "tls"], arguments].concat()).refused(code, words);
    };
    refused(&["--name", "hub"], FILES, &["tls/ca.key", "hatchery cert ca"]);
    refused(&["--name", "../hub"], EXPERIMENT, &["--name ../hub"]);
    refused(&["--name", "ca"], EXPERIMENT, &["authority"]);
    hatchery(folder.path(), &["cert", "ca", "tls"]).ok();
    for address in ["näher", "bad host!", "node1:7117", ""] {
        refused(&["--name", "hub", "--address", address], EXPERIMENT, &["--address", address]);
    }
    fs::write(folder.path().join("tls/ca.key"), "no key").unwrap();
    refused(&["--name", "hub"], FILES, &["tls/ca.key", "damaged"]);
    assert!(!folder.path().join("tls/hub.pem").exists());
}
