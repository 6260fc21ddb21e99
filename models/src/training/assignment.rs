//! What a trainer is asked to do, and whom it tells.

use super::{
    checkpoint::{Checkpoint, Identity},
    outcome::EpochReport,
};
use crate::{
    data::Normalisation,
    expression::Bequest,
    flat::DIGEST_BYTES,
    genome::{Genome, structural_hash},
};
use sha2::{Digest, Sha256};

/// One training.
#[derive(Clone, Copy, Debug)]
pub struct Assignment<'a> {
    /// The network and how it is trained.
    pub genome: &'a Genome,
    /// Passes over the training samples; the learning rate's schedule spans them.
    pub epochs: u32,
    /// Seed of initial weights, order of samples, dropout and augmentation.
    pub seed: u64,
    /// Samples to train on; at least one.
    pub train: &'a [u32],
    /// Samples to validate on after each epoch. Where there are none, nothing is validated, all epochs are trained and
    /// the last weights are the result.
    pub valid: &'a [u32],
    /// Statistics of the training part.
    pub normalisation: &'a Normalisation,
    /// Wall-clock limit in seconds, preparation included; what an earlier attempt took is not.
    pub seconds_max: Option<f64>,
    /// Limit of the memory that the training needs beside the data set, as estimated before anything is allocated.
    pub memory_bytes_max: u64,
    /// A candidate no better than always naming the majority class after this many epochs is given up; infinity: it is
    /// judged after its last epoch only.
    pub majority_patience: f64,
    /// Epochs without a better validation result after which training stops; 0 = never.
    pub patience: u32,
    /// Where to go on from: the training then ends exactly as if it had never been interrupted. A checkpoint of another
    /// training is refused, with a warning, and the training begins from the beginning.
    pub resume: Option<&'a Checkpoint>,
    /// The parent whose weights it begins with, as far as their layers are equal; it says nothing where the training
    /// goes on from a checkpoint, which holds what has come of them.
    pub inherit: Option<Bequest<'a>>,
}

impl Assignment<'_> {
    /// Which training it is: a checkpoint goes on with the same one only.
    pub fn identity(&self) -> Identity {
        Identity {
            genome: structural_hash(self.genome).0,
            seed: self.seed,
            epochs: self.epochs,
            samples: samples_hash(self),
        }
    }
}

/// Indices are hashed in blocks: they are many.
fn samples_hash(assignment: &Assignment<'_>) -> [u8; DIGEST_BYTES] {
    const BLOCK_VALUES: usize = 4_096;
    let mut hash = Sha256::new();
    for indices in [assignment.train, assignment.valid] {
        hash.update((indices.len() as u64).to_le_bytes());
        for block in indices.chunks(BLOCK_VALUES) {
            hash.update(block.iter().flat_map(|index| index.to_le_bytes()).collect::<Vec<u8>>());
        }
    }
    let of = assignment.normalisation;
    for values in [&of.mean, &of.deviation, &of.target_mean, &of.target_deviation] {
        hash.update((values.len() as u64).to_le_bytes());
        hash.update(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }
    hash.finalize().into()
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Train the next epoch.
    Continue,
    /// Enough; the best epoch so far is the result.
    Stop,
}

/// What an observer wants of the training under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// That it goes on.
    #[default]
    GoOn,
    /// That it ends; the best epoch so far is the result.
    Stop,
    /// That it is interrupted, to be gone on with elsewhere.
    HandBack,
    /// That it ends, since it takes more memory than it may.
    Yield {
        /// What it was seen to take, in bytes.
        used_bytes: u64,
        /// What it may take, in bytes.
        allowed_bytes: u64,
        /// Whose memory that is.
        excess: Excess,
    },
}

/// Which memory is more than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// What the process has allocated since the training began: more than was predicted.
    Growth,
    /// All that the process has of its host's memory: more than `limits.host_memory_mib`.
    Host {
        /// What it had when the training began, in bytes: its data, its libraries, and what else trains there.
        before_bytes: u64,
    },
}

/// What a training is about to do: between two of them, native code may be at work for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Makes the graph of a network and its bytes.
    #[default]
    Expressing,
    /// Lets the library prepare a model and allocate what it needs.
    Preparing,
    /// Takes a training step.
    Stepping,
    /// Evaluates a batch.
    Evaluating,
    /// Copies its state from the device.
    Reading,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 5] =
        [Self::Expressing, Self::Preparing, Self::Stepping, Self::Evaluating, Self::Reading];

    /// What it is, for people: follows "while".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Expressing => "expressing a network",
            Self::Preparing => "preparing a model",
            Self::Stepping => "taking a training step",
            Self::Evaluating => "evaluating a batch",
            Self::Reading => "reading the training's state",
        }
    }
}

/// Whom a training tells how it goes.
pub trait Observer {
    /// After each epoch.
    fn epoch(&mut self, report: &EpochReport) -> Verdict;

    /// Asked before every step; a training minds the answer within one step.
    fn wish(&self) -> Wish;

    /// A sign of life: said before every step, every batch and whatever else may take a while.
    fn alive(&self, _: Phase) {}

    /// After each training step: how many samples it saw, and how many seconds it took.
    fn stepped(&self, _images: u64, _seconds: f64) {}

    /// Once, where a training goes on from a checkpoint: the epochs that it has behind it.
    fn resumed(&mut self, _: &[EpochReport]) {}

    /// Whether the training is to end, in whatever way.
    fn stop_requested(&self) -> bool {
        self.wish() != Wish::GoOn
    }
}

/// Lets every training go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn epoch(&mut self, _: &EpochReport) -> Verdict {
        Verdict::Continue
    }

    fn wish(&self) -> Wish {
        Wish::GoOn
    }
}
