//! A genome in one line, as lists and logs show it.

use super::{
    Activation, Convolution, Genome, Groups, Inception, LayerGene, Norm, Padding, Pool, Residual,
    TrainingGenes,
};
use std::fmt::{self, Display, Formatter};

/// `conv 3x3x32 bn relu | maxpool 2 | dense 128 relu || adamw 1e-3 cosine batch 64`
impl Display for Genome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (index, gene) in self.layers.iter().enumerate() {
            let separator = if index == 0 { "" } else { " | " };
            write!(formatter, "{separator}{gene}")?;
        }
        let separator = if self.layers.is_empty() { "|| " } else { " || " };
        write!(formatter, "{separator}{}", self.training)
    }
}

impl Display for LayerGene {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Convolution(genes) => convolution(formatter, genes),
            Self::MaxPool(genes) => pool(formatter, "maxpool", genes),
            Self::AveragePool(genes) => pool(formatter, "avgpool", genes),
            Self::GlobalAveragePool => formatter.write_str("gap"),
            Self::Inception(genes) => inception(formatter, genes),
            Self::Residual(genes) => residual(formatter, genes),
            Self::Dense(genes) => {
                write!(formatter, "dense {}", genes.units)?;
                tail(formatter, genes.norm, genes.activation)
            }
            Self::Normalisation { norm } => formatter.write_str(short_norm(*norm)),
            Self::Dropout { ratio } => write!(formatter, "dropout {ratio}"),
            Self::Merge => formatter.write_str("merge"),
        }
    }
}

impl Display for TrainingGenes {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { optimizer, learning_rate, schedule, batch_size, .. } = self;
        write!(formatter, "{optimizer} {learning_rate:e} {schedule} batch {batch_size}")?;
        for (name, value) in [
            ("decay", self.weight_decay),
            ("smoothing", self.label_smoothing),
            ("clip", self.gradient_clip),
            ("shift", f64::from(self.shift)),
        ] {
            if value != 0.0 {
                let small = value < 0.01;
                if small {
                    write!(formatter, " {name} {value:e}")?
                } else {
                    write!(formatter, " {name} {value}")?
                }
            }
        }
        if self.flip { formatter.write_str(" flip") } else { Ok(()) }
    }
}

fn convolution(formatter: &mut Formatter<'_>, genes: &Convolution) -> fmt::Result {
    write!(formatter, "conv {}x{}x{}", genes.kernel[0], genes.kernel[1], genes.filters)?;
    stride(formatter, genes.stride)?;
    if genes.dilation > 1 {
        write!(formatter, " dilated {}", genes.dilation)?;
    }
    match genes.groups {
        Groups::Depthwise => formatter.write_str(" depthwise")?,
        Groups::Count(1) => {}
        Groups::Count(count) => write!(formatter, " groups {count}")?,
    }
    padding(formatter, genes.padding)?;
    tail(formatter, genes.norm, genes.activation)
}

fn pool(formatter: &mut Formatter<'_>, name: &str, genes: &Pool) -> fmt::Result {
    write!(formatter, "{name} {}", genes.kernel)?;
    if genes.stride != genes.kernel {
        write!(formatter, "/{}", genes.stride)?;
    }
    padding(formatter, genes.padding)
}

fn inception(formatter: &mut Formatter<'_>, genes: &Inception) -> fmt::Result {
    let [one, three, five, pooled] = genes.branches;
    write!(formatter, "inception {one}+{three}+{five}+{pooled} via {}", genes.bottleneck)?;
    tail(formatter, genes.norm, genes.activation)
}

fn residual(formatter: &mut Formatter<'_>, genes: &Residual) -> fmt::Result {
    write!(formatter, "residual {}", genes.filters)?;
    stride(formatter, genes.stride)?;
    tail(formatter, genes.norm, genes.activation)
}

fn stride(formatter: &mut Formatter<'_>, stride: u32) -> fmt::Result {
    if stride > 1 { write!(formatter, "/{stride}") } else { Ok(()) }
}

fn padding(formatter: &mut Formatter<'_>, padding: Padding) -> fmt::Result {
    if padding == Padding::Valid { formatter.write_str(" valid") } else { Ok(()) }
}

fn tail(formatter: &mut Formatter<'_>, norm: Norm, activation: Activation) -> fmt::Result {
    if norm != Norm::None {
        write!(formatter, " {}", short_norm(norm))?;
    }
    if activation == Activation::None { Ok(()) } else { write!(formatter, " {activation}") }
}

const fn short_norm(norm: Norm) -> &'static str {
    match norm {
        Norm::None => "none",
        Norm::Batch => "bn",
        Norm::Layer => "ln",
        Norm::LocalResponse => "lrn",
    }
}

#[cfg(test)]
mod tests {
    use crate::genome::sample;

    #[test]
    fn a_genome_fits_a_line() {
        assert_eq!(
            sample().to_string(),
            "conv 3x3x32 bn relu | maxpool 2 | dense 128 relu || adamw 1e-3 cosine batch 64"
        );
    }
}
