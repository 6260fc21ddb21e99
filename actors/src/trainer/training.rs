//! Real work: leases carried out by `hatchery_models::training`.
//!
//! A thin adapter. It must not know who hands leases out, nor what becomes of results.

use super::rehearsal::rehearse;
use super::room::{Pass, Room};
use super::work::{Work, WorkFactory};
use crate::protocol::{Images, Lease, LeaseKind, nothing_trained};
use hatchery_config::experiment::{Data, Training};
use hatchery_models::data::{Dataset, Normalisation, Split, subset};
use hatchery_models::expression::{Bequest, blueprint, estimate};
use hatchery_models::training::outcome::{EpochReport, Outcome, Trained};
use hatchery_models::training::runtime::{Device, Runtime};
use hatchery_models::training::{
    Assignment, Checkpoint, EvaluateError, Observer, Phase, Resident, Verdict, Wish, evaluate_observed,
    latency_seconds, train,
};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// A training that finds no room on its device for so long is handed back.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(30);

/// Makes trainers that train.
#[derive(Clone, Debug)]
pub struct TrainingFactory {
    /// Library, device and threads of one trainer.
    pub runtime: Runtime,
    /// How many such trainers share the processor. What is done while nothing else is under way, the final training
    /// and the test, has the threads of all of them, as far as there are cores. Sums may then be added up in another
    /// order: results can differ in the last bits from those on one trainer's threads, and from machine to machine;
    /// where time is limited, which is faster is measured, and they can differ from run to run.
    pub trainers: u32,
    /// The data on the device, shared by all trainers.
    pub resident: Arc<Resident>,
    /// Which samples are for what.
    pub parts: Arc<Parts>,
    /// How a candidate is trained.
    pub training: Training,
    /// Memory of one training, in MiB.
    pub memory_mib: u64,
    /// The device's memory, where trainings share it that may not all fit.
    pub room: Option<Arc<Room>>,
}

impl WorkFactory for TrainingFactory {
    fn make(&self, _: u32) -> Result<Box<dyn Work>, String> {
        Ok(Box::new(TrainingWork { setup: self.clone(), alone: self.alone(), pass: None }))
    }
}

impl TrainingFactory {
    /// The runtime of what is done while nothing else is under way.
    fn alone(&self) -> Runtime {
        let own = self.runtime.threads();
        match self.runtime.device() {
            Device::Cpu => {
                let cores = std::thread::available_parallelism().map_or(own, NonZero::get);
                let all = own.saturating_mul(self.trainers.max(1) as usize);
                self.runtime.clone().with_threads(all.min(cores).max(own))
            }
            Device::Cuda(_) => self.runtime.clone(),
        }
    }
}

struct TrainingWork {
    setup: TrainingFactory,
    /// For what is done while nothing else is under way: where that was tried, the faster one.
    alone: Runtime,
    /// The place on the device of the training under way, where places are given out.
    pass: Option<Pass>,
}

impl Work for TrainingWork {
    fn plan(&mut self, lease: Lease, observer: &dyn Observer) -> Lease {
        self.pass = self.enter(&lease, observer);
        let lease = match lease.seconds_max {
            Some(seconds_max) if lease.kind == LeaseKind::Final => self.fit(lease, seconds_max, observer),
            _ => lease,
        };
        self.as_begun(lease)
    }

    fn evaluate(&mut self, lease: &Lease, observer: &mut dyn Observer) -> Trained {
        // What is logged meanwhile on this thread, by the library too, says which evaluation it is about.
        let _span = tracing::info_span!("training", evaluation = lease.evaluation.0, attempt = lease.attempt)
            .entered();
        if lease.kind == LeaseKind::Test {
            return self.test(lease, observer);
        }
        match (&self.setup.room, self.pass.take()) {
            (None, _) => self.train(lease, observer),
            (Some(_), Some(pass)) => self.train(lease, &mut Weighed { observer, pass: &pass }),
            (Some(_), None) => has_not_begun(observer.wish()),
        }
    }
}

impl TrainingWork {
    /// Waits for room on the device, where others share it; `None` where nobody gives out places, or the wait was ended.
    fn enter(&self, lease: &Lease, observer: &dyn Observer) -> Option<Pass> {
        let room = self.setup.room.as_ref().filter(|_| lease.kind != LeaseKind::Test)?;
        let problem = &self.setup.resident.dataset().problem;
        // One that cannot be built says so itself.
        let needs =
            blueprint(&lease.genome, problem).map_or(0, |plan| estimate(&lease.genome, &plan).memory_bytes);
        let began = Instant::now();
        room.enter(needs, || !observer.stop_requested() && began.elapsed() < WAIT_FOR_ROOM)
    }

    fn train(&self, lease: &Lease, observer: &mut dyn Observer) -> Trained {
        let own = &self.setup.runtime;
        let runtime = if lease.kind == LeaseKind::Final { &self.alone } else { own };
        let checkpoint = checkpoint(lease);
        let assignment = Assignment { resume: checkpoint.as_ref(), ..self.assignment(lease) };
        let trained = train(runtime, &self.setup.resident, &assignment, observer);
        let latency_seconds = self.latency(lease, &trained, observer);
        Trained { latency_seconds, ..trained }
    }

