//! Attempts that are lost: what becomes of a trainer that hangs, and of a node that dies with all that it had.

use super::super::effect::Effect;
use super::super::state::Brain;
use super::bred;
use super::weather::Weather;
use crate::invariants;
use crate::protocol::{
    Delivery, EvaluationId, Event, Ticket, TrainerId, WeightsPlace, WorkerId, nothing_trained,
};
use crate::testing;
use hatchery_models::training::outcome::Outcome;

/// A search whose one trainer hangs, and was told to drop what it is at; the trainer, and that attempt.
fn hung() -> (Brain, TrainerId, Ticket) {
    let mut brain = Brain::new(Weather::fair(1).settings(1));
    let trainer = TrainerId { worker: WorkerId(1), slot: 0 };
    brain.on_event(Event::Joined(trainer.worker, testing::worker_facts("node")), 1.0);
    get_to_work(&mut brain, &[(trainer, None)]);
    let ticket = Ticket { evaluation: EvaluationId(1), attempt: 1 };
    brain.desk.held(trainer, ticket).unwrap().seconds_max = Some(1.0);
    for now in 1..=13 {
        brain.on_event(Event::Holds(trainer, ticket), f64::from(now) * 5.0);
    }
    let told = brain.on_event(Event::Tick, 66.0);
    assert!(told.iter().any(|effect| matches!(effect, Effect::Abandon(..))), "{told:?}");
    (brain, trainer, ticket)
}

#[test]
fn one_that_hangs_has_no_claim_to_what_it_was_told_to_drop() {
    let (mut brain, trainer, ticket) = hung();
    for event in [Event::Holds(trainer, ticket), Event::Progress(trainer, ticket, testing::epoch_report(1))] {
        brain.on_event(event, 68.0);
        assert!(brain.desk.leases().all(|(id, ..)| id != ticket.evaluation), "it was claimed");
    }
    let told = brain.on_event(Event::Holds(trainer, ticket), 70.0);
    assert!(matches!(told.as_slice(), [Effect::Abandon(..)]), "{told:?}");
    // It is nobody's, so that the next who can take work has it.
    let told = brain.on_event(Event::Ready(trainer, Some(ticket)), 71.0);
    let again = |effect: &Effect| matches!(effect, Effect::Assign(_, lease) if lease.attempt == 2);
    assert!(told.iter().any(again), "{told:?}");
}

#[test]
fn a_result_that_was_on_its_way_when_its_attempt_was_called_off_is_taken() {
    let (mut brain, trainer, ticket) = hung();
    let trained = nothing_trained(Outcome::Diverged, "bad luck".to_owned());
    let delivery = Delivery { ticket, trained, weights: WeightsPlace::Here };
    brain.on_event(Event::Delivered(trainer, Box::new(delivery)), 67.0);
    assert!(brain.closed.past().contains_key(&ticket.evaluation));
}

/// All these slots of a worker can take work, after what they were at last; what is ordered then is bred.
fn get_to_work(brain: &mut Brain, trainers: &[(TrainerId, Option<Ticket>)]) {
    for (trainer, last) in trainers {
        brain.on_event(Event::Ready(*trainer, *last), 1.0);
    }
    while !brain.orders().is_empty() {
        brain.on_event(bred(brain, 1000), 1.0);
        assert_eq!(invariants::check(&brain.view()), Vec::new());
    }
}

#[test]
fn a_node_that_lost_all_that_it_had_is_busy_again_when_it_is_back() {
    const SLOTS: u32 = 100;
    // What two workers have lost is more than is ever kept ready for all trainers.
    const LAST: u32 = 4;
    let slots = |worker| (0..SLOTS).map(move |slot| (TrainerId { worker: WorkerId(worker), slot }, None));
    let weather = Weather { evaluations: Some(1000), ..Weather::fair(1) };
    let mut brain = Brain::new(weather.settings(1));
    brain.on_event(Event::Joined(WorkerId(1), testing::worker_facts("elsewhere")), 1.0);
    get_to_work(&mut brain, &[(TrainerId { worker: WorkerId(1), slot: 0 }, None)]);
    for worker in 2..=LAST {
        brain.on_event(Event::Joined(WorkerId(worker), testing::worker_facts("node")), 1.0);
        get_to_work(&mut brain, &slots(worker).collect::<Vec<_>>());
        if worker < LAST {
            brain.on_event(Event::Left(WorkerId(worker), "killed".to_owned()), 1.0);
        }
    }
    for round in 0..3 {
        assert!(brain.desk.waiting().is_empty(), "round {round}: {} wait", brain.desk.waiting().len());
        let held: Vec<_> =
            brain.desk.leases().map(|(id, open, held)| (id, open.attempt, held.trainer)).collect();
        for (evaluation, attempt, trainer) in held.into_iter().filter(|(.., of)| of.worker == WorkerId(LAST))
        {
            let ticket = Ticket { evaluation, attempt };
            let trained = nothing_trained(Outcome::Diverged, "bad luck".to_owned());
            let delivery = Delivery { ticket, trained, weights: WeightsPlace::Here };
            brain.on_event(Event::Delivered(trainer, Box::new(delivery)), 1.0);
            get_to_work(&mut brain, &[(trainer, Some(ticket))]);
        }
    }
}
