//! The three graphs of a genome: training step, evaluation, inference. Inputs and outputs are found by name.

mod encoding;
mod intake;
mod standard;
#[cfg(test)]
mod tests;

pub use intake::Feed;

use super::{
    Blueprint, Layout, NotViable, Shape, Weights, blueprint, layout,
    wiring::{self, Mode, Tensors, Wired},
};
use crate::{
    data::Normalisation,
    genome::Genome,
    graph::{
        Fact, Graph, GraphError, Outlet,
        gradient::gradients,
        operators::{
            arithmetic::Multiply,
            loss::{
                Correct, MeanSquaredError, PredictedCounts, SampleCrossEntropy, SampleSquaredError, Softmax,
                SoftmaxCrossEntropy, TargetSquaredErrors,
            },
            reduce::ReduceSum,
            shape::Concat,
            source::Filled,
        },
        optimizer::{Rule, update},
    },
    problem::{Problem, Task},
};
use intake::Intake;

/// A graph and what is needed to run it.
#[derive(Clone, Debug)]
pub struct Product {
    /// The graph.
    pub graph: Graph,
    /// Where each tensor lies in the flat vectors.
    pub layout: Layout,
    /// Samples of a run.
    pub batch: usize,
}

/// Why a graph cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExpressionError {
    /// The genome is no network.
    #[error(transparent)]
    NotViable(#[from] NotViable),
    /// The graph refuses: a defect of ours.
    #[error("the graph of {genome} could not be wired")]
    Graph {
        /// The genome in a line.
        genome: String,
        /// What the graph says.
        source: GraphError,
    },
    /// Normalisation, parameters or statistics of another network or data set.
    #[error("{given} {what} were given, the network has {expected}")]
    Length {
        /// What was given.
        what: &'static str,
        /// How many.
        given: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A batch or a data set without samples.
    #[error("a batch of {batch} of {count} samples cannot be run; neither may be 0")]
    Empty {
        /// Samples of a run.
        batch: usize,
        /// Samples in all.
        count: usize,
    },
}

/// The training-step graph. Its batch is the genome's.
///
/// Inputs: `samples` `[count, C, H, W]` (tables `[count, columns]`), raw; `targets` i64 `[count]` or f32 `[count, T]`, raw;
/// `index` i64 `[B]`; `learning_rate` f32, `step` i64 (from 1) and `seed` i64, scalars; `parameters` f32 `[P]`;
/// `moment_1`, `moment_2` f32 `[P]` (as many as the optimizer has); `statistics` f32 `[S]` (where S > 0).
/// Outputs: `loss` f32 scalar, and `next_parameters`, `next_moment_1`, .., `next_statistics`.
///
/// # Errors
/// Where the genome is not viable, or the normalisation belongs to other data.
pub fn training_step(
    genome: &Genome,
    problem: &Problem,
    feed: &Feed,
    normalisation: &Normalisation,
) -> Result<Product, ExpressionError> {
    let batch = genome.training.batch_size as usize;
    let plan = Plan::new(genome, problem, normalisation)?;
    check_batch(batch, feed)?;
    let mut graph = Graph::new();
    plan.training_step(&mut graph, feed, batch).map_err(|source| plan.graph_error(source))?;
    Ok(Product { graph, layout: plan.layout, batch })
}

/// The evaluation graph for batches of `batch` samples.
///
/// Inputs: `samples`, `targets`, `index`, `parameters` and `statistics` as the training step's, and `weight` f32 `[B]`
/// (0 for samples that only fill up the batch). Outputs: `loss_sum` f32 scalar, sum over samples of the cross-entropy
/// or of the squared error (mean over standardised targets); for classification also `correct` f32 scalar, and
/// `counts` f32 `[K]`, how often each class is predicted; for regression of several targets also `squares` f32 `[T]`, the
/// sum over samples of each standardised target's squared error.
///
/// # Errors
/// Where the genome is not viable, or the normalisation belongs to other data.
pub fn evaluation(
    genome: &Genome,
    problem: &Problem,
    feed: &Feed,
    normalisation: &Normalisation,
    batch: usize,
) -> Result<Product, ExpressionError> {
    let plan = Plan::new(genome, problem, normalisation)?;
    check_batch(batch, feed)?;
    let mut graph = Graph::new();
    plan.evaluation(&mut graph, feed, batch).map_err(|source| plan.graph_error(source))?;
    Ok(Product { graph, layout: plan.layout, batch })
}

/// The inference graph, with the weights inside.
///
/// Input: `input` f32 `[batch, C, H, W]` (tables `[batch, columns]`), raw: of tables numbers, NaN where one is missing,
/// and codes of categories, where every number that is no code is no category. Outputs: classification `logits` and
/// `probabilities` `[batch, K]`; regression `prediction` `[batch, T]` in the targets' own units.
///
/// # Errors
/// Where the genome is not viable, or weights or normalisation belong to another network.
pub fn inference(
    genome: &Genome,
    problem: &Problem,
    normalisation: &Normalisation,
    weights: &Weights,
) -> Result<Product, ExpressionError> {
    let plan = Plan::new(genome, problem, normalisation)?;
    check_length("parameters", weights.parameters.len(), plan.layout.parameters)?;
    check_length("statistics", weights.statistics.len(), plan.layout.statistics)?;
    let mut graph = Graph::new();
    plan.inference(&mut graph, weights).map_err(|source| plan.graph_error(source))?;
    Ok(Product { graph, layout: plan.layout, batch: 1 })
}

fn check_length(what: &'static str, given: usize, expected: usize) -> Result<(), ExpressionError> {
    if given == expected { Ok(()) } else { Err(ExpressionError::Length { what, given, expected }) }
}

fn check_batch(batch: usize, feed: &Feed) -> Result<(), ExpressionError> {
    let count = feed.count;
    if batch == 0 || count == 0 { Err(ExpressionError::Empty { batch, count }) } else { Ok(()) }
}

/// All that the three products have in common.
struct Plan<'a> {
    genome: &'a Genome,
    intake: Intake<'a>,
    blueprint: Blueprint,
    layout: Layout,
}

