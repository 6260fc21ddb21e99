//! Workers that come and go, and what becomes of the evaluations that they had.

use super::effect::Effect;
use super::lease::{Claim, Place};
use super::retry::{Cause, Judgement};
use super::state::Brain;
use crate::journal::entry::{End, Entry, Stage};
use crate::protocol::{EvaluationId, LeaseKind, Ticket, TrainerId, WorkerFacts, WorkerId, nothing_trained};
use hatchery_models::training::outcome::{Outcome, Trained};
use std::sync::Arc;

impl Brain {
    pub(super) fn joined(&mut self, worker: WorkerId, facts: WorkerFacts) {
        self.record(Entry::Joined { worker, facts: facts.clone() });
        self.desk.join(worker, facts);
    }

    pub(super) fn left(&mut self, worker: WorkerId, reason: &str, now: f64) {
        let Some(node) = self.desk.node_of(worker).map(str::to_owned) else { return };
        self.record(Entry::Left { worker, reason: reason.to_owned() });
        for evaluation in self.desk.leave(worker) {
            self.lose(evaluation, Some((worker, node.clone())), reason, now);
        }
    }

    /// How a worker had ended is known only when its supervisor has started another. One that broke down by itself
    /// may have been taken down by what it had: that is held against it.
    pub(super) fn evidence(&mut self, worker: WorkerId, crashed: bool, how: &str, now: f64) {
        self.record(Entry::Evidence { worker, crashed, how: how.to_owned() });
        let with =
            |lost_with: &Option<(WorkerId, String)>| lost_with.as_ref().is_some_and(|(of, _)| *of == worker);
        let lost: Vec<EvaluationId> =
            self.desk.open.iter().filter(|(_, open)| with(&open.lost_with)).map(|(id, _)| *id).collect();
        for evaluation in lost {
            let Some(open) = self.desk.open.get_mut(&evaluation) else { continue };
            if crashed {
                open.failures.lost = open.failures.lost.saturating_sub(1);
                open.failures.note(Cause::Crashed);
            }
            let cause = if crashed { Cause::Crashed } else { Cause::Lost };
            let judgement = self.settings.retry.judge(&open.failures, cause, how);
            let node = open.lost_with_node().map(str::to_owned);
            self.exclude_when_judged(&judgement, node);
            if !judgement.again {
                self.abandon(evaluation);
                self.note_busy(evaluation, now);
                self.close(evaluation, nothing_trained(Outcome::Crashed, judgement.reason));
            }
        }
    }

    /// A failure that its worker has reported. Says whether there is to be another attempt, which then waits.
    pub(super) fn tried_again(
        &mut self,
        ticket: Ticket,
        trained: &Trained,
        node: Option<String>,
        now: f64,
    ) -> bool {
        let cause = match trained.outcome {
            Outcome::OutOfMemory => Cause::OutOfMemory,
            Outcome::TimedOut => Cause::TimedOut,
            Outcome::Crashed => Cause::Failed,
            _ => return false,
        };
        let Ticket { evaluation, attempt } = ticket;
        let Some(open) = self.desk.open.get_mut(&evaluation) else { return false };
        open.failures.note(cause);
        let judgement = self.settings.retry.judge(&open.failures, cause, &trained.message);
        self.exclude_when_judged(&judgement, node);
        if judgement.again {
            self.note_busy(evaluation, now);
            let outcome = trained.outcome;
            self.record(Entry::Retried { evaluation, attempt, outcome, reason: judgement.reason });
            self.desk.release(evaluation);
            self.desk.requeue(evaluation);
            self.desk.give_up(evaluation);
            self.shelve_when_searched();
        }
        judgement.again
    }

    /// A node that is sick gets no more work. Where there is no other, the run cannot go on.
    fn exclude_when_judged(&mut self, judgement: &Judgement, node: Option<String>) {
        let Some(node) = node.filter(|node| judgement.exclude_node && !self.desk.is_excluded(node)) else {
            return;
        };
        self.record(Entry::Excluded { node: node.clone(), reason: judgement.reason.clone() });
        self.desk.exclude(node);
        if !self.desk.has_workers() {
            let reason = &judgement.reason;
            let message = format!("[retry] exclude_node has excluded every worker; the last time: {reason}");
            self.finish(End::Failed(message));
        }
    }

