//! A tiny training, to see whether a device trains at all.

use hatchery_models::{
    data::{self, LoadOptions, Normalisation},
    genome::{
        Activation, Convolution, Genome, Groups, Initializer, LayerGene, Norm, Optimizer, Padding, Schedule,
        TrainingGenes,
    },
    training::{self, Assignment, Resident, Unobserved, outcome::Outcome, runtime::Runtime},
};
use std::sync::Arc;

/// Samples to train on: two steps.
const SAMPLES: u32 = 32;
/// Far more than it takes.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// Trains it; returns how long it took, in seconds, or why it failed.
pub fn train(runtime: &Runtime) -> Result<f64, String> {
    let dataset = data::load("digits", &LoadOptions::default()).map_err(|error| error.to_string())?;
    let indices: Vec<u32> = (0..SAMPLES).collect();
    let normalisation = Normalisation::of(&dataset, &indices);
    let resident = Resident::new(runtime, Arc::new(dataset)).map_err(|error| error.to_string())?;
    let genome = genome();
    let assignment = Assignment {
        genome: &genome,
        epochs: 1,
        seed: 1,
        train: &indices,
        valid: &indices,
        normalisation: &normalisation,
        seconds_max: None,
        memory_bytes_max: MEMORY_BYTES_MAX,
        majority_patience: f64::from(SAMPLES),
        patience: 0,
    };
    let trained = training::train(runtime, &resident, &assignment, &mut Unobserved);
    if trained.outcome == Outcome::Completed { Ok(trained.seconds) } else { Err(trained.message) }
}

fn genome() -> Genome {
    let convolution = Convolution {
        filters: 4,
        kernel: [3, 3],
        stride: 1,
        dilation: 1,
        groups: Groups::Count(1),
        padding: Padding::Same,
        norm: Norm::Batch,
        activation: Activation::Relu,
    };
    Genome {
        layers: vec![LayerGene::Convolution(convolution), LayerGene::GlobalAveragePool],
        training: TrainingGenes {
            optimizer: Optimizer::Adam,
            learning_rate: 0.001,
            schedule: Schedule::Constant,
            momentum: 0.9,
            weight_decay: 0.0,
            batch_size: 16,
            label_smoothing: 0.0,
            gradient_clip: 0.0,
            initializer: Initializer::HeNormal,
            shift: 0,
            flip: false,
        },
    }
}
