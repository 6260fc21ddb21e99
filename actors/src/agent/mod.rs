//! The Agent: what a worker process says to the coordinator, and what it does with the answers.
//!
//! A shell around its brain (`brain`, `slots`): it sends the letters, prepares the process for the run, hands orders
//! to the Node's trainers, and keeps time.

mod brain;
mod outbox;
mod slots;
pub mod state;
#[cfg(test)]
mod tests;

use crate::link::{self, Link, LinkEvent};
use crate::messages::{AgentMessage, NodeMessage, SlotReport, TrainerMessage};
use crate::metrics::{self, WorkerStanding};
use crate::node::{Node, NodeArguments};
use crate::protocol::letters::{BlobName, Hello, Welcome};
use crate::supervision;
use crate::trainer::guard::{Guard, GuardSettings, memory};
use crate::trainer::outfit::{OnHang, Outfit, Outfitter};
use crate::trainer::packing::{Packing, Verdict};
use outbox::Outbox;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use state::{Agent as Brain, Deed, Ending, Patience};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// How often the brain is told that time passes.
const TICK: Duration = Duration::from_millis(250);

/// The Agent actor.
pub struct Agent;

/// What an agent is made of.
pub struct AgentArguments {
    /// How it introduces itself.
    pub hello: Hello,
    /// The times that a user may choose.
    pub patience: Patience,
    /// Sends letters.
    pub link: Arc<dyn Link>,
    /// What comes in.
    pub incoming: mpsc::Receiver<LinkEvent>,
    /// Whether only as many slots of a device work as raise what it trains in all.
    pub is_packed: bool,
    /// Makes the trainers ready.
    pub outfitter: Arc<dyn Outfitter>,
    /// What happens when a trainer hangs.
    pub on_hang: OnHang,
    /// Told how the worker stands.
    pub standing: watch::Sender<WorkerStanding>,
    /// How the worker ended.
    pub ended: oneshot::Sender<Ending>,
}

/// When the outbox is emptied.
#[derive(Clone, Copy, Debug)]
enum Flushing {
    /// After what lies in the mailbox already.
    AtOnce,
    /// When what lies in it has waited long enough.
    Later,
}

/// What an agent knows.
pub struct AgentState {
    brain: Brain,
    began: Instant,
    link: Arc<dyn Link>,
    outfitter: Arc<dyn Outfitter>,
    on_hang: OnHang,
    slots: u32,
    packing: Option<Packing>,
    node: Option<ActorRef<NodeMessage>>,
    fetched: Option<oneshot::Sender<Result<Vec<u8>, String>>>,
    standing: watch::Sender<WorkerStanding>,
    outbox: Outbox,
    /// When a word to itself is to come that what lies in the outbox is to be sent; `None` where there is none.
    flushing: Option<Flushing>,
    ended: Option<oneshot::Sender<Ending>>,
}

impl AgentState {
    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    async fn handle(&mut self, message: AgentMessage, myself: &ActorRef<AgentMessage>) {
        let now = self.now();
        let deeds = match message {
            AgentMessage::Link(events) => {
                events.into_iter().flat_map(|event| self.brain.on_link(event, now)).collect()
            }
            AgentMessage::Flush => return self.flush(),
            AgentMessage::Outfitted(Ok(outfit)) => self.start_trainers(outfit, myself).await,
            AgentMessage::Outfitted(Err(reason)) => self.brain.on_outfitted(Err(reason)),
            AgentMessage::Want(blob, answer) => {
                self.fetched = Some(answer);
                self.brain.on_want(blob, now)
            }
            AgentMessage::Slot(slot, report) => match report {
                SlotReport::Able => self.brain.on_able(slot),
                SlotReport::Unable(reason) => self.brain.on_unable(reason),
                SlotReport::Planned(ticket, epochs) => self.brain.on_planned(ticket, epochs),
                SlotReport::Epoch(ticket, report) => {
                    metrics::training_epoch();
                    self.brain.on_epoch(ticket, report)
                }
                SlotReport::Done(ticket, mut trained) => {
                    metrics::training_ended(trained.outcome.word(), trained.build_seconds);
                    let state = trained.checkpoint.take().map(Into::into);
                    self.brain.on_done(slot, ticket, *trained, state, now)
                }
            },
            AgentMessage::Died(slot, reason) => self.brain.on_died(slot, &reason, now),
            AgentMessage::Drain(reason) => self.brain.on_drain(&reason, now),
            AgentMessage::Tick => self.on_tick(now),
        };
        for deed in deeds {
            self.perform(deed, myself);
        }
        self.see_to_the_post(myself);
    }

