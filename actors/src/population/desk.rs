//! Who does what: evaluations that wait, trainers that wait, and the leases that join them.
//!
//! The desk knows no search: not what a score means, not when to stop. Each evaluation is in exactly one state, and
//! the variants carry what only that state knows.

use super::lease::{CLAIM_SECONDS_MAX, Claim, Held, Open, Place};
use super::line::Line;
use crate::protocol::{EvaluationId, Individual, LeaseKind, Ticket, TrainerId, WorkerFacts, WorkerId};
use hatchery_models::training::outcome::EpochReport;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The desk.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    pub(super) open: BTreeMap<EvaluationId, Open>,
    /// Evaluations that wait, in lanes by the node that each was lost with.
    pub(super) ready: Line<EvaluationId, Option<String>>,
    pub(super) trainers: BTreeMap<TrainerId, Option<EvaluationId>>,
    /// Trainers that wait, in lanes by their node.
    pub(super) waiting: Line<TrainerId, String>,
    /// How many open evaluations of each kind are not shelved.
    active: BTreeMap<LeaseKind, usize>,
    /// Those that have reported since it was last asked who is half way through.
    reported: BTreeSet<EvaluationId>,
    pub(super) workers: BTreeMap<WorkerId, WorkerFacts>,
    pub(super) excluded: BTreeSet<String>,
}

impl Desk {
    /// Takes a new evaluation in, behind the others.
    pub fn enqueue(&mut self, evaluation: EvaluationId, open: Open) {
        let lane = open.lost_with_node().map(str::to_owned);
        self.take_in(evaluation, Open { place: Place::Ready, ..open });
        self.ready.push_back(evaluation, lane);
    }

    /// Takes an evaluation in that an earlier life of the run had under way, or has set aside: it waits for nobody
    /// until it is put back or claimed.
    pub fn adopt(&mut self, evaluation: EvaluationId, open: Open) {
        self.take_in(evaluation, Open { place: Place::Shelved, ..open });
    }

    fn take_in(&mut self, evaluation: EvaluationId, open: Open) {
        *self.active.entry(open.kind).or_default() += usize::from(open.is_active());
        if let Some(before) = self.open.insert(evaluation, open) {
            self.count_out(&before);
        }
    }

    fn count_out(&mut self, open: &Open) {
        *self.active.entry(open.kind).or_default() -= usize::from(open.is_active());
    }

    /// Gives an open evaluation another place. All places change here, so that what is active is counted.
    fn put(&mut self, evaluation: EvaluationId, place: Place) -> Option<&mut Open> {
        let open = self.open.get_mut(&evaluation)?;
        let active = self.active.entry(open.kind).or_default();
        *active -= usize::from(open.is_active());
        open.place = place;
        *active += usize::from(open.is_active());
        Some(open)
    }

    /// Lets those who have it claim an evaluation that an earlier life of the run had under way.
    pub fn await_claim(&mut self, evaluation: EvaluationId, expires: f64) {
        self.put(evaluation, Place::Unclaimed { expires });
    }

    /// Puts a leased evaluation back, before the others: it has waited longest. Frees nobody.
    pub fn requeue(&mut self, evaluation: EvaluationId) -> Option<&mut Open> {
        let lane = self.open.get(&evaluation)?.lost_with_node().map(str::to_owned);
        self.ready.push_front(evaluation, lane);
        self.put(evaluation, Place::Ready)
    }

    /// Puts one back whose worker was lost with it: it goes to another node, where there is one.
    pub fn requeue_lost(
        &mut self,
        evaluation: EvaluationId,
        with: Option<(WorkerId, String)>,
    ) -> Option<&mut Open> {
        self.open.get_mut(&evaluation)?.lost_with = with;
        self.requeue(evaluation)
    }

    /// Its worker has given the present attempt up by itself, and will say no more of it.
    pub fn give_up(&mut self, evaluation: EvaluationId) {
        if let Some(open) = self.open.get_mut(&evaluation) {
            open.given_up = open.attempt;
        }
    }

    /// The worker of the present attempt is told to drop it: that it is at it is believed no more.
    pub fn call_off(&mut self, evaluation: EvaluationId) {
        if let Some(open) = self.open.get_mut(&evaluation) {
            open.called_off = open.attempt;
        }
    }

