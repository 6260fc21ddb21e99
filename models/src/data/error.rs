//! What can be wrong with data: every message names the file, the place in it, what is wrong, and the remedy.

use std::{io, path::PathBuf};

/// Why a data set could not be loaded, split or written.
///
/// Messages are lower case without a full stop and never print their source chain.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The source names no known format.
    #[error(
        "unknown data source \"{given}\"{}; known sources: {known}",
        did_you_mean(.nearest)
    )]
    UnknownFormat {
        /// The source as the user wrote it.
        given: String,
        /// The closest known spelling, where one is close.
        nearest: Option<String>,
        /// All known spellings, separated by commas.
        known: String,
    },
    /// A format that needs a path was named without one, or the other way round.
    #[error("data source \"{given}\": {problem}; write it as {example}")]
    BadSource {
        /// The source as the user wrote it.
        given: String,
        /// What is wrong with it.
        problem: String,
        /// A right example.
        example: String,
    },
    /// A file or folder that the format needs is not there.
    #[error("{} does not exist; expected {expected}", .path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
        /// What was expected there, and what to do.
        expected: String,
    },
    /// The operating system refused to read.
    #[error("{} cannot be read ({}); check that it is a readable file", .path.display(), .source.kind())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A `.gz` file is not gzip, or is damaged.
    #[error("{}: not valid gzip data ({problem}); fetch or compress the file again", .path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        problem: String,
    },
    /// A file ends before its header says it should.
    #[error(
        "{}: truncated: {what} should have {expected_bytes} bytes, found {found_bytes}; fetch the file again",
        .path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: String,
        /// Bytes that its header announces.
        expected_bytes: u64,
        /// Bytes that are there.
        found_bytes: u64,
    },
    /// A file is not what its format says.
    #[error("{}: {place}: {problem}; {remedy}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, record, array or header field.
        place: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A row of a table has more or fewer fields than the first.
    #[error(
        "{}: line {line}: {found} fields where the first line has {expected}; give every row the same number",
        .path.display()
    )]
    RaggedRow {
        /// The file.
        path: PathBuf,
        /// One-based line.
        line: u64,
        /// Fields in this row.
        found: usize,
        /// Fields in the first row.
        expected: usize,
    },
    /// A field that should be a number is not.
    #[error(
        "{}: line {line}, column {column}: \"{text}\" is not a number; {remedy}",
        .path.display()
    )]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// One-based line.
        line: u64,
        /// Zero-based column and, where the file has a header, its name.
        column: String,
        /// The field.
        text: String,
        /// What to do.
        remedy: String,
    },
    /// A NaN, an infinity, or a number that a 32-bit float cannot hold.
    #[error("{place}: {value} is not a finite 32-bit number; remove the sample or replace the value")]
    NotFinite {
        /// File and line, or source and sample.
        place: String,
        /// The value as written.
        value: String,
    },
    /// The label column is not there.
    #[error(
        "{}: no column \"{label}\"{}; the columns are: {columns}",
        .path.display(),
        did_you_mean(.nearest)
    )]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column that was asked for.
        label: String,
        /// The closest existing name, where one is close.
        nearest: Option<String>,
        /// The columns that exist.
        columns: String,
    },
    /// Two images differ in size or in number of channels.
    #[error(
        "images differ: {} is {first_shape}, {} is {other_shape}; bring all images to one size and one number of channels",
        .first.display(),
        .other.display()
    )]
    ImagesDiffer {
        /// The first image, in sorted order.
        first: PathBuf,
        /// Its `width x height x channels`.
        first_shape: String,
        /// The image that differs.
        other: PathBuf,
        /// Its `width x height x channels`.
        other_shape: String,
    },
    /// There is nothing to learn from.
    #[error("{origin}: no samples; check that this is the right file or folder")]
    NoSamples {
        /// The source.
        origin: String,
    },
    /// All samples belong to one class.
    #[error(
        "{origin}: all {count} samples are of one class, \"{class}\"; at least two classes are needed, check the label column or folder"
    )]
    OneClass {
        /// The source.
        origin: String,
        /// The one class.
        class: String,
        /// How many samples it has.
        count: usize,
    },
    /// All samples have the same number to be predicted.
    #[error(
        "{origin}: all {count} samples have the same target, {target} = {value}; at least two different values are needed, check the label column"
    )]
    OneValue {
        /// The source.
        origin: String,
        /// The target's name.
        target: String,
        /// The one value.
        value: f32,
        /// How many samples have it.
        count: usize,
    },
    /// A class is too small to be split.
    #[error(
        "{origin}: class \"{class}\" has {count} {} outside the test part, at least {needed} are needed; add samples or remove the class{hint}",
        if *.count == 1 { "sample" } else { "samples" }
    )]
    ClassTooSmall {
        /// The source.
        origin: String,
        /// The class.
        class: String,
        /// Its samples outside the official test part.
        count: usize,
        /// How many are needed.
        needed: usize,
        /// A guess at the cause, or nothing.
        hint: &'static str,
    },
    /// Something is larger than a named limit.
    #[error("{place}: {actual} {what}, more than the limit of {limit} ({name}); {remedy}")]
    TooLarge {
        /// Source or file.
        place: String,
        /// What is counted.
        what: &'static str,
        /// How many there are (or are announced).
        actual: u64,
        /// How many there may be.
        limit: u64,
        /// The limit's name.
        name: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The source cannot serve the task or option that was asked for.
    #[error("{origin}: {problem}; {remedy}")]
    Unsuitable {
        /// The source.
        origin: String,
        /// What does not fit.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A share is not a share.
    #[error("{name} = {value} is out of range; give a number {range}")]
    FractionOutOfRange {
        /// The setting's name.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The range, in words.
        range: &'static str,
    },
    /// All samples that networks would be compared by have the same class or target.
    #[error(
        "{origin}: the validation part would have {count} {} of one {what} only, which tells no network from another; raise data.valid_fraction, choose another data.split_seed, or add samples",
        if *.count == 1 { "sample" } else { "samples" }
    )]
    UniformPart {
        /// The source.
        origin: String,
        /// "class" or "target".
        what: &'static str,
        /// Samples of the validation part.
        count: usize,
    },
    /// A part of the split would be empty.
    #[error("{origin}: the {part} part would have no sample of {count}; {remedy}")]
    EmptyPart {
        /// The source.
        origin: String,
        /// Which part.
        part: &'static str,
        /// Samples to be divided.
        count: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// An index points outside the data set.
    #[error(
        "{origin}: sample {index} was asked for, there are {count}; use indices of a split of this data set"
    )]
    NoSuchSample {
        /// The source.
        origin: String,
        /// The index.
        index: u32,
        /// Samples in the data set.
        count: usize,
    },
    /// A file could not be written; what stood at its place is untouched.
    #[error("{} cannot be written: {source}; {}", .path.display(), remedy(.source))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What helps where a file cannot be written.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "make its folder first, or choose another place",
        io::ErrorKind::IsADirectory => "name a file in it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or choose another place"
        }
        _ => "make the folder writable, or choose another place",
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!(", did you mean \"{name}\"?"))
}
