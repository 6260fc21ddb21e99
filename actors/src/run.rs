//! A whole search, from a journal to a summary: the one thing that the program calls.
//!
//! ```no_run
//! # use hatchery_actors::{journal::{Journal, RunInfo}, run::{SearchSetup, controls, run_search}, trainer::WorkFactory};
//! # use std::{path::Path, sync::Arc};
//! # type Anyhow = Box<dyn std::error::Error>;
//! # async fn example(dir: &Path, info: RunInfo, setup: SearchSetup, work: Arc<dyn WorkFactory>) -> Result<(), Anyhow> {
//! let journal = Journal::create(dir, &info)?; // or Journal::resume(dir)
//! let (stop, progress, controls) = controls();
//! // Give `stop` to whoever hears Ctrl-C, and `progress` to the display.
//! // `work` says how a network is trained; it runs on threads of this process.
//! let summary = run_search(journal, setup, work, controls).await?;
//! # Ok(()) }
//! ```

use crate::agent::state::Patience;
use crate::agent::{Agent, AgentArguments};
pub use crate::error::SearchError;
use crate::hub::Post;
use crate::journal::entry::{End, Entry};
use crate::journal::record::{FinalRecord, RunRecord};
use crate::journal::writer::JournalWriter;
use crate::journal::{Journal, JournalError};
use crate::link::direct;
use crate::makers::Makers;
use crate::messages::{AgentMessage, PopulationMessage};
use crate::metrics::WorkerStanding;
use crate::population::StoppingRule;
use crate::population::actor::{Population, PopulationArguments};
use crate::population::retry::RetryPolicy;
use crate::population::settings::Settings;
use crate::population::state::Brain;
use crate::progress::{Best, Nodes, Progress};
use crate::protocol::letters::{BlobName, Hello, NodeName, Welcome};
use crate::protocol::{EvaluationId, Images, Newborn, WorkerId};
pub use crate::remote::StopHandle;
use crate::remote::{Asked, Remote, requests};
use crate::trainer::WorkFactory;
use crate::trainer::outfit::{Outfit, Outfitter};
use hatchery_config::{experiment::Experiment, vocabulary::Objective};
use hatchery_models::training::outcome::{Outcome, Weights};
use ractor::{Actor, ActorRef, SpawnErr};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// A journal that cannot be written is tried again for so long: time to clear a disk, not to be forgotten.
pub const JOURNAL_PATIENCE: Duration = Duration::from_secs(600);

/// How long a coordinator that was started again waits between two attempts at its first entry.
const COMMIT_AGAIN: Duration = Duration::from_secs(1);

/// Trainers of one process, at most.
pub const TRAINERS_MAX: u32 = 256;

/// What a search needs besides its journal.
#[derive(Clone)]
pub struct SearchSetup {
    /// What is to be done. For a run that goes on: as recorded, perhaps with a greater budget.
    pub experiment: Experiment,
    /// Hash of the data's content. A run goes on with the data that it began with.
    pub data_hash: String,
    /// This program.
    pub program_version: String,
    /// How many samples the parts have (`Parts::images`).
    pub images: Images,
    /// Trainers that are expected, at least one: so many candidates are bred before the first has come.
    pub trainers: u32,
    /// Who makes networks: `SearchingMakers`.
    pub makers: Arc<dyn Makers>,
    /// Networks designed by hand, which are born first.
    pub seeds: Vec<Newborn>,
    /// Whether workers of an earlier life of this run may still be at work: those of a coordinator that was started
    /// again. Then what they have is waited for.
    pub claims: bool,
    /// Whether a supervisor has started it again after its end. Then a journal that cannot be written at first is tried
    /// again, too: it could be a moment ago.
    pub started_again: bool,
    /// How long a journal that cannot be written is tried again; `JOURNAL_PATIENCE`.
    pub journal_patience: Duration,
}

