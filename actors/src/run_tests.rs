//! Whole searches with actors, threads and a journal on disk; only the training is made up.

use crate::journal::{End, EvaluationRecord, EvaluationState, Journal, JournalError, RunRecord, record};
use crate::population::actor::{Population, PopulationArguments};
use crate::population::state::Brain;
use crate::progress::Progress;
use crate::protocol::{EvaluationId, Images, Lease, LeaseKind, WorkerId, nothing_trained};
use crate::run::{SearchError, SearchSetup, SearchSummary, StopHandle, controls, local_worker, run_search};
use crate::testing::{self, Drawing};
use crate::trainer::{Work, WorkFactory};
use hatchery_config::experiment::{Budget, Experiment};
use hatchery_config::vocabulary::EarlyStopping;
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained, Weights};
use hatchery_models::training::{Observer, Verdict};
use ractor::{Actor, ActorCell};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Draws numbers.
const NUMBERS: Drawing = Drawing { seed: 1, genomes: 100_000, barren: 0.0 };

type Behaviour = dyn Fn(&Lease, &mut dyn Observer) -> Trained + Send + Sync;

/// Does what a test says, and notes what was done.
struct Script {
    behaviour: Box<Behaviour>,
    done: Arc<Mutex<Vec<(LeaseKind, EvaluationId, u32)>>>,
}

struct Scripted(Arc<Script>);

impl Work for Scripted {
    fn evaluate(&mut self, lease: &Lease, observer: &mut dyn Observer) -> Trained {
        let trained = (self.0.behaviour)(lease, observer);
        self.0.done.lock().unwrap().push((lease.kind, lease.evaluation, lease.attempt));
        trained
    }
}

struct ScriptFactory(Arc<Script>);

impl WorkFactory for ScriptFactory {
    fn make(&self, _: u32) -> Result<Box<dyn Work>, String> {
        Ok(Box::new(Scripted(Arc::clone(&self.0))))
    }
}

/// A training of a few milliseconds an epoch, which minds its observer.
fn quick(lease: &Lease, observer: &mut dyn Observer) -> Trained {
    slow(lease, observer, Duration::from_millis(1))
}

fn slow(lease: &Lease, observer: &mut dyn Observer, pause: Duration) -> Trained {
    let number = testing::number(&lease.genome) as f32;
    let mut trained = nothing_trained(Outcome::Completed, String::new());
    for epoch in 1..=lease.epochs.max(1) {
        if observer.stop_requested() {
            trained.outcome = Outcome::Stopped;
            break;
        }
        std::thread::sleep(pause);
        let report = EpochReport {
            epoch,
            training_loss: 1.0,
            validation_loss: 1.0,
            validation_score: 1.0 / (1.0 + f64::from(number) / 1000.0),
            seconds: 0.001,
        };
        trained.curve.push(report);
        trained.steps += 10;
        if observer.epoch(&report) == Verdict::Stop {
            trained.outcome = Outcome::Stopped;
            break;
        }
    }
    trained.weights = Some(Weights { parameters: vec![number], statistics: Vec::new() });
    trained
}

struct Bench {
    parent: TempDir,
    done: Arc<Mutex<Vec<(LeaseKind, EvaluationId, u32)>>>,
    work: Arc<dyn WorkFactory>,
    setup: SearchSetup,
}

impl Bench {
    fn new(
        evaluations: u32,
        behaviour: impl Fn(&Lease, &mut dyn Observer) -> Trained + Send + Sync + 'static,
    ) -> Self {
        let done = Arc::new(Mutex::new(Vec::new()));
        let script = Script { behaviour: Box::new(behaviour), done: Arc::clone(&done) };
        let mut experiment =
            Experiment::parse("name = \"test\"\n[data]\nsource = \"digits\"\n", "test", &[]).unwrap();
        experiment.budget = Budget { evaluations: Some(evaluations), time: None };
        experiment.search.stopping = EarlyStopping::Off;
        experiment.training.epochs = 4;
        experiment.final_training.epochs = 6;
        let setup = SearchSetup {
            experiment,
            data_hash: testing::run_info().data_hash,
            program_version: "0.1.0".to_owned(),
            images: Images { search: 320, crown: 320, last: 400, test: 100 },
            trainers: 3,
            makers: Arc::new(NUMBERS),
            seeds: Vec::new(),
            claims: false,
            started_again: false,
            journal_patience: Duration::from_millis(300),
        };
        let work = Arc::new(ScriptFactory(Arc::new(script)));
        Self { parent: TempDir::new().unwrap(), done, work, setup }
    }

