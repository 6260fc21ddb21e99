//! Where a training stands: what it leaves when it ends now, and what a checkpoint keeps.
//!
//! Plain data; the loop in `trainer` is the only one that changes it.

use super::outcome::{EpochReport, Weights};

/// Where a training stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Finished epochs.
    pub curve: Vec<EpochReport>,
    /// The best epoch's weights.
    pub weights: Option<Weights>,
    /// Steps taken in all.
    pub steps: u64,
    /// The epoch under way, from 1; one more than there are where all are finished.
    pub epoch: u32,
    /// Steps taken of it.
    pub step: u64,
    /// Sum of their losses.
    pub loss_sum: f64,
    /// Whether a look at validation samples is due before the next step.
    pub look_due: bool,
    /// Seconds from genome to first step, of all attempts.
    pub build_seconds: f64,
    /// Seconds of the attempts before this one.
    pub seconds_before: f64,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            curve: Vec::new(),
            weights: None,
            steps: 0,
            epoch: 1,
            step: 0,
            loss_sum: 0.0,
            look_due: false,
            build_seconds: 0.0,
            seconds_before: 0.0,
        }
    }
}

impl Record {
    /// Mean loss of the steps of the epoch under way.
    pub fn training_loss(&self) -> f64 {
        self.loss_sum / self.step as f64
    }

    /// The epoch under way is finished: the next begins.
    pub fn finish_epoch(&mut self, report: EpochReport) {
        self.curve.push(report);
        self.epoch = self.epoch.saturating_add(1);
        self.step = 0;
        self.loss_sum = 0.0;
    }
}
