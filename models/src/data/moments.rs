//! Means and deviations of raw values, channel by channel, in 64-bit floats.
//!
//! It must not know what they are for.

/// Sums over one channel: `squares` are of distances to `mean`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    count: u64,
    pub(super) mean: f64,
    squares: f64,
    pub(super) constant: bool,
}

impl Moments {
    /// The population's standard deviation.
    pub(super) fn deviation(&self) -> f64 {
        (self.squares / self.count.max(1) as f64).sqrt()
    }
}

/// Bytes have 256 values: counting them gives exact sums.
pub(super) fn of_bytes(
    values: &[u8],
    sample: usize,
    channels: usize,
    rows: impl Iterator<Item = usize>,
) -> Vec<Moments> {
    let mut counts = vec![[0_u64; 256]; channels];
    let plane = sample / channels.max(1);
    for row in rows {
        let start = row * sample;
        for (channel, counts) in values[start..start + sample].chunks_exact(plane.max(1)).zip(&mut counts) {
            channel.iter().for_each(|&value| counts[value as usize] += 1);
        }
    }
    let moments = |counts: &[u64; 256]| {
        let weighted = || counts.iter().enumerate().map(|(value, &count)| (value as f64, count as f64));
        let count: u64 = counts.iter().sum();
        let mean = weighted().map(|(value, count)| value * count).sum::<f64>() / count.max(1) as f64;
        let squares = weighted().map(|(value, count)| (value - mean).powi(2) * count).sum();
        let constant = counts.iter().filter(|&&count| count > 0).count() <= 1;
        Moments { count, mean, squares, constant }
    };
    counts.iter().map(moments).collect()
}

/// Two passes: the mean first, then distances to it, which stays exact where the mean is large. Missing values (NaN)
/// are left out.
pub(super) fn of_floats(
    values: &[f32],
    sample: usize,
    channels: usize,
    rows: impl Iterator<Item = usize> + Clone,
) -> Vec<Moments> {
    let plane = (sample / channels.max(1)).max(1);
    let rows = || rows.clone().map(|row| &values[row * sample..][..sample]);
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
    moments
}

/// The values that are not missing.
fn known(values: &[f32]) -> impl Iterator<Item = f32> {
    values.iter().copied().filter(|value| !value.is_nan())
}
