//! The search itself: its directory made or opened, actors started, progress shown, signals heard.

use super::{
    audience::{Audience, Invitation},
    patience::{JOURNAL_PATIENCE, patiently},
};
use crate::{
    chance,
    cli::{
        cluster::CoordinatorOptions,
        exit::{Exit, Failure, OrExit},
    },
    commands::run::plan::Plan,
    http::{self, Access, Archive, Listener, RunFacts, Server, Watched},
    identity, logging,
    output::note,
    progress::Display,
    run_directory::write_whole,
    said::{self, CoordinatorSaid, WorkerWish},
    seeds,
    signals::{self, Signals},
};
use hatchery_actors::{
    cluster::{Cookie, Door, ListenSettings, Security, TlsFiles},
    coordinator::{CoordinatorSetup, run_coordinator},
    journal::{Journal, JournalError, RunInfo},
    makers::SearchingMakers,
    progress::Progress,
    protocol::{Newborn, letters::NodeName},
    remote::Remote,
    run::{Controls, SearchError, SearchSetup, SearchSummary, StopHandle, controls},
    trainer::Parts,
};
use hatchery_models::{
    data::{Dataset, Split, pack},
    problem::Task,
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// How often the display is drawn, beside whenever something happens.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// Threads of the actors; training is done in other processes.
const ACTOR_THREADS: usize = 2;

/// Who trains.
pub struct Crew {
    /// Trainers in all, as far as that is known.
    pub trainers: u32,
    /// Threads of each on the CPU.
    pub threads: u32,
    /// The workers that a supervisor is to start.
    pub workers: Vec<WorkerWish>,
    /// For people.
    pub words: String,
}

/// A search that is about to begin, or to go on.
pub struct Search<'a> {
    pub plan: &'a Plan,
    pub options: &'a CoordinatorOptions,
    pub crew: Crew,
    pub door: Door,
    pub tls: Option<TlsFiles>,
    pub cookie_file: PathBuf,
    /// Where it is to be seen.
    pub listener: Option<Listener>,
}

/// A run that is shown over HTTP, for as long as this lasts.
struct Shown {
    watched: Arc<Watched>,
    address: SocketAddr,
    _server: Server,
}

