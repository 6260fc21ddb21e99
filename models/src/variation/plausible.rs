//! Which viable networks are not worth training: known ways to diverge, or to sit at the majority class.
//!
//! Every rule has a name and a reason, and looks at genes and shapes only. The thresholds are deliberately
//! generous: a rule is to keep out what practitioners know to fail, not what merely is not best.

use crate::{
    expression::{Blueprint, Operation, Shape},
    genome::{Activation, Genome, Groups, LayerGene, Norm, Optimizer, TrainingGenes},
};

/// A network that would waste its training.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {reason}")]
pub struct Implausible {
    /// The rule's name.
    pub rule: &'static str,
    /// What fails, and why.
    pub reason: &'static str,
}

/// A named rule: whether it is broken, and why that matters.
struct Rule {
    name: &'static str,
    reason: &'static str,
    broken: fn(&Evidence<'_>) -> bool,
}

/// All rules, cheapest first.
const RULES: &[Rule] = &[
    Rule {
        name: "timid rate",
        reason: "the learning rate is so low for its optimizer and batch size that a short training hardly moves",
        broken: timid_rate,
    },
    Rule {
        name: "bold rate",
        reason: "the learning rate is so high for its optimizer, depth and normalisation that training diverges",
        broken: bold_rate,
    },
    Rule {
        name: "tiny clip",
        reason: "gradients are clipped so short that steps hardly move the weights",
        broken: tiny_clip,
    },
    Rule {
        name: "heavy decay",
        reason: "weight decay added to the gradient is so strong that it pulls the weights to nothing",
        broken: heavy_decay,
    },
    Rule {
        name: "no features",
        reason: "nothing is learned between input and head, or nothing there is non-linear",
        broken: no_features,
    },
    Rule {
        name: "saturating stack",
        reason: "gradients vanish through stacked sigmoid or tanh layers without normalisation (Glorot & Bengio, 2010)",
        broken: saturating_stack,
    },
    Rule {
        name: "bare depth",
        reason: "deep stacks without normalisation train slowly or blow up",
        broken: bare_depth,
    },
    Rule {
        name: "bare residual",
        reason: "sums of residual blocks without normalisation double the variance block by block",
        broken: bare_residual,
    },
    Rule {
        name: "narrow bottleneck",
        reason: "a layer passes on fewer values than there are outputs to tell apart",
        broken: narrow_bottleneck,
    },
    Rule {
        name: "drowned by dropout",
        reason: "dropout leaves too few values of a narrow layer, or too few in all",
        broken: drowned_by_dropout,
    },
    Rule {
        name: "dropout before batch norm",
        reason: "dropout shifts the variance that batch normalisation learns for evaluation (Li et al., 2018)",
        broken: dropout_before_batch_norm,
    },
    Rule {
        name: "dropout on the input",
        reason: "dropout in front of the first weights throws data away",
        broken: dropout_on_input,
    },
    Rule {
        name: "noisy batch norm",
        reason: "batch normalisation needs statistics of several samples",
        broken: noisy_batch_norm,
    },
    Rule {
        name: "blank layer norm",
        reason: "layer normalisation over few values leaves little but their signs",
        broken: blank_layer_norm,
    },
    Rule {
        name: "repeated norm",
        reason: "a normalisation directly behind another undoes it",
        broken: repeated_norm,
    },
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
    Rule {
        name: "wide shift",
        reason: "augmentation pushes much of a small image out of sight",
        broken: wide_shift,
    },
];

/// Whether a network is expected to learn at all. The blueprint must be the genome's.
///
/// # Errors
/// The first rule that is broken.
pub fn plausible(genome: &Genome, blueprint: &Blueprint) -> Result<(), Implausible> {
    let evidence = Evidence::new(genome, blueprint);
    match RULES.iter().find(|rule| (rule.broken)(&evidence)) {
        Some(rule) => Err(Implausible { rule: rule.name, reason: rule.reason }),
        None => Ok(()),
    }
}

/// How an optimizer's steps relate to its learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Steps are proportional to the gradient: SGD, momentum, Nesterov.
    Proportional,
    /// Steps are about as long as the learning rate, whatever the gradient: RMSProp, Adam, AdamW.
    Adaptive,
}

