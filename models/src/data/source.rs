//! Which formats there are, how a source is spelled, and what was probably meant by a misspelled one.

use super::DataError;
use hatchery_config::nearest;
use serde::Serialize;
use std::path::PathBuf;

/// One line of the catalogue: a format, or a data set that is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SourceKind {
    /// How it is spelled: `digits`, `idx:DIR`, ...
    pub spelling: &'static str,
    /// A source one could write.
    pub example: &'static str,
    /// Whether the data are inside the program.
    pub embedded: bool,
    /// What the format looks like on disk.
    pub explanation: &'static str,
    /// Where the official test part comes from.
    pub test_part: &'static str,
}

/// A source that has been understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Digits,
    Idx(PathBuf),
    Npz(PathBuf),
    Csv(PathBuf),
    Images(PathBuf),
    Cifar(PathBuf),
}

const CATALOGUE: &[SourceKind] = &[
    SourceKind {
        spelling: "digits",
        example: "digits",
        embedded: true,
        explanation: "1,797 handwritten digits, 8x8 pixels of 0 to 16, 10 classes (UCI Optical Recognition of \
                      Handwritten Digits, CC BY 4.0)",
        test_part: "none: data.test_fraction is set aside",
    },
    SourceKind {
        spelling: "idx:DIR",
        example: "idx:data/fashion-mnist",
        embedded: false,
        explanation: "the MNIST family: train-images-idx3-ubyte and train-labels-idx1-ubyte in a folder, with or \
                      without .gz",
        test_part: "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, where they are",
    },
    SourceKind {
        spelling: "npz:FILE",
        example: "npz:data/shapes.npz",
        embedded: false,
        explanation: "numpy archive with arrays x and y, or x_train, y_train, x_test, y_test; x of type uint8, \
                      float16, float32, float64, int32, int64 or bool and shape (N, features), (N, H, W), (N, C, H, W) or, \
                      where C is 1 or 3 and H is neither, (N, H, W, C); NaN in x of (N, features) is a missing value; y of class \
                      numbers or names; classes, where it is an array of text, names the classes 0, 1, ..",
        test_part: "x_test and y_test, where they are",
    },
    SourceKind {
        spelling: "csv:FILE",
        example: "csv:data/magic04.data",
        embedded: false,
        explanation: "table of numbers and texts, with or without header, with or without .gz, separated by commas, \
                      semicolons or tabs; values may be missing; columns with text, and those in data.categorical, \
                      have categories; the label is the last column or data.label (name or zero-based index, \
                      several for regression); data.ignore leaves columns out; text labels become classes",
        test_part: "none: data.test_fraction is set aside",
    },
    SourceKind {
        spelling: "images:DIR",
        example: "images:data/flowers",
        embedded: false,
        explanation: "one folder per class with PNG or JPEG files, all of one size and none in folders within, \
                      optionally below train/ and test/",
        test_part: "test/, where it is",
    },
    SourceKind {
        spelling: "cifar:DIR",
        example: "cifar:data/cifar-10-batches-bin",
        embedded: false,
        explanation: "CIFAR-10 or CIFAR-100, binary version: data_batch_1.bin ... or train.bin, and the names \
                      in batches.meta.txt or fine_label_names.txt (data.label = \"coarse\" for the 20 \
                      superclasses)",
        test_part: "test_batch.bin or test.bin",
    },
];

/// All known sources and formats, for `data list` and for error messages.
pub const fn catalogue() -> &'static [SourceKind] {
    CATALOGUE
}

impl Source {
    /// Understands `digits` or `FORMAT:PATH`.
    pub(super) fn parse(text: &str) -> Result<Self, DataError> {
        let (format, path) = match text.split_once(':') {
            Some((format, path)) => (format, Some(path)),
            None => (text, None),
        };
        let Some(kind) = CATALOGUE.iter().find(|kind| format_of(kind) == format) else {
            return Err(unknown(text, format));
        };
        match path {
            None if kind.embedded => Ok(Self::Digits),
            None | Some("") => Err(bad(text, "the path is missing", kind)),
            Some(_) if kind.embedded => Err(bad(text, "it is embedded and takes no path", kind)),
            Some(path) => Ok(Self::with_path(format, path.into())),
        }
    }

    fn with_path(format: &str, path: PathBuf) -> Self {
        match format {
            "idx" => Self::Idx(path),
            "npz" => Self::Npz(path),
            "csv" => Self::Csv(path),
            "images" => Self::Images(path),
            _ => Self::Cifar(path),
        }
    }
}

fn format_of(kind: &SourceKind) -> &'static str {
    kind.spelling.split(':').next().unwrap_or(kind.spelling)
}

fn bad(given: &str, problem: &str, kind: &SourceKind) -> DataError {
    DataError::BadSource { given: given.into(), problem: problem.into(), example: kind.example.into() }
}

fn unknown(given: &str, format: &str) -> DataError {
    let nearest = nearest(format, CATALOGUE.iter().map(format_of))
        .and_then(|name| CATALOGUE.iter().find(|kind| format_of(kind) == name))
        .map(|kind| kind.spelling.to_owned());
    let known = CATALOGUE.iter().map(|kind| kind.spelling).collect::<Vec<_>>().join(", ");
    DataError::UnknownFormat { given: given.into(), nearest, known }
}
