//! `hatchery run`: the main job, as one coordinator and its workers, which are processes of their own.
//!
//! What is wrong is found before anything is made: the experiment here, the data and ONNX Runtime by the coordinator,
//! and only then the run directory.

mod fleet;
pub mod plan;
mod recipes;
pub mod summary;

use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        run::RunOptions,
    },
    logging,
    output::{note, say},
    report,
    run_directory::{RunDirectory, write_whole},
    signals::{self, Signals},
    workshop::Workshop,
};
use fleet::Fleet;
use plan::{Plan, plan};

/// Runs it.
pub fn run(options: &RunOptions) -> Result<(), Failure> {
    logging::start();
    let plan = plan(options)?;
    plan.remarks.iter().for_each(|remark| note(format_args!("note: {remark}")));
    if plan.finished {
        note(plan.finished_words());
        return close(&plan, options, false);
    }
    // Processes end with the thread that started them: this one lives as long as the program.
    let tokio = signals::runtime().or_exit(Exit::Failed)?;
    let (interrupted, signals) = tokio.block_on(async {
        let mut signals = Signals::listen().or_exit(Exit::Failed)?;
        let interrupted = Fleet::start(&plan, options).run(&mut signals).await?;
        Ok::<_, Failure>((interrupted, signals))
    })?;
    // What is left takes its time, too. Whoever was told that once more ends it at once is not told so again: a signal may
    // have come when the search was over.
    let stop = || note("the best so far is being written; once more ends at once");
    let stop = (!signals.have_come()).then_some(stop);
    signals.heed_to_the_end(tokio, stop).or_exit(Exit::Failed)?;
    close(&plan, options, interrupted)
}

/// Writes what a run leaves, says what it came to.
pub fn close(plan: &Plan, options: &RunOptions, interrupted: bool) -> Result<(), Failure> {
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
    if run.best.is_none() { Err(no_network(directory, interrupted)).or_exit(Exit::NoNetwork) } else { Ok(()) }
}

/// Whoever waits for a run must not take its end for a network, whoever has ended it.
fn no_network(directory: &RunDirectory, interrupted: bool) -> anyhow::Error {
    let root = directory.root().display();
    if interrupted {
        anyhow::anyhow!(
            "the run was stopped before any network was trained to a result: hatchery run --resume --out {root} goes on"
        )
    } else {
        anyhow::anyhow!(
            "no network was trained to a result: see `hatchery list {root}` for how each one ended; more time, higher \
             limits or another space may help"
        )
    }
}

fn write_files(directory: &RunDirectory, workshop: &Workshop) -> Result<(), Failure> {
    workshop.write_models().or_exit(Exit::RunDirectory)?;
    let page = report::page(&workshop.run);
    write_whole(&directory.report(), page.as_bytes()).or_exit(Exit::RunDirectory)
}
