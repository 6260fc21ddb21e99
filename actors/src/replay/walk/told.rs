//! What makers were told of trainings under way: they hear it again, and it is held against the curve in the end.

use super::super::Decision;
use super::Walk;
use crate::journal::EvaluationRecord;
use crate::journal::happened::Told;
use crate::population::witness::score_after;
use crate::protocol::EvaluationId;

/// What was told of a training that had not ended.
pub(super) struct Tidings {
    event: i64,
    attempt: u32,
    told: Told,
}

impl Walk<'_> {
    pub(super) fn told(&mut self, id: EvaluationId, told: Told) {
        let Some(open) = self.open(id, "told of") else { return };
        let loss = told.loss.unwrap_or(f64::INFINITY);
        if self.witness.tell_under_way(&open.individual, told.score, loss) {
            self.confirm(Decision::Record, false);
        } else {
            let subject = format!("evaluation {id}: told of under way");
            self.differ(Decision::Record, subject, format!("{:?}", told.score), "nothing to tell".to_owned());
        }
        let event = self.at.unwrap_or_default();
        self.tidings.insert(id, Tidings { event, attempt: open.attempt, told });
    }

    /// The score that was told is that of the curve.
    pub(super) fn told_as_it_was(&mut self, row: &EvaluationRecord) {
        let Some(Tidings { event, attempt, told }) = self.tidings.remove(&row.id) else { return };
        if attempt != row.attempt || row.curve.len() < told.epoch as usize {
            return;
        }
        let now = self.at.replace(event);
        let subject = || format!("evaluation {}: told best score of {} epochs", row.id, told.epoch);
        self.expect(Decision::Record, false, subject, Some(told.score), score_after(row, told.epoch));
        self.at = now;
    }
}
