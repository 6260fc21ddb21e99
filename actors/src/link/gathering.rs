//! How long letters may wait for each other: who reads many at a time saves most of what reading one costs, and where
//! trainings take long nobody misses the moment.
//!
//! Pure. It must not know what becomes of a letter.

use super::LinkEvent;
use crate::protocol::letters::{Letter, ToCoordinator};
use std::time::Duration;

/// Letters wait for this share of a training's usual time at most; a trainer loses half of it in the mean.
const SHARE: f64 = 0.002;

/// Letters wait no longer than this.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Pauses that a timer cannot tell from none.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// Weight of one more training in the usual time: about the last thirty count.
const WEIGHT: f64 = 1.0 / 32.0;

/// What is known of the time that trainings take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gathering {
    /// Before anything is known, they take none.
    usual_seconds: f64,
}

impl Gathering {
    /// How long the next letters may wait for each other, after these.
    pub fn after(&mut self, events: &[LinkEvent]) -> Duration {
        for seconds in events.iter().filter_map(trained_seconds) {
            self.usual_seconds += WEIGHT * (seconds - self.usual_seconds);
        }
        let pause = Duration::try_from_secs_f64(SHARE * self.usual_seconds).unwrap_or_default();
        if pause < PAUSE_MIN { Duration::ZERO } else { pause.min(PAUSE_MAX) }
    }
}

fn trained_seconds(event: &LinkEvent) -> Option<f64> {
    let LinkEvent::Letter(_, letter) = event else { return None };
    match &**letter {
        Letter::ToCoordinator(ToCoordinator::Result(report)) if report.seconds.is_finite() => {
            Some(report.seconds)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::letters::{NodeName, Report};
    use crate::protocol::{EvaluationId, Ticket};
    use hatchery_models::training::outcome::Outcome;

    fn result(seconds: f64) -> LinkEvent {
        let report = Report {
            ticket: Ticket { evaluation: EvaluationId(1), attempt: 1 },
            slot: 0,
            outcome: Outcome::Completed,
            message: String::new(),
            curve: Vec::new(),
            steps: 1,
            build_seconds: 0.0,
            seconds,
            latency_seconds: None,
            weights: None,
        };
        let letter = Letter::ToCoordinator(ToCoordinator::Result(Box::new(report)));
        LinkEvent::Letter(NodeName { stable: "worker".to_owned(), incarnation: 1 }, Box::new(letter))
    }

    #[test]
    fn letters_wait_for_a_little_of_a_training_and_not_at_all_where_trainings_are_short() {
        let mut gathering = Gathering::default();
        assert_eq!(gathering.after(&[]), Duration::ZERO);
        let ended = |seconds| vec![result(seconds); 200];
        let pause = gathering.after(&ended(5.0)).as_secs_f64();
        assert!((0.009..=0.010).contains(&pause), "{pause}");
        assert_eq!(gathering.after(&ended(1e6)), PAUSE_MAX);
        let mut short = Gathering::default();
        assert_eq!(short.after(&ended(0.1)), Duration::ZERO);
        assert_eq!(short.after(&ended(f64::NAN)), Duration::ZERO);
    }
}
