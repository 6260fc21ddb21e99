//! Crossover: two parents, one cut through the layers of each.

use super::{
    Barren, Habitat, Offspring,
    draw::{between, chance, pick},
    mutate,
    repair::{fit_limits, repair_shapes},
    settle,
};
use crate::genome::{Genome, LayerGene, TrainingGenes};
use rand::Rng;

/// Cuts that are tried before the first parent is mutated instead.
const ATTEMPTS_MAX: u32 = 30;

/// An offspring with the first layers of one parent and the last layers of the other, and training genes of either.
/// Layers that no longer fit are padded, dropped or narrowed. Where nothing sound and new comes of it, the first
/// parent is mutated.
///
/// # Errors
/// `Barren` where not even a random genome was found.
pub fn crossover(
    first: &Genome,
    second: &Genome,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Result<Offspring, Barren> {
    let first = settle(first, habitat.space, habitat.problem);
    let second = settle(second, habitat.space, habitat.problem);
    for _ in 0..ATTEMPTS_MAX {
        if let Some(offspring) = attempt(&first, &second, habitat, rng) {
            return Ok(offspring);
        }
    }
    mutate(&first, habitat, rng)
}

fn attempt(first: &Genome, second: &Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<Offspring> {
    let head = between(rng, 0, first.layers.len() as u32) as usize;
    let cuts: Vec<usize> = (0..=second.layers.len()).filter(|&cut| fits(first, head, second, cut)).collect();
    let cut = pick(rng, &cuts)?;
    let layers: Vec<LayerGene> = first.layers[..head].iter().chain(&second.layers[cut..]).cloned().collect();
    let (training, source) = training(&first.training, &second.training, rng);
    let crossed = Genome { layers, training };
    let settled = fit_limits(&repair_shapes(crossed, habitat)?, habitat, rng)?;
    let settled = habitat.welcome(settled).ok()?;
    if settled.genome == *first || settled.genome == *second {
        return None;
    }
    let rest = second.layers.len() - cut;
    let operation = format!(
        "crossover: the first {head} layers of the first parent, the last {rest} of the second, training of {source}"
    );
    Some(Offspring::new(settled, operation))
}

/// Whether two cuts go together: on the same side of `merge`, and no spatial layer behind what flattens.
fn fits(first: &Genome, head: usize, second: &Genome, cut: usize) -> bool {
    let (before, after) = (&first.layers[..head], &second.layers[cut..]);
    let merges = before.iter().chain(after).filter(|gene| **gene == LayerGene::Merge).count();
    let had = first.layers.iter().filter(|gene| **gene == LayerGene::Merge).count();
    let is_flat = before.iter().any(LayerGene::is_flattening);
    merges == had && !(is_flat && after.iter().any(LayerGene::is_spatial))
}

/// Training genes of one parent, or mixed. Optimizer, rate, momentum, decay and clipping depend on each other and
/// stay together.
fn training(
    first: &TrainingGenes,
    second: &TrainingGenes,
    rng: &mut dyn Rng,
) -> (TrainingGenes, &'static str) {
    let (base, other, source) =
        if chance(rng, 0.5) { (first, second, "the first") } else { (second, first, "the second") };
    if chance(rng, 0.5) {
        return (base.clone(), source);
    }
    let mut mixed = base.clone();
    if chance(rng, 0.5) {
        mixed.schedule = other.schedule;
    }
    if chance(rng, 0.5) {
        mixed.label_smoothing = other.label_smoothing;
    }
    if chance(rng, 0.5) {
        mixed.initializer = other.initializer;
    }
    if chance(rng, 0.5) {
        (mixed.shift, mixed.flip) = (other.shift, other.flip);
    }
    if chance(rng, 0.5) {
        mixed.batch_size = other.batch_size;
    }
    (mixed, "both")
}
