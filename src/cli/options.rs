//! Commands and their options, as clap reads them.

use super::cluster::{CertOptions, CoordinatorOptions, WorkerOptions};
use super::run::RunOptions;
use crate::logging;
use clap::{Args, Parser, Subcommand, ValueEnum};
use hatchery_actors::{
    search::{StrategyName, table::Direction},
    trainer::simulated::TrainingTime,
};
use std::path::PathBuf;

/// Breeds, trains and refines neural networks.
#[derive(Debug, Parser)]
#[command(name = "hatchery", version, about, after_help = "Without a command, the preset `digits` is run.")]
pub struct Cli {
    /// How lines of the log are written [default: text, or what HATCHERY_LOG_FORMAT says]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<logging::Format>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Search for a network, train it at full length, test it, and leave a run directory
    Run(RunOptions),
    /// Run a search whose workers you start yourself, here or on other machines
    Coordinator(CoordinatorOptions),
    /// Train for a coordinator
    Worker(WorkerOptions),
    /// Make certificates, for workers on other machines
    Cert(CertOptions),
    /// List the evaluations of a run, best first
    List(ListOptions),
    /// Show one network of a run: genome, learning curve, lineage
    Show(ShowOptions),
    /// Write a network of a run (ONNX, training step, SVG, DOT), or the whole run (CSV, Parquet, TensorBoard, Optuna, MLflow)
    Export(ExportOptions),
    /// Test an exported model on the test part of data
    Test(TestOptions),
    /// Say how far a run is
    Status(StatusOptions),
    /// Watch a run in the terminal
    Top(TopOptions),
    /// Make the recorded decisions of a run again, and say whether they are the same
    Replay(ReplayOptions),
    /// List, inspect and write data
    Data(DataOptions),
    /// Say what this machine can train with, and what is missing
    Doctor(DoctorOptions),
    /// Measure
    Bench(BenchOptions),
}

/// `hatchery list`.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// The run directory
    pub run: PathBuf,
    /// Only the best N
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// One JSON object a line
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Comma-separated values with a header
    #[arg(long)]
    pub csv: bool,
}

/// `hatchery show`.
#[derive(Debug, Args)]
pub struct ShowOptions {
    /// The run directory
    pub run: PathBuf,
    /// The network's id [default: the best]
    pub id: Option<u64>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `hatchery export`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["onnx", "train_step", "svg", "dot", "csv", "parquet", "tensorboard", "optuna", "mlflow"]))]
pub struct ExportOptions {
    /// The run directory
    pub run: PathBuf,
    /// The network's id [default: the best]
    pub id: Option<u64>,
    /// Write the network for use, weights inside
    #[arg(long, value_name = "FILE")]
    pub onnx: Option<PathBuf>,
    /// Write one step of its training as a graph
    #[arg(long, value_name = "FILE")]
    pub train_step: Option<PathBuf>,
    /// Draw its layers as SVG
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Draw its layers for Graphviz
    #[arg(long, value_name = "FILE")]
    pub dot: Option<PathBuf>,
    /// Write the run as tables: individuals.csv, evaluations.csv, curves.csv; or the evaluations alone as one file
    #[arg(long, value_name = "DIR|FILE.csv")]
    pub csv: Option<PathBuf>,
    /// Write the run as tables in Parquet files
    #[arg(long, value_name = "DIR")]
    pub parquet: Option<PathBuf>,
    /// Write learning curves and genes for TensorBoard
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// Write the run as an Optuna study in SQLite
    #[arg(long, value_name = "FILE.db")]
    pub optuna: Option<PathBuf>,
    /// Log the run to an MLflow server: http://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub mlflow: Option<String>,
    /// Never fetch ONNX Runtime (a network whose weights were not kept is trained again)
    #[arg(long)]
    pub offline: bool,
}

/// `hatchery test`.
#[derive(Debug, Args)]
pub struct TestOptions {
    /// A model written by `run` or `export --onnx`
    pub model: PathBuf,
    /// The data: digits, idx:DIR, npz:FILE, csv:FILE, images:DIR or cifar:DIR
    pub data: String,
    /// Which part; the split is drawn as it was for the model's training
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
    /// Change a key of `[data]`, which is the model's; may be repeated
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Never fetch ONNX Runtime
    #[arg(long)]
    pub offline: bool,
}

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// For training.
    Train,
    /// For choosing between candidates.
    Valid,
    /// For the one test at the end.
    Test,
    /// Everything.
    All,
}

/// `hatchery status`.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// The run directory
    pub run: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `hatchery top`.
