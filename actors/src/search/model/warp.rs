//! Losses as a model likes them: without a unit, and with outliers that pull no more than others.

/// Turns losses into values around 0.
///
/// The ranks' normal scores and the losses themselves, standardised and cut, in equal parts: ranks are what a search
/// needs and no outlier moves them, distances tell how clear a lead is.
pub fn warp(losses: &[f64]) -> Vec<f64> {
    let env = |name: &str, default: f64| std::env::var(name).ok().and_then(|t| t.parse().ok()).unwrap_or(default);
    let scores = normal_scores(losses);
    let cut = standardised(losses);
    let w = env("WARP", 0.5);
    let mixed: Vec<f64> = scores.iter().zip(&cut).map(|(s, c)| w * s + (1.0 - w) * c).collect();
    let slope = env("SLOPE", 1.0);
    let mut sorted = mixed.clone();
    sorted.sort_by(f64::total_cmp);
    let knee = sorted[((sorted.len() - 1) as f64 * env("KNEE", 0.5)) as usize];
    let mixed = mixed.into_iter().map(|v| if v > knee { knee + slope * (v - knee) } else { v }).collect();
    centred(mixed)
}

fn centred(mut values: Vec<f64>) -> Vec<f64> {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt().max(1e-12);
    for value in &mut values {
        *value = (*value - mean) / spread;
    }
    values
}

/// The normal quantiles of the ranks; equal losses share one.
pub fn normal_scores(losses: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&one, &other| losses[one].total_cmp(&losses[other]));
    let mut scores = vec![0.0; losses.len()];
    let mut from = 0;
    while from < order.len() {
        let same = order[from..].iter().take_while(|&&at| losses[at] == losses[order[from]]).count();
        let rank = (from as f64 + from as f64 + same as f64) / 2.0;
        let score = quantile(rank / losses.len() as f64);
        for &at in &order[from..from + same] {
            scores[at] = score;
        }
        from += same;
    }
    scores
}

/// Distance to the median in units of the better half's spread, the worse side bent.
fn standardised(losses: &[f64]) -> Vec<f64> {
    let mut sorted = losses.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    if sorted.is_empty() {
        return Vec::new();
    }
    let median = at(0.5);
    let spread = (median - at(0.1)).max((at(0.9) - at(0.1)) * 1e-3).max(1e-12);
    losses
        .iter()
        .map(|loss| {
            let away = (loss - median) / spread;
            if away > 0.0 { (1.0 + away).ln() } else { away }
        })
        .collect()
}

/// The standard normal distribution's quantile (Acklam's rational approximation, error below 1.2e-9).
pub fn quantile(share: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_690e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let share = share.clamp(1e-9, 1.0 - 1e-9);
    let horner = |coefficients: &[f64], at: f64| coefficients.iter().fold(0.0, |sum, c| sum * at + c);
    if share < 0.024_25 {
        let q = (-2.0 * share.ln()).sqrt();
        return horner(&C, q) / (horner(&D, q) * q + 1.0);
    }
    if share > 1.0 - 0.024_25 {
        return -quantile(1.0 - share);
    }
    let q = share - 0.5;
    let r = q * q;
    horner(&A, r) * q / (horner(&B, r) * r + 1.0)
}

/// Density and share below, of the standard normal distribution (Abramowitz & Stegun 7.1.26, error below 1.5e-7).
pub fn normal(at: f64) -> (f64, f64) {
    let density = (-0.5 * at * at).exp() / std::f64::consts::TAU.sqrt();
    let t = 1.0 / (1.0 + 0.327_591_1 * at.abs() / std::f64::consts::SQRT_2);
    let poly = t * (0.254_829_592
        + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * poly * (-0.5 * at * at).exp();
    (density, if at > 0.0 { 1.0 - tail } else { tail })
}

/// A warp that can be asked for other losses than those it was made from.
pub struct Warp { known: Vec<(f64, f64)> }

impl Warp {
    pub fn new(losses: &[f64]) -> Self {
        let values = warp(losses);
        let mut known: Vec<(f64, f64)> = losses.iter().copied().zip(values).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        known.dedup_by(|a, b| a.0 == b.0);
        Self { known }
    }
    pub fn at(&self, loss: f64) -> f64 {
        let k = &self.known;
        if k.len() < 2 { return 0.0; }
        let place = k.partition_point(|x| x.0 < loss).clamp(1, k.len() - 1);
        let ((x0, y0), (x1, y1)) = (k[place - 1], k[place]);
        if loss <= k[0].0 { return k[0].1; }
        (y0 + (loss - x0) / (x1 - x0) * (y1 - y0)).min(k[k.len() - 1].1)
    }
}
