//! A trainer's thread: does the work that its actor hands it, so that the actor itself is always there to answer.
//!
//! Panics of the work end the evaluation, not the thread. What the thread is wished to do, and its signs of life, are
//! in its pulse, which a guard may watch. It must not know the Population.

use super::guard::Pulse;
use super::work::{Work, WorkFactory};
use crate::messages::{SlotReport, TrainerMessage};
use crate::metrics;
use crate::protocol::{Lease, Ticket, nothing_trained};
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained};
use hatchery_models::training::{Observer, Phase, Verdict, Wish};
use ractor::ActorRef;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// Leases that wait for the thread. A trainer has one at a time; the next may come while the thread is about to take
/// up waiting again.
const LEASES_MAX: usize = 2;

/// The thread, as its actor sees it.
pub struct Slot {
    leases: Option<mpsc::SyncSender<Lease>>,
    pulse: Arc<Pulse>,
    thread: Option<JoinHandle<()>>,
}

impl Slot {
    /// Starts the thread. What it has to say, it says to `actor`.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        slot: u32,
        factory: Arc<dyn WorkFactory>,
        actor: ActorRef<TrainerMessage>,
    ) -> std::io::Result<Self> {
        let (leases, incoming) = mpsc::sync_channel(LEASES_MAX);
        let pulse = Arc::new(Pulse::new(format!("slot {slot}")));
        let own = Arc::clone(&pulse);
        let thread = std::thread::Builder::new()
            .name(format!("trainer-{slot}"))
            .spawn(move || Bench { slot, factory, actor, pulse: own, work: None }.serve(&incoming))?;
        Ok(Self { leases: Some(leases), pulse, thread: Some(thread) })
    }

    /// Hands the thread its next lease. Says whether it could take it.
    pub fn assign(&self, lease: Lease) -> bool {
        self.pulse.let_go_on();
        self.leases.as_ref().is_some_and(|leases| leases.try_send(lease).is_ok())
    }

    /// Ends the evaluation under way, within one training step.
    pub fn stop_evaluation(&self) {
        self.pulse.ask_to_stop();
    }

    /// Interrupts the evaluation under way, within one training step: it is delivered as `WorkerLost`, with the state
    /// to go on from where it had got anywhere. Goes before `stop_evaluation`.
    pub fn hand_back_evaluation(&self) {
        self.pulse.ask_to_hand_back();
    }

    /// The thread's pulse, for the process's guard.
    pub const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Ends the thread, and gives its handle to wait for.
    pub fn close(&mut self) -> Option<JoinHandle<()>> {
        self.leases = None;
        self.stop_evaluation();
        self.thread.take()
    }
}

impl Drop for Slot {
    /// An actor that failed leaves its thread to end by itself.
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's side.
struct Bench {
    slot: u32,
    factory: Arc<dyn WorkFactory>,
    actor: ActorRef<TrainerMessage>,
    pulse: Arc<Pulse>,
    work: Option<Box<dyn Work>>,
}

impl Bench {
    fn serve(mut self, leases: &mpsc::Receiver<Lease>) {
        match self.make() {
            Ok(work) => {
                self.work = Some(work);
                self.say(SlotReport::Able);
            }
            Err(message) => self.say(SlotReport::Unable(message)),
        }
        while let Ok(lease) = leases.recv() {
            let ticket = lease.ticket();
            self.pulse.begin(ticket.evaluation, ticket.attempt);
            let trained = self.evaluate(lease);
            self.pulse.end();
            self.say(SlotReport::Done(ticket, Box::new(trained)));
        }
    }

    fn evaluate(&mut self, lease: Lease) -> Trained {
        let mut work = match self.work.take().map_or_else(|| self.make(), Ok) {
            Ok(work) => work,
            Err(message) => return nothing_trained(Outcome::Crashed, message),
        };
        let mut observer = Watcher { actor: &self.actor, ticket: lease.ticket(), pulse: &self.pulse };
        let planned_and_done = || {
            let epochs_max = lease.epochs;
            let lease = work.plan(lease, &observer);
            if lease.epochs != epochs_max {
                self.say(SlotReport::Planned(lease.ticket(), lease.epochs));
            }
            work.evaluate(&lease, &mut observer)
        };
        match catch_unwind(AssertUnwindSafe(planned_and_done)) {
            Ok(trained) => {
                self.work = Some(work);
                trained
            }
            // Its work is dropped too: whatever it held may be half done.
            Err(panic) => nothing_trained(Outcome::Crashed, format!("panic: {}", panic_text(&*panic))),
        }
    }

    fn make(&self) -> Result<Box<dyn Work>, String> {
        let made = catch_unwind(AssertUnwindSafe(|| self.factory.make(self.slot)));
        made.unwrap_or_else(|panic| Err(format!("panic: {}", panic_text(&*panic))))
    }

    fn say(&self, report: SlotReport) {
        // The actor is gone only where it failed or the run is over: then nobody wants to know.
        let _ = self.actor.cast(TrainerMessage::Thread(report));
    }
}

/// Reports epochs and signs of life, and passes wishes on.
struct Watcher<'a> {
    actor: &'a ActorRef<TrainerMessage>,
    ticket: Ticket,
    pulse: &'a Pulse,
}

impl Observer for Watcher<'_> {
    fn epoch(&mut self, report: &EpochReport) -> Verdict {
        self.say(report);
        // Whatever else is wished, the next step will hear.
        if self.wish() == Wish::Stop { Verdict::Stop } else { Verdict::Continue }
    }

    fn wish(&self) -> Wish {
        self.pulse.sign();
        self.pulse.wish()
    }

    fn alive(&self, phase: Phase) {
        self.pulse.beat(phase);
    }

    fn stepped(&self, images: u64, seconds: f64) {
        self.pulse.stepped(seconds);
        metrics::training_step(images, seconds);
    }

    /// Who follows the curve of this attempt has all of it.
    fn resumed(&mut self, curve: &[EpochReport]) {
        curve.iter().for_each(|report| self.say(report));
    }
}

impl Watcher<'_> {
    fn say(&self, report: &EpochReport) {
        let epoch = SlotReport::Epoch(self.ticket, *report);
        let _ = self.actor.cast(TrainerMessage::Thread(epoch));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message").to_owned()
}

#[cfg(test)]
mod tests;
