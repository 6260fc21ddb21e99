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
