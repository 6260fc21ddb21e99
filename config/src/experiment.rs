//! The experiment file: what a search is to do, on which data, within which limits.

use crate::{
    space::Space,
    vocabulary::{EarlyStopping, Objective, Refinement, SearchStrategy, TaskKind},
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub use crate::duration::Duration;

/// A whole experiment, as read from a TOML file or a preset. See the presets for commented examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Short name, used for the run directory.
    pub name: String,
    /// The one seed that every random stream derives from.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Which data.
    pub data: Data,
    /// How much work.
    #[serde(default)]
    pub budget: Budget,
    /// How the search breeds.
    #[serde(default)]
    pub search: Search,
    /// How one candidate is trained.
    #[serde(default)]
    pub training: Training,
    /// What a candidate may cost.
    #[serde(default)]
    pub limits: Limits,
    /// What becomes of an evaluation whose attempt has failed.
    #[serde(default)]
    pub retry: Retry,
    /// Retraining of the winner.
    #[serde(default, rename = "final")]
    pub final_training: FinalTraining,
    /// ONNX Runtime and devices.
    #[serde(default)]
    pub runtime: Runtime,
    /// Bounds on every gene.
    #[serde(default)]
    pub space: Space,
}

fn default_seed() -> u64 {
    1
}

/// `[data]`: the source, and how it is split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// `digits`, `idx:DIR`, `npz:FILE`, `csv:FILE`, `images:DIR` or `cifar:DIR`.
    pub source: String,
    /// What is predicted; classification where nothing is said.
    #[serde(default = "default_task")]
    pub task: TaskKind,
    /// CSV: the label column's name or zero-based index; the last column where nothing is said.
    /// Regression may name several, separated by commas.
    #[serde(default)]
    pub label: Option<String>,
    /// CSV: columns that are left out, by name or zero-based index.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// CSV: columns whose numbers are codes of categories, as postcodes are, by name or zero-based index. Columns with
    /// text have categories anyway.
    #[serde(default)]
    pub categorical: Vec<String>,
    /// Share set aside for the test where the source has no official test part.
    #[serde(default = "default_test_fraction")]
    pub test_fraction: f64,
    /// Share of what remains that is used for validation.
    #[serde(default = "default_valid_fraction")]
    pub valid_fraction: f64,
    /// Seed of the split. It is not the experiment's seed, so that runs of several seeds are tested on the same
    /// samples, and `hatchery data write` and `hatchery test` find them without knowing the run.
    #[serde(default = "default_seed")]
    pub split_seed: u64,
    /// During the search, at most this many training samples are used (the final training uses all).
    #[serde(default)]
    pub search_samples: Option<u32>,
    /// During the search, at most this many validation samples are used.
    #[serde(default)]
    pub search_valid_samples: Option<u32>,
    /// Whether each input channel is a view of its own, merged by `merge` genes.
    #[serde(default)]
    pub multi_view: bool,
}

fn default_task() -> TaskKind {
    TaskKind::Classification
}
fn default_test_fraction() -> f64 {
    0.2
}
fn default_valid_fraction() -> f64 {
    0.2
}

/// `[budget]`: when the search ends, whichever comes first. A file that has the section says at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Evaluations that count (lost workers do not).
    #[serde(default)]
    pub evaluations: Option<u32>,
    /// Wall-clock time of the whole run, final training included: `90s`, `10m`, `2h`.
    #[serde(default)]
    pub time: Option<Duration>,
}

impl Budget {
    /// Evaluations that may be asked for.
    pub const EVALUATIONS_MAX: u32 = 1_000_000_000;
}

impl Default for Budget {
    fn default() -> Self {
        Self { evaluations: Some(100), time: None }
    }
}

/// `[search]`: how new networks come about, and what they are judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// The Breeder's way to search.
    pub strategy: SearchStrategy,
    /// Whether the best networks' numbers are refined meanwhile.
    pub refiner: Refinement,
    /// What a network is judged by: `error` first, and what else is to be small.
    pub objectives: Vec<Objective>,
    /// Which trainings are stopped early.
    pub stopping: EarlyStopping,
    /// Networks designed by hand: files of genomes (TOML or JSON) that enter the first population.
    pub seeds: Vec<String>,
    /// Networks as textbooks build them, as wide as the limits admit, that are born behind those: at most so many, and
    /// at most an eighth of a counted budget.
    pub textbook: u32,
    /// Strategies `aging`, `steady`, `nsga2`: individuals kept as possible parents; as many random ones come first.
    pub population: u32,
    /// Strategies `aging`, `steady`: individuals drawn for each tournament; the best becomes the parent.
    pub tournament: u32,
    /// Strategies `aging`, `steady`: share of offspring with two parents.
    pub crossover: f64,
    /// Whether the same networks are born in the same order, however many trainers there are and however fast: each
    /// is then bred from the results of all but the `lag` networks born before it, and no training is stopped early
    /// by comparison with others.
    pub reproducible: bool,
    /// How many networks may be under way where `reproducible`: more trainers than that stand idle.
    pub lag: u32,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            strategy: SearchStrategy::Hatchery,
            refiner: Refinement::Shared,
            objectives: vec![Objective::Error],
            stopping: EarlyStopping::Quartile,
            seeds: Vec::new(),
            textbook: 5,
            population: 30,
            tournament: 6,
            crossover: 0.2,
            reproducible: false,
            lag: 8,
        }
    }
}

