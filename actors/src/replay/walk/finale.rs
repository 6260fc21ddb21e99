//! What follows the search, on the walk: stages, candidates, the winner and its test.

use super::super::Decision;
use super::Walk;
use crate::journal::happened::Tested;
use crate::journal::{EvaluationState, Stage};
use crate::protocol::{EvaluationId, IndividualId, LeaseKind};
use std::collections::VecDeque;

impl Walk<'_> {
    pub(super) fn staged(&mut self, stage: Stage) {
        let before = self.so_far.record.stage;
        if stage <= before {
            let recorded = stage.word().to_owned();
            self.differ(Decision::Stage, "stage".to_owned(), recorded, format!("after {}", before.word()));
        } else if before != Stage::Search || self.witness.is_timed() {
            self.confirm(Decision::Stage, false);
        } else {
            self.search_ended(stage);
        }
        self.so_far.record.stage = stage;
        self.due.queue = match stage {
            Stage::Crown => {
                let slate = self.witness.candidates();
                self.due.regularised = slate.regularised.into();
                slate.known.iter().map(|one| (one.individual, LeaseKind::Crown)).collect()
            }
            Stage::Final => {
                self.witness.winner().into_iter().map(|(one, _)| (one, LeaseKind::Final)).collect()
            }
            Stage::Test => {
                let winner = self.so_far.record.final_result.iter();
                winner.map(|winner| (winner.individual, LeaseKind::Test)).collect()
            }
            Stage::Search | Stage::Done => VecDeque::new(),
        };
        // With a limit of time, that decides how many are candidates: two at least, one perhaps regularised.
        let optional = stage == Stage::Crown && self.witness.is_timed();
        let least = if self.due.regularised.is_empty() { 2 } else { 1 };
        self.due.queue_min = if optional { least } else { self.due.queue.len() };
    }

    /// Without a limit of time, what ends the search is its budget, or that nothing new can be found.
    fn search_ended(&mut self, stage: Stage) {
        let over = self.witness.is_spent() || self.witness.is_exhausted();
        let follows = match self.witness.stage_after_search() {
            // Without a test part, the winner is the end.
            Stage::Test if stage == Stage::Done => Stage::Done,
            follows => follows,
        };
        let subject = || "end of the search: whether it is due, and what follows".to_owned();
        self.expect(Decision::Stage, true, subject, (true, stage), (over, follows));
    }

    pub(super) fn crowned(&mut self, individual: IndividualId, evaluation: EvaluationId, retrained: bool) {
        let replayed = if retrained { self.retrained() } else { self.witness.winner() };
        let replayed = replayed.map(|(individual, evaluation)| (individual.0, evaluation.0, retrained));
        let subject = || "winner: individual, evaluation, retrained".to_owned();
        let recorded = Some((individual.0, evaluation.0, retrained));
        self.expect(Decision::Winner, true, subject, recorded, replayed);
        self.so_far.crowned(individual, evaluation, retrained);
    }

    /// Whom the last final training has trained, where its weights can be used.
    fn retrained(&self) -> Option<(IndividualId, EvaluationId)> {
        let kept = self.witness.kept();
        let last = self.so_far.record.evaluations.iter().rev().find(|one| one.kind == LeaseKind::Final)?;
        let usable = kept.contains(&last.id) && last.outcome.is_some_and(|outcome| outcome.has_fitness());
        usable.then_some((last.individual.id, last.id))
    }

    pub(super) fn tested(&mut self, tested: &Tested) {
        let evaluations = self.so_far.record.evaluations.iter().rev();
        let test = evaluations.filter(|one| one.state == EvaluationState::Finished);
        let test = test.into_iter().find(|one| one.kind == LeaseKind::Test);
        let replayed = test.and_then(|test| Some((Some(test.score?), test.loss)));
        let subject = || "test: score, loss".to_owned();
        let recorded = Some((tested.score, tested.loss));
        self.expect(Decision::Test, true, subject, recorded, replayed);
        self.so_far.tested(tested.score, tested.loss);
    }
}
