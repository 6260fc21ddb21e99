//! How long letters may wait for each other: who reads many at a time saves most of what reading one costs, and where
//! trainings take long nobody misses the moment.
//!
//! Pure. It must not know what becomes of a letter.

use super::LinkEvent;
use crate::protocol::letters::{Letter, ToCoordinator};
use std::time::Duration;

/// Letters wait for this share of a training's usual time at most, at each of the two doors that they pass; a trainer
/// loses half of it in the mean, where there are so many that letters come all the time.
const SHARE: f64 = 0.004;

/// Letters wait no longer than this.
const PAUSE_MAX: Duration = Duration::from_millis(40);

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
    /// A training has ended that has taken so many seconds.
    pub fn ended(&mut self, seconds: f64) {
        if seconds.is_finite() {
            self.usual_seconds += WEIGHT * (seconds - self.usual_seconds);
        }
    }

    /// The same of all results among these events.
    pub fn hear(&mut self, events: &[LinkEvent]) {
        events.iter().filter_map(trained_seconds).for_each(|seconds| self.ended(seconds));
    }

    /// How long letters may wait for each other.
    pub fn pause(&self) -> Duration {
        let pause = Duration::try_from_secs_f64(SHARE * self.usual_seconds).unwrap_or_default();
        if pause < PAUSE_MIN { Duration::ZERO } else { pause.min(PAUSE_MAX) }
    }
}

fn trained_seconds(event: &LinkEvent) -> Option<f64> {
    let LinkEvent::Letter(_, letter) = event else { return None };
    match &**letter {
        Letter::ToCoordinator(ToCoordinator::Result(report)) => Some(report.seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::letters::NodeName;
    use crate::testing;

    fn result(seconds: f64) -> LinkEvent {
        let letter = Letter::ToCoordinator(ToCoordinator::Result(Box::new(testing::report(1, seconds))));
        LinkEvent::Letter(NodeName { stable: "worker".to_owned(), incarnation: 1 }, Box::new(letter))
    }

    #[test]
    fn letters_wait_for_a_little_of_a_training_and_not_at_all_where_trainings_are_short() {
        let after = |seconds| {
            let mut gathering = Gathering::default();
            gathering.hear(&vec![result(seconds); 200]);
            gathering.pause()
        };
        assert_eq!(Gathering::default().pause(), Duration::ZERO);
        let pause = after(5.0).as_secs_f64();
        assert!((0.019..=0.020).contains(&pause), "{pause}");
        assert_eq!(after(1e6), PAUSE_MAX);
        assert_eq!(after(0.2), Duration::ZERO);
        assert_eq!(after(f64::NAN), Duration::ZERO);
    }
}