    fn on_tick(&mut self, now: f64) -> Vec<Deed> {
        let mut deeds = Vec::new();
        if let Some(packing) = &mut self.packing {
            for (device, verdict) in packing.look(now) {
                say_verdict(device, &verdict);
            }
            deeds = self.brain.on_resting(packing.resting());
        }
        let memory_bytes = memory::of_process().map_or(0, |memory| memory.resident_bytes);
        deeds.extend(self.brain.on_tick(now, memory_bytes));
        deeds
    }

    /// Says a word to itself, now or a little later, that the outbox is to be emptied; once.
    fn see_to_the_post(&mut self, myself: &ActorRef<AgentMessage>) {
        let pause = self.outbox.pause(self.now());
        match (self.flushing, pause.is_zero()) {
            (Some(Flushing::AtOnce), _) | (Some(Flushing::Later), false) => {}
            (_, true) => self.flushing = myself.cast(AgentMessage::Flush).is_ok().then_some(Flushing::AtOnce),
            (None, false) => {
                myself.send_after(pause, || AgentMessage::Flush);
                self.flushing = Some(Flushing::Later);
            }
        }
    }

    /// Shows how the worker stands, where that has changed.
    fn show(&self) {
        let standing = self.brain.standing();
        let is_news = self.standing.send_if_modified(|shown| std::mem::replace(shown, standing) != standing);
        if is_news {
            standing.show();
        }
    }

    /// Sends what has come together, and shows how the worker stands then. The word to itself has gone to the end of the
    /// mailbox; of two words the second finds little.
    fn flush(&mut self) {
        self.flushing = None;
        self.show();
        for (node, letters) in self.outbox.empty(self.now()) {
            // What is not sent is said again: the brain reckons with letters that are lost.
            link::post_all(&*self.link, &node, letters);
        }
    }

    async fn start_trainers(&mut self, outfit: Outfit, myself: &ActorRef<AgentMessage>) -> Vec<Deed> {
        let Outfit { factory, guard } = outfit;
        let guard = match guard.map(|settings| self.start_guard(settings)).transpose() {
            Ok(guard) => guard,
            Err(error) => {
                return self.brain.on_outfitted(Err(format!("there is no thread for its guard: {error}")));
            }
        };
        let pulses = self.packing.as_ref().map(|packing| Arc::clone(packing.pulses()));
        let arguments = NodeArguments { agent: myself.clone(), factory, guard, pulses, slots: self.slots };
        match Node::spawn_linked(None, Node, arguments, myself.get_cell()).await {
            Ok((node, _)) => {
                self.node = Some(node);
                self.brain.on_outfitted(Ok(()))
            }
            Err(error) => self.brain.on_outfitted(Err(error.to_string())),
        }
    }

    fn start_guard(&self, settings: GuardSettings) -> std::io::Result<Arc<Guard>> {
        let on_hang = Arc::clone(&self.on_hang);
        Guard::start(settings, Box::new(move |hang| on_hang(hang))).map(Arc::new)
    }

