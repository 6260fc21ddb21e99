//! A queue that can be left from anywhere: who waits, in which order. Each waits in a lane, and whoever looks for the
//! first can leave one lane out.
//!
//! It must not know who waits for what, nor what lanes mean.

use std::collections::{BTreeMap, BTreeSet};

/// A queue without duplicates. Whatever it is asked takes time in proportion to the logarithm of its length: there are
/// as many in it as there are trainers, and each event of a search asks.
#[derive(Clone, Debug)]
pub struct Line<T, L> {
    order: BTreeMap<i64, T>,
    places: BTreeMap<T, (i64, L)>,
    lanes: BTreeSet<(L, i64)>,
    /// The place of each lane's first.
    heads: BTreeMap<i64, L>,
}

impl<T: Copy + Ord, L: Clone + Ord> Default for Line<T, L> {
    fn default() -> Self {
        Self {
            order: BTreeMap::new(),
            places: BTreeMap::new(),
            lanes: BTreeSet::new(),
            heads: BTreeMap::new(),
        }
    }
}

impl<T: Copy + Ord, L: Clone + Ord> Line<T, L> {
    /// Goes behind the others; whoever is in it already keeps its place.
    pub fn push_back(&mut self, one: T, lane: L) {
        let place = self.order.last_key_value().map_or(0, |(place, _)| place + 1);
        self.take_in(one, place, lane);
    }

    /// Goes before the others; whoever is in it already keeps its place.
    pub fn push_front(&mut self, one: T, lane: L) {
        let place = self.order.first_key_value().map_or(0, |(place, _)| place - 1);
        self.take_in(one, place, lane);
    }

    fn take_in(&mut self, one: T, place: i64, lane: L) {
        if self.places.contains_key(&one) {
            return;
        }
        self.order.insert(place, one);
        self.places.insert(one, (place, lane.clone()));
        let head = self.head(&lane);
        self.lanes.insert((lane.clone(), place));
        if head.is_none_or(|head| place < head) {
            head.map(|head| self.heads.remove(&head));
            self.heads.insert(place, lane);
        }
    }

    /// The place of this lane's first.
    fn head(&self, lane: &L) -> Option<i64> {
        let (of, place) = self.lanes.range((lane.clone(), i64::MIN)..).next()?;
        (of == lane).then_some(*place)
    }

    /// Leaves the queue. Says whether it was in it.
    pub fn remove(&mut self, one: &T) -> bool {
        let Some((place, lane)) = self.places.remove(one) else { return false };
        self.order.remove(&place);
        self.lanes.remove(&(lane.clone(), place));
        if self.heads.remove(&place).is_some()
            && let Some(next) = self.head(&lane)
        {
            self.heads.insert(next, lane);
        }
        true
    }

    /// Only those stay of whom this is true.
    pub fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        let gone: Vec<T> = self.iter().filter(|one| !stays(one)).copied().collect();
        for one in gone {
            self.remove(&one);
        }
    }

    /// Who is next, and in which lane.
    pub fn first(&self) -> Option<(T, &L)> {
        self.heads.first_key_value().and_then(|head| self.at(head))
    }

    /// Who is next of those who are not in this lane.
    pub fn first_outside(&self, lane: &L) -> Option<T> {
        let head = self.heads.iter().find(|(_, of)| *of != lane)?;
        self.at(head).map(|(one, _)| one)
    }

    fn at<'a>(&self, (place, lane): (&i64, &'a L)) -> Option<(T, &'a L)> {
        self.order.get(place).map(|one| (*one, lane))
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
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn it_is_a_queue_that_can_be_left_from_anywhere() {
        let mut line = Line::default();
        for one in [1, 2, 3] {
            line.push_back(one, ());
        }
        line.push_front(4, ());
        line.push_front(2, ());
        line.push_back(4, ());
        assert_eq!(
            line.iter().copied().collect::<Vec<_>>(),
            [4, 1, 2, 3],
            "nobody waits twice, or changes place"
        );
        assert!(line.remove(&1) && !line.remove(&1) && !line.contains(&1));
        line.retain(|one| *one != 4);
        line.push_back(4, ());
        assert_eq!((line.iter().copied().collect::<Vec<_>>(), line.len()), (vec![2, 3, 4], 3));
        assert!(!line.is_empty());
    }

    #[test]
    fn the_first_is_found_in_any_lane_and_outside_of_any() {
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut line = Line::default();
            let mut lanes = BTreeMap::new();
            for _ in 0..300 {
                let (one, lane) = (rng.random_range(0..40), rng.random_range(0..4));
                match rng.random_range(0..4) {
                    0 => line.push_front(one, *lanes.entry(one).or_insert(lane)),
                    1 => line.push_back(one, *lanes.entry(one).or_insert(lane)),
                    _ => assert_eq!(line.remove(&one), lanes.remove(&one).is_some(), "seed {seed}"),
                }
                let waits: Vec<i32> = line.iter().copied().collect();
                let first = line.first().map(|(one, lane)| (one, *lane));
                assert_eq!(first, waits.first().map(|one| (*one, lanes[one])), "seed {seed}");
                for lane in 0..4 {
                    let outside = waits.iter().find(|one| lanes[*one] != lane).copied();
                    assert_eq!(line.first_outside(&lane), outside, "seed {seed}, lane {lane}");
                }
            }
        }
    }
}