impl Search<'_> {
    /// Runs the search to its end, or until the user stops it.
    pub fn run(mut self, dataset: Dataset, split: &Split) -> Result<SearchSummary, Failure> {
        let info = info(self.plan, &dataset)?;
        let accuracy = matches!(dataset.problem.task, Task::Classification { .. });
        let dataset = Arc::new(dataset);
        let seeds = seeds::read(&self.plan.experiment, dataset.problem, self.plan.resume)?;
        let search = search_setup(self.plan, &dataset, split, self.crew.trainers, self.claims(), seeds);
        let search = SearchSetup { started_again: self.options.started_again, ..search };
        let journal = self.open_journal(&info)?;
        let cookie = Cookie::create(&self.cookie_file).or_exit(Exit::RunDirectory)?;
        let name = identity::node(&format!("coordinator@{}", identity::host()), chance::number());
        let (stop, progress, mut ends) = controls();
        let remote = ends.remote(&stop);
        let shown = self.serve(&dataset, split, &name, remote)?;
        let audience = self.audience(accuracy, shown.as_ref().map(|shown| shown.address));
        let (listening, address) = oneshot::channel();
        let setup = CoordinatorSetup {
            search,
            listen: ListenSettings {
                door: self.door,
                name,
                security: Security { cookie, tls: self.tls.clone() },
            },
            packed_data: Arc::new(move || pack(&dataset)),
            threads: self.crew.threads,
            listening,
        };
        heed_signals(stop.clone(), self.options.supervised_by.is_some());
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(ACTOR_THREADS)
            .enable_all()
            .build()
            .or_exit(Exit::Failed)?;
        let ended = tokio.block_on(watched(journal, setup, address, audience, (progress, ends)));
        if let Some(shown) = shown {
            http::farewell(&shown.watched);
        }
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

    /// Creates the run directory, or takes it up again; from here on it is ours.
    fn open_journal(&self, info: &RunInfo) -> Result<Journal, Failure> {
        let (directory, is_resumed) = (&self.plan.directory, self.plan.resume);
        let root = directory.root();
        let open = || {
            let mut journal = if is_resumed { Journal::resume(root) } else { Journal::create(root, info) }?;
            if let Some(supervisor) = self.options.supervised_by {
                journal.name_owner(supervisor)?;
            }
            Ok::<_, JournalError>(journal)
        };
        let is_patient = is_resumed && self.options.started_again;
        let journal = patiently(is_patient, || open().or_exit(Exit::RunDirectory))?;
        let written = write_where_new(&directory.experiment(), info.experiment.as_bytes());
        if self.options.started_again {
            // The journal has it, too.
            warn_of(written);
        } else {
            written.or_exit(Exit::RunDirectory)?;
        }
        if let Err(error) = logging::open(root, "hatchery") {
            // A run can do without its log.
            note(format_args!("warning: no log in {}: {error}", root.display()));
        }
        Ok(journal)
    }

    /// Whether workers of an earlier coordinator of this run may still be at work: a supervisor knows.
    const fn claims(&self) -> bool {
        self.plan.resume && (self.options.started_again || self.options.supervised_by.is_none())
    }

    /// Shows the run over HTTP, where that is wished; says where.
    fn serve(
        &mut self,
        dataset: &Arc<Dataset>,
        split: &Split,
        name: &NodeName,
        remote: Remote,
    ) -> Result<Option<Shown>, Failure> {
        let Some(listener) = self.listener.take() else { return Ok(None) };
        let (directory, experiment) = (&self.plan.directory, &self.plan.experiment);
        let address = listener.address;
        let token = self.options.run.http.http_token_file.clone().unwrap_or_else(|| directory.token());
        let access = Access::new(address.ip(), Some(token)).or_exit(Exit::RunDirectory)?;
        let url = listener.url(&identity::host());
        warn_of(write_where_new(&directory.http(), format!("{url}\n").as_bytes()));
        let progress = remote.progress.clone();
        let has_begun = move || progress.has_changed().unwrap_or(true);
        let archive = Archive::open(directory.root(), experiment.search.objectives.clone(), has_begun);
        let archive = archive.or_exit(Exit::RunDirectory)?;
        let facts = RunFacts {
            directory: directory.root().display().to_string(),
            experiment: experiment.clone(),
            dataset: Arc::clone(dataset),
            split: split.clone(),
            started_ms: archive.started_ms,
            reached_at: listener.reached_at(&identity::host()),
            node: name.stable.clone(),
        };
        let is_supervised = self.options.supervised_by.is_some();
        let on_stop = Arc::new(move || announced_stop(is_supervised.then_some(&CoordinatorSaid::Stopping)));
        let watched = Arc::new(Watched::new(facts, remote, archive, on_stop));
        let server = http::coordinator(listener, access, Arc::clone(&watched)).or_exit(Exit::Failed)?;
        tracing::info!("the run is to be seen at {url}");
        Ok(Some(Shown { watched, address, _server: server }))
    }

    fn audience(&self, accuracy: bool, seen: Option<SocketAddr>) -> Audience {
        let headline = self.headline();
        tracing::info!("{headline}");
        if self.options.supervised_by.is_some() {
            return Audience::Supervisor { workers: self.crew.workers.clone(), headline, accuracy, seen };
        }
        let display = Display::new(accuracy, self.options.run.quiet);
        display.print(&headline);
        if let Some(address) = seen {
            display.print(&http::invitation(address));
        }
        let invitation = Invitation {
            host: identity::host(),
            cookie_file: self.cookie_file.clone(),
            tls: self.tls.is_some(),
        };
        Audience::User { display, invitation }
    }

    fn headline(&self) -> String {
        let verb = if self.plan.resume { "goes on" } else { "begins" };
        let (name, root) = (&self.plan.experiment.name, self.plan.directory.root().display());
        format!("{name} {verb} in {root}: {}", self.crew.words)
    }
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

/// Writes a file, unless it has these contents already: a full disk takes nothing, but has what it had.
fn write_where_new(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|written| written == contents) {
        Ok(())
    } else {
        write_whole(path, contents)
    }
}

