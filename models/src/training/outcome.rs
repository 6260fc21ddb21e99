//! How an evaluation ends, and what it leaves.

use crate::flat::{FlatError, Format, Reader, Writer};
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
    /// Classification: share of validation samples classified rightly. Regression: R squared, of several targets their
    /// mean ([`super::mean_r_squared`]).
    pub validation_score: f64,
    /// Seconds since the training began; of one that was interrupted, those that it was under way.
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
    /// Training steps taken, those before an interruption included.
    pub steps: u64,
    /// Seconds from genome to the first finished step; of a training that was interrupted, those of all its attempts.
    pub build_seconds: f64,
    /// Seconds in all, those before an interruption included.
    pub seconds: f64,
    /// Median of the seconds that one sample takes through the finished network; `None` where nobody asked, or it could
    /// not be measured. It is no part of the training's seconds.
    pub latency_seconds: Option<f64>,
    /// The state to go on from; only where the training was handed back after its first step.
    pub checkpoint: Option<Vec<u8>>,
}

/// Weights on their way between processes.
const WEIGHTS: Format = Format { what: "weights file", magic: *b"htchwght", version: 1 };

impl Weights {
    /// As bytes for another process, checksum included: parameters, then statistics.
    pub fn to_bytes(&self) -> Vec<u8> {
        let values = self.parameters.len() + self.statistics.len();
        let mut writer = Writer::new(&WEIGHTS, 2 * size_of::<u64>() + values * size_of::<f32>());
        writer.floats(&self.parameters);
        writer.floats(&self.statistics);
        writer.sealed()
    }

    /// From the bytes of `to_bytes`. Whether they are of a certain network, whoever uses them checks.
    ///
    /// # Errors
    /// Where they are something else, damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FlatError> {
        let mut reader = Reader::open_sealed(&WEIGHTS, bytes)?;
        let (parameters, statistics) = (reader.floats("the parameters")?, reader.floats("the statistics")?);
        reader.end()?;
        Ok(Self { parameters, statistics })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_travel_bit_for_bit_and_damage_is_noticed() {
        let weights = Weights { parameters: vec![1.0, -0.0, f32::NAN, 1e-42], statistics: vec![0.5] };
        let bytes = weights.to_bytes();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let back = Weights::from_bytes(&bytes).unwrap();
        assert_eq!(bits(&back.parameters), bits(&weights.parameters));
        assert_eq!(bits(&back.statistics), bits(&weights.statistics));
        let none = Weights::default();
        assert_eq!(Weights::from_bytes(&none.to_bytes()), Ok(none));

        let message = |bytes: &[u8]| Weights::from_bytes(bytes).unwrap_err().to_string();
        assert!(message(&bytes[..bytes.len() - 1]).contains("checksum"));
        assert!(message(b"nonsense!").contains("no weights file"));
        let mut damaged = bytes;
        damaged[20] ^= 1;
        assert!(message(&damaged).contains("damaged"));
    }
}
