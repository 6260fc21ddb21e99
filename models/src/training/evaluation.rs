//! Evaluates finished weights on samples of a data set.

use super::{
    assignment::{Observer, Phase, Unobserved},
    outcome::{Outcome, Weights},
    programs::{EvaluationProgram, weight_vectors},
    resident::Resident,
    runtime::{Evaluator, Runtime, RuntimeError},
    scores::{Reference, Scores},
    trainer::{heed, sums_over},
    watch::End,
};
use crate::{data::Normalisation, genome::Genome};

/// Why weights could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The network cannot be built for this data set.
    #[error("the network does not fit the data: {0}")]
    Expression(String),
    /// ONNX Runtime failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Its observer wanted something else.
    #[error("{message}")]
    Ended {
        /// How it counts.
        outcome: Outcome,
        /// Why.
        message: String,
    },
}

impl From<End> for EvaluateError {
    fn from(End { outcome, message }: End) -> Self {
        Self::Ended { outcome, message }
    }
}

/// Evaluates a genome's weights on the samples `indices`. `normalisation` is that of the weights' training.
///
/// # Errors
/// Where the genome or the weights do not fit the data set, or ONNX Runtime fails.
pub fn evaluate(
    runtime: &Runtime,
    resident: &Resident,
    genome: &Genome,
    normalisation: &Normalisation,
    weights: &Weights,
    indices: &[u32],
) -> Result<Scores, EvaluateError> {
    evaluate_observed(runtime, resident, genome, normalisation, weights, indices, &Unobserved)
}

/// The same before an observer, who can end it between two batches.
///
/// # Errors
/// As `evaluate`, and where the observer wishes anything but that it goes on.
pub fn evaluate_observed(
    runtime: &Runtime,
    resident: &Resident,
    genome: &Genome,
    normalisation: &Normalisation,
    weights: &Weights,
    indices: &[u32],
    observer: &dyn Observer,
) -> Result<Scores, EvaluateError> {
    observer.alive(Phase::Expressing);
    let program = EvaluationProgram::of(runtime, resident, genome, normalisation, indices.len())
        .map_err(|end| EvaluateError::Expression(end.message))?;
    let sizes = (program.batch, program.outputs);
    let weights = weight_vectors(weights.clone());
    observer.alive(Phase::Preparing);
    let mut evaluator = Evaluator::of_weights(runtime, &program.model, &resident.shared(), &weights, sizes)?;
    let sums = sums_over::<EvaluateError>(&mut evaluator, 0, indices, program.batch, &mut || {
        observer.alive(Phase::Evaluating);
        Ok(heed(observer.wish())?)
    })?;
    Ok(sums.scores(&Reference::of(resident.dataset(), normalisation, indices)))
}
