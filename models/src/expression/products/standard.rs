//! Values on a common scale: mean 0, deviation 1.
//!
//! It must not know what the values are.

use crate::graph::{
    Graph, GraphError, Outlet,
    operators::{
        arithmetic::{Multiply, Subtract},
        source::Constant,
    },
};
use std::sync::Arc;

/// (values - mean) / deviation, with one mean and deviation for each position along the axis that `shape` has; 0 where
/// the deviation is infinite.
pub(super) fn standardise(
    graph: &mut Graph,
    values: Outlet,
    mean: &[f32],
    deviation: &[f32],
    shape: &[usize],
) -> Result<Outlet, GraphError> {
    let mut constant =
        |numbers: Vec<f32>| graph.add(Constant { shape: shape.to_vec(), values: Arc::new(numbers) }, &[]);
    let mean = constant(mean.to_vec())?;
    let inverse = constant(deviation.iter().map(|&deviation| 1.0 / deviation).collect())?;
    let centred = graph.add(Subtract, &[values, mean])?;
    graph.add(Multiply, &[centred, inverse])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        graph::tests::support::{floats, outputs_of},
        training::runtime::HostTensor,
    };

    #[test]
    fn what_did_not_vary_in_training_is_0_whatever_it_is() {
        let raw = HostTensor::F32(vec![2, 2], vec![3.0, 7.0, 5.0, 5_000.0]);
        let outputs = outputs_of(&[raw], &|graph, given| {
            vec![standardise(graph, given[0], &[4.0, 7.0], &[0.5, f32::INFINITY], &[2]).unwrap()]
        });
        assert_eq!(floats(&outputs[0]), [-2.0, 0.0, 2.0, 0.0]);
    }
}
