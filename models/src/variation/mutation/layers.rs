//! Changes of which layers there are.

use super::name;
use crate::{
    genome::{Convolution, Dense, Genome, Groups, Inception, LayerGene, LayerKind, Norm, Pool, Residual},
    variation::{
        Habitat,
        bounds::{dense_norms, gentle_padding, is_kind_allowed},
        draw::{between, pick, tidy_width, weighted},
        random::{self, Style},
        repair::share_out,
    },
};
use rand::Rng;

/// Kinds that are inserted, and how often.
const INSERTED: &[(LayerKind, f64)] = &[
    (LayerKind::Convolution, 5.0),
    (LayerKind::MaxPool, 1.5),
    (LayerKind::AveragePool, 0.5),
    (LayerKind::Residual, 2.0),
    (LayerKind::Inception, 1.0),
    (LayerKind::Dense, 2.0),
    (LayerKind::Normalisation, 0.5),
    (LayerKind::Dropout, 1.0),
];

/// Inserts a layer that suits its neighbours.
pub(super) fn insert(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    if genome.layers.len() as u32 >= habitat.space.depth.max {
        return None;
    }
    let allowed: Vec<(LayerKind, f64)> = INSERTED
        .iter()
        .copied()
        .filter(|(kind, _)| is_kind_allowed(*kind, habitat.space, habitat.problem))
        .collect();
    let kind = weighted(rng, &allowed)?;
    let index = place_for(kind, genome, habitat, rng);
    let gene = new_layer(kind, genome, index, habitat, rng)?;
    genome.layers.insert(index, gene);
    Some(format!("insert {}", name(genome, index)))
}

