//! Rules on training genes: how they go with the network that they are to train.

use super::evidence::{Evidence, Rule};
use crate::{
    expression::Shape,
    genome::{Norm, Optimizer, TrainingGenes},
};

/// How an optimizer's steps relate to its learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::variation) enum Family {
    /// Steps are proportional to the gradient: SGD, momentum, Nesterov.
    Proportional,
    /// Steps are about as long as the learning rate, whatever the gradient: RMSProp, Adam, AdamW.
    Adaptive,
}

/// An optimizer's family.
pub(in crate::variation) const fn family(optimizer: Optimizer) -> Family {
    match optimizer {
        Optimizer::Sgd | Optimizer::Momentum | Optimizer::Nesterov => Family::Proportional,
        Optimizer::RmsProp | Optimizer::Adam | Optimizer::AdamW => Family::Adaptive,
    }
}

/// Learning rate times what heavy-ball momentum makes of a lasting gradient: rate / (1 - momentum).
pub(in crate::variation) fn effective_rate(genes: &TrainingGenes) -> f64 {
    match genes.optimizer {
        Optimizer::Momentum | Optimizer::Nesterov => genes.learning_rate / (1.0 - genes.momentum).max(1e-3),
        _ => genes.learning_rate,
    }
}

/// The effective rates between which a network is expected to train.
///
/// Larger batches take fewer, quieter steps and need higher rates (square-root rule); normalised networks bear
/// higher ones, deep bare ones lower ones.
pub(in crate::variation) fn sound_rates(
    training: &TrainingGenes,
    is_normalised: bool,
    depth: u32,
) -> (f64, f64) {
    let batch = f64::from(training.batch_size) / 32.0;
    let patience = batch.sqrt().max(1.0);
    let noise = batch.sqrt().clamp(0.7, 1.5);
    let depth = if depth > 4 { 0.5 } else { 1.0 };
    let (low, high) = match (family(training.optimizer), is_normalised) {
        (Family::Proportional, true) => (0.02, 1.0),
        (Family::Proportional, false) => (0.02, 0.15 * depth),
        (Family::Adaptive, true) => (2e-4, 0.01),
        (Family::Adaptive, false) => (2e-4, 4e-3 * depth),
    };
    let high = if training.optimizer == Optimizer::RmsProp { high * 0.5 } else { high };
    (low * patience, high * noise)
}

/// In the order in which they are looked at.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "timid rate",
        reason: "the learning rate is so low for its optimizer and batch size that a short training hardly moves",
        broken: timid_rate,
    },
    Rule {
        name: "bold rate",
        reason: "the learning rate is so high for its optimizer, depth and normalisation that training diverges",
        broken: bold_rate,
    },
    Rule {
        name: "tiny clip",
        reason: "gradients are clipped so short that steps hardly move the weights",
        broken: tiny_clip,
    },
    Rule {
        name: "heavy decay",
        reason: "weight decay added to the gradient is so strong that it pulls the weights to nothing",
        broken: heavy_decay,
    },
    Rule {
        name: "wide shift",
        reason: "augmentation pushes much of a small image out of sight",
        broken: wide_shift,
    },
    Rule {
        name: "noisy batch norm",
        reason: "batch normalisation needs statistics of several samples",
        broken: noisy_batch_norm,
    },
];

fn timid_rate(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    effective_rate(training) < sound_rates(training, evidence.is_normalised, evidence.depth).0
}

fn bold_rate(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    effective_rate(training) > sound_rates(training, evidence.is_normalised, evidence.depth).1
}

fn tiny_clip(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    let clip = training.gradient_clip;
    let is_short = match family(training.optimizer) {
        Family::Proportional => clip < 0.5 || clip * effective_rate(training) < 0.05,
        Family::Adaptive => clip < 0.1,
    };
    clip > 0.0 && is_short
}

fn heavy_decay(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    training.weight_decay
        > match training.optimizer {
            // Decoupled: each step takes rate times decay of every weight.
            Optimizer::AdamW => 1e-3 / training.learning_rate,
            Optimizer::Adam | Optimizer::RmsProp => 1e-3,
            Optimizer::Sgd | Optimizer::Momentum | Optimizer::Nesterov => 5e-3,
        }
}

fn wide_shift(evidence: &Evidence<'_>) -> bool {
    let Shape::Spatial { height, width, .. } = evidence.input else { return false };
    evidence.genome.training.shift as usize * 6 > height.min(width)
}

/// Fewest samples for batch statistics: with positions to average over, and without.
const BATCH_SPATIAL_MIN: u32 = 4;
const BATCH_FLAT_MIN: u32 = 8;

fn noisy_batch_norm(evidence: &Evidence<'_>) -> bool {
    let batch = evidence.genome.training.batch_size;
    evidence.layers().any(|(gene, _, behind)| {
        let min = if behind.positions() > 1 { BATCH_SPATIAL_MIN } else { BATCH_FLAT_MIN };
        gene.norm() == Norm::Batch && batch < min
    })
}
