//! Which columns a table has, what they are called, and which of them are labels: decided from its first
//! line.

use super::lines::Record;
use crate::data::{
    DataError, LoadOptions,
    files::malformed,
    limits::{COLUMNS_MAX, NAMES_SHOWN_MAX},
};
use hatchery_config::{nearest, vocabulary::TaskKind};
use std::path::Path;

/// The columns of a table.
pub(super) struct Columns {
    count: usize,
    /// Names, where the first line is a header.
    header: Option<Vec<String>>,
    /// Positions of the label columns, in the order in which they were asked for.
    labels: Vec<usize>,
    is_label: Vec<bool>,
}

impl Columns {
    /// Looks at the first line: finds the label columns, and whether the line is a header.
    pub(super) fn decide(path: &Path, first: &Record, options: &LoadOptions) -> Result<Self, DataError> {
        let count = first.len();
        if count as u64 > COLUMNS_MAX {
            return Err(DataError::TooLarge {
                place: path.display().to_string(),
                what: "columns",
                actual: count as u64,
                limit: COLUMNS_MAX,
                name: "COLUMNS_MAX",
                remedy: "leave some out",
            });
        }
        let names: Vec<String> =
            first.fields().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
        let wanted = wanted(options);
        let by_index: Option<Vec<usize>> = wanted.iter().map(|label| label.parse().ok()).collect();
        let (labels, header) = match by_index {
            None => (by_name(path, &names, &wanted)?, true),
            Some(indices) => {
                let labels = if indices.is_empty() { vec![count.saturating_sub(1)] } else { indices };
                check_indices(path, &labels, &names)?;
                let header = looks_like_header(path, first, &labels)?;
                (labels, header)
            }
        };
        Self::new(path, count, header.then_some(names), labels)
    }

    fn new(
        path: &Path,
        count: usize,
        header: Option<Vec<String>>,
        labels: Vec<usize>,
    ) -> Result<Self, DataError> {
        let mut is_label = vec![false; count];
        for &label in &labels {
            if std::mem::replace(&mut is_label[label], true) {
                let problem = format!("column {label} is named twice");
                return Err(malformed(path, "label", &problem, "name each label column once in data.label"));
            }
        }
        if labels.len() == count {
            let problem = format!("{count} columns, none of them a feature");
            return Err(malformed(
                path,
                "line 1",
                &problem,
                "separate columns by commas, semicolons or tabs, features beside the label",
            ));
        }
        Ok(Self { count, header, labels, is_label })
    }

    /// Columns in all.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Columns that are no labels.
    pub(super) const fn features(&self) -> usize {
        self.count - self.labels.len()
    }

    pub(super) const fn has_header(&self) -> bool {
        self.header.is_some()
    }

    pub(super) fn labels(&self) -> &[usize] {
        &self.labels
    }

    pub(super) fn is_label(&self, position: usize) -> bool {
        self.is_label.get(position).copied().unwrap_or(false)
    }

    /// The column for error messages: zero-based index and, where there is one, its name.
    pub(super) fn name(&self, position: usize) -> String {
        match self.header.as_ref().and_then(|header| header.get(position)) {
            Some(name) => format!("{position} (\"{name}\")"),
            None => position.to_string(),
        }
    }

    /// Names of the label columns; `column N` where there is no header.
    pub(super) fn label_names(&self) -> Vec<String> {
        let name = |&label: &usize| match self.header.as_ref().and_then(|header| header.get(label)) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => format!("column {label}"),
        };
        self.labels.iter().map(name).collect()
    }
}

/// Whether a field is a number, NaN and infinities included: those are bad numbers, not text.
pub(super) fn is_number(field: &[u8]) -> bool {
    std::str::from_utf8(field).is_ok_and(|text| text.trim().parse::<f64>().is_ok())
}

/// Words that tables have where a value is missing, in small letters.
const MISSING_WORDS: [&str; 7] = ["na", "n/a", "#n/a", "nan", "null", "none", "?"];

/// What helps where a number is missing.
pub(super) const FILL_IN: &str = "fill in the missing value, or remove the row";

/// Whether a field says that its value is missing: empty, or one of the usual words for it.
pub(super) fn is_missing(field: &[u8]) -> bool {
    field.is_empty() || MISSING_WORDS.iter().any(|word| field.eq_ignore_ascii_case(word.as_bytes()))
}

/// The label columns as the user named them; nothing for the last column.
fn wanted(options: &LoadOptions) -> Vec<&str> {
    let Some(label) = options.label.as_deref() else { return Vec::new() };
    match options.task {
        TaskKind::Classification => vec![label.trim()],
        TaskKind::Regression => label.split(',').map(str::trim).collect(),
    }
}

/// Names and indices may be mixed; a name needs a header, so there is one.
fn by_name(path: &Path, names: &[String], wanted: &[&str]) -> Result<Vec<usize>, DataError> {
    let find = |label: &&str| {
        let position = names.iter().position(|name| name == label);
        position.or_else(|| label.parse().ok().filter(|&index| index < names.len()))
    };
    wanted.iter().map(|label| find(label).ok_or_else(|| unknown(path, names, label))).collect()
}

fn check_indices(path: &Path, labels: &[usize], names: &[String]) -> Result<(), DataError> {
    match labels.iter().find(|&&label| label >= names.len()) {
        Some(label) => Err(unknown(path, names, &label.to_string())),
        None => Ok(()),
    }
}

fn unknown(path: &Path, names: &[String], label: &str) -> DataError {
    let last = names.len().saturating_sub(1);
    let numbers = names.iter().filter(|name| is_number(name.as_bytes())).count();
    // All fields but, perhaps, a text label are numbers: that line is no header.
    let columns = if numbers + 1 >= names.len() && numbers > 0 {
        format!("0 to {last} (the file has no header)")
    } else {
        let shown: Vec<&str> = names.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect();
        let more = names.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more} (or 0 to {last})", shown.join(", "))
    };
    let nearest = nearest(label, names.iter().map(String::as_str)).map(str::to_owned);
    DataError::UnknownColumn { path: path.into(), label: label.into(), nearest, columns }
}

/// A header where no feature field is a number, none where all are; anything between is an error.
fn looks_like_header(path: &Path, first: &Record, labels: &[usize]) -> Result<bool, DataError> {
    let features = || first.fields().enumerate().filter(|(position, _)| !labels.contains(position));
    let Some((position, field)) = features().find(|(_, field)| !is_number(field)) else { return Ok(false) };
    if !features().any(|(_, field)| is_number(field)) {
        return Ok(true);
    }
    let remedy = if is_missing(field) {
        FILL_IN
    } else {
        "turn text into numbers; if this line is a header, name the label column with data.label"
    };
    Err(DataError::NotANumber {
        path: path.into(),
        line: first.line,
        column: position.to_string(),
        text: String::from_utf8_lossy(field).into_owned(),
        remedy: remedy.into(),
    })
}
