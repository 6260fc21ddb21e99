//! Networks as textbooks build them: designs that practitioners begin with, as wide as the limits admit.
//!
//! A search that begins with some of them begins where its user would, and spends its trainings on what is better.
//! Nothing is drawn: the same habitat has the same designs.

mod kit;

use super::{
    Habitat, Offspring,
    repair::{narrowed, repair_shapes},
    settle::Settled,
};
use crate::genome::{Genome, LayerGene, Norm};
use kit::{Kit, Recipe, Stage};

/// Units of the first dense layer.
const UNITS: u32 = 128;
/// Images above this side are made smaller after each convolution.
const SIDE_OF_PAIRS_MAX: u32 = 32;

/// One design: its name, its layers, its training.
type Design = (&'static str, fn(&Kit<'_>) -> Option<Vec<LayerGene>>, Recipe);

/// Designs for images, what is most likely to be good first.
const FOR_IMAGES: [Design; 5] = [
    ("convolutions and pools", pooled, Recipe::Adam),
    ("convolutions and pools, by momentum", pooled, Recipe::Nesterov),
    ("residual blocks", residual, Recipe::Adam),
    ("pairs of convolutions", paired, Recipe::Nesterov),
    ("wide windows without normalisation", bare, Recipe::GentleAdam),
];

/// Designs for tables.
const FOR_TABLES: [Design; 4] = [
    ("two dense layers", two_dense, Recipe::Adam),
    ("two dense layers, by momentum", two_dense, Recipe::Nesterov),
    ("a wide dense layer and dropout", one_wide, Recipe::GentleAdam),
    ("three dense layers", three_dense, Recipe::Nesterov),
];

/// The design of this number, from 0, where there is one that the habitat can hold: a design that needs what the space
/// does not allow, or that fits no limit however narrow, is left out.
pub fn textbook(habitat: &Habitat<'_>, number: usize) -> Option<Offspring> {
    let designs: &[Design] = if habitat.problem.is_table() { &FOR_TABLES } else { &FOR_IMAGES };
    let mut distinct: Vec<Offspring> = Vec::new();
    for design in designs.iter().filter_map(|design| built(design, habitat)) {
        if distinct.iter().all(|other| other.genome != design.genome) {
            distinct.push(design);
        }
    }
    distinct.into_iter().nth(number)
}

fn built((name, layers, recipe): &Design, habitat: &Habitat<'_>) -> Option<Offspring> {
    let kit = Kit { habitat };
    let mut genome = Genome { layers: layers(&kit)?, training: kit.training(*recipe) };
    genome.training.learning_rate = kit.sound_rate(&genome);
    let drawn = Settled::of(&repair_shapes(genome, habitat)?, habitat).ok()?;
    let fitted = narrowed(drawn, habitat, 1.0)?;
    let settled = habitat.welcome(fitted).ok()?;
    Some(Offspring::new(settled, format!("textbook: {name}")))
}

fn pooled(kit: &Kit<'_>) -> Option<Vec<LayerGene>> {
    let stage = |stage: Stage| Some(vec![kit.convolution(stage, 3, kit.norm())?]);
    kit.staged(stage, vec![kit.dense(UNITS, kit.dense_norm())?])
}

fn paired(kit: &Kit<'_>) -> Option<Vec<LayerGene>> {
    let stage = |stage: Stage| {
        let convolutions = if stage.size[0].max(stage.size[1]) > SIDE_OF_PAIRS_MAX { 1 } else { 2 };
        Some(vec![kit.convolution(stage, 3, kit.norm())?; convolutions])
    };
    kit.staged(stage, vec![kit.dense(UNITS, kit.dense_norm())?])
}

fn residual(kit: &Kit<'_>) -> Option<Vec<LayerGene>> {
    let stage = |stage: Stage| Some(vec![kit.residual(stage)?]);
    kit.staged(stage, vec![kit.allowed(LayerGene::GlobalAveragePool)?])
}

fn bare(kit: &Kit<'_>) -> Option<Vec<LayerGene>> {
    let stage = |stage: Stage| Some(vec![kit.convolution(stage, 5, Norm::None)?]);
    kit.staged(stage, vec![kit.dense(UNITS, Norm::None)?, kit.dropout()?])
}

fn two_dense(kit: &Kit<'_>) -> Option<Vec<LayerGene>> {
    Some(vec![kit.dense(UNITS, kit.dense_norm())?, kit.dense(UNITS / 2, kit.dense_norm())?])
}

fn one_wide(kit: &Kit<'_>) -> Option<Vec<LayerGene>> {
    Some(vec![kit.dense(2 * UNITS, Norm::None)?, kit.dropout()?])
}

fn three_dense(kit: &Kit<'_>) -> Option<Vec<LayerGene>> {
    let dense = kit.dense(UNITS, kit.dense_norm())?;
    Some(vec![dense.clone(), dense.clone(), dense])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        genome::{Activation, LayerKind, Optimizer},
        problem::{Problem, Task},
    };
    use hatchery_config::{experiment::Limits, space::Space};

    fn designs(space: &Space, problem: &Problem, limits: &Limits) -> Vec<Offspring> {
        let habitat = Habitat { space, problem, limits };
        (0..).map_while(|number| textbook(&habitat, number)).collect()
    }

    fn image(side: u32) -> Problem {
        let task = Task::Classification { classes: 10 };
        Problem { channels: 1, height: side, width: side, multi_view: false, task }
    }

    #[test]
    fn small_images_have_all_designs_and_larger_ones_more_stages() {
        let (space, limits) = (Space::default(), Limits::default());
        let small = designs(&space, &image(28), &limits);
        assert_eq!(small.len(), FOR_IMAGES.len());
        assert_eq!(
            small[0].genome.to_string(),
            "conv 3x3x32 bn relu | maxpool 2 | conv 3x3x64 bn relu | maxpool 2 | dense 128 bn relu || adam 2e-3 \
             cosine batch 64 decay 1e-4"
        );
        assert_eq!(small[0].operation, "textbook: convolutions and pools");
        let large = designs(&space, &image(96), &limits);
        assert!(large[0].genome.layers.len() > small[0].genome.layers.len(), "{}", large[0].genome);
    }

    #[test]
    fn designs_fill_tight_limits_instead_of_being_left_out() {
        let tight = Limits { parameters: 20_000, multiply_adds: 200_000, ..Limits::default() };
        for design in designs(&Space::default(), &image(28), &tight) {
            let share = (design.estimate.parameters as f64 / 20_000.0)
                .max(design.estimate.multiply_adds as f64 / 200_000.0);
            assert!((0.4..=1.0).contains(&share), "{share}: {}", design.genome);
        }
    }

    #[test]
    fn what_the_space_does_not_have_is_replaced_or_its_designs_are_left_out() {
        let space = Space {
            layers: vec![LayerKind::Convolution, LayerKind::AveragePool, LayerKind::Dense],
            activations: vec![Activation::Tanh],
            norms: vec![Norm::None],
            optimizers: vec![Optimizer::Sgd],
            batch_size: vec![16, 100],
            ..Space::default()
        };
        let found = designs(&space, &image(28), &Limits::default());
        let names: Vec<_> = found.iter().map(|design| design.operation.as_str()).collect();
        assert!(
            !names.iter().any(|name| name.contains("residual") || name.contains("wide windows")),
            "{names:?}"
        );
        assert!(found.iter().all(|design| design.genome.to_string().contains("avgpool 2")));
        assert!(found.iter().all(|design| design.genome.training.batch_size == 100));
    }
}
