//! A run for tests of what is printed.

use super::{Best, FullLength, Incidents, LeaseKind, Maker, Objective, Row, Run};
use hatchery_models::{
    genome::{
        Activation, Convolution, Dense, Genome, Groups, Inception, Initializer, LayerGene, Norm, Optimizer,
        Padding, Pool, Residual, Schedule, TrainingGenes,
    },
    problem::{Problem, Task},
    training::outcome::{EpochReport, Outcome},
};

/// One of every kind of layer.
pub fn genome() -> Genome {
    let (norm, activation) = (Norm::Batch, Activation::Relu);
    let convolution = Convolution {
        filters: 8,
        kernel: [3, 5],
        stride: 1,
        dilation: 1,
        groups: Groups::Count(1),
        padding: Padding::Same,
        norm,
        activation,
    };
    let layers = vec![
        LayerGene::Convolution(convolution),
        LayerGene::Inception(Inception { branches: [4, 4, 0, 4], bottleneck: 2, norm, activation }),
        LayerGene::MaxPool(Pool { kernel: 2, stride: 2, padding: Padding::Valid }),
        LayerGene::Residual(Residual { filters: 8, stride: 1, norm, activation }),
        LayerGene::GlobalAveragePool,
        LayerGene::Dense(Dense { units: 16, norm: Norm::None, activation }),
        LayerGene::Dropout { ratio: 0.25 },
    ];
    let training = TrainingGenes {
        optimizer: Optimizer::AdamW,
        learning_rate: 0.001,
        schedule: Schedule::Cosine,
        momentum: 0.9,
        weight_decay: 0.0,
        batch_size: 32,
        label_smoothing: 0.0,
        gradient_clip: 0.0,
        initializer: Initializer::HeNormal,
        shift: 0,
        flip: false,
    };
    Genome { layers, training }
}

/// Digits.
pub fn problem() -> Problem {
    let task = Task::Classification { classes: 10 };
    Problem { channels: 1, height: 8, width: 8, multi_view: false, task }
}

/// An evaluation.
pub fn row(id: u64, score: Option<f64>, parameters: u64, parents: &[u64]) -> Row {
    let report = |epoch: u32| EpochReport {
        epoch,
        training_loss: 1.0 / epoch as f64,
        validation_loss: 1.1 / epoch as f64,
        validation_score: 0.5,
        seconds: f64::from(epoch),
    };
    Row {
        id,
        kind: LeaseKind::Search,
        maker: if id.is_multiple_of(2) { Maker::Refiner } else { Maker::Breeder },
        costs: Some(vec![parameters as f64]),
        outcome: if score.is_some() { Outcome::Completed } else { Outcome::Diverged },
        score,
        parameters,
        multiply_adds: 10 * parameters,
        finished_s: id as f64,
        seconds: 1.0,
        latency_s: None,
        inherits: None,
        epochs: 3,
        operation: "mutate: <widen> convolution 1".to_owned(),
        parents: parents.to_vec(),
        summary: genome().to_string(),
        genome: genome(),
        curve: (1..=3).map(report).collect(),
        message: String::new(),
    }
}

/// A network that was born for the comparison at full length, of this parent.
pub fn finalist(id: u64, parent: u64) -> Row {
    let operation = "regularise: shift from 0 to 1 pixels".to_owned();
    Row { kind: LeaseKind::Crown, operation, epochs: 40, ..row(id, Some(0.94), 200, &[parent]) }
}

/// A run of five evaluations, the fourth of which won.
pub fn run() -> Run {
    Run {
        name: "digits & co".to_owned(),
        directory: "runs/digits-1".to_owned(),
        source: "digits".to_owned(),
        seed: 1,
        problem: problem(),
        stage: "done".to_owned(),
        elapsed_s: 10.0,
        training_s: 15.0,
        workers: 2,
        finalists: Vec::new(),
        rows: vec![
            row(1, Some(0.5), 100, &[]),
            row(2, Some(0.7), 300, &[]),
            row(3, None, 50, &[1]),
            row(4, Some(0.9), 200, &[1, 2]),
            row(5, Some(0.9), 400, &[4]),
        ],
        running: 0,
        best: Some(Best {
            id: 4,
            search_score: Some(0.9),
            full_length_score: Some(0.92),
            valid_curve: Vec::new(),
            test_score: Some(0.88),
            final_curve: Vec::new(),
        }),
        full_length: [(4, FullLength { score: 0.92, epochs: 40 })].into(),
        objectives: vec![Objective::Error],
        starting_points: Vec::new(),
        yardstick: None,
        incidents: Incidents::default(),
    }
}
