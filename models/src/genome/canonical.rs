//! Canonical form: of all genomes that say the same, the one that is kept.
//!
//! Only what can be seen without a problem is done here; what depends on shapes (resolved groups, say) is done where
//! shapes are known.

use super::{Activation, Convolution, Genome, Inception, LayerGene, Norm, Optimizer, Padding, TrainingGenes};

/// The canonical form: genes that do nothing are dropped or set to one fixed value. Idempotent; the network and its
/// training stay the same.
pub fn canonical(genome: &Genome) -> Genome {
    let mut layers: Vec<LayerGene> = Vec::with_capacity(genome.layers.len());
    for gene in &genome.layers {
        if is_idle(gene) {
            continue;
        }
        let gene = canonical_layer(gene);
        if !absorb(layers.last_mut(), &gene) {
            layers.push(gene);
        }
    }
    Genome { layers, training: canonical_training(&genome.training) }
}

/// Whether a layer passes its input through unchanged.
fn is_idle(gene: &LayerGene) -> bool {
    match gene {
        LayerGene::MaxPool(pool) | LayerGene::AveragePool(pool) => pool.kernel == 1 && pool.stride == 1,
        LayerGene::Normalisation { norm } => *norm == Norm::None,
        LayerGene::Dropout { ratio } => *ratio == 0.0,
        _ => false,
    }
}

fn canonical_layer(gene: &LayerGene) -> LayerGene {
    match gene {
        // A window of one value neither reaches out nor spreads: padding and dilation do nothing.
        LayerGene::Convolution(genes) if genes.kernel == [1, 1] => {
            LayerGene::Convolution(Convolution { dilation: 1, padding: Padding::Same, ..genes.clone() })
        }
        LayerGene::Inception(genes) if genes.branches[1] == 0 && genes.branches[2] == 0 => {
            LayerGene::Inception(Inception { bottleneck: 1, ..genes.clone() })
        }
        other => other.clone(),
    }
}

/// Whether `gene` adds nothing to the layer before it, or could be taken up into that layer.
fn absorb(before: Option<&mut LayerGene>, gene: &LayerGene) -> bool {
    match (before, gene) {
        (Some(LayerGene::GlobalAveragePool), LayerGene::GlobalAveragePool) => true,
        (Some(LayerGene::Dropout { ratio }), LayerGene::Dropout { ratio: next }) => {
            // Rounded, so that it reads well; nobody could tell the difference.
            *ratio = ((1.0 - (1.0 - *ratio) * (1.0 - next)) * 1e4).round() / 1e4;
            true
        }
        (Some(LayerGene::Normalisation { norm }), LayerGene::Normalisation { norm: next }) => norm == next,
        (Some(LayerGene::Convolution(genes)), LayerGene::Normalisation { norm }) => {
            genes.activation == Activation::None && genes.norm == *norm
        }
        (Some(LayerGene::Dense(genes)), LayerGene::Normalisation { norm }) => {
            genes.activation == Activation::None && genes.norm == *norm
        }
        _ => false,
    }
}

fn canonical_training(genes: &TrainingGenes) -> TrainingGenes {
    let momentum = if genes.optimizer == Optimizer::Sgd { 0.0 } else { genes.momentum };
    TrainingGenes {
        // Adding 0.0 turns -0.0 into 0.0, which would otherwise be spelled (and hashed) differently.
        learning_rate: genes.learning_rate + 0.0,
        momentum: momentum + 0.0,
        weight_decay: genes.weight_decay + 0.0,
        label_smoothing: genes.label_smoothing + 0.0,
        gradient_clip: genes.gradient_clip + 0.0,
        ..genes.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::{sample, structural_hash};

    #[test]
    fn genes_that_do_nothing_do_not_change_the_hash() {
        let plain = sample();
        let mut noisy = plain.clone();
        let pool = super::super::Pool { kernel: 1, stride: 1, padding: Padding::Valid };
        noisy.layers.insert(1, LayerGene::Dropout { ratio: 0.0 });
        noisy.layers.insert(1, LayerGene::Normalisation { norm: Norm::None });
        noisy.layers.insert(0, LayerGene::MaxPool(pool.clone()));
        noisy.layers.push(LayerGene::AveragePool(pool));
        assert_eq!(canonical(&noisy), plain);
        assert_eq!(structural_hash(&noisy), structural_hash(&plain));
    }

    #[test]
    fn momentum_of_plain_descent_does_not_count() {
        let mut first = sample();
        first.training.optimizer = Optimizer::Sgd;
        let mut second = first.clone();
        first.training.momentum = 0.9;
        second.training.momentum = 0.5;
        assert_eq!(structural_hash(&first), structural_hash(&second));
        second.training.optimizer = Optimizer::Momentum;
        assert_ne!(structural_hash(&first), structural_hash(&second));
    }

    #[test]
    fn neighbours_are_united() {
        let mut genome = sample();
        genome.layers.push(LayerGene::Dropout { ratio: 0.5 });
        genome.layers.push(LayerGene::Dropout { ratio: 0.5 });
        let canonical_once = canonical(&genome);
        assert_eq!(canonical_once.layers.last(), Some(&LayerGene::Dropout { ratio: 0.75 }));
        assert_eq!(canonical(&canonical_once), canonical_once);
    }

    #[test]
    fn a_one_by_one_window_has_no_dilation() {
        let mut genome = sample();
        let LayerGene::Convolution(genes) = &mut genome.layers[0] else {
            panic!("sample begins with a convolution")
        };
        genes.kernel = [1, 1];
        let same = structural_hash(&genome);
        let LayerGene::Convolution(genes) = &mut genome.layers[0] else {
            panic!("sample begins with a convolution")
        };
        (genes.dilation, genes.padding) = (2, Padding::Valid);
        assert_eq!(structural_hash(&genome), same);
    }
}
