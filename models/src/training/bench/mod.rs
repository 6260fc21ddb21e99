//! Times training steps of given networks, to be compared with other programs on the same networks.
//!
//! It measures one network at a time and returns figures; it must not print.

mod agreement;
mod suite;

pub use agreement::update_difference;
pub use suite::{Network, Suite, SuiteError};

use super::{
    Assignment, Resident,
    programs::{initial_state, options, step_product},
    runtime::{Runtime, RuntimeError, StepInputs, Stepper},
    watch::End,
};
use crate::{
    data::{Dataset, Normalisation, Samples, TableNotes, Targets},
    expression::{blueprint, estimate},
    onnx::encode,
    problem::{Problem, Task},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{sync::Arc, time::Instant};

/// Steps that are not timed: buffers are allocated and caches filled in the first ones.
const WARMUP_STEPS: usize = 5;
/// Steps that are timed at least, however long they take.
const TIMED_STEPS_MIN: usize = 5;
/// Steps that are timed at most.
const TIMED_STEPS_MAX: usize = 1_000_000;
/// Floating-point operations of a training step for each multiply-add of the forward pass.
const FLOP_PER_MULTIPLY_ADD: f64 = 6.0;
/// Seed of data and weights.
const SEED: u64 = 0;

/// One network's figures.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Row {
    /// Name in the suite.
    pub network: String,
    /// Always `hatchery`.
    pub mode: &'static str,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Threads of the session.
    pub threads: usize,
    /// Median time of a step: forward, backward, update.
    pub step_ms_median: f64,
    /// Fastest step.
    pub step_ms_min: f64,
    /// Batch divided by the median.
    pub samples_per_s: f64,
    /// Trainable parameters.
    pub parameters: usize,
    /// Multiply-adds of one sample's forward pass.
    pub multiply_adds: u64,
    /// Floating-point operations a second: six for each multiply-add of each sample, since each of the two gradients
    /// takes as many as the forward pass (the first layer's gradient with respect to the samples, which nobody needs,
    /// is counted too, so that networks compare as they usually do).
    pub flop_per_s: f64,
    /// From genome to where the first step can begin: graph, model, session, state on the device.
    pub build_ms: f64,
    /// The first step itself, in which the session also allocates its buffers.
    pub first_step_ms: f64,
    /// How far the first step is from that on a CPU in standard operators, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_difference: Option<f64>,
}

/// Why a network could not be timed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The suite's file is not usable.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// The network could not be built.
    #[error("network {network} cannot be built: {message}")]
    Build {
        /// Name in the suite.
        network: String,
        /// Why.
        message: String,
    },
    /// ONNX Runtime failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Times a network's training steps on random data for `seconds`.
///
/// # Errors
/// Where the network cannot be built or ONNX Runtime fails.
pub fn time(runtime: &Runtime, network: &Network, seconds: f64) -> Result<Row, BenchError> {
    let batch = network.genome.training.batch_size as usize;
    let resident = Resident::new(runtime, Arc::new(random_data(network.problem, batch)))?;
    let clock = Instant::now();
    let mut timed = Timed::prepare(runtime, network, &resident)?;
    let build_ms = 1e3 * clock.elapsed().as_secs_f64();
    timed.step()?;
    let first_step_ms = 1e3 * clock.elapsed().as_secs_f64() - build_ms;
    let step_ms = timed.run(seconds)?;
    let median = step_ms[step_ms.len() / 2];
    let multiply_adds = multiply_adds(network)?;
    Ok(Row {
        network: network.name.clone(),
        mode: "hatchery",
        device: runtime.device().to_string(),
        threads: runtime.threads(),
        step_ms_median: median,
        step_ms_min: step_ms[0],
        samples_per_s: 1e3 * batch as f64 / median,
        parameters: timed.parameters,
        multiply_adds,
        flop_per_s: FLOP_PER_MULTIPLY_ADD * multiply_adds as f64 * 1e3 * batch as f64 / median,
        build_ms,
        first_step_ms,
        update_difference: None,
    })
}

