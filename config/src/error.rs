//! What can be wrong with an experiment: every message names the place, the key, the value and what would be right.

use std::path::PathBuf;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file or preset (lines count from 1).
    Line {
        /// The file, or `preset NAME`.
        file: String,
        /// Its line.
        line: usize,
    },
    /// On the command line, as written.
    Option(String),
    /// Nowhere: a file as a whole, or an experiment built by a program.
    Whole(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line { file, line } => write!(formatter, "{file}, line {line}"),
            Self::Option(option) => write!(formatter, "--set {option}"),
            Self::Whole(file) => write!(formatter, "{file}"),
        }
    }
}

/// Why there is no experiment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Neither a preset nor a file.
    #[error("no experiment \"{name}\": neither a file nor a preset ({presets}){suggestion}")]
    NoSuchExperiment {
        /// What was asked for.
        name: String,
        /// The presets there are.
        presets: String,
        /// `; did you mean ...?` or empty.
        suggestion: String,
    },
    /// The file cannot be read.
    #[error("cannot read the experiment {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// No TOML.
    #[error("{place}: not valid TOML: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// The parser's words.
        message: String,
    },
    /// A key or section that does not exist.
    #[error("{place}: unknown key `{key}`{suggestion}")]
    UnknownKey {
        /// Where.
        place: Place,
        /// The whole path of the key.
        key: String,
        /// `; did you mean ...?` or the keys there are.
        suggestion: String,
    },
    /// A key that must be there is not.
    #[error("{place}: `{key}` is missing: {expected}")]
    Missing {
        /// Where.
        place: Place,
        /// The whole path of the key.
        key: &'static str,
        /// What it must be.
        expected: String,
    },
    /// A value of the wrong type or out of bounds.
    #[error("{place}: `{key}` = {value} is not allowed: it must be {expected}")]
    Value {
        /// Where.
        place: Place,
        /// The whole path of the key.
        key: String,
        /// What was written.
        value: String,
        /// Type and bounds.
        expected: String,
    },
    /// Values that are right one by one, but not together.
    #[error("{place}: {message}")]
    Together {
        /// Where.
        place: Place,
        /// What does not fit, and what would.
        message: String,
    },
    /// `--set` without `key=value`.
    #[error("--set {text}: write it as section.key=value, for example --set training.epochs=5")]
    Set {
        /// What was written.
        text: String,
    },
}
