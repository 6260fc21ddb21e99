//! When makers are told of results: at once, or where decisions must not depend on the trainers, in the order of
//! birth and a fixed number of births later.
//!
//! It must not know what is told.

use crate::protocol::IndividualId;
use std::collections::BTreeMap;

/// Results that makers have not been told of.
#[derive(Clone, Debug)]
pub struct Telling<T> {
    lag: Option<u64>,
    waiting: BTreeMap<IndividualId, T>,
    /// Everybody born before has ended, and been told of.
    next: u64,
}

impl<T> Telling<T> {
    /// With a lag: of each birth, makers know the results of all but so many before it. Without: of all that have
    /// ended.
    pub const fn new(lag: Option<u64>) -> Self {
        Self { lag, waiting: BTreeMap::new(), next: 1 }
    }

    /// A result has come. Without a lag it is given back: it is told now.
    pub fn take_in(&mut self, id: IndividualId, result: T) -> Option<T> {
        if self.lag.is_none() {
            return Some(result);
        }
        self.waiting.insert(id, result);
        None
    }

    /// Whether this one's result waits to be told.
    pub fn is_waiting(&self, id: IndividualId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Whether this birth may be ordered: its orders, one at a time, wait for the results that they are to know.
    pub fn may_order(&self, birth: IndividualId, orders: usize) -> bool {
        let Some(lag) = self.lag else { return true };
        let due = birth.0.saturating_sub(lag);
        orders == 0 && (self.next..due).all(|id| self.waiting.contains_key(&IndividualId(id)))
    }

    /// What is to be told before this birth is ordered, in that order.
    pub fn due(&mut self, birth: IndividualId) -> Vec<(IndividualId, T)> {
        let Some(lag) = self.lag else { return Vec::new() };
        let due = birth.0.saturating_sub(lag);
        let mut told = Vec::new();
        while self.next < due
            && let Some(result) = self.waiting.remove(&IndividualId(self.next))
        {
            told.push((IndividualId(self.next), result));
            self.next += 1;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_lag_everything_is_told_at_once() {
        let mut telling = Telling::new(None);
        assert_eq!(telling.take_in(IndividualId(7), "seven"), Some("seven"));
        assert!(telling.may_order(IndividualId(99), 5));
        assert!(telling.due(IndividualId(99)).is_empty());
    }

    #[test]
    fn with_a_lag_each_birth_knows_the_same_whenever_results_come() {
        let mut telling = Telling::new(Some(3));
        for birth in 1..=4 {
            assert!(telling.may_order(IndividualId(birth), 0), "{birth}");
            assert!(telling.due(IndividualId(birth)).is_empty());
        }
        assert!(!telling.may_order(IndividualId(4), 1), "one order at a time");
        assert!(!telling.may_order(IndividualId(5), 0), "the first has not ended");
        for id in [3, 2, 1] {
            assert_eq!(telling.take_in(IndividualId(id), id), None);
        }
        assert!(telling.may_order(IndividualId(5), 0));
        assert_eq!(telling.due(IndividualId(5)), [(IndividualId(1), 1)]);
        assert!(telling.may_order(IndividualId(6), 0));
        assert_eq!(telling.due(IndividualId(6)), [(IndividualId(2), 2)]);
    }
}
