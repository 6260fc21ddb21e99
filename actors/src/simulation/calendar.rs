//! What is to happen, in order of time, and of its being entered: a world is the same every time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// An entry.
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
pub struct Calendar<T> {
    entries: BinaryHeap<Reverse<Scheduled<T>>>,
    number: u64,
}

impl<T> Calendar<T> {
    pub const fn new() -> Self {
        Self { entries: BinaryHeap::new(), number: 0 }
    }

    pub fn enter(&mut self, at: f64, what: T) {
        self.number += 1;
        self.entries.push(Reverse(Scheduled { at, number: self.number, what }));
    }

    pub fn next(&mut self) -> Option<(f64, T)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}
