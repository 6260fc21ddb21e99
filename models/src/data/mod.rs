//! Data sets: one file per format, one read-only copy in memory, splits as lists of indices.
//!
//! [`load`] reads a source (`digits`, `idx:DIR`, `npz:FILE`, `csv:FILE`, `images:DIR`, `cifar:DIR`) and
//! checks it whole, so that whoever holds a [`Dataset`] need not check again: shapes fit, numbers are finite (or, in
//! tables, missing), there are at least two classes with at least two samples each. Pixels stay bytes; nothing is
//! normalised here, the statistics of the training part ([`Normalisation`]) go into the graph.
//!
//! Tables may have text and missing values. Their raw values are the codes of categories, numbers, and NaN for what is
//! missing; what the columns hold is said by [`Column`]s, and how they become features by an [`Encoding`].
//!
//! For other processes a data set is [`pack`]ed into bytes; what came from one is kept in a [`DataCache`].
//!
//! It must not know genomes, graphs or trainers.
//!
//! The embedded digits are the test part of the UCI data set *Optical Recognition of Handwritten Digits* (E.
//! Alpaydin and C. Kaynak, 1998, <https://doi.org/10.24432/C50P49>), licensed CC BY 4.0, as packaged by
//! scikit-learn; see [`DIGITS_ATTRIBUTION`].

mod assemble;
pub mod cache;
mod cifar;
mod column;
mod csv;
mod describe;
mod digits;
mod encoding;
mod error;
mod files;
mod first_row;
mod idx;
mod images;
pub mod limits;
mod missing;
mod moments;
mod normalisation;
mod notes;
mod npy;
mod npz;
mod numeral;
mod offsets;
mod packed;
mod sizes;
mod source;
mod split;
mod table;
mod write;

#[cfg(test)]
mod tests;

pub use cache::{CacheError, Cached, DataCache};
pub use column::{Column, ColumnKind, UnknownCategories};
pub use describe::{ClassCount, ColumnFigures, Description, Shape, TargetRange, describe};
pub use digits::DIGITS_ATTRIBUTION;
pub use encoding::{CategoryFeature, Encoding, GapFeature};
pub use error::DataError;
pub use first_row::first_row_is_far_outside;
pub use notes::{NearlyNumbers, TableNotes};
pub use offsets::{LargeOffset, large_offsets};
pub use packed::{PackedError, pack, pack_into, packed_bytes, unpack, unpack_from};
pub use source::{SourceKind, catalogue};
pub use split::subset;
pub use write::write_npz;

use crate::problem::Problem;
use hatchery_config::{experiment, vocabulary::TaskKind};
use source::Source;

/// What a source's files do not say by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// What is predicted.
    pub task: TaskKind,
    /// CSV: the label column's name or zero-based index (regression: several, separated by commas), the last
    /// column where nothing is said. CIFAR-100: `fine` (where nothing is said) or `coarse`.
    pub label: Option<String>,
    /// CSV: columns that are left out, by name or zero-based index.
    pub ignore: Vec<String>,
    /// CSV: columns whose numbers are codes of categories, by name or zero-based index.
    pub categorical: Vec<String>,
    /// Whether each channel is a view of its own.
    pub multi_view: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            task: TaskKind::Classification,
            label: None,
            ignore: Vec::new(),
            categorical: Vec::new(),
            multi_view: false,
        }
    }
}

impl From<&experiment::Data> for LoadOptions {
    fn from(data: &experiment::Data) -> Self {
        Self {
            task: data.task,
            label: data.label.clone(),
            ignore: data.ignore.clone(),
            categorical: data.categorical.clone(),
            multi_view: data.multi_view,
        }
    }
}

/// Loads and checks a data set.
///
/// # Errors
/// Whatever is missing, malformed, not finite or too large, and data that nothing can be learnt from: no
/// samples, one class or one value only, a class with fewer than [`limits::CLASS_SAMPLES_MIN`] samples outside the
/// official test part.
pub fn load(source: &str, options: &LoadOptions) -> Result<Dataset, DataError> {
    load_within(source, options, limits::VALUES_BYTES_MAX)
}

/// What a model that is tested knows of the table that it was trained on; nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// What its columns hold.
    pub columns: Option<&'a [Column]>,
    /// Names of its label columns: where a header has them all, these are the labels, whatever `LoadOptions::label` says.
    pub labels: &'a [String],
}

/// [`load`] for a model that is tested: as nothing is learnt from it, there may be one class, or value, and few samples
/// of a class.
///
/// Where the model knows its table's columns, texts become the codes of the model's categories, whatever
/// categories this source has, and unknown ones become "no category" (NaN); the second result counts these. A CSV table's
/// columns are found by their names, in any order and among others, where it has a header and the model knows names; else
/// they are those of the model one after the other. Where the source is no such table and none of so many columns, what
/// it has itself is loaded.
///
/// # Errors
/// As `load`, but for data that nothing can be learnt from; where text or missing values are in a column in which
/// the model knows none; and where a header lacks columns that the model knows by name.
pub fn load_to_test(
    source: &str,
    options: &LoadOptions,
    known: Known<'_>,
) -> Result<(Dataset, Vec<UnknownCategories>), DataError> {
    load_request(&Request {
        source,
        options,
        values_bytes_max: limits::VALUES_BYTES_MAX,
        known,
        is_to_learn_from: false,
    })
}

/// What a format's reader is told.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    /// The source as the user named it.
    source: &'a str,
    options: &'a LoadOptions,
    /// Bytes that the raw values may take.
    values_bytes_max: u64,
    /// What is known of a table before.
    known: Known<'a>,
    /// Whether there must be enough of everything for a network to learn from it.
    is_to_learn_from: bool,
}

