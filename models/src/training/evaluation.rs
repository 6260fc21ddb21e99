//! Evaluates finished weights on samples of a data set.

use super::{
    outcome::Weights,
    programs::{EvaluationProgram, weight_vectors},
    resident::Resident,
    runtime::{Evaluator, Runtime, RuntimeError},
    scores::{Reference, Scores},
    trainer::sums_over,
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
    let samples = indices.len();
    let program = EvaluationProgram::of(runtime, resident, genome, normalisation, samples)
        .map_err(|end| EvaluateError::Expression(end.message))?;
    let sizes = (program.batch, program.classes);
    let weights = weight_vectors(weights.clone());
    let mut evaluator = Evaluator::of_weights(runtime, &program.model, &resident.shared(), &weights, sizes)?;
    let sums = sums_over::<RuntimeError>(&mut evaluator, 0, indices, program.batch, &mut || Ok(()))?;
    Ok(sums.scores(&Reference::of(resident.dataset(), normalisation, indices)))
}
