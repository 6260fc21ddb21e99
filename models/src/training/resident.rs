//! A data set on a device, shared by all its trainers.

use super::runtime::{HostValues, Runtime, RuntimeError, Shared};
use crate::{
    data::{Dataset, Samples, Targets},
    graph::ElementType,
};
use std::sync::Arc;

/// A data set whose samples and targets lie on a device, once for all trainers of it.
#[derive(Debug)]
pub struct Resident {
    dataset: Arc<Dataset>,
    samples: Shared,
    targets: Shared,
}

impl Resident {
    /// Places a data set on the runtime's device.
    ///
    /// # Errors
    /// Where the device has not enough memory.
    pub fn new(runtime: &Runtime, dataset: Arc<Dataset>) -> Result<Self, RuntimeError> {
        let samples = match &dataset.samples {
            Samples::U8(values) => HostValues::U8(values.clone()),
            Samples::F32(values) => HostValues::F32(values.clone()),
        };
        let (targets_shape, targets) = match &dataset.targets {
            Targets::Classes { labels, .. } => (vec![dataset.count], HostValues::I64(labels.clone())),
            Targets::Values { values, names } => {
                (vec![dataset.count, names.len()], HostValues::F32(values.clone()))
            }
        };
        let samples = Shared::new(runtime, &dataset.shape(dataset.count), samples)?;
        let targets = Shared::new(runtime, &targets_shape, targets)?;
        Ok(Self { dataset, samples, targets })
    }

    /// The data set.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Element type of the samples.
    pub fn element(&self) -> ElementType {
        match self.dataset.samples {
            Samples::U8(_) => ElementType::U8,
            Samples::F32(_) => ElementType::F32,
        }
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        let targets = match &self.dataset.targets {
            Targets::Classes { labels, .. } => size_of_val(labels.as_slice()),
            Targets::Values { values, .. } => size_of_val(values.as_slice()),
        };
        (self.dataset.values_per_sample() * self.dataset.count * self.element().bytes() + targets) as u64
    }

    /// The inputs that all its graphs read.
    pub(super) fn shared(&self) -> [(&'static str, &Shared); 2] {
        [("samples", &self.samples), ("targets", &self.targets)]
    }
}