    /// As many epochs as the time has room for, on the faster of one trainer's and all trainers' threads: small
    /// networks gain nothing from many.
    fn fit(&mut self, lease: Lease, seconds_max: f64, observer: &dyn Observer) -> Lease {
        let clock = Instant::now();
        self.alone = self.setup.alone();
        let mut runtimes = vec![self.alone.clone()];
        if self.alone.threads() != self.setup.runtime.threads() {
            runtimes.push(self.setup.runtime.clone());
        }
        let assignment = self.assignment(&lease);
        let pace = |runtime: &Runtime| rehearse(runtime, &self.setup.resident, &assignment, observer);
        let paces = runtimes.into_iter().filter_map(|runtime| Some((pace(&runtime)?, runtime)));
        let fastest =
            paces.min_by(|(one, _), (other, _)| one.seconds_per_image.total_cmp(&other.seconds_per_image));
        let left = (seconds_max - clock.elapsed().as_secs_f64()).max(0.0);
        let images = assignment.train.len() as u64;
        let mut epochs = lease.epochs;
        if let Some((pace, runtime)) = fastest {
            epochs = pace.epochs_within(Some(left), images, lease.epochs);
            self.alone = runtime;
        }
        Lease { epochs, seconds_max: Some(left), ..lease }
    }

    /// A training that was interrupted goes on with as many epochs as it was begun with, whatever would fit its time
    /// now: the learning rate follows from them. A checkpoint that is of no use is left out.
    fn as_begun(&self, lease: Lease) -> Lease {
        let Some(checkpoint) = checkpoint(&lease) else { return Lease { checkpoint: None, ..lease } };
        let epochs = checkpoint.epochs();
        match checkpoint.check(&Assignment { epochs, ..self.assignment(&lease) }.identity()) {
            Ok(()) => Lease { epochs, ..lease },
            Err(error) => {
                tracing::warn!(evaluation = %lease.evaluation, "the training begins from the beginning: {error}");
                Lease { checkpoint: None, ..lease }
            }
        }
    }

    /// The latency of the network that a search training has left, where it is asked for and can be measured.
    fn latency(&self, lease: &Lease, trained: &Trained, observer: &dyn Observer) -> Option<f64> {
        let asked = lease.measure_latency && lease.kind == LeaseKind::Search;
        let weights = trained.weights.as_ref().filter(|_| asked && trained.outcome.has_fitness())?;
        let TrainingFactory { runtime, resident, parts, .. } = &self.setup;
        let (dataset, normalisation) = (resident.dataset(), &parts.normalisation);
        latency_seconds(runtime, dataset, &lease.genome, normalisation, weights, observer)
            .map_err(|error| {
                tracing::warn!(evaluation = %lease.evaluation, "the latency was not measured: {error}");
            })
            .ok()
    }

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
            majority_patience: if lease.to_the_end { f64::INFINITY } else { training.majority_patience },
            // Those at full length are to be trained at full length.
            patience: if lease.kind == LeaseKind::Search { training.patience } else { 0 },
            resume: None,
            inherit: lease
                .inherit
                .as_ref()
                .map(|inherited| Bequest { genome: &inherited.genome, weights: &inherited.weights }),
        }
    }

    fn test(&self, lease: &Lease, observer: &dyn Observer) -> Trained {
        let clock = Instant::now();
        let TrainingFactory { resident, parts, .. } = &self.setup;
        let Some(weights) = &lease.weights else {
            return nothing_trained(Outcome::Crashed, "there are no weights to test".to_owned());
        };
        let (genome, normalisation) = (&lease.genome, &parts.normalisation);
        let scores =
            evaluate_observed(&self.alone, resident, genome, normalisation, weights, &parts.test, observer);
        match scores {
            Ok(scores) => {
                let seconds = clock.elapsed().as_secs_f64();
                let report = EpochReport {
                    epoch: 0,
                    training_loss: f64::NAN,
                    validation_loss: scores.loss,
                    validation_score: scores.score,
                    seconds,
                };
                let done = nothing_trained(Outcome::Completed, String::new());
                Trained { curve: vec![report], seconds, ..done }
            }
            // Half a test is none.
            Err(EvaluateError::Ended { outcome: Outcome::Stopped | Outcome::WorkerLost, .. }) => {
                nothing_trained(Outcome::WorkerLost, "handed back".to_owned())
            }
            Err(EvaluateError::Ended { outcome, message }) => nothing_trained(outcome, message),
            Err(error) => nothing_trained(Outcome::Crashed, error.to_string()),
        }
    }
}

/// What comes of a training that has found no room: unless it is to stop, another trainer may have it.
fn has_not_begun(wish: Wish) -> Trained {
    let outcome = if wish == Wish::Stop { Outcome::Stopped } else { Outcome::WorkerLost };
    nothing_trained(outcome, "there was no room on its device".to_owned())
}

/// Passes all on, and looks at the device's memory meanwhile.
struct Weighed<'a> {
    observer: &'a mut dyn Observer,
    pass: &'a Pass,
}

impl Observer for Weighed<'_> {
    fn epoch(&mut self, report: &EpochReport) -> Verdict {
        self.observer.epoch(report)
    }

    fn wish(&self) -> Wish {
        self.observer.wish()
    }

    fn alive(&self, phase: Phase) {
        self.observer.alive(phase);
    }

    fn stepped(&self, images: u64, seconds: f64) {
        self.pass.look();
        self.observer.stepped(images, seconds);
    }

    fn resumed(&mut self, curve: &[EpochReport]) {
        self.observer.resumed(curve);
    }
}

/// The state to go on from, where the lease has one that can be read.
fn checkpoint(lease: &Lease) -> Option<Checkpoint> {
    let read = Checkpoint::from_bytes(lease.checkpoint.as_deref()?);
    let warn = |error| {
        tracing::warn!(evaluation = %lease.evaluation, "the training begins from the beginning: {error}");
    };
    read.map_err(warn).ok()
}
