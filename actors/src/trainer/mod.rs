//! The Trainer: an actor that is always there to answer, and a thread that trains.

pub mod guard;
pub mod outfit;
pub mod packing;
mod rehearsal;
pub mod room;
pub mod simulated;
pub mod slot;
pub mod training;
pub mod work;

pub use training::{Parts, TrainingFactory};
pub use work::{Work, WorkFactory};

use crate::messages::{AgentMessage, SlotReport, TrainerMessage};
use crate::protocol::nothing_trained;
use guard::Guard;
use hatchery_models::training::outcome::Outcome;
use packing::Pulses;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use slot::Slot;
use std::sync::Arc;
use std::time::Duration;

/// How long an ending trainer waits for its thread: a training ends within one step.
const ENDING: Duration = Duration::from_secs(20);

/// The Trainer actor:
/// 1. an order goes to the thread;
/// 2. what the thread says goes to the Agent, which keeps it until it is recorded.
pub struct Trainer;

/// What a trainer is made of.
pub struct TrainerArguments {
    /// Its slot.
    pub slot: u32,
    /// Whom it works for.
    pub agent: ActorRef<AgentMessage>,
    /// What it works with.
    pub factory: Arc<dyn WorkFactory>,
    /// Who watches over its thread, where somebody does.
    pub guard: Option<Arc<Guard>>,
    /// Who counts its steps, where somebody does.
    pub pulses: Option<Arc<Pulses>>,
}

/// What a trainer knows.
pub struct TrainerState {
    number: u32,
    agent: ActorRef<AgentMessage>,
    slot: Slot,
}

impl TrainerState {
    fn tell(&self, report: SlotReport) {
        // The Agent is gone only where the worker ends.
        let _ = self.agent.cast(AgentMessage::Slot(self.number, report));
    }
}

impl Actor for Trainer {
    type Msg = TrainerMessage;
    type State = TrainerState;
    type Arguments = TrainerArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: TrainerArguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let TrainerArguments { slot: number, agent, factory, guard, pulses } = arguments;
        let slot = Slot::start(number, factory, myself)?;
        if let Some(guard) = guard {
            guard.watch(slot.pulse());
        }
        if let Some(pulses) = pulses {
            pulses.watch(number, slot.pulse());
        }
        Ok(TrainerState { number, agent, slot })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: TrainerMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            TrainerMessage::Assign(lease) => {
                let ticket = lease.ticket();
                if !state.slot.assign(*lease) {
                    let message = "the trainer's thread has ended".to_owned();
                    let trained = nothing_trained(Outcome::WorkerLost, message);
                    state.tell(SlotReport::Done(ticket, Box::new(trained)));
                }
            }
            TrainerMessage::Stop => state.slot.stop_evaluation(),
            TrainerMessage::HandBack => state.slot.hand_back_evaluation(),
            TrainerMessage::Thread(report) => state.tell(report),
        }
        Ok(())
    }

    /// Waits for the thread: native code must not be at work while the process ends.
    async fn post_stop(
        &self,
        _: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(thread) = state.slot.close() {
            let waited = tokio::task::spawn_blocking(move || thread.join());
            if tokio::time::timeout(ENDING, waited).await.is_err() {
                tracing::warn!(slot = state.number, "the thread does not end; it is left behind");
            }
        }
        Ok(())
    }
}
