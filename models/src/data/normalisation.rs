//! Means and standard deviations of the training part.

use super::{
    Dataset, Encoding, Normalisation, Samples, Targets,
    moments::{Moments, of_bytes, of_floats},
};

impl Normalisation {
    /// Statistics of the samples at `indices`: per channel of images, per feature of tables, and per
    /// regression target.
    ///
    /// Population deviation, accumulated in 64-bit floats. What is constant (or varies by less than a 32-bit
    /// float can express) gets deviation 1, so that it normalises to 0. Without indices all means are 0, all
    /// deviations 1. Values that are missing do not count. Indices must lie within the data set, as those of a split
    /// do.
    pub fn of(dataset: &Dataset, indices: &[u32]) -> Self {
        let (sample, channels) = (dataset.values_per_sample(), dataset.raw_channels());
        let rows = indices.iter().map(|&index| index as usize);
        let (mean, deviation) = finished(&match &dataset.samples {
            Samples::U8(values) => of_bytes(values, sample, channels, rows.clone()),
            Samples::F32(values) => of_floats(values, sample, channels, rows.clone()),
        });
        let (target_mean, target_deviation) = match &dataset.targets {
            Targets::Classes { .. } => (Vec::new(), Vec::new()),
            Targets::Values { values, names } => finished(&of_floats(values, names.len(), names.len(), rows)),
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

fn finished(moments: &[Moments]) -> (Vec<f32>, Vec<f32>) {
    moments
        .iter()
        .map(|moments| {
            let deviation = moments.deviation() as f32;
            let usable = !moments.constant && deviation >= f32::MIN_POSITIVE && deviation.is_finite();
            (moments.mean as f32, if usable { deviation } else { 1.0 })
        })
        .unzip()
}
