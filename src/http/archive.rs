//! The journal, as far as it is asked for: one thread with one connection for reading, and a ledger that it keeps up to
//! date.
//!
//! Questions wait in a short queue, and are refused where that is full: however many ask, one at a time reads, and the
//! search's own connection is never waited for. It must not know what is asked.

use super::{
    answer::Problem,
    ledger::{Fact, Failed, Ledger, NodePast},
};
use crate::incidents::Incidents;
use hatchery_actors::{
    journal::{EventRecord, JournalError, Reader},
    metrics::{HttpRefusal, http_refused},
};
use hatchery_config::vocabulary::Objective;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// Questions that wait.
const QUESTIONS_MAX: usize = 64;
/// How long an answer is waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// How often the ledger is brought up to date.
const REFRESH_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether the run has begun.
const BEGIN_STEP: Duration = Duration::from_millis(20);
/// Events that are read at once: between two pages, questions are answered.
const EVENTS_PAGE: u32 = 2000;

/// What is known without asking.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub individuals: usize,
    /// Search evaluations that have ended.
    pub ended: usize,
    pub nodes: BTreeMap<String, NodePast>,
    pub incidents: Incidents,
    pub failures: Vec<Failed>,
    pub births: BTreeMap<&'static str, u64>,
    pub outcomes: BTreeMap<&'static str, u64>,
    pub images: u64,
    pub seconds: f64,
    pub ending: Option<String>,
    pub journal_bytes: u64,
}

type Question = Box<dyn FnOnce(&Shelf) + Send>;

/// A journal that can be asked; can be cloned.
#[derive(Clone, Debug)]
pub struct Archive {
    questions: SyncSender<Question>,
    /// What is known without asking.
    pub figures: watch::Receiver<Figures>,
    /// When the run began, Unix milliseconds.
    pub started_ms: i64,
}

/// What an answer is made from.
#[derive(Debug)]
pub struct Shelf {
    pub reader: Reader,
    pub ledger: Ledger,
}

impl Archive {
    /// Opens the journal of the run in `directory`. It is followed once the run has begun: a run that goes on must first
    /// read it itself, and would be held up. The thread ends when nobody can ask any more.
    ///
    /// # Errors
    /// Where the journal cannot be read, or the system gives no thread.
    pub fn open(
        directory: &Path,
        objectives: Vec<Objective>,
        has_begun: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self, JournalError> {
        let reader = Reader::open(directory)?;
        let started_ms = reader.started_ms()?;
        let (questions, asked) = sync_channel(QUESTIONS_MAX);
        let (shown, figures) = watch::channel(Figures::default());
        let keeper = Keeper {
            shelf: Shelf { reader, ledger: Ledger::new(objectives) },
            directory: directory.to_owned(),
            has_begun: Box::new(has_begun),
            refreshed: None,
            is_behind: true,
            shown,
            shown_event: 0,
        };
        std::thread::Builder::new()
            .name("http-journal".to_owned())
            .spawn(move || keeper.serve(&asked))
            .map_err(|source| no_thread(directory, source))?;
        Ok(Self { questions, figures, started_ms })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What the question's answer says; and where too many ask at once.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Shelf) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let question = Box::new(move |shelf: &Shelf| {
            // Who no longer waits needs no answer.
            if !answer.is_closed() {
                _ = answer.send(question(shelf));
            }
        });
        if self.questions.try_send(question).is_err() {
            http_refused(HttpRefusal::Busy);
            return Err(Problem::busy("too many ask at once"));
        }
        match tokio::time::timeout(ANSWER_PATIENCE, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Problem::defect("the question was not answered")),
            Err(_) => Err(Problem::busy("the journal's reader has too much to do")),
        }
    }
}

fn no_thread(directory: &Path, source: io::Error) -> JournalError {
    JournalError::Io { action: "start a thread to read the journal in", path: directory.to_owned(), source }
}

/// The thread's side.
struct Keeper {
    shelf: Shelf,
    directory: PathBuf,
    has_begun: Box<dyn Fn() -> bool + Send>,
    refreshed: Option<Instant>,
    /// More events are known to wait.
    is_behind: bool,
    shown: watch::Sender<Figures>,
    /// The last event that the figures shown count.
    shown_event: i64,
}

impl Keeper {
    fn serve(mut self, asked: &Receiver<Question>) {
        loop {
            let follows = (self.has_begun)();
            if follows {
                self.refresh_when_due();
            }
            let pause = match (follows, self.is_behind) {
                (false, _) => BEGIN_STEP,
                (true, true) => Duration::ZERO,
                (true, false) => REFRESH_EVERY,
            };
            match asked.recv_timeout(pause) {
                Ok(question) => {
                    if follows {
                        self.catch_up();
                    }
                    question(&self.shelf);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn refresh_when_due(&mut self) {
        let is_due = self.refreshed.is_none_or(|refreshed| refreshed.elapsed() >= REFRESH_EVERY);
        if !self.is_behind && !is_due {
            return;
        }
        self.refreshed = Some(Instant::now());
        self.catch_up();
        if self.shelf.ledger.last_event != self.shown_event {
            self.shown_event = self.shelf.ledger.last_event;
            self.shown.send_replace(self.figures());
        }
    }

    /// Takes a page of events. Before each question too: who has heard of an individual can ask for it.
    fn catch_up(&mut self) {
        if let Err(error) = self.refresh() {
            tracing::debug!("the journal cannot be read for HTTP: {error}");
            self.is_behind = false;
            self.reopen();
        }
    }

    fn refresh(&mut self) -> Result<(), JournalError> {
        let Shelf { reader, ledger } = &mut self.shelf;
        reader.at_one_moment(|reader| {
            let page = reader.milestones(ledger.last_event, EVENTS_PAGE)?;
            self.is_behind = page.is_full;
            for event in &page.events {
                let fact = fact(reader, event)?;
                ledger.note(event, fact);
            }
            ledger.last_event = page.last;
            Ok(())
        })
    }

    fn reopen(&mut self) {
        if let Ok(reader) = Reader::open(&self.directory) {
            self.shelf.reader = reader;
        }
    }

    fn figures(&self) -> Figures {
        let Shelf { ledger, reader } = &self.shelf;
        Figures {
            individuals: ledger.individuals().len(),
            ended: ledger.ended.len(),
            nodes: ledger.nodes.clone(),
            incidents: ledger.incidents.clone(),
            failures: ledger.failures.iter().cloned().collect(),
            births: ledger.births.clone(),
            outcomes: ledger.outcomes.clone(),
            images: ledger.images,
            seconds: ledger.seconds,
            ending: ledger.ending.clone(),
            journal_bytes: reader.bytes(),
        }
    }
}

fn fact(reader: &Reader, event: &EventRecord) -> Result<Fact, JournalError> {
    Ok(match (event.kind.as_str(), event.evaluation, event.individual) {
        ("finished", Some(evaluation), _) => reader.ended(evaluation)?.map_or(Fact::None, Fact::Ended),
        ("born", _, Some(individual)) => reader.born(individual)?.map_or(Fact::None, Fact::Born),
        _ => Fact::None,
    })
}
