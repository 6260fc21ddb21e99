//! Non-linearities and their slopes as arithmetic, which the compiler turns into vector instructions.
//!
//! All are to be inlined into functions that have the processor's features enabled. What is no number stays none.

use crate::graph::operators::activation::LEAKY_SLOPE;
use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

/// A non-linearity.
pub(super) trait Curve {
    fn value(x: f32) -> f32;
    /// Its derivative at x; at a kink that of the left side.
    fn slope(x: f32) -> f32;
}

/// Calls something that is generic over curves with the one that is meant.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $call:expr) => {
        match $activation {
            $crate::graph::choices::KernelActivation::Relu => {
                type $curve = $crate::training::kernels::curves::Relu;
                $call
            }
            $crate::graph::choices::KernelActivation::LeakyRelu => {
                type $curve = $crate::training::kernels::curves::LeakyRelu;
                $call
            }
            $crate::graph::choices::KernelActivation::Elu => {
                type $curve = $crate::training::kernels::curves::Elu;
                $call
            }
            $crate::graph::choices::KernelActivation::Gelu => {
                type $curve = $crate::training::kernels::curves::Gelu;
                $call
            }
            $crate::graph::choices::KernelActivation::Silu => {
                type $curve = $crate::training::kernels::curves::Silu;
                $call
            }
        }
    };
}
pub(super) use with_curve;

/// max(x, 0).
pub(super) struct Relu;
/// x above 0, a small part of it below.
pub(super) struct LeakyRelu;
/// x above 0, e^x - 1 below.
pub(super) struct Elu;
/// x Φ(x), with the distribution function of the standard normal distribution.
pub(super) struct Gelu;
/// x s(x), with the logistic function.
pub(super) struct Silu;

impl Curve for Relu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        if x < 0.0 { 0.0 } else { x }
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        if x > 0.0 { 1.0 } else { 0.0 }
    }
}

impl Curve for LeakyRelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        if x < 0.0 { LEAKY_SLOPE * x } else { x }
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        if x > 0.0 { 1.0 } else { LEAKY_SLOPE }
    }
}

impl Curve for Elu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        let below = exponential(x) - 1.0;
        if x < 0.0 { below } else { x }
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let below = exponential(x);
        if x < 0.0 { below } else { 1.0 }
    }
}

impl Curve for Gelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * normal(x)[0]
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let [distribution, density] = normal(x);
        x.mul_add(density, distribution)
    }
}

impl Curve for Silu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * logistic(x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let gate = logistic(x);
        gate * x.mul_add(1.0 - gate, 1.0)
    }
}

#[inline(always)]
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

/// Distribution function and density of the standard normal distribution. The former by formula 7.1.26 of Abramowitz and
/// Stegun for the error function, exact to 1.5e-7.
#[inline(always)]
fn normal(x: f32) -> [f32; 2] {
    const RATE: f32 = 0.327_591_1;
    const SERIES: [f32; 4] = [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    const DENSITY_AT_0: f32 = 0.398_942_3;
    let distance = x.abs() * FRAC_1_SQRT_2;
    let bell = exponential(-distance * distance);
    let t = 1.0 / RATE.mul_add(distance, 1.0);
    let series = SERIES.iter().fold(1.061_405_4_f32, |sum, factor| sum.mul_add(t, *factor));
    let tail = 0.5 * series * t * bell;
    [if x < 0.0 { tail } else { 1.0 - tail }, DENSITY_AT_0 * bell]
}

/// e to the power of x, good to the last bit or two: 2^n e^r with n a whole number and |r| at most half of ln 2, the latter
/// by its Taylor series up to r^7. Below the range of normal floats, the least of them; infinite from 88.38 on, a little
/// before floats end (88.72).
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    /// Added to a small float, it leaves a whole number in the lowest bits.
    const ROUNDING: f32 = 12_582_912.0;
    /// ln 2, the first bits of which leave room for the products by n, and the rest.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const RANGE: [f32; 2] = [-87.3, 88.9];
    const TAYLOR: [f32; 6] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    // What is no number stays none.
    let x = if x < RANGE[0] { RANGE[0] } else { x };
    let x = if x > RANGE[1] { RANGE[1] } else { x };
    let shifted = x.mul_add(LOG2_E, ROUNDING);
    let n = shifted - ROUNDING;
    let r = n.mul_add(-LN_2[1], n.mul_add(-LN_2[0], x));
    let series = TAYLOR.iter().fold(1.0 / 5040.0_f32, |sum, factor| sum.mul_add(r, *factor));
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    series.mul_add(r, 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_exponentials() {
        for step in -8000..=8800_i16 {
            let x = f32::from(step) / 100.0;
            let (found, expected) = (f64::from(exponential(x)), f64::from(x).exp());
            assert!((found - expected).abs() <= 3e-7 * expected, "{x}: {found}, not {expected}");
        }
        assert_eq!(exponential(0.0), 1.0);
        assert_eq!([f32::INFINITY, 100.0].map(exponential), [f32::INFINITY; 2]);
        assert!((0.0..1e-37).contains(&exponential(f32::NEG_INFINITY)) && exponential(f32::NAN).is_nan());
    }

    fn assert_curve<C: Curve>(value: impl Fn(f64) -> f64) {
        for step in -2000..=2000_i16 {
            // None at a kink.
            let x = (f32::from(step) + 0.5) / 100.0;
            let expected = value(f64::from(x));
            let found = f64::from(C::value(x));
            assert!(
                (found - expected).abs() <= 1e-6 * (1.0 + expected.abs()),
                "{x}: {found}, not {expected}"
            );
            let step = 1e-4;
            let expected = (value(f64::from(x) + step) - value(f64::from(x) - step)) / (2.0 * step);
            let found = f64::from(C::slope(x));
            assert!((found - expected).abs() <= 1e-5, "slope at {x}: {found}, not {expected}");
        }
        assert!(C::value(f32::NAN).is_nan());
    }

    #[test]
    fn curves_are_what_they_are_called() {
        assert_curve::<Relu>(|x| x.max(0.0));
        assert_curve::<LeakyRelu>(|x| if x < 0.0 { f64::from(LEAKY_SLOPE) * x } else { x });
        assert_curve::<Elu>(|x| if x < 0.0 { x.exp_m1() } else { x });
        assert_curve::<Silu>(|x| x / (1.0 + (-x).exp()));
        assert_curve::<Gelu>(|x| x * distribution(x));
    }

    /// Of the standard normal distribution, by Simpson's rule.
    fn distribution(x: f64) -> f64 {
        const PARTS: u32 = 2000;
        let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (from, width) = (-12.0_f64.max(x.abs()), (x + 12.0_f64.max(x.abs())) / f64::from(PARTS));
        let weight = |part: u32| match part {
            0 | PARTS => 1.0,
            part if part % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let sum: f64 = (0..=PARTS).map(|part| weight(part) * density(from + width * f64::from(part))).sum();
        sum * width / 3.0
    }
}
