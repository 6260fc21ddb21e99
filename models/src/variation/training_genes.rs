//! Random training genes that suit a network.

use super::{
    Habitat,
    draw::{allowed, chance, log_uniform, pick, sensible, tidy, uniform},
    plausible::{self, effective_rate, sound_rates},
};
use crate::{
    genome::{Activation, Genome, Initializer, LayerGene, Optimizer, Schedule, TrainingGenes},
    problem::Task,
};
use hatchery_config::space::Range;
use rand::Rng;

/// Smallest weight decay and gradient norm that are drawn, where the space does not say more.
const DECAY_MIN: f64 = 1e-5;
const CLIP_MIN: f64 = 1.0;

/// Draws all training genes for the genome's layers (its present training genes are not looked at).
pub(super) fn draw(genome: &Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> TrainingGenes {
    let space = habitat.space;
    let optimizer = optimizer(habitat, rng);
    let batch_size = batch_size(habitat, rng);
    let mut genes = TrainingGenes {
        optimizer,
        learning_rate: 0.0,
        schedule: schedule(habitat, rng),
        momentum: momentum(optimizer, habitat, rng),
        weight_decay: weight_decay(optimizer, habitat, rng),
        batch_size,
        label_smoothing: label_smoothing(habitat, rng),
        gradient_clip: gradient_clip(habitat, rng),
        initializer: initializer(genome, habitat, rng),
        shift: shift(habitat, rng),
        flip: space.flip && !habitat.problem.is_table() && chance(rng, 0.5),
    };
    genes.learning_rate = learning_rate(genome, &genes, habitat, rng);
    genes
}

pub(super) fn optimizer(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Optimizer {
    let weights = [
        (Optimizer::AdamW, 3.0),
        (Optimizer::Adam, 3.0),
        (Optimizer::Momentum, 1.5),
        (Optimizer::Nesterov, 2.0),
        (Optimizer::RmsProp, 1.0),
        (Optimizer::Sgd, 0.3),
    ];
    allowed(rng, &weights, &habitat.space.optimizers).unwrap_or(Optimizer::Adam)
}

/// Log-uniform over the rates at which the network is expected to train, away from their very ends.
pub(super) fn learning_rate(
    genome: &Genome,
    genes: &TrainingGenes,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> f64 {
    let (low, high) = sound_rates(genes, plausible::is_normalised(genome), plausible::weighted_depth(genome));
    let unit = TrainingGenes { learning_rate: 1.0, ..genes.clone() };
    let gain = effective_rate(&unit);
    // Averages over positions pass on small gradients: such networks start slowly.
    let averages = genome.layers.contains(&LayerGene::GlobalAveragePool);
    let low = if averages { 3.0 * low } else { 1.5 * low };
    let high = 0.7 * high;
    let range = sensible(habitat.space.learning_rate, low.min(high) / gain, high / gain);
    tidy(log_uniform(rng, range.min, range.max), habitat.space.learning_rate)
}

fn schedule(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Schedule {
    let weights = [
        (Schedule::Cosine, 4.0),
        (Schedule::WarmupCosine, 2.0),
        (Schedule::Step, 1.0),
        (Schedule::Constant, 1.0),
    ];
    allowed(rng, &weights, &habitat.space.schedules).unwrap_or(Schedule::Constant)
}

/// Momentum that suits an optimizer: around 0.9, for RMSProp's squares rather more.
pub(super) fn momentum(optimizer: Optimizer, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> f64 {
    let (low, high) = match optimizer {
        Optimizer::Sgd => return 0.0,
        Optimizer::RmsProp => (0.9, 0.99),
        _ => (0.85, 0.95),
    };
    let range = sensible(habitat.space.momentum, low, high);
    tidy(uniform(rng, range.min, range.max), habitat.space.momentum)
}

/// None half of the time, else log-uniform up to what the optimizer bears.
pub(super) fn weight_decay(optimizer: Optimizer, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> f64 {
    let space = habitat.space.weight_decay;
    let high = match optimizer {
        Optimizer::AdamW => 0.1,
        Optimizer::Adam | Optimizer::RmsProp => 5e-4,
        Optimizer::Sgd | Optimizer::Momentum | Optimizer::Nesterov => 2e-3,
    };
    switched(space, DECAY_MIN, high, 0.5, rng)
}

pub(super) fn batch_size(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> u32 {
    let sizes = &habitat.space.batch_size;
    let moderate: Vec<u32> = sizes.iter().copied().filter(|size| (16..=128).contains(size)).collect();
    pick(rng, &moderate).or_else(|| pick(rng, sizes)).unwrap_or(32)
}

pub(super) fn label_smoothing(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> f64 {
    let space = habitat.space.label_smoothing;
    if matches!(habitat.problem.task, Task::Regression { .. }) || (space.contains(0.0) && chance(rng, 0.6)) {
        return 0.0;
    }
    let value = uniform(rng, space.min, space.max.min(0.2).max(space.min));
    space.clamp((value * 100.0).round() / 100.0)
}

pub(super) fn gradient_clip(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> f64 {
    switched(habitat.space.gradient_clip, CLIP_MIN, f64::MAX, 0.65, rng)
}

pub(super) fn initializer(genome: &Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Initializer {
    let symmetric = |activation| matches!(activation, Activation::Sigmoid | Activation::Tanh);
    let glorot = genome.layers.iter().filter_map(|gene| gene.activation()).any(symmetric);
    let (he, glorot) = if glorot { (0.5, 2.0) } else { (2.0, 0.5) };
    let weights = [
        (Initializer::HeNormal, he),
        (Initializer::HeUniform, he),
        (Initializer::GlorotNormal, glorot),
        (Initializer::GlorotUniform, glorot),
    ];
    allowed(rng, &weights, &habitat.space.initializers).unwrap_or(Initializer::HeNormal)
}

/// No shift half of the time, else up to a sixth of the smaller side.
pub(super) fn shift(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> u32 {
    let (space, problem) = (habitat.space.shift, habitat.problem);
    if problem.is_table() {
        return 0;
    }
    let high = space.clamp(problem.height.min(problem.width) / 6);
    if chance(rng, 0.5) { space.min } else { super::draw::between(rng, space.min, high) }
}

/// A number that 0 switches off: off with this probability where the space allows it, else log-uniform.
fn switched(space: Range<f64>, low: f64, high: f64, off: f64, rng: &mut dyn Rng) -> f64 {
    if space.contains(0.0) && (chance(rng, off) || space.max <= low) {
        return 0.0;
    }
    let range = sensible(space, low, high);
    if range.min <= 0.0 { range.max } else { tidy(log_uniform(rng, range.min, range.max), space) }
}
