//! The training loop: steps, looks at validation samples, epochs, the best epoch's weights; and how it is interrupted
//! and gone on with.
//!
//! It runs two models (training step, evaluation) without knowing what network is in them.

use super::{
    assignment::{Assignment, Excess, Observer, Phase, Verdict, Wish},
    checkpoint::{Checkpoint, CheckpointError},
    outcome::{EpochReport, Outcome, Trained, Weights},
    programs::{EvaluationProgram, Programs},
    record::Record,
    resident::Resident,
    runtime::{Evaluator, Runtime, RuntimeError, StateVector, StepInputs, Stepper},
    sampler::{Sampler, weighted_batches},
    schedule::{learning_rate, warmup_steps},
    scores::{Reference, Scores, Sums},
    watch::{End, Progress, Watch},
};
use std::time::Instant;

/// Validation samples of a look amid an epoch, at most: enough to tell a dead network from a living one.
const PROBE_SAMPLES_MAX: usize = 256;
/// Looks in each of the first epochs, at equal distances, the epoch's end not counted.
const PROBES_PER_EPOCH: u64 = 3;
/// Epochs with looks; later ones are watched at their ends.
const PROBED_EPOCHS: u32 = 2;
/// A look comes no sooner than this many steps after the one before: a network may need some to come alive.
const PROBE_DISTANCE_STEPS_MIN: u64 = 20;

/// Trains a network, or goes on with a training that was handed back. Every way in which that can end is an outcome,
/// none an error.
pub fn train(
    runtime: &Runtime,
    resident: &Resident,
    assignment: &Assignment<'_>,
    observer: &mut dyn Observer,
) -> Trained {
    let clock = Instant::now();
    let mut left = Left::default();
    let end = Run::prepare(runtime, resident, assignment, clock, observer)
        .and_then(|run| run.train(&mut left, observer))
        .err()
        .unwrap_or_else(|| End::new(Outcome::Completed, ""));
    let Left { record, checkpoint } = left;
    Trained {
        outcome: end.outcome,
        message: end.message,
        curve: record.curve,
        weights: record.weights,
        steps: record.steps,
        build_seconds: record.build_seconds,
        seconds: record.seconds_before + clock.elapsed().as_secs_f64(),
        latency_seconds: None,
        checkpoint,
    }
}

/// What remains of a training, however it ends.
#[derive(Debug, Default)]
struct Left {
    record: Record,
    checkpoint: Option<Vec<u8>>,
}

struct Run<'a> {
    runtime: &'a Runtime,
    resident: &'a Resident,
    assignment: &'a Assignment<'a>,
    clock: Instant,
    record: Record,
    /// Whether this attempt has taken a step.
    stepped: bool,
    sampler: Sampler,
    watch: Watch,
    reference: Reference,
    /// Names of the state's vectors.
    state: Vec<String>,
    stepper: Stepper,
    /// With the samples of its batches.
    evaluator: Option<(Evaluator, usize)>,
}

impl<'a> Run<'a> {
    fn prepare(
        runtime: &'a Runtime,
        resident: &'a Resident,
        assignment: &'a Assignment<'a>,
        clock: Instant,
        observer: &mut dyn Observer,
    ) -> Result<Self, End> {
        if assignment.train.is_empty() {
            return Err(End::new(Outcome::Crashed, "there are no samples to train on"));
        }
        observer.alive(Phase::Expressing);
        let programs = Programs::of(runtime, resident, assignment)?;
        check_memory(&programs, assignment)?;
        let reference = Reference::of(resident.dataset(), assignment.normalisation, assignment.valid);
        let mut sampler = Sampler::new(assignment.train, programs.batch, assignment.seed);
        let mut watch = Watch::new(reference.clone(), assignment.majority_patience, assignment.patience);
        let (mut state, mut record) = (programs.state, Record::default());
        if let Some((checkpoint, resumed)) = resumed(assignment, &state, &sampler) {
            state = resumed;
            record = checkpoint.record().clone();
            watch = watch.remembering(checkpoint.memory());
            sampler.skip(record.epoch - 1, record.steps);
            observer.resumed(&record.curve);
        }
        observer.alive(Phase::Preparing);
        let stepper = Stepper::new(runtime, &programs.step, &resident.shared(), &state, programs.batch)?;
        Ok(Self {
            runtime,
            resident,
            assignment,
            clock,
            record,
            stepped: false,
            sampler,
            watch,
            reference,
            state: state.into_iter().map(|vector| vector.name).collect(),
            stepper,
            evaluator: None,
        })
    }

