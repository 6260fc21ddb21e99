//! A genome as a model sees it: a fixed row of numbers and words, whatever the layers are.
//!
//! Layers are summed up (how many of each kind, how wide, how they shrink the image), training genes stand for
//! themselves. It must not know how good any genome is.

use crate::search::domain::{ABSENT, Scale};
use hatchery_config::experiment::Limits;
use hatchery_config::space::Space;
use hatchery_config::vocabulary::{Activation, Initializer, LayerKind, Norm, Optimizer, Schedule};
use hatchery_models::genome::{Genome, Groups, LayerGene, TrainingGenes};

/// Counts of layers are told apart up to this many.
const COUNT_MAX: f32 = 8.0;

/// Widths are positions between 1 and 2 to this power.
const WIDTH_BITS: f32 = 12.0;

/// Steps by which an image shrinks are told apart up to this many halvings.
const HALVINGS_MAX: f32 = 6.0;

/// Kinds of layers that are counted one by one.
const COUNTED: [LayerKind; 9] = [
    LayerKind::Convolution,
    LayerKind::MaxPool,
    LayerKind::AveragePool,
    LayerKind::GlobalAveragePool,
    LayerKind::Inception,
    LayerKind::Residual,
    LayerKind::Dense,
    LayerKind::Normalisation,
    LayerKind::Dropout,
];

/// Numbers beside the counts, words left out.
const NUMBERS: usize = 20;

/// What the features are, in the order of `features`.
pub fn scales() -> Vec<Scale> {
    let words = |count: usize| Scale::Words(u16::try_from(count).unwrap_or(u16::MAX));
    let mut scales = vec![Scale::Ordered; COUNTED.len() + NUMBERS];
    scales.extend([
        words(Activation::ALL.len()),
        words(Norm::ALL.len()),
        words(Optimizer::ALL.len()),
        words(Schedule::ALL.len()),
        words(Initializer::ALL.len()),
    ]);
    scales
}

/// A network's size.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Trainable parameters.
    pub parameters: u64,
    /// Multiply-adds of one sample.
    pub multiply_adds: u64,
}

/// The features of a genome.
pub fn features(genome: &Genome, size: Size, space: &Space, limits: &Limits) -> Vec<f32> {
    let mut row = Vec::with_capacity(COUNTED.len() + NUMBERS + 5);
    let counted = |kind| genome.layers.iter().filter(|layer| layer.kind() == kind).count();
    row.extend(COUNTED.iter().map(|kind| (counted(*kind) as f32 / COUNT_MAX).min(1.0)));
    row.push(genome.layers.len() as f32 / space.depth.max.max(1) as f32);
    row.push(log_share(size.parameters, limits.parameters));
    row.push(log_share(size.multiply_adds, limits.multiply_adds));
    push_layers(&mut row, genome);
    push_training(&mut row, &genome.training, space);
    push_words(&mut row, genome);
    row
}

/// Eight numbers of the layers.
fn push_layers(row: &mut Vec<f32>, genome: &Genome) {
    let spatial: Vec<f32> = genome.layers.iter().filter_map(filters).map(width).collect();
    let dense: Vec<f32> = genome.layers.iter().filter_map(units).map(width).collect();
    row.push(spatial.first().copied().unwrap_or(ABSENT));
    row.push(spatial.last().copied().unwrap_or(ABSENT));
    row.push(mean(&dense).unwrap_or(ABSENT));
    let kernels: Vec<f32> = genome.layers.iter().filter_map(kernel).collect();
    row.push(mean(&kernels).map_or(ABSENT, |kernel| kernel / 7.0));
    let halvings: f32 = genome.layers.iter().map(|layer| (stride(layer) as f32).log2()).sum();
    row.push((halvings / HALVINGS_MAX).min(1.0));
    let weighted = genome.layers.iter().filter(|layer| layer.is_weighted()).count().max(1) as f32;
    let normed = genome.layers.iter().filter(|layer| layer.is_weighted() && layer.norm() != Norm::None);
    row.push(normed.count() as f32 / weighted);
    row.push(genome.layers.iter().filter(|layer| is_grouped(layer)).count() as f32 / weighted);
    let dropout = genome.layers.iter().map(|layer| match layer {
        LayerGene::Dropout { ratio } => *ratio as f32,
        _ => 0.0,
    });
    row.push(dropout.fold(0.0, f32::max));
}

/// Nine numbers of the training.
fn push_training(row: &mut Vec<f32>, training: &TrainingGenes, space: &Space) {
    let rate = &space.learning_rate;
    let span = (rate.max / rate.min).ln();
    let place = if span > 0.0 { (training.learning_rate / rate.min).ln() / span } else { 0.0 };
    row.push(place as f32);
    row.push(training.momentum as f32);
    row.push(decades(training.weight_decay));
    row.push((training.batch_size.max(1) as f32).log2() / WIDTH_BITS);
    row.push(training.label_smoothing as f32 * 4.0);
    row.push(if training.gradient_clip > 0.0 { 1.0 } else { 0.0 });
    row.push(decades(training.gradient_clip));
    row.push((training.shift as f32 / 8.0).min(1.0));
    row.push(if training.flip { 1.0 } else { 0.0 });
}

