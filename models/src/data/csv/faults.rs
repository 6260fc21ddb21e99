//! Cells that are no numbers: the first of each column, told together once the table has been read.
//!
//! It must not know what the columns are for.

use super::columns::Columns;
use crate::data::{DataError, files::malformed, limits::NAMES_SHOWN_MAX};
use std::{collections::BTreeMap, path::Path};

/// Characters of a cell that a message shows.
const TEXT_CHARACTERS_MAX: usize = 60;

/// Words that tables have where a value is missing, whatever the case.
const MISSING_WORDS: [&str; 7] = ["na", "n/a", "#n/a", "nan", "null", "none", "?"];

/// What is wrong with a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Missing,
    Text,
    NotFinite,
}

struct Fault {
    line: u64,
    text: String,
    wrong: Wrong,
}

/// The first fault of each column.
#[derive(Default)]
pub(super) struct Faults(BTreeMap<usize, Fault>);

impl Faults {
    /// The number in a cell; what is none is noted, and 0 takes its place.
    pub(super) fn number(&mut self, line: u64, position: usize, field: &[u8]) -> f32 {
        let parsed = std::str::from_utf8(field).ok().and_then(|text| text.parse::<f64>().ok());
        let number = parsed.map(|number| number as f32);
        match number.filter(|number| number.is_finite()) {
            Some(number) => number,
            None => {
                let wrong = match number {
                    _ if is_missing(field) => Wrong::Missing,
                    Some(_) => Wrong::NotFinite,
                    None => Wrong::Text,
                };
                self.0.entry(position).or_insert_with(|| Fault { line, text: shown(field), wrong });
                0.0
            }
        }
    }

    /// All of them in one error; nothing where there are none.
    pub(super) fn check(&self, path: &Path, columns: &Columns) -> Result<(), DataError> {
        let mut faults = self.0.iter();
        match (faults.next(), faults.next()) {
            (None, _) => Ok(()),
            (Some((&position, fault)), None) => Err(one(path, columns, position, fault)),
            _ => Err(self.several(path, columns)),
        }
    }

    fn several(&self, path: &Path, columns: &Columns) -> DataError {
        let one = |(position, fault): (&usize, &Fault)| {
            let Fault { line, text, wrong } = fault;
            let words = match wrong {
                Wrong::Missing if text.is_empty() => "there is no value".to_owned(),
                Wrong::Missing => format!("\"{text}\" is no value"),
                Wrong::Text => format!("\"{text}\" is not a number"),
                Wrong::NotFinite => format!("\"{text}\" is not a finite 32-bit number"),
            };
            format!("in column {} from line {line}: {words}", columns.name(*position))
        };
        let shown: Vec<String> = self.0.iter().take(NAMES_SHOWN_MAX).map(one).collect();
        let more = self.0.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(", and in {more} more") };
        let problem = format!("{}{more}", shown.join(", "));
        let any = |wrong| self.0.values().any(|fault| fault.wrong == wrong);
        let fill = if any(Wrong::Missing) { "fill in missing values, " } else { "" };
        let text = if any(Wrong::Text) { "turn text into numbers, " } else { "" };
        let header = header_hint(columns);
        let remedy = format!("{fill}{text}or leave columns out with data.ignore{header}");
        malformed(path, &format!("{} columns are no numbers", self.0.len()), &problem, &remedy)
    }
}

/// Whether a field says that its value is missing: empty, or one of the usual words for it.
fn is_missing(field: &[u8]) -> bool {
    field.is_empty() || MISSING_WORDS.iter().any(|word| field.eq_ignore_ascii_case(word.as_bytes()))
}

fn one(path: &Path, columns: &Columns, position: usize, fault: &Fault) -> DataError {
    let Fault { line, text, wrong } = fault;
    let (line, text, column) = (*line, text.clone(), columns.name(position));
    let remedy = match wrong {
        Wrong::NotFinite => {
            let place = format!("{}: line {line}, column {column}", path.display());
            return DataError::NotFinite { place, value: format!("\"{text}\"") };
        }
        Wrong::Missing => {
            "fill in the missing value, remove the row, or leave the column out with data.ignore"
        }
        Wrong::Text => {
            "turn text into numbers, name the label column with data.label, or leave the column out with data.ignore"
        }
    };
    let remedy = format!("{remedy}{}", header_hint(columns));
    DataError::NotANumber { path: path.into(), line, column, text, remedy }
}

/// A first line with numbers and text may be a header that does not look like one.
fn header_hint(columns: &Columns) -> &'static str {
    if columns.may_have_header() {
        "; if line 1 is a header, name the label column with data.label"
    } else {
        ""
    }
}

fn shown(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    let mut shown: String = text.chars().take(TEXT_CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("..");
    }
    shown
}