    fn train(mut self, left: &mut Left, observer: &mut dyn Observer) -> Result<(), End> {
        let end = self.all_epochs(observer);
        let kept = self.keep_last_weights(&end, observer);
        let handed_back = end.as_ref().is_err_and(|end| end.outcome == Outcome::WorkerLost);
        // Before its first step a training is as good as one that was never begun.
        if handed_back && self.record.steps > 0 {
            let lost = |end: End| {
                End::new(Outcome::WorkerLost, format!("handed back without its state: {}", end.message))
            };
            left.checkpoint = Some(self.checkpoint(observer).map_err(lost)?.to_bytes());
            self.record.weights = None;
        }
        left.record = self.record;
        kept.and(end)
    }

    fn all_epochs(&mut self, observer: &mut dyn Observer) -> Result<(), End> {
        while self.record.epoch <= self.assignment.epochs {
            self.epoch_steps(observer)?;
            self.finish_epoch(observer)?;
        }
        Ok(())
    }

    /// What is left of the epoch under way: all of it, unless the training goes on from a checkpoint.
    fn epoch_steps(&mut self, observer: &dyn Observer) -> Result<(), End> {
        self.sampler.shuffle();
        let steps = self.sampler.steps_per_epoch() as u64;
        loop {
            if self.record.look_due {
                self.look(observer)?;
            }
            if self.record.step >= steps {
                return Ok(());
            }
            self.interrupted(observer)?;
            observer.alive(Phase::Stepping);
            let began = Instant::now();
            self.step(steps)?;
            observer.stepped(self.sampler.batch() as u64, began.elapsed().as_secs_f64());
        }
    }

    fn step(&mut self, steps_per_epoch: u64) -> Result<(), End> {
        let loss = self.loss_of_step()?;
        if !self.stepped {
            self.stepped = true;
            self.record.build_seconds += self.clock.elapsed().as_secs_f64();
        }
        let record = &mut self.record;
        record.steps += 1;
        record.step += 1;
        self.watch.on_step(record.steps, loss)?;
        record.loss_sum += f64::from(loss);
        record.look_due = !self.assignment.valid.is_empty()
            && record.epoch <= PROBED_EPOCHS
            && is_probed(record.step, steps_per_epoch);
        Ok(())
    }

    /// Takes a step, after those of the record.
    fn loss_of_step(&mut self) -> Result<f32, End> {
        let genes = &self.assignment.genome.training;
        let (step, taken) = (self.record.step, self.record.steps);
        let rate = learning_rate(genes.schedule, genes.learning_rate, taken, self.planned_steps());
        let (index, seed) = self.sampler.step(step as usize);
        let inputs = StepInputs { index, learning_rate: rate, step: taken as i64 + 1, seed };
        Ok(self.stepper.step(inputs)?)
    }

    /// A look at a few validation samples amid an epoch.
    fn look(&mut self, observer: &dyn Observer) -> Result<(), End> {
        let scores = self.evaluate(&probe_of(self.assignment.valid), observer)?;
        self.watch.on_probe(self.progress(self.record.epoch - 1), &scores)?;
        self.record.look_due = false;
        Ok(())
    }

    fn finish_epoch(&mut self, observer: &mut dyn Observer) -> Result<(), End> {
        let (epoch, training_loss) = (self.record.epoch, self.record.training_loss());
        let scores = self.validate(training_loss, observer)?;
        let judged = self.judge(&scores)?;
        if judged == Ok(true) {
            self.record.weights = Some(self.weights(observer)?);
        }
        let report = EpochReport {
            epoch,
            training_loss,
            validation_loss: scores.loss,
            validation_score: scores.score,
            seconds: self.seconds(),
        };
        self.record.finish_epoch(report);
        let verdict = observer.epoch(&report);
        judged?;
        if verdict == Verdict::Stop {
            return Err(End::new(Outcome::Stopped, format!("stopped after epoch {epoch} on request")));
        }
        if self.watch.is_patience_spent() && epoch < self.assignment.epochs {
            let patience = self.assignment.patience;
            return Err(End::new(Outcome::Stopped, format!("nothing better for {patience} epochs")));
        }
        Ok(())
    }

    /// Seconds of all attempts.
    fn seconds(&self) -> f64 {
        self.record.seconds_before + self.clock.elapsed().as_secs_f64()
    }

    fn planned_steps(&self) -> u64 {
        self.sampler.steps_per_epoch() as u64 * u64::from(self.assignment.epochs)
    }

