//! How many evaluations may be started by now, where workers abound.
//!
//! With as many workers as evaluations, all of the budget would be spent before anything is known. Training times
//! differ, and the slowest of many takes several times as long as half of them: what is held back until the faster
//! half is in ends hardly later than the slowest, and is spent with knowledge.

use super::Context;

/// Share of the budget that is started without knowledge at most.
const BLIND_SHARE: f64 = 0.8;

/// Shares of the first evaluations that have to be in before the first and the last of the others are started.
const RELEASE_FROM: f64 = 0.4;
const RELEASE_TO: f64 = 0.6;

/// Budgets of so many times the workers, and more, need no holding back.
const ROUNDS_MAX: u64 = 4;

/// How many evaluations may have been started when so many have ended.
pub fn allowed(context: &Context, ended: u64) -> u64 {
    let workers = u64::from(context.workers);
    match context.evaluations {
        Some(all) if workers > 1 && workers.saturating_mul(ROUNDS_MAX) > all => {
            let blind = (workers as f64).min(BLIND_SHARE * all as f64).floor().max(1.0);
            let known = (ended as f64 / blind - RELEASE_FROM) / (RELEASE_TO - RELEASE_FROM);
            (blind + (all as f64 - blind) * known.clamp(0.0, 1.0)) as u64
        }
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(evaluations: Option<u64>, workers: u32) -> Context {
        Context { evaluations_left: evaluations, evaluations, workers, pool: Context::POOL_USUAL }
    }

    #[test]
    fn a_part_is_held_back_until_enough_is_known() {
        let many = context(Some(150), 128);
        assert_eq!(allowed(&many, 0), 120);
        assert_eq!(allowed(&many, 47), 120);
        assert!((121..150).contains(&allowed(&many, 60)));
        assert_eq!(allowed(&many, 73), 150);
    }

    #[test]
    fn few_workers_or_no_counted_budget_never_wait() {
        for context in [context(Some(150), 1), context(Some(150), 16), context(None, 128)] {
            assert_eq!(allowed(&context, 0), u64::MAX);
        }
    }

    #[test]
    fn something_may_always_be_started_and_everything_in_the_end() {
        for all in 1..40 {
            for workers in 1..40 {
                let context = context(Some(all), workers);
                assert!(allowed(&context, 0) >= 1);
                assert!(allowed(&context, all) >= all, "{all} {workers}");
            }
        }
    }
}
