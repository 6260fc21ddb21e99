//! The Breeder: makes genomes to order. It draws them; whether they are new is for the Population to say.

mod brain;

pub use brain::{SpaceVariation, Variation, breed};

use crate::messages::{BreederMessage, PopulationMessage};
use crate::protocol::{BreedOrder, Event};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

/// The Breeder actor. For each order:
/// 1. draw a genome from the order's own stream, on a thread that may block;
/// 2. send it, or why there is none, to the Population.
pub struct Breeder;

/// Its collaborators.
pub struct BreederState {
    /// Who orders.
    pub population: ActorRef<PopulationMessage>,
    /// How genomes arise.
    pub variation: Arc<dyn Variation>,
    /// The one seed.
    pub seed: u64,
}

impl BreederState {
    async fn fulfil(&self, order: BreedOrder) {
        let (variation, seed) = (Arc::clone(&self.variation), self.seed);
        let (birth, draw) = (order.birth, order.draw);
        let drawn = tokio::task::spawn_blocking(move || breed(&*variation, seed, &order)).await;
        let event = match drawn {
            Ok(Ok(newborn)) => Event::Bred(birth, draw, Box::new(newborn)),
            Ok(Err(message)) => Event::Barren(birth, draw, message),
            Err(panic) => Event::Barren(birth, draw, format!("variation failed: {panic}")),
        };
        // The Population is gone only where the run is over.
        let _ = self.population.cast(PopulationMessage::Event(event));
    }
}

impl Actor for Breeder {
    type Msg = BreederMessage;
    type State = BreederState;
    type Arguments = BreederState;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        state: BreederState,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: BreederMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            BreederMessage::Order(order) => state.fulfil(order).await,
        }
        Ok(())
    }
}
