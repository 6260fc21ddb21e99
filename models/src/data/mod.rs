//! Data sets: one file per format, one read-only copy in memory, splits as lists of indices.
//!
//! It must not know genomes, graphs or trainers.

use crate::problem::Problem;

/// Raw values of all samples, row-major `[count, channels, height, width]` (tables: `[count, features]`).
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Pixels as stored.
    U8(Vec<u8>),
    /// Numbers as stored.
    F32(Vec<f32>),
}

/// What is to be predicted for all samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Class of each sample, and the classes' names.
    Classes {
        /// One class index per sample.
        labels: Vec<i64>,
        /// Name of each class.
        names: Vec<String>,
    },
    /// Real numbers, row-major `[count, targets]`, and the targets' names.
    Values {
        /// `count x names.len()` numbers.
        values: Vec<f32>,
        /// Name of each target.
        names: Vec<String>,
    },
}

/// A data set, whole, with an official test part where its source has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The source as the user named it.
    pub source: String,
    /// Shapes and task.
    pub problem: Problem,
    /// Raw values.
    pub samples: Samples,
    /// What is to be predicted.
    pub targets: Targets,
    /// Number of samples.
    pub count: usize,
    /// The last this-many samples are the official test part; 0 where there is none.
    pub official_test: usize,
    /// SHA-256 over shapes, values and targets, in hexadecimal.
    pub content_hash: String,
}

/// Which samples serve for what: indices into the data set, each in ascending order, no index in two lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// For training.
    pub train: Vec<u32>,
    /// For choosing between candidates.
    pub valid: Vec<u32>,
    /// For the one test at the end.
    pub test: Vec<u32>,
}

/// Means and standard deviations of the training part; a deviation of 0 is replaced by 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Mean of each channel (images) or feature (tables).
    pub mean: Vec<f32>,
    /// Standard deviation of each channel or feature.
    pub deviation: Vec<f32>,
    /// Mean of each regression target; empty for classification.
    pub target_mean: Vec<f32>,
    /// Standard deviation of each regression target; empty for classification.
    pub target_deviation: Vec<f32>,
}
