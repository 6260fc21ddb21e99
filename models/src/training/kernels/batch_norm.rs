//! Batch normalisation while training, and its gradient: channel by channel, so that what the first pass has read is
//! still in the cache for the others.

use super::{
    Kernel, Team,
    curves::{Curve, with_curve},
    division::ranges,
};
use crate::graph::choices::KernelActivation;
use std::sync::{Mutex, PoisonError};

/// Samples, channels and positions of `[N, C, P]`.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    samples: usize,
    channels: usize,
    positions: usize,
}

/// A planned batch normalisation.
#[derive(Debug)]
pub struct BatchNorm {
    sizes: Sizes,
    epsilon: f32,
    /// The non-linearity behind it.
    activation: Option<KernelActivation>,
}

/// A planned gradient of a batch normalisation.
#[derive(Debug)]
pub struct BatchNormGradient {
    sizes: Sizes,
    epsilon: f32,
    /// The non-linearity behind it.
    activation: Option<KernelActivation>,
}

/// What a channel is multiplied by, and what is added to it then.
#[derive(Clone, Copy, Debug)]
struct Affine {
    slope: f32,
    offset: f32,
}

impl Affine {
    /// The normalisation of a channel.
    fn of([scale, shift]: [f32; 2], [mean, variance]: [f32; 2], epsilon: f32) -> Self {
        let slope = scale / (variance + epsilon).sqrt();
        Self { slope, offset: shift - mean * slope }
    }

    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        x.mul_add(self.slope, self.offset)
    }
}

/// Samples, channels and positions, and what is added to the variance: from `[N, C, H, W]` and the bits of the latter.
pub fn sizes(sizes: &[i64]) -> Option<([usize; 3], f32)> {
    let &[samples, channels, height, width, epsilon] = sizes else { return None };
    let epsilon = f32::from_bits(u32::try_from(epsilon).ok()?);
    Some(([samples, channels, height * width].map(|size| size as usize), epsilon))
}

impl Sizes {
    /// Where a channel's values of one sample lie.
    fn plane(&self, sample: usize, channel: usize) -> std::ops::Range<usize> {
        let start = (sample * self.channels + channel) * self.positions;
        start..start + self.positions
    }

    /// The planes of a channel.
    fn planes(&self, channel: usize) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        (0..self.samples).map(move |sample| self.plane(sample, channel))
    }

    fn values(&self) -> f64 {
        (self.samples * self.positions) as f64
    }
}

impl BatchNorm {
    /// Plans a normalisation of `[samples, channels, positions]`; `epsilon` is added to the variance.
    pub fn new(
        [samples, channels, positions]: [usize; 3],
        epsilon: f32,
        activation: Option<KernelActivation>,
    ) -> Self {
        Self { sizes: Sizes { samples, channels, positions }, epsilon, activation }
    }
}

impl BatchNormGradient {
    /// Plans the gradient of a normalisation, and of the non-linearity behind it.
    pub fn new(
        [samples, channels, positions]: [usize; 3],
        epsilon: f32,
        activation: Option<KernelActivation>,
    ) -> Self {
        Self { sizes: Sizes { samples, channels, positions }, epsilon, activation }
    }
}

/// What one channel gets: its planes of an output, and one place in each of two vectors.
struct Written<'a> {
    planes: Vec<&'a mut [f32]>,
    numbers: [&'a mut f32; 2],
}

/// Divides a tensor and two vectors by channels.
fn by_channels<'a>(
    sizes: &Sizes,
    tensor: &'a mut [f32],
    vectors: [&'a mut [f32]; 2],
) -> Vec<Mutex<Written<'a>>> {
    let [one, other] = vectors;
    let numbers = one.iter_mut().zip(other);
    let mut channels: Vec<Written<'a>> = numbers
        .map(|(one, other)| Written { planes: Vec::with_capacity(sizes.samples), numbers: [one, other] })
        .collect();
    for (index, plane) in tensor.chunks_exact_mut(sizes.positions).enumerate() {
        channels[index % sizes.channels].planes.push(plane);
    }
    channels.into_iter().map(Mutex::new).collect()
}

