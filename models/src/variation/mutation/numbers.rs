//! Changes of the numbers and words of layers.

use super::name;
use crate::{
    genome::{Activation, Convolution, Genome, Groups, LayerGene, Norm, Pool},
    variation::{
        Habitat,
        bounds::{curved, dense_norms, has_choice, others},
        draw::{chance, log_uniform, pick, tidy_width},
        random,
        repair::{scale_width, scale_widths},
    },
};
use hatchery_config::space::Range;
use rand::Rng;

/// One of the layers for which `select` says yes.
fn one_of(genome: &Genome, rng: &mut dyn Rng, select: impl Fn(&LayerGene) -> bool) -> Option<usize> {
    let places: Vec<usize> =
        (0..genome.layers.len()).filter(|&index| select(&genome.layers[index])).collect();
    pick(rng, &places)
}

/// The genes of one of the convolutions, and its name.
fn one_convolution<'a>(genome: &'a mut Genome, rng: &mut dyn Rng) -> Option<(&'a mut Convolution, String)> {
    let index = one_of(genome, rng, |gene| matches!(gene, LayerGene::Convolution(_)))?;
    let words = name(genome, index);
    match &mut genome.layers[index] {
        LayerGene::Convolution(genes) => Some((genes, words)),
        _ => None,
    }
}

/// The genes of one of the pools, and its name.
fn one_pool<'a>(genome: &'a mut Genome, rng: &mut dyn Rng) -> Option<(&'a mut Pool, String)> {
    let index =
        one_of(genome, rng, |gene| matches!(gene, LayerGene::MaxPool(_) | LayerGene::AveragePool(_)))?;
    let words = name(genome, index);
    match &mut genome.layers[index] {
        LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => Some((genes, words)),
        _ => None,
    }
}

/// A factor by which a number visibly grows or shrinks.
fn factor(rng: &mut dyn Rng) -> f64 {
    let size = log_uniform(rng, 1.25, 2.5);
    if chance(rng, 0.5) { size } else { 1.0 / size }
}

/// A neighbour of a small number within a range, mostly the next one.
fn neighbour(value: u32, range: Range<u32>, rng: &mut dyn Rng) -> Option<u32> {
    let near = [value.saturating_sub(1), value + 1, value.saturating_sub(2), value + 2];
    let near: Vec<u32> = near.into_iter().filter(|near| range.contains(*near) && *near != value).collect();
    pick(rng, &near)
}

/// How wide a layer is, as words say it.
fn width_of(gene: &LayerGene) -> u32 {
    match gene {
        LayerGene::Convolution(genes) => genes.filters,
        LayerGene::Residual(genes) => genes.filters,
        LayerGene::Inception(genes) => genes.branches.iter().sum(),
        LayerGene::Dense(genes) => genes.units,
        _ => 0,
    }
}

/// Widens or narrows a layer.
pub(super) fn width(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let index = one_of(genome, rng, LayerGene::is_weighted)?;
    let before = width_of(&genome.layers[index]);
    scale_width(&mut genome.layers[index], factor(rng), habitat.space);
    let after = width_of(&genome.layers[index]);
    let verb = if after > before { "widen" } else { "narrow" };
    (after != before).then(|| format!("{verb} {} from {before} to {after}", name(genome, index)))
}

/// Widens or narrows all layers alike.
pub(super) fn all_widths(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let factor = factor(rng);
    let scaled = scale_widths(genome, factor, habitat.space);
    let verb = if factor > 1.0 { "widen" } else { "narrow" };
    let changed = scaled != *genome;
    *genome = scaled;
    changed.then(|| format!("{verb} all layers by {factor:.2}"))
}

/// Another square kernel.
pub(super) fn kernel(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let side = random::kernel_side(habitat, rng);
    let (genes, words) = one_convolution(genome, rng)?;
    let before = std::mem::replace(&mut genes.kernel, [side; 2]);
    if side > 1 {
        genes.dilation = habitat.space.dilation.clamp(genes.dilation);
    }
    (before != [side; 2])
        .then(|| format!("kernel of {words} from {}x{} to {side}x{side}", before[0], before[1]))
}

/// A kernel that is higher or lower.
pub(super) fn kernel_height(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    kernel_side(genome, 0, "height", habitat, rng)
}

