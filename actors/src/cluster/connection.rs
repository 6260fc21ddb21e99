//! One connection, as the parts that share it see it: who is at the other end, whether it is to end and why, and how
//! much waits to be written to it.
//!
//! What goes over it, and which session of the cluster library runs on it, this module does not know.

use crate::protocol::letters::NodeName;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use tokio::sync::watch;

/// Letters' bytes that may wait for one node, unwritten. Eight of the largest letters, or 256 pieces of a blob: whoever
/// does not take that does not read, and the cluster library would queue without end.
pub const WAITING_BYTES_MAX: u64 = 64 << 20;

/// The two halves of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Half {
    Read = 0,
    Write = 1,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who is at the other end.
    pub(super) peer: NodeName,
    /// Unlike any other connection's of this process.
    pub(super) label: String,
    over: AtomicBool,
    reason: Mutex<Option<String>>,
    wakers: [Mutex<Option<Waker>>; 2],
    ready: AtomicBool,
    waiting: Mutex<Waiting>,
    gone: watch::Sender<bool>,
}

/// Sizes of the letters that are not written yet, oldest first.
#[derive(Debug, Default)]
struct Waiting {
    letters: VecDeque<u64>,
    bytes: u64,
}

impl Connection {
    pub(super) fn new(peer: NodeName, label: String) -> Arc<Self> {
        Arc::new(Self {
            peer,
            label,
            over: AtomicBool::new(false),
            reason: Mutex::new(None),
            wakers: [Mutex::new(None), Mutex::new(None)],
            ready: AtomicBool::new(false),
            waiting: Mutex::new(Waiting::default()),
            gone: watch::Sender::new(false),
        })
    }

    /// Ends it: both halves fail from now on, and what waits is dropped. The first reason stands.
    pub(super) fn end(&self, reason: impl Into<String>) {
        hold(&self.reason).get_or_insert_with(|| reason.into());
        self.over.store(true, Ordering::Release);
        for waker in &self.wakers {
            if let Some(waker) = hold(waker).take() {
                waker.wake();
            }
        }
    }

    /// Whether it is to end.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Why it ended.
    pub(super) fn reason(&self) -> String {
        hold(&self.reason).clone().unwrap_or_else(|| "the session ended".to_owned())
    }

    /// Has this half woken when the connection is to end. Ask [`Self::is_over`] afterwards.
    pub(super) fn wake_at_end(&self, half: Half, waker: &Waker) {
        let mut place = hold(&self.wakers[half as usize]);
        if !place.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *place = Some(waker.clone());
        }
    }

    /// Its session is ready for letters.
    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Whether its session has become ready.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Hands a letter of so many bytes to `send`, and counts it until it is written. Where too much waits, returns how
    /// much that is. Letters are counted in the order in which they are sent.
    pub(super) fn queue<T>(&self, bytes: u64, send: impl FnOnce() -> T) -> Result<T, u64> {
        let mut waiting = hold(&self.waiting);
        if waiting.bytes + bytes > WAITING_BYTES_MAX {
            return Err(waiting.bytes);
        }
        waiting.letters.push_back(bytes);
        waiting.bytes += bytes;
        Ok(send())
    }

    /// So many of the letters that waited are written.
    pub(super) fn written(&self, letters: usize) {
        let mut waiting = hold(&self.waiting);
        for _ in 0..letters {
            waiting.bytes -= waiting.letters.pop_front().unwrap_or(0);
        }
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting_bytes(&self) -> u64 {
        hold(&self.waiting).bytes
    }

    /// The cluster library has let go of it.
    pub(super) fn set_gone(&self) {
        self.gone.send_replace(true);
    }

    /// Waits until the cluster library has let go of it.
    pub(super) async fn gone(&self) {
        // The sender is a part of `self`: it cannot vanish meanwhile.
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }
}

/// Locks. No holder of these locks calls what could panic, so a poisoned one is as good as any.
pub(super) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Arc<Connection> {
        Connection::new(NodeName { stable: "w".to_owned(), incarnation: 1 }, "w:1".to_owned())
    }

    #[test]
    fn letters_wait_until_they_are_written() {
        let connection = connection();
        for bytes in [10, 20, 30] {
            connection.queue(bytes, || ()).unwrap();
        }
        assert_eq!(connection.waiting_bytes(), 60);
        connection.written(2);
        assert_eq!(connection.waiting_bytes(), 30);
        connection.written(1);
        assert_eq!(connection.waiting_bytes(), 0);
    }

    #[test]
    fn what_would_exceed_the_limit_is_not_sent() {
        let connection = connection();
        connection.queue(WAITING_BYTES_MAX - 5, || ()).unwrap();
        let mut sent = false;
        assert_eq!(connection.queue(6, || sent = true), Err(WAITING_BYTES_MAX - 5));
        assert!(!sent);
        connection.queue(5, || sent = true).unwrap();
        assert!(sent);
    }

    #[test]
    fn the_first_reason_stands() {
        let connection = connection();
        assert!(!connection.is_over());
        connection.end("first");
        connection.end("second");
        assert!(connection.is_over());
        assert_eq!(connection.reason(), "first");
    }
}
