//! Whether an actor reads what it is told: whoever says things again can be silent while it does not.
//!
//! It must not know what is said, nor why it is not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whoever has read nothing for so long does not read. Its clock gives the Population something to read four times a
/// second; a commit seldom takes as long.
const PAUSE_SECONDS_MAX: f64 = 2.0;

/// How much an actor has read. It counts; others look.
#[derive(Clone, Debug, Default)]
pub struct Pages(Arc<AtomicU64>);

impl Pages {
    /// One more message is read.
    pub fn turn(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What another knows of an actor's reading.
#[derive(Debug)]
pub struct Reading {
    pages: Pages,
    seen: u64,
    /// When the actor was last seen to read on.
    since: f64,
}

impl Reading {
    /// Of these pages, from now on.
    pub fn of(pages: Pages, now: f64) -> Self {
        Self { pages, seen: 0, since: now }
    }

    /// Whether the actor reads. To be asked often: what it has read is noticed when that is asked.
    pub fn goes_on(&mut self, now: f64) -> bool {
        let seen = self.pages.0.load(Ordering::Relaxed);
        if seen != self.seen {
            (self.seen, self.since) = (seen, now);
        }
        now - self.since < PAUSE_SECONDS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_nothing_for_a_while_does_not_read_until_it_reads_on() {
        let pages = Pages::default();
        let mut reading = Reading::of(pages.clone(), 10.0);
        assert!(reading.goes_on(10.0 + PAUSE_SECONDS_MAX / 2.0));
        assert!(!reading.goes_on(10.0 + PAUSE_SECONDS_MAX));
        pages.turn();
        assert!(reading.goes_on(100.0));
        assert!(reading.goes_on(100.0 + PAUSE_SECONDS_MAX / 2.0));
        assert!(!reading.goes_on(100.0 + PAUSE_SECONDS_MAX));
    }
}
