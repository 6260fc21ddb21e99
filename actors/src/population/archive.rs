//! Evaluations that have ended: of most of them a line, of those that something may still be decided about the whole.
//!
//! A search of a million evaluations keeps a line of each; who the others were is in the journal. It must not know why
//! an evaluation is still of interest.

use super::ledger::Closed;
use crate::protocol::{EvaluationId, Fingerprint, IndividualId, LeaseKind};
use hatchery_models::training::outcome::Outcome;
use std::collections::BTreeMap;

/// What is kept of every evaluation that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Whose.
    pub individual: IndividualId,
    /// Its structure.
    pub fingerprint: Fingerprint,
    /// What for.
    pub kind: LeaseKind,
    /// Whether it counts against the budget.
    pub counts: bool,
}

/// All evaluations that have ended.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    past: BTreeMap<EvaluationId, Past>,
    kept: BTreeMap<EvaluationId, Closed>,
    last: Option<(EvaluationId, Outcome, String)>,
}

impl Archive {
    /// An evaluation has ended; the whole of it is kept until it is let go.
    pub fn insert(&mut self, evaluation: EvaluationId, closed: Closed) {
        let past = Past {
            individual: closed.individual.id,
            fingerprint: Fingerprint::of(&closed.individual.hash),
            kind: closed.kind,
            counts: closed.outcome.counts(),
        };
        self.past.insert(evaluation, past);
        if self.last.as_ref().is_none_or(|(last, ..)| *last < evaluation) {
            self.last = Some((evaluation, closed.outcome, closed.message.clone()));
        }
        self.kept.insert(evaluation, closed);
    }

    /// Nothing will be decided about it any more: a line of it stays.
    pub fn let_go(&mut self, evaluation: EvaluationId) {
        self.kept.remove(&evaluation);
    }

    /// The whole of an evaluation, where it is kept.
    pub fn get(&self, evaluation: EvaluationId) -> Option<&Closed> {
        self.kept.get(&evaluation)
    }

    /// All that are kept whole.
    pub const fn kept(&self) -> &BTreeMap<EvaluationId, Closed> {
        &self.kept
    }

    /// The line of every evaluation that has ended.
    pub const fn past(&self) -> &BTreeMap<EvaluationId, Past> {
        &self.past
    }

    /// How the evaluation with the greatest number ended, and its explanation.
    pub fn last(&self) -> Option<(Outcome, &str)> {
        self.last.as_ref().map(|(_, outcome, message)| (*outcome, message.as_str()))
    }

    /// How many have ended.
    pub fn len(&self) -> usize {
        self.past.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.past.is_empty()
    }
}
