//! Real work: leases carried out by `hatchery_models::training`.
//!
//! A thin adapter. It must not know who hands leases out, nor what becomes of results.

use super::work::{Work, WorkFactory};
use crate::protocol::{Images, Lease, LeaseKind, TrainerId, nothing_trained};
use hatchery_config::experiment::{Data, Training};
use hatchery_models::data::{Dataset, Normalisation, Split, subset};
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained};
use hatchery_models::training::runtime::Runtime;
use hatchery_models::training::{Assignment, Observer, Resident, evaluate, train};
use std::sync::Arc;
use std::time::Instant;

/// Which samples each kind of evaluation uses, and the one normalisation of all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// Search trainings.
    pub search_train: Vec<u32>,
    /// Validation of search trainings.
    pub search_valid: Vec<u32>,
    /// The whole training part.
    pub train: Vec<u32>,
    /// The whole validation part.
    pub valid: Vec<u32>,
    /// Training and validation part.
    pub both: Vec<u32>,
    /// The test part; looked at once.
    pub test: Vec<u32>,
    /// Statistics of the training part; the final training and the exported network use them too.
    pub normalisation: Normalisation,
}

impl Parts {
    /// Divides a split data set as `[data]` says. `seed` draws the search's subsets.
    pub fn of(dataset: &Dataset, split: &Split, data: &Data, seed: u64) -> Self {
        let at_most = |indices: &[u32], max: Option<u32>| match max {
            Some(max) => subset(dataset, indices, max as usize, seed),
            None => indices.to_vec(),
        };
        let mut both: Vec<u32> = split.train.iter().chain(&split.valid).copied().collect();
        both.sort_unstable();
        Self {
            search_train: at_most(&split.train, data.search_samples),
            search_valid: at_most(&split.valid, data.search_valid_samples),
            normalisation: Normalisation::of(dataset, &split.train),
            train: split.train.clone(),
            valid: split.valid.clone(),
            test: split.test.clone(),
            both,
        }
    }

    /// How many samples one epoch of each kind has.
    pub const fn images(&self) -> Images {
        Images {
            search: self.search_train.len() as u64,
            crown: self.train.len() as u64,
            last: self.both.len() as u64,
            test: self.test.len() as u64,
        }
    }
}

/// Makes trainers that train.
#[derive(Clone, Debug)]
pub struct TrainingFactory {
    /// Library, device and threads of one trainer.
    pub runtime: Runtime,
    /// The data on the device, shared by all trainers.
    pub resident: Arc<Resident>,
    /// Which samples are for what.
    pub parts: Arc<Parts>,
    /// How a candidate is trained.
    pub training: Training,
    /// Memory of one training, in MiB.
    pub memory_mib: u64,
}

impl WorkFactory for TrainingFactory {
    fn make(&self, _: TrainerId) -> Result<Box<dyn Work>, String> {
        Ok(Box::new(TrainingWork { setup: self.clone() }))
    }
}

struct TrainingWork {
    setup: TrainingFactory,
}

impl Work for TrainingWork {
    fn evaluate(&mut self, lease: &Lease, observer: &mut dyn Observer) -> Trained {
        match lease.kind {
            LeaseKind::Test => self.test(lease),
            LeaseKind::Search | LeaseKind::Crown | LeaseKind::Final => {
                let TrainingFactory { runtime, resident, .. } = &self.setup;
                train(runtime, resident, &self.assignment(lease), observer)
            }
        }
    }
}

impl TrainingWork {
    fn assignment<'a>(&'a self, lease: &'a Lease) -> Assignment<'a> {
        let TrainingFactory { parts, training, memory_mib, .. } = &self.setup;
        let (train, valid): (&[u32], &[u32]) = match lease.kind {
            LeaseKind::Search => (&parts.search_train, &parts.search_valid),
            LeaseKind::Crown => (&parts.train, &parts.valid),
            LeaseKind::Final | LeaseKind::Test => (&parts.both, &[]),
        };
        Assignment {
            genome: &lease.genome,
            epochs: lease.epochs,
            seed: lease.seed,
            train,
            valid,
            normalisation: &parts.normalisation,
            seconds_max: lease.seconds_max,
            memory_bytes_max: memory_mib << 20,
            majority_patience: training.majority_patience,
            // Those at full length are to be trained at full length.
            patience: if lease.kind == LeaseKind::Search { training.patience } else { 0 },
        }
    }

    fn test(&self, lease: &Lease) -> Trained {
        let clock = Instant::now();
        let TrainingFactory { runtime, resident, parts, .. } = &self.setup;
        let Some(weights) = &lease.weights else {
            return nothing_trained(Outcome::Crashed, "there are no weights to test".to_owned());
        };
        let scores = evaluate(runtime, resident, &lease.genome, &parts.normalisation, weights, &parts.test);
        match scores {
            Ok(scores) => {
                let seconds = clock.elapsed().as_secs_f64();
                let report = EpochReport {
                    epoch: 0,
                    training_loss: f32::NAN,
                    validation_loss: scores.loss,
                    validation_score: scores.score,
                    seconds,
                };
                let done = nothing_trained(Outcome::Completed, String::new());
                Trained { curve: vec![report], seconds, ..done }
            }
            Err(error) => nothing_trained(Outcome::Crashed, error.to_string()),
        }
    }
}
