//! Checkpoints: everything that a training needs to go on elsewhere exactly as if it had not been interrupted.
//!
//! A checkpoint holds what was computed; what follows from the assignment (order of samples, seeds of draws, learning
//! rates) is drawn again. It belongs to one training only: that is checked, since numbers of another network would fit
//! many a time. Its bytes are a flat format of their own. It must not know sessions or devices.

use super::{
    outcome::{EpochReport, Weights},
    record::Record,
    runtime::StateVector,
    watch::Memory,
};
use crate::flat::{DIGEST_BYTES, FlatError, Format, Reader, Writer};

/// Change what is written, and raise the version.
const FORMAT: Format = Format { what: "checkpoint", magic: *b"htchckpt", version: 1 };

/// State of an interrupted training.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    identity: Identity,
    /// Parameters, statistics and moments, as the training step names them.
    state: Vec<StateVector>,
    record: Record,
    memory: Memory,
}

/// Why a training cannot go on from a checkpoint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes are none.
    #[error(transparent)]
    Bytes(#[from] FlatError),
    /// Of another training.
    #[error("the checkpoint is of a training with another {what}: it has {found}, this one {expected}")]
    Another {
        /// What differs.
        what: &'static str,
        /// The checkpoint's.
        found: String,
        /// The training's.
        expected: String,
    },
    /// A vector is missing, or not as long as the network's.
    #[error("the checkpoint does not fit the network: it has {found} of {what}, the network {expected}")]
    Layout {
        /// Which vector.
        what: String,
        /// Values in the checkpoint.
        found: usize,
        /// Values in the network.
        expected: usize,
    },
    /// Its own figures contradict each other.
    #[error(
        "the checkpoint contradicts itself: {steps} steps and {reports} reports in step {step} of epoch {epoch}, with \
         {steps_per_epoch} steps an epoch"
    )]
    Position {
        /// Steps in all.
        steps: u64,
        /// Reports.
        reports: usize,
        /// Steps of the epoch under way.
        step: u64,
        /// Epoch under way.
        epoch: u32,
        /// Steps of an epoch.
        steps_per_epoch: u64,
    },
}

/// Which training a checkpoint is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the network's structure.
    pub genome: [u8; DIGEST_BYTES],
    /// Seed of everything random in it.
    pub seed: u64,
    /// Planned epochs.
    pub epochs: u32,
    /// SHA-256 of the training's and validation's samples and of the normalisation.
    pub samples: [u8; DIGEST_BYTES],
}

