//! Whose weights a search training begins with: those of its first parent, where they are still kept.
//!
//! Those of the best and of the front are kept: the parents that are chosen most. It must not know how weights fit.

use super::state::Brain;
use crate::protocol::{EvaluationId, Individual, Inherited, LeaseKind};
use std::sync::Arc;

impl Brain {
    /// What a training of this kind of this individual is to begin with.
    pub(super) fn inherited(&self, kind: LeaseKind, individual: &Individual) -> Option<Inherited> {
        let evaluation = self.bequeather(kind, individual)?;
        let weights = Arc::clone(self.weights.get(&evaluation)?);
        let parent = &self.closed.get(evaluation)?.individual;
        Some(Inherited { evaluation, genome: Arc::clone(&parent.genome), weights })
    }

    /// The evaluation of the search that left the weights of the first parent. Few are kept: they are looked through.
    pub(super) fn bequeather(&self, kind: LeaseKind, individual: &Individual) -> Option<EvaluationId> {
        if !self.settings.inherit || kind != LeaseKind::Search {
            return None;
        }
        let parent = individual.parents.first()?;
        let mut kept = self.weights.keys().copied();
        kept.find(|evaluation| {
            let closed = self.closed.get(*evaluation);
            closed.is_some_and(|closed| closed.kind == LeaseKind::Search && closed.individual.id == *parent)
        })
    }
}
