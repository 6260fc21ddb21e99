//! What a trainer is asked to do, and whom it tells.

use super::outcome::EpochReport;
use crate::{data::Normalisation, genome::Genome};

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
    /// Wall-clock limit in seconds, preparation included.
    pub seconds_max: Option<f64>,
    /// Limit of the memory that the training needs beside the data set, as estimated before anything is allocated.
    pub memory_bytes_max: u64,
    /// A candidate no better than always naming the majority class after this many epochs is given up.
    pub majority_patience: f64,
    /// Epochs without a better validation result after which training stops; 0 = never.
    pub patience: u32,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Train the next epoch.
    Continue,
    /// Enough; the best epoch so far is the result.
    Stop,
}

/// Whom a training tells how it goes.
pub trait Observer {
    /// After each epoch.
    fn epoch(&mut self, report: &EpochReport) -> Verdict;

    /// Asked before every step; a training ends within one step of `true`.
    fn stop_requested(&self) -> bool;
}

/// Lets every training go on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn epoch(&mut self, _: &EpochReport) -> Verdict {
        Verdict::Continue
    }

    fn stop_requested(&self) -> bool {
        false
    }
}
