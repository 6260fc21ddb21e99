//! `[search] seeds`: networks designed by hand, read from files.
//!
//! A file holds one genome, as `hatchery show --json` and `best.json` print it (JSON), or the same as TOML. It must not
//! know what becomes of it.

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    output::note,
};
use anyhow::{Context, anyhow};
use hatchery_actors::{makers::by_hand, protocol::Newborn};
use hatchery_config::Experiment;
use hatchery_models::{genome::Genome, problem::Problem};
use std::path::Path;

/// Reads the experiment's seeds. Where a run goes on they are in its journal already: files that are gone since are
/// passed over.
pub fn read(experiment: &Experiment, problem: Problem, resume: bool) -> Result<Vec<Newborn>, Failure> {
    let mut seeds = Vec::new();
    for file in &experiment.search.seeds {
        match seed(Path::new(file), experiment, problem) {
            Ok(seed) => seeds.push(seed),
            Err(error) if resume => note(format_args!("warning: {error:#}; it is not needed to go on")),
            Err(error) => return Err(error).or_exit(Exit::Experiment),
        }
    }
    Ok(seeds)
}

fn seed(file: &Path, experiment: &Experiment, problem: Problem) -> anyhow::Result<Newborn> {
    let place = format!("`search.seeds`: {}", file.display());
    let text = std::fs::read_to_string(file).with_context(|| format!("{place} cannot be read"))?;
    let genome = genome(file, &text).with_context(|| place.clone())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    by_hand(genome, &name, problem, &experiment.limits).map_err(|message| anyhow!("{place}: {message}"))
}

fn genome(file: &Path, text: &str) -> anyhow::Result<Genome> {
    if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        let value: serde_json::Value = serde_json::from_str(text)?;
        // `best.json` holds the genome among other things.
        let genome = value.get("genome").unwrap_or(&value);
        return serde_json::from_value(genome.clone()).context("this is no genome");
    }
    toml::from_str(text).context("this is no genome")
}