    fn progress(&self, epochs: u32) -> Progress {
        let warmup = warmup_steps(self.assignment.genome.training.schedule, self.planned_steps());
        let steps = self.record.steps;
        Progress { epochs, steps, last: epochs == self.assignment.epochs, settled: steps > warmup }
    }

    /// Ends the training where its time is over or its observer wishes so.
    fn interrupted(&self, observer: &dyn Observer) -> Result<(), End> {
        heed(observer.wish())?;
        match self.assignment.seconds_max {
            Some(seconds) if self.clock.elapsed().as_secs_f64() >= seconds => {
                Err(End::new(Outcome::TimedOut, format!("the limit of {seconds} seconds is over")))
            }
            _ => Ok(()),
        }
    }

    /// Validates an epoch, where there are samples for it.
    fn validate(&mut self, training_loss: f64, observer: &dyn Observer) -> Result<Scores, End> {
        if self.assignment.valid.is_empty() {
            return Ok(Scores {
                loss: training_loss,
                score: 0.0,
                correct: 0,
                count: 0,
                one_class_share: 0.0,
            });
        }
        self.evaluate(self.assignment.valid, observer)
    }

    /// Whether an epoch is the best so far, or ends the training. One whose scores are no numbers is an error at once,
    /// and is no part of the curve.
    fn judge(&mut self, scores: &Scores) -> Result<Result<bool, End>, End> {
        if self.assignment.valid.is_empty() {
            return Ok(Ok(false));
        }
        match self.watch.on_epoch(self.progress(self.record.epoch), scores) {
            Err(end) if end.outcome == Outcome::Diverged => Err(end),
            judged => Ok(judged),
        }
    }

    fn evaluate(&mut self, indices: &[u32], observer: &dyn Observer) -> Result<Scores, End> {
        let (mut evaluator, batch) = match self.evaluator.take() {
            Some(evaluator) => evaluator,
            None => self.new_evaluator(observer)?,
        };
        let set = self.stepper.turn();
        let sums = sums_over(&mut evaluator, set, indices, batch, &mut || {
            observer.alive(Phase::Evaluating);
            self.interrupted(observer)
        })?;
        self.evaluator = Some((evaluator, batch));
        Ok(sums.scores(&self.reference))
    }

    /// Made when it is first needed: the first step comes sooner, and a training that fails before never pays for it.
    fn new_evaluator(&self, observer: &dyn Observer) -> Result<(Evaluator, usize), End> {
        let Assignment { genome, normalisation, valid, .. } = self.assignment;
        observer.alive(Phase::Expressing);
        let program = EvaluationProgram::of(self.runtime, self.resident, genome, normalisation, valid.len())?;
        let sizes = (program.batch, program.outputs);
        let shared = self.resident.shared();
        observer.alive(Phase::Preparing);
        let evaluator = Evaluator::of_training(self.runtime, &program.model, &shared, &self.stepper, sizes)?;
        Ok((evaluator, program.batch))
    }

    fn weights(&self, observer: &dyn Observer) -> Result<Weights, End> {
        observer.alive(Phase::Reading);
        Ok(Weights {
            parameters: self.stepper.read("parameters")?,
            statistics: self.stepper.read("statistics")?,
        })
    }

    /// The training as it stands between two steps.
    fn checkpoint(&self, observer: &dyn Observer) -> Result<Checkpoint, End> {
        observer.alive(Phase::Reading);
        let read = |name: &String| Ok(StateVector { name: name.clone(), values: self.stepper.read(name)? });
        let state = self.state.iter().map(read).collect::<Result<Vec<_>, RuntimeError>>()?;
        let (record, memory) = (self.record.clone(), self.watch.memory());
        Ok(Checkpoint::new(self.assignment.identity(), state, record, memory, self.seconds()))
    }

    /// Without validation no epoch is better than another, and the weights are those of the last step, however the
    /// training ended but by failing.
    fn keep_last_weights(&mut self, end: &Result<(), End>, observer: &dyn Observer) -> Result<(), End> {
        let usable = end.as_ref().err().is_none_or(|end| end.outcome.has_fitness());
        if !self.assignment.valid.is_empty() || !usable || self.record.steps == 0 {
            return Ok(());
        }
        let weights = self.weights(observer)?;
        if !weights.are_finite() {
            return Err(End::new(
                Outcome::Diverged,
                "the last step left weights that are no numbers".to_owned(),
            ));
        }
        self.record.weights = Some(weights);
        Ok(())
    }
}

