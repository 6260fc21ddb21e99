//! The search itself: actors started, progress shown, Ctrl-C heard.

use super::plan::Plan;
use crate::cli::exit::Failure;
use hatchery_models::{
    data::{Dataset, Split},
    training::runtime::Runtime,
};

/// Runs the search to its end, or until the user stops it.
pub fn search(
    _plan: &Plan,
    _dataset: Dataset,
    _split: Split,
    _runtime: &Runtime,
    _quiet: bool,
) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not written yet").into())
}
