//! `hatchery run`: the main job.

pub mod summary;

use crate::cli::{exit::Failure, options::RunOptions};

/// Runs it.
pub fn run(_options: &RunOptions) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not written yet").into())
}
