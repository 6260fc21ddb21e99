//! Canonical form: of all genomes that say the same, the one that is kept.
//!
//! Only what can be seen without a problem is done here; what depends on shapes (resolved groups, say) is done where
//! shapes are known.

use super::{
    Activation, Convolution, Dense, Genome, Inception, LayerGene, Norm, Optimizer, Padding, TrainingGenes,
    check::DROPOUT_MAX,
};

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
        LayerGene::Dropout { ratio } => rounded(*ratio) == 0.0,
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
            let both = rounded(1.0 - (1.0 - *ratio) * (1.0 - next));
            let is_one = both <= DROPOUT_MAX;
            *ratio = if is_one { both } else { *ratio };
            is_one
        }
        // What is scaled and shifted channel by channel comes out of a second batch normalisation as of the first. A
        // layer normalisation measures all channels together, so that a second one does something.
        (Some(before), LayerGene::Normalisation { norm: Norm::Batch }) => match before {
            LayerGene::Normalisation { norm } => *norm == Norm::Batch,
            LayerGene::Convolution(Convolution { norm, activation, .. })
            | LayerGene::Dense(Dense { norm, activation, .. }) => {
                *activation == Activation::None && *norm == Norm::Batch
            }
            _ => false,
        },
        _ => false,
    }
}

/// A ratio of dropout that reads well; nobody could tell the difference.
fn rounded(ratio: f64) -> f64 {
    (ratio * 1e4).round() / 1e4
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
    fn dropouts_that_are_no_single_one_stay_apart() {
        let dropouts = |ratios: &[f64]| {
            let layers = ratios.iter().map(|&ratio| LayerGene::Dropout { ratio }).collect();
            Genome { layers, ..sample() }
        };
        assert_eq!(canonical(&dropouts(&[0.95, 0.9])), dropouts(&[0.95, 0.9]), "together 0.995");
        assert_eq!(canonical(&dropouts(&[0.95, 0.9, 0.5])), dropouts(&[0.95, 0.95]));
        assert_eq!(canonical(&dropouts(&[1e-5, 1e-5, 0.5])), dropouts(&[0.5]));
    }

    #[test]
    fn a_second_batch_normalisation_does_nothing_but_a_second_layer_normalisation_does() {
        let twice = |norm| {
            let mut genome = sample();
            let dense = Dense { units: 8, norm, activation: Activation::None };
            genome.layers = vec![LayerGene::Dense(dense), LayerGene::Normalisation { norm }];
            genome
        };
        assert_eq!(canonical(&twice(Norm::Batch)).layers.len(), 1);
        for norm in [Norm::Layer, Norm::LocalResponse] {
            assert_eq!(canonical(&twice(norm)), twice(norm));
        }
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
