//! Which numbers the workers had that are gone: what a supervisor says later of how its worker ended is held against
//! what that one had.
//!
//! It must not know why a worker is gone, nor what follows from how it ended.

use crate::protocol::WorkerId;
use std::collections::BTreeMap;

/// So many workers that are gone are remembered.
const PAST_MAX: usize = 10_000;

/// Workers that are gone, by the incarnations of their processes.
#[derive(Clone, Debug, Default)]
pub struct Past {
    numbers: BTreeMap<u64, WorkerId>,
    /// The same, eldest first: incarnations are drawn by lot, and say nothing of age.
    incarnations: BTreeMap<WorkerId, u64>,
}

impl Past {
    /// Nobody is gone.
    pub const fn new() -> Self {
        Self { numbers: BTreeMap::new(), incarnations: BTreeMap::new() }
    }

    /// This worker is gone. Where there are too many, the one that joined first is forgotten.
    pub fn remember(&mut self, incarnation: u64, worker: WorkerId) {
        if let Some(before) = self.numbers.insert(incarnation, worker) {
            self.incarnations.remove(&before);
        }
        self.incarnations.insert(worker, incarnation);
        if self.numbers.len() > PAST_MAX
            && let Some((_, eldest)) = self.incarnations.pop_first()
        {
            self.numbers.remove(&eldest);
        }
    }

    /// The number that this incarnation had, once.
    pub fn take(&mut self, incarnation: u64) -> Option<WorkerId> {
        let worker = self.numbers.remove(&incarnation)?;
        self.incarnations.remove(&worker);
        Some(worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eldest_is_forgotten_whatever_its_incarnation() {
        let mut past = Past::new();
        let most = u64::try_from(PAST_MAX).unwrap();
        // The younger a worker, the smaller its incarnation.
        let incarnation = |worker: u64| u64::MAX - worker;
        for worker in 1..=most + 5 {
            past.remember(incarnation(worker), WorkerId(u32::try_from(worker).unwrap()));
        }
        for worker in 1..=5 {
            assert_eq!(past.take(incarnation(worker)), None, "{worker} is among the eldest");
        }
        for worker in [6, most, most + 5] {
            let number = WorkerId(u32::try_from(worker).unwrap());
            assert_eq!(past.take(incarnation(worker)), Some(number));
            assert_eq!(past.take(incarnation(worker)), None, "that is asked once");
        }
    }
}
