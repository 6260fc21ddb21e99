//! Options of `hatchery run`, which a coordinator shares.

use super::http::HttpOptions;
use clap::Args;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// `hatchery run`.
#[derive(Clone, Debug, Default, Args)]
pub struct RunOptions {
    /// An experiment file, or a preset: digits, fashion-mnist, magic [default: digits]
    pub experiment: Option<String>,
    /// End after this many evaluations (--set budget.evaluations)
    #[arg(long, value_name = "N")]
    pub evaluations: Option<u64>,
    /// End after this time, final training included: 90s, 10m, 1h30m (--set budget.time)
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Trainers side by side (--set runtime.workers)
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
    /// Seed of every random stream (--set seed)
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The run directory [default: runs/NAME-N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the run in --out (or the latest of this experiment in runs/)
    #[arg(long)]
    pub resume: bool,
    /// Change a key of the experiment; may be repeated
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Make the last line of standard output a JSON object
    #[arg(long)]
    pub json: bool,
    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// Never fetch ONNX Runtime
    #[arg(long)]
    pub offline: bool,
    /// What it shows of itself.
    #[command(flatten)]
    pub http: HttpOptions,
}

impl RunOptions {
    /// All changes to the experiment, as `--set` would say them; the named options come last and win.
    pub fn all_sets(&self) -> Vec<String> {
        let mut sets = self.sets.clone();
        sets.extend(self.evaluations.map(|count| format!("budget.evaluations={count}")));
        sets.extend(self.time.as_ref().map(|time| format!("budget.time={time}")));
        sets.extend(self.workers.map(|count| format!("runtime.workers={count}")));
        sets.extend(self.seed.map(|seed| format!("seed={seed}")));
        sets
    }

    /// The same wishes as arguments of another process, which goes on with the run in `directory` or begins it there.
    /// What is shown, and how, is not the other's business.
    pub fn arguments(&self, directory: &Path, resume: bool) -> Vec<OsString> {
        let mut arguments = Vec::new();
        if resume {
            arguments.push("--resume".into());
        } else if let Some(experiment) = &self.experiment {
            arguments.push(experiment.into());
        }
        arguments.extend(self.all_sets().iter().map(|set| format!("--set={set}").into()));
        if self.offline {
            arguments.push("--offline".into());
        }
        let mut out = OsString::from("--out=");
        out.push(directory);
        arguments.push(out);
        arguments
    }
}