    /// This attempt has ended and left something, which may have been on its way when it was called off: that is as
    /// good as any.
    pub fn has_ended(&mut self, Ticket { evaluation, attempt }: Ticket) {
        if let Some(open) = self.open.get_mut(&evaluation).filter(|open| open.called_off == attempt) {
            open.called_off = 0;
        }
    }

    /// Sets one aside that waits.
    pub fn set_aside(&mut self, evaluation: EvaluationId) {
        if self.ready.remove(&evaluation) {
            self.put(evaluation, Place::Shelved);
        }
    }

    /// Sets aside all that wait and are of this kind.
    pub fn shelve(&mut self, kind: LeaseKind) {
        let of_kind =
            |evaluation: &&EvaluationId| self.open.get(evaluation).is_some_and(|open| open.kind == kind);
        for evaluation in self.ready.iter().filter(of_kind).copied().collect::<Vec<_>>() {
            self.set_aside(evaluation);
        }
    }

    /// A worker has joined.
    pub fn join(&mut self, worker: WorkerId, facts: WorkerFacts) {
        self.workers.insert(worker, facts);
    }

    /// A worker is gone. Says which evaluations were with it.
    pub fn leave(&mut self, worker: WorkerId) -> Vec<EvaluationId> {
        self.workers.remove(&worker);
        self.waiting.retain(|trainer| trainer.worker != worker);
        self.trainers.retain(|trainer, _| trainer.worker != worker);
        self.leases().filter(|(_, _, held)| held.trainer.worker == worker).map(|(id, _, _)| id).collect()
    }

    /// No more work for this node.
    pub fn exclude(&mut self, node: String) {
        let workers = &self.workers;
        self.waiting.retain(|trainer| workers.get(&trainer.worker).is_some_and(|facts| facts.node != node));
        self.excluded.insert(node);
    }

    /// Whether this node gets no more work.
    pub fn is_excluded(&self, node: &str) -> bool {
        self.excluded.contains(node)
    }

    /// Whether there is a worker that may have work.
    pub fn has_workers(&self) -> bool {
        self.workers.values().any(|facts| !self.excluded.contains(&facts.node))
    }

    /// The name of a worker's node.
    pub fn node_of(&self, worker: WorkerId) -> Option<&str> {
        self.workers.get(&worker).map(|facts| facts.node.as_str())
    }

    /// A trainer's name for people: its node's, and the slot.
    pub fn label(&self, trainer: TrainerId) -> String {
        match self.node_of(trainer.worker) {
            Some(node) => format!("{node}/{}", trainer.slot),
            None => trainer.to_string(),
        }
    }

    /// A trainer can take work; `last` is what it took last. What it was at, it is done with, and will deliver; where
    /// it has been given something else since, that is on its way to it.
    pub fn welcome(&mut self, trainer: TrainerId, last: Option<Ticket>) {
        if self.is_given(trainer).is_some_and(|given| Some(given) != last) {
            return;
        }
        let Some(node) = self.node_of(trainer.worker).map(str::to_owned) else { return };
        let barred = self.excluded.contains(&node);
        let had = self.trainers.insert(trainer, None).flatten();
        self.will_deliver(had);
        if !barred {
            self.waiting.push_back(trainer, node);
        }
    }

    /// The attempt that this trainer is given, where it has said nothing of it yet.
    fn is_given(&self, trainer: TrainerId) -> Option<Ticket> {
        let evaluation = self.trainers.get(&trainer).copied().flatten()?;
        let open = self.open.get(&evaluation)?;
        let is_on_its_way =
            matches!(&open.place, Place::Leased(held) if held.trainer == trainer && !held.heard);
        is_on_its_way.then_some(Ticket { evaluation, attempt: open.attempt })
    }

    /// A trainer is done with what it was at, which it will deliver, and is not there until it can take work again.
    pub fn rest(&mut self, trainer: TrainerId) {
        self.waiting.remove(&trainer);
        let had = self.trainers.remove(&trainer).flatten();
        self.will_deliver(had);
    }

    fn will_deliver(&mut self, had: Option<EvaluationId>) {
        if let Some(Open { place: Place::Leased(held), .. }) = had.and_then(|had| self.open.get_mut(&had)) {
            held.delivering = true;
        }
    }

