//! `hatchery run`: the main job.
//!
//! What is wrong is found before anything is made: first the experiment, then the data, then ONNX Runtime, and only
//! then the run directory.

mod plan;
mod search;
pub mod summary;

use super::{data, open_runtime};
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        options::RunOptions,
    },
    logging,
    output::{note, say},
    report,
    run_directory::{RunDirectory, write_whole},
    workshop::Workshop,
};
use plan::{Plan, plan};

/// Runs it.
pub fn run(options: &RunOptions) -> Result<(), Failure> {
    logging::start();
    let plan = plan(options)?;
    if plan.finished {
        let root = plan.directory.root().display();
        note(format_args!(
            "{root} is finished: its winner has been tested, which is done once; its files are written anew"
        ));
        return close(&plan, options, false);
    }
    let dataset = data::load(&plan.experiment.data)?;
    let split = data::split(&dataset, &plan.experiment.data)?;
    let runtime = open_runtime(plan.experiment.runtime.library.clone(), options.offline)?;
    let ended = search::search(&plan, dataset, &split, &runtime, options.quiet)?;
    close(&plan, options, ended.interrupted)
}

/// Writes what a run leaves, says what it came to.
fn close(plan: &Plan, options: &RunOptions, interrupted: bool) -> Result<(), Failure> {
    let directory = &plan.directory;
    let workshop = Workshop::open(directory.root())?;
    write_files(directory, &workshop)?;
    let run = &workshop.run;
    if !options.quiet {
        let text = summary::text(run);
        // The object is to be the last line, and easy to tell from words.
        if options.json {
            note(text)
        } else {
            say(text)
        }
        if run.best.is_some() && !options.json {
            say(format_args!(
                "      {} and {}",
                directory.best_model().display(),
                directory.report().display()
            ));
        }
    }
    if options.json {
        say(summary::json(run));
    }
    if run.best.is_none() && !interrupted {
        let error = anyhow::anyhow!(
            "no network was trained to a result: see `hatchery list {}` for how each one ended; more time, higher \
             limits or another space may help",
            directory.root().display()
        );
        return Err(error).or_exit(Exit::NoNetwork);
    }
    Ok(())
}

fn write_files(directory: &RunDirectory, workshop: &Workshop) -> Result<(), Failure> {
    workshop.write_models().or_exit(Exit::RunDirectory)?;
    let page = report::page(&workshop.run);
    write_whole(&directory.report(), page.as_bytes()).or_exit(Exit::RunDirectory)
}
