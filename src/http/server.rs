//! Connections: a thread with a small runtime of its own, and limits on whatever others may make it hold.
//!
//! It must not know what is answered.

use super::{listen::Listener, timed::Timed};
use axum::{Router, body::Body};
use hatchery_actors::metrics::{HttpRefusal, http_answered, http_refused};
use http_body::{Frame, SizeHint};
use hyper::{
    body::Bytes,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::AbortHandle,
};

/// Connections at once. When another comes, the one that has had nothing to do for longest is closed; each takes some
/// ten kilobytes.
const CONNECTIONS_MAX: usize = 256;
/// How long a request's head may take to arrive, and a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// A reader that takes nothing for so long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head; 8,192 is the least that can be said.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Pause where no connection can be taken, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Threads for what takes a while: each answer is made in the journal's thread, so that few are needed.
const BLOCKING_THREADS_MAX: usize = 2;

/// A server; it ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How many connections are open.
#[derive(Clone, Debug, Default)]
pub struct Open(Arc<AtomicUsize>);

impl Open {
    /// Now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Serves what `site` answers, and does its `chores` meanwhile.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        listener: Listener,
        site: Router,
        open: Open,
        chores: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .build()?;
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.spawn(chores);
            let served = runtime.block_on(serve(listener, site, open, stopped));
            if let Err(error) = served {
                tracing::error!("nothing is served over HTTP any more: {error}");
            }
            runtime.shutdown_background();
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has failed hears nothing any more.
        _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

async fn serve(
    listener: Listener,
    site: Router,
    open: Open,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let socket = TcpListener::from_std(listener.socket)?;
    let places = Arc::new(Places { open, places: Mutex::default() });
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return Ok(()),
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => admit(stream, &site, &places),
            Err(error) => {
                tracing::debug!("a connection was not taken: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn admit(stream: TcpStream, site: &Router, places: &Arc<Places>) {
    // A connection that is slow to answer is no less right.
    _ = stream.set_nodelay(true);
    if !places.make_room() {
        return http_refused(HttpRefusal::Connections);
    }
    let number = places.reserve();
    let (site, guest) = (site.clone(), Arc::new(Guest { number, places: Arc::clone(places) }));
    let task = tokio::spawn(converse(stream, site, guest));
    places.seat(number, task.abort_handle());
}

/// Answers one connection's requests until it ends.
async fn converse(stream: TcpStream, site: Router, guest: Arc<Guest>) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (site, guest) = (site.clone(), Arc::clone(&guest));
        guest.places.begin(guest.number);
        async move {
            let answered = answer(site, request.map(Body::new)).await;
            http_answered(answered.status().as_u16());
            Ok::<_, Infallible>(answered.map(|body| Answering { body, _busy: Busy { guest } }))
        }
    });
    let io = TokioIo::new(Timed::new(stream, WRITE_TIMEOUT));
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(io, service);
    if let Err(error) = conversation.await {
        // Whoever goes in the middle of an answer, or never asks, is no matter for the log of a run.
        tracing::trace!("a connection has ended: {error}");
        if is_write_timeout(&error) {
            http_refused(HttpRefusal::Slow);
        }
    }
}

async fn answer(site: Router, request: hyper::Request<Body>) -> hyper::Response<Body> {
    let answered = TowerToHyperService::new(site).call(request).await;
    answered.unwrap_or_else(|never| match never {})
}

fn is_write_timeout(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// Who is connected.
struct Places {
    open: Open,
    places: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    next: u64,
    taken: BTreeMap<u64, Seat>,
}

struct Seat {
    /// Since when there has been nothing to do; `None` while something is being answered.
    idle_since: Option<Instant>,
    task: Option<AbortHandle>,
}

impl Places {
    fn lock(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for one more: where need be, who has had nothing to do for longest has to go.
    fn make_room(&self) -> bool {
        let mut seats = self.lock();
        if seats.taken.len() < CONNECTIONS_MAX {
            return true;
        }
        let idle = seats.taken.iter().filter_map(|(number, seat)| Some((seat.idle_since?, *number)));
        let Some((_, longest)) = idle.min() else { return false };
        if let Some(Seat { task: Some(task), .. }) = seats.taken.remove(&longest) {
            task.abort();
            http_refused(HttpRefusal::Connections);
        }
        true
    }

    fn reserve(&self) -> u64 {
        let mut seats = self.lock();
        seats.next += 1;
        let number = seats.next;
        seats.taken.insert(number, Seat { idle_since: Some(Instant::now()), task: None });
        self.open.0.store(seats.taken.len(), Ordering::Relaxed);
        number
    }

    fn seat(&self, number: u64, task: AbortHandle) {
        if let Some(seat) = self.lock().taken.get_mut(&number) {
            seat.task = Some(task);
        }
    }

    /// Something is being answered.
    fn begin(&self, number: u64) {
        if let Some(seat) = self.lock().taken.get_mut(&number) {
            seat.idle_since = None;
        }
    }

    /// It has been.
    fn end(&self, number: u64) {
        if let Some(seat) = self.lock().taken.get_mut(&number) {
            seat.idle_since = Some(Instant::now());
        }
    }

    fn leave(&self, number: u64) {
        let mut seats = self.lock();
        seats.taken.remove(&number);
        self.open.0.store(seats.taken.len(), Ordering::Relaxed);
    }
}

/// A connection; its place is free when it is dropped.
struct Guest {
    number: u64,
    places: Arc<Places>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.places.leave(self.number);
    }
}

/// An answer that is being sent.
struct Answering {
    body: Body,
    _busy: Busy,
}

/// While it lasts, its connection is not idle.
struct Busy {
    guest: Arc<Guest>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.guest.places.end(self.guest.number);
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
