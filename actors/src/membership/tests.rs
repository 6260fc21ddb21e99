//! What is believed of a worker's slots. The conversation as a whole, in every weather, is in `simulation`.

use super::{Deed, Membership};
use crate::link::LinkEvent;
use crate::protocol::letters::{Letter, NodeName, Report, SlotStatus, Status, ToCoordinator};
use crate::protocol::{EvaluationId, Event, Inherited, Lease, Ticket, TrainerId, WorkerId};
use crate::testing;
use hatchery_models::training::outcome::Weights;
use std::sync::Arc;

const WORKER: WorkerId = WorkerId(1);

/// A coordinator's membership with one worker of two slots.
struct Table {
    membership: Membership,
    said: u64,
}

impl Table {
    fn new() -> Self {
        let mut table = Self { membership: Membership::new(testing::welcome(), WORKER, false), said: 0 };
        table.hear(ToCoordinator::Hello(testing::hello(2)));
        table
    }

    /// What the Population is told when this letter comes.
    fn hear(&mut self, letter: ToCoordinator) -> Vec<Event> {
        self.hear_while(letter, true)
    }

    /// The same, while it reads or does not.
    fn hear_while(&mut self, letter: ToCoordinator, it_reads: bool) -> Vec<Event> {
        let node = NodeName { stable: "worker".to_owned(), incarnation: 1 };
        let event = LinkEvent::Letter(node, Box::new(Letter::ToCoordinator(letter)));
        let told = |deed| match deed {
            Deed::Tell(event) => Some(event),
            Deed::Repeat(event) => Some(event).filter(|_| it_reads),
            _ => None,
        };
        self.membership.on_link(event, 1.0).into_iter().filter_map(told).collect()
    }

    fn status(&mut self, slots: [SlotStatus; 2]) -> Vec<Event> {
        let letter = self.status_letter(slots, Vec::new());
        self.hear(letter)
    }

    fn status_letter(&mut self, slots: [SlotStatus; 2], held: Vec<Ticket>) -> ToCoordinator {
        self.said += 1;
        let (number, slots) = (self.said, slots.to_vec());
        ToCoordinator::Status(Status { number, slots, held, draining: false, memory_bytes: 0 })
    }
}

#[test]
fn while_the_population_does_not_read_it_is_told_everything_once_and_nothing_again() {
    let [busy, done] = [7, 8].map(|evaluation| Ticket { evaluation: EvaluationId(evaluation), attempt: 1 });
    let mut table = Table::new();
    table.status([SlotStatus::Idle(None), SlotStatus::Idle(None)]);
    for (slot, ticket) in [(0, done), (1, busy)] {
        let trainer = TrainerId { worker: WORKER, slot };
        table.membership.assign(trainer, &testing::lease(ticket.evaluation.0));
    }
    let progress = || ToCoordinator::Progress(busy, testing::epoch_report(1));
    let result = || ToCoordinator::Result(Box::new(testing::report(8, 1.0)));
    assert_eq!(table.hear_while(progress(), false).len(), 1, "that is said once");
    let events = table.hear_while(result(), false);
    assert!(matches!(events.as_slice(), [Event::Delivered(..), Event::Ready(..)]), "{events:?}");
    for _ in 0..3 {
        let slots = [SlotStatus::Idle(Some(done)), SlotStatus::Running(busy)];
        let status = table.status_letter(slots, vec![done]);
        let events = [table.hear_while(status, false), table.hear_while(result(), false)];
        assert!(events.iter().all(Vec::is_empty), "{events:?}");
    }
    // When it reads again, it hears at once what each worker has, and what has not been acknowledged.
    let status = table.status_letter([SlotStatus::Idle(Some(done)), SlotStatus::Running(busy)], vec![done]);
    assert_eq!(table.hear(status).len(), 2);
    assert_eq!(table.hear(result()).len(), 1);
}

/// An attempt that begins with the weights of evaluation 1.
fn heir(evaluation: u64) -> Lease {
    let weights = Arc::new(Weights { parameters: vec![0.5; 100], statistics: Vec::new() });
    let inherit = Inherited { evaluation: EvaluationId(1), genome: testing::genome(1).into(), weights };
    Lease { inherit: Some(inherit), ..testing::lease(evaluation) }
}

#[test]
fn the_weights_of_a_parent_lie_here_once_for_all_its_children_and_no_longer_than_for_the_last() {
    let slots = [0, 1].map(|slot| TrainerId { worker: WORKER, slot });
    let mut table = Table::new();
    for (slot, evaluation) in slots.into_iter().zip([7, 8]) {
        table.membership.assign(slot, &heir(evaluation));
    }
    let offered: Vec<_> = table.membership.members[&WORKER].offers.values().cloned().collect();
    assert!(offered.len() == 2 && Arc::ptr_eq(&offered[0], &offered[1]), "{offered:?}");
    drop(offered);
    table.membership.acknowledge(slots[0], heir(7).ticket());
    assert_eq!(table.membership.bequests.len(), 1);
    table.membership.abandon(slots[1], heir(8).ticket());
    assert_eq!(table.membership.bequests.len(), 0);
    table.membership.assign(slots[0], &heir(9));
    table.membership.leave(WORKER, "killed");
    assert_eq!(table.membership.bequests.len(), 0);
}

#[test]
fn a_slot_that_rests_is_not_ready_until_its_worker_says_so() {
    let [first, second] = [0, 1].map(|slot| TrainerId { worker: WORKER, slot });
    let ticket = Ticket { evaluation: EvaluationId(7), attempt: 1 };
    let mut table = Table::new();
    let events = table.status([SlotStatus::Idle(None), SlotStatus::Resting(None)]);
    assert!(matches!(events.as_slice(), [Event::Ready(trainer, None)] if *trainer == first), "{events:?}");
    let events = table.status([SlotStatus::Idle(None), SlotStatus::Idle(None)]);
    assert!(matches!(events.as_slice(), [Event::Ready(trainer, None)] if *trainer == second), "{events:?}");

    table.membership.assign(first, &testing::lease(7));
    let events = table.status([SlotStatus::Running(ticket), SlotStatus::Resting(None)]);
    let is_withdrawn = matches!(
        events.as_slice(),
        [Event::Holds(at, held), Event::Unready(trainer)] if (*at, *held, *trainer) == (first, ticket, second)
    );
    assert!(is_withdrawn, "{events:?}");

    let report = Report { slot_is_free: false, ..testing::report(7, 1.0) };
    let events = table.hear(ToCoordinator::Result(Box::new(report)));
    let rests = matches!(
        events.as_slice(),
        [Event::Delivered(..), Event::Resting(trainer)] if *trainer == first
    );
    assert!(rests, "{events:?}");
    let events = table.status([SlotStatus::Resting(Some(ticket)), SlotStatus::Resting(None)]);
    assert!(events.is_empty(), "{events:?}");
    let events = table.status([SlotStatus::Idle(Some(ticket)), SlotStatus::Resting(None)]);
    let is_ready = matches!(
        events.as_slice(),
        [Event::Ready(trainer, Some(last))] if (*trainer, *last) == (first, ticket)
    );
    assert!(is_ready, "{events:?}");
}
