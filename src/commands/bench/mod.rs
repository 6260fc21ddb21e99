//! `hatchery bench ..`: measures one part of the program at a time.

mod coordinator;
mod search;
mod train;

use crate::cli::{
    exit::Failure,
    options::{BenchCommand, BenchOptions},
};

/// Measures what is asked for.
pub fn bench(options: &BenchOptions) -> Result<(), Failure> {
    match &options.command {
        BenchCommand::Train(options) => train::train(options),
        BenchCommand::Coordinator(options) => coordinator::coordinator(options),
        BenchCommand::Search(options) => search::search(options),
    }
}
