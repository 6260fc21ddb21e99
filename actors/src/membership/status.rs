//! What a worker's status says about its slots, and what the slots are given.

use super::{Deed, Membership, Slot};
use crate::protocol::letters::{Bequest, BlobName, BlobRef, Order, SlotStatus, Status, ToWorker};
use crate::protocol::{Event, Lease, Ticket, TrainerId, WorkerId};
use crate::remote::Refusal;
use std::sync::Arc;

/// A worker that has left so many results for each of its slots that are not recorded yet gets no more work: they come
/// in more slowly than it trains.
const HELD_PER_SLOT_MAX: usize = 4;

impl Membership {
    pub(super) fn status(&mut self, worker: WorkerId, status: Status) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        if status.number <= member.status {
            return;
        }
        member.status = status.number;
        member.memory_bytes = status.memory_bytes;
        member.draining |= status.draining;
        member.shut = member.draining || status.held.len() >= HELD_PER_SLOT_MAX * member.slots.len();
        let shut = member.shut;
        let mut events = Vec::new();
        for ((index, slot), says) in (0..).zip(&mut member.slots).zip(&status.slots) {
            let trainer = TrainerId { worker, slot: index };
            correct(slot, *says, trainer, (&status, shut), &mut events);
        }
        let trainer = TrainerId { worker, slot: 0 };
        events.extend(status.held.iter().map(|ticket| Event::Holds(trainer, *ticket)));
        // What it has comes first: only then is it known whether it can take more.
        events.sort_by_key(|event| matches!(event, Event::Ready(..)));
        for event in events {
            // Each status says it.
            if matches!(event, Event::Holds(..)) { self.repeat(event) } else { self.tell(event) }
        }
    }

    /// Gives a slot work.
    pub fn assign(&mut self, trainer: TrainerId, lease: &Lease) -> Vec<Deed> {
        let ticket = lease.ticket();
        let Some(member) = self.members.get_mut(&trainer.worker) else { return Vec::new() };
        let Some(slot) = member.slots.get_mut(trainer.slot as usize) else { return Vec::new() };
        *slot = Slot::Assigned(ticket);
        let bequests = &mut self.bequests;
        let mut offer = |name: BlobName, bytes: Arc<[u8]>| {
            let blob = BlobRef { name: name.clone(), bytes: bytes.len() as u64 };
            member.offers.insert(name, bytes);
            blob
        };
        let weights =
            lease.weights.as_ref().map(|weights| offer(BlobName::Weights(ticket), weights.to_bytes().into()));
        let checkpoint =
            lease.checkpoint.as_ref().map(|state| offer(BlobName::Checkpoint(ticket), Arc::clone(state)));
        let inherit = lease.inherit.as_ref().map(|inherited| {
            let genome = inherited.genome.json().to_owned();
            let weights = offer(BlobName::Inherited(ticket), bequests.bytes(inherited));
            Bequest { evaluation: inherited.evaluation, genome, weights }
        });
        let order = Order {
            ticket,
            individual: lease.individual,
            kind: lease.kind,
            genome: lease.genome.json().to_owned(),
            seed: lease.seed,
            epochs: lease.epochs,
            seconds_max: lease.seconds_max,
            weights,
            checkpoint,
            inherit,
            measure_latency: lease.measure_latency,
            to_the_end: lease.to_the_end,
        };
        self.send(trainer.worker, ToWorker::Assign(trainer.slot, Box::new(order)));
        std::mem::take(&mut self.out)
    }

    /// Asks for an early end.
    pub fn advise(&mut self, trainer: TrainerId, ticket: Ticket) -> Vec<Deed> {
        self.send(trainer.worker, ToWorker::Advise(ticket));
        std::mem::take(&mut self.out)
    }

    /// What this attempt has left is recorded.
    pub fn acknowledge(&mut self, trainer: TrainerId, ticket: Ticket) -> Vec<Deed> {
        self.forget(trainer.worker, ticket);
        self.send(trainer.worker, ToWorker::Acknowledge(ticket));
        std::mem::take(&mut self.out)
    }

    /// This attempt is no longer wanted.
    pub fn abandon(&mut self, trainer: TrainerId, ticket: Ticket) -> Vec<Deed> {
        self.forget(trainer.worker, ticket);
        if let Some(member) = self.members.get_mut(&trainer.worker) {
            for slot in member.slots.iter_mut().filter(|slot| **slot == Slot::Assigned(ticket)) {
                *slot = Slot::Unknown;
            }
        }
        self.send(trainer.worker, ToWorker::Abandon(ticket));
        std::mem::take(&mut self.out)
    }

    /// Tells the worker of this name to take no more work, and to end. Heard or not, it is given none from now on.
    pub fn drain_node(&mut self, name: &str) -> (Result<String, Refusal>, Vec<Deed>) {
        let found = self.members.iter_mut().find(|(_, member)| member.node.stable == name);
        let Some((&worker, member)) = found else {
            return (Err(Refusal::Unknown(format!("no node named {name:?} is here"))), Vec::new());
        };
        (member.draining, member.shut) = (true, true);
        let mut events = Vec::new();
        for (index, slot) in (0..).zip(&mut member.slots).filter(|(_, slot)| **slot == Slot::Free) {
            withdraw(slot, TrainerId { worker, slot: index }, &mut events);
        }
        for event in events {
            self.tell(event);
        }
        self.send(worker, ToWorker::Drain);
        let words = format!("{name} finishes or hands back what it is at, takes nothing more, and ends");
        (Ok(words), std::mem::take(&mut self.out))
    }
}

