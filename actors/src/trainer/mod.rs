//! The Trainer: an actor that is always there to answer, and a thread that trains.

pub mod guard;
mod rehearsal;
pub mod slot;
pub mod training;
pub mod work;

pub use training::{Parts, TrainingFactory};
pub use work::{Work, WorkFactory};

use crate::messages::{PopulationMessage, TrainerMessage};
use crate::protocol::{Delivery, EvaluationId, Event, Lease, TrainerId};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use slot::Slot;
use std::sync::Arc;
use std::time::Duration;

/// How often a trainer at work renews its lease.
const BEAT: Duration = Duration::from_secs(5);

/// A delivery that was not acknowledged after so many beats is sent again.
const REDELIVERY_BEATS: u32 = 12;

/// How long an ending trainer waits for its thread: a training ends within one step.
const ENDING: Duration = Duration::from_secs(20);

/// The Trainer actor:
/// 1. when its thread can work, it says so to the Population;
/// 2. a lease goes to the thread, the thread's epochs go to the Population;
/// 3. a result is kept, and sent until the Population says that it is recorded;
/// 4. the next lease comes with, or after, that word.
pub struct Trainer;

/// What a trainer is made of.
pub struct TrainerArguments {
    /// Which one.
    pub id: TrainerId,
    /// Whom it works for.
    pub population: ActorRef<PopulationMessage>,
    /// What it works with.
    pub factory: Arc<dyn WorkFactory>,
}

/// What a trainer knows.
pub struct TrainerState {
    id: TrainerId,
    population: ActorRef<PopulationMessage>,
    slot: Slot,
    on: Option<(EvaluationId, u32)>,
    kept: Option<Kept>,
}

/// A delivery that is not acknowledged yet.
struct Kept {
    delivery: Box<Delivery>,
    beats: u32,
}

impl TrainerState {
    fn tell(&self, event: Event) {
        // The Population is gone only where the run is over.
        let _ = self.population.cast(PopulationMessage::Event(event));
    }

    fn assign(&mut self, lease: Lease) {
        self.on = Some((lease.evaluation, lease.attempt));
        if !self.slot.assign(lease) {
            let message = format!("the thread of {} has ended", self.id);
            self.tell(Event::TrainerLost(self.id, message));
        }
    }

    fn done(&mut self, delivery: Box<Delivery>) {
        self.on = None;
        self.tell(Event::Delivered(self.id, delivery.clone()));
        self.kept = Some(Kept { delivery, beats: 0 });
    }

    fn beat(&mut self) {
        if let Some((evaluation, attempt)) = self.on {
            self.tell(Event::Heartbeat(self.id, evaluation, attempt));
        }
        let Some(kept) = &mut self.kept else { return };
        kept.beats += 1;
        if kept.beats.is_multiple_of(REDELIVERY_BEATS) {
            let delivery = kept.delivery.clone();
            self.tell(Event::Delivered(self.id, delivery));
        }
    }

    fn acknowledged(&mut self, evaluation: EvaluationId, attempt: u32) {
        let this = |kept: &Kept| kept.delivery.evaluation == evaluation && kept.delivery.attempt == attempt;
        if self.kept.as_ref().is_some_and(this) {
            self.kept = None;
        }
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
        let TrainerArguments { id, population, factory } = arguments;
        let slot = Slot::start(id, factory, myself.clone())?;
        myself.send_interval(BEAT, || TrainerMessage::Beat);
        Ok(TrainerState { id, population, slot, on: None, kept: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: TrainerMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            TrainerMessage::Assign(lease) => state.assign(*lease),
            TrainerMessage::Advise(evaluation, attempt) => {
                if state.on == Some((evaluation, attempt)) {
                    state.slot.stop_evaluation();
                }
            }
            TrainerMessage::Acknowledge(evaluation, attempt) => state.acknowledged(evaluation, attempt),
            TrainerMessage::Able => {
                let _ = state.population.cast(PopulationMessage::Hello(state.id, myself));
            }
            TrainerMessage::Unable(message) => {
                let message = format!("{} cannot work: {message}", state.id);
                state.tell(Event::Broken(message));
            }
            TrainerMessage::Planned(evaluation, attempt, epochs) => {
                state.tell(Event::Planned(state.id, evaluation, attempt, epochs));
            }
            TrainerMessage::Epoch(evaluation, attempt, report) => {
                state.tell(Event::Progress(state.id, evaluation, attempt, report));
            }
            TrainerMessage::Done(delivery) => state.done(delivery),
            TrainerMessage::Beat => state.beat(),
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
                tracing::warn!(trainer = %state.id, "the thread does not end; it is left behind");
            }
        }
        Ok(())
    }
}