fn push_words(row: &mut Vec<f32>, genome: &Genome) {
    let activations: Vec<Activation> = genome.layers.iter().filter_map(LayerGene::activation).collect();
    row.push(commonest(Activation::ALL, &activations));
    let norms: Vec<Norm> =
        genome.layers.iter().filter(|layer| layer.is_weighted()).map(LayerGene::norm).collect();
    row.push(commonest(Norm::ALL, &norms));
    row.push(place(Optimizer::ALL, &genome.training.optimizer));
    row.push(place(Schedule::ALL, &genome.training.schedule));
    row.push(place(Initializer::ALL, &genome.training.initializer));
}

fn filters(layer: &LayerGene) -> Option<u32> {
    match layer {
        LayerGene::Convolution(genes) => Some(genes.filters),
        LayerGene::Residual(genes) => Some(genes.filters),
        LayerGene::Inception(genes) => Some(genes.branches.iter().sum()),
        _ => None,
    }
}

const fn units(layer: &LayerGene) -> Option<u32> {
    match layer {
        LayerGene::Dense(genes) => Some(genes.units),
        _ => None,
    }
}

fn kernel(layer: &LayerGene) -> Option<f32> {
    match layer {
        LayerGene::Convolution(genes) => Some((genes.kernel[0] + genes.kernel[1]) as f32 / 2.0),
        LayerGene::Residual(_) => Some(3.0),
        _ => None,
    }
}

fn stride(layer: &LayerGene) -> u32 {
    match layer {
        LayerGene::Convolution(genes) => genes.stride,
        LayerGene::Residual(genes) => genes.stride,
        LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => genes.stride,
        _ => 1,
    }
    .max(1)
}

fn is_grouped(layer: &LayerGene) -> bool {
    matches!(layer, LayerGene::Convolution(genes) if genes.groups != Groups::Count(1))
}

fn width(count: u32) -> f32 {
    (count.max(1) as f32).log2() / WIDTH_BITS
}

/// A small positive number by its order of magnitude: 0 for 1e-6 and less, 1 for 1. Zero is none.
fn decades(number: f64) -> f32 {
    if number > 0.0 { ((number.log10() + 6.0) / 6.0).clamp(0.0, 2.0) as f32 } else { ABSENT }
}

/// Where a size lies below its limit, on a logarithmic scale.
fn log_share(size: u64, limit: u64) -> f32 {
    ((size.max(1) as f64).ln() / (limit.max(2) as f64).ln()) as f32
}

fn mean(numbers: &[f32]) -> Option<f32> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f32>() / numbers.len() as f32)
}

fn place<W: PartialEq>(words: &[W], word: &W) -> f32 {
    words.iter().position(|other| other == word).map_or(ABSENT, |place| place as f32)
}

/// The word that occurs most often; of equals, the one that is listed first.
fn commonest<W: PartialEq>(words: &[W], present: &[W]) -> f32 {
    let count = |word: &W| present.iter().filter(|other| *other == word).count();
    let most = words.iter().map(count).max().unwrap_or(0);
    let found = words.iter().position(|word| most > 0 && count(word) == most);
    found.map_or(ABSENT, |place| place as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn there_are_as_many_features_as_scales_and_words_are_within_theirs() {
        let (space, limits) = (Space::default(), Limits::default());
        let genome = testing::individual(1, &[]).genome;
        let row = features(&genome, Size { parameters: 1000, multiply_adds: 10_000 }, &space, &limits);
        let scales = scales();
        assert_eq!(row.len(), scales.len());
        for (scale, feature) in scales.iter().zip(&row) {
            match scale {
                Scale::Ordered => assert!(*feature == ABSENT || (-0.5..=2.0).contains(feature), "{row:?}"),
                Scale::Words(count) => {
                    assert!(*feature == ABSENT || (0.0..f32::from(*count)).contains(feature), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn a_changed_gene_shows() {
        let (space, limits) = (Space::default(), Limits::default());
        let size = Size { parameters: 1000, multiply_adds: 10_000 };
        let genome = testing::individual(1, &[]).genome;
        let row = |genome: &Genome| features(genome, size, &space, &limits);
        let mut faster = Genome::clone(&genome);
        faster.training.learning_rate *= 2.0;
        let mut larger = Genome::clone(&genome);
        larger.training.batch_size *= 2;
        assert_ne!(row(&genome), row(&faster));
        assert_ne!(row(&genome), row(&larger));
    }
}
