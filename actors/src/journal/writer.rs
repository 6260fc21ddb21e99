//! The thread that owns the open journal: a commit waits for the disk, which an actor must not do on the runtime's
//! threads.

use super::{Entry, Journal, JournalError};
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Batches under way at once; the Population waits for each, so one would do.
const BATCHES_MAX: usize = 4;

/// One batch: the run's seconds, its entries, and where the verdict goes.
struct Batch {
    elapsed_s: f64,
    entries: Vec<Entry>,
    verdict: oneshot::Sender<Result<(), (JournalError, Vec<Entry>)>>,
}

/// A handle of the writing thread. The journal is closed, and its directory given up, when it is dropped.
#[derive(Debug)]
pub struct JournalWriter {
    batches: Option<mpsc::SyncSender<Batch>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl JournalWriter {
    /// Moves the journal to a thread of its own.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(mut journal: Journal) -> Result<Self, JournalError> {
        let dir = journal.dir().to_owned();
        let (batches, incoming) = mpsc::sync_channel::<Batch>(BATCHES_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                while let Ok(Batch { elapsed_s, entries, verdict }) = incoming.recv() {
                    let done = journal.commit(elapsed_s, &entries).map_err(|error| (error, entries));
                    // Nobody waits for the verdict only where the run is being torn down.
                    let _ = verdict.send(done);
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
        Ok(Self { batches: Some(batches), thread: Some(thread) })
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
        let Some(batches) = &self.batches else { return Err((JournalError::WriterGone, entries)) };
        if let Err(mpsc::SendError(batch)) = batches.send(Batch { elapsed_s, entries, verdict }) {
            return Err((JournalError::WriterGone, batch.entries));
        }
        answer.await.unwrap_or_else(|_| Err((JournalError::WriterGone, Vec::new())))
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
