//! Weights that a network takes over from its parent.
//!
//! Layers of parent and child are aligned: of all ways to pair equal layers in order, one that carries over most values.
//! Two layers are equal where their genes and the shapes of all their tensors are. What is paired takes the parent's
//! numbers, running statistics included; all else keeps its own. It must not know how either was trained.

use super::{Layout, NotViable, Role, Weights, blueprint, layout};
use crate::{
    genome::{Genome, LayerGene},
    problem::Problem,
};
use std::ops::Range;

/// A trained network of which another may take over weights.
#[derive(Clone, Copy, Debug)]
pub struct Bequest<'a> {
    /// Its description.
    pub genome: &'a Genome,
    /// Its numbers, in the order of its layout.
    pub weights: &'a Weights,
}

/// Why nothing can be inherited.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InheritError {
    /// One of the two is no network.
    #[error(transparent)]
    NotViable(#[from] NotViable),
    /// The numbers are of another network.
    #[error("{given} {what} were given, the {whose} has {expected}")]
    Length {
        /// What was given.
        what: &'static str,
        /// Whose they should be.
        whose: &'static str,
        /// How many were given.
        given: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The parent's numbers are none.
    #[error("the parent's weights are not all finite")]
    NotFinite,
}

/// The child's initial weights `own`, with what it inherits put over them; and how many values those are.
///
/// # Errors
/// Where a genome is not viable, or numbers are not finite or belong to another network.
pub fn inherit(
    bequest: &Bequest<'_>,
    child: &Genome,
    problem: &Problem,
    own: Weights,
) -> Result<(Weights, usize), InheritError> {
    let (parent, heir) = (Estate::of(bequest.genome, problem)?, Estate::of(child, problem)?);
    parent.check("parent", bequest.weights)?;
    heir.check("child", &own)?;
    let numbers = bequest.weights.parameters.iter().chain(&bequest.weights.statistics);
    if !numbers.copied().all(f32::is_finite) {
        return Err(InheritError::NotFinite);
    }
    let (mut weights, mut count) = (own, 0);
    for (from, to) in aligned(&parent.layers, &heir.layers) {
        for (from, to) in from.parts.iter().zip(&to.parts) {
            let (source, target) = match from.what {
                What::Parameter(_) => (&bequest.weights.parameters, &mut weights.parameters),
                What::Statistic { .. } => (&bequest.weights.statistics, &mut weights.statistics),
            };
            target[to.range.clone()].copy_from_slice(&source[from.range.clone()]);
            count += to.range.len();
        }
    }
    Ok((weights, count))
}

/// What a tensor is, whatever its layer's place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Parameter(Role),
    Statistic { is_variance: bool },
}

/// A tensor of a layer, and where its values lie.
#[derive(Clone, Debug)]
struct Part {
    what: What,
    /// Which view's copy, and which part of a module.
    place: (Option<usize>, &'static str),
    shape: Vec<usize>,
    range: Range<usize>,
}

/// A layer as heirs see it.
#[derive(Clone, Debug)]
struct Layer<'a> {
    /// `None` for the head.
    gene: Option<&'a LayerGene>,
    parts: Vec<Part>,
}

impl Layer<'_> {
    fn is_like(&self, other: &Self) -> bool {
        let same = |one: &Part, other: &Part| {
            one.what == other.what && one.place == other.place && one.shape == other.shape
        };
        self.gene == other.gene
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(one, other)| same(one, other))
    }

    fn values(&self) -> usize {
        self.parts.iter().map(|part| part.range.len()).sum()
    }
}

/// All layers of a network, the head last.
struct Estate<'a> {
    layers: Vec<Layer<'a>>,
    layout: Layout,
}

impl<'a> Estate<'a> {
    fn of(genome: &'a Genome, problem: &Problem) -> Result<Self, NotViable> {
        let blueprint = blueprint(genome, problem)?;
        let layout = layout(genome, &blueprint);
        let genes = genome.layers.iter().map(Some).chain([None]);
        let mut layers: Vec<_> = genes.map(|gene| Layer { gene, parts: Vec::new() }).collect();
        let head = genome.layers.len();
        let mut add = |step: usize, what: What, shape: Vec<usize>, offset: usize| {
            let origin = blueprint.steps[step].origin;
            let range = offset..offset + shape.iter().product::<usize>();
            let part = Part { what, place: (origin.view, origin.part), shape, range };
            layers[origin.gene.unwrap_or(head)].parts.push(part);
        };
        for tensor in &layout.tensors {
            add(tensor.step, What::Parameter(tensor.role), tensor.shape.clone(), tensor.offset);
        }
        for statistic in &layout.statistic_tensors {
            let what = What::Statistic { is_variance: statistic.is_variance };
            add(statistic.step, what, vec![statistic.channels], statistic.offset);
        }
        Ok(Self { layers, layout })
    }

    fn check(&self, whose: &'static str, weights: &Weights) -> Result<(), InheritError> {
        let check = |what, given: usize, expected: usize| {
            let wrong = InheritError::Length { what, whose, given, expected };
            if given == expected { Ok(()) } else { Err(wrong) }
        };
        check("parameters", weights.parameters.len(), self.layout.parameters)?;
        check("statistics", weights.statistics.len(), self.layout.statistics)
    }
}

/// Pairs of equal layers, in order: a common subsequence with most values; of equals one with most layers, and of
/// those the one that pairs earliest. At most `LAYERS_MAX` squared pairs are looked at.
fn aligned<'a, 'g>(parent: &'a [Layer<'g>], child: &'a [Layer<'g>]) -> Vec<(&'a Layer<'g>, &'a Layer<'g>)> {
    // best[i][j]: values and layers of the best pairing of what follows from i in the parent and from j in the child.
    let mut best = vec![vec![(0, 0); child.len() + 1]; parent.len() + 1];
    let with = |(values, layers): (usize, usize), layer: &Layer<'_>| (values + layer.values(), layers + 1);
    for i in (0..parent.len()).rev() {
        for j in (0..child.len()).rev() {
            let apart = best[i + 1][j].max(best[i][j + 1]);
            let paired = parent[i].is_like(&child[j]).then(|| with(best[i + 1][j + 1], &parent[i]));
            best[i][j] = paired.map_or(apart, |paired| paired.max(apart));
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < parent.len() && j < child.len() {
        if parent[i].is_like(&child[j]) && best[i][j] == with(best[i + 1][j + 1], &parent[i]) {
            pairs.push((&parent[i], &child[j]));
            (i, j) = (i + 1, j + 1);
        } else if best[i][j] == best[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests;
