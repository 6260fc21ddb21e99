//! The gradient of max(x, 0) in one pass.

use super::{Kernel, Team, division::ranges, team::chunks};
use std::sync::PoisonError;

/// A planned gradient of a rectifier.
#[derive(Debug)]
pub struct RectifierGradient;

impl Kernel for RectifierGradient {
    /// The rectifier's output y and its gradient; the gradient of its input, all of one shape.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([y, upstream], [dx]) = (inputs, outputs) else { return };
        let shares = ranges(dx.len(), team.threads());
        let own = chunks(dx, &shares, 1);
        team.each(shares.len(), &|index| {
            let mut dx = own[index].lock().unwrap_or_else(PoisonError::into_inner);
            let share = shares[index].clone();
            // SAFETY: kernels run only where the processor has AVX2.
            #[expect(unsafe_code, reason = "a function for a processor's feature")]
            unsafe {
                pass(&y[share.clone()], &upstream[share], &mut dx);
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