/// An optimizer's family.
pub(super) const fn family(optimizer: Optimizer) -> Family {
    match optimizer {
        Optimizer::Sgd | Optimizer::Momentum | Optimizer::Nesterov => Family::Proportional,
        Optimizer::RmsProp | Optimizer::Adam | Optimizer::AdamW => Family::Adaptive,
    }
}

/// Learning rate times what heavy-ball momentum makes of a lasting gradient: rate / (1 - momentum).
pub(super) fn effective_rate(genes: &TrainingGenes) -> f64 {
    match genes.optimizer {
        Optimizer::Momentum | Optimizer::Nesterov => genes.learning_rate / (1.0 - genes.momentum).max(1e-3),
        _ => genes.learning_rate,
    }
}

/// The effective rates between which a network is expected to train.
///
/// Larger batches take fewer, quieter steps and need higher rates (square-root rule); normalised networks bear
/// higher ones, deep bare ones lower ones.
pub(super) fn sound_rates(training: &TrainingGenes, is_normalised: bool, depth: u32) -> (f64, f64) {
    let batch = f64::from(training.batch_size) / 32.0;
    let patience = batch.sqrt().max(1.0);
    let noise = batch.sqrt().clamp(0.7, 1.5);
    let depth = if depth > 4 { 0.5 } else { 1.0 };
    let (low, high) = match (family(training.optimizer), is_normalised) {
        (Family::Proportional, true) => (0.02, 1.0),
        (Family::Proportional, false) => (0.02, 0.15 * depth),
        (Family::Adaptive, true) => (2e-4, 0.01),
        (Family::Adaptive, false) => (2e-4, 4e-3 * depth),
    };
    let high = if training.optimizer == Optimizer::RmsProp { high * 0.5 } else { high };
    (low * patience, high * noise)
}

/// A genome, its shapes, and what several rules ask of them.
struct Evidence<'a> {
    genome: &'a Genome,
    blueprint: &'a Blueprint,
    input: Shape,
    outputs: usize,
    depth: u32,
    is_normalised: bool,
}

impl<'a> Evidence<'a> {
    fn new(genome: &'a Genome, blueprint: &'a Blueprint) -> Self {
        let mut inputs = blueprint.steps.iter().map_while(|step| match step.operation {
            Operation::Input | Operation::View { .. } => Some(step.shape),
            _ => None,
        });
        let whole = inputs.next().unwrap_or(Shape::Flat(0));
        let input = inputs.next().unwrap_or(whole);
        let outputs = blueprint.steps.last().map_or(0, |step| step.shape.volume());
        let depth = weighted_depth(genome);
        Self { genome, blueprint, input, outputs, depth, is_normalised: is_normalised(genome) }
    }

    /// Layers with the shapes in front of them and behind them.
    fn layers(&self) -> impl Iterator<Item = (&'a LayerGene, Shape, Shape)> {
        let behind = self.blueprint.layers.iter().copied();
        let before = std::iter::once(self.input).chain(behind.clone());
        self.genome
            .layers
            .iter()
            .zip(before)
            .zip(behind)
            .map(|((gene, before), behind)| (gene, before, behind))
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a LayerGene, &'a LayerGene)> {
        self.genome.layers.windows(2).map(|pair| (&pair[0], &pair[1]))
    }
}

/// Weighted layers in a row, modules counted as two.
pub(super) fn weighted_depth(genome: &Genome) -> u32 {
    genome.layers.iter().map(layer_depth).sum()
}

fn layer_depth(gene: &LayerGene) -> u32 {
    match gene {
        LayerGene::Residual(_) | LayerGene::Inception(_) => 2,
        LayerGene::Convolution(_) | LayerGene::Dense(_) => 1,
        _ => 0,
    }
}

/// Whether at least half of the weighted layers are followed by a normalisation that keeps variances in check.
pub(super) fn is_normalised(genome: &Genome) -> bool {
    let normalisations = genome.layers.iter().filter(|gene| bounds_variance(gene.norm())).count();
    let weighted = genome.layers.iter().filter(|gene| gene.is_weighted()).count();
    normalisations > 0 && 2 * normalisations >= weighted
}

