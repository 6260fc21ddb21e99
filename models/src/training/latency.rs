//! How long a finished network takes for one sample: measured on the inference graph, as its users will run it.
//!
//! It must not know what a latency is wanted for.

use super::{
    assignment::{Observer, Phase},
    outcome::Weights,
    runtime::{HostTensor, Model, Runtime, RuntimeError},
};
use crate::{
    data::{Dataset, Normalisation},
    expression::{self, ExpressionError},
    genome::Genome,
    onnx::{EncodeOptions, encode},
};
use std::time::Instant;

/// Runs before the first that counts: the library prepares itself in them.
const WARM_UP_RUNS: usize = 3;
/// Runs that count: enough for a median that a single interruption does not move.
const RUNS: usize = 20;
/// After so many seconds no further run begins: large networks have had a few by then, and no more are needed.
const SECONDS_MAX: f64 = 2.0;

/// Why a latency could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// The inference graph cannot be built.
    #[error("the inference graph cannot be built: {0}")]
    Expression(#[from] ExpressionError),
    /// ONNX Runtime failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Median of the seconds that one sample takes from raw values to outputs, both in the host's memory, with the
/// runtime's device and threads.
///
/// # Errors
/// Where weights or normalisation are of another network, or ONNX Runtime fails.
pub fn latency_seconds(
    runtime: &Runtime,
    dataset: &Dataset,
    genome: &Genome,
    normalisation: &Normalisation,
    weights: &Weights,
    observer: &dyn Observer,
) -> Result<f64, LatencyError> {
    let clock = Instant::now();
    observer.alive(Phase::Expressing);
    let product = expression::inference(genome, &dataset.problem, normalisation, weights)?;
    let bytes = encode(&product.graph, runtime.provider(), &EncodeOptions::named("inference"));
    observer.alive(Phase::Preparing);
    let mut model = runtime.model(&bytes)?;
    let shape = dataset.shape(product.batch);
    let values = vec![0.5; shape.iter().product()];
    let input = [("input", HostTensor::F32(shape, values))];
    let mut seconds = Vec::with_capacity(RUNS);
    for run in 0..WARM_UP_RUNS + RUNS {
        if !seconds.is_empty() && clock.elapsed().as_secs_f64() >= SECONDS_MAX {
            break;
        }
        observer.alive(Phase::Evaluating);
        let taken = seconds_of_run(&mut model, &input)?;
        if run >= WARM_UP_RUNS {
            seconds.push(taken);
        }
    }
    Ok(median(&mut seconds))
}

fn seconds_of_run(model: &mut Model, input: &[(&str, HostTensor)]) -> Result<f64, RuntimeError> {
    let clock = Instant::now();
    model.run(input)?;
    Ok(clock.elapsed().as_secs_f64())
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        Some(value) if values.len() % 2 == 1 => *value,
        Some(value) => f64::midpoint(values[middle - 1], *value),
        None => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [9.0, 1.0, 2.0, 4.0]), 3.0);
        assert_eq!(median(&mut [5.0]), 5.0);
    }
}
