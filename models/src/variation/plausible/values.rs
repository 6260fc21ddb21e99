//! Rules on values: how they and their gradients fare from layer to layer, wherever they are.

use super::{
    evidence::{Evidence, Rule, bounds_variance, layer_depth},
    training::{Family, family},
};
use crate::genome::{Activation, LayerGene, Norm, Optimizer};

/// In the order in which they are looked at.
pub(super) const RULES: &[Rule] = &[
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
        name: "blank layer norm",
        reason: "layer normalisation over few values leaves little but their signs",
        broken: blank_layer_norm,
    },
    Rule {
        name: "repeated norm",
        reason: "a normalisation directly behind another undoes it",
        broken: repeated_norm,
    },
];

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

fn blank_layer_norm(evidence: &Evidence<'_>) -> bool {
    evidence.layers().any(|(gene, _, behind)| gene.norm() == Norm::Layer && behind.volume() < 16)
}

fn repeated_norm(evidence: &Evidence<'_>) -> bool {
    evidence.pairs().any(|(first, second)| {
        let is_normalised = first.norm() != Norm::None;
        is_normalised && matches!(second, LayerGene::Normalisation { .. })
    })
}
