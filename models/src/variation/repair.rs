//! Small changes that make a network of a genome that is none, or one within the limits.

use super::{
    Habitat,
    draw::{chance, log_uniform, tidy_width},
    settle::Settled,
};
use crate::{
    expression::{self, Estimate, NotViable, Reason, blueprint},
    genome::{Genome, LAYERS_MAX, LayerGene, Padding},
};
use hatchery_config::space::{Range, Space};
use rand::Rng;

/// Rounds of narrowing. Each aims at the target, so two or three do unless bounds are in the way.
const NARROWING_MAX: u32 = 12;
/// Where a round has changed nothing, since widths are rounded, the next goes so much further.
const FURTHER: f64 = 0.85;
/// A network that was too costly is narrowed to between this share of the limit and the limit, so that costs spread
/// instead of piling up at the limit.
const TARGET_SHARE_MIN: f64 = 0.15;

/// Pads or drops layers that cannot be where they are, until the genome is a network. `None` where that is not
/// possible.
pub(super) fn repair_shapes(mut genome: Genome, habitat: &Habitat<'_>) -> Option<Genome> {
    for _ in 0..=LAYERS_MAX {
        match blueprint(&genome, habitat.problem) {
            Ok(_) => return Some(genome),
            Err(NotViable::Layer { layer, reason, .. }) => {
                repair_layer(&mut genome, layer - 1, &reason, habitat)?
            }
            Err(_) => return None,
        }
    }
    None
}

fn repair_layer(genome: &mut Genome, index: usize, reason: &Reason, habitat: &Habitat<'_>) -> Option<()> {
    let may_pad = habitat.space.padding.contains(&Padding::Same);
    if matches!(reason, Reason::WindowTooLarge { .. }) && may_pad {
        match &mut genome.layers[index] {
            LayerGene::Convolution(genes) => genes.padding = Padding::Same,
            LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => genes.padding = Padding::Same,
            _ => return None,
        }
        return Some(());
    }
    genome.layers.remove(index);
    Some(())
}

/// Narrows all layers until the network is within the limits. `None` where their bounds are in the way, and where it is
/// no network.
pub(super) fn fit_limits(genome: &Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<Settled> {
    let settled = Settled::of(genome, habitat).ok()?;
    if expression::within(&settled.estimate, habitat.limits).is_ok() {
        return Some(settled);
    }
    let share = if chance(rng, 0.9) { log_uniform(rng, TARGET_SHARE_MIN, 1.0) } else { 1.0 };
    narrowed(settled, habitat, share)
}

/// Narrows all layers until the network costs about this share of what the limits allow, or less. `None` where their
/// bounds are in the way.
pub(super) fn narrowed(mut settled: Settled, habitat: &Habitat<'_>, share: f64) -> Option<Settled> {
    let mut push = 1.0;
    for _ in 0..NARROWING_MAX {
        let excess = excess(&settled.estimate, habitat) / share;
        if excess <= 1.0 {
            break;
        }
        let factor = push * excess.powf(-0.5).clamp(0.2, 0.95);
        let narrowed = Settled::of(&scale_widths(&settled.genome, factor, habitat.space), habitat).ok()?;
        push = if narrowed.genome == settled.genome { push * FURTHER } else { 1.0 };
        settled = narrowed;
    }
    expression::within(&settled.estimate, habitat.limits).is_ok().then_some(settled)
}

/// By how much the limits are exceeded; at most 1 where they are kept.
fn excess(cost: &Estimate, habitat: &Habitat<'_>) -> f64 {
    let limits = habitat.limits;
    let ratio = |value: u64, limit: u64| value as f64 / limit.max(1) as f64;
    ratio(cost.parameters, limits.parameters)
        .max(ratio(cost.multiply_adds, limits.multiply_adds))
        .max(ratio(cost.memory_bytes >> 20, limits.memory_mib))
}

/// All widths times a factor, within the space.
pub(super) fn scale_widths(genome: &Genome, factor: f64, space: &Space) -> Genome {
    let mut scaled = genome.clone();
    for gene in &mut scaled.layers {
        scale_width(gene, factor, space);
    }
    scaled
}

/// A layer's widths times a factor, within the space.
pub(super) fn scale_width(gene: &mut LayerGene, factor: f64, space: &Space) {
    let scale = |width: u32, range: Range<u32>| tidy_width(f64::from(width) * factor, range);
    match gene {
        LayerGene::Convolution(genes) => genes.filters = scale(genes.filters, space.filters),
        LayerGene::Residual(genes) => genes.filters = scale(genes.filters, space.filters),
        LayerGene::Dense(genes) => genes.units = scale(genes.units, space.units),
        LayerGene::Inception(genes) => {
            let total = genes.branches.iter().sum::<u32>();
            let wanted = scale(total, space.filters);
            genes.branches = share_out(genes.branches, wanted);
            let range = Range { min: 4.min(space.filters.max), max: space.filters.max };
            genes.bottleneck = scale(genes.bottleneck, range);
        }
        _ => {}
    }
}

/// Branches in about the same proportions, with exactly `total` filters in all (at least one for each that has any).
pub(super) fn share_out(branches: [u32; 4], total: u32) -> [u32; 4] {
    let present = u64::from(branches.iter().sum::<u32>().max(1));
    let used = branches.iter().filter(|&&width| width > 0).count() as u32;
    let total = total.max(used).max(1);
    let mut shared = branches.map(|width| {
        let part = u64::from(width) * u64::from(total) / present;
        if width == 0 { 0 } else { (part as u32).max(1) }
    });
    // Rounding leaves a few filters over or owing; the widest branch settles the account.
    for _ in 0..used {
        let sum: u32 = shared.iter().sum();
        let Some(widest) = shared.iter_mut().max() else { break };
        *widest = (*widest + total).saturating_sub(sum).max(1);
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_share_a_total() {
        assert_eq!(share_out([8, 8, 8, 8], 48), [12; 4]);
        for total in 4..200 {
            for branches in [[1, 2, 3, 4], [0, 7, 0, 1], [100, 1, 1, 1], [5, 0, 0, 0]] {
                let shared = share_out(branches, total);
                assert_eq!(shared.iter().sum::<u32>(), total, "{branches:?} to {total}: {shared:?}");
                for (before, after) in branches.iter().zip(shared) {
                    assert_eq!(*before == 0, after == 0);
                }
            }
        }
    }
}
