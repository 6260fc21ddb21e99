//! The three graphs of a genome: training step, evaluation, inference. Inputs and outputs are found by name.

use super::{
    Blueprint, Layout, NotViable, Weights, blueprint, layout,
    wiring::{self, Mode, Tensors, Wired},
};
use crate::{
    data::Normalisation,
    genome::{Genome, TrainingGenes},
    graph::{
        ElementType, Fact, Graph, GraphError, Outlet,
        gradient::gradients,
        operators::{
            arithmetic::{Add, Multiply, Subtract},
            augment::{Flip, Shift},
            cast::ToFloat,
            gather::GatherRows,
            loss::{
                Correct, MeanSquaredError, PredictedCounts, SampleCrossEntropy, SampleSquaredError, Softmax,
                SoftmaxCrossEntropy,
            },
            reduce::ReduceSum,
            shape::Concat,
            source::{Constant, Filled},
        },
        optimizer::{Rule, update},
    },
    problem::{Problem, Task},
};
use std::sync::Arc;

/// The resident data set, as graphs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Element type of the raw samples: `U8` or `F32`.
    pub element: ElementType,
    /// Number of resident samples.
    pub count: usize,
}

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
/// Inputs: `samples` `[count, C, H, W]` (tables `[count, F]`), raw; `targets` i64 `[count]` or f32 `[count, T]`, raw;
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
/// `counts` f32 `[K]`, how often each class is predicted.
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
/// Input: `input` f32 `[batch, C, H, W]` (tables `[batch, F]`), raw. Outputs: classification `logits` and
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
    problem: &'a Problem,
    normalisation: &'a Normalisation,
    blueprint: Blueprint,
    layout: Layout,
}

/// A batch of samples with what belongs to it.
struct Batch {
    /// Normalised samples.
    input: Outlet,
    /// Labels, or standardised targets.
    targets: Outlet,
}

impl<'a> Plan<'a> {
    fn new(
        genome: &'a Genome,
        problem: &'a Problem,
        normalisation: &'a Normalisation,
    ) -> Result<Self, ExpressionError> {
        let blueprint = blueprint(genome, problem)?;
        let layout = layout(genome, &blueprint);
        let channels = problem.channels as usize;
        check_length("channel means", normalisation.mean.len(), channels)?;
        check_length("channel deviations", normalisation.deviation.len(), channels)?;
        if let Task::Regression { targets } = problem.task {
            check_length("target means", normalisation.target_mean.len(), targets as usize)?;
            check_length("target deviations", normalisation.target_deviation.len(), targets as usize)?;
        }
        Ok(Self { genome, problem, normalisation, blueprint, layout })
    }

    fn graph_error(&self, source: GraphError) -> ExpressionError {
        ExpressionError::Graph { genome: self.genome.to_string(), source }
    }

    fn training_step(&self, graph: &mut Graph, feed: &Feed, batch: usize) -> Result<(), GraphError> {
        let genes = &self.genome.training;
        let (samples, targets, index) = self.resident(graph, feed, batch);
        let learning_rate = graph.input("learning_rate", Fact::f32(&[]));
        let step = graph.input("step", Fact::i64(&[]));
        let seed = graph.input("seed", Fact::i64(&[]));
        let (parameters, statistics) = self.state(graph);
        let moments: Vec<Outlet> = (1..=self.layout.moments)
            .map(|number| graph.input(format!("moment_{number}"), Fact::f32(&[self.layout.parameters])))
            .collect();
        let batch = self.batch(graph, samples, targets, index, Some((genes, seed)))?;
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
        let (samples, targets, index) = self.resident(graph, feed, batch);
        let weight = graph.input("weight", Fact::f32(&[batch]));
        let (parameters, statistics) = self.state(graph);
        let batch = self.batch(graph, samples, targets, index, None)?;
        let tensors = wiring::split(graph, &self.layout, parameters, statistics)?;
        let output = self.wire(graph, &tensors, batch.input)?.output();
        let losses = match self.problem.task {
            Task::Classification { .. } => {
                let correct = graph.add(Correct, &[output, batch.targets])?;
                let correct = weighted_sum(graph, correct, weight)?;
                graph.output("correct", correct);
                let counts = graph.add(PredictedCounts, &[output, weight])?;
                graph.output("counts", counts);
                graph.add(SampleCrossEntropy, &[output, batch.targets])?
            }
            Task::Regression { .. } => graph.add(SampleSquaredError, &[output, batch.targets])?,
        };
        let loss = weighted_sum(graph, losses, weight)?;
        graph.output("loss_sum", loss);
        Ok(())
    }