/// A place where a kind of layer may stand: spatial ones in front of what flattens, dense ones behind.
fn place_for(kind: LayerKind, genome: &Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> usize {
    let end = genome.layers.len();
    let flat = genome.layers.iter().position(LayerGene::is_flattening).unwrap_or(end);
    let merge = genome.layers.iter().position(|gene| *gene == LayerGene::Merge);
    let (from, to) = match kind {
        LayerKind::Dense if !habitat.problem.is_table() => {
            (flat.max(merge.map_or(0, |merge| merge + 1)), end)
        }
        LayerKind::Dropout => (end / 2, end),
        LayerKind::Dense | LayerKind::Normalisation => (0, end),
        _ => (0, flat),
    };
    between(rng, from.min(to) as u32, to as u32) as usize
}

/// Draws a layer of a kind; width, normalisation and activation are mostly those of the nearest layer before it.
fn new_layer(
    kind: LayerKind,
    genome: &Genome,
    index: usize,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Option<LayerGene> {
    let space = habitat.space;
    let mut style = Style::draw(habitat, rng);
    let neighbour =
        genome.layers[..index].iter().rev().chain(&genome.layers[index..]).find(|gene| gene.is_weighted());
    if let Some(gene) = neighbour {
        style.activation = gene.activation().unwrap_or(style.activation);
        if space.norms.contains(&gene.norm()) {
            style.norm = gene.norm();
        }
    }
    let factor = pick(rng, &[0.5, 1.0, 1.0, 1.0, 2.0])?;
    let filters = genome.layers[..index].iter().rev().chain(&genome.layers[index..]).find_map(filters);
    let filters = f64::from(filters.unwrap_or(space.filters.clamp(16))) * factor;
    let units = genome.layers.iter().find_map(units).unwrap_or(space.units.clamp(64));
    Some(match kind {
        LayerKind::Convolution => {
            LayerGene::Convolution(random::convolution(filters, space.stride.clamp(1), &style, habitat, rng))
        }
        LayerKind::MaxPool => LayerGene::MaxPool(random::pool(habitat, rng)),
        LayerKind::AveragePool => LayerGene::AveragePool(random::pool(habitat, rng)),
        LayerKind::Residual => {
            LayerGene::Residual(random::residual(filters, space.stride.clamp(1), &style, habitat))
        }
        LayerKind::Inception => LayerGene::Inception(random::inception(filters, &style, habitat, rng)),
        LayerKind::Dense => {
            let norms = dense_norms(space);
            let norm = if norms.contains(&style.norm) { style.norm } else { norms[0] };
            let units = tidy_width(f64::from(units) * factor, space.units);
            LayerGene::Dense(Dense { units, norm, activation: style.activation })
        }
        LayerKind::Normalisation => {
            let norms: Vec<Norm> = space.norms.iter().copied().filter(|norm| *norm != Norm::None).collect();
            LayerGene::Normalisation { norm: pick(rng, &norms)? }
        }
        LayerKind::Dropout => LayerGene::Dropout { ratio: random::dropout_ratio(habitat, rng) },
        LayerKind::GlobalAveragePool | LayerKind::Merge => return None,
    })
}

fn filters(gene: &LayerGene) -> Option<u32> {
    match gene {
        LayerGene::Convolution(genes) => Some(genes.filters),
        LayerGene::Residual(genes) => Some(genes.filters),
        LayerGene::Inception(genes) => Some(genes.branches.iter().sum()),
        _ => None,
    }
}

fn units(gene: &LayerGene) -> Option<u32> {
    match gene {
        LayerGene::Dense(genes) => Some(genes.units),
        _ => None,
    }
}

/// One of the layers, `merge` excepted.
fn any_layer(genome: &Genome, rng: &mut dyn Rng) -> Option<usize> {
    let places: Vec<usize> =
        (0..genome.layers.len()).filter(|&index| genome.layers[index] != LayerGene::Merge).collect();
    pick(rng, &places)
}

/// Takes a layer out.
pub(super) fn delete(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    if genome.layers.len() as u32 <= habitat.space.depth.min {
        return None;
    }
    let index = any_layer(genome, rng)?;
    let words = format!("delete {}", name(genome, index));
    genome.layers.remove(index);
    Some(words)
}

/// Repeats a weighted layer behind itself, without its stride.
pub(super) fn duplicate(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    if genome.layers.len() as u32 >= habitat.space.depth.max {
        return None;
    }
    let index = any_layer(genome, rng)?;
    let mut copy = genome.layers[index].clone();
    match &mut copy {
        LayerGene::Convolution(genes) => genes.stride = habitat.space.stride.clamp(1),
        LayerGene::Residual(genes) => genes.stride = habitat.space.stride.clamp(1),
        LayerGene::Inception(_) | LayerGene::Dense(_) => {}
        _ => return None,
    }
    let words = format!("duplicate {}", name(genome, index));
    genome.layers.insert(index + 1, copy);
    Some(words)
}

/// Exchanges two neighbours.
pub(super) fn swap(genome: &mut Genome, _: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let places: Vec<usize> =
        (1..genome.layers.len()).filter(|&index| genome.layers[index - 1] != genome.layers[index]).collect();
    let index = pick(rng, &places)?;
    let words = format!("swap {} with {}", name(genome, index - 1), name(genome, index));
    genome.layers.swap(index - 1, index);
    Some(words)
}

/// Makes another kind of layer of a layer, with as much of its genes as the new kind has.
pub(super) fn change_kind(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let index = any_layer(genome, rng)?;
    let kinds: &[LayerKind] = match genome.layers[index].kind() {
        LayerKind::Convolution => &[LayerKind::Residual, LayerKind::Inception, LayerKind::MaxPool],
        LayerKind::Residual => &[LayerKind::Convolution, LayerKind::Inception],
        LayerKind::Inception => &[LayerKind::Convolution, LayerKind::Residual],
        LayerKind::MaxPool => &[LayerKind::AveragePool, LayerKind::Convolution],
        LayerKind::AveragePool => &[LayerKind::MaxPool, LayerKind::Convolution],
        LayerKind::Dense => &[LayerKind::Dropout],
        LayerKind::Dropout | LayerKind::Normalisation => &[LayerKind::Dense],
        LayerKind::GlobalAveragePool => &[LayerKind::Dense, LayerKind::MaxPool],
        LayerKind::Merge => return None,
    };
    let kinds: Vec<LayerKind> =
        kinds.iter().copied().filter(|kind| is_kind_allowed(*kind, habitat.space, habitat.problem)).collect();
    let kind = pick(rng, &kinds)?;
    let mut gene = new_layer(kind, genome, index, habitat, rng)?;
    inherit(&mut gene, &genome.layers[index], habitat);
    let words = format!("change {} to {kind}", name(genome, index));
    genome.layers[index] = gene;
    Some(words)
}

/// Gives a new layer the width, stride, normalisation and activation of the one whose place it takes.
fn inherit(gene: &mut LayerGene, from: &LayerGene, habitat: &Habitat<'_>) {
    let space = habitat.space;
    let stride = match from {
        LayerGene::Convolution(Convolution { stride, .. })
        | LayerGene::Residual(Residual { stride, .. })
        | LayerGene::MaxPool(Pool { stride, .. })
        | LayerGene::AveragePool(Pool { stride, .. }) => *stride,
        _ => 1,
    };
    let width = filters(from);
    match gene {
        LayerGene::Convolution(genes) => {
            genes.stride = space.stride.clamp(stride);
            genes.filters = width.unwrap_or(genes.filters);
            genes.groups = Groups::Count(1);
            genes.activation = from.activation().unwrap_or(genes.activation);
        }
        LayerGene::Residual(genes) => {
            genes.stride = space.stride.clamp(stride);
            genes.filters = width.unwrap_or(genes.filters);
            genes.activation = from.activation().unwrap_or(genes.activation);
        }
        LayerGene::Inception(Inception { branches, activation, .. }) => {
            *branches = share_out(*branches, width.unwrap_or(branches.iter().sum()));
            *activation = from.activation().unwrap_or(*activation);
        }
        LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => {
            genes.padding = match from {
                LayerGene::MaxPool(before) | LayerGene::AveragePool(before) => {
                    (genes.kernel, genes.stride) = (before.kernel, before.stride);
                    before.padding
                }
                _ => gentle_padding(space),
            };
        }
        _ => {}
    }
}

/// Puts a global average pool where the network flattens, or takes it away.
pub(super) fn toggle_global_pool(
    genome: &mut Genome,
    habitat: &Habitat<'_>,
    _: &mut dyn Rng,
) -> Option<String> {
    if let Some(index) = genome.layers.iter().position(|gene| *gene == LayerGene::GlobalAveragePool) {
        genome.layers.remove(index);
        return Some("flatten instead of global average pool".into());
    }
    if !is_kind_allowed(LayerKind::GlobalAveragePool, habitat.space, habitat.problem) {
        return None;
    }
    let behind = |gene: &LayerGene| gene.is_spatial() || *gene == LayerGene::Merge;
    let index = genome.layers.iter().rposition(behind)? + 1;
    genome.layers.insert(index, LayerGene::GlobalAveragePool);
    Some("global average pool instead of flattening".into())
}
