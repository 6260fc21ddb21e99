//! The shape of a sample, and what a source is asked for before its values are read: sizes within the limits, labels of
//! the kind that is wanted.
//!
//! It must not know any file format.

use super::{DataError, Request, limits};

/// Shape of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleShape {
    pub(super) channels: u64,
    pub(super) height: u64,
    pub(super) width: u64,
}

impl SampleShape {
    /// A row of a table.
    pub(super) const fn row(features: u64) -> Self {
        Self { channels: features, height: 1, width: 1 }
    }

    /// Whether it is a row of a table.
    pub(super) const fn is_row(self) -> bool {
        self.height == 1 && self.width == 1
    }

    /// Values of `count` samples, or nothing where the number overflows.
    pub(super) fn values(self, count: u64) -> Option<u64> {
        self.channels.checked_mul(self.height)?.checked_mul(self.width)?.checked_mul(count)
    }
}

impl Request<'_> {
    /// Checks sizes as a header announces them, before anything is read. Returns the number of values.
    pub(super) fn check_sizes(
        &self,
        place: &str,
        shape: SampleShape,
        count: u64,
        value_bytes: u64,
    ) -> Result<u64, DataError> {
        let limit = |what, actual, limit, name, remedy| {
            if actual <= limit {
                return Ok(());
            }
            Err(DataError::TooLarge { place: place.into(), what, actual, limit, name, remedy })
        };
        let side = shape.height.max(shape.width);
        let scale_down = "scale the images down";
        limit("samples", count, limits::SAMPLES_MAX, "SAMPLES_MAX", "use a subset")?;
        limit("channels or columns", shape.channels, limits::COLUMNS_MAX, "COLUMNS_MAX", "leave some out")?;
        limit("pixels a side", side, limits::IMAGE_SIDE_PIXELS_MAX, "IMAGE_SIDE_PIXELS_MAX", scale_down)?;
        let values = shape.values(count).unwrap_or(u64::MAX);
        let bytes = values.saturating_mul(value_bytes);
        let remedy = "use fewer or smaller samples";
        limit("bytes of values", bytes, self.values_bytes_max, "VALUES_BYTES_MAX", remedy)?;
        Ok(values)
    }

    /// For formats that hold class labels only.
    pub(super) fn expect_classification(&self) -> Result<(), DataError> {
        if self.options.task == hatchery_config::vocabulary::TaskKind::Classification {
            return Ok(());
        }
        Err(self.unsuitable(
            "this source holds class labels and no numbers to predict",
            "set data.task = \"classification\", or use csv: or npz: for regression",
        ))
    }

    /// An error about the source as a whole.
    pub(super) fn unsuitable(&self, problem: &str, remedy: &str) -> DataError {
        DataError::Unsuitable { origin: self.source.into(), problem: problem.into(), remedy: remedy.into() }
    }
}