/// `[training]`: one candidate's training during the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// Passes over the training samples.
    pub epochs: u32,
    /// Wall-clock limit for one candidate, in seconds. Whatever has a score by then keeps it: it ends as timed out.
    pub seconds: Option<f64>,
    /// Stop a candidate that still sits at the majority class after this many epochs' worth of samples.
    pub majority_patience: f64,
    /// Stop early after this many epochs without a better validation result; 0 = never.
    pub patience: u32,
    /// Begin with the weights of the first parent, in the layers that have not changed, where they are kept (those of
    /// the best are).
    pub inherit: bool,
}

impl Default for Training {
    fn default() -> Self {
        Self { epochs: 10, seconds: None, majority_patience: 2.0, patience: 0, inherit: false }
    }
}

/// `[limits]`: what is not viable is never trained, and what turns out to need too much is ended.
///
/// Each limit has an end of its own. More `parameters`, `multiply_adds` or planned memory (`memory_mib`) than allowed:
/// the network is never bred. `host_memory_mib` and `gpu_memory_mib`: out of memory, and the message names the limit.
/// `[training] seconds`: timed out. `hang_seconds`: the worker process ends itself, and the attempt counts as a crash
/// (`[retry] crashed`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
    /// Memory that one training needs by plan, in MiB: state, activations of a batch, gradients. It is computed from
    /// the network before anything is allocated, and is the same on every machine.
    pub memory_mib: u64,
    /// Memory that a worker process may really have on its host (resident set, its data and libraries included), in
    /// MiB. It is measured when a training begins and while it runs: one during which it is exceeded ends as out of
    /// memory. No limit where nothing is said, but that of what was predicted for a training, with a margin.
    pub host_memory_mib: Option<u64>,
    /// Memory that a worker process may allocate on its GPU, in MiB, for everything that ONNX Runtime holds there. A
    /// training that cannot be served from it ends as out of memory. All of the GPU's memory where nothing is said.
    pub gpu_memory_mib: Option<u64>,
    /// Seconds without a finished training step, after which a worker counts as hung and its process ends itself.
    pub hang_seconds: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parameters: 2_000_000,
            multiply_adds: 20_000_000,
            memory_mib: 2048,
            host_memory_mib: None,
            gpu_memory_mib: None,
            hang_seconds: 120.0,
        }
    }
}

/// `[retry]`: what becomes of an evaluation whose attempt has failed. Two kinds of numbers: hand-outs that are lost
/// with their worker are repeated up to a number of losses; outcomes that the worker itself reports are repeated as
/// often as is said.
///
/// A pattern is a piece of a message: `*` stands for anything, upper and lower case are the same, and it may occur
/// anywhere in the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Hand-outs that took their worker process down, after which the evaluation is set aside as crashed.
    pub crashed: u32,
    /// Hand-outs whose worker was lost otherwise (killed, unreachable, drained without a checkpoint), after which the
    /// evaluation is set aside as crashed: it may be what takes them down.
    pub lost: u32,
    /// Further attempts after the worker has reported that it is out of memory.
    pub out_of_memory: u32,
    /// Further attempts after the worker has reported that the time limit was reached.
    pub timed_out: u32,
    /// Further attempts after the worker has reported any other failure.
    pub failed: u32,
    /// Patterns of messages that speak of a sick machine: a node whose evaluation ends with such a message gets no
    /// more work, and the evaluation is tried elsewhere.
    pub exclude_node: Vec<String>,
    /// Patterns of messages after which there is no further attempt, whatever the numbers say.
    pub never: Vec<String>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            crashed: 3,
            lost: 8,
            out_of_memory: 0,
            timed_out: 0,
            failed: 0,
            exclude_node: Vec::new(),
            never: Vec::new(),
        }
    }
}

/// `[final]`: the best candidates are trained again on training and validation data, then tested once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinalTraining {
    /// Whether there is a final training at all.
    pub enabled: bool,
    /// Full length: passes over all training samples in the comparison of the best, and over training and validation
    /// samples together in the last training.
    pub epochs: u32,
    /// Where `time_share` has time for more, up to so many passes; no more than `epochs` where nothing is said, and in a
    /// run without a limit of time.
    pub epochs_max: Option<u32>,
    /// Share of `budget.time` kept for it; where the time runs short, epochs are cut to fit.
    pub time_share: f64,
    /// How many of the best are compared in a more strongly regularised form, too, which the Refiner makes.
    pub regularised: u32,
}

impl FinalTraining {
    /// Passes at most: with a limit of time and without one.
    pub fn longest(&self, timed: bool) -> u32 {
        let longest = self.epochs_max.filter(|_| timed).unwrap_or(self.epochs);
        longest.max(self.epochs)
    }
}

impl Default for FinalTraining {
    fn default() -> Self {
        Self { enabled: true, epochs: 40, epochs_max: None, time_share: 0.3, regularised: 2 }
    }
}

/// `[runtime]`: ONNX Runtime and devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// ONNX Runtime's shared library; found or fetched where nothing is said.
    pub library: Option<PathBuf>,
    /// `auto`, `cpu` or `cuda:N`; `auto` where nothing is said.
    pub device: Option<String>,
    /// Trainers side by side, each in a process of its own; where nothing is said, one per core (CPU), or as many per
    /// GPU as `packing` allows.
    pub workers: Option<u32>,
    /// Trainers side by side on one GPU, at most, in one process: as many of them work as raise what the GPU trains in
    /// all, which is measured while it trains. 16 where nothing is said; 1 for one.
    pub packing: Option<u32>,
    /// Threads of one trainer on CPU; 1 where nothing is said.
    pub threads: Option<u32>,
    /// Whether training steps on a GPU are recorded once and replayed (CUDA graphs). While one trainer records, no other
    /// of its process may use the GPU: so `packing` is 1 then, and `workers` says how many processes share the GPUs.
    pub cuda_graphs: bool,
}