/// The search's ends of a stop handle and of a progress display.
#[derive(Debug)]
pub struct Controls {
    stop: watch::Receiver<bool>,
    progress: watch::Sender<Progress>,
    nodes: watch::Sender<Nodes>,
    asked: Option<mpsc::Receiver<Asked>>,
}

impl Controls {
    /// A view of the search from outside, and what can be asked of it while it runs. The last one that is made is
    /// heard.
    pub fn remote(&mut self, stop: &StopHandle) -> Remote {
        let (remote, asked) = requests(stop.clone(), self.progress.subscribe(), self.nodes.subscribe());
        self.asked = Some(asked);
        remote
    }
}

/// A stop handle and a progress display, and their ends for `run_search`.
pub fn controls() -> (StopHandle, watch::Receiver<Progress>, Controls) {
    let (wish, stop) = watch::channel(false);
    let (progress, display) = watch::channel(Progress::before());
    let (nodes, _) = watch::channel(Nodes::default());
    (StopHandle::new(wish), display, Controls { stop, progress, nodes, asked: None })
}

/// What has come of a search. The journal is closed, and its directory given up.
#[derive(Clone, Debug)]
pub struct SearchSummary {
    /// The run directory.
    pub dir: PathBuf,
    /// Whether the user stopped it: it can be resumed.
    pub interrupted: bool,
    /// Everything recorded.
    pub record: RunRecord,
    /// The winner; where it was stopped before, the best so far. `None` where nothing has a score.
    pub best: Option<Best>,
    /// The winner's weights, or the best candidate's where there is no winner yet, and which evaluation left them.
    pub weights: Option<(EvaluationId, Arc<Weights>)>,
    /// The crowned winner and its test.
    pub final_result: Option<FinalRecord>,
    /// Search evaluations that count.
    pub evaluations: u32,
    /// How they ended, most frequent first, with lost hand-outs as `WorkerLost`.
    pub outcomes: Vec<(Outcome, u32)>,
    /// Search evaluations per hour, in this process.
    pub per_hour: f64,
    /// Share of the trainers' time spent training, in this process's search.
    pub utilisation: f64,
    /// Seconds of the whole run, interruptions left out.
    pub elapsed_seconds: f64,
    /// Why no more networks were bred, where the search space was exhausted before the budget.
    pub exhausted: Option<String>,
}

/// Runs a search to its end, or goes on with it, as the journal says, in this process alone.
///
/// # Errors
/// See `SearchError`. Being stopped by the user is none.
pub async fn run_search(
    journal: Journal,
    setup: SearchSetup,
    work: Arc<dyn WorkFactory>,
    controls: Controls,
) -> Result<SearchSummary, SearchError> {
    let (post, agent, worker) =
        local_worker(&setup, work).await.map_err(|error| SearchError::BrokenDown(error.to_string()))?;
    let summary = conduct(journal, setup, post, 1, controls).await;
    // Where the run has not begun, nobody has told the worker that it is over. Its threads end with it.
    agent.stop(None);
    let _ = worker.await;
    summary
}

/// A worker in this process, and the way to it.
pub(crate) async fn local_worker(
    setup: &SearchSetup,
    work: Arc<dyn WorkFactory>,
) -> Result<(Post, ActorRef<AgentMessage>, JoinHandle<()>), SpawnErr> {
    let name = |stable: &str| NodeName { stable: stable.to_owned(), incarnation: 0 };
    let ((to_worker, from_worker), (link, incoming)) = direct::pair(name("coordinator"), name("here"));
    let slots = setup.trainers.clamp(1, TRAINERS_MAX) as usize;
    // How it ends is known: with the run.
    let (ended, _) = oneshot::channel();
    let hello = Hello {
        program_version: setup.program_version.clone(),
        host: "here".to_owned(),
        pid: std::process::id(),
        devices: vec!["here".to_owned(); slots],
        http: None,
        predecessor: None,
    };
    let patience = Patience { grace: 0.0, lonely: f64::INFINITY };
    let arguments = AgentArguments {
        hello,
        patience,
        link,
        incoming,
        is_packed: false,
        outfitter: Arc::new(Ready(work)),
        on_hang: Arc::new(|_| {}),
        standing: watch::channel(WorkerStanding::default()).0,
        ended,
    };
    let (agent, worker) = Agent::spawn(None, Agent, arguments).await?;
    let post = Post { link: to_worker, incoming: from_worker, data: Arc::new(Vec::new), sole: true };
    Ok((post, agent, worker))
}

