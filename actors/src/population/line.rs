//! A queue that can be left from anywhere: who waits, in which order.
//!
//! It must not know who waits for what.

use std::collections::{BTreeMap, btree_map::Entry};

/// A queue without duplicates. Whatever it is asked takes time in proportion to the logarithm of its length: there are
/// as many in it as there are trainers, and each event of a search asks.
#[derive(Clone, Debug)]
pub struct Line<T> {
    order: BTreeMap<i64, T>,
    places: BTreeMap<T, i64>,
}

impl<T: Copy + Ord> Default for Line<T> {
    fn default() -> Self {
        Self { order: BTreeMap::new(), places: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Line<T> {
    /// Goes behind the others; whoever is in it already keeps its place.
    pub fn push_back(&mut self, one: T) {
        let place = self.order.last_key_value().map_or(0, |(place, _)| place + 1);
        self.take_in(one, place);
    }

    /// Goes before the others; whoever is in it already keeps its place.
    pub fn push_front(&mut self, one: T) {
        let place = self.order.first_key_value().map_or(0, |(place, _)| place - 1);
        self.take_in(one, place);
    }

    fn take_in(&mut self, one: T, place: i64) {
        if let Entry::Vacant(free) = self.places.entry(one) {
            free.insert(place);
            self.order.insert(place, one);
        }
    }

    /// Leaves the queue. Says whether it was in it.
    pub fn remove(&mut self, one: &T) -> bool {
        let place = self.places.remove(one);
        place.is_some_and(|place| self.order.remove(&place).is_some())
    }

    /// Only those stay of whom this is true.
    pub fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        let places = &mut self.places;
        self.order.retain(|_, one| {
            let keeps = stays(one);
            if !keeps {
                places.remove(one);
            }
            keeps
        });
    }

    /// Whether it waits.
    pub fn contains(&self, one: &T) -> bool {
        self.places.contains_key(one)
    }

    /// Who waits, next first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.order.values()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue_that_can_be_left_from_anywhere() {
        let mut line = Line::default();
        for one in [1, 2, 3] {
            line.push_back(one);
        }
        line.push_front(4);
        line.push_front(2);
        line.push_back(4);
        assert_eq!(
            line.iter().copied().collect::<Vec<_>>(),
            [4, 1, 2, 3],
            "nobody waits twice, or changes place"
        );
        assert!(line.remove(&1) && !line.remove(&1) && !line.contains(&1));
        line.retain(|one| *one != 4);
        line.push_back(4);
        assert_eq!((line.iter().copied().collect::<Vec<_>>(), line.len()), (vec![2, 3, 4], 3));
        assert!(!line.is_empty());
    }
}
