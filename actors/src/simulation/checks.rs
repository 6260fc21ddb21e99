//! What is checked of the coordinator: the letters that it sends, what it keeps, whom it gives work, and its search.

use super::invariants::{Breach, Cluster, HELD_PER_SLOT_MAX};
use super::state::World;
use crate::protocol::letters::ToWorker;
use crate::protocol::{LeaseKind, Ticket, TrainerId};

/// A worker that has said that it drains may be given what is decided within so long.
const NEWS_SECONDS: f64 = 0.5;

/// The thorough checks look at everything: they are made at every so manieth event.
const THOROUGH_EVENTS: u64 = 4;

/// For each slot: the reports of all that its worker may keep, their weights, and the weights and the checkpoint of an
/// order.
const BURDEN_PER_SLOT_MAX: usize = 2 * HELD_PER_SLOT_MAX + 2;

impl World {
    pub fn check_burdens(&mut self) {
        let Some(coordinator) = &self.coordinator else { return };
        let most = coordinator.membership.burdens().find(|(kept, slots)| *kept > BURDEN_PER_SLOT_MAX * slots);
        if let Some((kept, slots)) = most {
            let detail =
                format!("the coordinator keeps {kept} reports and blobs of a worker of {slots} slots");
            self.ledger.breach(Cluster::Bounded, &detail);
        }
    }

    /// Whether other candidates, bred in place of one that was set aside, use up the budget.
    pub fn is_budget_full(&self) -> bool {
        let (Some(coordinator), Some(budget)) = (&self.coordinator, self.weather.search.evaluations) else {
            return false;
        };
        let view = coordinator.brain.view();
        let planned = view.counted as usize + view.desk.active(LeaseKind::Search) + view.orders;
        self.weather.search.time.is_some() && planned >= budget as usize
    }

    pub fn check_letter(&mut self, letter: &ToWorker) {
        match letter {
            ToWorker::Acknowledge(ticket) => self.ledger.check_acknowledged(*ticket),
            ToWorker::Abandon(ticket) => {
                self.count.abandoned += 1;
                self.ledger.abandon(*ticket);
                self.ledger.check_dropped(*ticket, "abandoned");
            }
            ToWorker::Refused(_) => self.count.refused += 1,
            _ => {}
        }
    }

    pub fn check_assigned(&mut self, trainer: TrainerId, ticket: Ticket) {
        let Some(coordinator) = &self.coordinator else { return };
        let Some(node) = coordinator.names.get(&trainer.worker) else { return };
        let heard = coordinator.draining.get(node);
        if heard.is_some_and(|heard| self.now - heard.max(coordinator.disturbed) > NEWS_SECONDS) {
            let detail = format!("{ticket} for {node}, which said that it drains");
            self.ledger.breach(Cluster::DrainingInPeace, &detail);
        }
    }

    pub fn check_population(&mut self) {
        let Some(coordinator) = &self.coordinator else { return };
        let view = coordinator.brain.view();
        let mut found = crate::invariants::check(&view);
        if coordinator.events % THOROUGH_EVENTS == 0 {
            found.extend(crate::invariants::check_thoroughly(&view));
        }
        for breach in found {
            let id = breach.invariant.id();
            self.ledger.breaches.push(Breach { id, text: breach.to_string() });
        }
    }
}
