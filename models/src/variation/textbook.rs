//! Networks as textbooks build them: designs that practitioners begin with, as wide as the limits admit.
//!
//! A search that begins with some of them begins where its user would, and spends its trainings on what is better.
//! Nothing is drawn: the same habitat has the same designs.

use super::{
    Habitat, Offspring,
    bounds::{curved, dense_norms, gentle_padding, is_kind_allowed},
    draw::tidy_width,
    plausible::{self, effective_rate, sound_rates},
    repair::{narrowed, repair_shapes},
    settle::Settled,
};
use crate::genome::{
    Activation, Convolution, Dense, Genome, Groups, Initializer, LayerGene, Norm, Optimizer, Padding, Pool,
    Residual, Schedule, TrainingGenes,
};

/// Filters of the first stage; each stage behind it has twice as many.
const FILTERS: u32 = 32;
/// Units of the first dense layer.
const UNITS: u32 = 128;
/// Images above this side get another stage ..
const SIDE_SMALL: u32 = 7;
/// .. up to so many.
const STAGES_MAX: u32 = 8;
/// Images above this side are made smaller after each convolution.
const SIDE_OF_PAIRS_MAX: u32 = 32;
/// A training batch, or what the space has next to it.
const BATCH: u32 = 64;

/// How a design is trained.
#[derive(Clone, Copy)]
enum Recipe {
    /// Adam, for normalised networks.
    Adam,
    /// Adam with smaller steps, for bare ones.
    GentleAdam,
    /// Nesterov's momentum with weight decay.
    Nesterov,
}

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

/// Where a stage begins.
#[derive(Clone, Copy)]
struct Stage {
    /// Filters.
    width: u32,
    /// Height and width of the image.
    size: [u32; 2],
}

/// Layers and numbers as the space allows them. `None` is what it does not have.
struct Kit<'a> {
    habitat: &'a Habitat<'a>,
}

