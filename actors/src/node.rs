//! The Node: supervises the trainers of this process. One that dies is started again, as another incarnation, and
//! the Population is told, so that its lease is handed out again.

use crate::messages::PopulationMessage;
use crate::protocol::{Event, TrainerId};
use crate::supervision;
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
    pub population: ActorRef<PopulationMessage>,
    /// What they work with.
    pub factory: Arc<dyn WorkFactory>,
    /// How many there are.
    pub trainers: u32,
}

/// What a node can be told.
pub enum NodeMessage {
    /// By itself, after a pause: start this trainer.
    Start(TrainerId),
}

impl ractor::Message for NodeMessage {}

/// What a node knows.
pub struct NodeState {
    arguments: NodeArguments,
    living: BTreeMap<ActorId, TrainerId>,
}

impl NodeState {
    async fn start(&mut self, myself: &ActorRef<NodeMessage>, id: TrainerId) {
        let arguments = TrainerArguments {
            id,
            population: self.arguments.population.clone(),
            factory: Arc::clone(&self.arguments.factory),
        };
        match Trainer::spawn_linked(None, Trainer, arguments, myself.get_cell()).await {
            Ok((trainer, _)) => {
                self.living.insert(trainer.get_id(), id);
            }
            Err(error) => self.died(myself, id, &error.to_string()),
        }
    }

    fn died(&self, myself: &ActorRef<NodeMessage>, id: TrainerId, reason: &str) {
        tracing::warn!(trainer = %id, reason, "a trainer has died");
        self.tell(Event::TrainerLost(id, reason.to_owned()));
        if id.incarnation >= RESTARTS_MAX {
            let message = format!("{id} died {RESTARTS_MAX} times; the last time: {reason}");
            return self.tell(Event::Broken(message));
        }
        let pause = PAUSE_FIRST.saturating_mul(1 << id.incarnation.min(16)).min(PAUSE_MAX);
        let next = TrainerId { incarnation: id.incarnation + 1, ..id };
        myself.send_after(pause, move || NodeMessage::Start(next));
    }

    fn tell(&self, event: Event) {
        // The Population is gone only where the run is over.
        let _ = self.arguments.population.cast(PopulationMessage::Event(event));
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
        for slot in 0..arguments.trainers {
            myself.cast(NodeMessage::Start(TrainerId { slot, incarnation: 0 }))?;
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
            NodeMessage::Start(id) => state.start(&myself, id).await,
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
        if let Some(id) = state.living.remove(&cell.get_id()) {
            state.died(&myself, id, &reason);
        }
        Ok(())
    }
}