const fn bounds_variance(norm: Norm) -> bool {
    matches!(norm, Norm::Batch | Norm::Layer)
}

fn timid_rate(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    effective_rate(training) < sound_rates(training, evidence.is_normalised, evidence.depth).0
}

fn bold_rate(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    effective_rate(training) > sound_rates(training, evidence.is_normalised, evidence.depth).1
}

fn tiny_clip(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    let clip = training.gradient_clip;
    let is_short = match family(training.optimizer) {
        Family::Proportional => clip < 0.5 || clip * effective_rate(training) < 0.05,
        Family::Adaptive => clip < 0.1,
    };
    clip > 0.0 && is_short
}

fn heavy_decay(evidence: &Evidence<'_>) -> bool {
    let training = &evidence.genome.training;
    training.weight_decay
        > match training.optimizer {
            // Decoupled: each step takes rate times decay of every weight.
            Optimizer::AdamW => 1e-3 / training.learning_rate,
            Optimizer::Adam | Optimizer::RmsProp => 1e-3,
            Optimizer::Sgd | Optimizer::Momentum | Optimizer::Nesterov => 5e-3,
        }
}

fn no_features(evidence: &Evidence<'_>) -> bool {
    let mut activations = evidence.genome.layers.iter().filter_map(LayerGene::activation);
    activations.all(|activation| activation == Activation::None)
}

fn saturating_stack(evidence: &Evidence<'_>) -> bool {
    let (mut sigmoids, mut bare_run) = (0, 0);
    for gene in &evidence.genome.layers {
        let steepness = match gene.activation() {
            Some(Activation::Sigmoid) => 2,
            Some(Activation::Tanh) => 1,
            // The sigmoid inside of a branch or block counts as well as the one behind it.
            _ => 0,
        };
        sigmoids += u32::from(steepness == 2) * layer_depth(gene);
        bare_run = if bounds_variance(gene.norm()) { 0 } else { bare_run + steepness * layer_depth(gene) };
        if bare_run > 3 {
            return true;
        }
    }
    let is_plain = evidence.genome.training.optimizer == Optimizer::Sgd;
    sigmoids > 2 || (is_plain && sigmoids > 0)
}

fn bare_depth(evidence: &Evidence<'_>) -> bool {
    let most = match family(evidence.genome.training.optimizer) {
        Family::Proportional => 5,
        Family::Adaptive => 7,
    };
    !evidence.is_normalised && evidence.depth > most
}

fn bare_residual(evidence: &Evidence<'_>) -> bool {
    let bare = |gene: &&LayerGene| matches!(gene, LayerGene::Residual(_)) && !bounds_variance(gene.norm());
    let count = evidence.genome.layers.iter().filter(bare).count();
    count > 1 || (count == 1 && family(evidence.genome.training.optimizer) == Family::Proportional)
}

/// Fewest values that a layer passes on, and fewest channels of a convolution or branch entry.
const VALUES_MIN: usize = 8;
const CHANNELS_MIN: usize = 4;

fn narrow_bottleneck(evidence: &Evidence<'_>) -> bool {
    let values_min = VALUES_MIN.max(evidence.outputs.min(256));
    evidence.layers().any(|(gene, before, behind)| match gene {
        // Averages are poor features: it takes about two for each output.
        LayerGene::GlobalAveragePool => before.channels() < VALUES_MIN.max(2 * evidence.outputs.min(32)),
        LayerGene::Inception(genes) => {
            let leads_on = genes.branches[1] + genes.branches[2] > 0;
            (leads_on && (genes.bottleneck as usize) < CHANNELS_MIN) || behind.volume() < 2 * values_min
        }
        LayerGene::Convolution(_) | LayerGene::Residual(_) => {
            behind.channels() < CHANNELS_MIN || behind.volume() < 2 * values_min
        }
        LayerGene::MaxPool(_) | LayerGene::AveragePool(_) => behind.volume() < 2 * values_min,
        LayerGene::Dense(_) => behind.volume() < values_min,
        LayerGene::Normalisation { .. } | LayerGene::Dropout { .. } | LayerGene::Merge => false,
    })
}