/// Trainers that are ready made.
struct Ready(Arc<dyn WorkFactory>);

impl Outfitter for Ready {
    fn outfit(&self, _: &Welcome, _: &dyn Fn(BlobName) -> Result<Vec<u8>, String>) -> Result<Outfit, String> {
        Ok(Outfit { factory: Arc::clone(&self.0), guard: None })
    }
}

/// Conducts a search whose workers come through `post`.
///
/// # Errors
/// See `SearchError`.
pub async fn conduct(
    mut journal: Journal,
    setup: SearchSetup,
    post: Post,
    threads: u32,
    controls: Controls,
) -> Result<SearchSummary, SearchError> {
    let dir = journal.dir().to_owned();
    let record = journal.take_record()?;
    let mut brain = restore(&journal, &record, &setup)?;
    if !setup.claims {
        brain.goes_on_at_once();
    }
    let news = brain.news(&record);
    let welcome = welcome(&setup, record.started_ms, threads)?;
    let first_worker = WorkerId(journal.last_worker()? + 1);
    let spent = record.elapsed_seconds;
    let writer = begin(journal, &setup, &brain, spent, controls.stop.clone()).await?;
    let display = controls.progress.subscribe();
    let (ended, end) = oneshot::channel();
    let arguments = PopulationArguments {
        brain,
        writer,
        spent,
        makers: setup.makers,
        news,
        welcome,
        first_worker,
        post,
        patience: setup.journal_patience,
        progress: controls.progress,
        nodes: controls.nodes,
        stop: controls.stop,
        ended,
    };
    let (actor, population) = Population::spawn(None, Population, arguments)
        .await
        .map_err(|error| SearchError::BrokenDown(error.to_string()))?;
    let hearing = controls.asked.map(|asked| tokio::spawn(hear(asked, actor)));
    let end = end.await;
    if let Some(hearing) = hearing {
        hearing.abort();
    }
    // The actor lets its workers know and closes the journal.
    let _ = population.await;
    let end = end.map_err(|_| SearchError::BrokenDown("the population's actor has failed".to_owned()))??;
    let last = display.borrow().clone();
    summary(dir, end, last)
}

/// Passes on what is asked from outside.
async fn hear(mut asked: mpsc::Receiver<Asked>, population: ActorRef<PopulationMessage>) {
    while let Some(asked) = asked.recv().await {
        if population.cast(PopulationMessage::Asked(asked)).is_err() {
            break;
        }
    }
}

/// What workers are told that join.
pub(crate) fn welcome(setup: &SearchSetup, started_ms: i64, threads: u32) -> Result<Welcome, SearchError> {
    Ok(Welcome {
        run: format!("{} {started_ms}", setup.experiment.name),
        experiment: setup.experiment.to_toml().map_err(|error| SearchError::Failed(error.to_string()))?,
        data_hash: setup.data_hash.clone(),
        threads,
        trainers: setup.trainers,
    })
}

/// The brain as the journal leaves it: of a new run, at the beginning.
fn restore(journal: &Journal, record: &RunRecord, setup: &SearchSetup) -> Result<Brain, SearchError> {
    if record.info.data_hash != setup.data_hash {
        let (found, recorded) = (setup.data_hash.clone(), record.info.data_hash.clone());
        return Err(SearchError::OtherData { found, recorded });
    }
    let mut weights = BTreeMap::new();
    for evaluation in record.evaluations.iter().filter(|evaluation| evaluation.has_weights) {
        if let Some(kept) = journal.weights(evaluation.id)? {
            weights.insert(evaluation.id, Arc::new(kept));
        }
    }
    Ok(Brain::restore(settings(setup), record, journal.pauses()?, weights))
}

