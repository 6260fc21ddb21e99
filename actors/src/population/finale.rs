//! What follows the search: the best are trained again at full length to find the winner, the winner is trained
//! again on training and validation samples, and is tested once.
//!
//! The search's short looks rank the field well and its top badly, so they discard and do not crown. Where the time
//! is short, this shrinks: fewer candidates, fewer epochs, and at last none: then the search's own weights are
//! handed over.

use super::effect::Effect;
use super::ledger::Closed;
use super::state::Brain;
use crate::journal::entry::{End, Entry, Stage};
use crate::protocol::{EvaluationId, IndividualId, LeaseKind, Maker};
use hatchery_models::training::outcome::Outcome;
use std::sync::Arc;

impl Brain {
    /// Goes on to the next stage where the present one is over.
    pub(super) fn advance(&mut self, now: f64) {
        if self.end.is_some() {
            return;
        }
        match self.stage {
            Stage::Search if self.searched && self.desk.active(LeaseKind::Search) == 0 => {
                self.enter_crown(now)
            }
            Stage::Crown if self.desk.active(LeaseKind::Crown) == 0 => self.enter_final(now),
            Stage::Final if self.desk.active(LeaseKind::Final) == 0 => self.enter_test(),
            Stage::Test if self.desk.active(LeaseKind::Test) == 0 => self.conclude(),
            _ => {}
        }
    }

    /// An earlier life of this run was cut off in the finale: what is left of its time is divided anew.
    pub(super) fn resume_finale(&mut self, now: f64) {
        match self.stage {
            Stage::Crown => {
                let open = self.desk.open().values().filter(|open| open.kind == LeaseKind::Crown);
                let waiting: Vec<_> = open.map(|open| &*open.individual).collect();
                self.finale.crown_end = self.crown_deadline_of(&waiting, now);
            }
            Stage::Test if !self.finale.tested && self.desk.active(LeaseKind::Test) == 0 => self.queue_test(),
            // Done and recorded: nothing is left to record.
            Stage::Done => {
                self.out.push(Effect::Finish(End::Completed));
                self.end = Some(End::Completed);
            }
            Stage::Search | Stage::Final | Stage::Test => {}
        }
    }

    fn enter_crown(&mut self, now: f64) {
        self.tally.search = Some(self.search_time(now));
        if self.champions.best().is_none() {
            return self.finish(End::Failed(self.why_nothing_was_trained()));
        }
        let slate = self.slate(now);
        if slate.len() < 2 {
            return self.enter_final(now);
        }
        self.stage(Stage::Crown, slate.words());
        self.finale.crown_end = self.crown_deadline(&slate, now);
        for champion in slate.known {
            if let Some(closed) = self.closed.get(champion.evaluation) {
                let individual = Arc::clone(&closed.individual);
                self.enqueue(individual, LeaseKind::Crown);
            }
        }
        for newborn in slate.regularised {
            self.bear_unordered(Maker::Refiner, newborn, LeaseKind::Crown);
        }
    }

    fn enter_final(&mut self, now: f64) {
        let Some((individual, evaluation)) = self.winner() else {
            return self.finish(End::Failed(self.why_nothing_was_trained()));
        };
        if self.settings.final_training.enabled
            && self.final_epochs_max(individual, now) >= self.final_epochs_min()
            && let Some(closed) = self.closed.get(evaluation)
        {
            let owner = Arc::clone(&closed.individual);
            self.stage(Stage::Final, format!("individual {individual} is trained on all samples"));
            self.enqueue(owner, LeaseKind::Final);
        } else {
            self.crown(individual, evaluation, false);
        }
    }

    /// The final training has ended: its weights are handed over, or, where it failed, those of before.
    fn enter_test(&mut self) {
        let retrained = self.closed.kept().iter().rev().find(|(_, closed)| closed.kind == LeaseKind::Final);
        let usable = retrained.filter(|(evaluation, closed)| {
            self.weights.contains_key(*evaluation)
                && closed.outcome.has_fitness()
                && closed.epochs >= self.final_epochs_min()
        });
        match usable.map(|(evaluation, closed)| (*evaluation, closed.individual.id)) {
            Some((evaluation, individual)) => self.crown(individual, evaluation, true),
            None => match self.winner() {
                Some((individual, evaluation)) => self.crown(individual, evaluation, false),
                None => self.finish(End::Failed(self.why_nothing_was_trained())),
            },
        }
    }

