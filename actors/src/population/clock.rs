//! The run's time: the seconds in which it could have gone on.
//!
//! It stands still until somebody is there who trains, and while the journal cannot be written: a budget of time is for
//! training, not for waiting. A pause that a user wishes is the brain's, and in the journal. It must not know why it
//! stands still.

use std::time::Instant;

/// A clock that can stand still.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Seconds that had passed when it last began to run, or stood still.
    spent: f64,
    /// Since when it runs.
    running: Option<Instant>,
}

impl Clock {
    /// A clock that stands still at so many seconds.
    pub const fn standing(spent: f64) -> Self {
        Self { spent, running: None }
    }

    /// Seconds of the run.
    pub fn now(&self) -> f64 {
        self.spent + self.running.map_or(0.0, |since| since.elapsed().as_secs_f64())
    }

    /// Time passes from now on.
    pub fn run(&mut self) {
        self.running = self.running.or_else(|| Some(Instant::now()));
    }

    /// Time stands still from now on.
    pub fn stand(&mut self) {
        *self = Self::standing(self.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_the_time_in_which_it_runs_counts() {
        let moment = Duration::from_millis(20);
        let mut clock = Clock::standing(5.0);
        std::thread::sleep(moment);
        assert_eq!(clock.now(), 5.0);
        clock.run();
        std::thread::sleep(moment);
        clock.run();
        assert!(clock.now() >= 5.0 + moment.as_secs_f64(), "running on is no new beginning");
        clock.stand();
        let stood = clock.now();
        std::thread::sleep(moment);
        assert_eq!(clock.now(), stood);
    }
}