impl<'a> Plan<'a> {
    fn new(
        genome: &'a Genome,
        problem: &'a Problem,
        normalisation: &'a Normalisation,
    ) -> Result<Self, ExpressionError> {
        let blueprint = blueprint(genome, problem)?;
        let layout = layout(genome, &blueprint);
        let channels = match &normalisation.encoding {
            Some(encoding) => {
                check_length("encoded features", encoding.features(), problem.channels as usize)?;
                encoding.numbers.len()
            }
            None => problem.channels as usize,
        };
        check_length("channel means", normalisation.mean.len(), channels)?;
        check_length("channel deviations", normalisation.deviation.len(), channels)?;
        if let Task::Regression { targets } = problem.task {
            check_length("target means", normalisation.target_mean.len(), targets as usize)?;
            check_length("target deviations", normalisation.target_deviation.len(), targets as usize)?;
        }
        Ok(Self { genome, intake: Intake { problem, normalisation }, blueprint, layout })
    }

    /// Shape of one sample, raw.
    fn sample(&self) -> Shape {
        let encoding = self.intake.normalisation.encoding.as_ref();
        encoding.map_or(self.blueprint.steps[0].shape, |encoding| Shape::Flat(encoding.columns))
    }

    fn graph_error(&self, source: GraphError) -> ExpressionError {
        ExpressionError::Graph { genome: self.genome.to_string(), source }
    }

    fn training_step(&self, graph: &mut Graph, feed: &Feed, batch: usize) -> Result<(), GraphError> {
        let genes = &self.genome.training;
        let (samples, targets, index) = self.intake.resident(graph, feed, self.sample(), batch);
        let learning_rate = graph.input("learning_rate", Fact::f32(&[]));
        let step = graph.input("step", Fact::i64(&[]));
        let seed = graph.input("seed", Fact::i64(&[]));
        let (parameters, statistics) = self.state(graph);
        let moments: Vec<Outlet> = (1..=self.layout.moments)
            .map(|number| graph.input(format!("moment_{number}"), Fact::f32(&[self.layout.parameters])))
            .collect();
        let batch = self.intake.batch(graph, samples, targets, index, Some((genes, seed)))?;
        let tensors = wiring::split(graph, &self.layout, parameters, statistics)?;
        let wired = wiring::wire(graph, &self.blueprint, &tensors, batch.input, Mode::Training { seed })?;
        let loss = self.loss(graph, wired.output(), batch.targets)?;
        let gradient = self.gradient(graph, loss, parameters)?;
        let updated = update(graph, &self.rule(), parameters, gradient, &moments, learning_rate, step)?;
        graph.output("loss", loss);
        graph.output("next_parameters", updated.parameters);
        for (number, moment) in (1..).zip(updated.moments) {
            graph.output(format!("next_moment_{number}"), moment);
        }
        if statistics.is_some() {
            let next = graph.add(Concat { axis: 0 }, &wired.next_statistics)?;
            graph.output("next_statistics", next);
        }
        Ok(())
    }

