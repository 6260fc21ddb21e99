//! Small draws from a random stream.

use hatchery_config::space::Range;
use rand::{Rng, RngExt};

/// True with this probability.
pub(super) fn chance(rng: &mut dyn Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

/// One of the items, all alike; `None` of none.
pub(super) fn pick<T: Copy>(rng: &mut dyn Rng, items: &[T]) -> Option<T> {
    if items.is_empty() { None } else { Some(items[rng.random_range(0..items.len())]) }
}

/// One of the items, by weight; `None` where no weight is above 0.
pub(super) fn weighted<T: Copy>(rng: &mut dyn Rng, items: &[(T, f64)]) -> Option<T> {
    let total: f64 = items.iter().map(|(_, weight)| weight).sum();
    let mut rest = rng.random::<f64>() * total;
    let mut last = None;
    for &(item, weight) in items.iter().filter(|(_, weight)| *weight > 0.0) {
        last = Some(item);
        rest -= weight;
        if rest < 0.0 {
            break;
        }
    }
    last
}

/// One of the words that the space allows, by weight; where it allows none of the weighted ones, any that it allows.
pub(super) fn allowed<T: Copy + PartialEq>(
    rng: &mut dyn Rng,
    weights: &[(T, f64)],
    space: &[T],
) -> Option<T> {
    let items: Vec<(T, f64)> = weights.iter().filter(|(word, _)| space.contains(word)).copied().collect();
    weighted(rng, &items).or_else(|| pick(rng, space))
}

/// A number of a range, all alike, both ends included.
pub(super) fn between(rng: &mut dyn Rng, min: u32, max: u32) -> u32 {
    if min < max { rng.random_range(min..=max) } else { min }
}

/// A number of a range, all alike.
pub(super) fn uniform(rng: &mut dyn Rng, min: f64, max: f64) -> f64 {
    if min < max { rng.random_range(min..max) } else { min }
}

/// A number of a range, equal ratios alike; both ends above 0.
pub(super) fn log_uniform(rng: &mut dyn Rng, min: f64, max: f64) -> f64 {
    uniform(rng, min.ln(), max.ln()).exp()
}

/// The part of `range` that is sensible; where they do not meet, the end of `range` that is nearer.
pub(super) fn sensible(range: Range<f64>, min: f64, max: f64) -> Range<f64> {
    Range { min: range.clamp(min), max: range.clamp(max) }
}

/// Rounds to three significant digits, within the range. Short numbers read well, survive being written as decimal
/// text, and let near-duplicates meet.
pub(super) fn tidy(value: f64, range: Range<f64>) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return range.clamp(0.0);
    }
    let text = format!("{value:.2e}");
    range.clamp(text.parse().unwrap_or(value))
}

/// Rounds a width within the range to what hardware likes: runtimes lay channels out in blocks of 8 or 16, and fill up
/// the last block with zeros that cost as much as channels do.
pub(super) fn tidy_width(value: f64, range: Range<u32>) -> u32 {
    let step = match value {
        value if value < 8.0 => 1.0,
        value if value < 16.0 => 4.0,
        value if value < 256.0 => 8.0,
        _ => 16.0,
    };
    range.clamp(((value / step).round() * step) as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn weights_are_respected() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0; 3];
        for _ in 0..4000 {
            counts[weighted(&mut rng, &[(0, 1.0), (1, 0.0), (2, 3.0)]).unwrap()] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2800..3200).contains(&counts[2]), "{counts:?}");
        assert_eq!(weighted(&mut rng, &[(0, 0.0)]), None);
        assert_eq!(allowed(&mut rng, &[('a', 1.0)], &['b']), Some('b'));
    }

    #[test]
    fn numbers_are_tidied_within_their_range() {
        assert_eq!(tidy(0.001_234_56, Range { min: 0.0, max: 1.0 }), 0.001_23);
        assert_eq!(tidy(0.001_238, Range { min: 0.0, max: 0.001_235 }), 0.001_235);
        assert_eq!(tidy_width(37.2, Range { min: 8, max: 128 }), 40);
        assert_eq!(tidy_width(11.0, Range { min: 8, max: 128 }), 12);
        assert_eq!(tidy_width(1e9, Range { min: 8, max: 128 }), 128);
        assert_eq!(sensible(Range { min: 0.1, max: 1.0 }, 1e-4, 1e-3), Range { min: 0.1, max: 0.1 });
    }
}
