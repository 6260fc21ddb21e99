//! The Hub: the coordinator's end of the post. It carries the Population's orders to the workers, and their words to
//! the Population.
//!
//! A shell around its brain (`membership`): it sends the letters, serves the data set, and keeps time.

use crate::freight::cut;
use crate::link::gathering::Gathering;
use crate::link::{self, Link, LinkEvent};
use crate::membership::{Deed, Membership};
use crate::messages::{Errand, HubMessage, PopulationMessage};
use crate::progress::Nodes;
use crate::protocol::Event;
use crate::protocol::letters::{BlobName, Letter, NodeName, ToWorker};
use crate::reading::{Pages, Reading};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// How often the brain is told that time passes.
const TICK: Duration = Duration::from_millis(250);

/// How often those who watch are told which workers there are.
const SHOWN_EVERY: Duration = Duration::from_millis(900);

/// At the end of a run, workers have so long to take note.
const FAREWELL: Duration = Duration::from_secs(3);

/// The data set in the form in which it is sent.
pub type PackedData = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// The Hub actor.
pub struct Hub;

/// What a hub is made of.
pub struct HubArguments {
    /// Whom the workers work for.
    pub population: ActorRef<PopulationMessage>,
    /// What they have read.
    pub pages: Pages,
    /// Its brain.
    pub membership: Membership,
    /// The other end of the hub's connections.
    pub post: Post,
    /// Told which workers there are.
    pub nodes: watch::Sender<Nodes>,
}

/// The coordinator's access to its workers.
pub struct Post {
    /// Sends letters.
    pub link: Arc<dyn Link>,
    /// What comes in.
    pub incoming: mpsc::Receiver<LinkEvent>,
    /// The data set, for workers that do not have it.
    pub data: PackedData,
    /// Whether there will be one worker only: then the search ends when that one cannot work.
    pub sole: bool,
}

/// What a hub knows.
pub struct HubState {
    population: ActorRef<PopulationMessage>,
    reading: Reading,
    membership: Membership,
    began: Instant,
    link: Arc<dyn Link>,
    data: PackedData,
    packed: Packed,
    farewell: Option<(Instant, oneshot::Sender<()>)>,
    nodes: watch::Sender<Nodes>,
    shown: Instant,
}

/// The data set, ready to be sent.
enum Packed {
    /// Nobody has asked for it.
    Not,
    /// It is being packed.
    Underway,
    /// Here it is.
    Ready(Arc<[u8]>),
}

impl HubState {
    fn handle(&mut self, message: HubMessage, myself: &ActorRef<HubMessage>) {
        let now = self.began.elapsed().as_secs_f64();
        let brain = &mut self.membership;
        let deeds = match message {
            HubMessage::Link(events) => {
                events.into_iter().flat_map(|event| brain.on_link(event, now)).collect()
            }
            HubMessage::Errands(errands) => {
                errands.into_iter().flat_map(|errand| run(brain, errand, now)).collect()
            }
            HubMessage::Drain(node, answer) => {
                let (drained, deeds) = brain.drain_node(&node);
                // Who asked may have gone.
                _ = answer.send(drained);
                deeds
            }
            HubMessage::Tick => brain.on_tick(now),
            HubMessage::Finish(reason, done) => {
                self.farewell = Some((Instant::now(), done));
                brain.finish(&reason)
            }
            HubMessage::Packed(bytes) => {
                self.packed = Packed::Ready(bytes);
                Vec::new()
            }
        };
        let mut outgoing = Outgoing { is_read: self.reading.goes_on(now), ..Outgoing::default() };
        for deed in deeds {
            self.perform(deed, &mut outgoing, myself);
        }
        self.send(outgoing);
        self.show(now);
        self.part();
    }

    /// Shows which workers there are, now and then: that takes time in proportion to them.
    fn show(&mut self, now: f64) {
        if self.shown.elapsed() >= SHOWN_EVERY {
            self.shown = Instant::now();
            self.nodes.send_replace(Nodes { at: self.shown, present: self.membership.present(now) });
        }
    }

