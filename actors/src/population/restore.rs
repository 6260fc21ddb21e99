//! A run that goes on: the brain rebuilt from what the journal holds.

use super::champions::Fitness;
use super::effect::Effect;
use super::lease::Open;
use super::ledger::Closed;
use super::objectives::Measured;
use super::settings::Settings;
use super::state::Brain;
use crate::journal::entry::Stage;
use crate::journal::{EvaluationRecord, EvaluationState, Pauses, RunRecord};
use crate::pace::Pace;
use crate::protocol::{EvaluationId, LeaseKind, News};
use hatchery_models::training::outcome::{Outcome, Weights};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Brain {
    /// A run that goes on from `record`, with the weights that it has kept. What had ended is not repeated; what was
    /// under way counts as lost once, and is handed out again as a further attempt. One that was paused stays so.
    pub fn restore(
        settings: Settings,
        record: &RunRecord,
        pauses: Pauses,
        weights: BTreeMap<EvaluationId, Arc<Weights>>,
    ) -> Self {
        let mut brain = Self::with_spent(settings, record.elapsed_seconds, pauses);
        brain.stage = record.stage;
        brain.searched = record.stage != Stage::Search;
        for individual in &record.individuals {
            brain.nursery.remember(individual.id, &individual.hash);
            *brain.births.entry(individual.maker).or_default() += 1;
        }
        brain.weights = weights;
        for evaluation in &record.evaluations {
            brain.next_evaluation = brain.next_evaluation.max(evaluation.id.0 + 1);
            match evaluation.state {
                EvaluationState::Finished => brain.recall(evaluation),
                EvaluationState::Queued | EvaluationState::Running => brain.reopen(evaluation),
            }
        }
        if let Some(last) = &record.final_result {
            brain.finale.remember(last.individual, last.evaluation, last.tested_ms.is_some());
        }
        brain.adopt_unqueued(record);
        brain.set_surplus_aside();
        // Makers are told all of it when they begin.
        brain.out.retain(|effect| !matches!(effect, Effect::Tell(_)));
        brain
    }

    /// What makers have to know of what has happened so far, where they begin in the middle.
    pub fn news(&self, record: &RunRecord) -> Vec<News> {
        let born = record.individuals.iter().map(|individual| News::Born(Arc::clone(individual)));
        let told = record.evaluations.iter().filter(|evaluation| {
            evaluation.kind == LeaseKind::Search
                && evaluation.state == EvaluationState::Finished
                && !self.telling.is_waiting(evaluation.individual.id)
        });
        let ended = told.map(|of| News::Ended(of.individual.id, self.verdict(&closed(of))));
        born.chain(ended).collect()
    }

    /// An evaluation that had ended.
    pub(super) fn recall(&mut self, record: &EvaluationRecord) {
        let closed = closed(record);
        self.note_losses(record.losses);
        if record.kind == LeaseKind::Search {
            self.learn(&closed, &record.curve);
            self.announce(&closed);
            self.rank(record.id, &closed);
        }
        self.file(record.id, closed);
        // A streak of crashes is no reason to give up again before anything was tried.
        self.tally.crashes_in_a_row = 0;
    }

    /// An evaluation that had not ended: it waits where its stage is still on.
    fn reopen(&mut self, record: &EvaluationRecord) {
        let open = Open {
            attempt: record.attempt,
            failures: self.settings.retry.after_losses(record.losses),
            ..Open::new(Arc::clone(&record.individual), record.kind)
        };
        self.note_losses(record.losses);
        let on = match self.stage {
            Stage::Search => record.kind == LeaseKind::Search,
            Stage::Crown => record.kind == LeaseKind::Crown,
            Stage::Final => record.kind == LeaseKind::Final,
            Stage::Test => record.kind == LeaseKind::Test,
            Stage::Done => false,
        };
        let running = record.state == EvaluationState::Running;
        if running || !on {
            self.desk.adopt(record.id, open);
        } else {
            self.desk.enqueue(record.id, open);
        }
        if running {
            self.orphans.push(record.id);
        }
    }

    /// Individuals are queued in the commit that they are born in, so that each has an evaluation. Should one have
    /// none (a journal that was repaired by hand), its evaluation is made up for when the run begins.
    fn adopt_unqueued(&mut self, record: &RunRecord) {
        if self.stage != Stage::Search {
            return;
        }
        let queued: std::collections::HashSet<_> =
            record.evaluations.iter().map(|evaluation| evaluation.individual.id).collect();
        for individual in record.individuals.iter().filter(|individual| !queued.contains(&individual.id)) {
            self.enqueue(Arc::clone(individual), LeaseKind::Search);
        }
    }

    /// Candidates that the search had no time left for were replaced by smaller ones, and now all wait again: as many
    /// as the budget has room for.
    fn set_surplus_aside(&mut self) {
        let Some(budget) = self.settings.evaluations.filter(|_| self.stage == Stage::Search) else { return };
        let room = (budget.saturating_sub(self.tally.counted) as usize).saturating_sub(self.orphans.len());
        let surplus: Vec<_> = self.desk.ready().iter().skip(room).copied().collect();
        for evaluation in surplus {
            self.desk.set_aside(evaluation);
        }
    }

    fn note_losses(&mut self, losses: u32) {
        for _ in 0..losses {
            self.tally.note(Outcome::WorkerLost);
        }
    }
}

fn closed(record: &EvaluationRecord) -> Closed {
    let outcome = record.outcome.unwrap_or(Outcome::Crashed);
    let fitness = if outcome.has_fitness() { Fitness::new(record.score, record.loss) } else { None };
    Closed {
        individual: Arc::clone(&record.individual),
        kind: record.kind,
        outcome,
        fitness,
        measured: Measured { training: record.seconds, latency: record.latency_seconds },
        pace: Pace::measured(record.seconds, record.build_seconds, record.images),
        epochs: u32::try_from(record.curve.len()).unwrap_or(u32::MAX),
        message: record.message.clone(),
    }
}
