//! Learning-rate schedules, as pure functions of the step.

use hatchery_config::vocabulary::Schedule;

/// Share of all steps over which `Schedule::WarmupCosine` warms up.
pub const WARMUP_SHARE: f64 = 0.1;
/// Factor of each drop of `Schedule::Step`.
const DROP: f64 = 0.1;

/// The learning rate of a step, counted from 0, of `steps` in all, with the given peak.
///
/// `Cosine` and `WarmupCosine` follow Loshchilov & Hutter (2016) without restarts: at the end of the last step the
/// rate would be 0.
pub fn learning_rate(schedule: Schedule, peak: f64, step: u64, steps: u64) -> f32 {
    let progress = step as f64 / steps.max(1) as f64;
    let factor = match schedule {
        Schedule::Constant => 1.0,
        Schedule::Step => drops(progress),
        Schedule::Cosine => cosine(progress),
        Schedule::WarmupCosine => warmup_cosine(step, steps),
    };
    (peak * factor) as f32
}

/// Steps of the warm-up: the rate grows linearly and reaches its peak with the last of them. 0 for other schedules.
pub fn warmup_steps(schedule: Schedule, steps: u64) -> u64 {
    match schedule {
        Schedule::WarmupCosine => ((steps as f64 * WARMUP_SHARE).ceil() as u64).max(1),
        _ => 0,
    }
}

fn drops(progress: f64) -> f64 {
    if progress < 0.5 {
        1.0
    } else if progress < 0.75 {
        DROP
    } else {
        DROP * DROP
    }
}

fn cosine(progress: f64) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos())
}

fn warmup_cosine(step: u64, steps: u64) -> f64 {
    let warmup = warmup_steps(Schedule::WarmupCosine, steps);
    if step < warmup {
        (step + 1) as f64 / warmup as f64
    } else {
        cosine((step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: Schedule, steps: u64) -> Vec<f32> {
        (0..steps).map(|step| learning_rate(schedule, 1.0, step, steps)).collect()
    }

    #[test]
    fn constant_does_not_change() {
        assert_eq!(rates(Schedule::Constant, 3), [1.0; 3]);
    }

    #[test]
    fn step_drops_at_one_half_and_at_three_quarters() {
        assert_eq!(rates(Schedule::Step, 8), [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01]);
    }

    #[test]
    fn cosine_falls_from_the_peak_through_one_half() {
        let rates = rates(Schedule::Cosine, 100);
        assert_eq!(rates[0], 1.0);
        assert!((rates[50] - 0.5).abs() < 1e-6);
        assert!(rates.is_sorted_by(|a, b| a > b) && rates[99] > 0.0 && rates[99] < 0.001);
    }

    #[test]
    fn warmup_climbs_for_a_tenth_and_then_follows_the_cosine() {
        let rates = rates(Schedule::WarmupCosine, 100);
        assert!((rates[0] - 0.1).abs() < 1e-6);
        assert_eq!((rates[9], rates[10]), (1.0, 1.0));
        assert!((rates[55] - 0.5).abs() < 1e-6);
        assert!(rates[99] < 0.001);
    }

    #[test]
    fn one_step_and_none_are_no_special_cases() {
        for &schedule in Schedule::ALL {
            assert_eq!(learning_rate(schedule, 0.5, 0, 1), 0.5, "{schedule}");
            assert!(learning_rate(schedule, 0.5, 0, 0).is_finite(), "{schedule}");
        }
    }
}
