//! The program: command line, progress, reports, run directories.
//!
//! Only here is anything printed, and only here are exit codes known. What a network is, how it is trained and
//! who decides what is trained next live in `hatchery-models` and `hatchery-actors`.

mod calendar;
mod chance;
mod cli;
mod commands;
mod devices;
mod drawing;
mod gpus;
mod http;
mod identity;
mod incidents;
mod launch;
mod layers;
mod logging;
mod model_facts;
mod network;
mod outfit;
mod output;
mod progress;
mod records;
mod report;
mod retrain;
mod rotating;
mod run_directory;
mod said;
mod seeds;
mod signals;
mod top;
mod view;
mod workshop;
mod yardstick;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::start()
}
