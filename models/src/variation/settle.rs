//! Canonical form within a problem: what shapes decide is written into the genes.
//!
//! Two genomes that become the same network are then, as far as the space's words allow, the same genome.

use super::Habitat;
use crate::{
    expression::{Blueprint, Estimate, NotViable, Shape, blueprint, estimate, resolve_groups},
    genome::{Convolution, Genome, Groups, LayerGene, Padding, canonical},
    problem::{Problem, Task},
};
use hatchery_config::space::Space;

/// The canonical genome with groups and depthwise filters resolved, `valid` written as `same` where both are the
/// same, and without pooling or augmentation that has nothing to act on.
pub fn settle(genome: &Genome, space: &Space, problem: &Problem) -> Genome {
    resolve(genome, space, problem).0
}

/// A genome in this form, the network that it is, and what that costs.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub genome: Genome,
    pub blueprint: Blueprint,
    pub estimate: Estimate,
}

impl Settled {
    /// Settles a genome.
    ///
    /// # Errors
    /// Where it is no network.
    pub fn of(genome: &Genome, habitat: &Habitat<'_>) -> Result<Self, NotViable> {
        let (genome, blueprint) = resolve(genome, habitat.space, habitat.problem);
        let blueprint = blueprint?;
        let estimate = estimate(&genome, &blueprint);
        Ok(Self { genome, blueprint, estimate })
    }
}

/// The settled genome, and the network that it is.
fn resolve(genome: &Genome, space: &Space, problem: &Problem) -> (Genome, Result<Blueprint, NotViable>) {
    let mut grouped = canonical(genome);
    settle_training(&mut grouped, problem);
    settle_groups(&mut grouped, space, problem);
    let resolved = match blueprint(&grouped, problem) {
        Ok(resolved) => resolved,
        not_viable => return (grouped, not_viable),
    };
    let mut settled = grouped.clone();
    if space.padding.contains(&Padding::Same) {
        settle_padding(&mut settled, &resolved, problem);
    }
    settle_global_pool(&mut settled, &resolved, problem);
    let settled = canonical(&settled);
    let resolved = if settled == grouped { Ok(resolved) } else { blueprint(&settled, problem) };
    (settled, resolved)
}

fn settle_training(genome: &mut Genome, problem: &Problem) {
    if matches!(problem.task, Task::Regression { .. }) {
        genome.training.label_smoothing = 0.0;
    }
    if problem.is_table() {
        (genome.training.shift, genome.training.flip) = (0, false);
    }
}

fn settle_groups(genome: &mut Genome, space: &Space, problem: &Problem) {
    let views = if problem.has_views() { problem.channels } else { 1 };
    let mut channels = problem.channels / views;
    for gene in &mut genome.layers {
        match gene {
            LayerGene::Convolution(genes) => {
                settle_convolution(genes, channels, space);
                channels = genes.filters;
            }
            LayerGene::Residual(genes) => channels = genes.filters,
            LayerGene::Inception(genes) => channels = genes.branches.iter().sum(),
            LayerGene::Merge => channels = channels.saturating_mul(views),
            _ => {}
        }
    }
}

/// Writes the resolved groups. Depthwise convolutions whose filters would leave the space become ordinary ones; so
/// do those of a single channel, and all where the space has no depthwise ones.
fn settle_convolution(genes: &mut Convolution, channels: u32, space: &Space) {
    let (filters, groups) = resolve_groups(genes.groups, channels as usize, genes.filters as usize);
    let depthwise = groups == channels as usize && groups > 1;
    genes.groups = match (depthwise, genes.groups) {
        (_, Groups::Count(_)) if !depthwise => Groups::Count(groups as u32),
        (true, _) if space.depthwise && space.filters.contains(filters as u32) => Groups::Depthwise,
        _ => Groups::Count(1),
    };
    if genes.groups == Groups::Depthwise {
        genes.filters = filters as u32;
    }
}