/// A run can do without a file that is for others to find.
fn warn_of(written: anyhow::Result<()>) {
    if let Err(error) = written {
        note(format_args!("warning: {error}"));
    }
}

fn search_setup(
    plan: &Plan,
    dataset: &Dataset,
    split: &Split,
    trainers: u32,
    claims: bool,
    seeds: Vec<Newborn>,
) -> SearchSetup {
    let experiment = &plan.experiment;
    let parts = Parts::of(dataset, split, &experiment.data, experiment.data.split_seed);
    SearchSetup {
        experiment: experiment.clone(),
        data_hash: dataset.content_hash.clone(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        images: parts.images(),
        trainers,
        makers: Arc::new(SearchingMakers::of(experiment, dataset.problem)),
        seeds,
        claims,
        started_again: false,
        journal_patience: JOURNAL_PATIENCE,
    }
}

/// From now on signals stop the search; beyond its end, too, they are minded.
fn heed_signals(stop: StopHandle, is_supervised: bool) {
    let heeding = signals::runtime().and_then(|runtime| {
        let signals = runtime.block_on(async { Signals::listen() })?;
        signals.heed_to_the_end(runtime, Some(move || signalled(&stop, is_supervised)))
    });
    if let Err(error) = heeding {
        tracing::error!("signals cannot be heard: {error}");
    }
}

/// Runs the search, and shows how it goes.
async fn watched(
    journal: Journal,
    setup: CoordinatorSetup,
    mut listening: oneshot::Receiver<SocketAddr>,
    mut audience: Audience,
    (mut progress, controls): (watch::Receiver<Progress>, Controls),
) -> Result<SearchSummary, SearchError> {
    let search = run_coordinator(journal, setup, controls);
    tokio::pin!(search);
    let mut is_heard = false;
    let ended = loop {
        tokio::select! {
            ended = &mut search => break ended,
            address = &mut listening, if !is_heard => {
                is_heard = true;
                if let Ok(address) = address {
                    audience.ready(address);
                }
            }
            () = showing_time(&mut progress, audience.gap()) => {
                let snapshot = progress.borrow_and_update().clone();
                audience.show(&snapshot);
            }
        }
    };
    audience.show(&progress.borrow_and_update().clone());
    audience.close();
    ended
}

fn signalled(stop: &StopHandle, is_supervised: bool) {
    tracing::info!("told to stop");
    // A supervisor has said so already.
    if !is_supervised {
        note("stopping: the best so far will be written; once more ends at once");
    }
    stop.stop();
}

/// Somebody stops the run over HTTP: a supervisor must know that this is no failure of its coordinator.
fn announced_stop(to_supervisor: Option<&CoordinatorSaid>) {
    tracing::info!("told to stop over HTTP");
    match to_supervisor {
        Some(word) => said::tell(word),
        None => note("stopping, as somebody wishes over HTTP: the best so far will be written"),
    }
}

/// Until something has changed, or some time has passed; never before the gap has.
async fn showing_time(progress: &mut watch::Receiver<Progress>, gap: Duration) {
    tokio::time::sleep(gap).await;
    // Closed means that the search is about to end; then time decides.
    _ = tokio::time::timeout(DRAW_EVERY, progress.changed()).await;
}

fn exit_of(error: &SearchError) -> Exit {
    match error {
        SearchError::Journal(_) | SearchError::Unrecorded { .. } => Exit::RunDirectory,
        SearchError::OtherData { .. } => Exit::Data,
        SearchError::Failed(_) => Exit::NoNetwork,
        SearchError::NoCluster(_) | SearchError::BrokenDown(_) => Exit::Failed,
    }
}
