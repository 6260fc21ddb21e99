//! What happens to samples and targets on their way into a network, and to predictions on their way out. Rows of tables
//! with text or missing values are `encoding`'s.
//!
//! It must not know the network in between.

use super::{encoding::encode, standard::standardise};
use crate::{
    data::Normalisation,
    expression::Shape,
    genome::TrainingGenes,
    graph::{
        ElementType, Fact, Graph, GraphError, Outlet,
        operators::{
            arithmetic::{Add, Multiply},
            augment::{Flip, Shift},
            cast::ToFloat,
            gather::GatherRows,
            source::Constant,
        },
    },
    problem::{Problem, Task},
};

/// The resident data set, as graphs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Element type of the raw samples: `U8` or `F32`.
    pub element: ElementType,
    /// Number of resident samples.
    pub count: usize,
}

/// A batch of samples with what belongs to it.
pub(super) struct Batch {
    /// Normalised samples, as the network sees them.
    pub input: Outlet,
    /// Labels, or standardised targets.
    pub targets: Outlet,
}

/// A problem's samples, and how they are normalised.
pub(super) struct Intake<'a> {
    pub problem: &'a Problem,
    pub normalisation: &'a Normalisation,
}

impl Intake<'_> {
    /// Inputs that hold the data set, and which samples of it are meant.
    pub fn resident(
        &self,
        graph: &mut Graph,
        feed: &Feed,
        sample: Shape,
        batch: usize,
    ) -> (Outlet, Outlet, Outlet) {
        let shape = sample.batched(feed.count);
        let samples = graph.input("samples", Fact { element: feed.element, shape });
        let targets = match self.problem.task {
            Task::Classification { .. } => Fact::i64(&[feed.count]),
            Task::Regression { targets } => Fact::f32(&[feed.count, targets as usize]),
        };
        let targets = graph.input("targets", targets);
        (samples, targets, graph.input("index", Fact::i64(&[batch])))
    }

    /// Picks a batch; while training, augments it. Zeros that a shift lets in are raw zeros, as the edges of most
    /// images are.
    pub fn batch(
        &self,
        graph: &mut Graph,
        samples: Outlet,
        targets: Outlet,
        index: Outlet,
        augmentation: Option<(&TrainingGenes, Outlet)>,
    ) -> Result<Batch, GraphError> {
        let picked = graph.add(GatherRows, &[samples, index])?;
        let mut raw = graph.add(ToFloat, &[picked])?;
        if let (Some((genes, seed)), false) = (augmentation, self.problem.is_table()) {
            if genes.shift > 0 {
                raw = graph.add(Shift { pixels: genes.shift as usize }, &[raw, seed])?;
            }
            if genes.flip {
                raw = graph.add(Flip, &[raw, seed])?;
            }
        }
        let input = self.normalise(graph, raw)?;
        let targets = graph.add(GatherRows, &[targets, index])?;
        let targets = match self.problem.task {
            Task::Classification { .. } => targets,
            Task::Regression { .. } => {
                let Normalisation { target_mean, target_deviation, .. } = self.normalisation;
                standardise(graph, targets, target_mean, target_deviation, &[target_mean.len()])?
            }
        };
        Ok(Batch { input, targets })
    }

    /// Samples with mean 0 and deviation 1 in each channel; rows of some tables encoded as well.
    pub fn normalise(&self, graph: &mut Graph, raw: Outlet) -> Result<Outlet, GraphError> {
        let Normalisation { mean, deviation, encoding, .. } = self.normalisation;
        if let Some(encoding) = encoding {
            return encode(graph, raw, encoding, (mean, deviation));
        }
        let shape: &[usize] = if self.problem.is_table() { &[mean.len()] } else { &[mean.len(), 1, 1] };
        standardise(graph, raw, mean, deviation, shape)
    }

    /// What a network puts out for standardised targets, in the targets' own units.
    pub fn in_units_of_targets(&self, graph: &mut Graph, output: Outlet) -> Result<Outlet, GraphError> {
        let Normalisation { target_mean, target_deviation, .. } = self.normalisation;
        let deviation = graph.add(Constant::vector(target_deviation.clone()), &[])?;
        let mean = graph.add(Constant::vector(target_mean.clone()), &[])?;
        let scaled = graph.add(Multiply, &[output, deviation])?;
        graph.add(Add, &[scaled, mean])
    }
}
