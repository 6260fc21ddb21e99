//! How an evaluation ends, and what it leaves.

use serde::{Deserialize, Serialize};

pub use crate::expression::Weights;

/// How an evaluation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Trained to its planned end.
    Completed,
    /// Stopped early by a rule (no better result for `patience` epochs, or an observer's word).
    Stopped,
    /// A loss or a weight became infinite or not a number.
    Diverged,
    /// Still predicted (nearly) one class for all samples after `majority_patience` epochs.
    Degenerate,
    /// Needed more memory than its limit.
    OutOfMemory,
    /// Ran into its time limit.
    TimedOut,
    /// Failed or took its process down; the message says how.
    Crashed,
    /// Its worker was lost; handed out again, costs no budget.
    WorkerLost,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Completed,
        Self::Stopped,
        Self::Diverged,
        Self::Degenerate,
        Self::OutOfMemory,
        Self::TimedOut,
        Self::Crashed,
        Self::WorkerLost,
    ];

    /// Its name in files, reports and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Diverged => "diverged",
            Self::Degenerate => "degenerate",
            Self::OutOfMemory => "out_of_memory",
            Self::TimedOut => "timed_out",
            Self::Crashed => "crashed",
            Self::WorkerLost => "worker_lost",
        }
    }

    /// Whether it counts against the budget of evaluations.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::WorkerLost)
    }

    /// Whether its score can be compared with others' (a parent must have one).
    pub const fn has_fitness(self) -> bool {
        matches!(self, Self::Completed | Self::Stopped | Self::TimedOut)
    }
}

/// One epoch's figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Epoch, from 1.
    pub epoch: u32,
    /// Mean training loss over the epoch's steps.
    pub training_loss: f64,
    /// Mean validation loss.
    pub validation_loss: f64,
    /// Classification: share of validation samples classified rightly. Regression: R squared
    /// (1 - mean squared error / variance of the targets).
    pub validation_score: f64,
    /// Seconds since the training began.
    pub seconds: f64,
}

/// What a training leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// How it ended.
    pub outcome: Outcome,
    /// Explanation where it did not complete; empty otherwise.
    pub message: String,
    /// One report per finished epoch.
    pub curve: Vec<EpochReport>,
    /// The best epoch's weights; `None` where no epoch was finished with finite numbers.
    pub weights: Option<Weights>,
    /// Training steps taken.
    pub steps: u64,
    /// Seconds from genome to the first finished step.
    pub build_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
}

impl Weights {
    /// STUB
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.parameters.len() as u64).to_le_bytes().to_vec();
        bytes.extend(self.parameters.iter().chain(&self.statistics).flat_map(|value| value.to_le_bytes()));
        bytes
    }
    /// STUB
    ///
    /// # Errors
    /// STUB
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (head, rest) = bytes.split_at_checked(8).ok_or("short")?;
        let count = u64::from_le_bytes(head.try_into().map_err(|_| "head")?) as usize;
        let mut values: Vec<f32> = rest
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        let statistics = values.split_off(count.min(values.len()));
        Ok(Self { parameters: values, statistics })
    }
}
