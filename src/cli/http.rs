//! Options of what a node process shows of itself over HTTP.

use clap::Args;
use std::path::PathBuf;

/// Where metrics, API and dashboard are.
#[derive(Clone, Debug, Default, Args)]
pub struct HttpOptions {
    /// Where metrics, API and dashboard are served, or off [default: 127.0.0.1 and a free port]
    #[arg(long = "http", value_name = "ADDRESS:PORT|off")]
    pub http: Option<String>,
    /// What others prove with that they may see this node from other machines, and change what it does; made where it is
    /// missing [default: DIR/token]
    #[arg(long, value_name = "FILE")]
    pub http_token_file: Option<PathBuf>,
}
