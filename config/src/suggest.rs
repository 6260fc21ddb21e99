//! "Did you mean ...?": the nearest of the names that exist.

use crate::schema::{KEYS, sections};

/// Least similarity of a suggestion; below it, a suggestion confuses more than it helps.
const SIMILARITY_MIN: f64 = 0.55;

/// The nearest of `names`, if any is near.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (similarity(written, name), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The nearest key (or section) of the experiment to a path that does not exist.
///
/// A right key under a wrong section counts as near, and so does a prefix: `epoch` finds `epochs`.
pub fn nearest_key(path: &str) -> Option<&'static str> {
    let last = last_part(path);
    let keys = KEYS.iter().map(|key| key.path).chain(sections());
    keys.map(|key| (similarity(path, key).max(0.95 * similarity(last, last_part(key))), key))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key)
}

fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn similarity(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_of_the_pen_and_wrong_sections() {
        assert_eq!(nearest_key("training.epoch"), Some("training.epochs"));
        assert_eq!(nearest_key("training.learning_rate"), Some("space.learning_rate"));
        assert_eq!(nearest_key("trainig"), Some("training"));
        assert_eq!(nearest_key("space.optimisers"), Some("space.optimizers"));
        assert_eq!(nearest_key("qqqqqqq"), None);
        assert_eq!(nearest("digit", ["digits", "magic"]), Some("digits"));
    }
}
