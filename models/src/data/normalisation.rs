//! Means and standard deviations of the training part.

use super::{Dataset, Encoding, Normalisation, Samples, Targets};

impl Normalisation {
    /// Statistics of the samples at `indices`: per channel of images, per feature of tables, and per
    /// regression target.
    ///
    /// Population deviation, accumulated in 64-bit floats. What is constant (or varies by less than a 32-bit
    /// float can express) gets deviation 1, so that it normalises to 0. Without indices all means are 0, all
    /// deviations 1. Values that are missing do not count. Indices must lie within the data set, as those of a split
    /// do.
    pub fn of(dataset: &Dataset, indices: &[u32]) -> Self {
        let channels = dataset.raw_channels();
        let mut moments = vec![Moments::default(); channels];
        let (mean, deviation) = match &dataset.samples {
            Samples::U8(values) => {
                accumulate_bytes(values, dataset.values_per_sample(), indices, &mut moments);
                finished(&moments)
            }
            Samples::F32(values) => of_floats(values, dataset.values_per_sample(), channels, indices),
        };
        let (target_mean, target_deviation) = match &dataset.targets {
            Targets::Classes { .. } => (Vec::new(), Vec::new()),
            Targets::Values { values, names } => of_floats(values, names.len(), names.len(), indices),
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

/// Sums over one channel: `squares` are of distances to `mean`.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    constant: bool,
}

/// Bytes have 256 values: counting them gives exact sums.
fn accumulate_bytes(values: &[u8], sample: usize, indices: &[u32], moments: &mut [Moments]) {
    let mut counts = vec![[0_u64; 256]; moments.len()];
    let plane = sample / moments.len().max(1);
    for &index in indices {
        let start = index as usize * sample;
        for (channel, counts) in values[start..start + sample].chunks_exact(plane.max(1)).zip(&mut counts) {
            channel.iter().for_each(|&value| counts[value as usize] += 1);
        }
    }
    for (moments, counts) in moments.iter_mut().zip(&counts) {
        let weighted = || counts.iter().enumerate().map(|(value, &count)| (value as f64, count as f64));
        let count: u64 = counts.iter().sum();
        let mean = weighted().map(|(value, count)| value * count).sum::<f64>() / count.max(1) as f64;
        let squares = weighted().map(|(value, count)| (value - mean).powi(2) * count).sum();
        let constant = counts.iter().filter(|&&count| count > 0).count() <= 1;
        *moments = Moments { count, mean, squares, constant };
    }
}

/// Two passes: the mean first, then distances to it, which stays exact where the mean is large. Missing values (NaN)
/// are left out.
fn of_floats(values: &[f32], sample: usize, channels: usize, indices: &[u32]) -> (Vec<f32>, Vec<f32>) {
    let plane = (sample / channels.max(1)).max(1);
    let rows = || indices.iter().map(|&index| &values[index as usize * sample..][..sample]);
    let mut moments = vec![Moments { constant: true, ..Moments::default() }; channels];
    let mut first = vec![None; channels];
    for row in rows() {
        for ((channel, moments), first) in row.chunks_exact(plane).zip(&mut moments).zip(&mut first) {
            let Some(one) = known(channel).next() else { continue };
            let first = *first.get_or_insert(one);
            moments.count += known(channel).count() as u64;
            moments.mean += known(channel).map(f64::from).sum::<f64>();
            moments.constant &= known(channel).all(|value| value == first);
        }
    }
    for (moments, first) in moments.iter_mut().zip(&first) {
        // The sum of equal numbers, divided, need not be that number again.
        moments.mean = match first {
            Some(first) if moments.constant => f64::from(*first),
            _ => moments.mean / moments.count.max(1) as f64,
        };
    }
    for row in rows() {
        for (channel, moments) in row.chunks_exact(plane).zip(&mut moments) {
            let mean = moments.mean;
            moments.squares += known(channel).map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        }
    }
    finished(&moments)
}

/// The values that are not missing.
fn known(values: &[f32]) -> impl Iterator<Item = f32> {
    values.iter().copied().filter(|value| !value.is_nan())
}

fn finished(moments: &[Moments]) -> (Vec<f32>, Vec<f32>) {
    moments
        .iter()
        .map(|moments| {
            let deviation = (moments.squares / moments.count.max(1) as f64).sqrt() as f32;
            let usable = !moments.constant && deviation >= f32::MIN_POSITIVE && deviation.is_finite();
            (moments.mean as f32, if usable { deviation } else { 1.0 })
        })
        .unzip()
}
