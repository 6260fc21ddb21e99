//! A genome as named numbers and words, as other programs keep parameters.
//!
//! `learning_rate`, `optimizer`; of layers, counted from 1, `layer_1.kind`, `layer_1.filters`, `layer_1.kernel.1`; and
//! `layers`, how many there are. Names come from how a genome is written down, so that new genes need nothing here.

use hatchery_models::genome::Genome;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Gene {
    /// A whole number.
    Whole(i64),
    /// A number.
    Real(f64),
    /// A word, or yes and no.
    Word(String),
}

impl std::fmt::Display for Gene {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(formatter),
            Self::Real(number) => number.fmt(formatter),
            Self::Word(word) => word.fmt(formatter),
        }
    }
}

/// All genes of a genome by name.
pub fn of(genome: &Genome) -> BTreeMap<String, Gene> {
    let mut genes = BTreeMap::new();
    if let Ok(training) = serde_json::to_value(&genome.training) {
        flatten("", &training, &mut genes);
    }
    for (number, layer) in genome.layers.iter().enumerate() {
        if let Ok(layer) = serde_json::to_value(layer) {
            flatten(&format!("layer_{}", number + 1), &layer, &mut genes);
        }
    }
    genes.insert("layers".to_owned(), Gene::Whole(i64::try_from(genome.layers.len()).unwrap_or(i64::MAX)));
    genes
}

fn flatten(name: &str, value: &Value, genes: &mut BTreeMap<String, Gene>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    let gene = match value {
        Value::Object(fields) => {
            return fields.iter().for_each(|(key, one)| flatten(&below(key), one, genes));
        }
        Value::Array(items) => {
            return (1..)
                .zip(items)
                .for_each(|(number, one)| flatten(&below(&number.to_string()), one, genes));
        }
        Value::Null => return,
        Value::Bool(flag) => Gene::Word(flag.to_string()),
        Value::String(word) => Gene::Word(word.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Gene::Whole(whole),
            (None, Some(real)) => Gene::Real(real),
            (None, None) => return,
        },
    };
    genes.insert(name.to_owned(), gene);
}

/// What a gene of a run is drawn from, as far as the run shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Whole numbers between these.
    Whole(i64, i64),
    /// Numbers between these.
    Real(f64, f64),
    /// One of these words.
    Words(Vec<String>),
}

/// The domain of each gene that any of the genomes has.
pub fn domains<'a>(genomes: impl Iterator<Item = &'a BTreeMap<String, Gene>>) -> BTreeMap<String, Domain> {
    let mut seen: BTreeMap<&str, Vec<&Gene>> = BTreeMap::new();
    for genes in genomes {
        genes.iter().for_each(|(name, gene)| seen.entry(name).or_default().push(gene));
    }
    seen.into_iter().map(|(name, genes)| (name.to_owned(), domain(&genes))).collect()
}

fn domain(genes: &[&Gene]) -> Domain {
    let whole: Option<Vec<i64>> =
        genes.iter().map(|gene| if let Gene::Whole(number) = gene { Some(*number) } else { None }).collect();
    if let Some(whole) = whole {
        let (low, high) = (whole.iter().min(), whole.iter().max());
        return Domain::Whole(low.copied().unwrap_or(0), high.copied().unwrap_or(0));
    }
    let real: Option<Vec<f64>> = genes
        .iter()
        .map(|gene| match gene {
            Gene::Whole(number) => Some(*number as f64),
            Gene::Real(number) => Some(*number),
            Gene::Word(_) => None,
        })
        .collect();
    match real {
        Some(real) => Domain::Real(
            real.iter().copied().fold(f64::INFINITY, f64::min),
            real.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
        // A gene that is a number here and a word there is a choice between both.
        None => {
            let words: BTreeSet<String> = genes.iter().map(ToString::to_string).collect();
            Domain::Words(words.into_iter().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    #[test]
    fn every_gene_has_a_name() {
        let genes = of(&fixture::genome());
        assert_eq!(genes["layers"], Gene::Whole(7));
        assert_eq!(genes["learning_rate"], Gene::Real(0.001));
        assert_eq!(genes["flip"], Gene::Word("false".to_owned()));
        assert_eq!(genes["layer_1.kind"], Gene::Word("convolution".to_owned()));
        assert_eq!(genes["layer_1.kernel.2"], Gene::Whole(5));
        assert_eq!(genes["layer_7.ratio"], Gene::Real(0.25));
    }

    #[test]
    fn domains_are_what_was_seen() {
        let mut other = fixture::genome();
        other.training.learning_rate = 0.1;
        other.training.batch_size = 64;
        other.layers.truncate(1);
        let all = [of(&fixture::genome()), of(&other)];
        let domains = domains(all.iter());
        assert_eq!(domains["batch_size"], Domain::Whole(32, 64));
        assert_eq!(domains["learning_rate"], Domain::Real(0.001, 0.1));
        assert_eq!(domains["layer_2.kind"], Domain::Words(vec!["inception".to_owned()]));
        assert_eq!(
            domain(&[&Gene::Whole(1), &Gene::Word("x".to_owned())]),
            Domain::Words(vec!["1".into(), "x".into()])
        );
    }
}
