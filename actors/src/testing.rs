//! Small made-up individuals and runs for tests.

use crate::journal::RunInfo;
use crate::protocol::{Individual, IndividualId, WorkerFacts};
use hatchery_models::genome::{
    Activation, Dense, Genome, Initializer, LayerGene, Norm, Optimizer, Schedule, TrainingGenes,
};
use hatchery_models::problem::{Problem, Task};

/// A genome told from others by `number`.
pub fn genome(number: u64) -> Genome {
    let units = u32::try_from(number).unwrap_or(u32::MAX);
    Genome {
        layers: vec![LayerGene::Dense(Dense { units, norm: Norm::None, activation: Activation::Relu })],
        training: TrainingGenes {
            optimizer: Optimizer::Adam,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine,
            momentum: 0.9,
            weight_decay: 0.0,
            batch_size: 32,
            label_smoothing: 0.0,
            gradient_clip: 0.0,
            initializer: Initializer::HeNormal,
            shift: 0,
            flip: false,
        },
    }
}

/// The number that `genome` put into it.
pub fn number(genome: &Genome) -> u64 {
    match genome.layers.first() {
        Some(LayerGene::Dense(dense)) => u64::from(dense.units),
        _ => 0,
    }
}

/// An individual whose hash is its number.
pub fn individual(id: u64, parents: &[u64]) -> Individual {
    Individual {
        id: IndividualId(id),
        genome: genome(id),
        summary: format!("dense {id} relu || adam 1e-3 cosine batch 32"),
        hash: format!("{id:016x}"),
        parents: parents.iter().copied().map(IndividualId).collect(),
        operation: "random".to_owned(),
        parameters: 100 + id,
        multiply_adds: 1000 + id,
    }
}

/// A worker on a node of this name.
pub fn worker_facts(node: &str) -> WorkerFacts {
    WorkerFacts {
        node: node.to_owned(),
        host: "host".to_owned(),
        pid: 1,
        devices: vec!["cpu".to_owned()],
        program_version: "0.1.0".to_owned(),
    }
}

/// A run on nothing.
pub fn run_info() -> RunInfo {
    RunInfo {
        experiment: "name = \"test\"".to_owned(),
        data_source: "digits".to_owned(),
        data_hash: "0123".to_owned(),
        problem: Problem {
            channels: 1,
            height: 8,
            width: 8,
            multi_view: false,
            task: Task::Classification { classes: 10 },
        },
        program_version: "0.1.0".to_owned(),
    }
}
