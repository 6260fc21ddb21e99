//! What becomes of reports and results: who is told to stop, what counts, what is learned, whose weights are kept.

use super::champions::{Champion, Fitness};
use super::effect::Effect;
use super::front;
use super::lease::{Claim, Open, Place};
use super::ledger::Closed;
use super::objectives::{Measured, costs, costs_before};
use super::settings::{FRONT_KEPT_MAX, WEIGHTS_KEPT_MAX};
use super::state::Brain;
use crate::journal::entry::{Entry, Finished};
use crate::pace::Pace;
use crate::protocol::{
    Delivery, EvaluationId, Individual, LeaseKind, Maker, Ticket, TrainerId, WeightsPlace,
};
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained, Weights};
use std::sync::Arc;

impl Brain {
    pub(super) fn progress(&mut self, trainer: TrainerId, ticket: Ticket, report: EpochReport, now: f64) {
        if self.claim(trainer, ticket, now) == Claim::Refused {
            return;
        }
        let evaluation = ticket.evaluation;
        let Some(open) = self.desk.get(evaluation) else { return };
        let search = open.kind == LeaseKind::Search;
        // What the user has designed is trained to its end: the winner is compared with it at equal training.
        let users = open.individual.maker == Maker::User;
        let costs = costs_before(&self.settings.search.objectives, &open.individual);
        if search {
            self.desk.reported(evaluation);
        }
        let Some(held) = self.desk.held(trainer, ticket) else { return };
        if held.curve.last().is_some_and(|last| last.epoch >= report.epoch) {
            return;
        }
        if held.curve.len() > usize::try_from(held.epochs).unwrap_or(usize::MAX) {
            return;
        }
        held.curve.push(report);
        // Of one that was claimed, or whose reports were lost on the way, not all epochs are known: no rule is held
        // against half a curve.
        let whole = u32::try_from(held.curve.len()) == Ok(report.epoch);
        if !search || held.advised || !whole || users {
            return;
        }
        let Some(mark) = self.stopping.verdict(&held.curve, &costs) else { return };
        held.advised = true;
        let (epoch, score) = (report.epoch, best_of(&held.curve).map_or(f64::NAN, |(score, _)| score));
        self.record(Entry::Advised { evaluation, epoch, score, mark });
        self.out.push(Effect::Advise(trainer, ticket));
    }

    /// A trainer has fitted its plan to its time. A final training that turns out too short to be of use is called off.
    pub(super) fn planned(&mut self, trainer: TrainerId, ticket: Ticket, epochs: u32) {
        let Ticket { evaluation, attempt } = ticket;
        let is_final = self.desk.get(evaluation).is_some_and(|open| open.kind == LeaseKind::Final);
        let too_short = is_final && epochs < self.final_epochs_min();
        let Some(held) = self.desk.held(trainer, ticket) else { return };
        if held.epochs == epochs || held.advised {
            return;
        }
        held.epochs = epochs;
        held.advised = too_short;
        self.record(Entry::Planned { evaluation, attempt, epochs });
        if too_short {
            self.out.push(Effect::Advise(trainer, ticket));
        }
    }

    pub(super) fn deliver(&mut self, trainer: TrainerId, delivery: Delivery, now: f64) {
        let Delivery { ticket, trained, weights } = delivery;
        self.desk.has_ended(ticket);
        if self.claim(trainer, ticket, now) == Claim::Refused {
            // An attempt that was given up, or a word said twice. The worker need not keep its result.
            return self.out.push(Effect::Acknowledge(trainer, ticket));
        }
        if weights == WeightsPlace::WithWorker && self.wants_weights(ticket.evaluation, &trained) {
            return self.out.push(Effect::Fetch(trainer, ticket));
        }
        let node = self.desk.node_of(trainer.worker).map(str::to_owned);
        if trained.outcome == Outcome::WorkerLost {
            let with = node.map(|node| (trainer.worker, node));
            self.lose(ticket.evaluation, with, &trained.message, now);
            self.desk.give_up(ticket.evaluation);
        } else if !self.tried_again(ticket, &trained, node, now) {
            self.note_busy(ticket.evaluation, now);
            self.close(ticket.evaluation, trained);
        }
        self.out.push(Effect::Acknowledge(trainer, ticket));
    }

