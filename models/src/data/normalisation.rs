//! Means and standard deviations of the training part.

use super::{
    Dataset, Encoding, Normalisation, Samples, Targets,
    moments::{Moments, of_bytes, of_floats},
};

impl Normalisation {
    /// Statistics of the samples at `indices`: per channel of images, per feature of tables, and per
    /// regression target.
    ///
    /// Population deviation, accumulated in 64-bit floats. Inputs that are constant or missing in all of these samples
    /// (or vary by less than a 32-bit float can express) get an infinite deviation, which makes them 0 whatever they
    /// are in other samples: the weights behind them are never trained. Such targets get deviation 1. Values that are
    /// missing do not count. Indices must lie within the data set, as those of a split do.
    pub fn of(dataset: &Dataset, indices: &[u32]) -> Self {
        let (sample, channels) = (dataset.values_per_sample(), dataset.raw_channels());
        let rows = indices.iter().map(|&index| index as usize);
        let inputs = match &dataset.samples {
            Samples::U8(values) => of_bytes(values, sample, channels, rows.clone()),
            Samples::F32(values) => of_floats(values, sample, channels, rows.clone()),
        };
        let (mean, deviation) = finished(&inputs, f32::INFINITY);
        let (target_mean, target_deviation) = match &dataset.targets {
            Targets::Classes { .. } => (Vec::new(), Vec::new()),
            Targets::Values { values, names } => {
                finished(&of_floats(values, names.len(), names.len(), rows), 1.0)
            }
        };
        let encoding = Encoding::of(dataset, indices);
        let (mean, deviation) = match &encoding {
            Some(Encoding { numbers, .. }) => {
                numbers.iter().map(|&column| (mean[column], deviation[column])).unzip()
            }
            None => (mean, deviation),
        };
        Self { mean, deviation, target_mean, target_deviation, encoding }
    }
}

/// Means and deviations; `of_constants` is the deviation of what does not vary.
fn finished(moments: &[Moments], of_constants: f32) -> (Vec<f32>, Vec<f32>) {
    moments
        .iter()
        .map(|moments| {
            let deviation = moments.deviation() as f32;
            let usable = !moments.constant && deviation >= f32::MIN_POSITIVE && deviation.is_finite();
            (moments.mean as f32, if usable { deviation } else { of_constants })
        })
        .unzip()
}