fn settle_padding(genome: &mut Genome, blueprint: &Blueprint, problem: &Problem) {
    for index in 0..genome.layers.len() {
        let before = shape_before(blueprint, problem, index);
        let (padding, stride) = match &mut genome.layers[index] {
            LayerGene::Convolution(genes) => (&mut genes.padding, genes.stride),
            LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => (&mut genes.padding, genes.stride),
            _ => continue,
        };
        // Where `valid` gives as many outputs as `same` would, `same` has nothing to pad.
        if *padding == Padding::Valid && sizes(blueprint.layers[index]) == same_sizes(before, stride) {
            *padding = Padding::Same;
        }
    }
}

/// The mean over a single position is that position.
fn settle_global_pool(genome: &mut Genome, blueprint: &Blueprint, problem: &Problem) {
    let mut index = 0;
    genome.layers.retain(|gene| {
        let before = shape_before(blueprint, problem, index);
        index += 1;
        !(*gene == LayerGene::GlobalAveragePool && before.positions() == 1)
    });
}

fn sizes(shape: Shape) -> Option<[usize; 2]> {
    match shape {
        Shape::Spatial { height, width, .. } => Some([height, width]),
        Shape::Flat(_) => None,
    }
}

fn same_sizes(shape: Shape, stride: u32) -> Option<[usize; 2]> {
    sizes(shape).map(|sizes| sizes.map(|size| size.div_ceil(stride as usize)))
}

/// Shape in front of a layer gene, of one view in the per-view part.
pub(super) fn shape_before(blueprint: &Blueprint, problem: &Problem, index: usize) -> Shape {
    if index > 0 {
        return blueprint.layers[index - 1];
    }
    let channels = if problem.has_views() { 1 } else { problem.channels as usize };
    if problem.is_table() {
        return Shape::Flat(channels);
    }
    Shape::Spatial { channels, height: problem.height as usize, width: problem.width as usize }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::{Pool, sample};

    const IMAGES: Problem = Problem {
        channels: 6,
        height: 8,
        width: 8,
        multi_view: false,
        task: Task::Classification { classes: 10 },
    };

    fn settled_convolution(groups: Groups, filters: u32, space: &Space) -> Convolution {
        let mut genome = sample();
        let LayerGene::Convolution(genes) = &mut genome.layers[0] else { panic!() };
        (genes.groups, genes.filters) = (groups, filters);
        let settled = settle(&genome, space, &IMAGES);
        let LayerGene::Convolution(genes) = &settled.layers[0] else { panic!() };
        genes.clone()
    }

    #[test]
    fn groups_are_written_as_they_come_to_be() {
        let space = Space::default();
        assert_eq!(settled_convolution(Groups::Count(4), 32, &space).groups, Groups::Count(2));
        assert_eq!(settled_convolution(Groups::Count(6), 36, &space).groups, Groups::Depthwise);
        let depthwise = settled_convolution(Groups::Depthwise, 32, &space);
        assert_eq!((depthwise.groups, depthwise.filters), (Groups::Depthwise, 30));
        let space = Space { depthwise: false, ..space };
        let ordinary = settled_convolution(Groups::Depthwise, 32, &space);
        assert_eq!((ordinary.groups, ordinary.filters), (Groups::Count(1), 32));
    }

    #[test]
    fn paddings_that_pad_nothing_are_the_same() {
        let mut genome = sample();
        genome.layers[1] = LayerGene::MaxPool(Pool { kernel: 2, stride: 2, padding: Padding::Valid });
        assert_eq!(settle(&genome, &Space::default(), &IMAGES), sample());
        let odd = Problem { height: 7, ..IMAGES };
        assert_eq!(settle(&genome, &Space::default(), &odd), genome);
    }

    #[test]
    fn what_has_nothing_to_act_on_is_dropped() {
        let mut genome = sample();
        genome.layers[1] = LayerGene::MaxPool(Pool { kernel: 8, stride: 8, padding: Padding::Same });
        let pooled = genome.clone();
        genome.layers.insert(2, LayerGene::GlobalAveragePool);
        genome.training.label_smoothing = 0.1;
        let regression = Problem { task: Task::Regression { targets: 1 }, ..IMAGES };
        assert_eq!(settle(&genome, &Space::default(), &regression), pooled);
    }
}
