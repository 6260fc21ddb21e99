//! The training loop: steps, looks at validation samples, epochs, the best epoch's weights.
//!
//! It runs two models (training step, evaluation) without knowing what network is in them.

use super::{
    assignment::{Assignment, Observer, Verdict},
    outcome::{EpochReport, Outcome, Trained, Weights},
    programs::{EvaluationProgram, Programs},
    resident::Resident,
    runtime::{Evaluator, Runtime, RuntimeError, StepInputs, Stepper},
    sampler::{Sampler, weighted_batches},
    schedule::{learning_rate, warmup_steps},
    scores::{Reference, Scores, Sums},
    watch::{End, Progress, Watch},
};
use std::time::Instant;

/// Validation samples of a look amid an epoch, at most: enough to tell a dead network from a living one.
const PROBE_SAMPLES_MAX: usize = 256;
/// Looks in each of the first epochs, at equal distances, the epoch's end not counted.
const PROBES_PER_EPOCH: usize = 3;
/// Epochs with looks; later ones are watched at their ends.
const PROBED_EPOCHS: u32 = 2;
/// A look comes no sooner than this many steps after the one before: a network may need some to come alive.
const PROBE_DISTANCE_STEPS_MIN: usize = 20;

/// Trains a network. Every way in which that can end is an outcome, none an error.
pub fn train(
    runtime: &Runtime,
    resident: &Resident,
    assignment: &Assignment<'_>,
    observer: &mut dyn Observer,
) -> Trained {
    let clock = Instant::now();
    let mut record = Record::default();
    let end = Run::prepare(runtime, resident, assignment, clock)
        .and_then(|mut run| {
            let end = run.all_epochs(&mut record, observer);
            run.keep_last_weights(&mut record, &end)?;
            end
        })
        .err()
        .unwrap_or_else(|| End::new(Outcome::Completed, ""));
    Trained {
        outcome: end.outcome,
        message: end.message,
        curve: record.curve,
        weights: record.weights,
        steps: record.steps,
        build_seconds: record.build_seconds,
        seconds: clock.elapsed().as_secs_f64(),
    }
}

/// What remains of a training, however it ends.
#[derive(Debug, Default)]
struct Record {
    curve: Vec<EpochReport>,
    weights: Option<Weights>,
    steps: u64,
    build_seconds: f64,
}