/// Does something for each channel.
fn each_channel(
    channels: &[Mutex<Written<'_>>],
    team: &dyn Team,
    work: impl Fn(usize, &mut Written<'_>) + Sync,
) {
    let shares = ranges(channels.len(), team.threads());
    team.each(shares.len(), &|share| {
        for channel in shares[share].clone() {
            work(channel, &mut channels[channel].lock().unwrap_or_else(PoisonError::into_inner));
        }
    });
}

impl Kernel for BatchNorm {
    /// x `[N, C, P]`, scale `[C]`, shift `[C]`; y like x, mean `[C]` and variance `[C]` of the batch.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x, scale, shift], [y, mean, variance]) = (inputs, outputs) else { return };
        let channels = by_channels(&self.sizes, y, [mean, variance]);
        each_channel(&channels, team, |channel, written| {
            // SAFETY: kernels run only where the processor has AVX2.
            #[expect(unsafe_code, reason = "a function for a processor's feature")]
            unsafe {
                self.normalise(channel, x, [scale[channel], shift[channel]], written);
            }
        });
    }
}

impl BatchNorm {
    #[target_feature(enable = "avx2,fma")]
    fn normalise(&self, channel: usize, x: &[f32], [scale, shift]: [f32; 2], written: &mut Written<'_>) {
        // Loops: what is handed to an iterator's functions would be compiled without the processor's features.
        let (mut total, mut squares) = (0.0, 0.0);
        for plane in self.sizes.planes(channel) {
            total += sum(&x[plane]);
        }
        let mean = (total / self.sizes.values()) as f32;
        for plane in self.sizes.planes(channel) {
            squares += sum_of_squares(&x[plane], mean);
        }
        let variance = (squares / self.sizes.values()) as f32;
        let affine = Affine::of([scale, shift], [mean, variance], self.epsilon);
        for (plane, y) in self.sizes.planes(channel).zip(&mut written.planes) {
            match self.activation {
                None => map(&x[plane], y, |x| affine.at(x)),
                Some(activation) => {
                    with_curve!(activation, C => map(&x[plane], y, |x| C::value(affine.at(x))));
                }
            }
        }
        *written.numbers[0] = mean;
        *written.numbers[1] = variance;
    }
}

#[inline(always)]
fn map(x: &[f32], y: &mut [f32], function: impl Fn(f32) -> f32) {
    for (x, y) in x.iter().zip(y) {
        *y = function(*x);
    }
}

impl Kernel for BatchNormGradient {
    /// x `[N, C, P]`, scale, mean and variance `[C]`, the gradient of y like x, and where there is a non-linearity, the
    /// shift `[C]`. The gradients of x, scale and shift.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x, scale, mean, variance, upstream, shift @ ..], [dx, d_scale, d_shift]) = (inputs, outputs)
        else {
            return;
        };
        let channels = by_channels(&self.sizes, dx, [d_scale, d_shift]);
        each_channel(&channels, team, |channel, written| {
            let shift = shift.first().map_or(0.0, |shift| shift[channel]);
            let numbers = [[scale[channel], shift], [mean[channel], variance[channel]]];
            // SAFETY: kernels run only where the processor has AVX2.
            #[expect(unsafe_code, reason = "a function for a processor's feature")]
            unsafe {
                self.differentiate(channel, [x, upstream], numbers, written);
            }
        });
    }
}

