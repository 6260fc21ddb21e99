//! What candidates are compared by, and the best of them.
//!
//! It must not know leases, time or trainers.

use crate::protocol::{EvaluationId, IndividualId};
use std::cmp::Ordering;

/// What candidates are compared by: the score, then the loss (scores on small validation sets are often equal).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitness {
    /// Best validation score; greater is better.
    pub score: f64,
    /// Validation loss of that epoch; smaller is better. Infinite where unknown.
    pub loss: f64,
}

impl Fitness {
    /// A fitness, where the score is a number.
    pub fn new(score: Option<f64>, loss: Option<f64>) -> Option<Self> {
        let score = score.filter(|score| score.is_finite())?;
        Some(Self { score, loss: loss.filter(|loss| loss.is_finite()).unwrap_or(f64::INFINITY) })
    }

    /// `Greater` is better.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.loss.total_cmp(&self.loss))
    }
}

/// One of the best evaluations of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Champion {
    /// Which evaluation.
    pub evaluation: EvaluationId,
    /// Whose.
    pub individual: IndividualId,
    /// How good.
    pub fitness: Fitness,
}

/// The best evaluations of the whole search, best first.
#[derive(Clone, Debug, Default)]
pub struct Champions {
    ranked: Vec<Champion>,
}

impl Champions {
    /// Whether it would be among the best `max`.
    pub fn would_take(&self, champion: &Champion, max: usize) -> bool {
        self.place_of(champion) < max
    }

    fn place_of(&self, champion: &Champion) -> usize {
        self.ranked.partition_point(|other| other.fitness.compare(&champion.fitness) != Ordering::Less)
    }

    /// Takes one in; beyond `max` the worst leaves. Says whether it stayed, and who left.
    pub fn insert(&mut self, champion: Champion, max: usize) -> (bool, Option<Champion>) {
        let place = self.place_of(&champion);
        if place >= max {
            return (false, None);
        }
        self.ranked.insert(place, champion);
        let left = if self.ranked.len() > max { self.ranked.pop() } else { None };
        (true, left)
    }

    /// The best so far.
    pub fn best(&self) -> Option<&Champion> {
        self.ranked.first()
    }

    /// All, best first.
    pub fn ranked(&self) -> &[Champion] {
        &self.ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_told_apart_by_loss_and_no_number_is_no_fitness() {
        let sharp = Fitness::new(Some(0.9), Some(0.1)).unwrap();
        let blunt = Fitness::new(Some(0.9), Some(0.2)).unwrap();
        let unknown = Fitness::new(Some(0.9), Some(f64::NAN)).unwrap();
        assert_eq!(sharp.compare(&blunt), Ordering::Greater);
        assert_eq!(blunt.compare(&unknown), Ordering::Greater);
        assert_eq!(Fitness::new(Some(f64::NAN), Some(0.1)), None);
        assert_eq!(Fitness::new(None, Some(0.1)), None);
    }

    #[test]
    fn champions_keep_the_best_in_order() {
        let mut champions = Champions::default();
        for (id, score) in [(1, 0.5), (2, 0.9), (3, 0.7), (4, 0.9), (5, 0.1)] {
            let champion = Champion {
                evaluation: EvaluationId(id),
                individual: IndividualId(id),
                fitness: Fitness::new(Some(score), None).unwrap(),
            };
            champions.insert(champion, 3);
        }
        let ids: Vec<u64> = champions.ranked().iter().map(|champion| champion.evaluation.0).collect();
        assert_eq!(ids, [2, 4, 3], "of equals, the first to come stays ahead");
    }
}
