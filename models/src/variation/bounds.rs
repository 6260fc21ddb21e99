//! Whether every gene lies within the space.

use crate::{
    genome::{
        Activation, Convolution, Genome, Groups, Inception, LayerGene, LayerKind, Norm, Optimizer, Padding,
        Pool, TrainingGenes,
    },
    problem::{Problem, Task},
};
use hatchery_config::space::{Range, Space};

/// A gene outside the space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfBounds {
    /// A layer's gene.
    #[error("layer {layer} ({kind}): its {gene} is outside space.{gene}")]
    Layer {
        /// Which layer, from 1.
        layer: usize,
        /// Its kind.
        kind: LayerKind,
        /// Which gene, as the space spells it.
        gene: &'static str,
    },
    /// Too many or too few layers.
    #[error("{layers} layers are outside space.depth")]
    Depth {
        /// How many.
        layers: usize,
    },
    /// A gene of the training.
    #[error("training: {gene} is outside space.{gene}")]
    Training {
        /// Which gene, as the space spells it.
        gene: &'static str,
    },
}

/// Checks every gene against the space. Genes that do nothing (the momentum of plain SGD, the padding of a 1x1
/// window, augmentation of tables) are not asked. `merge` is always allowed in a multi-view problem.
///
/// # Errors
/// The first gene that is outside.
pub fn within_bounds(genome: &Genome, space: &Space, problem: &Problem) -> Result<(), OutOfBounds> {
    let layers = genome.layers.len();
    if !u32::try_from(layers).is_ok_and(|layers| space.depth.contains(layers)) {
        return Err(OutOfBounds::Depth { layers });
    }
    for (index, gene) in genome.layers.iter().enumerate() {
        let kind = gene.kind();
        if let Some(gene) = layer_outside(gene, space, problem) {
            return Err(OutOfBounds::Layer { layer: index + 1, kind, gene });
        }
    }
    match training_outside(&genome.training, space, problem) {
        Some(gene) => Err(OutOfBounds::Training { gene }),
        None => Ok(()),
    }
}

/// Kinds of layers that the space and the problem allow together.
pub(super) fn is_kind_allowed(kind: LayerKind, space: &Space, problem: &Problem) -> bool {
    let fits_table = matches!(kind, LayerKind::Dense | LayerKind::Normalisation | LayerKind::Dropout);
    match kind {
        LayerKind::Merge => problem.has_views(),
        _ => space.layers.contains(&kind) && (fits_table || !problem.is_table()),
    }
}

/// A list of genes, each with whether it lies inside.
fn first_outside(genes: &[(&'static str, bool)]) -> Option<&'static str> {
    genes.iter().find(|(_, inside)| !inside).map(|(gene, _)| *gene)
}

fn layer_outside(gene: &LayerGene, space: &Space, problem: &Problem) -> Option<&'static str> {
    if !is_kind_allowed(gene.kind(), space, problem) {
        return Some("layers");
    }
    match gene {
        LayerGene::Convolution(genes) => convolution_outside(genes, space),
        LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => pool_outside(genes, space),
        LayerGene::Inception(genes) => inception_outside(genes, space),
        LayerGene::Residual(genes) => first_outside(&[
            ("filters", space.filters.contains(genes.filters)),
            ("stride", space.stride.contains(genes.stride)),
            ("norms", space.norms.contains(&genes.norm)),
            ("activations", space.activations.contains(&genes.activation)),
        ]),
        LayerGene::Dense(genes) => first_outside(&[
            ("units", space.units.contains(genes.units)),
            ("norms", dense_norms(space).contains(&genes.norm)),
            ("activations", space.activations.contains(&genes.activation)),
        ]),
        LayerGene::Normalisation { norm } => first_outside(&[("norms", space.norms.contains(norm))]),
        LayerGene::Dropout { ratio } => first_outside(&[("dropout", space.dropout.contains(*ratio))]),
        LayerGene::GlobalAveragePool | LayerGene::Merge => None,
    }
}

/// Normalisations of a dense layer: those of the space that suit it, or none where it has none of them.
pub(super) fn dense_norms(space: &Space) -> Vec<Norm> {
    let suited: Vec<Norm> = space.norms.iter().copied().filter(|norm| *norm != Norm::LocalResponse).collect();
    if suited.is_empty() { vec![Norm::None] } else { suited }
}

fn convolution_outside(genes: &Convolution, space: &Space) -> Option<&'static str> {
    let point = genes.kernel == [1, 1];
    let groups = match genes.groups {
        Groups::Depthwise => space.depthwise,
        // The greatest divisor is taken of what was asked for, so divisors lie inside too.
        Groups::Count(count) => count == 1 || space.groups.iter().any(|wish| count <= *wish),
    };
    first_outside(&[
        ("filters", space.filters.contains(genes.filters)),
        ("kernel", genes.kernel.iter().all(|&side| space.kernel.contains(side))),
        ("stride", space.stride.contains(genes.stride)),
        ("dilation", point || space.dilation.contains(genes.dilation)),
        ("groups", groups),
        ("padding", point || space.padding.contains(&genes.padding)),
        ("norms", space.norms.contains(&genes.norm)),
        ("activations", space.activations.contains(&genes.activation)),
    ])
}

fn pool_outside(genes: &Pool, space: &Space) -> Option<&'static str> {
    first_outside(&[
        ("pool_kernel", space.pool_kernel.contains(genes.kernel)),
        ("pool_stride", space.pool_stride.contains(genes.stride)),
        ("padding", space.padding.contains(&genes.padding)),
    ])
}

