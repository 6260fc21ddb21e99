//! The front of score against costs (the size, where no other objective is given): whom no network that costs no more
//! reaches in score.
//!
//! The same front that reports show and `champions/` holds, kept up to date as evaluations end, so that the weights
//! of whoever is on it can be kept while they are there. It must not know leases, time or trainers.

use crate::protocol::{EvaluationId, IndividualId};
use std::cmp::Ordering;

/// One network on the front.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its evaluation in the search.
    pub evaluation: EvaluationId,
    /// Whose.
    pub individual: IndividualId,
    /// What it costs, as many numbers for every network.
    pub costs: Vec<f64>,
    /// Best validation score, a finite number.
    pub score: f64,
}

impl Place {
    /// Whether `other` has no place beside it: of equals, the elder stays.
    fn beats(&self, other: &Self) -> bool {
        let mut pairs = self.costs.iter().zip(&other.costs);
        if pairs.clone().any(|(mine, theirs)| mine > theirs) {
            return false;
        }
        match self.score.total_cmp(&other.score) {
            Ordering::Greater => true,
            Ordering::Equal => {
                pairs.any(|(mine, theirs)| mine < theirs) || self.individual < other.individual
            }
            Ordering::Less => false,
        }
    }
}

/// The front so far, worst score first.
#[derive(Clone, Debug, Default)]
pub struct Front {
    places: Vec<Place>,
}

impl Front {
    /// Whether nobody beats it.
    pub fn would_take(&self, newcomer: &Place) -> bool {
        !self.places.iter().any(|place| place.beats(newcomer))
    }

    /// Takes one in, where nobody beats it; whom it beats leaves, and beyond `max` the one with the worst score. Says
    /// whether it stayed, and who left.
    pub fn insert(&mut self, newcomer: Place, max: usize) -> (bool, Vec<Place>) {
        if !self.would_take(&newcomer) {
            return (false, Vec::new());
        }
        let (mut left, mut stay): (Vec<Place>, Vec<Place>) =
            self.places.drain(..).partition(|place| newcomer.beats(place));
        let at = stay.partition_point(|place| place.score < newcomer.score);
        let evaluation = newcomer.evaluation;
        stay.insert(at, newcomer);
        let surplus = stay.len().saturating_sub(max);
        left.extend(stay.drain(..surplus));
        self.places = stay;
        let stays = self.holds(evaluation);
        left.retain(|place| place.evaluation != evaluation);
        (stays, left)
    }

    /// All on it, worst score first.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Whether this evaluation's network is on it.
    pub fn holds(&self, evaluation: EvaluationId) -> bool {
        self.places.iter().any(|place| place.evaluation == evaluation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn place(id: u64, parameters: u64, score: f64) -> Place {
        let (evaluation, individual) = (EvaluationId(id), IndividualId(id));
        Place { evaluation, individual, costs: vec![parameters as f64], score }
    }

    fn ids(places: &[Place]) -> Vec<u64> {
        places.iter().map(|place| place.evaluation.0).collect()
    }

    /// As reports find it: by size, then score, then age, whoever is better than all before.
    fn at_once(mut places: Vec<Place>) -> Vec<u64> {
        places.sort_by(|one, other| {
            one.costs[0]
                .total_cmp(&other.costs[0])
                .then(other.score.total_cmp(&one.score))
                .then(one.individual.cmp(&other.individual))
        });
        let mut best = f64::NEG_INFINITY;
        places.retain(|place| {
            let better = place.score > best;
            best = best.max(place.score);
            better
        });
        ids(&places)
    }

    #[test]
    fn one_after_the_other_makes_the_same_front_as_all_at_once() {
        for seed in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (mut front, mut all) = (Front::default(), Vec::new());
            for id in 0..40 {
                // Few different values, so that there are equals, and ids that do not come in order.
                let parameters = rng.random_range(1..12);
                let newcomer = place((id * 7) % 40, parameters, f64::from(rng.random_range(0..12_u8)));
                all.push(newcomer.clone());
                front.insert(newcomer, 100);
                assert_eq!(ids(&front.places), at_once(all.clone()), "seed {seed}");
            }
        }
    }

    #[test]
    fn with_two_costs_whoever_is_better_in_any_stays() {
        let place = |id, costs: [f64; 2], score| Place { costs: costs.to_vec(), ..place(id, 0, score) };
        let mut front = Front::default();
        front.insert(place(1, [10.0, 1.0], 0.9), 9);
        front.insert(place(2, [1.0, 10.0], 0.9), 9);
        assert_eq!(ids(&front.places).len(), 2);
        assert!(!front.would_take(&place(3, [10.0, 10.0], 0.9)));
        assert!(front.would_take(&place(3, [9.0, 9.0], 0.5)), "cheaper than either in one");
        front.insert(place(4, [1.0, 1.0], 0.95), 9);
        assert_eq!(ids(&front.places), [4]);
    }

    #[test]
    fn beyond_its_limit_the_worst_score_leaves() {
        let mut front = Front::default();
        for id in 1..=3 {
            assert_eq!(front.insert(place(id, id * 10, id as f64), 3), (true, Vec::new()));
        }
        assert_eq!(front.insert(place(4, 5, 0.5), 3), (false, Vec::new()), "smaller, and worse than all");
        let (stays, left) = front.insert(place(5, 40, 9.0), 3);
        assert_eq!((stays, ids(&left)), (true, vec![1]));
        let (stays, left) = front.insert(place(6, 1, 9.0), 3);
        assert_eq!((stays, ids(&left), ids(&front.places)), (true, vec![2, 3, 5], vec![6]));
    }
}