    fn crown(&mut self, individual: IndividualId, evaluation: EvaluationId, retrained: bool) {
        if !self.weights.contains_key(&evaluation) {
            let message = format!("the winner, individual {individual}, has left no weights");
            return self.finish(End::Failed(message));
        }
        self.finale.crowned = Some((individual, evaluation));
        self.record(Entry::Crowned { individual, evaluation, retrained });
        if self.settings.images.test == 0 {
            self.stage(Stage::Done, format!("individual {individual} has won; there is no test part"));
            return self.finish(End::Completed);
        }
        self.stage(Stage::Test, format!("individual {individual} has won"));
        self.queue_test();
    }

    fn queue_test(&mut self) {
        let owner = self
            .finale
            .crowned
            .and_then(|(_, evaluation)| self.closed.get(evaluation))
            .map(|closed| Arc::clone(&closed.individual));
        if let Some(owner) = owner {
            self.enqueue(owner, LeaseKind::Test);
        }
    }

    fn conclude(&mut self) {
        let test = self.closed.kept().values().rev().find(|closed| closed.kind == LeaseKind::Test);
        match test {
            Some(Closed { fitness: Some(fitness), .. }) => {
                let (score, loss) = (fitness.score, Some(fitness.loss).filter(|loss| loss.is_finite()));
                self.finale.tested = true;
                self.record(Entry::Tested { score, loss });
                self.stage(Stage::Done, "the winner is tested".to_owned());
                self.finish(End::Completed);
            }
            Some(closed) => {
                let how = closed.outcome.word();
                self.finish(End::Failed(format!("the test of the winner {how}: {}", closed.message)));
            }
            None => self.finish(End::Failed("the winner cannot be tested: it has no evaluation".to_owned())),
        }
    }

    /// The best by the crown trainings; where there were none, by the search.
    pub(super) fn winner(&self) -> Option<(IndividualId, EvaluationId)> {
        let crowned = self
            .closed
            .kept()
            .iter()
            .filter(|(evaluation, closed)| {
                closed.kind == LeaseKind::Crown && self.weights.contains_key(*evaluation)
            })
            .filter_map(|(evaluation, closed)| Some((*evaluation, closed.individual.id, closed.fitness?)))
            .max_by(|(one, _, fitness), (other, _, other_fitness)| {
                fitness.compare(other_fitness).then(other.cmp(one))
            });
        match crowned {
            Some((evaluation, individual, _)) => Some((individual, evaluation)),
            None => self.champions.best().map(|best| (best.individual, best.evaluation)),
        }
    }

    fn why_nothing_was_trained(&self) -> String {
        if let Some(reason) = self.nursery.exhausted().filter(|_| self.closed.is_empty()) {
            return format!("no network could be bred: {reason}");
        }
        match self.closed.last() {
            Some((outcome, message)) => format!(
                "none of {} evaluations reached a score; the last ended as {}: {message}{}",
                self.closed.len(),
                outcome.word(),
                remedy(outcome)
            ),
            None => "the time was over before anything was trained; raise --time".to_owned(),
        }
    }
}

/// What helps where all evaluations end so.
const fn remedy(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Degenerate => {
            "; raise training.epochs or data.search_samples, or see by `hatchery data inspect` whether there is anything \
             to learn"
        }
        Outcome::Diverged => {
            "; lower space.learning_rate, or see by `hatchery data inspect` what the data hold"
        }
        Outcome::OutOfMemory => "; raise limits.memory_mib, or lower limits.parameters and space.batch_size",
        Outcome::TimedOut => "; raise training.seconds",
        Outcome::Completed | Outcome::Stopped | Outcome::Crashed | Outcome::WorkerLost => "",
    }
}