fn drowned_by_dropout(evidence: &Evidence<'_>) -> bool {
    let (mut layers, mut kept) = (0, 1.0);
    for (gene, before, _) in evidence.layers() {
        let LayerGene::Dropout { ratio } = gene else { continue };
        layers += 1;
        kept *= 1.0 - ratio;
        let left = (1.0 - ratio) * before.volume() as f64;
        if left < 16.0_f64.max(1.5 * evidence.outputs.min(256) as f64) || layers > 3 || kept < 0.35 {
            return true;
        }
    }
    false
}

fn dropout_before_batch_norm(evidence: &Evidence<'_>) -> bool {
    let layers = &evidence.genome.layers;
    let first = layers.iter().position(|gene| matches!(gene, LayerGene::Dropout { .. }));
    first.is_some_and(|first| layers[first..].iter().any(|gene| gene.norm() == Norm::Batch))
}

fn dropout_on_input(evidence: &Evidence<'_>) -> bool {
    let before_weights = evidence.genome.layers.iter().take_while(|gene| !gene.is_weighted());
    before_weights.into_iter().any(|gene| matches!(gene, LayerGene::Dropout { ratio } if *ratio > 0.1))
}

/// Fewest samples for batch statistics: with positions to average over, and without.
const BATCH_SPATIAL_MIN: u32 = 4;
const BATCH_FLAT_MIN: u32 = 8;

fn noisy_batch_norm(evidence: &Evidence<'_>) -> bool {
    let batch = evidence.genome.training.batch_size;
    evidence.layers().any(|(gene, _, behind)| {
        let min = if behind.positions() > 1 { BATCH_SPATIAL_MIN } else { BATCH_FLAT_MIN };
        gene.norm() == Norm::Batch && batch < min
    })
}

fn blank_layer_norm(evidence: &Evidence<'_>) -> bool {
    evidence.layers().any(|(gene, _, behind)| gene.norm() == Norm::Layer && behind.volume() < 16)
}

fn repeated_norm(evidence: &Evidence<'_>) -> bool {
    evidence.pairs().any(|(first, second)| {
        let is_normalised = first.norm() != Norm::None;
        is_normalised && matches!(second, LayerGene::Normalisation { .. })
    })
}

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