    /// Whether the weights of a result would be kept: of the finale's trainings always, of the search's where it is
    /// among the best or on the front.
    fn wants_weights(&self, evaluation: EvaluationId, trained: &Trained) -> bool {
        let Some(open) = self.desk.get(evaluation) else { return false };
        if open.kind != LeaseKind::Search {
            return open.kind != LeaseKind::Test;
        }
        if !trained.outcome.has_fitness() {
            return false;
        }
        let best = best_of(&trained.curve);
        let Some(fitness) = best.and_then(|(score, loss)| Fitness::new(Some(score), Some(loss))) else {
            return false;
        };
        let individual = open.individual.id;
        let champion = Champion { evaluation, individual, fitness };
        let place = self.place(evaluation, &open.individual, fitness, measured(trained));
        self.champions.would_take(&champion, WEIGHTS_KEPT_MAX)
            || place.is_some_and(|place| self.front.would_take(&place))
    }

    /// The time that a lease has taken, when it ends.
    pub(super) fn note_busy(&mut self, evaluation: EvaluationId, now: f64) {
        if let Some(open) = self.desk.get(evaluation)
            && let Place::Leased(held) = &open.place
        {
            self.tally.busy_seconds += (now - held.since).max(0.0);
        }
    }

    /// An evaluation has ended: it is recorded, counted once, and learned from.
    pub(super) fn close(&mut self, evaluation: EvaluationId, trained: Trained) {
        let Some(open) = self.desk.close(evaluation) else { return };
        let finished = finished(evaluation, &open, &trained);
        let fitness =
            if trained.outcome.has_fitness() { Fitness::new(finished.score, finished.loss) } else { None };
        let closed = Closed {
            individual: open.individual,
            kind: open.kind,
            outcome: trained.outcome,
            fitness,
            measured: measured(&trained),
            pace: Pace::measured(finished.seconds, finished.build_seconds, finished.images),
            epochs: u32::try_from(trained.curve.len()).unwrap_or(u32::MAX),
            message: trained.message,
        };
        self.record(Entry::Finished(Box::new(finished)));
        let weights = trained.weights.map(Arc::new);
        match closed.kind {
            LeaseKind::Search => {
                self.learn(&closed, &trained.curve);
                self.announce(&closed);
                self.tally.counted_here += 1;
                self.crown_candidate(evaluation, &closed, weights);
            }
            LeaseKind::Crown | LeaseKind::Final => self.keep_weights(evaluation, weights),
            LeaseKind::Test => {}
        }
        self.file(evaluation, closed);
        // What the finale does not need, the search has. That looks at every trainer: only where the best have changed.
        if self.is_worth_keeping(evaluation)
            && let Some(seconds) = self.finale_seconds()
        {
            self.timing.reserve(seconds);
        }
    }

    /// An evaluation that has ended goes to the archive. Of those that something may still be decided about (the best,
    /// the front, the user's networks, the finale) all is kept.
    pub(super) fn file(&mut self, evaluation: EvaluationId, closed: Closed) {
        self.closed.insert(evaluation, closed);
        self.let_go(evaluation);
    }

    fn let_go(&mut self, evaluation: EvaluationId) {
        let passed =
            |closed: &Closed| closed.kind == LeaseKind::Search && closed.individual.maker != Maker::User;
        if self.closed.get(evaluation).is_some_and(passed) && !self.is_worth_keeping(evaluation) {
            self.closed.let_go(evaluation);
        }
    }

    /// What a finished search evaluation teaches, now or in an earlier life of this run.
    pub(super) fn learn(&mut self, closed: &Closed, curve: &[EpochReport]) {
        self.tally.note(closed.outcome);
        self.tally.counted += u32::from(closed.outcome.counts());
        if closed.outcome == Outcome::Crashed {
            self.tally.crashes_in_a_row += 1;
        } else {
            self.tally.crashes_in_a_row = 0;
        }
        if closed.fitness.is_some() {
            let costs = costs_before(&self.settings.search.objectives, &closed.individual);
            self.stopping.learn(curve, closed.outcome == Outcome::Completed, costs);
        }
        if let Some(pace) = closed.pace.filter(|_| closed.outcome.has_fitness()) {
            let seconds = pace.seconds(self.settings.images.search, self.settings.epochs);
            self.timing.learn(closed.individual.multiply_adds, seconds);
        }
    }

