//! The guarded byte stream that a session of the cluster library runs on.
//!
//! The library has no failure detector and no deadlines. They are here: a session must become ready in time; after that
//! silence means death (the library pings at least every five seconds), and so does a peer that takes nothing; and who
//! ends the [`Connection`] ends both halves at once, with all that waits in them.
//!
//! Counts the letters that leave, so that it is known how much waits. For that it knows how the library frames what it
//! writes, and that letters travel in its node messages, which nothing else does.

use super::connection::{Connection, Half};
use ractor_cluster::{BoxRead, BoxWrite, ClusterBidiStream};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

/// Milliseconds from the end of the knock until the session is ready. It takes about one.
const READY_MS_MAX: u64 = 5_000;

/// Milliseconds of silence after which a peer is dead: two pings and some may be late or lost.
const SILENCE_MS_MAX: u64 = 12_000;

/// Milliseconds for which a peer may take nothing of what waits for it.
const STALL_MS_MAX: u64 = 12_000;

/// Bytes read ahead: the library reads 8 bytes, then at most 8 KiB at a time.
const READ_AHEAD_BYTES: usize = 64 << 10;

/// A stream for the cluster library.
pub(super) struct Guarded {
    reader: BoxRead,
    writer: BoxWrite,
    label: String,
}

impl Guarded {
    /// Guards a stream. The permit, where there is one, is given back when the connection is gone.
    pub(super) fn new<S>(
        stream: S,
        connection: &Arc<Connection>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let reader = GuardedReader {
            stream: reader,
            connection: Arc::clone(connection),
            deadline: Box::pin(sleep(Duration::from_millis(READY_MS_MAX))),
            was_ready: false,
            _permit: permit,
        };
        let writer = GuardedWriter {
            stream: writer,
            connection: Arc::clone(connection),
            stalled: None,
            meter: Meter::default(),
        };
        Self {
            reader: Box::new(BufReader::with_capacity(READ_AHEAD_BYTES, reader)),
            writer: Box::new(writer),
            label: connection.label.clone(),
        }
    }
}

impl ClusterBidiStream for Guarded {
    fn split(self: Box<Self>) -> (BoxRead, BoxWrite) {
        (self.reader, self.writer)
    }

    fn peer_label(&self) -> Option<String> {
        Some(self.label.clone())
    }
}

/// Ends the connection, and is the error that says so to the library.
fn end(connection: &Connection, reason: impl Into<String>) -> io::Error {
    connection.end(reason);
    io::Error::new(io::ErrorKind::ConnectionAborted, connection.reason())
}

