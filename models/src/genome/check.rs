//! Whether the numbers of a genome that came from outside are numbers at all that a network could have.
//!
//! These are the type's own ranges, far wider than any search space; within them no later arithmetic overflows.

use super::{Convolution, Genome, Groups, LayerGene, LayerKind, Pool, TrainingGenes};

/// Most layer genes of a genome.
pub const LAYERS_MAX: usize = 128;
/// Most filters or units of a layer.
pub const WIDTH_MAX: u32 = 65_536;
/// Largest side of a window, stride or dilation.
pub const KERNEL_MAX: u32 = 255;
/// Most samples of a step.
pub const BATCH_MAX: u32 = 65_536;
/// Largest ratio of dropout: what is left of more would hardly train.
pub(super) const DROPOUT_MAX: f64 = 0.99;
/// Largest learning rate, weight decay, gradient norm: beyond it, certainly a mistake.
const RATE_MAX: f64 = 1e6;
/// Largest augmentation shift in pixels.
const SHIFT_MAX: u32 = 255;

/// A gene outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GenomeError {
    /// More layers than anyone could train.
    #[error("the genome has {layers} layers; at most {LAYERS_MAX} are possible")]
    TooManyLayers {
        /// How many.
        layers: usize,
    },
    /// A layer's gene.
    #[error("layer {layer} ({kind}): {field} is {value}; it must lie in {range}")]
    Layer {
        /// Which layer, from 1.
        layer: usize,
        /// Its kind.
        kind: LayerKind,
        /// Which gene.
        field: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        range: String,
    },
    /// A gene of the training.
    #[error("training: {field} is {value}; it must lie in {range}")]
    Training {
        /// Which gene.
        field: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        range: String,
    },
}

/// A gene with what it is and the closed range that it must lie in.
type Field = (&'static str, f64, f64, f64);

/// Checks every number of a genome.
///
/// # Errors
/// The first gene that is outside its range or not a number.
pub fn check(genome: &Genome) -> Result<(), GenomeError> {
    if genome.layers.len() > LAYERS_MAX {
        return Err(GenomeError::TooManyLayers { layers: genome.layers.len() });
    }
    for (index, gene) in genome.layers.iter().enumerate() {
        check_layer(gene).map_err(|(field, value, min, max)| GenomeError::Layer {
            layer: index + 1,
            kind: gene.kind(),
            field,
            value,
            range: format!("[{min}, {max}]"),
        })?;
    }
    check_training(&genome.training).map_err(|(field, value, min, max)| GenomeError::Training {
        field,
        value,
        range: format!("[{min}, {max}]"),
    })
}

fn check_layer(gene: &LayerGene) -> Result<(), Field> {
    match gene {
        LayerGene::Convolution(genes) => check_convolution(genes),
        LayerGene::MaxPool(genes) | LayerGene::AveragePool(genes) => check_pool(genes),
        LayerGene::Inception(genes) => {
            let total = genes.branches.iter().map(|&width| u64::from(width)).sum::<u64>();
            all(&[
                ("branches", total as f64, 1.0, f64::from(WIDTH_MAX)),
                ("bottleneck", f64::from(genes.bottleneck), 1.0, f64::from(WIDTH_MAX)),
            ])
        }
        LayerGene::Residual(genes) => all(&[width("filters", genes.filters), side("stride", genes.stride)]),
        LayerGene::Dense(genes) => all(&[width("units", genes.units)]),
        LayerGene::Dropout { ratio } => all(&[("ratio", *ratio, 0.0, DROPOUT_MAX)]),
        LayerGene::GlobalAveragePool | LayerGene::Normalisation { .. } | LayerGene::Merge => Ok(()),
    }
}

fn check_convolution(genes: &Convolution) -> Result<(), Field> {
    let groups = match genes.groups {
        Groups::Count(count) => count,
        Groups::Depthwise => 1,
    };
    all(&[
        width("filters", genes.filters),
        side("kernel height", genes.kernel[0]),
        side("kernel width", genes.kernel[1]),
        side("stride", genes.stride),
        side("dilation", genes.dilation),
        width("groups", groups),
    ])
}

fn check_pool(genes: &Pool) -> Result<(), Field> {
    all(&[side("kernel", genes.kernel), side("stride", genes.stride)])
}

fn check_training(genes: &TrainingGenes) -> Result<(), Field> {
    all(&[
        ("learning_rate", genes.learning_rate, 1e-12, RATE_MAX),
        ("momentum", genes.momentum, 0.0, 0.9999),
        ("weight_decay", genes.weight_decay, 0.0, RATE_MAX),
        ("batch_size", f64::from(genes.batch_size), 1.0, f64::from(BATCH_MAX)),
        ("label_smoothing", genes.label_smoothing, 0.0, 0.99),
        ("gradient_clip", genes.gradient_clip, 0.0, RATE_MAX),
        ("shift", f64::from(genes.shift), 0.0, f64::from(SHIFT_MAX)),
    ])
}

fn width(name: &'static str, value: u32) -> Field {
    (name, f64::from(value), 1.0, f64::from(WIDTH_MAX))
}

fn side(name: &'static str, value: u32) -> Field {
    (name, f64::from(value), 1.0, f64::from(KERNEL_MAX))
}

/// The first field outside its range; "not a number" is outside every range.
fn all(fields: &[Field]) -> Result<(), Field> {
    match fields.iter().find(|(_, value, min, max)| !(min <= value && value <= max)) {
        Some(field) => Err(*field),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::sample;

    #[test]
    fn a_sound_genome_passes() {
        assert_eq!(check(&sample()), Ok(()));
    }

    #[test]
    fn wrong_numbers_are_named() {
        let mut genome = sample();
        genome.training.learning_rate = f64::NAN;
        assert!(check(&genome).unwrap_err().to_string().starts_with("training: learning_rate is NaN"));
        let mut genome = sample();
        genome.layers.push(LayerGene::Dropout { ratio: 1.0 });
        assert_eq!(
            check(&genome).unwrap_err().to_string(),
            "layer 4 (dropout): ratio is 1; it must lie in [0, 0.99]"
        );
        let mut genome = sample();
        genome.layers = vec![LayerGene::Merge; LAYERS_MAX + 1];
        assert_eq!(check(&genome), Err(GenomeError::TooManyLayers { layers: LAYERS_MAX + 1 }));
    }
}
