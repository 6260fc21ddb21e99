//! Columns of tables whose offset swallows their differences: a 32-bit float has 24 bits, about seven digits, for both.
//!
//! It must not know formats, nor what is done about it.

use super::{
    Dataset, Samples, Targets,
    column::unnamed,
    moments::{Moments, of_floats},
};

/// How many times its spread (standard deviation) a column's mean may be. Beyond that a few bits are left for what differs.
const RATIO_MAX: f64 = 1e6;
/// From here on 32-bit floats lie further apart than whole numbers do: of a column that seems to be constant, differences
/// may have been lost.
const WHOLE_MAX: f64 = (1_u32 << 24) as f64;

/// A column with a large offset.
#[derive(Clone, Debug, PartialEq)]
pub struct LargeOffset {
    /// `feature NAME` or `target NAME`; a name is `column N`, from 0, where the source has none.
    pub column: String,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation, as far as 32-bit floats show it.
    pub deviation: f64,
}

/// All such columns of a table, features first; reads every value. Those that are missing do not count.
pub fn large_offsets(dataset: &Dataset) -> Vec<LargeOffset> {
    let mut found = Vec::new();
    if let (Samples::F32(values), true) = (&dataset.samples, dataset.is_table()) {
        let name = |place: usize| {
            let name = dataset.columns.get(place).map(|column| column.name.clone());
            format!("feature {}", name.unwrap_or_else(|| unnamed(place)))
        };
        found.extend(of_columns(values, dataset.values_per_sample(), name));
    }
    if let Targets::Values { values, names } = &dataset.targets {
        found.extend(of_columns(values, names.len(), |place| format!("target {}", names[place])));
    }
    found
}

fn of_columns(values: &[f32], width: usize, name: impl Fn(usize) -> String) -> Vec<LargeOffset> {
    let of_column = |(place, moments): (usize, &Moments)| {
        let (mean, deviation) = (moments.mean, moments.deviation());
        let is_lost =
            if deviation > 0.0 { mean.abs() > RATIO_MAX * deviation } else { mean.abs() > WHOLE_MAX };
        is_lost.then(|| LargeOffset { column: name(place), mean, deviation })
    };
    let columns = of_floats(values, width, width, 0..values.len() / width.max(1));
    columns.iter().enumerate().filter_map(of_column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load};
    use hatchery_config::vocabulary::TaskKind;

    fn of(rows: impl Iterator<Item = String>) -> Vec<LargeOffset> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let rows: Vec<String> = rows.collect();
        std::fs::write(&path, rows.join("\n")).unwrap();
        let options = LoadOptions { task: TaskKind::Regression, ..LoadOptions::default() };
        large_offsets(&load(&format!("csv:{}", path.display()), &options).unwrap())
    }

    #[test]
    fn columns_whose_offset_swallows_their_differences_are_found() {
        let row = |index: u64| {
            let nanoseconds = 1_700_000_000_000_000_000 + index;
            format!(
                "{index},{},{},{},{}",
                50_000_000 + index,
                nanoseconds,
                7,
                1_700_000_000.0 + 10.0 * index as f64
            )
        };
        let found = of((0..50).map(row));
        let columns: Vec<&str> = found.iter().map(|one| one.column.as_str()).collect();
        assert_eq!(columns, ["feature column 1", "feature column 2", "target column 4"]);
        assert_eq!(found[1].deviation, 0.0, "nothing is left of it");
    }

    #[test]
    fn columns_that_have_names_are_named() {
        let row = |index: u64| format!("{index},{},{}", 1_700_000_000 + index, 50_000_000 + index);
        let header = ["id,seconds,price".to_owned()];
        let found = of(header.into_iter().chain((0..50).map(row)));
        let columns: Vec<&str> = found.iter().map(|one| one.column.as_str()).collect();
        assert_eq!(columns, ["feature seconds", "target price"]);
    }

    #[test]
    fn ordinary_columns_are_not() {
        let row =
            |index: u64| format!("{},{},-3,{}", 1e-9 * index as f64, 1_000_000 + index, 1e12 * index as f64);
        assert_eq!(of((0..50).map(row)), []);
    }
}
