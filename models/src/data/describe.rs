//! A data set in figures, for `data inspect` and for the model's metadata.

use super::{Column, Dataset, Samples, Targets};
use serde::{Deserialize, Serialize};

/// A data set in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The source as the user named it.
    pub source: String,
    /// Samples in all.
    #[serde(rename = "samples", alias = "count")]
    pub count: usize,
    /// Samples of the official test part, the last ones; 0 where there is none.
    pub official_test: usize,
    /// Shape of one sample.
    pub shape: Shape,
    /// Element type as stored: `u8` or `f32`.
    pub element: String,
    /// Memory that the raw values take.
    pub values_bytes: usize,
    /// What a table's columns hold, where that is known; empty for images.
    pub columns: Vec<ColumnFigures>,
    /// Smallest raw value.
    pub minimum: f32,
    /// Largest raw value.
    pub maximum: f32,
    /// Classes with their counts; empty for regression.
    pub classes: Vec<ClassCount>,
    /// Share of the most frequent class over all samples, 0 to 1; 0 for regression.
    pub majority_share: f64,
    /// Regression targets with their ranges; empty for classification.
    pub targets: Vec<TargetRange>,
    /// SHA-256 over shapes, values, targets and names, in hexadecimal.
    pub content_hash: String,
}

/// Shape of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shape {
    /// A picture.
    Image {
        /// Channels.
        channels: u32,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// A row of a table.
    Table {
        /// What a network sees: the columns that are no labels, or what they become where there is text or values are
        /// missing.
        features: u32,
    },
}

/// A table's column in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFigures {
    /// Its name, kind and categories.
    #[serde(flatten)]
    pub column: Column,
    /// Values that are missing.
    pub missing_values: usize,
}

/// A class and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// Its name.
    pub name: String,
    /// Samples in all.
    #[serde(rename = "samples", alias = "count")]
    pub count: usize,
    /// Samples of these in the official test part.
    pub official_test: usize,
}

/// A regression target and its range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetRange {
    /// Its name.
    pub name: String,
    /// Smallest value.
    pub minimum: f32,
    /// Largest value.
    pub maximum: f32,
    /// Mean value.
    pub mean: f32,
}

/// Counts, ranges and hash of a data set; reads every value once.
pub fn describe(dataset: &Dataset) -> Description {
    let all: Vec<u32> = (0..dataset.count as u32).collect();
    let (element, (minimum, maximum)) = match &dataset.samples {
        Samples::U8(values) => ("u8", range(values.iter().map(|&value| f32::from(value)))),
        Samples::F32(values) => ("f32", range(values.iter().copied())),
    };
    Description {
        source: dataset.source.clone(),
        count: dataset.count,
        official_test: dataset.official_test,
        shape: shape(dataset),
        element: element.to_owned(),
        values_bytes: dataset.samples.bytes(),
        columns: columns(dataset),
        minimum,
        maximum,
        classes: classes(dataset, &all),
        majority_share: dataset.majority_share(&all),
        targets: targets(dataset),
        content_hash: dataset.content_hash.clone(),
    }
}

const fn shape(dataset: &Dataset) -> Shape {
    let problem = dataset.problem;
    if dataset.is_table() {
        return Shape::Table { features: problem.channels };
    }
    Shape::Image { channels: problem.channels, height: problem.height, width: problem.width }
}

fn columns(dataset: &Dataset) -> Vec<ColumnFigures> {
    let missing_in = |position: usize, column: &Column| match &dataset.samples {
        Samples::F32(values) if column.is_encoded() => {
            let values = values.iter().skip(position).step_by(dataset.columns.len());
            values.filter(|value| value.is_nan()).count()
        }
        _ => 0,
    };
    let columns = dataset.columns.iter().enumerate();
    let figures = |(position, column): (usize, &Column)| ColumnFigures {
        column: column.clone(),
        missing_values: missing_in(position, column),
    };
    columns.map(figures).collect()
}

fn classes(dataset: &Dataset, all: &[u32]) -> Vec<ClassCount> {
    let Targets::Classes { names, .. } = &dataset.targets else { return Vec::new() };
    let test = &all[dataset.count - dataset.official_test..];
    let counts = dataset.class_counts(all).into_iter().zip(dataset.class_counts(test));
    let classes = names.iter().zip(counts);
    classes
        .map(|(name, (count, official_test))| ClassCount { name: name.clone(), count, official_test })
        .collect()
}

fn targets(dataset: &Dataset) -> Vec<TargetRange> {
    let Targets::Values { values, names } = &dataset.targets else { return Vec::new() };
    let describe = |(position, name): (usize, &String)| {
        let column = || values.iter().skip(position).step_by(names.len()).copied();
        let (minimum, maximum) = range(column());
        let mean = column().map(f64::from).sum::<f64>() / dataset.count.max(1) as f64;
        TargetRange { name: name.clone(), minimum, maximum, mean: mean as f32 }
    };
    names.iter().enumerate().map(describe).collect()
}

fn range(values: impl Iterator<Item = f32>) -> (f32, f32) {
    let (minimum, maximum) = values
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if minimum <= maximum { (minimum, maximum) } else { (0.0, 0.0) }
}