    /// A trainer says that it has this attempt.
    pub(super) fn holds(&mut self, trainer: TrainerId, ticket: Ticket, now: f64) {
        if self.claim(trainer, ticket, now) == Claim::Refused {
            self.out.push(Effect::Abandon(trainer, ticket));
        }
    }

    pub(super) fn claim(&mut self, trainer: TrainerId, ticket: Ticket, now: f64) -> Claim {
        // Nothing of the search is begun any more when it is over, but what was begun may still end.
        let late = self.stage == Stage::Search && self.births_left() > 0;
        let claim = self.desk.claim(trainer, ticket, late, now);
        if claim == Claim::Adopted {
            let Ticket { evaluation, attempt } = ticket;
            let trainer = self.desk.label(trainer);
            self.record(Entry::Claimed { evaluation, attempt, trainer });
        }
        claim
    }

    /// A trainer knows nothing of an attempt that it was thought to have.
    pub(super) fn forgotten(&mut self, trainer: TrainerId, ticket: Ticket, reason: &str, now: f64) {
        if self.desk.held(trainer, ticket).is_some() {
            let node = self.desk.node_of(trainer.worker).map(str::to_owned);
            self.lose(ticket.evaluation, node.map(|node| (trainer.worker, node)), reason, now);
            self.desk.give_up(ticket.evaluation);
        }
    }

    /// A worker that has to end gives an attempt back: that is nobody's fault, and no loss.
    pub(super) fn handed_back(
        &mut self,
        trainer: TrainerId,
        ticket: Ticket,
        checkpoint: Option<Arc<[u8]>>,
        reason: &str,
        now: f64,
    ) {
        self.desk.has_ended(ticket);
        if self.claim(trainer, ticket, now) != Claim::Refused {
            let Ticket { evaluation, attempt } = ticket;
            tracing::info!(%evaluation, attempt, reason, "an evaluation was handed back");
            self.note_busy(evaluation, now);
            self.record(Entry::Released { evaluation, attempt });
            self.desk.release(evaluation);
            if let Some(open) = self.desk.requeue(evaluation) {
                open.checkpoint = checkpoint.or(open.checkpoint.take());
            }
            self.desk.give_up(evaluation);
            self.shelve_when_searched();
        }
        self.out.push(Effect::Acknowledge(trainer, ticket));
    }

    /// Leases that nobody renews, and what nobody has claimed.
    pub(super) fn expire(&mut self, now: f64) {
        for evaluation in self.desk.expired(now) {
            let with = match self.desk.get(evaluation).map(|open| &open.place) {
                Some(Place::Leased(held)) => Some(held.trainer.worker),
                _ => None,
            };
            let with = with.and_then(|worker| Some((worker, self.desk.node_of(worker)?.to_owned())));
            self.abandon(evaluation);
            let reason = if with.is_some() { "its lease was not renewed" } else { "nobody has claimed it" };
            self.lose(evaluation, with, reason, now);
        }
    }

    /// Tells whoever has an evaluation to drop it. That it goes on with it for a while, or hangs, is no claim to it.
    fn abandon(&mut self, evaluation: EvaluationId) {
        if let Some(open) = self.desk.get(evaluation)
            && let Place::Leased(held) = &open.place
        {
            let ticket = Ticket { evaluation, attempt: open.attempt };
            self.out.push(Effect::Abandon(held.trainer, ticket));
            self.desk.call_off(evaluation);
        }
    }

    /// An evaluation has lost its worker: it waits again, or is given up.
    pub(super) fn lose(
        &mut self,
        evaluation: EvaluationId,
        with: Option<(WorkerId, String)>,
        reason: &str,
        now: f64,
    ) {
        self.note_busy(evaluation, now);
        self.desk.release(evaluation);
        let Some(open) = self.desk.requeue_lost(evaluation, with) else { return };
        open.failures.note(Cause::Lost);
        let (attempt, failures) = (open.attempt, open.failures);
        self.tally.note(Outcome::WorkerLost);
        self.record(Entry::Lost { evaluation, attempt, reason: reason.to_owned() });
        let judgement = self.settings.retry.judge(&failures, Cause::Lost, reason);
        if judgement.again {
            self.shelve_when_searched();
        } else {
            self.close(evaluation, nothing_trained(Outcome::Crashed, judgement.reason));
        }
    }

    /// Nothing of the search is handed out any more when the search is over.
    fn shelve_when_searched(&mut self) {
        if self.searched {
            self.desk.shelve(LeaseKind::Search);
        }
    }
}
