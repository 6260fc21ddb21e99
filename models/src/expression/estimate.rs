//! What a network costs, before anything is built: parameters, multiply-adds, memory.

use super::{Blueprint, NotViable, Operation, Step, blueprint};
use crate::{
    genome::{Genome, Norm},
    graph::optimizer::moments,
    problem::Problem,
};
use hatchery_config::experiment::Limits;
use std::collections::BTreeMap;

/// Bytes of one number.
const NUMBER_BYTES: u64 = 4;
/// The state of a training lies in two sets of buffers that take turns, so that no step copies it.
const BUFFER_SETS: u64 = 2;

/// What a network costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiplications (with their additions) of one sample's forward pass, in convolutions and matrix products.
    pub multiply_adds: u64,
    /// Memory of one training: both sets of parameters and moments, gradients, a batch's activations and their
    /// gradients, and the largest unfolded input of a convolution. The data set is not counted.
    pub memory_bytes: u64,
}

/// The estimate of a genome, if it can become a network within the limits.
///
/// # Errors
/// Which layer cannot be where it is, or which limit is exceeded.
pub fn viable(genome: &Genome, problem: &Problem, limits: &Limits) -> Result<Estimate, NotViable> {
    let estimate = estimate(genome, &blueprint(genome, problem)?);
    within(&estimate, limits)?;
    Ok(estimate)
}

/// Whether an estimate keeps within the limits.
///
/// # Errors
/// Which limit is exceeded.
pub(crate) fn within(estimate: &Estimate, limits: &Limits) -> Result<(), NotViable> {
    let Estimate { parameters, multiply_adds, memory_bytes } = *estimate;
    if parameters > limits.parameters {
        return Err(NotViable::Parameters { parameters, limit: limits.parameters });
    }
    if multiply_adds > limits.multiply_adds {
        return Err(NotViable::MultiplyAdds { multiply_adds, limit: limits.multiply_adds });
    }
    if memory_bytes > limits.memory_mib.saturating_mul(1 << 20) {
        return Err(NotViable::Memory { memory_bytes, limit_mib: limits.memory_mib });
    }
    Ok(())
}

/// What a network costs, limits aside.
pub fn estimate(genome: &Genome, blueprint: &Blueprint) -> Estimate {
    let parameters = sum(blueprint, parameters);
    let multiply_adds = sum(blueprint, multiply_adds);
    let batch = u64::from(genome.training.batch_size);
    let state = parameters.saturating_mul(BUFFER_SETS * (1 + moments(genome.training.optimizer) as u64) + 1);
    let activations = sum(blueprint, |_, step| step.shape.volume() as u64).saturating_mul(2);
    let unfolded = blueprint.steps.iter().map(|step| unfolded(blueprint, step)).max().unwrap_or(0);
    let of_batch = activations.saturating_add(unfolded).saturating_mul(batch);
    let memory_bytes = state.saturating_add(of_batch).saturating_mul(NUMBER_BYTES);
    Estimate { parameters, multiply_adds, memory_bytes }
}

/// Parameters and multiply-adds that come from each layer gene; under `None`, those of the head.
pub fn costs_by_gene(blueprint: &Blueprint) -> BTreeMap<Option<usize>, (u64, u64)> {
    let mut costs: BTreeMap<Option<usize>, (u64, u64)> = BTreeMap::new();
    for step in &blueprint.steps {
        let cost = costs.entry(step.origin.gene).or_default();
        cost.0 = cost.0.saturating_add(parameters(blueprint, step));
        cost.1 = cost.1.saturating_add(multiply_adds(blueprint, step));
    }
    costs
}

fn sum(blueprint: &Blueprint, of: impl Fn(&Blueprint, &Step) -> u64) -> u64 {
    blueprint.steps.iter().fold(0, |total, step| total.saturating_add(of(blueprint, step)))
}

/// Trainable numbers of a step.
pub(super) fn parameters(blueprint: &Blueprint, step: &Step) -> u64 {
    let outputs = step.shape.channels() as u64;
    match step.operation {
        Operation::Convolution(convolution) => {
            weights_per_output(blueprint, step).saturating_mul(outputs)
                + if convolution.bias { outputs } else { 0 }
        }
        Operation::Dense { bias } => {
            weights_per_output(blueprint, step).saturating_mul(outputs) + if bias { outputs } else { 0 }
        }
        Operation::Normalise(Norm::Batch | Norm::Layer) => 2 * outputs,
        _ => 0,
    }
}

fn multiply_adds(blueprint: &Blueprint, step: &Step) -> u64 {
    weights_per_output(blueprint, step).saturating_mul(step.shape.volume() as u64)
}

/// Weights that one output value is a weighted sum with; 0 for steps without weights.
fn weights_per_output(blueprint: &Blueprint, step: &Step) -> u64 {
    let input = blueprint.input_shape(step);
    match step.operation {
        Operation::Convolution(convolution) => {
            let [height, width] = convolution.window.kernel;
            (input.channels() / convolution.groups * height * width) as u64
        }
        Operation::Dense { .. } => input.volume() as u64,
        _ => 0,
    }
}

/// Values of a convolution's unfolded input, on which its weights' gradient is computed.
fn unfolded(blueprint: &Blueprint, step: &Step) -> u64 {
    match step.operation {
        Operation::Convolution(convolution) => {
            let per_position = weights_per_output(blueprint, step) * convolution.groups as u64;
            per_position.saturating_mul(step.shape.positions() as u64)
        }
        _ => 0,
    }
}
