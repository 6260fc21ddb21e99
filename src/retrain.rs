//! Trains a candidate of a finished search again, as it was trained then, for whoever wants its weights.
//!
//! Same genome, seed, data, number of epochs and inherited weights: on one CPU thread, the same weights, bit for bit.

use anyhow::{Context, anyhow};
use hatchery_actors::{
    journal::EvaluationRecord,
    protocol::{Inherited, Lease, LeaseKind},
    streams::{Purpose, seed_for},
    trainer::{Parts, TrainingFactory, WorkFactory},
};
use hatchery_config::Experiment;
use hatchery_models::{
    data::{Dataset, Split},
    training::{
        Observer, Resident, Verdict, Wish,
        outcome::{EpochReport, Weights},
        runtime::Runtime,
    },
};
use std::sync::Arc;

/// Trains it, beginning with what it inherited then; the best epoch's weights.
///
/// # Errors
/// Where it never had a finite result, or ONNX Runtime fails.
pub fn retrain(
    evaluation: &EvaluationRecord,
    inherit: Option<Inherited>,
    experiment: &Experiment,
    (dataset, split): (&Dataset, &Split),
    runtime: &Runtime,
) -> anyhow::Result<Weights> {
    let runtime = runtime.clone().with_threads(experiment.runtime.threads.unwrap_or(1) as usize);
    let resident =
        Resident::new(&runtime, Arc::new(dataset.clone())).context("placing the data on the device")?;
    let factory = TrainingFactory {
        runtime,
        trainers: 1,
        resident: Arc::new(resident),
        parts: Arc::new(Parts::of(dataset, split, &experiment.data, experiment.data.split_seed)),
        training: experiment.training.clone(),
        memory_mib: experiment.limits.memory_mib,
        room: None,
    };
    let mut work = factory.make(0).map_err(|message| anyhow!(message))?;
    let mut observer = Until { epochs: evaluation.curve.len() };
    let trained = work.evaluate(&Lease { inherit, ..lease(evaluation, experiment) }, &mut observer);
    trained.weights.ok_or_else(|| {
        let (outcome, id) = (trained.outcome.word(), evaluation.individual.id);
        anyhow!("network {id} has no weights to export: its training ends as {outcome}: {}", trained.message)
    })
}

fn lease(evaluation: &EvaluationRecord, experiment: &Experiment) -> Lease {
    let individual = &evaluation.individual;
    Lease {
        evaluation: evaluation.id,
        attempt: 1,
        individual: individual.id,
        kind: LeaseKind::Search,
        genome: Arc::clone(&individual.genome),
        seed: seed_for(experiment.seed, Purpose::SearchTraining, individual.id.0),
        epochs: evaluation.epochs,
        seconds_max: None,
        weights: None,
        checkpoint: None,
        inherit: None,
        measure_latency: false,
        // As far as it went then, and no less.
        to_the_end: true,
    }
}

/// Stops where the search stopped.
struct Until {
    epochs: usize,
}

impl Observer for Until {
    fn epoch(&mut self, report: &EpochReport) -> Verdict {
        if report.epoch as usize >= self.epochs { Verdict::Stop } else { Verdict::Continue }
    }

    fn wish(&self) -> Wish {
        Wish::GoOn
    }
}
