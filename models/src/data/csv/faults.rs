//! Cells that are not what their column should have: the first of each column, told together once the table has been
//! read.
//!
//! It must not know what the columns are for.

use super::columns::Columns;
use crate::data::{DataError, files::malformed, limits::NAMES_SHOWN_MAX, missing::is_missing};
use std::{collections::BTreeMap, path::Path};

/// Characters of a cell that a message shows.
const TEXT_CHARACTERS_MAX: usize = 60;

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// A finite 32-bit number.
    Number(f32),
    /// Nothing, or a word for that.
    Missing,
    Text,
    /// Infinite, or too large.
    NotFinite,
}

impl Cell {
    pub(super) fn of(field: &[u8]) -> Self {
        let number = std::str::from_utf8(field).ok().and_then(|text| text.parse::<f64>().ok());
        match number.map(|number| number as f32) {
            Some(number) if number.is_finite() => Self::Number(number),
            _ if is_missing(field) => Self::Missing,
            Some(_) => Self::NotFinite,
            None => Self::Text,
        }
    }
}

struct Fault {
    line: u64,
    text: String,
    cell: Cell,
}

/// The first fault of each column.
#[derive(Default)]
pub(super) struct Faults(BTreeMap<usize, Fault>);

impl Faults {
    /// The number in a cell; what is none is noted, and 0 takes its place.
    pub(super) fn number(&mut self, line: u64, position: usize, field: &[u8]) -> f32 {
        match Cell::of(field) {
            Cell::Number(number) => number,
            cell => self.note(line, position, field, cell),
        }
    }

    /// Notes a cell that cannot stand in its column; 0 takes its place.
    pub(super) fn note(&mut self, line: u64, position: usize, field: &[u8], cell: Cell) -> f32 {
        self.0.entry(position).or_insert_with(|| Fault { line, text: shown(field), cell });
        0.0
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
            let Fault { line, text, cell } = fault;
            let words = match cell {
                Cell::Missing if text.is_empty() => "there is no value".to_owned(),
                Cell::Missing => format!("\"{text}\" is no value"),
                Cell::NotFinite => format!("\"{text}\" is not a finite 32-bit number"),
                Cell::Text | Cell::Number(_) => format!("\"{text}\" is not a number"),
            };
            format!("in column {} from line {line}: {words}", columns.name(*position))
        };
        let shown: Vec<String> = self.0.iter().take(NAMES_SHOWN_MAX).map(one).collect();
        let more = self.0.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(", and in {more} more") };
        let problem = format!("{}{more}", shown.join(", "));
        let any = |cell| self.0.values().any(|fault| fault.cell == cell);
        let fill = if any(Cell::Missing) { "fill in missing values, " } else { "" };
        let text = if any(Cell::Text) { "turn text into numbers, " } else { "" };
        let header = header_hint(columns);
        let remedy = format!("{fill}{text}or leave columns out with data.ignore{header}");
        malformed(path, &format!("{} columns are no numbers", self.0.len()), &problem, &remedy)
    }
}

fn one(path: &Path, columns: &Columns, position: usize, fault: &Fault) -> DataError {
    let Fault { line, text, cell } = fault;
    let (line, text, column) = (*line, text.clone(), columns.name(position));
    let remedy = match cell {
        Cell::NotFinite => {
            let place = format!("{}: line {line}, column {column}", path.display());
            return DataError::NotFinite { place, value: format!("\"{text}\"") };
        }
        Cell::Missing => {
            "fill in the missing value, remove the row, or leave the column out with data.ignore"
        }
        Cell::Text | Cell::Number(_) => {
            "turn text into numbers, name the label column with data.label, or leave the column out with data.ignore"
        }
    };
    let remedy = format!("{remedy}{}", header_hint(columns));
    DataError::NotANumber { path: path.into(), line, column, text, remedy }
}

/// A first line with numbers and text may be a header that does not look like one.
pub(super) fn header_hint(columns: &Columns) -> &'static str {
    if columns.may_have_header() {
        "; if line 1 is a header, name the label column with data.label"
    } else {
        ""
    }
}

/// As much of a cell as a message shows.
pub(super) fn shown(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    let mut shown: String = text.chars().take(TEXT_CHARACTERS_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("..");
    }
    shown
}
