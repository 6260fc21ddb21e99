//! Encryption between machines: TLS 1.3, where each side shows a certificate of the cluster's own authority.
//!
//! Who a node is and whether it may join, this module does not know: a certificate says that a machine belongs to the
//! cluster, nothing more.

use super::secrecy::{Withheld, read_secret};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore, ServerConfig, version};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The name in every node's certificate. It is the same for all, so that the addresses of machines may change.
pub const NODE_SERVER_NAME: &str = "hatchery-node";

/// Bytes of a private key's file that are looked at; one in PEM form has a few thousand at most.
const KEY_FILE_BYTES_MAX: u64 = 1 << 16;

/// What a node needs to show and to check certificates. PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the authority that has signed all nodes' certificates.
    pub ca: PathBuf,
    /// This node's certificate, for [`NODE_SERVER_NAME`].
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why there is no encryption.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {what} {path}")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// The trouble.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {what} in PEM form: {found}; `hatchery cert` makes one")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The trouble.
        found: String,
    },
    /// Others may read a private key.
    #[error("the private key {path} may be read by others (mode {mode:03o}); say: chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// The files do not go together.
    #[error("{ca}, {certificate} and {key} do not go together: {source}", ca = files.ca.display(),
        certificate = files.certificate.display(), key = files.key.display())]
    Mismatched {
        /// The files.
        files: Box<TlsFiles>,
        /// The trouble.
        source: Error,
    },
    /// The cryptographic library does not work.
    #[error("cannot set up TLS: {0}")]
    Library(Error),
}

/// Both ends of encrypted connections.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl Tls {
    /// Reads the files.
    pub(super) fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let mismatched = |source| TlsError::Mismatched { files: Box::new(files.clone()), source };
        let roots = Arc::new(authority(&files.ca)?);
        let chain = certificates("certificate", &files.certificate)?;
        let key = private_key(&files.key)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider())
            .build()
            .map_err(|error| mismatched(Error::General(error.to_string())))?;
        let server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13])
            .map_err(TlsError::Library)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(mismatched)?;
        let client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13])
            .map_err(TlsError::Library)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(mismatched)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
            name: ServerName::try_from(NODE_SERVER_NAME)
                .map_err(|error| TlsError::Library(Error::General(error.to_string())))?,
        })
    }
}

/// A door that opens for nobody: a server without a certificate completes no handshake.
///
/// The cluster library insists on a listener of its own. It takes one connection at a time through the handshake, so
/// behind this door nobody ever reaches it.
pub(super) fn closed_door() -> Result<TlsAcceptor, TlsError> {
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])
        .map_err(TlsError::Library)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(NoCertificate));
    Ok(TlsAcceptor::from(Arc::new(server)))
}

#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn authority(path: &Path) -> Result<RootCertStore, TlsError> {
    let what = "certificate of an authority";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(what, path)? {
        let malformed =
            |error: Error| TlsError::Malformed { what, path: path.to_owned(), found: error.to_string() };
        roots.add(certificate).map_err(malformed)?;
    }
    Ok(roots)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let malformed =
        |error: pem::Error| TlsError::Malformed { what, path: path.to_owned(), found: error.to_string() };
    let text = contents(what, path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(malformed)?;
    if found.is_empty() {
        return Err(malformed(pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let what = "private key";
    let text = read_secret(path, KEY_FILE_BYTES_MAX).map_err(|withheld| match withheld {
        Withheld::Unreadable(source) => TlsError::Unreadable { what, path: path.to_owned(), source },
        Withheld::Open { mode } => TlsError::Open { path: path.to_owned(), mode },
    })?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| TlsError::Malformed {
        what,
        path: path.to_owned(),
        found: error.to_string(),
    })
}

fn contents(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { what, path: path.to_owned(), source })
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
