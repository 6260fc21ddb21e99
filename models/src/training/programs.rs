//! From an assignment to the models that the loop runs: expression, encoding, initial state.

use super::{
    assignment::Assignment,
    memory::peak_bytes,
    outcome::{Outcome, Weights},
    resident::Resident,
    runtime::{Runtime, StateVector},
    sampler::clamp_batch,
    watch::End,
};
use crate::{
    data::Normalisation,
    expression::{self, Feed, Layout, Product},
    genome::Genome,
    onnx::{EncodeOptions, encode},
    problem::Problem,
};

/// Samples of an evaluation's batch, at most: as many as keep matrix products busy, few enough for the cache.
const EVALUATION_BATCH_MAX: usize = 128;

/// The model of a training's steps and the state that it begins with.
#[derive(Debug)]
pub(super) struct Programs {
    /// Training-step model.
    pub step: Vec<u8>,
    /// State before the first step.
    pub state: Vec<StateVector>,
    /// Samples of a step.
    pub batch: usize,
    /// Memory that a step needs beside the data set, in bytes.
    pub memory_bytes: u64,
}

impl Programs {
    /// Builds the model of an assignment.
    pub fn of(runtime: &Runtime, resident: &Resident, assignment: &Assignment<'_>) -> Result<Self, End> {
        let product = step_product(resident, assignment)?;
        let memory_bytes = step_memory_bytes(&product, resident);
        Ok(Self {
            step: encode(&product.graph, runtime.provider(), &options(runtime, "training step")),
            state: initial_state(&product.layout, assignment, &resident.dataset().problem),
            batch: product.batch,
            memory_bytes,
        })
    }
}

/// The training-step graph of an assignment, with no larger a batch than there are samples.
pub(super) fn step_product(resident: &Resident, assignment: &Assignment<'_>) -> Result<Product, End> {
    let mut genome = assignment.genome.clone();
    let batch = clamp_batch(genome.training.batch_size as usize, assignment.train.len());
    genome.training.batch_size = batch as u32;
    let dataset = resident.dataset();
    expression::training_step(&genome, &dataset.problem, &feed(resident), assignment.normalisation)
        .map_err(|error| End::new(Outcome::Crashed, error.to_string()))
}

/// The state's second buffer set comes on top of what the graph itself holds.
fn step_memory_bytes(product: &Product, resident: &Resident) -> u64 {
    let layout = &product.layout;
    let state = layout.parameters * (1 + layout.moments) + layout.statistics;
    peak_bytes(&product.graph).saturating_sub(resident.bytes()) + 4 * state as u64
}

/// The state before the first step.
pub(super) fn initial_state(
    layout: &Layout,
    assignment: &Assignment<'_>,
    problem: &Problem,
) -> Vec<StateVector> {
    let weights = initial_weights(layout, assignment, problem);
    let moments = (1..=layout.moments)
        .map(|number| StateVector { name: format!("moment_{number}"), values: vec![0.0; layout.parameters] });
    weight_vectors(weights).into_iter().chain(moments).collect()
}

/// Drawn from the seed; where there is a parent, its weights in place of them as far as they fit.
fn initial_weights(layout: &Layout, assignment: &Assignment<'_>, problem: &Problem) -> Weights {
    let initializer = assignment.genome.training.initializer;
    let own = Weights {
        parameters: expression::initial_parameters(layout, initializer, assignment.seed),
        statistics: expression::initial_statistics(layout),
    };
    let Some(bequest) = &assignment.inherit else { return own };
    match expression::inherit(bequest, assignment.genome, problem, own.clone()) {
        Ok((weights, _)) => weights,
        Err(error) => {
            tracing::warn!("the training begins with weights of its own: {error}");
            own
        }
    }
}

/// Weights as the graphs' inputs name them.
pub(super) fn weight_vectors(weights: Weights) -> Vec<StateVector> {
    let parameters = StateVector { name: "parameters".to_owned(), values: weights.parameters };
    let statistics = StateVector { name: "statistics".to_owned(), values: weights.statistics };
    [parameters, statistics].into_iter().filter(|vector| !vector.values.is_empty()).collect()
}

/// An evaluation model and its sizes.
#[derive(Debug)]
pub(super) struct EvaluationProgram {
    /// The model.
    pub model: Vec<u8>,
    /// Samples of a batch.
    pub batch: usize,
    /// Number of classes, or of targets.
    pub outputs: usize,
}

impl EvaluationProgram {
    /// The evaluation model of a genome, for `samples` samples in batches.
    pub fn of(
        runtime: &Runtime,
        resident: &Resident,
        genome: &Genome,
        normalisation: &Normalisation,
        samples: usize,
    ) -> Result<Self, End> {
        let batch = clamp_batch(EVALUATION_BATCH_MAX, samples);
        let problem = &resident.dataset().problem;
        let product = expression::evaluation(genome, problem, &feed(resident), normalisation, batch)
            .map_err(|error| End::new(Outcome::Crashed, error.to_string()))?;
        let outputs = problem.task.outputs() as usize;
        let model = encode(&product.graph, runtime.provider(), &options(runtime, "evaluation"));
        Ok(Self { model, batch, outputs })
    }
}

/// What our own sessions run may have our own kernels in it.
pub(super) fn options(runtime: &Runtime, name: &str) -> EncodeOptions {
    EncodeOptions { kernels: runtime.has_kernels(), ..EncodeOptions::named(name) }
}

fn feed(resident: &Resident) -> Feed {
    Feed { element: resident.element(), count: resident.dataset().count }
}
