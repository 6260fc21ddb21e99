//! How the winner compares with the networks that the user had designed, at equal training.
//!
//! Two comparisons are fair: in the search, where the user's networks are never stopped early, and at full length,
//! where the best of them is trained again beside the best of the search.

use super::Run;
use hatchery_actors::{
    journal::RunRecord,
    protocol::{LeaseKind, Maker},
};

/// A network that the user had designed.
#[derive(Clone, Debug, PartialEq)]
pub struct StartingPoint {
    /// The individual.
    pub id: u64,
    /// The genome in one line.
    pub summary: String,
    /// Validation score in the search; `None` where it came to nothing.
    pub search_score: Option<f64>,
    /// Validation score at full length, where it was trained there.
    pub full_length_score: Option<f64>,
}

/// The winner and the user's best network, equally trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The user's network.
    pub id: u64,
    /// Its score.
    pub score: f64,
    /// The winner's.
    pub winner: f64,
    /// Where both were trained: at full length, or in the search.
    pub training: &'static str,
}

/// The starting points of a run, as far as their evaluations have ended.
pub(super) fn of(record: &RunRecord) -> Vec<StartingPoint> {
    let seeds = record.evaluations.iter().filter(|one| {
        one.kind == LeaseKind::Search && one.individual.maker == Maker::User && one.outcome.is_some()
    });
    let full_length = |id| {
        let crown = |one: &&hatchery_actors::journal::EvaluationRecord| {
            one.kind == LeaseKind::Crown && one.individual.id == id && one.has_fitness()
        };
        record.evaluations.iter().rfind(crown).and_then(|one| one.score)
    };
    let point = |one: &hatchery_actors::journal::EvaluationRecord| StartingPoint {
        id: one.individual.id.0,
        summary: one.individual.summary.clone(),
        search_score: one.score.filter(|_| one.has_fitness()),
        full_length_score: full_length(one.individual.id),
    };
    seeds.map(point).collect()
}

impl Run {
    /// The winner against the best starting point: at full length where both were trained there, else in the search.
    pub fn comparison(&self) -> Option<Comparison> {
        let best = self.best.as_ref()?;
        let against = |score: fn(&StartingPoint) -> Option<f64>, winner: Option<f64>, training| {
            let points = self.starting_points.iter().filter_map(|point| Some((point.id, score(point)?)));
            let (id, score) =
                points.max_by(|one, other| one.1.total_cmp(&other.1).then(other.0.cmp(&one.0)))?;
            Some(Comparison { id, score, winner: winner?, training })
        };
        against(|point| point.full_length_score, best.full_length_score, "at full length")
            .or_else(|| against(|point| point.search_score, best.search_score, "in the search"))
    }

    /// The comparison in words.
    pub fn comparison_in_words(&self) -> Option<String> {
        let Comparison { id, score, winner, training } = self.comparison()?;
        if self.best.as_ref().is_some_and(|best| best.id == id) {
            return Some(format!(
                "the winner is a network of yours, {id}: the search has found no better one"
            ));
        }
        let (name, theirs) = (self.score_name(), self.write_score(Some(score)));
        let own = self.write_score(Some(winner));
        Some(format!(
            "equally trained ({training}), the winner reaches validation {name} {own}, your network {id} {theirs}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    fn point(id: u64, search_score: Option<f64>, full_length_score: Option<f64>) -> StartingPoint {
        StartingPoint { id, summary: "dense".to_owned(), search_score, full_length_score }
    }

    #[test]
    fn what_was_equally_trained_is_compared() {
        let mut run = fixture::run();
        assert_eq!(run.comparison(), None, "nothing to compare with");
        run.starting_points =
            vec![point(1, Some(0.5), None), point(2, Some(0.7), None), point(3, None, None)];
        let found = run.comparison().unwrap();
        assert_eq!((found.id, found.score, found.winner, found.training), (2, 0.7, 0.9, "in the search"));
        run.starting_points[0].full_length_score = Some(0.8);
        let found = run.comparison().unwrap();
        assert_eq!((found.id, found.score, found.winner, found.training), (1, 0.8, 0.92, "at full length"));
        let words = run.comparison_in_words().unwrap();
        assert!(words.contains("92.00 %") && words.contains("your network 1 80.00 %"), "{words}");
    }

    #[test]
    fn a_starting_point_that_won_is_named() {
        let mut run = fixture::run();
        run.starting_points = vec![point(4, Some(0.9), Some(0.92))];
        assert!(run.comparison_in_words().unwrap().contains("a network of yours, 4"));
    }
}
