//! A virtual clock's calendar: what is to happen, in order of time, and of its being entered, so that a world is the same
//! every time. For tests and benches that let time pass as fast as they can.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// An entry.
#[derive(Debug)]
struct Scheduled<T> {
    at: f64,
    number: u64,
    what: T,
}

impl<T> PartialEq for Scheduled<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Scheduled<T> {}

impl<T> PartialOrd for Scheduled<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Scheduled<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.total_cmp(&other.at).then(self.number.cmp(&other.number))
    }
}

/// The calendar.
#[derive(Debug)]
pub struct Calendar<T> {
    entries: BinaryHeap<Reverse<Scheduled<T>>>,
    number: u64,
}

impl<T> Default for Calendar<T> {
    fn default() -> Self {
        Self { entries: BinaryHeap::new(), number: 0 }
    }
}

impl<T> Calendar<T> {
    /// Has this happen at that time, in seconds; behind all that is entered for the same time already.
    pub fn enter(&mut self, at: f64, what: T) {
        self.number += 1;
        self.entries.push(Reverse(Scheduled { at, number: self.number, what }));
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<f64> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    /// The next thing that happens, and when.
    pub fn take_next(&mut self) -> Option<(f64, T)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}
