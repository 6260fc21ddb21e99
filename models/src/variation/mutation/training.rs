//! Changes of the training genes.

use crate::{
    genome::{Genome, Optimizer},
    variation::{
        Habitat,
        bounds::others,
        draw::{chance, log_uniform, pick, tidy},
        plausible::{effective_rate, family},
        training_genes,
    },
};
use rand::Rng;

/// Multiplies or divides the learning rate.
pub(super) fn learning_rate(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let size = log_uniform(rng, 1.2, 3.0);
    let factor = if chance(rng, 0.5) { size } else { 1.0 / size };
    let before = genome.training.learning_rate;
    let after = tidy(before * factor, habitat.space.learning_rate);
    genome.training.learning_rate = after;
    (after != before).then(|| format!("learning rate from {before:e} to {after:e}"))
}

/// Another optimizer, with a momentum that suits it; the learning rate is kept in its effect where the families are
/// alike, else drawn anew.
pub(super) fn optimizer(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let before = genome.training.clone();
    let optimizer = training_genes::optimizer(habitat, rng);
    if optimizer == before.optimizer {
        return None;
    }
    genome.training.optimizer = optimizer;
    let keeps_momentum = !matches!(before.optimizer, Optimizer::Sgd | Optimizer::RmsProp)
        && !matches!(optimizer, Optimizer::Sgd | Optimizer::RmsProp);
    if !keeps_momentum {
        genome.training.momentum = training_genes::momentum(optimizer, habitat, rng);
    }
    genome.training.learning_rate = if family(optimizer) == family(before.optimizer) {
        let gain = effective_rate(&genome.training) / genome.training.learning_rate;
        tidy(effective_rate(&before) / gain, habitat.space.learning_rate)
    } else {
        training_genes::learning_rate(genome, &genome.training, habitat, rng)
    };
    if family(optimizer) != family(before.optimizer) || optimizer == Optimizer::AdamW {
        genome.training.weight_decay = training_genes::weight_decay(optimizer, habitat, rng);
    }
    Some(format!("optimizer from {} to {optimizer}", before.optimizer))
}

/// Another schedule.
pub(super) fn schedule(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let before = genome.training.schedule;
    let after = pick(rng, &others(&habitat.space.schedules, before))?;
    genome.training.schedule = after;
    Some(format!("schedule from {before} to {after}"))
}

/// Another momentum.
pub(super) fn momentum(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let after = training_genes::momentum(genome.training.optimizer, habitat, rng);
    let before = std::mem::replace(&mut genome.training.momentum, after);
    (after != before).then(|| format!("momentum from {before} to {after}"))
}

/// Another weight decay, or none.
pub(super) fn weight_decay(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let after = training_genes::weight_decay(genome.training.optimizer, habitat, rng);
    let before = std::mem::replace(&mut genome.training.weight_decay, after);
    (after != before).then(|| format!("weight decay from {before:e} to {after:e}"))
}

/// Another batch size, near the present one mostly.
pub(super) fn batch_size(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let before = genome.training.batch_size;
    let sizes = others(&habitat.space.batch_size, before);
    let near: Vec<u32> = sizes
        .iter()
        .copied()
        .filter(|size| *size <= 2 * before && before <= size.saturating_mul(2))
        .collect();
    let after = if chance(rng, 0.8) { pick(rng, &near) } else { pick(rng, &sizes) }?;
    genome.training.batch_size = after;
    Some(format!("batch size from {before} to {after}"))
}

/// Another label smoothing, or none.
pub(super) fn label_smoothing(
    genome: &mut Genome,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Option<String> {
    let after = training_genes::label_smoothing(habitat, rng);
    let before = std::mem::replace(&mut genome.training.label_smoothing, after);
    (after != before).then(|| format!("label smoothing from {before} to {after}"))
}

/// Another limit on the gradient's norm, or none.
pub(super) fn gradient_clip(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let after = training_genes::gradient_clip(habitat, rng);
    let before = std::mem::replace(&mut genome.training.gradient_clip, after);
    (after != before).then(|| format!("gradient clip from {before} to {after}"))
}

/// Another initializer.
pub(super) fn initializer(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let after = training_genes::initializer(genome, habitat, rng);
    let before = std::mem::replace(&mut genome.training.initializer, after);
    (after != before).then(|| format!("initializer from {before} to {after}"))
}

/// Another augmentation shift.
pub(super) fn shift(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let after = training_genes::shift(habitat, rng);
    let before = std::mem::replace(&mut genome.training.shift, after);
    (after != before).then(|| format!("shift from {before} to {after} pixels"))
}

/// Augmentation by flips on or off.
pub(super) fn flip(genome: &mut Genome, habitat: &Habitat<'_>, _: &mut dyn Rng) -> Option<String> {
    if !habitat.space.flip || habitat.problem.is_table() {
        return None;
    }
    genome.training.flip = !genome.training.flip;
    Some(format!("flip {}", if genome.training.flip { "on" } else { "off" }))
}