    /// One that is among the best, or on the front of score against size, keeps its weights; one that no longer is
    /// loses them.
    fn crown_candidate(&mut self, evaluation: EvaluationId, closed: &Closed, weights: Option<Arc<Weights>>) {
        let left = self.rank(evaluation, closed);
        if self.is_worth_keeping(evaluation) {
            self.keep_weights(evaluation, weights);
        }
        for evaluation in left {
            if !self.is_worth_keeping(evaluation) && self.weights.remove(&evaluation).is_some() {
                self.record(Entry::WeightsDropped { evaluation });
            }
        }
    }

    /// Gives an evaluation of the search its place among the best and on the front. Says whom it drives away there.
    pub(super) fn rank(&mut self, evaluation: EvaluationId, closed: &Closed) -> Vec<EvaluationId> {
        let Some(fitness) = closed.fitness else { return Vec::new() };
        let individual = closed.individual.id;
        let (_, worst) =
            self.champions.insert(Champion { evaluation, individual, fitness }, WEIGHTS_KEPT_MAX);
        let place = self.place(evaluation, &closed.individual, fitness, closed.measured);
        let beaten = place.map(|place| self.front.insert(place, FRONT_KEPT_MAX).1).unwrap_or_default();
        let worst = worst.map(|champion| champion.evaluation);
        let left: Vec<_> = worst.into_iter().chain(beaten.iter().map(|place| place.evaluation)).collect();
        for evaluation in &left {
            self.let_go(*evaluation);
        }
        left
    }

    /// Its place among those that no other beats in score without costing more.
    fn place(
        &self,
        evaluation: EvaluationId,
        individual: &Individual,
        fitness: Fitness,
        measured: Measured,
    ) -> Option<front::Place> {
        let costs = costs(&self.settings.search.objectives, individual, measured)?;
        Some(front::Place { evaluation, individual: individual.id, costs, score: fitness.score })
    }

    pub(super) fn is_worth_keeping(&self, evaluation: EvaluationId) -> bool {
        self.front.holds(evaluation)
            || self.champions.ranked().iter().any(|champion| champion.evaluation == evaluation)
    }

    pub(super) fn keep_weights(&mut self, evaluation: EvaluationId, weights: Option<Arc<Weights>>) {
        if let Some(weights) = weights {
            self.weights.insert(evaluation, Arc::clone(&weights));
            self.record(Entry::WeightsKept { evaluation, weights });
        }
    }
}

/// The best epoch's score and loss: the greatest score, of equals the smallest loss.
pub fn best_of(curve: &[EpochReport]) -> Option<(f64, f64)> {
    curve
        .iter()
        .map(|report| (report.validation_score, report.validation_loss))
        .filter(|(score, _)| score.is_finite())
        .max_by(|(score, loss), (other_score, other_loss)| {
            score.total_cmp(other_score).then(other_loss.total_cmp(loss))
        })
}

const fn measured(trained: &Trained) -> Measured {
    Measured { training: trained.seconds, latency: trained.latency_seconds }
}

fn finished(evaluation: EvaluationId, open: &Open, trained: &Trained) -> Finished {
    // Nothing was left to score the final training on: what its curve holds in place of scores is none.
    let best = if open.kind == LeaseKind::Final { None } else { best_of(&trained.curve) };
    Finished {
        evaluation,
        attempt: open.attempt,
        outcome: trained.outcome,
        score: best.map(|(score, _)| score),
        loss: best.map(|(_, loss)| loss).filter(|loss| loss.is_finite()),
        curve: trained.curve.clone(),
        seconds: trained.seconds,
        build_seconds: trained.build_seconds,
        latency_seconds: trained.latency_seconds,
        steps: trained.steps,
        images: trained.steps * u64::from(open.individual.genome.training.batch_size),
        message: trained.message.clone(),
    }
}