#[derive(Debug, Args)]
pub struct TopOptions {
    /// The run directory, or the address of a coordinator: http://HOST:PORT
    #[arg(value_name = "RUN|URL")]
    pub run: String,
    /// A file with the token of a coordinator that asks for one
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `hatchery replay`.
#[derive(Debug, Args)]
pub struct ReplayOptions {
    /// The run directory
    pub run: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `hatchery data`.
#[derive(Debug, Args)]
pub struct DataOptions {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// `hatchery data ..`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// List the kinds of data that can be read
    List(DataListOptions),
    /// Say what is in the data
    Inspect(InspectOptions),
    /// Write a part of the data as arrays x (raw values) and y
    Write(WriteOptions),
}

/// `hatchery data list`.
#[derive(Debug, Args)]
pub struct DataListOptions {
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// How data is read and split; as in an experiment's `[data]`.
#[derive(Debug, Args)]
pub struct SourceOptions {
    /// The data: digits, idx:DIR, npz:FILE, csv:FILE, images:DIR or cifar:DIR
    pub data: String,
    /// Take `[data]` and the seed from this run's experiment
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Change a key of `[data]` or the seed; may be repeated
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
}

/// `hatchery data inspect`.
#[derive(Debug, Args)]
pub struct InspectOptions {
    /// Which data.
    #[command(flatten)]
    pub source: SourceOptions,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `hatchery data write`.
#[derive(Debug, Args)]
pub struct WriteOptions {
    /// Which data.
    #[command(flatten)]
    pub source: SourceOptions,
    /// Which part
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
    /// The .npz file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `hatchery doctor`.
#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Never fetch ONNX Runtime
    #[arg(long)]
    pub offline: bool,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `hatchery bench`.
#[derive(Debug, Args)]
pub struct BenchOptions {
    /// What to measure.
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// `hatchery bench ..`.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Time the training steps of the networks of a suite
    Train(BenchTrainOptions),
    /// Time a coordinator with its journal and connections, with trainers that only pretend to train
    Coordinator(BenchCoordinatorOptions),
    /// Replay a search strategy on a table of networks and what became of them
    Search(BenchSearchOptions),
}

/// `hatchery bench coordinator`.
#[derive(Debug, Args)]
pub struct BenchCoordinatorOptions {
    /// Trainers in all
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub trainers: u32,
    /// Worker processes that they are in
    #[arg(long, value_name = "P", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub processes: u32,
    /// Evaluations
    #[arg(long, value_name = "M", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub evaluations: u32,
    /// How long a training takes: fixed:SECONDS, lognormal:MEAN or lognormal:MEAN:SIGMA
    #[arg(long, value_name = "DIST", default_value = "fixed:0")]
    pub training_time: TrainingTime,
    /// Who draws the networks: random costs least; hatchery, aging, steady, local, nsga2 or tpe
    #[arg(long, value_name = "NAME", default_value = "random")]
    pub strategy: StrategyName,
    /// Change any key of the experiment, which is the digits'
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Afterwards, kill the coordinator and time how it goes on from its journal
    #[arg(long)]
    pub restart: bool,
    /// Where the run is put, and left [default: a temporary directory, removed]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is said below the options of `hatchery bench search`.
const BENCH_SEARCH_NOTES: &str = "\
Results named for losses, errors, costs or times (loss, err, error, mse, mae, nll, entropy, perplexity, time, ..) are
minimised, all others maximised; --direction decides otherwise, and what is printed says which it was. Rows may have
the same parameters: each is a network of its own.

`time` (`simulated_time_mean` in JSON) is how long a search took in units of the median training: trainings take 1 in
the median, 1.13 in the mean.";

/// `hatchery bench search`.
#[derive(Debug, Args)]
#[command(after_help = BENCH_SEARCH_NOTES)]
pub struct BenchSearchOptions {
    /// The table, a CSV, with or without .gz: columns named valid* or test* are results, all others parameters
    #[arg(long, value_name = "FILE")]
    pub table: PathBuf,
    /// hatchery, random, aging, steady, local, nsga2 or tpe
    #[arg(long, value_name = "NAME", default_value = "hatchery")]
    pub strategy: StrategyName,
    /// The strategy is told one of the result columns whose names begin so, drawn anew for each evaluation
    #[arg(long, value_name = "PREFIX", default_value = "valid")]
    pub objective: String,
    /// Reported is the mean of the result columns whose names begin so
    #[arg(long, value_name = "PREFIX", default_value = "valid")]
    pub report: String,
    /// Which way results are better: minimise or maximise [default: as the columns' names say]
    #[arg(long, value_name = "DIRECTION")]
    pub direction: Option<Direction>,
    /// The same for --report alone [default: what --direction says, else the columns' names]
    #[arg(long, value_name = "DIRECTION")]
    pub report_direction: Option<Direction>,
    /// Evaluations of one search
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub evaluations: u64,
    /// Evaluations side by side, in simulated time
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub workers: u32,
    /// Searches, from seeds 0, 1, ..
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub seeds: u64,
    /// How far from the table's best report still counts as the optimum [default: 0.1 of percentages, else a
    /// thousandth of what lies between the best row and the median one]
    #[arg(long, value_name = "X")]
    pub tolerance: Option<f64>,
    /// Searches side by side [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub threads: Option<u32>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Longest time for which a network is timed, in seconds: a day.
const BENCH_SECONDS_MAX: f64 = 86_400.0;

fn bench_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0 && *seconds <= BENCH_SECONDS_MAX);
    seconds.ok_or_else(|| format!("give a number of seconds above 0, at most {BENCH_SECONDS_MAX} (a day)"))
}

/// How a suite is written, below the options of `hatchery bench train --help`.
const BENCH_TRAIN_NOTES: &str = r#"A suite:

