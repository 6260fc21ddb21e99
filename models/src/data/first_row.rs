//! A first row that is unlike all others: perhaps a header of numbers, such as years, that was read as a row.
//!
//! It must not know formats, nor what is done about it.

use super::{ColumnKind, Dataset, Samples};

/// A value is far outside where this many times the range of the others lies between them and it.
const RANGES_MIN: f32 = 3.0;
/// Columns of numbers that there must be: one value alone may well be far outside.
const COLUMNS_MIN: usize = 2;
/// Rows behind the first that there must be: of fewer, the range says little.
const ROWS_MIN: usize = 10;

/// Whether the first row of a table without a header lies far outside all others in each column of numbers.
pub fn first_row_is_far_outside(dataset: &Dataset) -> bool {
    let Samples::F32(values) = &dataset.samples else { return false };
    if !dataset.notes.is_headless || dataset.count <= ROWS_MIN {
        return false;
    }
    let is_numeric = |column: &usize| matches!(dataset.columns[*column].kind, ColumnKind::Numeric { .. });
    let numeric: Vec<usize> = (0..dataset.columns.len()).filter(is_numeric).collect();
    let width = dataset.columns.len();
    let is_outside =
        |column: &usize| is_far_outside(values[*column], values.iter().skip(column + width).step_by(width));
    numeric.len() >= COLUMNS_MIN && numeric.iter().all(is_outside)
}

/// Missing values, and those of no others, are not.
fn is_far_outside<'a>(value: f32, others: impl Iterator<Item = &'a f32>) -> bool {
    let range = |(least, most): (f32, f32), other: &f32| (least.min(*other), most.max(*other));
    let (least, most) = others.fold((f32::INFINITY, f32::NEG_INFINITY), range);
    let distance = (value - most).max(least - value);
    distance > 0.0 && distance.is_finite() && distance > RANGES_MIN * (most - least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load};
    use hatchery_config::vocabulary::TaskKind;

    fn is_told(first: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let row = |index: usize| format!("{},{},{}\n", index % 7, 0.5 * (index % 3) as f64, index % 5);
        let rows: String = (0..20).map(row).collect();
        std::fs::write(&path, format!("{first}\n{rows}")).unwrap();
        let options = LoadOptions { task: TaskKind::Regression, ..LoadOptions::default() };
        first_row_is_far_outside(&load(&format!("csv:{}", path.display()), &options).unwrap())
    }

    #[test]
    fn a_header_of_years_is_unlike_its_rows() {
        assert!(is_told("2019,2020,2021"));
        assert!(!is_told("2019,0.5,2021"), "one value is like others");
        assert!(!is_told("2019,?,2021"), "and so is one that is missing");
        assert!(!is_told("9,2,3"), "outside, but not far");
        assert!(!is_told("a,b,c"), "a header");
    }
}