    fn evaluation(&self, graph: &mut Graph, feed: &Feed, batch: usize) -> Result<(), GraphError> {
        let (samples, targets, index) = self.intake.resident(graph, feed, self.sample(), batch);
        let weight = graph.input("weight", Fact::f32(&[batch]));
        let (parameters, statistics) = self.state(graph);
        let batch = self.intake.batch(graph, samples, targets, index, None)?;
        let tensors = wiring::split(graph, &self.layout, parameters, statistics)?;
        let output = self.wire(graph, &tensors, batch.input)?.output();
        let losses = match self.intake.problem.task {
            Task::Classification { .. } => {
                let correct = graph.add(Correct, &[output, batch.targets])?;
                let correct = weighted_sum(graph, correct, weight)?;
                graph.output("correct", correct);
                let counts = graph.add(PredictedCounts, &[output, weight])?;
                graph.output("counts", counts);
                graph.add(SampleCrossEntropy, &[output, batch.targets])?
            }
            Task::Regression { targets } => {
                if targets > 1 {
                    let squares = graph.add(TargetSquaredErrors, &[output, batch.targets, weight])?;
                    graph.output("squares", squares);
                }
                graph.add(SampleSquaredError, &[output, batch.targets])?
            }
        };
        let loss = weighted_sum(graph, losses, weight)?;
        graph.output("loss_sum", loss);
        Ok(())
    }

    fn inference(&self, graph: &mut Graph, weights: &Weights) -> Result<(), GraphError> {
        let shape = self.sample().batched(1);
        let input = graph.input("input", Fact::f32(&shape));
        let input = self.intake.normalise(graph, input)?;
        let tensors = wiring::fixed(graph, &self.layout, weights)?;
        let output = self.wire(graph, &tensors, input)?.output();
        match self.intake.problem.task {
            Task::Classification { .. } => {
                graph.output("logits", output);
                let probabilities = graph.add(Softmax, &[output])?;
                graph.output("probabilities", probabilities);
            }
            Task::Regression { .. } => {
                let prediction = self.intake.in_units_of_targets(graph, output)?;
                graph.output("prediction", prediction);
            }
        }
        Ok(())
    }

    fn wire(&self, graph: &mut Graph, tensors: &Tensors, input: Outlet) -> Result<Wired, GraphError> {
        wiring::wire(graph, &self.blueprint, tensors, input, Mode::Inference)
    }

    fn state(&self, graph: &mut Graph) -> (Outlet, Option<Outlet>) {
        let parameters = graph.input("parameters", Fact::f32(&[self.layout.parameters]));
        let statistics = (self.layout.statistics > 0)
            .then(|| graph.input("statistics", Fact::f32(&[self.layout.statistics])));
        (parameters, statistics)
    }

    fn loss(&self, graph: &mut Graph, output: Outlet, targets: Outlet) -> Result<Outlet, GraphError> {
        match self.intake.problem.task {
            Task::Classification { .. } => {
                let label_smoothing = self.genome.training.label_smoothing as f32;
                graph.add(SoftmaxCrossEntropy { label_smoothing }, &[output, targets])
            }
            Task::Regression { .. } => graph.add(MeanSquaredError, &[output, targets]),
        }
    }

    /// The loss's gradient as one vector: what the split at the top took apart, its gradient puts together.
    fn gradient(&self, graph: &mut Graph, loss: Outlet, parameters: Outlet) -> Result<Outlet, GraphError> {
        match gradients(graph, loss, &[parameters])?.into_iter().flatten().next() {
            Some(gradient) => Ok(gradient),
            None => graph.add(Filled { shape: vec![self.layout.parameters], value: 0.0 }, &[]),
        }
    }

    fn rule(&self) -> Rule {
        let genes = &self.genome.training;
        Rule {
            optimizer: genes.optimizer,
            momentum: genes.momentum as f32,
            weight_decay: genes.weight_decay as f32,
            gradient_clip: genes.gradient_clip as f32,
            decayed: self.layout.decayed,
        }
    }
}

fn weighted_sum(graph: &mut Graph, values: Outlet, weight: Outlet) -> Result<Outlet, GraphError> {
    let weighted = graph.add(Multiply, &[values, weight])?;
    graph.add(ReduceSum { axes: vec![0], keep: false }, &[weighted])
}
