//! `hatchery coordinator`: a search whose trainers are in other processes. `hatchery run` starts one and its workers.
//!
//! What is wrong is found before anything is made: first the experiment, then the data, then, where the workers are to
//! run here, ONNX Runtime, and only then the run directory.

mod audience;
mod patience;
mod search;

use super::{
    data, open_runtime,
    run::{
        close,
        plan::{Plan, plan},
    },
};
use crate::{
    cli::{
        cluster::CoordinatorOptions,
        exit::{Exit, Failure, OrExit},
    },
    devices::{self, Slots},
    http, launch, logging, network,
    output::note,
    said::{self, CoordinatorSaid, WorkerWish},
};
use hatchery_actors::cluster::Door;
use hatchery_models::training::runtime::Device;
use patience::patiently;
use search::{Crew, Search};

/// Runs it.
pub fn coordinator(options: &CoordinatorOptions) -> Result<(), Failure> {
    if let Some(supervisor) = options.supervised_by {
        launch::child::bind(supervisor).or_exit(Exit::Failed)?;
    }
    logging::start();
    let address = network::listening(&options.listen, &options.tls)?;
    let tls = network::tls(&options.tls)?;
    let plan = patiently(options.started_again, || plan(&options.run))?;
    plan.remarks.iter().for_each(|remark| note(format_args!("note: {remark}")));
    if plan.finished {
        return end(&plan, options, false);
    }
    if let Some(path) = options.cookie_file.as_deref().filter(|path| path.exists()) {
        network::cookie(path)?;
    }
    let door = Door::open(address).or_exit(Exit::Experiment)?;
    let listener = http::listen(&options.run.http, options.started_again)?;
    let dataset = data::load(&plan.experiment.data)?;
    data::warn(&dataset);
    let split = data::split(&dataset, &plan.experiment.data)?;
    split.check_validation(&dataset).or_exit(Exit::Data)?;
    let crew = crew(&plan, options)?;
    let cookie_file = options.cookie_file.clone().unwrap_or_else(|| plan.directory.cookie());
    let search = Search { plan: &plan, options, crew, door, tls, cookie_file, listener };
    let ended = search.run(dataset, &split)?;
    end(&plan, options, ended.interrupted)
}

/// A supervisor does the rest by itself.
fn end(plan: &Plan, options: &CoordinatorOptions, interrupted: bool) -> Result<(), Failure> {
    if options.supervised_by.is_some() {
        said::tell(&CoordinatorSaid::Ended { interrupted });
        return Ok(());
    }
    if plan.finished {
        note(plan.finished_words());
    }
    close(plan, &options.run, interrupted)
}

/// Who will train: those that a supervisor is to start on this machine, or whoever joins.
fn crew(plan: &Plan, options: &CoordinatorOptions) -> Result<Crew, Failure> {
    let wishes = &plan.experiment.runtime;
    if options.supervised_by.is_none() {
        return Ok(Crew {
            trainers: wishes.workers.unwrap_or(1),
            threads: wishes.threads.unwrap_or(1),
            workers: Vec::new(),
            words: "waits for workers".to_owned(),
        });
    }
    let runtime = open_runtime(wishes.library.clone(), options.run.offline)?;
    let choice = devices::choose(&runtime, wishes).or_exit(Exit::Library)?;
    let threads = u32::try_from(choice.threads).unwrap_or(u32::MAX);
    let wish = |(device, slots): &(Device, Slots)| WorkerWish {
        device: device.to_string(),
        slots: slots.to_string(),
        threads,
    };
    tracing::info!("library {}", runtime.report().path.display());
    Ok(Crew {
        trainers: u32::try_from(choice.workers.len()).unwrap_or(u32::MAX),
        threads,
        workers: choice.workers.iter().map(wish).collect(),
        words: format!("{}, ONNX Runtime {}", choice.words(), runtime.report().version),
    })
}