fn check_memory(programs: &Programs, assignment: &Assignment<'_>) -> Result<(), End> {
    if programs.memory_bytes <= assignment.memory_bytes_max {
        return Ok(());
    }
    let message = format!(
        "the training needs about {} MiB, the limit is {} MiB",
        programs.memory_bytes >> 20,
        assignment.memory_bytes_max >> 20
    );
    Err(End::new(Outcome::OutOfMemory, message))
}

/// The checkpoint to go on from and its state, where there is one that is of this training.
fn resumed<'a>(
    assignment: &Assignment<'a>,
    initial: &[StateVector],
    sampler: &Sampler,
) -> Option<(&'a Checkpoint, Vec<StateVector>)> {
    let checkpoint = assignment.resume?;
    let fitting = || -> Result<Vec<StateVector>, CheckpointError> {
        checkpoint.check(&assignment.identity())?;
        checkpoint.state_like(initial, sampler.steps_per_epoch() as u64)
    };
    match fitting() {
        Ok(state) => Some((checkpoint, state)),
        Err(error) => {
            tracing::warn!("the training begins from the beginning: {error}");
            None
        }
    }
}

/// Ends what is under way where its observer wishes so.
pub(super) fn heed(wish: Wish) -> Result<(), End> {
    match wish {
        Wish::GoOn => Ok(()),
        Wish::Stop => Err(End::new(Outcome::Stopped, "stopped on request")),
        Wish::HandBack => Err(End::new(Outcome::WorkerLost, "handed back")),
        Wish::Yield { used_bytes, allowed_bytes, excess } => {
            Err(End::new(Outcome::OutOfMemory, too_much(used_bytes, allowed_bytes, excess)))
        }
    }
}

/// What is said of memory that is more than it may be.
fn too_much(used_bytes: u64, allowed_bytes: u64, excess: Excess) -> String {
    let [used, allowed] = [used_bytes, allowed_bytes].map(|bytes| bytes >> 20);
    match excess {
        Excess::Growth => format!(
            "the process has grown by {used} MiB since it began, {allowed} MiB are allowed: more than was predicted"
        ),
        Excess::Host { before_bytes } if before_bytes > allowed_bytes => format!(
            "the worker process has {used} MiB of its host's memory, of them {} MiB since before this training began \
             (its data and libraries included), limits.host_memory_mib = {allowed}; raise limits.host_memory_mib",
            before_bytes >> 20
        ),
        Excess::Host { .. } => format!(
            "the worker process has {used} MiB of its host's memory, limits.host_memory_mib = {allowed}"
        ),
    }
}

/// Whether a look is due after so many steps of an epoch; its end is looked at anyway.
fn is_probed(step: u64, steps_per_epoch: u64) -> bool {
    let distance = (steps_per_epoch / (PROBES_PER_EPOCH + 1)).max(PROBE_DISTANCE_STEPS_MIN);
    step.is_multiple_of(distance) && steps_per_epoch - step >= distance
}

/// Samples for a look: spread over all, since data sets may be sorted by class.
fn probe_of(valid: &[u32]) -> Vec<u32> {
    valid.iter().step_by(valid.len().div_ceil(PROBE_SAMPLES_MAX).max(1)).copied().collect()
}

/// Sums of all batches; `between` is asked before each and may end it.
pub(super) fn sums_over<E: From<RuntimeError>>(
    evaluator: &mut Evaluator,
    set: usize,
    indices: &[u32],
    batch: usize,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Sums, E> {
    let mut sums = Sums { samples: indices.len() as u64, ..Sums::default() };
    for part in weighted_batches(indices, batch) {
        between()?;
        let found = evaluator.evaluate(set, &part.index, &part.weight)?;
        sums.loss += f64::from(found.loss);
        sums.correct += f64::from(found.correct);
        add_each(&mut sums.counts, found.counts);
        add_each(&mut sums.squares, found.squares);
    }
    Ok(sums)
}

fn add_each(sums: &mut Vec<f64>, found: &[f32]) {
    sums.resize(found.len(), 0.0);
    for (sum, value) in sums.iter_mut().zip(found) {
        *sum += f64::from(*value);
    }
}

impl From<RuntimeError> for End {
    fn from(error: RuntimeError) -> Self {
        let outcome = match error {
            RuntimeError::OutOfMemory { .. } => Outcome::OutOfMemory,
            _ => Outcome::Crashed,
        };
        Self::new(outcome, error.to_string())
    }
}

#[cfg(test)]
mod tests;
