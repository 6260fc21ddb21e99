//! How a search changes over its budget: from looking around to settling down.
//!
//! It must not know points or results.

use super::Context;

/// Where a search stands between its begin (1) and the end of its budget (0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Boldness(f64);

impl Boldness {
    /// By how much of the budget is left; half way where it is not counted.
    pub fn of(context: &Context) -> Self {
        Self(match (context.evaluations_left, context.evaluations) {
            (Some(left), Some(all)) if all > 0 => (left as f64 / all as f64).clamp(0.0, 1.0),
            _ => 0.5,
        })
    }

    /// How much more than by its own doubt the model is trusted to err: with few results its kernel is a guess. What
    /// is little known is worth more so.
    pub fn doubt(self) -> f64 {
        1.0 + self.0
    }

    /// How many survive as parents: from the best twelve to the best four.
    pub fn parents(self) -> usize {
        4 + (8.0 * self.0).round() as usize
    }

    /// Power by which even draws favour the best of the parents.
    pub fn pressure(self) -> f64 {
        2.5 - self.0
    }

    /// How many of so many candidates are random ones, of a usual number that is right half way.
    pub fn random(self, usual: usize) -> usize {
        (usual as f64 * (0.5 + self.0)).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(left: Option<u64>) -> Boldness {
        let evaluations = left.map(|_| 100);
        Boldness::of(&Context { evaluations_left: left, evaluations, workers: 1, pool: Context::POOL_USUAL })
    }

    #[test]
    fn a_search_settles_down_as_its_budget_is_spent() {
        let (first, last) = (at(Some(100)), at(Some(1)));
        assert!(first.doubt() > last.doubt() && first.parents() > last.parents());
        assert!(first.pressure() < last.pressure() && first.random(100) > last.random(100));
        assert_eq!((first.parents(), last.parents()), (12, 4));
        assert_eq!((first.random(100), last.random(100)), (150, 51));
    }

    #[test]
    fn where_the_budget_is_not_counted_it_stands_half_way() {
        assert_eq!(at(None), at(Some(50)));
        assert_eq!((at(None).parents(), at(None).random(100)), (8, 100));
    }
}