/// What is believed of a slot is corrected by what its worker says. One that is `shut`, or rests, is not ready for work.
fn correct(
    slot: &mut Slot,
    says: SlotStatus,
    trainer: TrainerId,
    (status, shut): (&Status, bool),
    events: &mut Vec<Event>,
) {
    let (says, shut) = match says {
        SlotStatus::Resting(last) => (SlotStatus::Idle(last), true),
        says => (says, shut),
    };
    match (says, *slot) {
        // The slot is free, or has been given an order since: this attempt has ended, and its result has overtaken the
        // status.
        (SlotStatus::Running(ticket), Slot::Free) => events.push(Event::Holds(trainer, ticket)),
        (SlotStatus::Running(ticket), Slot::Assigned(other)) if other != ticket => {
            events.push(Event::Holds(trainer, ticket));
        }
        (SlotStatus::Running(ticket), Slot::Unknown | Slot::Assigned(_)) => {
            *slot = Slot::Assigned(ticket);
            events.push(Event::Holds(trainer, ticket));
        }
        // Its trainer is being started again, or its worker takes no more work: it must not wait for any.
        (SlotStatus::Starting, Slot::Free) => withdraw(slot, trainer, events),
        (SlotStatus::Idle(_), Slot::Free) if shut => withdraw(slot, trainer, events),
        (SlotStatus::Idle(_), Slot::Free) | (SlotStatus::Starting, _) => {}
        (SlotStatus::Idle(last), Slot::Unknown) => make_ready(slot, (trainer, last), shut, events),
        (SlotStatus::Idle(last), Slot::Assigned(ticket)) if last == Some(ticket) => {
            // It has been at it. What came of it is kept, or has been acknowledged; else it is lost.
            if !status.held.contains(&ticket) {
                let reason = "its worker has lost it".to_owned();
                events.push(Event::Forgotten(trainer, ticket, reason));
            }
            make_ready(slot, (trainer, last), shut, events);
        }
        // The order is on its way. Should it be lost, the lease ends by itself.
        (SlotStatus::Idle(_), Slot::Assigned(_)) | (SlotStatus::Resting(_), _) => {}
    }
}

fn make_ready(
    slot: &mut Slot,
    (trainer, last): (TrainerId, Option<Ticket>),
    shut: bool,
    events: &mut Vec<Event>,
) {
    if shut {
        *slot = Slot::Unknown;
    } else {
        *slot = Slot::Free;
        events.push(Event::Ready(trainer, last));
    }
}

fn withdraw(slot: &mut Slot, trainer: TrainerId, events: &mut Vec<Event>) {
    *slot = Slot::Unknown;
    events.push(Event::Unready(trainer));
}
