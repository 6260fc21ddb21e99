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

use crate::messages::{MakerMessage, MakerWord, PopulationMessage};
use crate::protocol::{BreedOrder, Event, Newborn, News};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

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

/// Networks that are made before their orderer hears of the first: what is made in a moment goes in one message ..
const MADE_AT_ONCE_MAX: usize = 64;

/// .. and what takes longer than this goes at once.
const MADE_AT_ONCE: Duration = Duration::from_millis(2);

/// Messages that wait for the actor, which passes them on at once.
const MADE_WAITING_MAX: usize = 16;

/// The actor of a maker:
/// 1. it hears news and takes orders in the order in which they come, on a thread that may block;
/// 2. what it has made, or why there is nothing, it sends to the Population.
pub struct MakerActor;

/// What a maker knows.
pub struct MakerState {
    /// Who orders.
    pub population: ActorRef<PopulationMessage>,
    /// What makes. It is away while it is at work, and gone where it has failed there.
    pub mind: Option<Box<dyn Making>>,
}

impl MakerState {
    async fn work(&mut self, words: Vec<MakerWord>) -> Result<(), ActorProcessingErr> {
        let Some(mut mind) = self.mind.take() else { return Err("a maker has lost its mind".into()) };
        let (send, mut made) = mpsc::channel(MADE_WAITING_MAX);
        let mind = tokio::task::spawn_blocking(move || {
            // Nobody receives where the actor was killed meanwhile: its successor is given the orders anew.
            heed(&mut *mind, words, |made| _ = send.blocking_send(made));
            mind
        });
        while let Some(events) = made.recv().await {
            // The Population is gone only where the run is over.
            let _ = self.population.cast(PopulationMessage::Events(events));
        }
        self.mind = Some(mind.await?);
        Ok(())
    }
}

/// Hears and makes, in order.
fn heed(mind: &mut dyn Making, words: Vec<MakerWord>, send: impl Fn(Vec<Event>)) {
    let (mut made, mut since) = (Vec::new(), Instant::now());
    for word in words {
        match word {
            MakerWord::News(news) => mind.hear(&news),
            MakerWord::Order(order) => made.push(match mind.make(&order) {
                Ok(newborn) => Event::Bred(order.birth, order.draw, Box::new(newborn)),
                Err(message) => Event::Barren(order.birth, order.draw, message),
            }),
        }
        if made.len() >= MADE_AT_ONCE_MAX || (!made.is_empty() && since.elapsed() >= MADE_AT_ONCE) {
            send(std::mem::take(&mut made));
            since = Instant::now();
        }
    }
    if !made.is_empty() {
        send(made);
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
        MakerMessage(words): MakerMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.work(words).await
    }
}
