//! The sum over samples and positions for each channel.

use super::{Kernel, Team, batch_norm::sum};

/// A planned sum of `[N, C, P]` to `[C]`.
#[derive(Debug)]
pub struct ChannelSum {
    channels: usize,
    positions: usize,
}

impl ChannelSum {
    /// Plans a sum over `[samples, channels, positions]`; none where sizes are of another kernel.
    pub fn new(sizes: &[i64]) -> Option<Self> {
        let &[_, channels, height, width] = sizes else { return None };
        Some(Self { channels: channels as usize, positions: (height * width) as usize })
    }
}

impl Kernel for ChannelSum {
    /// x `[N, C, P]`; its sum `[C]`.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], _: &dyn Team) {
        let ([x], [sums]) = (inputs, outputs) else { return };
        // SAFETY: kernels run only where the processor has AVX2.
        #[expect(unsafe_code, reason = "a function for a processor's feature")]
        unsafe {
            self.add_up(x, sums);
        }
    }
}

impl ChannelSum {
    #[target_feature(enable = "avx2,fma")]
    fn add_up(&self, x: &[f32], sums: &mut [f32]) {
        let mut totals = vec![0.0; self.channels];
        for (index, plane) in x.chunks_exact(self.positions).enumerate() {
            totals[index % self.channels] += sum(plane);
        }
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = total as f32);
    }
}
