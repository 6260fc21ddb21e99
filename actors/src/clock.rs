//! A clock that does not run while its process does not: stopped, swapped out, or on a machine that was frozen.
//!
//! Whoever wakes up has heard nothing for a while, and must not take that for the silence of others.

use std::time::{Duration, Instant};

/// Whoever looks at the clock many times a second, and then not for so long, was not running.
pub const STANDSTILL: Duration = Duration::from_secs(2);

/// The clock. It is to be looked at more often than [`STANDSTILL`].
#[derive(Clone, Debug)]
pub struct Clock {
    looked: Instant,
    run: Duration,
}

impl Clock {
    /// Shows nought.
    pub fn new() -> Self {
        Self { looked: Instant::now(), run: Duration::ZERO }
    }

    /// Seconds since its making, standstills left out.
    pub fn now(&mut self) -> f64 {
        self.look(Instant::now())
    }

    fn look(&mut self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.looked);
        self.looked = now;
        if since < STANDSTILL {
            self.run += since;
        } else {
            tracing::warn!("this process did not run for {:.0} s", since.as_secs_f64());
        }
        self.run.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standstills_do_not_count() {
        let mut clock = Clock::new();
        let mut time = clock.looked;
        for _ in 0..8 {
            time += Duration::from_millis(250);
            clock.look(time);
        }
        time += Duration::from_secs(20);
        assert_eq!(clock.look(time), 2.0);
        time += Duration::from_millis(500);
        assert_eq!(clock.look(time), 2.5);
    }
}
