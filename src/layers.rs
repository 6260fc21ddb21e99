//! A network layer by layer: shapes and costs, for tables and for programs.
//!
//! It must not know runs or journals.

use crate::drawing::{Block, Sketch};
use hatchery_models::{
    expression::{Blueprint, Shape, blueprint, costs_by_gene},
    genome::Genome,
    problem::Problem,
};
use serde::Serialize;

/// A layer. The layers' parameters and multiply-adds add up to the network's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// `input`, `output`, or the kind of a gene, for example `convolution`.
    pub kind: String,
    /// The layer in a line.
    pub words: String,
    /// Channels, rows and columns, or the number of values; `None` where the genome is not viable.
    pub output_shape: Option<Vec<u64>>,
    /// Trainable parameters; in the per-view part of all views together.
    pub parameters: u64,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
    /// The output's shape in words.
    #[serde(skip)]
    pub shape_in_words: String,
}

/// All layers from input to output.
pub fn layers(genome: &Genome, problem: &Problem) -> Vec<Layer> {
    let resolved = blueprint(genome, problem).ok();
    let costs = resolved.as_ref().map(costs_by_gene).unwrap_or_default();
    let last = genome.layers.len() + 1;
    let layer = |(place, block): (usize, Block)| {
        let gene = place.checked_sub(1).filter(|_| place < last);
        let (kind, output_shape, cost) = match gene.and_then(|index| Some((index, genome.layers.get(index)?)))
        {
            Some((index, gene)) => {
                (gene.kind().word(), shape_behind(resolved.as_ref(), index), costs.get(&Some(index)))
            }
            None if place == 0 => ("input", Some(inputs(problem)), None),
            // What comes from no gene is the head.
            None => ("output", Some(vec![u64::from(problem.task.outputs())]), costs.get(&None)),
        };
        let (parameters, multiply_adds) = cost.copied().unwrap_or_default();
        let (words, shape_in_words) = (block.title, block.detail);
        Layer { kind: kind.to_owned(), words, output_shape, parameters, multiply_adds, shape_in_words }
    };
    Sketch::of(genome, problem).blocks.into_iter().enumerate().map(layer).collect()
}

fn inputs(problem: &Problem) -> Vec<u64> {
    [problem.channels, problem.height, problem.width].map(u64::from).to_vec()
}

fn shape_behind(resolved: Option<&Blueprint>, gene: usize) -> Option<Vec<u64>> {
    match *resolved?.layers.get(gene)? {
        Shape::Flat(values) => Some(vec![values as u64]),
        Shape::Spatial { channels, height, width } => {
            Some([channels, height, width].map(|size| size as u64).to_vec())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;
    use hatchery_models::expression::estimate;

    #[test]
    fn what_layers_cost_adds_up_to_what_the_network_costs() {
        let (genome, problem) = (fixture::genome(), fixture::problem());
        let whole = estimate(&genome, &blueprint(&genome, &problem).unwrap());
        let layers = layers(&genome, &problem);
        assert_eq!(layers.len(), genome.layers.len() + 2);
        assert_eq!(layers.iter().map(|layer| layer.parameters).sum::<u64>(), whole.parameters);
        assert_eq!(layers.iter().map(|layer| layer.multiply_adds).sum::<u64>(), whole.multiply_adds);
        assert_eq!((layers[0].kind.as_str(), layers[0].parameters), ("input", 0));
        assert_eq!(layers[1].output_shape, Some(vec![8, 8, 8]));
        let output = layers.last().unwrap();
        assert_eq!((output.kind.as_str(), output.parameters), ("output", 16 * 10 + 10));
    }
}