impl Kit<'_> {
    fn allowed(&self, gene: LayerGene) -> Option<LayerGene> {
        is_kind_allowed(gene.kind(), self.habitat.space, self.habitat.problem).then_some(gene)
    }

    /// Stages of growing width, each with a pool behind it, until the image is small; views merged behind them; then
    /// the rest. What is one pixel high or wide is not pooled.
    fn staged(
        &self,
        layers_of: impl Fn(Stage) -> Option<Vec<LayerGene>>,
        rest: Vec<LayerGene>,
    ) -> Option<Vec<LayerGene>> {
        let problem = self.habitat.problem;
        let mut stage = Stage { width: FILTERS, size: [problem.height, problem.width] };
        let mut layers = Vec::new();
        for _ in 0..STAGES_MAX {
            layers.append(&mut layers_of(stage)?);
            if stage.size.contains(&1) {
                break;
            }
            layers.push(self.pool()?);
            stage = Stage { width: 2 * stage.width, size: stage.size.map(|side| side.div_ceil(2)) };
            if stage.size.iter().all(|side| *side <= SIDE_SMALL) {
                break;
            }
        }
        layers.extend(problem.has_views().then_some(LayerGene::Merge));
        layers.extend(rest);
        Some(layers)
    }

    fn convolution(&self, stage: Stage, kernel: u32, norm: Norm) -> Option<LayerGene> {
        let space = self.habitat.space;
        // A window that lies mostly beyond the edges learns nothing.
        let side = |size: u32| space.kernel.clamp(kernel.min(2 * size - 1));
        self.allowed(LayerGene::Convolution(Convolution {
            filters: tidy_width(f64::from(stage.width), space.filters),
            kernel: stage.size.map(side),
            stride: space.stride.clamp(1),
            dilation: space.dilation.clamp(1),
            groups: Groups::Count(1),
            padding: gentle_padding(space),
            norm: offered(&[norm], &space.norms)?,
            activation: self.activation()?,
        }))
    }

    fn residual(&self, stage: Stage) -> Option<LayerGene> {
        let space = self.habitat.space;
        self.allowed(LayerGene::Residual(Residual {
            filters: tidy_width(f64::from(stage.width), space.filters),
            stride: space.stride.clamp(1),
            norm: self.norm(),
            activation: self.activation()?,
        }))
    }

    fn pool(&self) -> Option<LayerGene> {
        let space = self.habitat.space;
        let padding = offered(&[Padding::Same], &space.padding)?;
        let pool = Pool { kernel: space.pool_kernel.clamp(2), stride: space.pool_stride.clamp(2), padding };
        let most = self.allowed(LayerGene::MaxPool(pool.clone()));
        most.or_else(|| self.allowed(LayerGene::AveragePool(pool)))
    }

    fn dense(&self, units: u32, norm: Norm) -> Option<LayerGene> {
        let units = tidy_width(f64::from(units), self.habitat.space.units);
        self.allowed(LayerGene::Dense(Dense { units, norm, activation: self.activation()? }))
    }

    fn dropout(&self) -> Option<LayerGene> {
        self.allowed(LayerGene::Dropout { ratio: self.habitat.space.dropout.clamp(0.3) })
    }

    fn norm(&self) -> Norm {
        let preferred = [Norm::Batch, Norm::Layer, Norm::None];
        offered(&preferred, &self.habitat.space.norms).unwrap_or(Norm::None)
    }

    fn dense_norm(&self) -> Norm {
        offered(&[Norm::Batch, Norm::Layer, Norm::None], &dense_norms(self.habitat.space))
            .unwrap_or(Norm::None)
    }

    fn activation(&self) -> Option<Activation> {
        offered(&[Activation::Relu], &curved(self.habitat.space))
    }

    /// Everything but the learning rate, which depends on the layers.
    fn training(&self, recipe: Recipe) -> TrainingGenes {
        let space = self.habitat.space;
        let adam: &[Optimizer] = &[Optimizer::Adam, Optimizer::AdamW, Optimizer::RmsProp];
        let nesterov: &[Optimizer] = &[Optimizer::Nesterov, Optimizer::Momentum, Optimizer::Sgd];
        let (optimizers, rate, decay) = match recipe {
            Recipe::Adam => (adam, 2e-3, 1e-4),
            Recipe::GentleAdam => (adam, 1e-3, 1e-4),
            Recipe::Nesterov => (nesterov, 0.03, 5e-4),
        };
        let distance = |size: &&u32| (f64::from(**size) / f64::from(BATCH)).ln().abs();
        let batch_size =
            space.batch_size.iter().min_by(|one, other| distance(one).total_cmp(&distance(other)));
        TrainingGenes {
            optimizer: offered(optimizers, &space.optimizers).unwrap_or(Optimizer::Adam),
            learning_rate: space.learning_rate.clamp(rate),
            schedule: offered(&[Schedule::Cosine, Schedule::WarmupCosine], &space.schedules)
                .unwrap_or(Schedule::Cosine),
            momentum: space.momentum.clamp(0.9),
            weight_decay: space.weight_decay.clamp(decay),
            batch_size: batch_size.copied().unwrap_or(BATCH),
            label_smoothing: space.label_smoothing.clamp(0.0),
            // A short clip would hold everything up.
            gradient_clip: if space.gradient_clip.contains(0.0) { 0.0 } else { space.gradient_clip.max },
            initializer: offered(&[Initializer::HeNormal], &space.initializers)
                .unwrap_or(Initializer::HeNormal),
            shift: space.shift.clamp(0),
            flip: false,
        }
    }

    /// The recipe's rate, or the nearest at which such a network is expected to train.
    fn sound_rate(&self, genome: &Genome) -> f64 {
        let genes = &genome.training;
        let depth = plausible::weighted_depth(genome);
        let (low, high) = sound_rates(genes, plausible::is_normalised(genome), depth);
        let gain = effective_rate(genes) / genes.learning_rate;
        self.habitat.space.learning_rate.clamp(genes.learning_rate.clamp(low / gain, high / gain))
    }
}

/// The first of the preferred words that the space has, else any that it has.
fn offered<T: Copy + PartialEq>(preferred: &[T], space: &[T]) -> Option<T> {
    preferred.iter().copied().find(|word| space.contains(word)).or_else(|| space.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        genome::LayerKind,
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
