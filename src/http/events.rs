//! `GET /api/v1/events`: the run as it happens, as server-sent events.
//!
//! One task makes what is news for all listeners; each listener takes the latest when its socket takes it. So nothing
//! is queued for a slow one, and many cost little more than one.

use super::{
    answer::{Asked, Problem},
    api::{nodes::NodesAnswer, points::PointsAnswer, run::RunAnswer},
    kept::{LISTENERS_MAX, Tidings},
    watched::Watched,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use hatchery_actors::metrics::{HttpRefusal, http_refused};
use http_body::Frame;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

/// News of the run come at most so often, ..
const RUN_EVERY: Duration = Duration::from_secs(1);
/// .. and those of the nodes at every so manieth time.
const NODES_EVERY: u64 = 2;
/// Points that one event holds; more come in further ones.
const POINTS_MAX: usize = 10_000;
/// How long the end of a run waits to be told, ..
const FAREWELL: Duration = Duration::from_secs(4);
/// .. how often it is looked whether it has been, ..
const FAREWELL_STEP: Duration = Duration::from_millis(20);
/// .. and for what has been told to be sent.
const FAREWELL_SENT: Duration = Duration::from_millis(200);
/// How long a listener whose connection has ended waits before it comes again.
const HELLO: &[u8] = b"retry: 2000\n\n";

/// From where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// So many points are known already; where nothing is said, those that come from now on are told.
    #[serde(default)]
    #[param(maximum = 4_294_967_295_u64)]
    after: Option<u32>,
}

/// The run as it happens: `run`, `nodes` and `points`, each with the answer of that name as its data.
#[utoipa::path(get, path = "/api/v1/events", tag = "run", params(EventsQuery),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = 400, body = super::answer::ErrorAnswer), (status = 503, body = super::answer::ErrorAnswer)))]
pub async fn events(
    State(watched): State<Arc<Watched>>,
    Asked(query): Asked<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Ok(seat) = Arc::clone(&watched.kept.listeners).try_acquire_owned() else {
        http_refused(HttpRefusal::Listeners);
        return Err(Problem::busy(format!("{LISTENERS_MAX} listen already")));
    };
    let tidings = watched.kept.tidings.get_or_init(|| spread(&watched)).clone();
    // A browser that comes again says where it was.
    let before = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let known = before
        .or(query.after.map(|after| after as usize))
        .unwrap_or_else(|| watched.archive.figures.borrow().ended);
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(tell(Arc::clone(&watched), tidings, known, sender));
    let body = Body::new(Stream { receiver, waiting: Some(Bytes::from_static(HELLO)), _seat: seat });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// Begins to make news.
fn spread(watched: &Arc<Watched>) -> watch::Receiver<Tidings> {
    let (sender, receiver) = watch::channel(Tidings::default());
    let watched = Arc::downgrade(watched);
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(RUN_EVERY);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let Some(watched) = watched.upgrade() else { return };
            let before = sender.borrow().clone();
            // Where only the one hears that is kept for the next listener, nobody does.
            let next = if sender.receiver_count() > 1 {
                next_tidings(&watched, before).await
            } else {
                Tidings { points: watched.archive.figures.borrow().ended, latest: None, ..before }
            };
            sender.send_replace(next);
        }
    });
    receiver
}

async fn next_tidings(watched: &Arc<Watched>, before: Tidings) -> Tidings {
    let turn = before.turn + 1;
    let is_ended = watched.archive.figures.borrow().ending.is_some();
    let mut next = Tidings { turn, is_ended, run: event("run", None, &RunAnswer::now(watched)), ..before };
    if next.nodes.is_empty() || turn - next.nodes_turn >= NODES_EVERY {
        next.nodes = event("nodes", None, &NodesAnswer::now(watched));
        next.nodes_turn = turn;
    }
    let points = watched.archive.figures.borrow().ended;
    if points != next.points
        && let Ok((points, bytes)) = points_after(watched, next.points).await
    {
        next.latest = Some((next.points, points, bytes));
        next.points = points;
    }
    next
}

/// The event with the points after so many, and how many there are with them.
async fn points_after(watched: &Watched, after: usize) -> Result<(usize, Bytes), Problem> {
    let made = watched.archive.ask(move |shelf| {
        let points = PointsAnswer::of_at_most(&shelf.ledger, after, POINTS_MAX);
        Ok((points.next, event("points", Some(points.next), &points)))
    });
    made.await
}

fn event(name: &str, id: Option<usize>, data: &impl Serialize) -> Bytes {
    // JSON on one line: no text in it can end the event.
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {name}\n{id}data: {data}\n\n").into()
}

/// A run has ended: waits until those who listen have been told, a few seconds at most.
pub fn farewell(watched: &Watched) {
    let Some(tidings) = watched.kept.tidings.get() else { return };
    let began = Instant::now();
    let listens = || watched.kept.listeners.available_permits() < LISTENERS_MAX;
    while listens() && !tidings.borrow().is_ended && began.elapsed() < FAREWELL {
        std::thread::sleep(FAREWELL_STEP);
    }
    if listens() {
        std::thread::sleep(FAREWELL_SENT);
    }
}

/// Tells one listener what is news, as fast as it takes it.
async fn tell(
    watched: Arc<Watched>,
    mut tidings: watch::Receiver<Tidings>,
    mut known: usize,
    listener: mpsc::Sender<Bytes>,
) {
    // What lies there was made for others, perhaps long ago.
    let mut nodes_turn = tidings.borrow_and_update().nodes_turn;
    while heard(&mut tidings, &listener).await {
        let news = tidings.borrow_and_update().clone();
        let mut batch = vec![news.run];
        if news.nodes_turn > nodes_turn {
            nodes_turn = news.nodes_turn;
            batch.push(news.nodes);
        }
        for bytes in batch {
            if listener.send(bytes).await.is_err() {
                return;
            }
        }
        while known < news.points {
            let (next, bytes) = match &news.latest {
                Some((after, next, bytes)) if *after == known => (*next, bytes.clone()),
                _ => match points_after(&watched, known).await {
                    Ok(points) => points,
                    Err(_) => break,
                },
            };
            known = next;
            if listener.send(bytes).await.is_err() {
                return;
            }
        }
    }
}

/// Waits for news; not where nobody listens or nothing is told any more.
async fn heard(tidings: &mut watch::Receiver<Tidings>, listener: &mpsc::Sender<Bytes>) -> bool {
    tokio::select! {
        changed = tidings.changed() => changed.is_ok(),
        () = listener.closed() => false,
    }
}

/// What a listener is sent.
struct Stream {
    receiver: mpsc::Receiver<Bytes>,
    waiting: Option<Bytes>,
    _seat: OwnedSemaphorePermit,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(bytes) = self.waiting.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        self.receiver.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_an_event() {
        let bytes = event("run", Some(3), &serde_json::json!({"name": "a\n\ndata: b\r\nevent: c"}));
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.starts_with("event: run\nid: 3\ndata: {") && text.ends_with("}\n\n"));
    }
}
