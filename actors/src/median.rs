//! The middle of a few numbers.

/// The middle one of sorted numbers, or the mean of the two in the middle; `None` of none.
pub fn of_sorted(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(*upper) } else { Some(f64::midpoint(sorted[middle - 1], *upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_lie_in_the_middle() {
        assert_eq!(of_sorted(&[]), None);
        assert_eq!(of_sorted(&[1.0, 2.0, 7.0]), Some(2.0));
        assert_eq!(of_sorted(&[1.0, 2.0, 4.0, 7.0]), Some(3.0));
    }
}
