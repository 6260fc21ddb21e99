//! What is searched: points that can be drawn, varied and told apart.
//!
//! A domain knows what its points mean; a strategy does not. It must not know how good any point is.

use rand_chacha::ChaCha8Rng;
use std::hash::Hash;

/// How the values of a feature compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A number on a line: its feature is its position, 0 at the least value and 1 at the greatest, on the scale on
    /// which steps of equal length mean changes of equal weight.
    Ordered,
    /// One of so many words: its feature is a whole number below that count.
    Words(u16),
}

/// The feature of what a point does not have, such as the width of a layer that is not there.
pub const ABSENT: f32 = 1e3;

/// Draws in a row that find nothing, of a domain whose draws are quick, before it counts as barren.
const VAIN_DRAWS_MAX: u32 = 4_096;

/// A space of points.
///
/// Whatever draws from it gives `None` only where it found nothing, which a strategy answers with another draw, up to
/// `vain_draws_max` times in a row.
pub trait Domain {
    /// One candidate, such as a genome or the row of a table.
    type Point: Clone;
    /// What tells points apart: equal keys, equal points.
    type Key: Clone + Eq + Hash;

    /// What tells this point from others.
    fn key(&self, point: &Self::Point) -> Self::Key;

    /// What the features are; as many for every point.
    fn scales(&self) -> &[Scale];

    /// The point as a model sees it, one number per scale; [`ABSENT`] where the point has no such feature.
    fn features(&self, point: &Self::Point) -> Vec<f32>;

    /// Any point.
    fn random(&self, rng: &mut ChaCha8Rng) -> Option<Self::Point>;

    /// A point that differs from this one in one place.
    fn mutate(&self, point: &Self::Point, rng: &mut ChaCha8Rng) -> Option<Self::Point>;

    /// A point that has something of both.
    fn crossover(&self, one: &Self::Point, other: &Self::Point, rng: &mut ChaCha8Rng) -> Option<Self::Point>;

    /// Points that differ from this one in one place and little, in random order: all, or `max` of them.
    fn neighbours(&self, point: &Self::Point, max: usize, rng: &mut ChaCha8Rng) -> Vec<Self::Point>;

    /// How many points there are, where they can be counted.
    fn size(&self) -> Option<u64>;

    /// How many draws in a row that find nothing say that there is nothing: 1 where each is a long search by itself.
    fn vain_draws_max(&self) -> u32 {
        VAIN_DRAWS_MAX
    }
}
