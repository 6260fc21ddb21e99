//! What a worker says of its slots. Its conversation as a whole, in every weather, is in `simulation`.

use super::state::{Agent, Deed, Patience};
use crate::link::LinkEvent;
use crate::protocol::letters::{
    Bequest, BlobName, BlobRef, Letter, NodeName, Order, PIECE_BYTES_MAX, SlotStatus, ToCoordinator, ToWorker,
};
use crate::protocol::{EvaluationId, IndividualId, LeaseKind, Ticket, nothing_trained};
use crate::testing;
use hatchery_models::training::outcome::Outcome;
use std::collections::BTreeSet;

fn coordinator() -> NodeName {
    NodeName { stable: "coordinator".to_owned(), incarnation: 1 }
}

fn letter(letter: ToWorker) -> LinkEvent {
    LinkEvent::Letter(coordinator(), Box::new(Letter::ToWorker(letter)))
}

/// A worker whose coordinator has welcomed it, with trainers that can work.
fn able(slots: usize) -> Agent {
    let mut agent = Agent::new(testing::hello(slots), Patience { grace: 20.0, lonely: 60.0 }, 0.0);
    agent.on_link(LinkEvent::Up(coordinator()), 0.0);
    agent.on_link(letter(ToWorker::Welcome(testing::welcome())), 0.0);
    agent.on_outfitted(Ok(()));
    (0..slots as u32).for_each(|slot| _ = agent.on_able(slot));
    agent
}

fn order(evaluation: u64) -> (Ticket, ToWorker) {
    let ticket = Ticket { evaluation: EvaluationId(evaluation), attempt: 1 };
    let order = Order {
        ticket,
        individual: IndividualId(evaluation),
        kind: LeaseKind::Search,
        genome: serde_json::to_string(&testing::genome(evaluation)).unwrap(),
        seed: 1,
        epochs: 3,
        seconds_max: None,
        weights: None,
        checkpoint: None,
        inherit: None,
        measure_latency: false,
        to_the_end: false,
    };
    (ticket, ToWorker::Assign(1, Box::new(order)))
}

/// What the last status among these says of the slots.
fn slots_said(deeds: &[Deed]) -> Option<Vec<SlotStatus>> {
    deeds.iter().rev().find_map(|deed| match deed {
        Deed::Send(_, ToCoordinator::Status(status)) => Some(status.slots.clone()),
        _ => None,
    })
}

#[test]
fn a_slot_that_rests_says_so_and_still_begins_what_was_on_its_way() {
    let mut agent = able(2);
    let deeds = agent.on_resting(BTreeSet::from([1]));
    assert_eq!(slots_said(&deeds), Some(vec![SlotStatus::Idle(None), SlotStatus::Resting(None)]));
    assert!(agent.on_resting(BTreeSet::from([1])).is_empty(), "nothing has changed");
    assert_eq!((agent.standing().idle, agent.standing().resting), (1, 1));

    let (ticket, assign) = order(7);
    let deeds = agent.on_link(letter(assign), 1.0);
    assert!(matches!(deeds.as_slice(), [Deed::Start(1, lease)] if lease.ticket() == ticket), "{deeds:?}");

    let deeds = agent.on_done(1, ticket, nothing_trained(Outcome::Completed, String::new()), None, 2.0);
    let said = deeds.iter().find_map(|deed| match deed {
        Deed::Send(_, ToCoordinator::Result(report)) => Some(report.slot_is_free),
        _ => None,
    });
    assert_eq!(said, Some(false), "its slot is not offered by its result");

    let deeds = agent.on_resting(BTreeSet::new());
    assert_eq!(slots_said(&deeds), Some(vec![SlotStatus::Idle(None), SlotStatus::Idle(Some(ticket))]));
}

/// An order of a descendant, whose parent's weights are to be fetched.
fn order_of_heir(evaluation: u64) -> (Ticket, BlobName, ToWorker) {
    let (ticket, assign) = order(evaluation);
    let name = BlobName::Inherited(ticket);
    let ToWorker::Assign(slot, mut order) = assign else { panic!("{assign:?}") };
    let weights = BlobRef { name: name.clone(), bytes: 3 * PIECE_BYTES_MAX as u64 };
    order.inherit = Some(Bequest { evaluation: EvaluationId(1), genome: order.genome.clone(), weights });
    (ticket, name, ToWorker::Assign(slot, order))
}

fn asks(deeds: &[Deed]) -> usize {
    deeds.iter().filter(|deed| matches!(deed, Deed::Send(_, ToCoordinator::Ask(..)))).count()
}

#[test]
fn an_order_whose_weights_cannot_be_had_is_lost_and_not_begun_without_them() {
    let mut agent = able(2);
    let (ticket, name, assign) = order_of_heir(7);
    assert_eq!(asks(&agent.on_link(letter(assign), 1.0)), 3);
    let deeds = agent.on_link(letter(ToWorker::Missing(name, "not offered".to_owned())), 2.0);
    assert!(deeds.iter().all(|deed| !matches!(deed, Deed::Start(..))), "{deeds:?}");
    let said = deeds.iter().find_map(|deed| match deed {
        Deed::Send(_, ToCoordinator::Result(report)) => Some((report.ticket, report.outcome)),
        _ => None,
    });
    assert_eq!(said, Some((ticket, Outcome::WorkerLost)), "it can be handed out again, {deeds:?}");
    assert_eq!(slots_said(&deeds), Some(vec![SlotStatus::Idle(None), SlotStatus::Idle(Some(ticket))]));
}

#[test]
fn what_is_being_fetched_waits_for_as_long_as_the_coordinator_is_away() {
    let mut agent = Agent { patience: Patience { grace: 20.0, lonely: 1800.0 }, ..able(2) };
    let (ticket, _, assign) = order_of_heir(7);
    agent.on_link(letter(assign), 1.0);
    let data = BlobName::Data("x".to_owned());
    assert_eq!(asks(&agent.on_want(data, 1.0)), 1);
    agent.on_link(LinkEvent::Down(coordinator(), "killed".to_owned()), 2.0);
    for second in 3..1000 {
        let deeds = agent.on_tick(f64::from(second), 0);
        assert!(deeds.is_empty(), "at {second} s: {deeds:?}");
    }
    agent.on_link(LinkEvent::Up(coordinator()), 1000.0);
    assert_eq!(asks(&agent.on_tick(1005.0, 0)), 0, "nobody has welcomed it yet");
    let deeds = agent.on_link(letter(ToWorker::Welcome(testing::welcome())), 1006.0);
    assert_eq!(asks(&deeds), 4, "{deeds:?}");
    assert_eq!(agent.at(1), Some(ticket));
}

#[test]
fn an_order_that_comes_twice_is_begun_once() {
    let mut agent = able(2);
    let (_, assign) = order(7);
    assert_eq!(agent.on_link(letter(assign.clone()), 1.0).len(), 1);
    assert!(agent.on_link(letter(assign), 1.0).is_empty());
}
