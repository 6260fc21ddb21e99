//! What textbook designs are built from: layers and numbers as the space allows them, and the ways to train them.
//!
//! It must not know the designs.

use crate::{
    genome::{
        Activation, Convolution, Dense, Genome, Groups, Initializer, LayerGene, Norm, Optimizer, Padding,
        Pool, Residual, Schedule, TrainingGenes,
    },
    variation::{
        Habitat,
        bounds::{curved, dense_norms, gentle_padding, is_kind_allowed},
        draw::tidy_width,
        plausible::{self, effective_rate, sound_rates},
    },
};

/// Filters of the first stage; each stage behind it has twice as many.
const FILTERS: u32 = 32;
/// Images above this side get another stage ..
const SIDE_SMALL: u32 = 7;
/// .. up to so many.
const STAGES_MAX: u32 = 8;
/// A training batch, or what the space has next to it.
const BATCH: u32 = 64;

/// How a design is trained.
#[derive(Clone, Copy)]
pub(super) enum Recipe {
    /// Adam, for normalised networks.
    Adam,
    /// Adam with smaller steps, for bare ones.
    GentleAdam,
    /// Nesterov's momentum with weight decay.
    Nesterov,
}

/// Where a stage begins.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    /// Filters.
    pub width: u32,
    /// Height and width of the image.
    pub size: [u32; 2],
}

/// Layers and numbers as the space allows them. `None` is what it does not have.
pub(super) struct Kit<'a> {
    pub habitat: &'a Habitat<'a>,
}

impl Kit<'_> {
    pub(super) fn allowed(&self, gene: LayerGene) -> Option<LayerGene> {
        is_kind_allowed(gene.kind(), self.habitat.space, self.habitat.problem).then_some(gene)
    }

    /// Stages of growing width, each with a pool behind it, until the image is small; views merged behind them; then
    /// the rest. What is one pixel high or wide is not pooled.
    pub(super) fn staged(
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

    pub(super) fn convolution(&self, stage: Stage, kernel: u32, norm: Norm) -> Option<LayerGene> {
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

    pub(super) fn residual(&self, stage: Stage) -> Option<LayerGene> {
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

    pub(super) fn dense(&self, units: u32, norm: Norm) -> Option<LayerGene> {
        let units = tidy_width(f64::from(units), self.habitat.space.units);
        self.allowed(LayerGene::Dense(Dense { units, norm, activation: self.activation()? }))
    }

    pub(super) fn dropout(&self) -> Option<LayerGene> {
        self.allowed(LayerGene::Dropout { ratio: self.habitat.space.dropout.clamp(0.3) })
    }

    pub(super) fn norm(&self) -> Norm {
        let preferred = [Norm::Batch, Norm::Layer, Norm::None];
        offered(&preferred, &self.habitat.space.norms).unwrap_or(Norm::None)
    }

    pub(super) fn dense_norm(&self) -> Norm {
        offered(&[Norm::Batch, Norm::Layer, Norm::None], &dense_norms(self.habitat.space))
            .unwrap_or(Norm::None)
    }

    fn activation(&self) -> Option<Activation> {
        offered(&[Activation::Relu], &curved(self.habitat.space))
    }

    /// Everything but the learning rate, which depends on the layers.
    pub(super) fn training(&self, recipe: Recipe) -> TrainingGenes {
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
    pub(super) fn sound_rate(&self, genome: &Genome) -> f64 {
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
