//! A non-linearity and its gradient in one pass, where they stand alone.

use super::{
    Kernel, Team,
    curves::{Curve, with_curve},
    team::each_part,
};
use crate::graph::choices::KernelActivation;

/// A planned non-linearity.
#[derive(Debug)]
pub struct Activation(pub KernelActivation);

/// A planned gradient of a non-linearity.
#[derive(Debug)]
pub struct ActivationGradient(pub KernelActivation);

/// The activation and the shape of what it is applied to, from its number followed by the shape.
pub fn from_sizes(sizes: &[i64]) -> Option<(KernelActivation, &[i64])> {
    let (code, shape) = sizes.split_first()?;
    Some((KernelActivation::from_code(*code)?, shape))
}

impl Kernel for Activation {
    /// x; y like it.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x], [y]) = (inputs, outputs) else { return };
        each_part(y, 1, team, |share, y| {
            // SAFETY: kernels run only where the processor has AVX2 and FMA.
            #[expect(unsafe_code, reason = "a function for a processor's feature")]
            unsafe {
                activate(self.0, &x[share], y);
            }
        });
    }
}

impl Kernel for ActivationGradient {
    /// x and the gradient of y; the gradient of x, all of one shape.
    fn compute(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &dyn Team) {
        let ([x, upstream], [dx]) = (inputs, outputs) else { return };
        each_part(dx, 1, team, |share, dx| {
            // SAFETY: kernels run only where the processor has AVX2 and FMA.
            #[expect(unsafe_code, reason = "a function for a processor's feature")]
            unsafe {
                pass(self.0, &x[share.clone()], &upstream[share], dx);
            }
        });
    }
}

#[target_feature(enable = "avx2,fma")]
fn activate(activation: KernelActivation, x: &[f32], y: &mut [f32]) {
    with_curve!(activation, C => {
        for (x, y) in x.iter().zip(y) {
            *y = C::value(*x);
        }
    });
}

#[target_feature(enable = "avx2,fma")]
fn pass(activation: KernelActivation, x: &[f32], upstream: &[f32], dx: &mut [f32]) {
    with_curve!(activation, C => {
        for ((x, upstream), dx) in x.iter().zip(upstream).zip(dx) {
            *dx = upstream * C::slope(*x);
        }
    });
}
