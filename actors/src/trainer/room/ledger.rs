//! Who is in a room, what they are predicted to need, and what was seen: pure.

use std::collections::{BTreeMap, VecDeque};

/// What a training takes of a GPU whatever its network: workspaces of cuBLAS and cuDNN, the least that an arena takes.
const BASE_BYTES: u64 = 256 << 20;

/// Arenas grow by doubling: what is predicted may take twice as much. Until something was seen, that is believed.
const ARENA: f64 = 2.0;

/// So many looks are remembered: networks change.
const LOOKS_MAX: usize = 256;

/// Fewer looks than these correct upwards only.
const LOOKS_MIN: usize = 16;

/// Less than this share of what is believed at first is never believed: between two looks, more may have been in use.
const CORRECTION_MIN: f64 = 0.5;

/// The ledger of a room.
#[derive(Debug)]
pub struct Ledger {
    bytes: u64,
    /// In use when nobody was in.
    used_before: u64,
    inside: BTreeMap<u64, u64>,
    entered: u64,
    /// How many times as much as was believed at first each look has seen.
    looks: VecDeque<f64>,
}

impl Ledger {
    /// A room of so many bytes, where so many are in use beside.
    pub fn new(bytes: u64, used_before: u64) -> Self {
        Self { bytes, used_before, inside: BTreeMap::new(), entered: 0, looks: VecDeque::new() }
    }

    /// Whether there is room for one more training, which is predicted to need so many bytes.
    pub fn has_room(&self, bytes: u64) -> bool {
        let all = self.inside.values().copied().chain([bytes]);
        let corrected = first_belief(all) * self.correction();
        self.inside.is_empty() || corrected <= self.bytes as f64
    }

    /// It comes in; its number.
    pub fn enter(&mut self, bytes: u64) -> u64 {
        self.entered += 1;
        self.inside.insert(self.entered, bytes);
        self.entered
    }

    /// It has left.
    pub fn leave(&mut self, number: u64) {
        self.inside.remove(&number);
    }

    /// So many bytes of the device are in use now.
    pub fn note(&mut self, used: u64) {
        let believed = first_belief(self.inside.values().copied());
        if believed > 0.0 {
            if self.looks.len() >= LOOKS_MAX {
                self.looks.pop_front();
            }
            self.looks.push_back(used.saturating_sub(self.used_before) as f64 / believed);
        }
    }

    /// The greatest that was seen; what is believed at first counts as seen until there are some looks.
    fn correction(&self) -> f64 {
        let least = if self.looks.len() < LOOKS_MIN { 1.0 } else { CORRECTION_MIN };
        self.looks.iter().copied().fold(least, f64::max)
    }
}

/// What trainings that are predicted to need so many bytes each are believed to take, before anything was seen.
fn first_belief(predicted: impl Iterator<Item = u64>) -> f64 {
    predicted.map(|bytes| BASE_BYTES as f64 + ARENA * bytes as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// How many trainings of `bytes` there is room for.
    fn room_for(mut ledger: Ledger, bytes: u64) -> usize {
        while ledger.inside.len() < 1000 && ledger.has_room(bytes) {
            ledger.enter(bytes);
        }
        ledger.inside.len()
    }

    fn seen(used: u64, looks: usize) -> Ledger {
        let mut ledger = Ledger::new(40 * GIB, GIB);
        let number = ledger.enter(GIB);
        (0..looks).for_each(|_| ledger.note(used));
        ledger.leave(number);
        ledger
    }

    #[test]
    fn what_was_seen_corrects_what_is_predicted() {
        assert_eq!(room_for(Ledger::new(40 * GIB, GIB), GIB), 17, "two for each and a quarter");
        assert_eq!(room_for(seen(GIB + 2 * (9 * GIB / 4), 1), GIB), 8, "twice as much, seen once");
        assert_eq!(room_for(seen(GIB + 9 * GIB / 4 * 3 / 4, 1), GIB), 17, "less, seen once");
        assert_eq!(room_for(seen(GIB + 9 * GIB / 4 * 3 / 4, LOOKS_MIN), GIB), 23, "less, seen often");
        assert_eq!(room_for(seen(GIB, LOOKS_MAX), GIB), 35, "never less than half");
        assert_eq!(room_for(seen(200 * GIB, 1), GIB), 1, "one alone");
    }

    #[test]
    fn what_was_seen_long_ago_is_forgotten_and_an_empty_room_says_nothing() {
        let mut ledger = seen(200 * GIB, 1);
        (0..2 * LOOKS_MAX).for_each(|_| ledger.note(100 * GIB));
        assert_eq!(ledger.looks.len(), 1);
        ledger.enter(GIB);
        (0..2 * LOOKS_MAX).for_each(|_| ledger.note(GIB + 2 * GIB));
        assert!(ledger.correction() < 1.0);
    }
}