  {"note": "whatever you like", "networks": [
    {"name": "small", "input": [1, 28, 28], "classes": 10, "batch": 64, "layers": [
      {"op": "conv", "out": 32, "kernel": [3, 3], "act": "relu"},
      {"op": "maxpool", "kernel": [2, 2], "stride": [2, 2]},
      {"op": "dense", "out": 128, "act": "relu"}]}]}

`input` is channels, rows, columns; [1, 1, N] is a table of N features. A dense layer to `classes` outputs is added at
the end. With `"towers": true`, each channel runs through layers of its own up to `merge`. Layers, with optional keys in
brackets:

  conv           out, kernel [stride, pad, norm, act]
  maxpool        kernel [stride, pad, act]
  avgpool        kernel [stride, pad]
  residual       out [stride]
  globalavgpool
  dense          out [norm, act]
  dropout        ratio
  merge

`kernel` is [rows, columns], square for pools; `stride` a number or two equal ones [1]; `pad` same or valid [same];
`norm` batch [none]; `act` a non-linearity such as relu, tanh, sigmoid [none]: behind a pool, relu only, and only where
there is a convolution without any before it. benches/suite.json is an example. Trained is by SGD with learning rate
0.01 and momentum 0.9, on random data."#;

/// `hatchery bench train`.
#[derive(Debug, Args)]
#[command(after_long_help = BENCH_TRAIN_NOTES)]
pub struct BenchTrainOptions {
    /// The networks, as JSON: --help says how they are written
    #[arg(long, value_name = "FILE")]
    pub suite: PathBuf,
    /// Only these networks
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Time for each network
    #[arg(long, value_name = "S", default_value_t = 4.0, value_parser = bench_seconds)]
    pub seconds: f64,
    /// Threads (CPU) [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// cpu or cuda:N
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Without Hatchery's own kernels: in standard operators, as models are exported
    #[arg(long)]
    pub standard_operators: bool,
    /// Record each step once and replay it (CUDA graphs)
    #[arg(long)]
    pub cuda_graphs: bool,
    /// Say also how far the first step's change of the parameters is from that on a CPU in standard operators
    #[arg(long)]
    pub check: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Never fetch ONNX Runtime
    #[arg(long)]
    pub offline: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::path::Path;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_time_of_a_bench_is_a_positive_number_of_at_most_a_day() {
        let seconds = |text: &str| {
            let cli = Cli::try_parse_from(["hatchery", "bench", "train", "--suite", "s", "--seconds", text]);
            cli.map(|_| ()).map_err(|error| error.to_string())
        };
        for good in ["4", "0.5", "86400"] {
            assert_eq!(seconds(good), Ok(()));
        }
        for bad in ["nan", "inf", "0", "1e9", "x", "86401"] {
            assert!(seconds(bad).unwrap_err().contains("give a number of seconds above 0"), "{bad}");
        }
    }

    #[test]
    fn named_options_win_over_set() {
        let cli = Cli::parse_from(["hatchery", "run", "--set", "seed=1", "--seed", "7", "--time", "10m"]);
        let Some(Command::Run(options)) = cli.command else { panic!("run") };
        assert_eq!(options.all_sets(), ["seed=1", "budget.time=10m", "seed=7"]);
    }

    #[test]
    fn wishes_are_passed_on_whole() {
        let all = "hatchery run x.toml --set seed=1 --seed 7 --time 10m --workers 3 --evaluations 9 --offline --json";
        let cli = Cli::parse_from(all.split(' '));
        let Some(Command::Run(options)) = cli.command else { panic!("run") };
        for resume in [false, true] {
            let passed = options.arguments(Path::new("runs/x-1"), resume);
            let passed = [vec!["hatchery".into(), "run".into()], passed].concat();
            let Some(Command::Run(other)) = Cli::parse_from(passed).command else { panic!("run") };
            assert_eq!(other.all_sets(), options.all_sets());
            assert_eq!(other.experiment.as_deref(), (!resume).then_some("x.toml"));
            assert_eq!((other.resume, other.offline, other.json), (resume, true, false));
            assert_eq!(other.out.as_deref(), Some(Path::new("runs/x-1")));
        }
    }
}
