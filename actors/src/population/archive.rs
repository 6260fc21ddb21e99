//! The possible parents: ageing evolution (Real et al., 2019, "Regularized Evolution for Image Classifier
//! Architecture Search"), with age counted by birth.
//!
//! Age by birth, not by arrival: with trainings of different lengths, the order of arrival would favour networks
//! that train fast, since their line has more turns. It must not know leases, time or trainers.

use crate::protocol::{EvaluationId, Individual, IndividualId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// One possible parent.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub individual: Arc<Individual>,
    /// How good.
    pub fitness: Fitness,
}

/// The youngest individuals that have a fitness.
#[derive(Clone, Debug)]
pub struct Archive {
    members: BTreeMap<IndividualId, Member>,
    pub(super) capacity: usize,
}

impl Archive {
    /// An empty archive for at most `capacity` members (at least one).
    pub fn new(capacity: usize) -> Self {
        Self { members: BTreeMap::new(), capacity: capacity.max(1) }
    }

    /// Takes a member in; the oldest leaves where there are too many. Taking one in twice is taking it in once.
    pub fn insert(&mut self, member: Member) {
        self.members.insert(member.individual.id, member);
        while self.members.len() > self.capacity {
            self.members.pop_first();
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The most members there can be.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The best of `size` members drawn at random without repetition; `except` does not take part unless alone.
    pub fn tournament(
        &self,
        size: u32,
        except: Option<IndividualId>,
        rng: &mut ChaCha8Rng,
    ) -> Option<&Member> {
        let mut field: Vec<&Member> =
            self.members.values().filter(|member| Some(member.individual.id) != except).collect();
        if field.is_empty() {
            return self.members.values().next();
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX).clamp(1, field.len());
        // The first `size` places of a Fisher-Yates shuffle.
        for place in 0..size {
            let drawn = rng.random_range(place..field.len());
            field.swap(place, drawn);
        }
        field.truncate(size);
        field.into_iter().max_by(|one, other| {
            one.fitness.compare(&other.fitness).then(one.individual.id.cmp(&other.individual.id))
        })
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

/// The best evaluations of the whole search, best first. Unlike the archive, it forgets nobody for age.
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
    use crate::streams::{Purpose, stream};
    use crate::testing;

    fn member(id: u64, score: f64) -> Member {
        Member {
            individual: Arc::new(testing::individual(id, &[])),
            fitness: Fitness::new(Some(score), None).unwrap(),
        }
    }

    #[test]
    fn the_oldest_by_birth_leaves_whatever_the_order_of_arrival() {
        let mut archive = Archive::new(3);
        for id in [5, 2, 9, 7, 1] {
            archive.insert(member(id, 0.5));
        }
        let ids: Vec<u64> = archive.members.keys().map(|id| id.0).collect();
        assert_eq!(ids, [5, 7, 9]);
    }

    #[test]
    fn a_tournament_of_all_is_won_by_the_best_and_of_one_by_anybody() {
        let mut archive = Archive::new(10);
        for id in 1..=10 {
            archive.insert(member(id, id as f64 / 10.0));
        }
        let mut winners = std::collections::BTreeSet::new();
        for draw in 0..200 {
            let mut rng = stream(1, Purpose::Selection, 1, draw);
            assert_eq!(archive.tournament(10, None, &mut rng).unwrap().individual.id, IndividualId(10));
            let except = Some(IndividualId(10));
            assert_eq!(archive.tournament(10, except, &mut rng).unwrap().individual.id, IndividualId(9));
            winners.insert(archive.tournament(1, None, &mut rng).unwrap().individual.id);
        }
        assert_eq!(winners.len(), 10);
        let mut rng = stream(1, Purpose::Selection, 1, 0);
        assert!(Archive::new(3).tournament(2, None, &mut rng).is_none());
    }

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
