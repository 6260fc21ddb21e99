//! The thread that owns the open journal: a commit waits for the disk, which an actor must not do on the runtime's
//! threads.

use super::{Entry, Journal, JournalError, RunRecord};
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Wishes under way at once; the Population waits for each, so one would do.
const WISHES_MAX: usize = 4;

/// One batch: the run's seconds, its entries, and where the verdict goes.
struct Batch {
    elapsed_s: f64,
    entries: Vec<Entry>,
    verdict: oneshot::Sender<Result<(), (JournalError, Vec<Entry>)>>,
}

/// What the writing thread is asked.
enum Wish {
    /// Write this.
    Write(Batch),
    /// Read everything recorded so far.
    Read(oneshot::Sender<Result<RunRecord, JournalError>>),
}

/// A handle of the writing thread. The journal is closed, and its directory given up, when it is dropped.
#[derive(Debug)]
pub struct JournalWriter {
    wishes: Option<mpsc::SyncSender<Wish>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl JournalWriter {
    /// Moves the journal to a thread of its own.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(mut journal: Journal) -> Result<Self, JournalError> {
        let dir = journal.dir().to_owned();
        let (wishes, incoming) = mpsc::sync_channel::<Wish>(WISHES_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                // Nobody waits for an answer only where the run is being torn down.
                while let Ok(wish) = incoming.recv() {
                    match wish {
                        Wish::Write(Batch { elapsed_s, entries, verdict }) => {
                            let done = journal.commit(elapsed_s, &entries).map_err(|error| (error, entries));
                            let _ = verdict.send(done);
                        }
                        Wish::Read(answer) => _ = answer.send(journal.record()),
                    }
                }
                if let Err(error) = journal.fold() {
                    tracing::warn!(%error, "the journal's log was not folded in; readers do without");
                }
            })
            .map_err(|source| JournalError::Io {
                action: "start the journal's thread for",
                path: dir,
                source,
            })?;
        Ok(Self { wishes: Some(wishes), thread: Some(thread) })
    }

    /// Records all of `entries` or none. When this returns `Ok`, they are on the disk.
    ///
    /// # Errors
    /// The journal's error, and the entries back, to be tried again.
    pub async fn commit(
        &self,
        elapsed_s: f64,
        entries: Vec<Entry>,
    ) -> Result<(), (JournalError, Vec<Entry>)> {
        let (verdict, answer) = oneshot::channel();
        let Some(wishes) = &self.wishes else { return Err((JournalError::WriterGone, entries)) };
        let wish = Wish::Write(Batch { elapsed_s, entries, verdict });
        if let Err(mpsc::SendError(Wish::Write(batch))) = wishes.send(wish) {
            return Err((JournalError::WriterGone, batch.entries));
        }
        answer.await.unwrap_or_else(|_| Err((JournalError::WriterGone, Vec::new())))
    }

    /// Everything recorded so far.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub async fn record(&self) -> Result<RunRecord, JournalError> {
        let (wish, answer) = oneshot::channel();
        let asked = self.wishes.as_ref().is_some_and(|wishes| wishes.send(Wish::Read(wish)).is_ok());
        if !asked {
            return Err(JournalError::WriterGone);
        }
        answer.await.unwrap_or(Err(JournalError::WriterGone))
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.wishes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
