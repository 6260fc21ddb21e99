//! The command line: what can be asked for, and what the process answers with.
//!
//! It must not know how anything is done: each command has a module of its own in `commands`.

pub mod cluster;
pub mod exit;
pub mod http;
pub mod options;
pub mod run;

use crate::{commands, logging, output, signals};
use clap::Parser;
use exit::Failure;
use options::{Cli, Command};
use run::RunOptions;
use std::process::ExitCode;

/// Parses the command line, does what it says, and reports failure on standard error.
pub fn start() -> ExitCode {
    signals::survive_limits_of_files();
    // Without a subcommand, the default experiment is run.
    let cli = Cli::parse();
    let command = cli.command.unwrap_or_else(|| Command::Run(RunOptions::default()));
    match logging::choose(cli.log_format).and_then(|()| dispatch(&command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure, failure.exit);
            failure.exit.into()
        }
    }
}

fn dispatch(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Run(options) => commands::run::run(options),
        Command::Coordinator(options) => commands::coordinator::coordinator(options),
        Command::Worker(options) => commands::worker::worker(options),
        Command::Cert(options) => commands::cert::cert(options),
        Command::List(options) => commands::list::list(options),
        Command::Show(options) => commands::show::show(options),
        Command::Export(options) => commands::export::export(options),
        Command::Test(options) => commands::test::test(options),
        Command::Status(options) => commands::status::status(options),
        Command::Top(options) => commands::top::top(options),
        Command::Replay(options) => commands::replay::replay(options),
        Command::Data(options) => commands::data::data(options),
        Command::Doctor(options) => commands::doctor::doctor(options),
        Command::Bench(options) => commands::bench::bench(options),
    }
}