fn inception_outside(genes: &Inception, space: &Space) -> Option<&'static str> {
    let total = genes.branches.iter().sum();
    first_outside(&[
        ("filters", space.filters.contains(total) && genes.bottleneck <= space.filters.max),
        ("norms", space.norms.contains(&genes.norm)),
        ("activations", space.activations.contains(&genes.activation)),
    ])
}

fn training_outside(genes: &TrainingGenes, space: &Space, problem: &Problem) -> Option<&'static str> {
    let classifies = matches!(problem.task, Task::Classification { .. });
    let images = !problem.is_table();
    first_outside(&[
        ("optimizers", space.optimizers.contains(&genes.optimizer)),
        ("learning_rate", space.learning_rate.contains(genes.learning_rate)),
        ("schedules", space.schedules.contains(&genes.schedule)),
        ("momentum", genes.optimizer == Optimizer::Sgd || space.momentum.contains(genes.momentum)),
        ("weight_decay", space.weight_decay.contains(genes.weight_decay)),
        ("batch_size", space.batch_size.contains(&genes.batch_size)),
        ("label_smoothing", !classifies || space.label_smoothing.contains(genes.label_smoothing)),
        ("gradient_clip", space.gradient_clip.contains(genes.gradient_clip)),
        ("initializers", space.initializers.contains(&genes.initializer)),
        ("shift", !images || space.shift.contains(genes.shift)),
        ("flip", !genes.flip || (images && space.flip)),
    ])
}

/// Whether a pair of ranges and words leaves a choice; used to skip changes that cannot change anything.
pub(super) fn has_choice(range: Range<u32>) -> bool {
    range.min < range.max
}

/// Words of the space other than the present one.
pub(super) fn others<T: Copy + PartialEq>(words: &[T], present: T) -> Vec<T> {
    words.iter().copied().filter(|word| *word != present).collect()
}

/// Activations with curvature that the space allows.
pub(super) fn curved(space: &Space) -> Vec<Activation> {
    space.activations.iter().copied().filter(|activation| *activation != Activation::None).collect()
}

/// The padding that changes sizes least, of those that the space allows.
pub(super) fn gentle_padding(space: &Space) -> Padding {
    if space.padding.contains(&Padding::Same) { Padding::Same } else { Padding::Valid }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::sample;

    const IMAGES: Problem = Problem {
        channels: 1,
        height: 28,
        width: 28,
        multi_view: false,
        task: Task::Classification { classes: 10 },
    };

    #[test]
    fn a_gene_outside_is_named() {
        let space = Space::default();
        assert_eq!(within_bounds(&sample(), &space, &IMAGES), Ok(()));
        let narrow = Space { filters: Range { min: 8, max: 16 }, ..space.clone() };
        assert_eq!(
            within_bounds(&sample(), &narrow, &IMAGES).unwrap_err().to_string(),
            "layer 1 (convolution): its filters is outside space.filters"
        );
        let deep = Space { depth: Range { min: 4, max: 5 }, ..space.clone() };
        assert_eq!(within_bounds(&sample(), &deep, &IMAGES), Err(OutOfBounds::Depth { layers: 3 }));
        let slow = Space { learning_rate: Range { min: 0.01, max: 0.1 }, ..space };
        assert_eq!(
            within_bounds(&sample(), &slow, &IMAGES),
            Err(OutOfBounds::Training { gene: "learning_rate" })
        );
    }

    #[test]
    fn tables_take_no_spatial_layers() {
        let table = Problem { channels: 10, height: 1, width: 1, ..IMAGES };
        assert!(within_bounds(&sample(), &Space::default(), &table).is_err());
    }
}