fn wide_shift(evidence: &Evidence<'_>) -> bool {
    let Shape::Spatial { height, width, .. } = evidence.input else { return false };
    evidence.genome.training.shift as usize * 6 > height.min(width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        expression::blueprint,
        genome::{Convolution, Dense, Inception, Padding, Pool, Residual, sample},
        problem::{Problem, Task},
    };

    const IMAGES: Problem = Problem {
        channels: 1,
        height: 28,
        width: 28,
        multi_view: false,
        task: Task::Classification { classes: 10 },
    };

    fn broken(genome: &Genome) -> Option<&'static str> {
        let blueprint = blueprint(genome, &IMAGES).unwrap();
        plausible(genome, &blueprint).err().map(|implausible| implausible.rule)
    }

    fn with_layers(layers: Vec<LayerGene>) -> Genome {
        Genome { layers, ..sample() }
    }

    fn with_training(change: impl FnOnce(&mut TrainingGenes)) -> Genome {
        let mut genome = sample();
        change(&mut genome.training);
        genome
    }

    fn conv(change: impl FnOnce(&mut Convolution)) -> LayerGene {
        let LayerGene::Convolution(mut genes) = sample().layers[0].clone() else { panic!() };
        change(&mut genes);
        LayerGene::Convolution(genes)
    }

    fn dense(units: u32, activation: Activation) -> LayerGene {
        LayerGene::Dense(Dense { units, norm: Norm::None, activation })
    }

    fn residual(norm: Norm) -> LayerGene {
        LayerGene::Residual(Residual { filters: 32, stride: 1, norm, activation: Activation::Relu })
    }

    fn pool(kernel: u32, stride: u32) -> LayerGene {
        LayerGene::MaxPool(Pool { kernel, stride, padding: Padding::Same })
    }

    fn dropout(ratio: f64) -> LayerGene {
        LayerGene::Dropout { ratio }
    }

    #[test]
    fn ordinary_networks_pass() {
        assert_eq!(broken(&sample()), None);
        let lasting = with_layers(vec![
            conv(|_| {}),
            residual(Norm::Batch),
            pool(2, 2),
            residual(Norm::Batch),
            LayerGene::GlobalAveragePool,
            dropout(0.3),
        ]);
        assert_eq!(broken(&lasting), None);
        let momentum =
            with_training(|genes| (genes.optimizer, genes.learning_rate) = (Optimizer::Momentum, 0.01));
        assert_eq!(broken(&momentum), None);
    }

    #[test]
    fn rules_of_training_refuse_what_they_are_for() {
        let timid = with_training(|genes| (genes.optimizer, genes.learning_rate) = (Optimizer::Sgd, 1e-3));
        assert_eq!(broken(&timid), Some("timid rate"));
        assert_eq!(broken(&with_training(|genes| genes.learning_rate = 0.05)), Some("bold rate"));
        assert_eq!(broken(&with_training(|genes| genes.gradient_clip = 0.01)), Some("tiny clip"));
        let heavy = with_training(|genes| (genes.optimizer, genes.weight_decay) = (Optimizer::Adam, 0.01));
        assert_eq!(broken(&heavy), Some("heavy decay"));
        assert_eq!(broken(&with_training(|genes| genes.batch_size = 2)), Some("noisy batch norm"));
        assert_eq!(broken(&with_training(|genes| genes.shift = 6)), Some("wide shift"));
    }

    #[test]
    fn rules_of_values_refuse_what_they_are_for() {
        let tanh = vec![conv(|_| {}); 2].into_iter().chain(vec![dense(64, Activation::Tanh); 4]).collect();
        let bare = |genes: &mut Convolution| genes.norm = Norm::None;
        let cases = [
            ("no features", vec![dense(64, Activation::None)]),
            ("saturating stack", tanh),
            ("bare depth", (0..8).map(|_| conv(bare)).collect()),
            ("bare residual", vec![conv(bare), residual(Norm::None), residual(Norm::None)]),
            ("narrow bottleneck", vec![conv(|_| {}), dense(5, Activation::Relu)]),
            ("narrow bottleneck", vec![conv(|genes| genes.filters = 2)]),
            ("drowned by dropout", vec![conv(|_| {}), dense(20, Activation::Relu), dropout(0.5)]),
            ("dropout before batch norm", vec![conv(|_| {}), dropout(0.2), conv(|_| {})]),
            ("dropout on the input", vec![dropout(0.5), conv(bare)]),
            ("repeated norm", vec![conv(|_| {}), LayerGene::Normalisation { norm: Norm::Layer }]),
        ];
        for (rule, layers) in cases {
            assert_eq!(broken(&with_layers(layers)), Some(rule));
        }
        let blank = LayerGene::Dense(Dense { units: 12, norm: Norm::Layer, activation: Activation::Relu });
        assert_eq!(broken(&with_layers(vec![conv(|_| {}), blank])), Some("blank layer norm"));
    }

    #[test]
    fn rules_of_positions_refuse_what_they_are_for() {
        let point = |genes: &mut Convolution| genes.kernel = [1, 1];
        let inception = Inception {
            branches: [8, 8, 8, 8],
            bottleneck: 8,
            norm: Norm::Batch,
            activation: Activation::Relu,
        };
        let cases = [
            ("spatial collapse", vec![conv(|_| {}), pool(28, 28), LayerGene::Inception(inception)]),
            ("skipped positions", vec![conv(|genes| genes.stride = 4)]),
            ("blind pooling", vec![pool(2, 2), conv(|_| {})]),
            ("repeated pooling", vec![conv(|_| {}), pool(2, 2), pool(2, 2)]),
            ("shallow summary", vec![conv(|_| {}), LayerGene::GlobalAveragePool]),
            ("pointwise only", vec![conv(point), pool(2, 2), conv(point)]),
        ];
        for (rule, layers) in cases {
            assert_eq!(broken(&with_layers(layers)), Some(rule));
        }
    }

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let names: std::collections::HashSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }
}
