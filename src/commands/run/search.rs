//! The search itself: its directory made or opened, actors started, progress shown, Ctrl-C heard.

use super::plan::Plan;
use crate::{
    cli::exit::{Exit, Failure, OrExit},
    devices::{self, Choice},
    logging,
    output::note,
    progress::Display,
    run_directory::write_whole,
};
use hatchery_actors::{
    breeder::SpaceVariation,
    journal::{Journal, RunInfo},
    population::StoppingRule,
    progress::Progress,
    protocol::TrainerId,
    run::{SearchError, SearchSetup, SearchSummary, StopHandle, controls, run_search},
    trainer::{Parts, TrainingFactory, Work, WorkFactory},
};
use hatchery_models::{
    data::{Dataset, Split},
    problem::Task,
    training::{Resident, runtime::Runtime},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A journal that cannot be written is tried again for so long. Nothing is lost by ending: `--resume` goes on.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(15);
/// How often the display is drawn, beside whenever something happens.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// Threads of the actors; training has threads of its own.
const ACTOR_THREADS: usize = 2;

/// Runs the search to its end, or until the user stops it.
pub fn search(
    plan: &Plan,
    dataset: Dataset,
    split: &Split,
    runtime: &Runtime,
    quiet: bool,
) -> Result<SearchSummary, Failure> {
    let choice = devices::choose(runtime, &plan.experiment.runtime).or_exit(Exit::Library)?;
    let info = info(plan, &dataset)?;
    let accuracy = matches!(dataset.problem.task, Task::Classification { .. });
    let setup = setup(plan, Arc::new(dataset), split, runtime, &choice)?;
    let journal = open_journal(plan, &info)?;
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ACTOR_THREADS)
        .enable_all()
        .build()
        .or_exit(Exit::Failed)?;
    let display = Display::new(accuracy, quiet);
    let headline = headline(plan, runtime, &choice);
    tracing::info!("{headline}, library {}", runtime.report().path.display());
    display.print(&headline);
    let ended = tokio.block_on(watched(journal, setup, display));
    match &ended {
        Ok(summary) => tracing::info!(
            evaluations = summary.evaluations,
            interrupted = summary.interrupted,
            "the search ends after {:.1} s",
            summary.elapsed_seconds
        ),
        Err(error) => tracing::error!("the search ends: {error}"),
    }
    ended.map_err(|error| Failure { exit: exit_of(&error), error: error.into() })
}

fn info(plan: &Plan, dataset: &Dataset) -> Result<RunInfo, Failure> {
    Ok(RunInfo {
        experiment: plan.experiment.to_toml().or_exit(Exit::Experiment)?,
        data_source: dataset.source.clone(),
        data_hash: dataset.content_hash.clone(),
        problem: dataset.problem,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Creates the run directory, or takes it up again; from here on it is ours.
fn open_journal(plan: &Plan, info: &RunInfo) -> Result<Journal, Failure> {
    let root = plan.directory.root();
    let journal = if plan.resume { Journal::resume(root) } else { Journal::create(root, info) };
    let journal = journal.or_exit(Exit::RunDirectory)?;
    write_whole(&plan.directory.experiment(), info.experiment.as_bytes()).or_exit(Exit::RunDirectory)?;
    if let Err(error) = logging::open(root) {
        // A run can do without its log.
        note(format_args!("warning: no log in {}: {error}", root.display()));
    }
    Ok(journal)
}

fn setup(
    plan: &Plan,
    dataset: Arc<Dataset>,
    split: &Split,
    runtime: &Runtime,
    choice: &Choice,
) -> Result<SearchSetup, Failure> {
    let experiment = &plan.experiment;
    let parts = Arc::new(Parts::of(&dataset, split, &experiment.data, experiment.data.split_seed));
    let mut factories = Vec::with_capacity(choice.devices.len());
    for device in &choice.devices {
        let runtime = runtime.clone().on(*device).with_threads(choice.threads);
        let resident = Arc::new(Resident::new(&runtime, Arc::clone(&dataset)).or_exit(Exit::Library)?);
        factories.push(TrainingFactory {
            runtime,
            trainers: choice.trainers,
            resident,
            parts: Arc::clone(&parts),
            training: experiment.training.clone(),
            memory_mib: experiment.limits.memory_mib,
        });
    }
    Ok(SearchSetup {
        experiment: experiment.clone(),
        data_hash: dataset.content_hash.clone(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        images: parts.images(),
        trainers: choice.trainers,
        variation: Arc::new(SpaceVariation {
            space: experiment.space.clone(),
            problem: dataset.problem,
            limits: experiment.limits.clone(),
        }),
        work: Arc::new(Dealt(factories)),
        stopping: StoppingRule::default(),
        journal_patience: JOURNAL_PATIENCE,
    })
}

/// Deals trainers out to devices in turn.
struct Dealt(Vec<TrainingFactory>);

impl WorkFactory for Dealt {
    fn make(&self, trainer: TrainerId) -> Result<Box<dyn Work>, String> {
        let count = self.0.len().max(1);
        match self.0.get(trainer.slot as usize % count) {
            Some(factory) => factory.make(trainer),
            None => Err("there is no device to train on".to_owned()),
        }
    }
}

fn headline(plan: &Plan, runtime: &Runtime, choice: &Choice) -> String {
    let devices: Vec<String> = choice.devices.iter().map(ToString::to_string).collect();
    let (verb, report) = (if plan.resume { "goes on" } else { "begins" }, runtime.report());
    format!(
        "{} {verb} in {}: {} {} on {}, ONNX Runtime {}",
        plan.experiment.name,
        plan.directory.root().display(),
        choice.trainers,
        if choice.trainers == 1 { "trainer" } else { "trainers" },
        devices.join(", "),
        report.version
    )
}

/// Runs the search, shows how it goes, and stops it when the user says so.
async fn watched(
    journal: Journal,
    setup: SearchSetup,
    mut display: Display,
) -> Result<SearchSummary, SearchError> {
    let (stop, mut progress, controls) = controls();
    let signals = tokio::spawn(heed_signals(stop));
    let search = run_search(journal, setup, controls);
    tokio::pin!(search);
    let ended = loop {
        tokio::select! {
            ended = &mut search => break ended,
            () = drawing_time(&mut progress) => {}
        }
        let snapshot = progress.borrow_and_update().clone();
        display.show(&snapshot);
    };
    signals.abort();
    display.close();
    ended
}

/// Until something has changed, or some time has passed. Not more often than the eye can follow.
async fn drawing_time(progress: &mut watch::Receiver<Progress>) {
    const DRAW_GAP: Duration = Duration::from_millis(100);
    tokio::time::sleep(DRAW_GAP).await;
    // Closed means that the search is about to end; then time decides.
    _ = tokio::time::timeout(DRAW_EVERY, progress.changed()).await;
}

/// The first Ctrl-C (or SIGTERM) stops the search cleanly, the second ends the process at once.
async fn heed_signals(stop: StopHandle) {
    wait_for_signal().await;
    note("stopping: the best so far will be written; once more ends at once");
    stop.stop();
    wait_for_signal().await;
    std::process::exit(Exit::Interrupted as i32);
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => _ = tokio::signal::ctrl_c().await,
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    _ = tokio::signal::ctrl_c().await;
}

fn exit_of(error: &SearchError) -> Exit {
    match error {
        SearchError::Journal(_) | SearchError::Unrecorded { .. } => Exit::RunDirectory,
        SearchError::OtherData { .. } => Exit::Data,
        SearchError::Failed(_) => Exit::NoNetwork,
        SearchError::BrokenDown(_) => Exit::Failed,
    }
}
