//! The gradient of max(x, 0) in one pass.

use super::{Kernel, Team, team::each_part};

/// A planned gradient of a rectifier.
#[derive(Debug)]
pub struct RectifierGradient;

impl Kernel for RectifierGradient {
    /// The rectifier's output y and its gradient; the gradient of its input, all of one shape.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([y, upstream], [dx]) = (inputs, outputs) else { return };
        each_part(dx, 1, team, |share, dx| {
            // SAFETY: kernels run only where the processor has AVX2.
            #[expect(unsafe_code, reason = "a function for a processor's feature")]
            unsafe {
                pass(&y[share.clone()], &upstream[share], dx);
            }
        });
    }
}

/// The gradient where the rectifier's output is above 0.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn pass(y: &[f32], upstream: &[f32], dx: &mut [f32]) {
    for ((y, upstream), dx) in y.iter().zip(upstream).zip(dx) {
        *dx = if *y > 0.0 { *upstream } else { 0.0 };
    }
}
