//! Local response normalisation across channels with its usual exponent of 3/4, and its gradient: a few positions of all
//! channels at a time, so that each value comes from memory once.

use super::{Kernel, Team, rectifier::pass, team::each_part};
use std::ops::Range;

/// Positions that are computed together; with their neighbours' channels they stay in the nearest cache.
const POSITIONS: usize = 64;

/// Sizes of the samples of `[N, C, P]`, and what makes up `s = bias + weight Σ x²`, the sum running over the channels around each.
#[derive(Clone, Copy, Debug)]
pub struct Responses {
    channels: usize,
    positions: usize,
    /// Channels to either side that are in the sum.
    reach: usize,
    weight: f32,
    bias: f32,
}

/// A planned normalisation: `x s^(-3/4)`.
#[derive(Debug)]
pub struct LocalResponseNorm {
    responses: Responses,
    /// Whether negative results become 0.
    rectified: bool,
}

/// A planned gradient of a normalisation.
#[derive(Debug)]
pub struct LocalResponseNormGradient {
    responses: Responses,
}

impl Responses {
    /// From `[N, C, H, W]`, the number of channels in a sum, and the bits of alpha, by which the mean of the squares is
    /// multiplied, and of the bias.
    pub fn from_sizes(sizes: &[i64]) -> Option<Self> {
        let &[_, channels, height, width, size, alpha, bias] = sizes else { return None };
        let number = |bits: i64| Some(f32::from_bits(u32::try_from(bits).ok()?));
        Some(Self {
            channels: channels as usize,
            positions: (height * width) as usize,
            reach: (size / 2) as usize,
            weight: number(alpha)? / size as f32,
            bias: number(bias)?,
        })
    }

    fn sample(&self) -> usize {
        self.channels * self.positions
    }

    /// Channels in whose sums this one is.
    fn around(&self, channel: usize) -> Range<usize> {
        channel.saturating_sub(self.reach)..(channel + self.reach + 1).min(self.channels)
    }

    /// Some positions of a channel of a sample.
    fn row(&self, channel: usize, start: usize) -> Range<usize> {
        let first = channel * self.positions;
        first + start..first + (start + POSITIONS).min(self.positions)
    }

    /// s of some positions of a channel.
    #[inline(always)]
    fn scales(&self, x: &[f32], channel: usize, start: usize) -> [f32; POSITIONS] {
        let mut sums = [0.0; POSITIONS];
        for near in self.around(channel) {
            for (sum, x) in sums.iter_mut().zip(&x[self.row(near, start)]) {
                *sum = x.mul_add(*x, *sum);
            }
        }
        for sum in &mut sums {
            *sum = self.weight.mul_add(*sum, self.bias);
        }
        sums
    }

    /// Does something for each sample, of which it gets the number and its part of a tensor.
    fn each_sample<S>(
        &self,
        to: &mut [f32],
        team: &dyn Team,
        scratch: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, Range<usize>, &mut [f32]) + Sync,
    ) {
        each_part(to, self.sample(), team, |samples, to| {
            let mut scratch = scratch();
            for (sample, to) in samples.zip(to.chunks_exact_mut(self.sample())) {
                work(&mut scratch, sample * self.sample()..(sample + 1) * self.sample(), to);
            }
        });
    }
}

impl LocalResponseNorm {
    /// Plans a normalisation.
    pub fn new(responses: Responses, rectified: bool) -> Self {
        Self { responses, rectified }
    }

    #[target_feature(enable = "avx2,fma")]
    fn normalise(&self, x: &[f32], y: &mut [f32]) {
        let least = if self.rectified { 0.0 } else { f32::NEG_INFINITY };
        for start in (0..self.responses.positions).step_by(POSITIONS) {
            for channel in 0..self.responses.channels {
                let scales = self.responses.scales(x, channel, start);
                let row = self.responses.row(channel, start);
                for ((x, y), scale) in x[row.clone()].iter().zip(&mut y[row]).zip(&scales) {
                    let root = scale.sqrt();
                    let value = x / (root * root.sqrt());
                    // What is no number stays none.
                    *y = if value < least { least } else { value };
                }
            }
        }
    }
}

impl Kernel for LocalResponseNorm {
    /// x `[N, C, P]`; y like it.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x], [y]) = (inputs, outputs) else { return };
        self.responses.each_sample(
            y,
            team,
            || (),
            |(), sample, y| {
                // SAFETY: kernels run only where the processor has AVX2 and FMA.
                #[expect(unsafe_code, reason = "a function for a processor's feature")]
                unsafe {
                    self.normalise(&x[sample], y);
                }
            },
        );
    }
}

impl LocalResponseNormGradient {
    /// Plans the gradient of a normalisation.
    pub fn new(responses: Responses) -> Self {
        Self { responses }
    }

    /// `dx = dy s^(-3/4) - 3/2 weight x Σ dy x s^(-7/4)`, the sum running over the channels around each. `ratios` has room
    /// for what is added up.
    #[target_feature(enable = "avx2,fma")]
    fn differentiate(
        &self,
        [x, upstream, rectified]: [&[f32]; 3],
        ratios: &mut [[f32; POSITIONS]],
        dx: &mut [f32],
    ) {
        let Responses { channels, positions, weight, .. } = self.responses;
        for start in (0..positions).step_by(POSITIONS) {
            for (channel, ratios) in ratios.iter_mut().enumerate() {
                let scales = self.responses.scales(x, channel, start);
                let row = self.responses.row(channel, start);
                let (x, dx) = (&x[row.clone()], &mut dx[row.clone()]);
                match rectified.is_empty() {
                    true => dx.copy_from_slice(&upstream[row]),
                    false => pass(&rectified[row.clone()], &upstream[row], dx),
                }
                for (((x, dx), scale), ratio) in x.iter().zip(dx).zip(&scales).zip(ratios) {
                    let inverse_root = 1.0 / scale.sqrt();
                    let direct = *dx * inverse_root * inverse_root.sqrt();
                    *ratio = direct * x * inverse_root * inverse_root;
                    *dx = direct;
                }
            }
            for channel in 0..channels {
                let mut sums = [0.0; POSITIONS];
                for near in &ratios[self.responses.around(channel)] {
                    for (sum, ratio) in sums.iter_mut().zip(near) {
                        *sum += ratio;
                    }
                }
                let row = self.responses.row(channel, start);
                for ((x, dx), sum) in x[row.clone()].iter().zip(&mut dx[row]).zip(&sums) {
                    *dx = (-1.5 * weight * x).mul_add(*sum, *dx);
                }
            }
        }
    }
}

impl Kernel for LocalResponseNormGradient {
    /// x `[N, C, P]`, the gradient of y like it, and where what follows is a rectifier, its output: no gradient comes
    /// through where that is 0. The gradient of x.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x, upstream, rectified @ ..], [dx]) = (inputs, outputs) else { return };
        let rectified = rectified.first().copied().unwrap_or(&[]);
        let scratch = || vec![[0.0; POSITIONS]; self.responses.channels];
        self.responses.each_sample(dx, team, scratch, |ratios, sample, dx| {
            let rectified = rectified.get(sample.clone()).unwrap_or(&[]);
            // SAFETY: kernels run only where the processor has AVX2 and FMA.
            #[expect(unsafe_code, reason = "a function for a processor's feature")]
            unsafe {
                self.differentiate([&x[sample.clone()], &upstream[sample], rectified], ratios, dx);
            }
        });
    }
}
