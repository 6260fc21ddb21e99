//! What the rules look at: a genome, its shapes, and what several rules ask of them.

use crate::{
    expression::{Blueprint, Operation, Shape},
    genome::{Genome, LayerGene, Norm},
};

/// A named rule: whether it is broken, and why that matters.
pub(super) struct Rule {
    pub name: &'static str,
    pub reason: &'static str,
    pub broken: fn(&Evidence<'_>) -> bool,
}

/// A genome, its shapes, and what several rules ask of them.
pub(super) struct Evidence<'a> {
    pub genome: &'a Genome,
    blueprint: &'a Blueprint,
    pub input: Shape,
    pub outputs: usize,
    pub depth: u32,
    pub is_normalised: bool,
}

impl<'a> Evidence<'a> {
    pub fn new(genome: &'a Genome, blueprint: &'a Blueprint) -> Self {
        let mut inputs = blueprint.steps.iter().map_while(|step| match step.operation {
            Operation::Input | Operation::View { .. } => Some(step.shape),
            _ => None,
        });
        let whole = inputs.next().unwrap_or(Shape::Flat(0));
        let input = inputs.next().unwrap_or(whole);
        let outputs = blueprint.steps.last().map_or(0, |step| step.shape.volume());
        let depth = weighted_depth(genome);
        Self { genome, blueprint, input, outputs, depth, is_normalised: is_normalised(genome) }
    }

    /// Layers with the shapes in front of them and behind them.
    pub fn layers(&self) -> impl Iterator<Item = (&'a LayerGene, Shape, Shape)> {
        let behind = self.blueprint.layers.iter().copied();
        let before = std::iter::once(self.input).chain(behind.clone());
        self.genome
            .layers
            .iter()
            .zip(before)
            .zip(behind)
            .map(|((gene, before), behind)| (gene, before, behind))
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&'a LayerGene, &'a LayerGene)> {
        self.genome.layers.windows(2).map(|pair| (&pair[0], &pair[1]))
    }
}

/// Weighted layers in a row, modules counted as two.
pub(in crate::variation) fn weighted_depth(genome: &Genome) -> u32 {
    genome.layers.iter().map(layer_depth).sum()
}

pub(super) fn layer_depth(gene: &LayerGene) -> u32 {
    match gene {
        LayerGene::Residual(_) | LayerGene::Inception(_) => 2,
        LayerGene::Convolution(_) | LayerGene::Dense(_) => 1,
        _ => 0,
    }
}

/// Whether at least half of the weighted layers are followed by a normalisation that keeps variances in check.
pub(in crate::variation) fn is_normalised(genome: &Genome) -> bool {
    let normalisations = genome.layers.iter().filter(|gene| bounds_variance(gene.norm())).count();
    let weighted = genome.layers.iter().filter(|gene| gene.is_weighted()).count();
    normalisations > 0 && 2 * normalisations >= weighted
}

pub(super) const fn bounds_variance(norm: Norm) -> bool {
    matches!(norm, Norm::Batch | Norm::Layer)
}