    fn perform(&mut self, deed: Deed, outgoing: &mut Outgoing, myself: &ActorRef<HubMessage>) {
        match deed {
            Deed::Send(node, letter) => {
                if let ToWorker::Refused(reason) = &letter {
                    tracing::warn!(%node, reason, "a worker was refused");
                }
                outgoing.letters.entry(node).or_default().push(Letter::ToWorker(letter))
            }
            Deed::Tell(event) => outgoing.events.push(event),
            // While the journal cannot be written, that would only heap up.
            Deed::Repeat(event) => outgoing.events.extend(Some(event).filter(|_| outgoing.is_read)),
            Deed::HangUp(node, reason) => {
                // What was said before goes before.
                self.send_letters(&node, outgoing.letters.remove(&node).unwrap_or_default());
                self.link.hang_up(&node, &reason);
            }
            Deed::ServeData(node, name, offset) => self.serve(node, name, offset, outgoing, myself),
        }
    }

    fn send(&self, outgoing: Outgoing) {
        for (node, letters) in outgoing.letters {
            self.send_letters(&node, letters);
        }
        if !outgoing.events.is_empty() {
            // The Population is gone only where the run is over.
            let _ = self.population.cast(PopulationMessage::Events(outgoing.events));
        }
    }

    fn send_letters(&self, node: &NodeName, letters: Vec<Letter>) {
        // A worker that cannot be reached is given up soon, and what was said to it is said to another.
        link::post_all(&*self.link, node, letters);
    }

    /// A piece of the data set. While it is being packed nothing is answered: it is asked for again.
    fn serve(
        &mut self,
        node: NodeName,
        name: BlobName,
        offset: u64,
        outgoing: &mut Outgoing,
        myself: &ActorRef<HubMessage>,
    ) {
        match &self.packed {
            Packed::Ready(bytes) => {
                let letter = match cut(&name, bytes, offset) {
                    Some(piece) => ToWorker::Piece(piece),
                    None => ToWorker::Missing(name, format!("it has no byte {offset}")),
                };
                outgoing.letters.entry(node).or_default().push(Letter::ToWorker(letter));
            }
            Packed::Underway => {}
            Packed::Not => {
                self.packed = Packed::Underway;
                let (data, hub) = (Arc::clone(&self.data), myself.clone());
                tokio::task::spawn_blocking(move || {
                    // The hub is gone only where the run is over.
                    let _ = hub.cast(HubMessage::Packed(data().into()));
                });
            }
        }
    }

    /// The run is over when every worker has gone, or has had time to.
    fn part(&mut self) {
        let over = |since: &Instant| self.membership.is_empty() || since.elapsed() >= FAREWELL;
        if self.farewell.as_ref().is_some_and(|(since, _)| over(since))
            && let Some((_, done)) = self.farewell.take()
        {
            let _ = done.send(());
        }
    }
}

/// What one message comes to: letters go together to each node, and events to the Population.
#[derive(Default)]
struct Outgoing {
    letters: BTreeMap<NodeName, Vec<Letter>>,
    events: Vec<Event>,
    /// Whether the Population reads, so that things can be said again.
    is_read: bool,
}

fn run(brain: &mut Membership, errand: Errand, now: f64) -> Vec<Deed> {
    match errand {
        Errand::Assign(trainer, lease) => brain.assign(trainer, &lease),
        Errand::Advise(trainer, ticket) => brain.advise(trainer, ticket),
        Errand::Acknowledge(trainer, ticket) => brain.acknowledge(trainer, ticket),
        Errand::Abandon(trainer, ticket) => brain.abandon(trainer, ticket),
        Errand::Fetch(trainer, ticket) => brain.fetch(trainer, ticket, now),
    }
}

impl Actor for Hub {
    type Msg = HubMessage;
    type State = HubState;
    type Arguments = HubArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: HubArguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let HubArguments { population, pages, membership, post, nodes } = arguments;
        let Post { link, mut incoming, data, .. } = post;
        let ear = myself.clone();
        tokio::spawn(async move {
            let mut gathering = Gathering::default();
            let rest = |events: &[LinkEvent]| {
                gathering.hear(events);
                gathering.pause()
            };
            link::listen(&mut incoming, rest, |events| ear.cast(HubMessage::Link(events)).is_ok()).await;
        });
        myself.send_interval(TICK, || HubMessage::Tick);
        let began = Instant::now();
        Ok(HubState {
            population,
            reading: Reading::of(pages, 0.0),
            membership,
            began,
            link,
            data,
            packed: Packed::Not,
            farewell: None,
            nodes,
            shown: began,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: HubMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.handle(message, &myself);
        Ok(())
    }
}
