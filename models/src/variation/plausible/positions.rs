//! Rules on positions: what layers see of an image, and what they lose of it.

use super::evidence::{Evidence, Rule, layer_depth};
use crate::{
    expression::Shape,
    genome::{Groups, LayerGene},
};

/// In the order in which they are looked at.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "spatial collapse",
        reason: "windows lie mostly beyond the edges of what earlier layers have shrunk",
        broken: spatial_collapse,
    },
    Rule {
        name: "skipped positions",
        reason: "a stride larger than its window never looks at most values",
        broken: skipped_positions,
    },
    Rule {
        name: "blind pooling",
        reason: "small images are pooled before any weights have seen them",
        broken: blind_pooling,
    },
    Rule {
        name: "repeated pooling",
        reason: "two pools in a row are one larger pool",
        broken: repeated_pooling,
    },
    Rule {
        name: "shallow summary",
        reason: "a global average right behind a single layer sees what there is, but not how it is arranged",
        broken: shallow_summary,
    },
    Rule {
        name: "pointwise only",
        reason: "no layer looks at more than one position at a time before positions are pooled or averaged",
        broken: pointwise_only,
    },
];

fn spatial_collapse(evidence: &Evidence<'_>) -> bool {
    evidence.layers().any(|(gene, before, _)| {
        let Shape::Spatial { height, width, .. } = before else { return false };
        let extents = match gene {
            LayerGene::Convolution(genes) => genes.kernel.map(|side| (side - 1) * genes.dilation + 1),
            LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => [genes.kernel; 2],
            LayerGene::Residual(_) | LayerGene::Inception(_) => [3; 2],
            _ => return false,
        };
        let is_point = height == 1 && width == 1;
        is_point || reaches_beyond(extents[0], height) || reaches_beyond(extents[1], width)
    })
}

/// Whether some value of a centred window lies outside wherever the window is.
const fn reaches_beyond(extent: u32, size: usize) -> bool {
    extent as usize > 2 * size - 1 && extent > 1
}

fn skipped_positions(evidence: &Evidence<'_>) -> bool {
    evidence.genome.layers.iter().any(|gene| match gene {
        LayerGene::Convolution(genes) => {
            let extent = genes.kernel.map(|side| (side - 1) * genes.dilation + 1);
            genes.stride > extent[0].max(extent[1])
                || (genes.groups == Groups::Depthwise && genes.kernel == [1, 1])
        }
        LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => genes.stride > genes.kernel,
        LayerGene::Residual(genes) => genes.stride > 2,
        _ => false,
    })
}

/// Images with sides below this lose what matters when pooled raw.
const POOLED_RAW_MIN: usize = 48;

fn blind_pooling(evidence: &Evidence<'_>) -> bool {
    let before_weights = evidence.layers().take_while(|(gene, ..)| !gene.is_weighted());
    before_weights.into_iter().any(|(gene, before, _)| {
        let Shape::Spatial { height, width, .. } = before else { return false };
        gene.is_flattening() || (is_pool(gene) && height.min(width) < POOLED_RAW_MIN)
    })
}

fn repeated_pooling(evidence: &Evidence<'_>) -> bool {
    evidence.pairs().any(|(first, second)| is_pool(first) && is_pool(second))
}

const fn is_pool(gene: &LayerGene) -> bool {
    matches!(gene, LayerGene::MaxPool(_) | LayerGene::AveragePool(_))
}

fn shallow_summary(evidence: &Evidence<'_>) -> bool {
    let layers = &evidence.genome.layers;
    let pooled = layers.iter().position(|gene| *gene == LayerGene::GlobalAveragePool);
    pooled.is_some_and(|pooled| layers[..pooled].iter().map(layer_depth).sum::<u32>() < 2)
}

fn pointwise_only(evidence: &Evidence<'_>) -> bool {
    let is_point = |gene: &LayerGene| matches!(gene, LayerGene::Convolution(genes) if genes.kernel == [1, 1]);
    let is_window = |gene: &LayerGene| gene.is_weighted() && gene.is_spatial() && !is_point(gene);
    let layers = &evidence.genome.layers;
    let pools = layers.iter().any(|gene| is_pool(gene) || *gene == LayerGene::GlobalAveragePool);
    pools && layers.iter().any(is_point) && !layers.iter().any(is_window)
}