pub(crate) fn settings(setup: &SearchSetup) -> Settings {
    let settings = settings_of(&setup.experiment, setup.trainers, setup.images);
    let regulariser = Some(Arc::clone(&setup.makers));
    Settings { claims: setup.claims, seeds: setup.seeds.clone(), regulariser, ..settings }
}

/// What an experiment tells the brain.
pub(crate) fn settings_of(experiment: &Experiment, trainers: u32, images: Images) -> Settings {
    Settings {
        seed: experiment.seed,
        search: experiment.search.clone(),
        evaluations: experiment.budget.evaluations,
        time: experiment.budget.time.map(|time| time.0.as_secs_f64()),
        epochs: experiment.training.epochs,
        seconds: experiment.training.seconds,
        final_training: experiment.final_training.clone(),
        trainers: trainers.clamp(1, TRAINERS_MAX),
        images,
        stopping: StoppingRule::named(experiment.search.stopping),
        seeds: Vec::new(),
        regulariser: None,
        retry: RetryPolicy::new(&experiment.retry),
        claims: false,
        inherit: experiment.training.inherit,
        measure_latency: experiment.search.objectives.contains(&Objective::Latency),
    }
}

#[cfg(test)]
pub(crate) fn progress_of(controls: Controls) -> watch::Sender<Progress> {
    controls.progress
}

/// Moves the journal to its thread, and notes where an earlier run is taken up.
async fn begin(
    journal: Journal,
    setup: &SearchSetup,
    brain: &Brain,
    spent: f64,
    stop: watch::Receiver<bool>,
) -> Result<JournalWriter, SearchError> {
    let resumed = journal.is_resumed() && !brain.is_done();
    let writer = JournalWriter::start(journal)?;
    if resumed {
        let entry = Entry::Resumed {
            program_version: setup.program_version.clone(),
            experiment: setup.experiment.to_toml().map_err(|error| SearchError::Failed(error.to_string()))?,
            started_again: setup.started_again,
        };
        let patience = if setup.started_again { setup.journal_patience } else { Duration::ZERO };
        commit_at_last(&writer, (spent, entry), patience, stop).await?;
    }
    Ok(writer)
}

/// Writes an entry; where that fails and may pass, again and again for so long, or until the run is stopped.
async fn commit_at_last(
    writer: &JournalWriter,
    (spent, entry): (f64, Entry),
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<(), JournalError> {
    let until = Instant::now() + patience;
    loop {
        let Err((error, _)) = writer.commit(spent, vec![entry.clone()]).await else { return Ok(()) };
        if !error.may_pass() || Instant::now() >= until || *stop.borrow() {
            return Err(error);
        }
        tracing::warn!("the run goes on as soon as its journal can be written: {error}");
        tokio::select! {
            () = tokio::time::sleep(COMMIT_AGAIN) => {}
            Ok(_) = stop.wait_for(|stop| *stop) => {}
        }
    }
}

fn summary(dir: PathBuf, end: End, last: Progress) -> Result<SearchSummary, SearchError> {
    if let End::Failed(message) = end {
        return Err(SearchError::Failed(message));
    }
    let record = crate::journal::record::read(&dir)?;
    let crowned = record.final_result.as_ref().map(|crowned| crowned.evaluation);
    let weights = match crowned.or(last.best.as_ref().map(|best| best.evaluation)) {
        Some(evaluation) => {
            crate::journal::record::weights(&dir, evaluation)?.map(|weights| (evaluation, Arc::new(weights)))
        }
        None => None,
    };
    Ok(SearchSummary {
        dir,
        interrupted: end == End::Interrupted,
        best: last.best,
        weights,
        final_result: record.final_result.clone(),
        evaluations: last.evaluations,
        outcomes: last.outcomes,
        per_hour: last.per_hour,
        utilisation: last.utilisation,
        exhausted: last.exhausted,
        elapsed_seconds: record.elapsed_seconds,
        record,
    })
}
