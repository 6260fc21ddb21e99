//! `hatchery top`: a run, watched in a terminal.

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::TopOptions,
    },
    top::{Source, watch},
};

/// Shows it until the user has seen enough.
pub fn top(options: &TopOptions) -> Result<(), Failure> {
    let token = match &options.token_file {
        Some(path) => Some(read_token(path)?),
        None => None,
    };
    watch(Source::new(&options.run, token).or_exit(Exit::Experiment)?)
}

fn read_token(path: &std::path::Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| anyhow::anyhow!("the token in {} cannot be read: {error}", path.display()));
    text.map(|text| text.trim().to_owned()).or_exit(Exit::Failed)
}