/// A kernel that is wider or narrower.
pub(super) fn kernel_width(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    kernel_side(genome, 1, "width", habitat, rng)
}

fn kernel_side(
    genome: &mut Genome,
    axis: usize,
    side: &str,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Option<String> {
    let (genes, words) = one_convolution(genome, rng)?;
    let before = genes.kernel[axis];
    let after = neighbour(before, habitat.space.kernel, rng)?;
    genes.kernel[axis] = after;
    genes.dilation = habitat.space.dilation.clamp(genes.dilation);
    Some(format!("kernel {side} of {words} from {before} to {after}"))
}

/// Another stride of a convolution or residual block.
pub(super) fn stride(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let strided = |gene: &LayerGene| matches!(gene, LayerGene::Convolution(_) | LayerGene::Residual(_));
    let index = one_of(genome, rng, strided)?;
    let words = name(genome, index);
    let stride = match &mut genome.layers[index] {
        LayerGene::Convolution(genes) => &mut genes.stride,
        LayerGene::Residual(genes) => &mut genes.stride,
        _ => return None,
    };
    let after = neighbour(*stride, habitat.space.stride, rng)?;
    let before = std::mem::replace(stride, after);
    Some(format!("stride of {words} from {before} to {after}"))
}

/// Another dilation.
pub(super) fn dilation(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let (genes, words) = one_convolution(genome, rng)?;
    let after = neighbour(genes.dilation, habitat.space.dilation, rng)?;
    let before = std::mem::replace(&mut genes.dilation, after);
    Some(format!("dilation of {words} from {before} to {after}"))
}

/// Another split into groups, depthwise among them.
pub(super) fn groups(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let space = habitat.space;
    let (genes, words) = one_convolution(genome, rng)?;
    let mut choices: Vec<Groups> = space.groups.iter().map(|&count| Groups::Count(count)).collect();
    if space.depthwise {
        choices.push(Groups::Depthwise);
    }
    genes.groups = pick(rng, &others(&choices, genes.groups))?;
    Some(match genes.groups {
        Groups::Count(count) => format!("split {words} into {count} groups"),
        Groups::Depthwise => format!("make {words} depthwise"),
    })
}

/// The other padding, of a convolution or pool.
pub(super) fn padding(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let padded = |gene: &LayerGene| {
        matches!(gene, LayerGene::Convolution(_) | LayerGene::MaxPool(_) | LayerGene::AveragePool(_))
    };
    let index = one_of(genome, rng, padded)?;
    let words = name(genome, index);
    let padding = match &mut genome.layers[index] {
        LayerGene::Convolution(genes) => &mut genes.padding,
        LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => &mut genes.padding,
        _ => return None,
    };
    let after = pick(rng, &others(&habitat.space.padding, *padding))?;
    *padding = after;
    Some(format!("padding of {words} to {after}"))
}

/// Another window of a pool.
pub(super) fn pool_window(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let (genes, words) = one_pool(genome, rng)?;
    let after = neighbour(genes.kernel, habitat.space.pool_kernel, rng)?;
    let before = std::mem::replace(&mut genes.kernel, after);
    Some(format!("window of {words} from {before} to {after}"))
}

/// Another stride of a pool.
pub(super) fn pool_stride(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let (genes, words) = one_pool(genome, rng)?;
    let after = neighbour(genes.stride, habitat.space.pool_stride, rng)?;
    let before = std::mem::replace(&mut genes.stride, after);
    Some(format!("stride of {words} from {before} to {after}"))
}

/// Another share of values dropped.
pub(super) fn dropout(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let index = one_of(genome, rng, |gene| matches!(gene, LayerGene::Dropout { .. }))?;
    let after = random::dropout_ratio(habitat, rng);
    let words = name(genome, index);
    let LayerGene::Dropout { ratio } = &mut genome.layers[index] else { return None };
    let before = std::mem::replace(ratio, after);
    (before != after).then(|| format!("ratio of {words} from {before} to {after}"))
}

/// Sets a layer's normalisation; says whether it has such a gene and the space allows the word there.
fn set_norm(gene: &mut LayerGene, norm: Norm, habitat: &Habitat<'_>) -> bool {
    let dense = dense_norms(habitat.space).contains(&norm);
    match gene {
        LayerGene::Convolution(genes) => genes.norm = norm,
        LayerGene::Residual(genes) => genes.norm = norm,
        LayerGene::Inception(genes) => genes.norm = norm,
        LayerGene::Dense(genes) if dense => genes.norm = norm,
        LayerGene::Normalisation { norm: own } if norm != Norm::None => *own = norm,
        _ => return false,
    }
    true
}

/// Another normalisation of one layer.
pub(super) fn norm(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let has_norm = |gene: &LayerGene| gene.is_weighted() || matches!(gene, LayerGene::Normalisation { .. });
    let index = one_of(genome, rng, has_norm)?;
    let norm = pick(rng, &others(&habitat.space.norms, genome.layers[index].norm()))?;
    set_norm(&mut genome.layers[index], norm, habitat)
        .then(|| format!("normalisation of {} to {norm}", name(genome, index)))
}

/// The same normalisation for all weighted layers.
pub(super) fn all_norms(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let norm = random::norm(habitat, rng);
    let before = genome.clone();
    for gene in genome.layers.iter_mut().filter(|gene| gene.is_weighted()) {
        set_norm(gene, norm, habitat);
    }
    (*genome != before).then(|| format!("normalisation of all layers to {norm}"))
}

fn set_activation(gene: &mut LayerGene, activation: Activation) {
    match gene {
        LayerGene::Convolution(genes) => genes.activation = activation,
        LayerGene::Residual(genes) => genes.activation = activation,
        LayerGene::Inception(genes) => genes.activation = activation,
        LayerGene::Dense(genes) => genes.activation = activation,
        _ => {}
    }
}

/// Another activation of one layer.
pub(super) fn activation(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let index = one_of(genome, rng, LayerGene::is_weighted)?;
    let present = genome.layers[index].activation()?;
    let activation = pick(rng, &others(&habitat.space.activations, present))?;
    set_activation(&mut genome.layers[index], activation);
    Some(format!("activation of {} from {present} to {activation}", name(genome, index)))
}

/// The same activation for all layers that have one.
pub(super) fn all_activations(
    genome: &mut Genome,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Option<String> {
    let activation = pick(rng, &curved(habitat.space))?;
    let before = genome.clone();
    for gene in &mut genome.layers {
        set_activation(gene, activation);
    }
    (*genome != before).then(|| format!("activation of all layers to {activation}"))
}

/// More or fewer filters in one branch of an inception module, or a branch taken out or put back.
pub(super) fn branches(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let index = one_of(genome, rng, |gene| matches!(gene, LayerGene::Inception(_)))?;
    let words = name(genome, index);
    let LayerGene::Inception(genes) = &mut genome.layers[index] else { return None };
    let branch = pick(rng, &[0, 1, 2, 3])?;
    let before = genes.branches[branch];
    let after = match before {
        0 => genes.branches.iter().copied().max()?.div_ceil(2),
        _ if chance(rng, 0.3) => 0,
        _ => tidy_width(f64::from(before) * factor(rng), Range { min: 1, max: habitat.space.filters.max }),
    };
    genes.branches[branch] = after;
    if has_choice(habitat.space.filters) && genes.bottleneck < 4 {
        genes.bottleneck = (genes.branches.iter().sum::<u32>() / 4).clamp(1, habitat.space.filters.max);
    }
    let branch = branch + 1;
    (after != before).then(|| format!("branch {branch} of {words} from {before} to {after} filters"))
}

/// Wider or narrower entries of an inception module's 3x3 and 5x5 branches.
pub(super) fn bottleneck(genome: &mut Genome, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<String> {
    let index = one_of(genome, rng, |gene| matches!(gene, LayerGene::Inception(_)))?;
    let words = name(genome, index);
    let LayerGene::Inception(genes) = &mut genome.layers[index] else { return None };
    let range = Range { min: 1, max: habitat.space.filters.max };
    let after = tidy_width(f64::from(genes.bottleneck) * factor(rng), range);
    let before = std::mem::replace(&mut genes.bottleneck, after);
    (after != before).then(|| format!("bottleneck of {words} from {before} to {after}"))
}