struct GuardedReader<R> {
    stream: R,
    connection: Arc<Connection>,
    deadline: Pin<Box<Sleep>>,
    was_ready: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<R> GuardedReader<R> {
    /// Something was heard: if the session is ready, that buys time.
    fn heard(&mut self) {
        self.was_ready = self.connection.is_ready();
        if self.was_ready {
            self.deadline.as_mut().reset(Instant::now() + Duration::from_millis(SILENCE_MS_MAX));
        }
    }

    fn check_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        ready!(self.deadline.as_mut().poll(context));
        if !self.was_ready && self.connection.is_ready() {
            // It became ready since something was last heard.
            self.heard();
            ready!(self.deadline.as_mut().poll(context));
        }
        let reason = match self.was_ready {
            true => format!("nothing was heard for {} s", SILENCE_MS_MAX / 1000),
            false => format!("the session was not ready within {} s", READY_MS_MAX / 1000),
        };
        Poll::Ready(end(&self.connection, reason))
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for GuardedReader<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        me.connection.wake_at_end(Half::Read, context.waker());
        if me.connection.is_over() {
            return Poll::Ready(Err(end(&me.connection, "")));
        }
        let before = buffer.filled().len();
        // The stream before the clock: what has come while this process could not run counts as heard.
        match Pin::new(&mut me.stream).poll_read(context, buffer) {
            Poll::Pending => me.check_deadline(context).map(Err),
            Poll::Ready(Err(error)) => {
                Poll::Ready(Err(end(&me.connection, format!("the connection broke: {error}"))))
            }
            Poll::Ready(Ok(())) if buffer.filled().len() == before => {
                me.connection.end("the other end closed the connection");
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(())) => {
                me.heard();
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<R> Drop for GuardedReader<R> {
    /// The session has ended: so must the writer, which the library may forget.
    fn drop(&mut self) {
        self.connection.end("the session ended");
        self.connection.set_gone();
    }
}

struct GuardedWriter<W> {
    stream: W,
    connection: Arc<Connection>,
    stalled: Option<Pin<Box<Sleep>>>,
    meter: Meter,
}

impl<W> GuardedWriter<W> {
    fn check(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if self.connection.is_over() {
            return Poll::Ready(end(&self.connection, ""));
        }
        let patience = || Box::pin(sleep(Duration::from_millis(STALL_MS_MAX)));
        ready!(self.stalled.get_or_insert_with(patience).as_mut().poll(context));
        Poll::Ready(end(&self.connection, format!("nothing could be sent for {} s", STALL_MS_MAX / 1000)))
    }

    fn settle<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match poll {
            Poll::Pending => {
                self.connection.wake_at_end(Half::Write, context.waker());
                self.check(context).map(Err)
            }
            Poll::Ready(Ok(value)) => {
                self.stalled = None;
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => {
                Poll::Ready(Err(end(&self.connection, format!("the connection broke: {error}"))))
            }
        }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for GuardedWriter<W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        if me.connection.is_over() {
            return Poll::Ready(Err(end(&me.connection, "")));
        }
        let poll = Pin::new(&mut me.stream).poll_write(context, bytes);
        let poll = me.settle(context, poll);
        if let Poll::Ready(Ok(written)) = &poll {
            let letters = me.meter.pass(&bytes[..*written]);
            me.connection.written(letters);
        }
        poll
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let poll = Pin::new(&mut me.stream).poll_flush(context);
        me.settle(context, poll)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Bytes of the length before each of the library's frames.
const LENGTH_BYTES: usize = 8;

/// How a frame with a node message begins (protocol buffers: field 2, with a length).
const NODE_MESSAGE: u8 = 0x12;

/// Counts the frames with letters in a stream of bytes.
#[derive(Debug, Default)]
struct Meter {
    length: [u8; LENGTH_BYTES],
    length_known: usize,
    passed: u64,
    is_letter: bool,
}

impl Meter {
    /// These bytes have passed. Returns how many letters have ended in them.
    fn pass(&mut self, mut bytes: &[u8]) -> usize {
        let mut letters = 0;
        while let [first, ..] = *bytes {
            let taken = match self.length_known < LENGTH_BYTES {
                true => self.pass_length(bytes),
                false => self.pass_body(first, bytes.len()),
            };
            bytes = &bytes[taken..];
            letters += usize::from(self.finish());
        }
        letters
    }

    fn pass_length(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(LENGTH_BYTES - self.length_known);
        self.length[self.length_known..][..taken].copy_from_slice(&bytes[..taken]);
        self.length_known += taken;
        taken
    }

    fn pass_body(&mut self, first: u8, available: usize) -> usize {
        if self.passed == 0 {
            self.is_letter = first == NODE_MESSAGE;
        }
        let left = usize::try_from(u64::from_be_bytes(self.length) - self.passed).unwrap_or(usize::MAX);
        let taken = available.min(left);
        self.passed += taken as u64;
        taken
    }

    /// Where a frame has ended: whether it held a letter.
    fn finish(&mut self) -> bool {
        let ended = self.length_known == LENGTH_BYTES && self.passed == u64::from_be_bytes(self.length);
        if !ended {
            return false;
        }
        std::mem::take(self).is_letter
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