    fn dir(&self) -> PathBuf {
        self.parent.path().join("run")
    }

    fn create(&self) -> Journal {
        Journal::create(&self.dir(), &testing::run_info()).unwrap()
    }

    async fn run(&self, journal: Journal) -> Result<SearchSummary, SearchError> {
        let (_stop, _progress, controls) = controls();
        run_search(journal, self.setup.clone(), Arc::clone(&self.work), controls).await
    }

    /// How many evaluations of this kind were carried through, and whether none twice.
    fn count(&self, kind: LeaseKind) -> usize {
        let done = self.done.lock().unwrap();
        done.iter().filter(|(of, _, _)| *of == kind).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_ends_with_exactly_as_many_evaluations_as_asked_for() {
    let bench = Bench::new(25, quick);
    let summary = bench.run(bench.create()).await.unwrap();
    assert_eq!((summary.evaluations, summary.interrupted), (25, false));
    assert_eq!(bench.count(LeaseKind::Search), 25);
    assert_eq!((bench.count(LeaseKind::Final), bench.count(LeaseKind::Test)), (1, 1));
    assert!(bench.count(LeaseKind::Crown) >= 2);
    assert_eq!(summary.outcomes, vec![(Outcome::Completed, 25)]);
    let last = summary.final_result.unwrap();
    assert!(last.retrained && last.test_score.is_some());
    let finals = summary.record.evaluations.iter().filter(|e| e.kind == LeaseKind::Final);
    assert!(finals.map(|e| e.score).eq([None]), "there is nothing to score the final training on");
    assert_eq!(summary.best.unwrap().individual, last.individual);
    assert_eq!(summary.weights.unwrap().0, last.evaluation);
    assert_eq!(summary.record.end, Some(End::Completed));
    assert_eq!(crate::journal::lock::holder(&bench.dir()), None);
    // A run that is complete is summed up again, and nothing else.
    let again = bench.run(Journal::resume(&bench.dir()).unwrap()).await.unwrap();
    assert_eq!(again.record, summary.record);
    assert_eq!(bench.count(LeaseKind::Test), 1);
}

/// That a finished evaluation is recorded later as it was before; only its weights may have made room.
fn assert_same(before: &EvaluationRecord, later: &RunRecord) {
    let later = later.evaluations.iter().find(|evaluation| evaluation.id == before.id).unwrap();
    assert_eq!(&EvaluationRecord { has_weights: before.has_weights, ..later.clone() }, before);
}

/// Waits until the display shows so many evaluations, then stops the search.
async fn stop_after(
    evaluations: u32,
    stop: StopHandle,
    mut progress: tokio::sync::watch::Receiver<Progress>,
) {
    let _ = progress.wait_for(|progress| progress.evaluations >= evaluations).await;
    stop.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_stopped_midway_goes_on_and_repeats_nothing() {
    let busy = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&busy);
    let bench = Bench::new(30, move |lease, observer| {
        counter.fetch_add(1, Ordering::SeqCst);
        let trained = slow(lease, observer, Duration::from_millis(8));
        counter.fetch_sub(1, Ordering::SeqCst);
        trained
    });
    let (stop, progress, ends) = controls();
    let (summary, ()) = tokio::join!(
        run_search(bench.create(), bench.setup.clone(), Arc::clone(&bench.work), ends),
        stop_after(8, stop, progress)
    );
    let first = summary.unwrap();
    assert_eq!(busy.load(Ordering::SeqCst), 0, "no thread is left at work");
    assert!(first.interrupted && first.evaluations >= 8 && first.evaluations < 30);
    assert!(first.weights.is_some(), "the best so far is handed over");
    assert!(first.final_result.is_none(), "and the test part is left alone");
    let second = bench.run(Journal::resume(&bench.dir()).unwrap()).await.unwrap();
    assert_eq!(second.evaluations, 30);
    let finished_before =
        |id| first.record.evaluations.iter().any(|e| e.id == id && e.state == EvaluationState::Finished);
    let done = bench.done.lock().unwrap();
    for evaluation in first.record.evaluations.iter().filter(|e| finished_before(e.id)) {
        let times = done.iter().filter(|(_, id, _)| *id == evaluation.id).count();
        assert_eq!(times, 1, "evaluation {} had ended and was repeated", evaluation.id);
        assert_same(evaluation, &second.record);
    }
    let events = record::events(&bench.dir(), 0, 10_000).unwrap();
    assert!(events.iter().any(|event| event.kind == "resumed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_ends_one_evaluation_and_no_more() {
    let bench = Bench::new(20, |lease, observer| {
        assert!(lease.evaluation.0 % 5 != 0, "evaluation {} hits a bug", lease.evaluation);
        quick(lease, observer)
    });
    let summary = bench.run(bench.create()).await.unwrap();
    assert_eq!(summary.evaluations, 20);
    let crashed: Vec<_> =
        summary.record.evaluations.iter().filter(|e| e.outcome == Some(Outcome::Crashed)).collect();
    assert!(crashed.len() >= 4);
    assert!(crashed.iter().all(|e| e.message.contains("hits a bug") && e.attempt == 1), "{crashed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_in_which_everything_crashes_ends_and_says_why() {
    let bench = Bench::new(1000, |_, _| panic!("the library is broken"));
    let error = bench.run(bench.create()).await.unwrap_err().to_string();
    assert!(error.contains("one after the other") && error.contains("the library is broken"), "{error}");
    assert!(
        bench.setup.experiment.budget.evaluations
            > Some(record::read(&bench.dir()).unwrap().evaluations.len() as u32)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_was_started_again_waits_for_its_journal_from_the_first_entry_on() {
    let mut bench = Bench::new(6, quick);
    (bench.setup.started_again, bench.setup.journal_patience) = (true, Duration::from_secs(600));
    drop(bench.create());
    let journal = Journal::resume(&bench.dir()).unwrap();
    let [there, away] = [crate::journal::JOURNAL_FILE, "away"].map(|name| bench.dir().join(name));
    std::fs::rename(&there, &away).unwrap();
    let back = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        std::fs::rename(&away, &there).unwrap();
    };
    let (summary, ()) = tokio::join!(bench.run(journal), back);
    assert_eq!(summary.unwrap().evaluations, 6);
}

struct Unable;

impl WorkFactory for Unable {
    fn make(&self, _: u32) -> Result<Box<dyn Work>, String> {
        Err("no such device".to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trainers_that_cannot_work_end_the_search() {
    let mut bench = Bench::new(10, quick);
    bench.work = Arc::new(Unable);
    let error = bench.run(bench.create()).await.unwrap_err();
    assert!(matches!(&error, SearchError::Failed(why) if why.contains("no such device")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_stays_full_ends_the_search_and_nothing_is_lost() {
    let bench = Bench::new(30, quick);
    let journal = bench.create();
    journal.limit_pages(journal.pages() + 3);
    let error = bench.run(journal).await.unwrap_err();
    let SearchError::Unrecorded { source: JournalError::Full { .. }, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains("--resume"));
    let before = record::read(&bench.dir()).unwrap();
    let recorded = before.evaluations.len();
    assert!(!before.individuals.is_empty() && recorded < 30, "{recorded} evaluations were recorded");
    let summary = bench.run(Journal::resume(&bench.dir()).unwrap()).await.unwrap();
    assert_eq!(summary.evaluations, 30);
    for evaluation in before.evaluations.iter().filter(|e| e.state == EvaluationState::Finished) {
        assert_same(evaluation, &summary.record);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_cannot_be_written_for_a_while_pauses_the_search() {
    let mut bench = Bench::new(12, quick);
    bench.setup.journal_patience = Duration::from_secs(60);
    let journal = bench.create();
    let other = Intruder::hold(&bench.dir());
    let (_stop, mut progress, ends) = controls();
    let release = async {
        let paused = progress.wait_for(|progress| progress.paused.is_some()).await.unwrap().clone();
        drop(other);
        paused
    };
    let (summary, paused) =
        tokio::join!(run_search(journal, bench.setup.clone(), Arc::clone(&bench.work), ends), release);
    assert!(paused.paused.unwrap().contains("journal"));
    assert_eq!(paused.evaluations, 0);
    assert_eq!(summary.unwrap().evaluations, 12);
}

/// Another program that holds the database's write lock.
struct Intruder(rusqlite::Connection);

impl Intruder {
    fn hold(dir: &std::path::Path) -> Self {
        let connection = rusqlite::Connection::open(dir.join("journal.sqlite")).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clearly_worse_candidates_are_stopped_early() {
    let mut bench = Bench::new(40, |lease, observer| slow(lease, observer, Duration::from_millis(10)));
    bench.setup.experiment.training.epochs = 8;
    bench.setup.experiment.search.stopping = EarlyStopping::Median;
    let summary = bench.run(bench.create()).await.unwrap();
    let stopped: Vec<_> =
        summary.record.evaluations.iter().filter(|e| e.outcome == Some(Outcome::Stopped)).collect();
    assert!(!stopped.is_empty());
    assert!(stopped.iter().all(|e| e.curve.len() > 2 && e.score.is_some()));
    assert!(stopped.iter().any(|e| e.curve.len() < 8), "a stop came before the end");
    assert_eq!(summary.evaluations, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_with_its_own_data_only() {
    let mut bench = Bench::new(5, quick);
    bench.setup.data_hash = "other".to_owned();
    let error = bench.run(bench.create()).await.unwrap_err();
    assert!(matches!(error, SearchError::OtherData { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_space_without_networks_ends_the_search_and_says_why() {
    let mut bench = Bench::new(5, quick);
    bench.setup.makers = Arc::new(Drawing { barren: 1.0, ..NUMBERS });
    let error = bench.run(bench.create()).await.unwrap_err();
    assert!(matches!(&error, SearchError::Failed(why) if why.contains("no viable genome")), "{error}");
}

/// The children of an actor, and theirs.
fn descendants(cell: &ActorCell) -> Vec<ActorCell> {
    cell.get_children()
        .into_iter()
        .flat_map(|child| [vec![child.clone()], descendants(&child)].concat())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_that_die_are_started_again_and_their_leases_handed_out_again() {
    let bench = Bench::new(24, |lease, observer| slow(lease, observer, Duration::from_millis(10)));
    let (_stop, mut progress, controls) = controls();
    let (ended, end) = oneshot::channel();
    let journal = bench.create();
    let (record, pauses) = (journal.record().unwrap(), journal.pauses().unwrap());
    let brain = Brain::restore(crate::run::settings(&bench.setup), &record, pauses, Default::default());
    let (wish, stop) = tokio::sync::watch::channel(false);
    let (post, agent, worker) = local_worker(&bench.setup, Arc::clone(&bench.work)).await.unwrap();
    let arguments = PopulationArguments {
        brain,
        writer: crate::journal::writer::JournalWriter::start(journal).unwrap(),
        spent: 0.0,
        makers: Arc::new(NUMBERS),
        news: Vec::new(),
        welcome: crate::run::welcome(&bench.setup, 1, 1).unwrap(),
        first_worker: WorkerId(1),
        post,
        patience: Duration::from_secs(60),
        progress: crate::run::progress_of(controls),
        nodes: tokio::sync::watch::channel(Default::default()).0,
        stop,
        ended,
    };
    let (population, handle) = Population::spawn(None, Population, arguments).await.unwrap();
    // The Breeder is spawned first; without the Hub the run ends.
    let hub = population.get_cell().get_children().iter().map(ActorCell::get_id).max().unwrap();
    for evaluations in [4, 9] {
        let _ = progress
            .wait_for(|progress| {
                progress.evaluations >= evaluations && progress.trainers.iter().all(|t| t.work.is_some())
            })
            .await
            .unwrap();
        // The Breeder and the trainers; without the Node the worker ends.
        let trainers = descendants(&agent.get_cell());
        let trainers = trainers.iter().filter(|cell| cell.get_children().is_empty());
        trainers.for_each(ActorCell::kill);
        population
            .get_cell()
            .get_children()
            .iter()
            .filter(|cell| cell.get_id() != hub)
            .for_each(ActorCell::kill);
    }
    assert_eq!(end.await.unwrap().unwrap(), End::Completed);
    handle.await.unwrap();
    worker.await.unwrap();
    drop(wish);
    let record = record::read(&bench.dir()).unwrap();
    let search: Vec<_> = record.evaluations.iter().filter(|e| e.kind == LeaseKind::Search).collect();
    assert_eq!(search.iter().filter(|e| e.state == EvaluationState::Finished).count(), 24);
    assert!(
        search.iter().filter(|e| e.losses > 0 && e.attempt > 1).count() >= 3,
        "leases were handed out again"
    );
    assert!(record.final_result.unwrap().test_score.is_some());
}