impl Identity {
    fn check(&self, other: &Self) -> Result<(), CheckpointError> {
        let differ = |what, found: String, expected: String| {
            if found == expected { Ok(()) } else { Err(CheckpointError::Another { what, found, expected }) }
        };
        differ("network", hex(&self.genome), hex(&other.genome))?;
        differ("seed", self.seed.to_string(), other.seed.to_string())?;
        differ("selection of samples", hex(&self.samples), hex(&other.samples))?;
        differ("number of epochs", self.epochs.to_string(), other.epochs.to_string())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

impl Checkpoint {
    /// The checkpoint of a training that stands so. `seconds`: how long it has been under way in all.
    pub(super) fn new(
        identity: Identity,
        state: Vec<StateVector>,
        record: Record,
        memory: Memory,
        seconds: f64,
    ) -> Self {
        let record = Record { seconds_before: seconds, ..record };
        Self { identity, state, record, memory }
    }

    /// Planned epochs of the training: the learning rate's schedule spans them.
    pub fn epochs(&self) -> u32 {
        self.identity.epochs
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.record.steps
    }

    /// Finished epochs.
    pub fn curve(&self) -> &[EpochReport] {
        &self.record.curve
    }

    /// Seconds that the training has been under way.
    pub fn seconds(&self) -> f64 {
        self.record.seconds_before
    }

    /// Makes sure that it is of this training.
    ///
    /// # Errors
    /// Says what differs: network, seed, samples or planned epochs.
    pub fn check(&self, training: &Identity) -> Result<(), CheckpointError> {
        self.identity.check(training)
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn memory(&self) -> Memory {
        self.memory
    }

    /// The state, where it is laid out as `initial` and stands where a training with so many steps an epoch can stand.
    pub(super) fn state_like(
        &self,
        initial: &[StateVector],
        steps_per_epoch: u64,
    ) -> Result<Vec<StateVector>, CheckpointError> {
        self.check_layout(initial)?;
        let Record { steps, epoch, step, .. } = self.record;
        let reports = self.record.curve.len();
        let before = epoch.checked_sub(1).map(u64::from);
        let right = before.is_some_and(|before| {
            before == reports as u64
                && epoch <= self.identity.epochs
                && step <= steps_per_epoch
                && before.checked_mul(steps_per_epoch).and_then(|sum| sum.checked_add(step)) == Some(steps)
        });
        if !right {
            return Err(CheckpointError::Position { steps, reports, step, epoch, steps_per_epoch });
        }
        Ok(self.state.clone())
    }

    fn check_layout(&self, initial: &[StateVector]) -> Result<(), CheckpointError> {
        let length = |vectors: &[StateVector], name: &str| {
            vectors.iter().find(|vector| vector.name == name).map_or(0, |vector| vector.values.len())
        };
        let check = |what: &str, found: usize, expected: usize| {
            let what = what.to_owned();
            if found == expected { Ok(()) } else { Err(CheckpointError::Layout { what, found, expected }) }
        };
        check("state vectors", self.state.len(), initial.len())?;
        for vector in initial {
            check(&vector.name, length(&self.state, &vector.name), vector.values.len())?;
        }
        let Some(best) = &self.record.weights else { return Ok(()) };
        check("the best epoch's parameters", best.parameters.len(), length(initial, "parameters"))?;
        check("the best epoch's statistics", best.statistics.len(), length(initial, "statistics"))
    }

    /// As bytes for another process, checksum included.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(&FORMAT, self.payload_bytes());
        writer.raw(&self.identity.genome);
        writer.u64(self.identity.seed);
        writer.u32(self.identity.epochs);
        writer.raw(&self.identity.samples);
        write_record(&mut writer, &self.record);
        write_memory(&mut writer, &self.memory);
        writer.u32(self.state.len() as u32);
        for vector in &self.state {
            writer.text(&vector.name);
            writer.floats(&vector.values);
        }
        writer.sealed()
    }

    /// About as many bytes as will be written, so that they are not moved meanwhile.
    fn payload_bytes(&self) -> usize {
        const FIGURES_BYTES: usize = 512;
        const REPORT_BYTES: usize = 36;
        let best = self.record.weights.as_ref();
        let best = best.map_or(0, |weights| weights.parameters.len() + weights.statistics.len());
        let state: usize = self.state.iter().map(|vector| vector.values.len()).sum();
        FIGURES_BYTES + REPORT_BYTES * self.record.curve.len() + size_of::<f32>() * (best + state)
    }

    /// From the bytes of `to_bytes`. Whether it is of a certain training, `check` says.
    ///
    /// # Errors
    /// Where they are something else, damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let mut reader = Reader::open_sealed(&FORMAT, bytes)?;
        let identity = Identity {
            genome: reader.digest("the network")?,
            seed: reader.u64("the seed")?,
            epochs: reader.u32("the epochs")?,
            samples: reader.digest("the samples")?,
        };
        let record = read_record(&mut reader)?;
        let memory = read_memory(&mut reader)?;
        let mut state = Vec::new();
        for _ in 0..reader.u32("the number of state vectors")? {
            let name = reader.text("the name of a state vector")?;
            state.push(StateVector { name, values: reader.floats("a state vector")? });
        }
        reader.end()?;
        Ok(Self { identity, state, record, memory })
    }
}

fn write_record(writer: &mut Writer, record: &Record) {
    writer.u64(record.steps);
    writer.u32(record.epoch);
    writer.u64(record.step);
    writer.f64(record.loss_sum);
    writer.flag(record.look_due);
    writer.f64(record.build_seconds);
    writer.f64(record.seconds_before);
    writer.u64(record.curve.len() as u64);
    for report in &record.curve {
        writer.u32(report.epoch);
        let EpochReport { training_loss, validation_loss, validation_score, seconds, .. } = *report;
        for figure in [training_loss, validation_loss, validation_score, seconds] {
            writer.f64(figure);
        }
    }
    writer.flag(record.weights.is_some());
    if let Some(weights) = &record.weights {
        writer.floats(&weights.parameters);
        writer.floats(&weights.statistics);
    }
}

fn read_record(reader: &mut Reader<'_>) -> Result<Record, FlatError> {
    let mut record = Record {
        steps: reader.u64("the steps")?,
        epoch: reader.u32("the epoch")?,
        step: reader.u64("the epoch's steps")?,
        loss_sum: reader.f64("the sum of losses")?,
        look_due: reader.flag("whether a look is due")?,
        build_seconds: reader.f64("the seconds of preparation")?,
        seconds_before: reader.f64("the seconds")?,
        ..Record::default()
    };
    for _ in 0..reader.u64("the number of reports")? {
        record.curve.push(EpochReport {
            epoch: reader.u32("a report's epoch")?,
            training_loss: reader.f64("a report's training loss")?,
            validation_loss: reader.f64("a report's validation loss")?,
            validation_score: reader.f64("a report's score")?,
            seconds: reader.f64("a report's seconds")?,
        });
    }
    if reader.flag("whether there are best weights")? {
        let parameters = reader.floats("the best epoch's parameters")?;
        record.weights =
            Some(Weights { parameters, statistics: reader.floats("the best epoch's statistics")? });
    }
    Ok(record)
}

fn write_memory(writer: &mut Writer, memory: &Memory) {
    writer.u32(memory.exploded_steps);
    writer.u32(memory.dead_looks);
    writer.flag(memory.last_probe.is_some());
    writer.f64(memory.last_probe.unwrap_or(0.0));
    writer.f64(memory.best_score);
    writer.f64(memory.best_loss);
    writer.u32(memory.epochs_without_better);
}

fn read_memory(reader: &mut Reader<'_>) -> Result<Memory, FlatError> {
    let exploded_steps = reader.u32("the exploded steps")?;
    let dead_looks = reader.u32("the dead looks")?;
    let was_probed = reader.flag("whether there was a look")?;
    let last_probe = reader.f64("the last look's loss")?;
    Ok(Memory {
        exploded_steps,
        dead_looks,
        last_probe: was_probed.then_some(last_probe),
        best_score: reader.f64("the best score")?,
        best_loss: reader.f64("the best loss")?,
        epochs_without_better: reader.u32("the epochs without a better one")?,
    })
}

#[cfg(test)]
mod tests;