    fn inference(&self, graph: &mut Graph, weights: &Weights) -> Result<(), GraphError> {
        let shape = self.blueprint.steps[0].shape.batched(1);
        let input = graph.input("input", Fact::f32(&shape));
        let input = self.normalise(graph, input)?;
        let tensors = wiring::fixed(graph, &self.layout, weights)?;
        let output = self.wire(graph, &tensors, input)?.output();
        match self.problem.task {
            Task::Classification { .. } => {
                graph.output("logits", output);
                let probabilities = graph.add(Softmax, &[output])?;
                graph.output("probabilities", probabilities);
            }
            Task::Regression { .. } => {
                let deviation =
                    graph.add(Constant::vector(self.normalisation.target_deviation.clone()), &[])?;
                let mean = graph.add(Constant::vector(self.normalisation.target_mean.clone()), &[])?;
                let scaled = graph.add(Multiply, &[output, deviation])?;
                let prediction = graph.add(Add, &[scaled, mean])?;
                graph.output("prediction", prediction);
            }
        }
        Ok(())
    }

    fn wire(&self, graph: &mut Graph, tensors: &Tensors, input: Outlet) -> Result<Wired, GraphError> {
        wiring::wire(graph, &self.blueprint, tensors, input, Mode::Inference)
    }

    /// Inputs that hold the data set, and which samples of it are meant.
    fn resident(&self, graph: &mut Graph, feed: &Feed, batch: usize) -> (Outlet, Outlet, Outlet) {
        let shape = self.blueprint.steps[0].shape.batched(feed.count);
        let samples = graph.input("samples", Fact { element: feed.element, shape });
        let targets = match self.problem.task {
            Task::Classification { .. } => Fact::i64(&[feed.count]),
            Task::Regression { targets } => Fact::f32(&[feed.count, targets as usize]),
        };
        let targets = graph.input("targets", targets);
        (samples, targets, graph.input("index", Fact::i64(&[batch])))
    }

    fn state(&self, graph: &mut Graph) -> (Outlet, Option<Outlet>) {
        let parameters = graph.input("parameters", Fact::f32(&[self.layout.parameters]));
        let statistics = (self.layout.statistics > 0)
            .then(|| graph.input("statistics", Fact::f32(&[self.layout.statistics])));
        (parameters, statistics)
    }

