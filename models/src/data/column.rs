//! What the columns of a table hold: numbers, or categories by their codes. With it, raw values of a row mean
//! something; how they become features is `encoding`'s.
//!
//! It must not know any file format, nor graphs.

use super::{Dataset, numeral::is_number};
use crate::flat::{FlatError, Reader};
use serde::{Deserialize, Serialize};

/// One feature column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name; `column N` where the source has none.
    pub name: String,
    /// What it holds.
    #[serde(flatten)]
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers; NaN where one is missing.
    Numeric {
        /// Whether any is missing in the data set.
        missing: bool,
    },
    /// Codes 0, 1, .. of the categories, as floats; NaN where there is none.
    Categorical {
        /// The categories' texts, in the order of their codes.
        categories: Vec<String>,
    },
}

/// Texts of a column that are none of the categories that were given for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownCategories {
    /// The column's name.
    pub column: String,
    /// How many values are of unknown categories.
    pub values: u64,
    /// The first of them.
    pub example: String,
}

impl Column {
    /// A column without a name of its own.
    pub(super) fn unnamed(position: usize, kind: ColumnKind) -> Self {
        Self { name: unnamed(position), kind }
    }

    /// Whether its values are more than numbers that are all there.
    pub const fn is_encoded(&self) -> bool {
        !matches!(self.kind, ColumnKind::Numeric { missing: false })
    }

    /// How many features its values become: of numbers one, and one that says where they are missing; of categories one
    /// each.
    pub const fn features(&self) -> usize {
        match &self.kind {
            ColumnKind::Numeric { missing } => 1 + *missing as usize,
            ColumnKind::Categorical { categories } => categories.len(),
        }
    }

    /// Whether a raw value may stand in it.
    pub fn takes(&self, value: f32) -> bool {
        match &self.kind {
            ColumnKind::Numeric { missing } => value.is_finite() || (value.is_nan() && *missing),
            ColumnKind::Categorical { categories } => {
                value.is_nan() || code(value, categories.len()).is_some()
            }
        }
    }
}

impl UnknownCategories {
    /// None yet.
    pub(super) fn none(column: &str) -> Self {
        Self { column: column.to_owned(), values: 0, example: String::new() }
    }

    /// One more.
    pub(super) fn note(&mut self, text: &str) {
        if self.values == 0 {
            text.clone_into(&mut self.example);
        }
        self.values += 1;
    }
}

/// Name of a column that has none.
pub(super) fn unnamed(position: usize) -> String {
    format!("column {position}")
}

/// Whether a column's name says which it is: no number, and none of [`unnamed`].
pub(super) fn is_name(name: &str) -> bool {
    let is_unnamed = name.strip_prefix("column ").is_some_and(|position| position.parse::<usize>().is_ok());
    !name.is_empty() && !is_number(name.as_bytes()) && !is_unnamed
}

/// The code that a raw value is, where there are so many categories.
pub(super) fn code(value: f32, categories: usize) -> Option<usize> {
    let is_code = value >= 0.0 && value < categories as f32 && value.fract() == 0.0;
    is_code.then_some(value as usize)
}

impl Dataset {
    /// Whether rows are encoded before a network sees them: some columns have text, or values missing.
    pub fn is_encoded(&self) -> bool {
        self.columns.iter().any(Column::is_encoded)
    }

    /// Channels of an image as stored, columns of a table as stored.
    pub fn raw_channels(&self) -> usize {
        if self.columns.is_empty() { self.problem.channels as usize } else { self.columns.len() }
    }
}

/// Columns as bytes, for hashes and other processes: of each its name, a flag for categories, and either a flag for
/// missing values or the categories; texts and lists with their length before them. Nothing for no columns.
pub(super) fn to_bytes(columns: &[Column]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    for Column { name, kind } in columns {
        text(&mut bytes, name);
        match kind {
            ColumnKind::Numeric { missing } => bytes.extend([0, u8::from(*missing)]),
            ColumnKind::Categorical { categories } => {
                bytes.push(1);
                bytes.extend((categories.len() as u64).to_le_bytes());
                categories.iter().for_each(|category| text(&mut bytes, category));
            }
        }
    }
    bytes
}

/// Columns from their bytes. Nothing is allocated that the bytes do not bear out.
pub(super) fn from_bytes(mut reader: Reader<'_>) -> Result<Vec<Column>, FlatError> {
    let mut columns = Vec::new();
    while !reader.is_empty() {
        let name = reader.text("a column's name")?;
        let kind = match reader.flag("a column's kind")? {
            false => ColumnKind::Numeric { missing: reader.flag("whether values are missing")? },
            true => {
                let count = reader.u64("the number of categories")?;
                let categories = (0..count).map(|_| reader.text("a category")).collect::<Result<_, _>>()?;
                ColumnKind::Categorical { categories }
            }
        };
        columns.push(Column { name, kind });
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flat::Format;

    const FORMAT: Format = Format { what: "columns", magic: *b"columns.", version: 1 };

    fn columns() -> Vec<Column> {
        let numeric =
            |name: &str, missing| Column { name: name.into(), kind: ColumnKind::Numeric { missing } };
        let categories = vec!["grün".to_owned(), String::new(), "red".to_owned()];
        let colour = Column { name: "colour".into(), kind: ColumnKind::Categorical { categories } };
        vec![numeric("a", false), numeric("b", true), colour]
    }

    #[test]
    fn columns_come_back_from_their_bytes_and_from_json() {
        let bytes = to_bytes(&columns());
        assert_eq!(from_bytes(Reader::bare(&FORMAT, &bytes)).unwrap(), columns());
        // An end that is missing is noticed, but where a whole column is missing.
        let whole = |end: &usize| (0..=3).any(|count| to_bytes(&columns()[..count]).len() == *end);
        for end in (0..bytes.len()).filter(|end| !whole(end)) {
            assert!(from_bytes(Reader::bare(&FORMAT, &bytes[..end])).is_err(), "{end}");
        }
        let json = serde_json::to_value(columns()).unwrap();
        assert_eq!(json[1], serde_json::json!({"name": "b", "kind": "numeric", "missing": true}));
        assert_eq!(json[2]["categories"][2], "red");
        assert_eq!(serde_json::from_value::<Vec<Column>>(json).unwrap(), columns());
    }

    #[test]
    fn numbers_and_stand_ins_are_no_names() {
        for name in ["", "7", "-1.5", "nan", &unnamed(12)] {
            assert!(!is_name(name), "{name}");
        }
        for name in ["a", "column", "column a", "7th"] {
            assert!(is_name(name), "{name}");
        }
    }

    #[test]
    fn a_column_takes_what_it_may_hold() {
        let [whole, gaps, colour] = columns().try_into().unwrap();
        let taken =
            |column: &Column| [0.0, 2.0, 2.5, 3.0, -1.0, f32::NAN, f32::INFINITY].map(|v| column.takes(v));
        assert_eq!(taken(&whole), [true, true, true, true, true, false, false]);
        assert_eq!(taken(&gaps), [true, true, true, true, true, true, false]);
        assert_eq!(taken(&colour), [true, true, false, false, false, true, false]);
        assert_eq!([&whole, &gaps, &colour].map(Column::features), [1, 2, 3]);
    }
}
