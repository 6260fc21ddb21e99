//! How rows with text or missing values become features: which columns are numbers, where there are categories, where
//! values are missing. The graph does it (`expression`), by what is said here.
//!
//! It must not know graphs.

use super::{Column, ColumnKind, Dataset, Samples, column::code};

/// How rows become features, in this order: the numbers, imputed and normalised; 0 or 1 for each category; 0 or 1 for
/// each column of numbers in which some are missing.
///
/// Features follow from the whole data set, so that they are the same for every split of it. Those that the training
/// part never has as 1, and numbers that it has one value of at most, are held at 0, since their weights would be
/// untrained: where a category or a gap occurs in other parts only, it means "no category", or the mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Raw values of a row.
    pub columns: usize,
    /// The columns that are numbers.
    pub numbers: Vec<usize>,
    /// The features that stand for categories.
    pub categories: Vec<CategoryFeature>,
    /// The features that stand for missing numbers.
    pub gaps: Vec<GapFeature>,
}

/// 1 where a column has a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryFeature {
    /// Which column.
    pub column: usize,
    /// Code of the category.
    pub code: usize,
    /// Whether the training part has it; otherwise the feature is always 0.
    pub occurs: bool,
}

/// 1 where a column's number is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapFeature {
    /// Which column.
    pub column: usize,
    /// Whether it is missing anywhere in the training part; otherwise the feature is always 0.
    pub occurs: bool,
}

impl Encoding {
    /// The encoding of a data set whose training part is `indices`; `None` where each raw value is a feature as it is.
    /// Indices must lie within the data set.
    pub(super) fn of(dataset: &Dataset, indices: &[u32]) -> Option<Self> {
        let Samples::F32(values) = &dataset.samples else { return None };
        if !dataset.is_encoded() {
            return None;
        }
        let columns = dataset.columns.len();
        let rows = || indices.iter().map(|&index| &values[index as usize * columns..][..columns]);
        let mut encoding = Self { columns, numbers: Vec::new(), categories: Vec::new(), gaps: Vec::new() };
        for (column, Column { kind, .. }) in dataset.columns.iter().enumerate() {
            match kind {
                ColumnKind::Numeric { missing } => {
                    encoding.numbers.push(column);
                    if *missing {
                        let occurs = rows().any(|row| row[column].is_nan());
                        encoding.gaps.push(GapFeature { column, occurs });
                    }
                }
                ColumnKind::Categorical { categories } => {
                    let mut occurs = vec![false; categories.len()];
                    rows()
                        .filter_map(|row| code(row[column], categories.len()))
                        .for_each(|code| occurs[code] = true);
                    let features = occurs.into_iter().enumerate();
                    encoding.categories.extend(features.map(|(code, occurs)| CategoryFeature {
                        column,
                        code,
                        occurs,
                    }));
                }
            }
        }
        Some(encoding)
    }

    /// Features of a row.
    pub const fn features(&self) -> usize {
        self.numbers.len() + self.categories.len() + self.gaps.len()
    }
}