    /// A trainer that waits can take no work any more, and is not there until it says that it can.
    pub fn dismiss(&mut self, trainer: TrainerId) {
        self.waiting.remove(&trainer);
        if self.trainers.get(&trainer).is_some_and(Option::is_none) {
            self.trainers.remove(&trainer);
        }
    }

    /// The next trainer and the next evaluation that it may have, where there are both: what was lost with one node
    /// goes to another, where there is one.
    pub fn next(&self) -> Option<(TrainerId, EvaluationId)> {
        let ((trainer, node), (evaluation, lost_with)) = (self.waiting.first()?, self.ready.first()?);
        if lost_with.as_ref() != Some(node) {
            return Some((trainer, evaluation));
        }
        if let Some(elsewhere) = self.waiting.first_outside(node) {
            return Some((elsewhere, evaluation));
        }
        // All who wait are of the node that it was lost with.
        if !self.has_trainers_beside(node) {
            return Some((trainer, evaluation));
        }
        Some((trainer, self.ready.first_outside(lost_with)?))
    }

    /// Whether there are trainers that may have work on any other node. One that is still being started, or takes
    /// nothing more, has none.
    fn has_trainers_beside(&self, node: &str) -> bool {
        self.workers.iter().any(|(worker, facts)| {
            facts.node != node && !self.excluded.contains(&facts.node) && self.has_trainers(*worker)
        })
    }

    fn has_trainers(&self, worker: WorkerId) -> bool {
        let of = |slot| TrainerId { worker, slot };
        self.trainers.range(of(0)..=of(u32::MAX)).next().is_some()
    }

    /// Gives an evaluation that waits to a trainer that waits, and raises its attempt.
    pub fn lease(&mut self, trainer: TrainerId, evaluation: EvaluationId, held: Held) -> Option<&mut Open> {
        if !self.open.contains_key(&evaluation) {
            return None;
        }
        self.waiting.remove(&trainer);
        self.ready.remove(&evaluation);
        self.trainers.insert(trainer, Some(evaluation));
        let open = self.put(evaluation, Place::Leased(held))?;
        open.attempt += 1;
        Some(open)
    }

    /// A trainer says that it has this attempt. Where it has not been handed out again since, it is its own again; one
    /// that was set aside only `late`.
    pub fn claim(&mut self, trainer: TrainerId, ticket: Ticket, late: bool, now: f64) -> Claim {
        if let Some(held) = self.held(trainer, ticket) {
            held.renew(now);
            held.heard = true;
            return Claim::Renewed;
        }
        let free = self.trainers.get(&trainer).copied().flatten().is_none();
        let known = self.workers.contains_key(&trainer.worker);
        let is_free = |place: &Place| match place {
            Place::Ready | Place::Unclaimed { .. } => true,
            Place::Shelved => late,
            Place::Leased(_) => false,
        };
        match self.open.get(&ticket.evaluation) {
            Some(open)
                if known
                    && open.attempt == ticket.attempt
                    && open.given_up.max(open.called_off) < ticket.attempt
                    && is_free(&open.place) =>
            {
                // Where the trainer is known to be at something else, this one has ended and is kept.
                let waits = self.waiting.contains(&trainer);
                let held = Held { heard: true, delivering: !free || waits, ..Held::by(trainer, now) };
                self.put(ticket.evaluation, Place::Leased(held));
                self.ready.remove(&ticket.evaluation);
                if free && !waits {
                    self.trainers.insert(trainer, Some(ticket.evaluation));
                }
                Claim::Adopted
            }
            _ => Claim::Refused,
        }
    }

    /// A training has reported.
    pub fn reported(&mut self, evaluation: EvaluationId) {
        self.reported.insert(evaluation);
    }

    /// Trainings of the search that are half way through, each once: with their reports so far, where none is missing.
    pub fn half_way(&mut self) -> Vec<(EvaluationId, Arc<Individual>, Vec<EpochReport>)> {
        let news = |id: EvaluationId| {
            let open = self.open.get_mut(&id)?;
            let Place::Leased(held) = &mut open.place else { return None };
            let known = held.told || held.advised || held.delivering;
            if open.kind != LeaseKind::Search || known || !held.is_half_way() {
                return None;
            }
            held.told = true;
            Some((id, Arc::clone(&open.individual), held.curve.clone()))
        };
        std::mem::take(&mut self.reported).into_iter().filter_map(news).collect()
    }

