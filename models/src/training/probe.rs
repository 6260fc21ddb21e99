//! Tries a device: one tiny training, from genome to weights.

use super::{
    Assignment, Resident, Unobserved,
    outcome::Outcome,
    runtime::{Runtime, RuntimeError},
    train,
};
use crate::{
    data::{Dataset, Normalisation, Samples, TableNotes, Targets},
    genome::{
        Activation, Convolution, Genome, Groups, Initializer, LayerGene, Norm, Optimizer, Padding, Schedule,
        TrainingGenes,
    },
    problem::{Problem, Task},
};
use std::sync::Arc;

/// Samples of the trial; half of them a batch.
const SAMPLES: usize = 8;
/// Memory that the trial may need.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

/// What a trial found.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Probe {
    /// Seconds from genome to the first finished step.
    pub build_seconds: f64,
    /// Training steps taken.
    pub steps: u64,
}

/// Why a device cannot train.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The data could not be placed there.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The trial did not complete.
    #[error("a trial training on {device} ended as {}: {message}", .outcome.word())]
    Training {
        /// The device.
        device: String,
        /// How it ended.
        outcome: Outcome,
        /// Why.
        message: String,
    },
}

/// Trains a tiny network for two steps on the runtime's device.
///
/// # Errors
/// Where it does not complete, with ONNX Runtime's words.
pub fn probe(runtime: &Runtime) -> Result<Probe, ProbeError> {
    let resident = Resident::new(runtime, Arc::new(data()))?;
    let genome = genome();
    let normalisation = Normalisation {
        mean: vec![0.5],
        deviation: vec![0.5],
        target_mean: vec![],
        target_deviation: vec![],
        encoding: None,
    };
    let indices: Vec<u32> = (0..SAMPLES as u32).collect();
    let assignment = Assignment {
        genome: &genome,
        epochs: 1,
        seed: 0,
        train: &indices,
        valid: &[],
        normalisation: &normalisation,
        seconds_max: None,
        memory_bytes_max: MEMORY_BYTES_MAX,
        majority_patience: f64::INFINITY,
        patience: 0,
        resume: None,
        inherit: None,
    };
    let trained = train(runtime, &resident, &assignment, &mut Unobserved);
    if trained.outcome == Outcome::Completed {
        return Ok(Probe { build_seconds: trained.build_seconds, steps: trained.steps });
    }
    let device = runtime.device().to_string();
    Err(ProbeError::Training { device, outcome: trained.outcome, message: trained.message })
}

fn data() -> Dataset {
    let problem = Problem {
        channels: 1,
        height: 4,
        width: 4,
        multi_view: false,
        task: Task::Classification { classes: 2 },
    };
    Dataset {
        source: "probe".to_owned(),
        problem,
        columns: Vec::new(),
        samples: Samples::U8((0..SAMPLES * 16).map(|index| (index % 7 % 2) as u8).collect()),
        targets: Targets::Classes {
            labels: (0..SAMPLES as i64).map(|index| index % 2).collect(),
            names: vec!["even".to_owned(), "odd".to_owned()],
        },
        count: SAMPLES,
        official_test: 0,
        notes: TableNotes::default(),
        content_hash: String::new(),
    }
}

fn genome() -> Genome {
    Genome {
        layers: vec![LayerGene::Convolution(Convolution {
            filters: 4,
            kernel: [3, 3],
            stride: 1,
            dilation: 1,
            groups: Groups::Count(1),
            padding: Padding::Same,
            norm: Norm::None,
            activation: Activation::Relu,
        })],
        training: TrainingGenes {
            optimizer: Optimizer::Adam,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            momentum: 0.9,
            weight_decay: 0.0,
            batch_size: (SAMPLES / 2) as u32,
            label_smoothing: 0.0,
            gradient_clip: 0.0,
            initializer: Initializer::HeNormal,
            shift: 0,
            flip: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::runtime::LibraryOptions;

    #[test]
    fn the_processor_can_train() {
        let runtime = Runtime::open(&LibraryOptions::default()).unwrap();
        assert_eq!(probe(&runtime).unwrap().steps, 2);
    }
}