struct Run<'a> {
    runtime: &'a Runtime,
    resident: &'a Resident,
    assignment: &'a Assignment<'a>,
    clock: Instant,
    sampler: Sampler,
    watch: Watch,
    reference: Reference,
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
    ) -> Result<Self, End> {
        if assignment.train.is_empty() {
            return Err(End::new(Outcome::Crashed, "there are no samples to train on"));
        }
        let programs = Programs::of(runtime, resident, assignment)?;
        if programs.memory_bytes > assignment.memory_bytes_max {
            let message = format!(
                "the training needs about {} MiB, the limit is {} MiB",
                programs.memory_bytes >> 20,
                assignment.memory_bytes_max >> 20
            );
            return Err(End::new(Outcome::OutOfMemory, message));
        }
        let reference = Reference::of(resident.dataset(), assignment.normalisation, assignment.valid);
        let shared = resident.shared();
        let stepper = Stepper::new(runtime, &programs.step, &shared, &programs.state, programs.batch)?;
        Ok(Self {
            runtime,
            resident,
            assignment,
            clock,
            sampler: Sampler::new(assignment.train, programs.batch, assignment.seed),
            watch: Watch::new(reference.clone(), assignment.majority_patience, assignment.patience),
            reference,
            stepper,
            evaluator: None,
        })
    }

    fn all_epochs(&mut self, record: &mut Record, observer: &mut dyn Observer) -> Result<(), End> {
        for epoch in 1..=self.assignment.epochs {
            let training_loss = self.epoch_steps(epoch, record, observer)?;
            let (scores, better) = self.validate(epoch, record.steps, training_loss, observer)?;
            if better {
                record.weights = Some(self.weights()?);
            }
            let report = EpochReport {
                epoch,
                training_loss,
                validation_loss: scores.loss,
                validation_score: scores.score,
                seconds: self.clock.elapsed().as_secs_f64(),
            };
            record.curve.push(report);
            if observer.epoch(&report) == Verdict::Stop {
                return Err(End::new(Outcome::Stopped, format!("stopped after epoch {epoch} on request")));
            }
            if self.watch.is_patience_spent() && epoch < self.assignment.epochs {
                let patience = self.assignment.patience;
                return Err(End::new(Outcome::Stopped, format!("nothing better for {patience} epochs")));
            }
        }
        Ok(())
    }

    /// Returns the mean loss of the epoch's steps.
    fn epoch_steps(
        &mut self,
        epoch: u32,
        record: &mut Record,
        observer: &mut dyn Observer,
    ) -> Result<f64, End> {
        self.sampler.shuffle();
        let steps = self.sampler.steps_per_epoch();
        let distance = (steps / (PROBES_PER_EPOCH + 1)).max(PROBE_DISTANCE_STEPS_MIN);
        let mut loss_sum = 0.0_f64;
        for step in 0..steps {
            self.interrupted(observer)?;
            let loss = self.step(step, record.steps)?;
            record.steps += 1;
            if record.steps == 1 {
                record.build_seconds = self.clock.elapsed().as_secs_f64();
            }
            self.watch.on_step(record.steps, loss)?;
            loss_sum += f64::from(loss);
            let is_probed = epoch <= PROBED_EPOCHS && (step + 1) % distance == 0 && steps - step > distance;
            if is_probed && !self.assignment.valid.is_empty() {
                let scores = self.evaluate(&probe_of(self.assignment.valid), observer)?;
                self.watch.on_probe(self.progress(epoch - 1, record.steps), &scores)?;
            }
        }
        Ok(loss_sum / steps as f64)
    }

    /// Takes the epoch's `step`th step, after `taken` steps in all.
    fn step(&mut self, step: usize, taken: u64) -> Result<f32, End> {
        let genes = &self.assignment.genome.training;
        let rate = learning_rate(genes.schedule, genes.learning_rate, taken, self.planned_steps());
        let (index, seed) = self.sampler.step(step);
        let inputs = StepInputs { index, learning_rate: rate, step: taken as i64 + 1, seed };
        Ok(self.stepper.step(inputs)?)
    }

    fn planned_steps(&self) -> u64 {
        self.sampler.steps_per_epoch() as u64 * u64::from(self.assignment.epochs)
    }

    fn progress(&self, epochs: u32, steps: u64) -> Progress {
        let warmup = warmup_steps(self.assignment.genome.training.schedule, self.planned_steps());
        Progress { epochs, steps, last: epochs == self.assignment.epochs, settled: steps > warmup }
    }

    /// Ends the training where its time is over or it was asked to stop.
    fn interrupted(&self, observer: &dyn Observer) -> Result<(), End> {
        if observer.stop_requested() {
            return Err(End::new(Outcome::Stopped, "stopped on request"));
        }
        match self.assignment.seconds_max {
            Some(seconds) if self.clock.elapsed().as_secs_f64() >= seconds => {
                Err(End::new(Outcome::TimedOut, format!("the limit of {seconds} seconds is over")))
            }
            _ => Ok(()),
        }
    }

    /// Validates an epoch, where there are samples for it; says whether its weights are the best so far.
    fn validate(
        &mut self,
        epoch: u32,
        steps: u64,
        training_loss: f64,
        observer: &dyn Observer,
    ) -> Result<(Scores, bool), End> {
        if self.assignment.valid.is_empty() {
            let scores =
                Scores { loss: training_loss, score: 0.0, correct: 0, count: 0, one_class_share: 0.0 };
            return Ok((scores, false));
        }
        let scores = self.evaluate(self.assignment.valid, observer)?;
        let better = self.watch.on_epoch(self.progress(epoch, steps), &scores)?;
        Ok((scores, better))
    }

    fn evaluate(&mut self, indices: &[u32], observer: &dyn Observer) -> Result<Scores, End> {
        let (mut evaluator, batch) = match self.evaluator.take() {
            Some(evaluator) => evaluator,
            None => self.new_evaluator()?,
        };
        let set = self.stepper.turn();
        let sums = sums_over(&mut evaluator, set, indices, batch, &mut || self.interrupted(observer))?;
        self.evaluator = Some((evaluator, batch));
        Ok(sums.scores(&self.reference))
    }

    /// Made when it is first needed: the first step comes sooner, and a training that fails before never pays for it.
    fn new_evaluator(&self) -> Result<(Evaluator, usize), End> {
        let Assignment { genome, normalisation, valid, .. } = self.assignment;
        let program = EvaluationProgram::of(self.runtime, self.resident, genome, normalisation, valid.len())?;
        let sizes = (program.batch, program.classes);
        let shared = self.resident.shared();
        let evaluator = Evaluator::of_training(self.runtime, &program.model, &shared, &self.stepper, sizes)?;
        Ok((evaluator, program.batch))
    }

    fn weights(&self) -> Result<Weights, End> {
        Ok(Weights {
            parameters: self.stepper.read("parameters")?,
            statistics: self.stepper.read("statistics")?,
        })
    }

    /// Without validation no epoch is better than another, and the weights are those of the last step, however the
    /// training ended but by failing.
    fn keep_last_weights(&self, record: &mut Record, end: &Result<(), End>) -> Result<(), End> {
        let usable = end.as_ref().err().is_none_or(|end| end.outcome.has_fitness());
        if self.assignment.valid.is_empty() && usable && record.steps > 0 {
            record.weights = Some(self.weights()?);
        }
        Ok(())
    }
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
        sums.counts.resize(found.counts.len(), 0.0);
        for (sum, count) in sums.counts.iter_mut().zip(found.counts) {
            *sum += f64::from(*count);
        }
    }
    Ok(sums)
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