fn multiply_adds(network: &Network) -> Result<u64, BenchError> {
    let blueprint = blueprint(&network.genome, &network.problem)
        .map_err(|reason| BenchError::Build { network: network.name.clone(), message: reason.to_string() })?;
    Ok(estimate(&network.genome, &blueprint).multiply_adds)
}

struct Timed {
    stepper: Stepper,
    parameters: usize,
    index: Vec<i64>,
    learning_rate: f32,
    steps: i64,
}

impl Timed {
    /// From genome to where the first step can begin, as a trainer does it.
    fn prepare(runtime: &Runtime, network: &Network, resident: &Resident) -> Result<Self, BenchError> {
        let normalisation = unit_normalisation(network.problem);
        let indices: Vec<u32> = (0..resident.dataset().count as u32).collect();
        let assignment = Assignment {
            genome: &network.genome,
            epochs: 1,
            seed: SEED,
            train: &indices,
            valid: &[],
            normalisation: &normalisation,
            seconds_max: None,
            memory_bytes_max: u64::MAX,
            majority_patience: f64::INFINITY,
            patience: 0,
            resume: None,
            inherit: None,
        };
        let product = step_product(resident, &assignment)
            .map_err(|End { message, .. }| BenchError::Build { network: network.name.clone(), message })?;
        let model = encode(&product.graph, runtime.provider(), &options(runtime, "training step"));
        let state = initial_state(&product.layout, &assignment, &network.problem);
        Ok(Self {
            stepper: Stepper::new(runtime, &model, &resident.shared(), &state, product.batch)?,
            parameters: product.layout.parameters,
            index: (0..product.batch as i64).collect(),
            learning_rate: network.genome.training.learning_rate as f32,
            steps: 0,
        })
    }

    fn step(&mut self) -> Result<f32, RuntimeError> {
        self.steps += 1;
        let (learning_rate, step) = (self.learning_rate, self.steps);
        self.stepper.step(StepInputs { index: &self.index, learning_rate, step, seed: step })
    }

    /// Milliseconds of each step, ascending.
    fn run(&mut self, seconds: f64) -> Result<Vec<f64>, RuntimeError> {
        for _ in 0..WARMUP_STEPS {
            self.step()?;
        }
        let clock = Instant::now();
        let mut times = Vec::new();
        let enough = |times: &Vec<f64>| {
            times.len() >= TIMED_STEPS_MIN
                && (clock.elapsed().as_secs_f64() >= seconds || times.len() >= TIMED_STEPS_MAX)
        };
        while !enough(&times) {
            let start = Instant::now();
            self.step()?;
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    }
}

/// Random values and labels: time does not depend on them.
fn random_data(problem: Problem, count: usize) -> Dataset {
    let mut stream = ChaCha8Rng::seed_from_u64(SEED);
    let values = [problem.channels, problem.height, problem.width]
        .into_iter()
        .fold(count, |product, size| product.saturating_mul(size as usize));
    let samples = (0..values).map(|_| stream.random_range(-1.7..1.7)).collect();
    let classes = problem.task.outputs();
    Dataset {
        source: "random".to_owned(),
        problem,
        columns: Vec::new(),
        samples: Samples::F32(samples),
        targets: Targets::Classes {
            labels: (0..count).map(|_| i64::from(stream.random_range(0..classes))).collect(),
            names: (0..classes).map(|class| class.to_string()).collect(),
        },
        count,
        official_test: 0,
        notes: TableNotes::default(),
        content_hash: String::new(),
    }
}

fn unit_normalisation(problem: Problem) -> Normalisation {
    let targets = match problem.task {
        Task::Classification { .. } => 0,
        Task::Regression { targets } => targets as usize,
    };
    let channels = problem.channels as usize;
    Normalisation {
        mean: vec![0.0; channels],
        deviation: vec![1.0; channels],
        target_mean: vec![0.0; targets],
        target_deviation: vec![1.0; targets],
        encoding: None,
    }
}

#[cfg(test)]
mod tests;