impl BatchNormGradient {
    /// With i = 1 / √(variance + ε) and M values per channel: `dx = scale i (dy - Σ dy / M - (x - mean) i² Σ dy (x - mean)
    /// / M)`, where dy has come through the non-linearity.
    #[target_feature(enable = "avx2,fma")]
    fn differentiate(
        &self,
        channel: usize,
        [x, upstream]: [&[f32]; 2],
        [[scale, shift], [mean, variance]]: [[f32; 2]; 2],
        written: &mut Written<'_>,
    ) {
        let affine = Affine::of([scale, shift], [mean, variance], self.epsilon);
        let planes = self.sizes.planes(channel).zip(&mut written.planes);
        let (mut total, mut along) = (0.0, 0.0);
        for (place, dx) in planes {
            // What comes through the non-linearity is kept where dx will be.
            let upstream = match self.activation {
                None => &upstream[place.clone()],
                Some(activation) => {
                    let (x, upstream) = (&x[place.clone()], &upstream[place.clone()]);
                    with_curve!(activation, C => pass::<C>(affine, x, upstream, dx));
                    &**dx
                }
            };
            let sums = sums_along(&x[place], upstream, mean);
            total += sums[0];
            along += sums[1];
        }
        let inverse = 1.0 / (variance + self.epsilon).sqrt();
        let slope = scale * inverse;
        let count = self.sizes.values();
        let through_variance = -slope * inverse * inverse * (along / count) as f32;
        let offset = -slope * (total / count) as f32 - through_variance * mean;
        for (place, dx) in self.sizes.planes(channel).zip(&mut written.planes) {
            let x = &x[place.clone()];
            if self.activation.is_none() {
                for ((x, upstream), dx) in x.iter().zip(&upstream[place]).zip(&mut **dx) {
                    *dx = upstream.mul_add(slope, x.mul_add(through_variance, offset));
                }
            } else {
                for (x, dx) in x.iter().zip(&mut **dx) {
                    *dx = dx.mul_add(slope, x.mul_add(through_variance, offset));
                }
            }
        }
        *written.numbers[0] = along as f32 * inverse;
        *written.numbers[1] = total as f32;
    }
}

/// The gradient in front of a non-linearity behind an affine function.
#[inline(always)]
fn pass<C: Curve>(affine: Affine, x: &[f32], upstream: &[f32], to: &mut [f32]) {
    for ((x, upstream), to) in x.iter().zip(upstream).zip(to) {
        *to = upstream * C::slope(affine.at(*x));
    }
}

/// Sums that are added up side by side: four vectors' worth.
const SUMS: usize = 32;

#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f64 {
    reduce(values, |value| value)
}

#[inline(always)]
fn sum_of_squares(values: &[f32], mean: f32) -> f64 {
    reduce(values, |value| (value - mean) * (value - mean))
}

#[inline(always)]
fn reduce(values: &[f32], map: impl Fn(f32) -> f32) -> f64 {
    let mut sums = [0.0; SUMS];
    let mut chunks = values.chunks_exact(SUMS);
    for chunk in &mut chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += map(*value);
        }
    }
    let rest: f32 = chunks.remainder().iter().map(|value| map(*value)).sum();
    f64::from(sums.iter().sum::<f32>() + rest)
}

/// `Σ dy` and `Σ dy (x - mean)`.
#[inline(always)]
fn sums_along(x: &[f32], upstream: &[f32], mean: f32) -> [f64; 2] {
    const WIDTH: usize = SUMS / 2;
    let (mut total, mut along) = ([0.0; WIDTH], [0.0; WIDTH]);
    let (mut x, mut upstream) = (x.chunks_exact(WIDTH), upstream.chunks_exact(WIDTH));
    for (x, upstream) in x.by_ref().zip(upstream.by_ref()) {
        for index in 0..WIDTH {
            total[index] += upstream[index];
            along[index] = upstream[index].mul_add(x[index] - mean, along[index]);
        }
    }
    let rest = x.remainder().iter().zip(upstream.remainder());
    let rest = rest.fold([0.0; 2], |[total, along], (x, dy)| [total + dy, dy.mul_add(x - mean, along)]);
    [f64::from(total.iter().sum::<f32>() + rest[0]), f64::from(along.iter().sum::<f32>() + rest[1])]
}
