//! `hatchery cert`: a certificate authority, and certificates for the nodes that it vouches for.
//!
//! Coordinator and workers know each other by certificates of one authority, whatever they are called: every
//! certificate bears the name [`NODE_NAME`], beside the addresses that other programs may look at.

use crate::{
    cli::{
        cluster::{CertAuthorityOptions, CertCommand, CertNodeOptions, CertOptions},
        exit::{Exit, Failure, OrExit},
    },
    output::say,
};
use anyhow::{Context, anyhow};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::{
    fs::File,
    io::Write,
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The name in every node's certificate, which the others look for.
const NODE_NAME: &str = "hatchery-node";
/// What the authority is called.
const AUTHORITY_NAME: &str = "Hatchery certificate authority";
/// How long an authority is good for.
const AUTHORITY_DAYS: u64 = 3650;
/// How long a node's certificate is good for.
const NODE_DAYS: u64 = 730;
/// Certificates hold from a little earlier on: clocks differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);
/// Longest name of a node: what X.509 allows.
const NAME_CHARS_MAX: usize = 64;

/// Makes what is asked for.
pub fn cert(options: &CertOptions) -> Result<(), Failure> {
    match &options.command {
        CertCommand::Ca(options) => authority(options),
        CertCommand::Node(options) => node(options),
    }
}

fn authority(options: &CertAuthorityOptions) -> Result<(), Failure> {
    let files = Files::of(&options.dir, "ca");
    files.check_free(options.force)?;
    let key = KeyPair::generate().or_exit(Exit::Failed)?;
    let mut params = lasting(CertificateParams::default(), AUTHORITY_DAYS);
    params.distinguished_name.push(DnType::CommonName, AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).or_exit(Exit::Failed)?;
    files.write(&certificate.pem(), &key, options.force)?;
    files.announce(&params);
    say(format_args!(
        "next: hatchery cert node {} --name NAME, for each machine; keep {} to yourself",
        options.dir.display(),
        files.key.display()
    ));
    Ok(())
}

fn node(options: &CertNodeOptions) -> Result<(), Failure> {
    check_name(&options.name).or_exit(Exit::Experiment)?;
    options.addresses.iter().try_for_each(|address| check_address(address)).or_exit(Exit::Experiment)?;
    let files = Files::of(&options.dir, &options.name);
    files.check_free(options.force)?;
    let authority = Files::of(&options.dir, "ca");
    let issuer = authority.issuer()?;
    let mut names = vec![NODE_NAME.to_owned()];
    names.extend(options.addresses.iter().cloned());
    let params = CertificateParams::new(names)
        .map_err(|error| anyhow!("--address {}: {error}", options.addresses.join(" --address ")))
        .or_exit(Exit::Experiment)?;
    let mut params = lasting(params, NODE_DAYS);
    params.distinguished_name.push(DnType::CommonName, options.name.as_str());
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().or_exit(Exit::Failed)?;
    let certificate = params.signed_by(&key, &issuer).or_exit(Exit::Failed)?;
    files.write(&certificate.pem(), &key, options.force)?;
    files.announce(&params);
    say(format_args!(
        "use: --tls-ca {} --tls-certificate {} --tls-key {}",
        authority.certificate.display(),
        files.certificate.display(),
        files.key.display()
    ));
    Ok(())
}

/// It becomes a file's name.
fn check_name(name: &str) -> anyhow::Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    anyhow::ensure!(
        !name.is_empty()
            && name.len() <= NAME_CHARS_MAX
            && name.chars().all(is_plain)
            && !name.starts_with(['.', '-'])
            && name != "ca",
        "--name {name}: write letters, digits, `-`, `_` and `.`, {NAME_CHARS_MAX} at most; `ca` is the authority"
    );
    Ok(())
}

/// It is one by which a machine can be reached.
fn check_address(address: &str) -> anyhow::Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_host = !address.is_empty() && address.trim_start_matches("*.").chars().all(is_plain);
    anyhow::ensure!(
        is_host || address.parse::<IpAddr>().is_ok(),
        "--address {address}: write a host name (node1.example.org) or an IP address, without a port"
    );
    Ok(())
}

fn lasting(mut params: CertificateParams, days: u64) -> CertificateParams {
    let now = SystemTime::now();
    params.not_before = (now - CLOCKS_DIFFER).into();
    params.not_after = (now + Duration::from_secs(days * 86_400)).into();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}

/// A certificate and its key.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(folder: &Path, name: &str) -> Self {
        Self { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) }
    }

    fn check_free(&self, force: bool) -> Result<(), Failure> {
        match [&self.certificate, &self.key].into_iter().find(|path| path.exists()) {
            Some(path) if !force => {
                let error = anyhow!(
                    "{} exists; --force replaces it, and what it was good for is refused then",
                    path.display()
                );
                Err(error).or_exit(Exit::RunDirectory)
            }
            _ => Ok(()),
        }
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, Failure> {
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read: `hatchery cert ca` makes it", path.display()))
        };
        let wrong = |path: &Path, error: rcgen::Error| anyhow!("{} is damaged: {error}", path.display());
        let issuer = || {
            let key = read(&self.key)?;
            let key = KeyPair::from_pem(&key).map_err(|error| wrong(&self.key, error))?;
            let certificate = read(&self.certificate)?;
            Issuer::from_ca_cert_pem(&certificate, key).map_err(|error| wrong(&self.certificate, error))
        };
        issuer().or_exit(Exit::RunDirectory)
    }

    /// The key first: a certificate without one is of no use to anybody.
    fn write(&self, certificate: &str, key: &KeyPair, force: bool) -> Result<(), Failure> {
        let put = |path: &Path, text: &str, mode: u32| {
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            if force && path.exists() {
                std::fs::remove_file(path)?;
            }
            let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        let write = |path: &Path, text: &str, mode: u32| {
            put(path, text, mode).with_context(|| format!("cannot write {}", path.display()))
        };
        write(&self.key, &key.serialize_pem(), 0o600)
            .and_then(|()| write(&self.certificate, certificate, 0o644))
            .or_exit(Exit::RunDirectory)
    }

    fn announce(&self, params: &CertificateParams) {
        say(format_args!(
            "{} and {}, good until {}",
            self.certificate.display(),
            self.key.display(),
            params.not_after.date()
        ));
    }
}
