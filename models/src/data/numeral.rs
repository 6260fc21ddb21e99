//! Which texts are numbers: one rule for cells, labels and names of columns.

/// Whether a text is a number, NaN and infinities included: those are bad numbers, not text.
pub(super) fn is_number(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.trim().parse::<f64>().is_ok())
}