/// [`load`] with a limit of the caller's choice on the bytes of the raw values.
fn load_within(source: &str, options: &LoadOptions, values_bytes_max: u64) -> Result<Dataset, DataError> {
    let request =
        Request { source, options, values_bytes_max, known: Known::default(), is_to_learn_from: true };
    load_request(&request).map(|(dataset, _)| dataset)
}

fn load_request(request: &Request<'_>) -> Result<(Dataset, Vec<UnknownCategories>), DataError> {
    let source = Source::parse(request.source)?;
    let named =
        [("data.ignore", &request.options.ignore), ("data.categorical", &request.options.categorical)];
    for (key, columns) in named {
        if !columns.is_empty() && !matches!(source, Source::Csv(_)) {
            let problem = format!("{key} names columns, and only csv: has columns");
            return Err(request.unsuitable(&problem, &format!("leave {key} out")));
        }
    }
    if request.options.label.is_some() && !matches!(source, Source::Csv(_) | Source::Cifar(_)) {
        let problem = "data.label names a column, and only csv: has columns";
        return Err(request.unsuitable(problem, "leave data.label out"));
    }
    let mut parts = match source {
        Source::Digits => digits::read(request),
        Source::Idx(folder) => idx::read(request, &folder),
        Source::Npz(file) => npz::read(request, &file),
        Source::Csv(file) => csv::read(request, &file),
        Source::Images(folder) => images::read(request, &folder),
        Source::Cifar(folder) => cifar::read(request, &folder),
    }?;
    let unknown = std::mem::take(&mut parts.unknown);
    Ok((assemble::assemble(request, parts)?, unknown))
}

/// Raw values of all samples, row-major `[count, channels, height, width]` (tables: `[count, columns]`).
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Pixels as stored.
    U8(Vec<u8>),
    /// Numbers as stored; of tables also codes of categories, and NaN for what is missing.
    F32(Vec<f32>),
}

/// What is to be predicted for all samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Class of each sample, and the classes' names.
    Classes {
        /// One class index per sample.
        labels: Vec<i64>,
        /// Name of each class.
        names: Vec<String>,
    },
    /// Real numbers, row-major `[count, targets]`, and the targets' names.
    Values {
        /// `count x names.len()` numbers.
        values: Vec<f32>,
        /// Name of each target.
        names: Vec<String>,
    },
}

/// A data set, whole, with an official test part where its source has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The source as the user named it.
    pub source: String,
    /// Shapes and task. A table's channels are its features: more than it has columns where these are encoded.
    pub problem: Problem,
    /// What a table's columns hold; empty for images, and where each column has numbers that are all there and no name.
    pub columns: Vec<Column>,
    /// Raw values.
    pub samples: Samples,
    /// What is to be predicted.
    pub targets: Targets,
    /// Number of samples.
    pub count: usize,
    /// The last this-many samples are the official test part; 0 where there is none.
    pub official_test: usize,
    /// What a table says beside its values.
    pub notes: TableNotes,
    /// SHA-256 over shapes, columns that are encoded, values and targets, in hexadecimal.
    pub content_hash: String,
}

/// Which samples serve for what: indices into the data set, each in ascending order, no index in two lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// For training.
    pub train: Vec<u32>,
    /// For choosing between candidates.
    pub valid: Vec<u32>,
    /// For the one test at the end.
    pub test: Vec<u32>,
}

/// Means and standard deviations of the training part.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Mean of each channel (images) or column of numbers (tables).
    pub mean: Vec<f32>,
    /// Standard deviation of each channel or column of numbers; infinite where it does not vary, so that it is always 0.
    pub deviation: Vec<f32>,
    /// Mean of each regression target; empty for classification.
    pub target_mean: Vec<f32>,
    /// Standard deviation of each regression target, 1 where it does not vary; empty for classification.
    pub target_deviation: Vec<f32>,
    /// How a table's rows become features; `None` where each raw value is one.
    pub encoding: Option<Encoding>,
}

impl Samples {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that the values take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::F32(values) => values.len() * size_of::<f32>(),
        }
    }
}

impl Dataset {
    /// Raw values of one sample: channels x height x width.
    pub fn values_per_sample(&self) -> usize {
        self.samples.len() / self.count.max(1)
    }

    /// Whether samples are rows of a table (`[count, columns]`) and not images.
    pub const fn is_table(&self) -> bool {
        self.problem.is_table()
    }

    /// Shape of the raw values with this many samples: `[n, C, H, W]`, tables `[n, columns]`.
    pub fn shape(&self, samples: usize) -> Vec<usize> {
        let Problem { height, width, .. } = self.problem;
        if self.is_table() {
            return vec![samples, self.raw_channels()];
        }
        vec![samples, self.raw_channels(), height as usize, width as usize]
    }

    /// Samples of each class among `indices`; empty for regression. Indices must lie within the data set.
    pub fn class_counts(&self, indices: &[u32]) -> Vec<usize> {
        let Targets::Classes { labels, names } = &self.targets else { return Vec::new() };
        let mut counts = vec![0; names.len()];
        for &index in indices {
            counts[labels[index as usize] as usize] += 1;
        }
        counts
    }

    /// Share of the most frequent class among `indices`, 0 to 1: what a network that always says the same
    /// reaches. 0 for regression and for no indices. Indices must lie within the data set.
    pub fn majority_share(&self, indices: &[u32]) -> f64 {
        let most = self.class_counts(indices).into_iter().max().unwrap_or(0);
        most as f64 / indices.len().max(1) as f64
    }
}
