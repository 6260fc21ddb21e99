//! Whether a device computes the same gradients as another: by what one step of plain gradient descent changes.

use super::{BenchError, Network, Timed, random_data};
use crate::training::{Resident, runtime::Runtime};
use std::sync::Arc;

/// How far a network's first step on `runtime` is from that on `reference`: the length of the difference of the two
/// changes of the parameters, as a share of the length of the change on `reference`. Both begin with the same
/// parameters and the same batch.
///
/// # Errors
/// Where the network cannot be built or ONNX Runtime fails.
pub fn update_difference(
    runtime: &Runtime,
    reference: &Runtime,
    network: &Network,
) -> Result<f64, BenchError> {
    Ok(relative_difference(&first_change(runtime, network)?, &first_change(reference, network)?))
}

fn first_change(runtime: &Runtime, network: &Network) -> Result<Vec<f64>, BenchError> {
    let batch = network.genome.training.batch_size as usize;
    let resident = Resident::new(runtime, Arc::new(random_data(network.problem, batch)))?;
    let mut timed = Timed::prepare(runtime, network, &resident)?;
    let before = timed.stepper.read("parameters")?;
    timed.step()?;
    let after = timed.stepper.read("parameters")?;
    Ok(after.iter().zip(&before).map(|(after, before)| f64::from(*after) - f64::from(*before)).collect())
}

fn relative_difference(one: &[f64], reference: &[f64]) -> f64 {
    let length =
        |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = length(&mut one.iter().zip(reference).map(|(one, other)| one - other));
    difference / length(&mut reference.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_does_not_differ_and_what_is_opposite_does_twice() {
        assert_eq!(relative_difference(&[3.0, -4.0], &[3.0, -4.0]), 0.0);
        assert_eq!(relative_difference(&[-3.0, 4.0], &[3.0, -4.0]), 2.0);
        assert!(relative_difference(&[1.0], &[0.0]).is_infinite());
    }
}
