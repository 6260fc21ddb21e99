//! One module per command.

pub mod bench;
pub mod cert;
pub mod coordinator;
pub mod data;
pub mod doctor;
pub mod export;
pub mod list;
pub mod replay;
pub mod run;
pub mod show;
pub mod status;
pub mod test;
pub mod top;
pub mod worker;

use crate::{
    cli::exit::Exit,
    cli::exit::Failure,
    cli::exit::OrExit,
    view::{Row, Run},
};
use hatchery_models::training::runtime::{LibraryOptions, Runtime};
use std::path::PathBuf;

/// Finds and loads ONNX Runtime.
pub fn open_runtime(library: Option<PathBuf>, offline: bool) -> Result<Runtime, Failure> {
    Runtime::open(&LibraryOptions { library, offline }).or_exit(Exit::Library)
}

/// What training steps are computed by, for people.
fn arithmetic(runtime: &Runtime) -> String {
    match runtime.kernel_floats() {
        Some(floats) => format!("kernels with vectors of {floats} floats"),
        None => "standard operators".to_owned(),
    }
}

/// The network that is asked for: by its id, else the best.
fn pick(run: &Run, id: Option<u64>) -> Result<&Row, Failure> {
    let Some(id) = id.or(run.best.as_ref().map(|best| best.id)) else {
        let error =
            anyhow::anyhow!("{} has no network yet: no evaluation has ended with a score", run.directory);
        return Err(error).or_exit(Exit::NoNetwork);
    };
    run.row(id).ok_or_else(|| {
        let ids = run.rows.iter().map(|row| row.id);
        let (min, max) = (ids.clone().min().unwrap_or(0), ids.max().unwrap_or(0));
        let message = format!(
            "{} has no evaluated network {id}; their ids lie between {min} and {max}: see hatchery list {0}",
            run.directory
        );
        Failure { exit: Exit::RunDirectory, error: anyhow::anyhow!(message) }
    })
}
