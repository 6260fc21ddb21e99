//! Random genomes in the manner of networks that practitioners build.
//!
//! Images: blocks of convolution (with normalisation and activation), now and then a smaller image with more
//! channels, then perhaps a global average pool, up to two dense layers, dropout in front of the head. Tables, and
//! images in a space without such blocks: dense layers. Widths are log-uniform, so that networks spread over the orders
//! of magnitude of cost.

use super::{
    Barren, Habitat, Offspring,
    bounds::{curved, dense_norms, gentle_padding, is_kind_allowed},
    draw::{allowed, between, chance, log_uniform, pick, tidy, tidy_width, uniform, weighted},
    plausible,
    repair::{fit_limits, repair_shapes, share_out},
    training_genes,
};
use crate::{
    expression::slide_sizes,
    genome::{
        Activation, Convolution, Dense, Genome, Groups, Inception, LayerGene, LayerKind, Norm, Padding, Pool,
        Residual, TrainingGenes,
    },
};
use rand::Rng;

/// Draws before a merely viable network is taken; most first draws are plausible.
const PLAUSIBLE_ATTEMPTS_MAX: u32 = 150;
/// Draws before the habitat is called barren.
const ATTEMPTS_MAX: u32 = 1500;

/// A random genome.
///
/// # Errors
/// `Barren` where nothing viable was found.
pub fn random(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Result<Offspring, Barren> {
    let mut fallback = None;
    let mut refusal = None;
    for attempt in 0..ATTEMPTS_MAX {
        let drawn = draw(habitat, rng);
        let fitted =
            repair_shapes(drawn.clone(), habitat).and_then(|genome| fit_limits(&genome, habitat, rng));
        let admitted = match fitted {
            Some(settled) => habitat.admit_settled(settled),
            None => habitat.admit(&drawn),
        };
        match admitted {
            Ok(settled) => match plausible(&settled.genome, &settled.blueprint) {
                Ok(()) => return Ok(Offspring::new(settled, "random".into())),
                Err(reason) => {
                    refusal = Some(reason.into());
                    fallback.get_or_insert(settled);
                }
            },
            Err(reason) => refusal = Some(reason),
        }
        if attempt >= PLAUSIBLE_ATTEMPTS_MAX
            && let Some(settled) = fallback.take()
        {
            return Ok(Offspring::new(settled, "random".into()));
        }
    }
    let refusal = refusal.unwrap_or(super::OutOfBounds::Depth { layers: 0 }.into());
    Err(Barren { attempts: ATTEMPTS_MAX, refusal })
}

fn draw(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Genome {
    let style = Style::draw(habitat, rng);
    let layers = if habitat.problem.is_table() {
        table_layers(&style, habitat, rng)
    } else if let Some(block) = style.block {
        image_layers(block, &style, habitat, rng)
    } else {
        blockless_layers(&style, habitat, rng)
    };
    let mut genome = Genome { layers, training: blank_training() };
    genome.training = training_genes::draw(&genome, habitat, rng);
    genome
}

/// Training genes that are overwritten as soon as the layers are known.
fn blank_training() -> TrainingGenes {
    TrainingGenes {
        optimizer: crate::genome::Optimizer::Sgd,
        learning_rate: 0.1,
        schedule: crate::genome::Schedule::Constant,
        momentum: 0.0,
        weight_decay: 0.0,
        batch_size: 32,
        label_smoothing: 0.0,
        gradient_clip: 0.0,
        initializer: crate::genome::Initializer::HeNormal,
        shift: 0,
        flip: false,
    }
}

/// What the layers of one network have in common.
pub(super) struct Style {
    pub activation: Activation,
    pub norm: Norm,
    dense_norm: Norm,
    kernel: u32,
    padding: Padding,
    /// The kind of most blocks; `None` where the space has no spatial layers with weights.
    block: Option<LayerKind>,
    width: f64,
    growth: f64,
    /// Blocks between two reductions of the image.
    blocks: u32,
}

impl Style {
    pub(super) fn draw(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Self {
        let space = habitat.space;
        let activation = activation(habitat, rng);
        let norm = norm(habitat, rng);
        let dense_norm = if dense_norms(space).contains(&norm) && chance(rng, 0.7) {
            norm
        } else {
            allowed(rng, &[(Norm::None, 3.0), (Norm::Layer, 0.5)], &dense_norms(space)).unwrap_or(Norm::None)
        };
        let block = [LayerKind::Convolution, LayerKind::Residual, LayerKind::Inception];
        let block: Vec<_> =
            block.into_iter().zip([6.0, 2.0, 1.0]).filter(|(kind, _)| space.layers.contains(kind)).collect();
        let filters = (f64::from(space.filters.min.max(1)), f64::from(space.filters.max.max(1)));
        Self {
            activation,
            norm,
            dense_norm,
            // Networks of 1x1 windows alone would not see how pixels are arranged.
            kernel: space.kernel.clamp(kernel_side(habitat, rng).max(2)),
            padding: allowed(rng, &[(Padding::Same, 8.0), (Padding::Valid, 1.0)], &space.padding)
                .unwrap_or(gentle_padding(space)),
            block: weighted(rng, &block),
            width: log_uniform(rng, filters.0.max(4.0).min(filters.1), (filters.1 * 0.75).max(filters.0)),
            growth: pick(rng, &[1.0, 1.41, 2.0, 2.0]).unwrap_or(2.0),
            blocks: weighted(rng, &[(1, 5.0), (2, 4.0), (3, 1.0)]).unwrap_or(1),
        }
    }
}

pub(super) fn activation(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Activation {
    let weights = [
        (Activation::Relu, 5.0),
        (Activation::LeakyRelu, 2.0),
        (Activation::Elu, 2.0),
        (Activation::Gelu, 2.0),
        (Activation::Silu, 2.0),
        (Activation::Tanh, 0.3),
    ];
    allowed(rng, &weights, &curved(habitat.space))
        .or_else(|| pick(rng, &habitat.space.activations))
        .unwrap_or(Activation::None)
}

pub(super) fn norm(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Norm {
    let weights = [(Norm::Batch, 6.0), (Norm::None, 3.0), (Norm::Layer, 1.0), (Norm::LocalResponse, 0.3)];
    allowed(rng, &weights, &habitat.space.norms).unwrap_or(Norm::None)
}

pub(super) fn kernel_side(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> u32 {
    let range = habitat.space.kernel;
    let side = weighted(rng, &[(3, 7.0), (5, 3.0), (7, 0.7), (2, 0.5), (4, 0.5), (1, 0.3), (9, 0.1)]);
    range.clamp(side.unwrap_or(3))
}

fn table_layers(style: &Style, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Vec<LayerGene> {
    let depth = depth(habitat, 5, rng);
    dense_layers(depth, style, habitat, rng)
}

/// Dense layers, at least one, then perhaps dropout: so many in all.
fn dense_layers(depth: u32, style: &Style, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Vec<LayerGene> {
    let space = habitat.space;
    let mut layers = Vec::new();
    let dropout = dropout(habitat, rng);
    let dense = depth.saturating_sub(u32::from(dropout.is_some())).max(1);
    let mut width = units(habitat, rng);
    for _ in 0..dense {
        layers.push(dense_layer(width, style, habitat));
        width *= pick(rng, &[1.0, 1.0, 0.7, 0.5]).unwrap_or(1.0);
        width = width.max(f64::from(space.units.min)).max(1.5 * f64::from(habitat.problem.task.outputs()));
    }
    layers.extend(dropout.filter(|_| depth > 1));
    layers
}

/// Of images where no block is allowed: a pool now and then, the merging of views, and dense layers as tables have
/// them; without dense layers what else may stand in front of the head.
fn blockless_layers(style: &Style, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Vec<LayerGene> {
    let has = |kind| is_kind_allowed(kind, habitat.space, habitat.problem);
    let depth = depth(habitat, 5, rng);
    let least = u32::from(has(LayerKind::Merge)) + u32::from(has(LayerKind::Dense));
    let pools: Vec<_> =
        [LayerKind::MaxPool, LayerKind::AveragePool].into_iter().filter(|kind| has(*kind)).collect();
    let mut layers = Vec::new();
    if depth > least && chance(rng, 0.5) {
        let kind = pick(rng, &pools);
        layers.extend(kind.map(|kind| pool_layer(kind, pool(habitat, rng))));
    }
    layers.extend(has(LayerKind::Merge).then_some(LayerGene::Merge));
    let rest = depth.saturating_sub(layers.len() as u32);
    layers.append(&mut if has(LayerKind::Dense) {
        dense_layers(rest, style, habitat, rng)
    } else {
        tail(style, habitat, rng)
    });
    layers
}

fn image_layers(block: LayerKind, style: &Style, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Vec<LayerGene> {
    let depth = depth(habitat, 14, rng);
    let mut tail = tail(style, habitat, rng);
    let views = habitat.problem.has_views();
    while !tail.is_empty() && tail.len() as u32 + 1 + u32::from(views) > depth {
        tail.remove(0);
    }
    let body = depth.saturating_sub(tail.len() as u32 + u32::from(views));
    let mut builder = Body::new(block, style, habitat);
    if views {
        let before = (f64::from(body) * uniform(rng, 0.4, 1.0)).round() as u32;
        builder.grow(before, rng);
        builder.merge();
        builder.grow(body - before, rng);
    } else {
        builder.grow(body, rng);
    }
    let mut layers = builder.layers;
    layers.append(&mut tail);
    layers
}

/// How many layers: any number that the space allows, moderate ones more often.
fn depth(habitat: &Habitat<'_>, moderate: u32, rng: &mut dyn Rng) -> u32 {
    let range = habitat.space.depth;
    let high = range.clamp(moderate);
    let first = between(rng, range.min, high);
    let second = between(rng, range.min, high);
    if chance(rng, 0.05) { between(rng, range.min, range.max) } else { (first + second).div_ceil(2) }
}

/// What comes behind the spatial part: global average pool, dense layers, dropout.
fn tail(style: &Style, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Vec<LayerGene> {
    let has = |kind| is_kind_allowed(kind, habitat.space, habitat.problem);
    let mut tail = Vec::new();
    let pooled = has(LayerKind::GlobalAveragePool) && chance(rng, 0.4);
    if pooled {
        tail.push(LayerGene::GlobalAveragePool);
    }
    let weights = if pooled { [(0, 5.0), (1, 4.0), (2, 0.5)] } else { [(0, 2.0), (1, 5.0), (2, 2.0)] };
    let dense = if has(LayerKind::Dense) { weighted(rng, &weights).unwrap_or(0) } else { 0 };
    let mut width = units(habitat, rng);
    for _ in 0..dense {
        tail.push(dense_layer(width, style, habitat));
        width = (width * 0.7).max(1.5 * f64::from(habitat.problem.task.outputs()));
    }
    tail.extend(dropout(habitat, rng));
    tail
}

fn units(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> f64 {
    let range = habitat.space.units;
    let low = range.clamp(habitat.problem.task.outputs().saturating_mul(2)).max(1);
    log_uniform(rng, f64::from(low), f64::from(range.max.max(1)))
}

fn dense_layer(width: f64, style: &Style, habitat: &Habitat<'_>) -> LayerGene {
    let units = tidy_width(width, habitat.space.units);
    LayerGene::Dense(Dense { units, norm: style.dense_norm, activation: style.activation })
}

fn dropout(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Option<LayerGene> {
    let range = habitat.space.dropout;
    let wanted = range.max > 0.0 && habitat.space.layers.contains(&LayerKind::Dropout) && chance(rng, 0.3);
    wanted.then(|| LayerGene::Dropout { ratio: dropout_ratio(habitat, rng) })
}

pub(super) fn dropout_ratio(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> f64 {
    let range = habitat.space.dropout;
    let ratio = uniform(rng, range.min.max(0.05).min(range.max), range.max);
    range.clamp((tidy(ratio, range) * 100.0).round() / 100.0)
}

/// The spatial part as it grows: it keeps an eye on the size of the image.
struct Body<'a> {
    /// The kind of most blocks.
    kind: LayerKind,
    style: &'a Style,
    habitat: &'a Habitat<'a>,
    layers: Vec<LayerGene>,
    size: [usize; 2],
    width: f64,
    /// Blocks since the image was last made smaller.
    blocks: u32,
    /// Stride that the next block takes.
    stride: u32,
}

/// Images are not made smaller below this side, but now and then right at the end.
const SIDE_MIN: usize = 3;
/// Images above this side are made smaller after every block.
const SIDE_LARGE: usize = 40;

impl<'a> Body<'a> {
    fn new(kind: LayerKind, style: &'a Style, habitat: &'a Habitat<'a>) -> Self {
        let size = [habitat.problem.height as usize, habitat.problem.width as usize];
        let views = if habitat.problem.has_views() { f64::from(habitat.problem.channels) } else { 1.0 };
        let width = (style.width / views.sqrt()).max(f64::from(habitat.space.filters.min));
        Self { kind, style, habitat, layers: Vec::new(), size, width, blocks: 0, stride: 1 }
    }

    fn merge(&mut self) {
        self.layers.push(LayerGene::Merge);
    }

    fn grow(&mut self, count: u32, rng: &mut dyn Rng) {
        for index in 0..count {
            let wanted = if self.side() > SIDE_LARGE { 1 } else { self.style.blocks };
            let side_min = if index + 1 == count { SIDE_MIN - 1 } else { SIDE_MIN };
            let shrinks = self.blocks >= wanted && self.side().div_ceil(2) >= side_min;
            if shrinks && self.shrink(index + 1 == count, rng) {
                continue;
            }
            self.block(rng);
        }
    }

    fn side(&self) -> usize {
        self.size[0].min(self.size[1])
    }

    /// Makes the image smaller: by a pool, or by a stride of the next block. Says whether a layer was added.
    fn shrink(&mut self, is_last: bool, rng: &mut dyn Rng) -> bool {
        let space = self.habitat.space;
        self.blocks = 0;
        self.width *= self.style.growth;
        let has = |kind| if space.layers.contains(&kind) { 1.0 } else { 0.0 };
        let strided = if space.stride.max >= 2 && !is_last { 0.25 } else { 0.0 };
        let kinds = [
            (LayerKind::MaxPool, 0.6 * has(LayerKind::MaxPool)),
            (LayerKind::AveragePool, 0.15 * has(LayerKind::AveragePool)),
            (LayerKind::Convolution, strided),
        ];
        let Some(kind) = weighted(rng, &kinds) else { return false };
        if kind == LayerKind::Convolution {
            self.stride = space.stride.clamp(2);
            return false;
        }
        let pool = pool(self.habitat, rng);
        self.slide([pool.kernel; 2], pool.stride, 1, pool.padding);
        self.layers.push(pool_layer(kind, pool));
        true
    }

    fn block(&mut self, rng: &mut dyn Rng) {
        let stride = self.habitat.space.stride.clamp(std::mem::replace(&mut self.stride, 1));
        self.blocks += 1;
        let is_first = !self.layers.iter().any(LayerGene::is_weighted);
        let fits = self.side() >= 2;
        let kind = if fits && !is_first { self.kind } else { LayerKind::Convolution };
        let has_convolution = self.habitat.space.layers.contains(&LayerKind::Convolution);
        let kind = if kind == LayerKind::Convolution && !has_convolution { self.kind } else { kind };
        let gene = match kind {
            LayerKind::Residual => {
                LayerGene::Residual(residual(self.width, stride, self.style, self.habitat))
            }
            LayerKind::Inception => {
                LayerGene::Inception(inception(self.width, self.style, self.habitat, rng))
            }
            _ => LayerGene::Convolution(self.convolution(stride, is_first, rng)),
        };
        match &gene {
            LayerGene::Convolution(genes) => self.slide(genes.kernel, stride, genes.dilation, genes.padding),
            LayerGene::Residual(_) => self.slide([3, 3], stride, 1, Padding::Same),
            _ => {}
        }
        self.layers.push(gene);
    }

    fn convolution(&self, stride: u32, is_first: bool, rng: &mut dyn Rng) -> Convolution {
        let mut genes = convolution(self.width, stride, self.style, self.habitat, rng);
        if is_first {
            genes.groups = Groups::Count(1);
        }
        for (side, size) in genes.kernel.iter_mut().zip(self.size) {
            let most = if genes.padding == Padding::Valid { size } else { 2 * size - 1 };
            *side = self.habitat.space.kernel.clamp((*side).min(most as u32));
        }
        if genes.kernel.iter().any(|&side| side < 3) || self.side() < 8 {
            genes.dilation = self.habitat.space.dilation.clamp(1);
        }
        genes
    }

    fn slide(&mut self, kernel: [u32; 2], stride: u32, dilation: u32, padding: Padding) {
        let sizes = slide_sizes(self.size, kernel, stride, dilation, padding);
        self.size = sizes.unwrap_or(self.size);
    }
}

fn pool_layer(kind: LayerKind, pool: Pool) -> LayerGene {
    if kind == LayerKind::MaxPool { LayerGene::MaxPool(pool) } else { LayerGene::AveragePool(pool) }
}

/// A pool that about halves the image.
pub(super) fn pool(habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Pool {
    let space = habitat.space;
    let (kernel, stride) = weighted(rng, &[((2, 2), 7.0), ((3, 2), 3.0), ((3, 3), 0.5)]).unwrap_or((2, 2));
    let kernel = space.pool_kernel.clamp(kernel);
    let padding = allowed(rng, &[(Padding::Same, 4.0), (Padding::Valid, 1.0)], &space.padding);
    let stride = space.pool_stride.clamp(stride);
    Pool { kernel, stride, padding: padding.unwrap_or(Padding::Same) }
}

pub(super) fn convolution(
    width: f64,
    stride: u32,
    style: &Style,
    habitat: &Habitat<'_>,
    rng: &mut dyn Rng,
) -> Convolution {
    let space = habitat.space;
    let kernel = if chance(rng, 0.12) {
        [kernel_side(habitat, rng), kernel_side(habitat, rng)]
    } else {
        [style.kernel; 2]
    };
    let grouped = space.groups.iter().any(|&groups| groups > 1) && chance(rng, 0.06);
    let groups = if space.depthwise && chance(rng, 0.05) {
        Groups::Depthwise
    } else {
        Groups::Count(if grouped { pick(rng, &space.groups).unwrap_or(1) } else { 1 })
    };
    Convolution {
        filters: tidy_width(width, space.filters),
        kernel,
        stride,
        dilation: space.dilation.clamp(if chance(rng, 0.06) { 2 } else { 1 }),
        groups,
        padding: style.padding,
        norm: style.norm,
        activation: style.activation,
    }
}

pub(super) fn residual(width: f64, stride: u32, style: &Style, habitat: &Habitat<'_>) -> Residual {
    let space = habitat.space;
    // Without normalisation the sums of residual blocks grow block by block.
    let norm = match style.norm {
        Norm::Batch | Norm::Layer => style.norm,
        _ if space.norms.contains(&Norm::Batch) => Norm::Batch,
        _ if space.norms.contains(&Norm::Layer) => Norm::Layer,
        other => other,
    };
    Residual { filters: tidy_width(width, space.filters), stride, norm, activation: style.activation }
}

pub(super) fn inception(width: f64, style: &Style, habitat: &Habitat<'_>, rng: &mut dyn Rng) -> Inception {
    let space = habitat.space;
    let shares = pick(rng, &[[2, 4, 1, 1], [1, 2, 1, 1], [1, 1, 0, 0], [1, 2, 0, 1], [1, 2, 1, 0]]);
    let total = tidy_width(width, space.filters);
    let branches = share_out(shares.unwrap_or([1; 4]), total);
    let total = branches.iter().sum::<u32>();
    let bottleneck = (total / 4).max(8).min(space.filters.max).max(1);
    Inception { branches, bottleneck, norm: style.norm, activation: style.activation }
}
