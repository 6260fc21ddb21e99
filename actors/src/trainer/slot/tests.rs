use super::*;
use crate::testing;
use ractor::{Actor, ActorProcessingErr};
use std::time::Duration;

/// Far beyond anything that is waited for: a test that fails ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// Passes on what it is told.
struct Ear;

impl Actor for Ear {
    type Msg = TrainerMessage;
    type State = mpsc::SyncSender<TrainerMessage>;
    type Arguments = mpsc::SyncSender<TrainerMessage>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        said: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(said)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: TrainerMessage,
        said: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        Ok(said.try_send(message)?)
    }
}

/// Goes on from epoch 1, says epoch 2 once, and waits for a wish.
struct Waiting;

impl Work for Waiting {
    fn evaluate(&mut self, _: &Lease, observer: &mut dyn Observer) -> Trained {
        observer.resumed(&[testing::epoch_report(1)]);
        observer.alive(Phase::Stepping);
        let verdict = observer.epoch(&testing::epoch_report(2));
        let wish = loop {
            match observer.wish() {
                Wish::GoOn => std::thread::yield_now(),
                wish => break wish,
            }
        };
        let outcome = if wish == Wish::HandBack { Outcome::WorkerLost } else { Outcome::Stopped };
        nothing_trained(
            outcome,
            format!("{wish:?} after {verdict:?}, then {:?}", observer.epoch(&testing::epoch_report(3))),
        )
    }
}

struct WaitingFactory;

impl WorkFactory for WaitingFactory {
    fn make(&self, _: u32) -> Result<Box<dyn Work>, String> {
        Ok(Box::new(Waiting))
    }
}

/// Everything that the actor hears up to a result.
fn heard(from: &mpsc::Receiver<TrainerMessage>) -> (Vec<u32>, Trained) {
    let mut epochs = Vec::new();
    loop {
        match from.recv_timeout(PATIENCE).unwrap() {
            TrainerMessage::Thread(SlotReport::Epoch(_, report)) => epochs.push(report.epoch),
            TrainerMessage::Thread(SlotReport::Done(_, trained)) => return (epochs, *trained),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evaluation_is_handed_back_or_stopped_as_is_wished_and_the_next_begins_without_a_wish() {
    let (said, from) = mpsc::sync_channel(64);
    let (actor, handle) = Actor::spawn(None, Ear, said).await.unwrap();
    let mut slot = Slot::start(0, Arc::new(WaitingFactory), actor.clone()).unwrap();
    let trained = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        for evaluation in 1..=3 {
            assert!(slot.assign(testing::lease(evaluation)));
            if evaluation == 2 {
                slot.stop_evaluation()
            } else {
                slot.hand_back_evaluation()
            }
            all.push(heard(&from));
        }
        slot.close().unwrap().join().unwrap();
        all
    })
    .await
    .unwrap();
    let messages: Vec<(Outcome, &str)> =
        trained.iter().map(|(_, trained)| (trained.outcome, trained.message.as_str())).collect();
    for (epochs, _) in &trained {
        assert_eq!(epochs, &[1, 2, 3], "those before the interruption, too");
    }
    // An epoch that ends while it is to be handed back is no end.
    for handed_back in [messages[0], messages[2]] {
        assert_eq!(handed_back, (Outcome::WorkerLost, "HandBack after Continue, then Continue"));
    }
    assert_eq!(messages[1].0, Outcome::Stopped);
    assert!(messages[1].1.ends_with("then Stop"), "{}", messages[1].1);
    actor.stop(None);
    handle.await.unwrap();
}
