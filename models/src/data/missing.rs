//! What says that a value is missing: one rule for all formats that are text.
//!
//! It must not know what becomes of a missing value.

/// Words that tables have where a value is missing, whatever the case.
const MISSING_WORDS: [&str; 9] = ["na", "n/a", "#n/a", "<na>", "nan", "nat", "null", NONE, "?"];
/// Missing as a feature, but as a label a class like any other: defects are of kind a, kind b or none.
const NONE: &str = "none";

/// Whether a cell says that its value is missing: empty, or one of the usual words for it.
pub(super) fn is_missing(field: &[u8]) -> bool {
    let field = field.trim_ascii();
    field.is_empty() || MISSING_WORDS.iter().any(|word| field.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether a label says that there is none: by the same words but one, or by a number that is none.
pub(super) fn is_missing_label(label: &str) -> bool {
    let is_class = label.trim().eq_ignore_ascii_case(NONE);
    (is_missing(label.as_bytes()) && !is_class)
        || label.parse::<f64>().is_ok_and(|number| !number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_missing_by_the_words_of_features_but_one() {
        for word in ["", " ", "NA", "n/a", "#N/A", "<NA>", "NaN", "NaT", "Null", "?"] {
            assert!(is_missing(word.as_bytes()) && is_missing_label(word), "{word}");
        }
        assert!(is_missing(b"None") && !is_missing_label("None"));
        assert!(!is_missing(b"inf") && is_missing_label("-inf"), "no word for a missing value, yet no class");
        for word in ["0", "x", "nano", "no", "NATO", "<a>"] {
            assert!(!is_missing(word.as_bytes()) && !is_missing_label(word), "{word}");
        }
    }
}