    /// Picks a batch; while training, augments it. Zeros that a shift lets in are raw zeros, as the edges of most
    /// images are.
    fn batch(
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

    fn normalise(&self, graph: &mut Graph, raw: Outlet) -> Result<Outlet, GraphError> {
        let Normalisation { mean, deviation, .. } = self.normalisation;
        let shape: &[usize] = if self.problem.is_table() { &[mean.len()] } else { &[mean.len(), 1, 1] };
        standardise(graph, raw, mean, deviation, shape)
    }

    fn loss(&self, graph: &mut Graph, output: Outlet, targets: Outlet) -> Result<Outlet, GraphError> {
        match self.problem.task {
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

/// (values - mean) / deviation, with one mean and deviation for each position along the axis that `shape` has.
fn standardise(
    graph: &mut Graph,
    values: Outlet,
    mean: &[f32],
    deviation: &[f32],
    shape: &[usize],
) -> Result<Outlet, GraphError> {
    let mut constant =
        |numbers: Vec<f32>| graph.add(Constant { shape: shape.to_vec(), values: Arc::new(numbers) }, &[]);
    let mean = constant(mean.to_vec())?;
    let inverse = constant(deviation.iter().map(|&deviation| 1.0 / deviation).collect())?;
    let centred = graph.add(Subtract, &[values, mean])?;
    graph.add(Multiply, &[centred, inverse])
}

fn weighted_sum(graph: &mut Graph, values: Outlet, weight: Outlet) -> Result<Outlet, GraphError> {
    let weighted = graph.add(Multiply, &[values, weight])?;
    graph.add(ReduceSum { axes: vec![0], keep: false }, &[weighted])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{estimate, initial_parameters, initial_statistics, suite};

    fn normalisation(problem: &Problem) -> Normalisation {
        let (channels, targets) = (problem.channels as usize, problem.task.outputs() as usize);
        let targets = if matches!(problem.task, Task::Regression { .. }) { targets } else { 0 };
        Normalisation {
            mean: vec![0.5; channels],
            deviation: vec![0.25; channels],
            target_mean: vec![3.0; targets],
            target_deviation: vec![2.0; targets],
        }
    }

    const FEED: Feed = Feed { element: ElementType::U8, count: 500 };

    fn names(graph: &Graph) -> (Vec<String>, Vec<String>) {
        let inputs = graph.inputs().iter().map(|(name, _)| (*name).to_owned()).collect();
        (inputs, graph.outputs().iter().map(|(name, _)| name.clone()).collect())
    }

    #[test]
    fn wired_steps_have_the_shapes_of_the_blueprint_and_its_cost() {
        for network in suite::networks() {
            let plan = normalisation(&network.problem);
            let plan = Plan::new(&network.genome, &network.problem, &plan).unwrap();
            let batch = 3;
            let mut graph = Graph::new();
            let input = graph.input("input", Fact::f32(&plan.blueprint.steps[0].shape.batched(batch)));
            let (parameters, statistics) = plan.state(&mut graph);
            let tensors = wiring::split(&mut graph, &plan.layout, parameters, statistics).unwrap();
            let seed = graph.input("seed", Fact::i64(&[]));
            let mode = Mode::Training { seed };
            let wired = wiring::wire(&mut graph, &plan.blueprint, &tensors, input, mode).unwrap();
            for (step, outlet) in plan.blueprint.steps.iter().zip(&wired.steps) {
                assert_eq!(graph.shape(*outlet), step.shape.batched(batch), "{}: {step:?}", network.name);
            }
            let expected = estimate(&network.genome, &plan.blueprint).multiply_adds * batch as u64;
            assert_eq!(graph.cost().multiply_adds, expected, "{}", network.name);
        }
    }

    #[test]
    fn a_training_step_hands_on_what_it_takes() {
        for network in suite::networks() {
            let normalisation = normalisation(&network.problem);
            let product = training_step(&network.genome, &network.problem, &FEED, &normalisation).unwrap();
            assert_eq!(product.batch, network.genome.training.batch_size as usize);
            let (graph, inputs) = (&product.graph, product.graph.inputs());
            let input =
                |name: &str| inputs.iter().find(|(known, _)| *known == name).map(|(_, outlet)| *outlet);
            let outputs: Vec<&(String, Outlet)> = graph.outputs().iter().collect();
            assert_eq!(graph.shape(outputs[0].1), [0; 0], "{}: the loss is a scalar", network.name);
            let mut handed_on = 0;
            for (name, outlet) in outputs {
                if let Some(state) = name.strip_prefix("next_") {
                    assert_eq!(graph.fact(input(state).unwrap()), graph.fact(*outlet), "{name}");
                    handed_on += 1;
                }
            }
            assert_eq!(handed_on, 1 + product.layout.moments + usize::from(product.layout.statistics > 0));
        }
    }

    #[test]
    fn inputs_and_outputs_have_their_names() {
        let network = suite::networks().into_iter().find(|network| network.name == "residual").unwrap();
        let normalisation = normalisation(&network.problem);
        let (genome, problem) = (&network.genome, &network.problem);
        let (inputs, outputs) = names(&training_step(genome, problem, &FEED, &normalisation).unwrap().graph);
        let expected = "samples targets index learning_rate step seed parameters statistics moment_1";
        assert_eq!(inputs.join(" "), expected);
        assert_eq!(outputs.join(" "), "loss next_parameters next_moment_1 next_statistics");
        let evaluated = evaluation(genome, problem, &FEED, &normalisation, 100).unwrap();
        let (inputs, outputs) = names(&evaluated.graph);
        assert_eq!(inputs.join(" "), "samples targets index weight parameters statistics");
        assert_eq!(outputs.join(" "), "correct counts loss_sum");
        let layout = evaluated.layout;
        let weights = Weights {
            parameters: initial_parameters(&layout, genome.training.initializer, 1),
            statistics: initial_statistics(&layout),
        };
        let product = inference(genome, problem, &normalisation, &weights).unwrap();
        assert_eq!(
            names(&product.graph),
            (vec!["input".into()], vec!["logits".into(), "probabilities".into()])
        );
    }

    #[test]
    fn regression_predicts_in_the_targets_units() {
        let network = suite::networks().into_iter().find(|network| network.name == "mlp").unwrap();
        let problem = Problem { task: Task::Regression { targets: 2 }, ..network.problem };
        let normalisation = normalisation(&problem);
        let evaluated = evaluation(&network.genome, &problem, &FEED, &normalisation, 50).unwrap();
        assert_eq!(names(&evaluated.graph).1, ["loss_sum"]);
        let parameters = initial_parameters(&evaluated.layout, network.genome.training.initializer, 1);
        let weights = Weights { parameters, statistics: Vec::new() };
        let product = inference(&network.genome, &problem, &normalisation, &weights).unwrap();
        assert_eq!(names(&product.graph).1, ["prediction"]);
        assert!(training_step(&network.genome, &problem, &FEED, &normalisation).is_ok());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let network = suite::networks().into_iter().find(|network| network.name == "digits").unwrap();
        let (genome, problem) = (&network.genome, &network.problem);
        let normalisation = normalisation(problem);
        let other = Normalisation { mean: vec![0.0; 3], ..normalisation.clone() };
        let message = training_step(genome, problem, &FEED, &other).unwrap_err().to_string();
        assert_eq!(message, "3 channel means were given, the network has 1");
        let weights = Weights { parameters: vec![0.0; 7], statistics: Vec::new() };
        let message = inference(genome, problem, &normalisation, &weights).unwrap_err().to_string();
        assert!(message.starts_with("7 parameters were given"), "{message}");
        let empty = Feed { count: 0, ..FEED };
        assert!(evaluation(genome, problem, &empty, &normalisation, 10).is_err());
    }
}