    /// The lease of this trainer and attempt, where it is in force.
    pub fn held(&mut self, trainer: TrainerId, ticket: Ticket) -> Option<&mut Held> {
        match self.open.get_mut(&ticket.evaluation) {
            Some(Open { attempt, place: Place::Leased(held), .. })
                if *attempt == ticket.attempt && held.trainer.worker == trainer.worker =>
            {
                Some(held)
            }
            _ => None,
        }
    }

    /// Takes an evaluation from whoever has it: the trainer counts as busy with nothing until it says that it can
    /// take work.
    pub fn release(&mut self, evaluation: EvaluationId) {
        let Some(Open { place: Place::Leased(held), .. }) = self.open.get(&evaluation) else { return };
        if let Some(has) = self.trainers.get_mut(&held.trainer).filter(|has| **has == Some(evaluation)) {
            *has = None;
        }
    }

    /// All leases go on: the desk itself was out of order for a while.
    pub fn renew_all(&mut self, now: f64) {
        for open in self.open.values_mut() {
            match &mut open.place {
                Place::Leased(held) => held.renew(now),
                Place::Unclaimed { expires } => *expires = now + CLAIM_SECONDS_MAX,
                Place::Ready | Place::Shelved => {}
            }
        }
    }

    /// Ends an evaluation for good: takes it off the desk.
    pub fn close(&mut self, evaluation: EvaluationId) -> Option<Open> {
        self.ready.remove(&evaluation);
        self.release(evaluation);
        self.reported.remove(&evaluation);
        let open = self.open.remove(&evaluation)?;
        self.count_out(&open);
        Some(open)
    }

    /// The evaluations whose lease nobody has renewed, or that nobody has claimed, in time.
    pub fn expired(&self, now: f64) -> Vec<EvaluationId> {
        let late = |open: &Open| match &open.place {
            Place::Leased(held) => held.expires <= now,
            Place::Unclaimed { expires } => *expires <= now,
            Place::Ready | Place::Shelved => false,
        };
        self.open.iter().filter(|(_, open)| late(open)).map(|(evaluation, _)| *evaluation).collect()
    }

    /// All leases in force.
    pub fn leases(&self) -> impl Iterator<Item = (EvaluationId, &Open, &Held)> {
        self.open.iter().filter_map(|(evaluation, open)| match &open.place {
            Place::Leased(held) => Some((*evaluation, open, held)),
            Place::Ready | Place::Shelved | Place::Unclaimed { .. } => None,
        })
    }

    /// All open evaluations.
    pub const fn open(&self) -> &BTreeMap<EvaluationId, Open> {
        &self.open
    }

    /// One open evaluation.
    pub fn get(&self, evaluation: EvaluationId) -> Option<&Open> {
        self.open.get(&evaluation)
    }

    /// Evaluations that wait, next first.
    pub const fn ready(&self) -> &Line<EvaluationId, Option<String>> {
        &self.ready
    }

    /// Trainers that wait, next first.
    pub const fn waiting(&self) -> &Line<TrainerId, String> {
        &self.waiting
    }

    /// All workers.
    pub const fn workers(&self) -> &BTreeMap<WorkerId, WorkerFacts> {
        &self.workers
    }

    /// All trainers and what they have.
    pub const fn trainers(&self) -> &BTreeMap<TrainerId, Option<EvaluationId>> {
        &self.trainers
    }

    /// How many leases of this kind are in force.
    pub fn leased(&self, kind: LeaseKind) -> usize {
        self.leases().filter(|(_, open, _)| open.kind == kind).count()
    }

    /// How many wait to be claimed.
    pub fn unclaimed(&self) -> usize {
        self.open.values().filter(|open| matches!(open.place, Place::Unclaimed { .. })).count()
    }

