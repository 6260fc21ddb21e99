//! The Node: supervises the trainers of a worker process. One that dies is started again, and the Agent is told, so
//! that what it had is handed out again.

use crate::messages::{AgentMessage, NodeMessage, TrainerMessage};
use crate::supervision;
use crate::trainer::guard::Guard;
use crate::trainer::packing::Pulses;
use crate::trainer::{Trainer, TrainerArguments, WorkFactory};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// First pause before a trainer is started again; it doubles each time ..
const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// .. up to this.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A slot whose trainers die so often has something wrong that starting again does not mend.
const RESTARTS_MAX: u32 = 20;

/// The Node actor.
pub struct Node;

/// What a node is made of.
pub struct NodeArguments {
    /// Whom the trainers work for.
    pub agent: ActorRef<AgentMessage>,
    /// What they work with.
    pub factory: Arc<dyn WorkFactory>,
    /// Who watches over their threads, where somebody does.
    pub guard: Option<Arc<Guard>>,
    /// Who counts their steps, where somebody does.
    pub pulses: Option<Arc<Pulses>>,
    /// How many there are.
    pub slots: u32,
}

/// What a node knows.
pub struct NodeState {
    arguments: NodeArguments,
    living: BTreeMap<u32, Living>,
}

/// A trainer.
struct Living {
    id: ActorId,
    actor: ActorRef<TrainerMessage>,
    restarts: u32,
}

impl NodeState {
    async fn start(&mut self, myself: &ActorRef<NodeMessage>, slot: u32, restarts: u32) {
        let NodeArguments { agent, factory, guard, pulses, .. } = &self.arguments;
        let arguments = TrainerArguments {
            slot,
            agent: agent.clone(),
            factory: Arc::clone(factory),
            guard: guard.clone(),
            pulses: pulses.clone(),
        };
        match Trainer::spawn_linked(None, Trainer, arguments, myself.get_cell()).await {
            Ok((actor, _)) => {
                self.living.insert(slot, Living { id: actor.get_id(), actor, restarts });
            }
            Err(error) => self.died(myself, slot, restarts, &error.to_string()),
        }
    }

    fn died(&self, myself: &ActorRef<NodeMessage>, slot: u32, restarts: u32, reason: &str) {
        tracing::warn!(slot, reason, "a trainer has died");
        let reason = format!("the trainer of slot {slot} has died: {reason}");
        if restarts >= RESTARTS_MAX {
            let reason = format!("{reason}; it has died {RESTARTS_MAX} times");
            return self.tell(AgentMessage::Outfitted(Err(reason)));
        }
        self.tell(AgentMessage::Died(slot, reason));
        let pause = PAUSE_FIRST.saturating_mul(1 << restarts.min(16)).min(PAUSE_MAX);
        myself.send_after(pause, move || NodeMessage::Start(slot, restarts + 1));
    }

    fn tell(&self, message: AgentMessage) {
        // The Agent is gone only where the worker ends.
        let _ = self.arguments.agent.cast(message);
    }
}

impl Actor for Node {
    type Msg = NodeMessage;
    type State = NodeState;
    type Arguments = NodeArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: NodeArguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        for slot in 0..arguments.slots {
            myself.cast(NodeMessage::Start(slot, 0))?;
        }
        Ok(NodeState { arguments, living: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: NodeMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            NodeMessage::Start(slot, restarts) => state.start(&myself, slot, restarts).await,
            NodeMessage::Trainer(slot, message) => {
                // For one that has died this minute, its death says the rest.
                let _ = state.living.get(&slot).map(|living| living.actor.cast(message));
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Self::Msg>,
        _: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        // Each waits for its thread, with a limit of its own.
        myself.stop_children_and_wait(None, None).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((cell, reason)) = supervision::ending(event) else { return Ok(()) };
        let ended = state.living.iter().find(|(_, living)| living.id == cell.get_id()).map(|(slot, _)| *slot);
        if let Some(slot) = ended
            && let Some(living) = state.living.remove(&slot)
        {
            state.died(&myself, slot, living.restarts, &reason);
        }
        Ok(())
    }
}
