//! The makers of networks: the Breeder, who searches for structures, and the Refiner, who adjusts the numbers of the
//! best. Both are the same actor over the same kind of mind, each with a search domain of its own.
//!
//! Both hear of every network and its result, in the same order in which they get their orders. They must not know
//! trainers, time or the journal.

mod by_hand;
mod features;
mod genomes;
mod searcher;
mod setup;
#[cfg(test)]
mod tests;

pub use by_hand::by_hand;
pub use genomes::Home;
pub use setup::{Makers, SearchingMakers};

use crate::messages::{MakerMessage, PopulationMessage};
use crate::protocol::{BreedOrder, Event, Newborn, News};
use ractor::{Actor, ActorProcessingErr, ActorRef};

/// Makes networks to order, and learns from what becomes of them.
pub trait Making: Send {
    /// A network that was not made before.
    ///
    /// # Errors
    /// Why there is none, for the user.
    fn make(&mut self, order: &BreedOrder) -> Result<Newborn, String>;

    /// Something that all makers are told.
    fn hear(&mut self, news: &News);
}

/// The actor of a maker. For each order:
/// 1. make a network, on a thread that may block;
/// 2. send it, or why there is none, to the Population.
pub struct MakerActor;

/// What a maker knows.
pub struct MakerState {
    /// Who orders.
    pub population: ActorRef<PopulationMessage>,
    /// What makes. It is away while it is at work, and gone where it has failed there.
    pub mind: Option<Box<dyn Making>>,
}

impl MakerState {
    async fn work(&mut self, message: MakerMessage) -> Result<(), ActorProcessingErr> {
        let Some(mut mind) = self.mind.take() else { return Err("a maker has lost its mind".into()) };
        match message {
            MakerMessage::Order(order) => {
                let (mind, made) = tokio::task::spawn_blocking(move || {
                    let made = mind.make(&order);
                    (mind, made)
                })
                .await?;
                self.mind = Some(mind);
                let event = match made {
                    Ok(newborn) => Event::Bred(order.birth, order.draw, Box::new(newborn)),
                    Err(message) => Event::Barren(order.birth, order.draw, message),
                };
                // The Population is gone only where the run is over.
                let _ = self.population.cast(PopulationMessage::Event(event));
            }
            MakerMessage::News(news) => {
                for piece in &news {
                    mind.hear(piece);
                }
                self.mind = Some(mind);
            }
        }
        Ok(())
    }
}

impl Actor for MakerActor {
    type Msg = MakerMessage;
    type State = MakerState;
    type Arguments = MakerState;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        state: MakerState,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: MakerMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.work(message).await
    }
}