    /// How many open evaluations of this kind wait or are leased.
    pub fn active(&self, kind: LeaseKind) -> usize {
        self.active.get(&kind).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const TRAINER: TrainerId = TrainerId { worker: WorkerId(1), slot: 0 };

    /// A desk with a worker, on which so many evaluations wait.
    fn desk(evaluations: u64) -> Desk {
        let mut desk = Desk::default();
        desk.join(TRAINER.worker, testing::worker_facts("node"));
        for number in 1..=evaluations {
            let individual = Arc::new(testing::individual(number, &[]));
            desk.enqueue(EvaluationId(number), Open::new(individual, LeaseKind::Search));
        }
        desk
    }

    fn ticket(evaluation: u64) -> Ticket {
        Ticket { evaluation: EvaluationId(evaluation), attempt: 1 }
    }

    #[test]
    fn a_trainer_to_whom_an_order_is_on_its_way_gets_no_second_one() {
        let mut desk = desk(2);
        desk.welcome(TRAINER, None);
        assert_eq!(desk.next(), Some((TRAINER, EvaluationId(1))));
        desk.lease(TRAINER, EvaluationId(1), Held::by(TRAINER, 0.0));
        // Its slot rested for a moment and works again, which its worker says before the order has come there.
        desk.dismiss(TRAINER);
        desk.welcome(TRAINER, None);
        assert_eq!(desk.next(), None);
        assert_eq!(desk.claim(TRAINER, ticket(1), false, 1.0), Claim::Renewed);
        desk.welcome(TRAINER, Some(ticket(1)));
        assert_eq!(desk.next(), Some((TRAINER, EvaluationId(2))));
    }

    /// The first so many evaluations are handed out to the trainer's node, and lost with it.
    fn lose(desk: &mut Desk, evaluations: u64) {
        for number in 1..=evaluations {
            desk.lease(TRAINER, EvaluationId(number), Held::by(TRAINER, 0.0));
        }
        for number in 1..=evaluations {
            desk.requeue_lost(EvaluationId(number), Some((TRAINER.worker, "node".to_owned())));
        }
        desk.rest(TRAINER);
    }

    #[test]
    fn a_node_that_has_lost_many_is_given_what_waits_behind_them() {
        let mut desk = desk(500);
        let elsewhere = TrainerId { worker: WorkerId(2), slot: 0 };
        desk.join(elsewhere.worker, testing::worker_facts("elsewhere"));
        desk.welcome(elsewhere, None);
        desk.lease(elsewhere, EvaluationId(500), Held::by(elsewhere, 0.0));
        lose(&mut desk, 400);
        desk.welcome(TRAINER, None);
        assert_eq!(desk.next(), Some((TRAINER, EvaluationId(401))));
        for number in 401..500 {
            desk.set_aside(EvaluationId(number));
        }
        assert_eq!(desk.next(), None, "all others were lost with its node, and another may have them");
        desk.close(EvaluationId(500));
        desk.welcome(elsewhere, None);
        assert_eq!(desk.next(), Some((elsewhere, EvaluationId(400))), "the last that was lost goes first");
    }

    #[test]
    fn what_was_lost_goes_to_its_node_again_where_no_other_has_trainers() {
        let mut desk = desk(1);
        let elsewhere = TrainerId { worker: WorkerId(2), slot: 0 };
        desk.join(elsewhere.worker, testing::worker_facts("elsewhere"));
        lose(&mut desk, 1);
        desk.welcome(TRAINER, None);
        let again = Some((TRAINER, EvaluationId(1)));
        assert_eq!(desk.next(), again, "the other is still being started");
        desk.welcome(elsewhere, None);
        assert_eq!(desk.next(), Some((elsewhere, EvaluationId(1))));
        desk.dismiss(elsewhere);
        assert_eq!(desk.next(), again, "the other takes nothing more");
        desk.welcome(elsewhere, None);
        desk.exclude("elsewhere".to_owned());
        assert_eq!(desk.next(), again, "the other is excluded");
    }

    #[test]
    fn a_trainer_that_rests_is_not_there_until_it_is_ready_again() {
        let mut desk = desk(2);
        desk.welcome(TRAINER, None);
        desk.dismiss(TRAINER);
        assert!(desk.trainers().is_empty() && desk.next().is_none());
        desk.welcome(TRAINER, None);
        desk.lease(TRAINER, EvaluationId(1), Held::by(TRAINER, 0.0));
        desk.rest(TRAINER);
        assert!(desk.trainers().is_empty() && desk.next().is_none());
        assert!(desk.held(TRAINER, ticket(1)).is_some_and(|held| held.delivering));
    }
}