    fn perform(&mut self, deed: Deed, myself: &ActorRef<AgentMessage>) {
        match deed {
            Deed::Send(node, letter) => self.outbox.put(node, letter),
            Deed::Outfit(welcome) => self.outfit(*welcome, myself),
            Deed::Start(slot, lease) => self.tell_trainer(slot, TrainerMessage::Assign(lease)),
            Deed::Stop(slot) => self.tell_trainer(slot, TrainerMessage::Stop),
            Deed::HandBack(slot) => self.tell_trainer(slot, TrainerMessage::HandBack),
            Deed::Fetched(outcome) => {
                if let Some(answer) = self.fetched.take() {
                    // Whoever asked is gone only where the worker ends.
                    let _ = answer.send(outcome);
                }
            }
            Deed::End(ending) => {
                self.flush();
                if let Some(ended) = self.ended.take() {
                    let _ = ended.send(ending);
                }
                myself.stop(None);
            }
        }
    }

    fn tell_trainer(&self, slot: u32, message: TrainerMessage) {
        if let Some(node) = &self.node {
            let _ = node.cast(NodeMessage::Trainer(slot, message));
        }
    }

    /// Prepares on a thread of its own: loading data takes its time.
    fn outfit(&self, welcome: Welcome, myself: &ActorRef<AgentMessage>) {
        let (outfitter, agent) = (Arc::clone(&self.outfitter), myself.clone());
        tokio::task::spawn_blocking(move || {
            let fetch = |blob: BlobName| {
                let (answer, fetched) = oneshot::channel();
                let asked = agent.cast(AgentMessage::Want(blob, answer));
                asked.map_err(|error| error.to_string())?;
                fetched.blocking_recv().unwrap_or_else(|_| Err("the worker is ending".to_owned()))
            };
            let outfitted =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| outfitter.outfit(&welcome, &fetch)));
            let outfitted = outfitted.unwrap_or_else(|_| Err("the preparation has panicked".to_owned()));
            let _ = agent.cast(AgentMessage::Outfitted(outfitted));
        });
    }
}

impl Actor for Agent {
    type Msg = AgentMessage;
    type State = AgentState;
    type Arguments = AgentArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: AgentArguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let AgentArguments {
            hello,
            patience,
            link,
            mut incoming,
            is_packed,
            outfitter,
            on_hang,
            standing,
            ended,
        } = arguments;
        let packing = is_packed.then(|| Packing::new(&hello.devices));
        let slots = u32::try_from(hello.devices.len()).unwrap_or(u32::MAX);
        let mut brain = Brain::new(hello, patience, 0.0);
        if let Some(packing) = &packing {
            // There is nobody yet who would have to hear of it.
            brain.on_resting(packing.resting());
        }
        let ear = myself.clone();
        tokio::spawn(async move {
            let at_once = |_: &[LinkEvent]| Duration::ZERO;
            link::listen(&mut incoming, at_once, |events| ear.cast(AgentMessage::Link(events)).is_ok()).await;
        });
        myself.send_interval(TICK, || AgentMessage::Tick);
        Ok(AgentState {
            brain,
            began: Instant::now(),
            link,
            outfitter,
            on_hang,
            slots,
            packing,
            node: None,
            fetched: None,
            standing,
            outbox: Outbox::default(),
            flushing: None,
            ended: Some(ended),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: AgentMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.handle(message, &myself).await;
        Ok(())
    }

    /// The trainers end first: native code must not be at work while the process ends.
    async fn post_stop(
        &self,
        myself: ActorRef<Self::Msg>,
        _: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        myself.stop_children_and_wait(None, None).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((_, reason)) = supervision::ending(event) {
            let reason = format!("the supervisor of the trainers has ended: {reason}");
            state.handle(AgentMessage::Outfitted(Err(reason)), &myself).await;
        }
        Ok(())
    }
}

fn say_verdict(device: &str, verdict: &Verdict) {
    let Verdict { low, high, gain } = verdict;
    match gain {
        Some(gain) if verdict.is_worth_it() => {
            tracing::info!(
                device,
                gain,
                "{high} trainers side by side do more than {low}: there are {high} now"
            );
        }
        Some(gain) => {
            tracing::info!(
                device,
                gain,
                "{high} trainers side by side are not worth it: there are {low} now"
            );
        }
        None => {
            tracing::debug!(device, low, high, "too little was seen to tell how many trainers are worth it")
        }
    }
}
