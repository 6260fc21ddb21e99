//! The standard normal distribution, and what may be gained over the best by a draw of a normal one.

/// Density at a place, and share below it (Abramowitz & Stegun 7.1.26, error below 1.5e-7).
pub fn normal(at: f64) -> (f64, f64) {
    const COEFFICIENTS: [f64; 5] =
        [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let density = (-0.5 * at * at).exp() / std::f64::consts::TAU.sqrt();
    let t = 1.0 / (1.0 + 0.327_591_1 * at.abs() / std::f64::consts::SQRT_2);
    let polynomial = t * horner(&COEFFICIENTS, t);
    let tail = 0.5 * polynomial * (-0.5 * at * at).exp();
    (density, if at > 0.0 { 1.0 - tail } else { tail })
}

/// The quantile (Acklam's rational approximation, relative error below 1.2e-9). The share is kept off 0 and 1.
pub fn quantile(share: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.024_25;
    let share = share.clamp(1e-9, 1.0 - 1e-9);
    if share > 1.0 - TAIL {
        return -quantile(1.0 - share);
    }
    if share < TAIL {
        let root = (-2.0 * share.ln()).sqrt();
        return horner(&C, root) / horner(&D, root);
    }
    let off = share - 0.5;
    let square = off * off;
    horner(&A, square) * off / horner(&B, square)
}

fn horner(coefficients: &[f64], at: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * at + coefficient)
}

/// Logarithm of the expected improvement on `best` of a draw with this mean and deviation, where less is better
/// (Jones et al., 1998; in logarithms so that small ones can still be told apart: Ament et al., 2023).
pub fn log_improvement(mean: f64, deviation: f64, best: f64) -> f64 {
    let lead = (best - mean) / deviation;
    let unit = if lead > -3.5 {
        let (density, below) = normal(lead);
        (density + lead * below).max(f64::MIN_POSITIVE).ln()
    } else {
        // Far out, the first terms of the asymptotic series.
        let square = lead * lead;
        let series = 1.0 / square - 3.0 / (square * square) + 15.0 / (square * square * square);
        -0.5 * (square + std::f64::consts::TAU.ln()) + series.ln()
    };
    unit + deviation.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_undoes_the_share() {
        for share in [1e-4, 0.01, 0.3, 0.5, 0.9, 0.999] {
            let (_, back) = normal(quantile(share));
            assert!((back - share).abs() < 1e-6, "{share}: {back}");
        }
        assert!((quantile(0.975) - 1.959_964).abs() < 1e-6);
    }

    #[test]
    fn improvement_grows_with_the_mean_and_with_doubt() {
        assert!((log_improvement(0.0, 1.0, 0.0).exp() - 0.398_942).abs() < 1e-5);
        let mut last = f64::INFINITY;
        for step in 0..200 {
            let now = log_improvement(f64::from(step) * 0.1, 1.0, 0.0);
            assert!(now.is_finite() && now < last, "{step}: {now} after {last}");
            last = now;
        }
        assert!(log_improvement(1.0, 2.0, 0.0) > log_improvement(1.0, 1.0, 0.0));
    }
}
