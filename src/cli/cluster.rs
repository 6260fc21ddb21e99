//! Options of the commands that work together over a network.

use super::{http::HttpOptions, run::RunOptions};
use crate::devices::{SLOTS_MAX, Slots};
use clap::{Args, Subcommand};
use hatchery_actors::trainer::simulated::TrainingTime;
use std::path::PathBuf;

/// Where a coordinator listens that is told nothing.
pub const LISTEN: &str = "127.0.0.1:7117";

/// `hatchery coordinator`.
#[derive(Clone, Debug, Args)]
pub struct CoordinatorOptions {
    /// What is run; as in `hatchery run`.
    #[command(flatten)]
    pub run: RunOptions,
    /// Where workers reach it: an address of this machine, and a port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = LISTEN)]
    pub listen: String,
    /// What coordinator and workers have in common that nobody else knows; made where it is missing [default:
    /// DIR/cookie]
    #[arg(long, value_name = "FILE")]
    pub cookie_file: Option<PathBuf>,
    /// Certificates.
    #[command(flatten)]
    pub tls: TlsOptions,
    /// The process that has started this one, ends with it, and shows what it does.
    #[arg(long, value_name = "PID", hide = true)]
    pub supervised_by: Option<u32>,
    /// The coordinator before this one has broken down, and its workers may still be at work.
    #[arg(long, hide = true)]
    pub started_again: bool,
}

/// `hatchery worker`.
#[derive(Clone, Debug, Args)]
pub struct WorkerOptions {
    /// The coordinator; several addresses are tried in turn
    #[arg(long, value_name = "HOST:PORT,..", value_delimiter = ',', required = true)]
    pub join: Vec<String>,
    /// auto (all GPUs, else the CPU), cpu, or cuda:0,cuda:1,..
    #[arg(long, value_name = "DEVICE,..", value_delimiter = ',', default_value = "auto")]
    pub devices: Vec<String>,
    /// Trainers side by side, or ..N: on each device as many as raise what it trains in all, which is measured, up to N
    /// [default: ..16 on GPUs; on the CPU one for every --threads cores]
    #[arg(long, value_name = "N|..N")]
    pub slots: Option<Slots>,
    /// Threads of one trainer on the CPU [default: what the experiment says, as far as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SLOTS_MAX)))]
    pub threads: Option<u32>,
    /// What the coordinator calls it [default: worker@HOST-PID]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The coordinator's cookie
    #[arg(long, value_name = "FILE")]
    pub cookie_file: PathBuf,
    /// Certificates.
    #[command(flatten)]
    pub tls: TlsOptions,
    /// How long what is under way may take to finish when the worker is told to end; then it is handed back
    #[arg(long, value_name = "TIME", default_value = "20s")]
    pub grace: hatchery_config::duration::Duration,
    /// How long to wait for a coordinator that is not there
    #[arg(long, value_name = "TIME", default_value = "30m")]
    pub patience: hatchery_config::duration::Duration,
    /// Never fetch ONNX Runtime
    #[arg(long)]
    pub offline: bool,
    /// What it shows of itself.
    #[command(flatten)]
    pub http: HttpOptions,
    /// The process that has started this one, and ends with it.
    #[arg(long, value_name = "PID", hide = true)]
    pub supervised_by: Option<u32>,
    /// Pretend to train, for so long; for measuring a coordinator.
    #[arg(long, value_name = "DIST", hide = true)]
    pub simulate: Option<TrainingTime>,
    /// Which process of its name it is: drawn at random where nobody says.
    #[arg(long, value_name = "NUMBER", hide = true)]
    pub incarnation: Option<u64>,
}

/// Who may join, and what others may read.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsOptions {
    /// The certificate authority that coordinator and workers trust (see hatchery cert)
    #[arg(long, value_name = "FILE", requires_all = ["tls_certificate", "tls_key"])]
    pub tls_ca: Option<PathBuf>,
    /// This node's certificate
    #[arg(long, value_name = "FILE", requires_all = ["tls_ca", "tls_key"])]
    pub tls_certificate: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires_all = ["tls_ca", "tls_certificate"])]
    pub tls_key: Option<PathBuf>,
    /// Do without certificates between machines: whoever sees the network reads and changes everything
    #[arg(long, conflicts_with = "tls_ca")]
    pub plain: bool,
}

/// `hatchery cert`.
#[derive(Debug, Args)]
pub struct CertOptions {
    /// What to make.
    #[command(subcommand)]
    pub command: CertCommand,
}

/// `hatchery cert ..`.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Make a certificate authority: DIR/ca.pem, which all nodes need, and DIR/ca.key, which only `cert node` does
    Ca(CertAuthorityOptions),
    /// Make the certificate of a node: DIR/NAME.pem and DIR/NAME.key
    Node(CertNodeOptions),
}

/// `hatchery cert ca`.
#[derive(Debug, Args)]
pub struct CertAuthorityOptions {
    /// Where it is put; made where it is missing
    pub dir: PathBuf,
    /// Replace what is there: nodes with certificates of the old one are refused from then on
    #[arg(long)]
    pub force: bool,
}

/// `hatchery cert node`.
#[derive(Debug, Args)]
pub struct CertNodeOptions {
    /// Where the authority lies
    pub dir: PathBuf,
    /// Of the node; names the files
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// A host name or IP address that it is reached by; may be repeated
    #[arg(long = "address", value_name = "HOST_OR_IP")]
    pub addresses: Vec<String>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}
