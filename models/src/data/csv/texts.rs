//! Columns in which text was found: the first of each, and the errors where text is neither a category nor a header.
//!
//! It must not know how rows are read.

use super::{
    categories::NoCategories,
    columns::Columns,
    faults::{header_hint, shown},
};
use crate::data::{
    DataError, NearlyNumbers,
    files::malformed,
    limits::{CATEGORIES_MAX, CATEGORY_BYTES_MAX, NAMES_SHOWN_MAX},
    numeral::is_number,
};
use std::{collections::BTreeMap, path::Path};

/// The first text of a column, and how many there are.
struct Found {
    line: u64,
    text: String,
    count: u64,
    /// How many of them are numbers with a decimal comma, and the first of those with its line.
    commas: u64,
    comma: Option<(u64, String)>,
}

/// Of ten values of a column that was probably meant to be numbers, so many are.
const NUMBERS_OF_TEN_MIN: u64 = 9;

/// What is known of the columns in which text was found.
#[derive(Default)]
pub(super) struct Texts(BTreeMap<usize, Found>);

impl Texts {
    pub(super) fn note(&mut self, line: u64, position: usize, field: &[u8]) {
        let new = || Found { line, text: shown(field), count: 0, commas: 0, comma: None };
        let found = self.0.entry(position).or_insert_with(new);
        found.count += 1;
        if has_decimal_comma(field) {
            found.commas += 1;
            found.comma.get_or_insert_with(|| (line, shown(field)));
        }
    }

    /// What is to be said of a column, called `name`, with so many `values`, if nearly all of them are numbers.
    pub(super) fn nearly_numbers(&self, position: usize, name: &str, values: u64) -> Option<NearlyNumbers> {
        let Found { line, text, count, commas, comma } = self.0.get(&position)?;
        let numbers = values.saturating_sub(*count) + commas;
        let (line, example) = comma.clone().unwrap_or_else(|| (*line, text.clone()));
        let note = NearlyNumbers { column: name.to_owned(), values, numbers, commas: *commas, example, line };
        (10 * numbers >= NUMBERS_OF_TEN_MIN * values).then_some(note)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn are_in(&self, position: usize) -> bool {
        self.0.contains_key(&position)
    }

    /// A first line that was taken for data, with text in a column that has none in all the `rows` behind it, is a
    /// header that does not look like one.
    pub(super) fn check_first_line(
        &self,
        path: &Path,
        columns: &Columns,
        rows: u64,
    ) -> Result<(), DataError> {
        let alone = |found: &Found| found.count == 1 && found.line == columns.first_line() && rows > 1;
        let suspect = self.0.iter().find(|(_, found)| columns.may_have_header() && alone(found));
        let Some((&position, Found { line, text, .. })) = suspect else { return Ok(()) };
        let remedy = "the column has no other text: correct it, or leave the column out with data.ignore";
        Err(DataError::NotANumber {
            path: path.into(),
            line: *line,
            column: columns.name(position),
            text: text.clone(),
            remedy: format!("{remedy}{}", header_hint(columns)),
        })
    }

    /// The error about columns whose texts are no categories, all of them in one.
    pub(super) fn no_categories(
        &self,
        path: &Path,
        columns: &Columns,
        wrong: &[(usize, NoCategories)],
    ) -> DataError {
        let problem = |&(position, why): &(usize, NoCategories)| {
            let from = self.0.get(&position).map_or_else(String::new, |Found { line, text, .. }| {
                format!(" (text from line {line} on: \"{text}\")")
            });
            format!("{}{from}", in_words(why))
        };
        let has_commas = |found: &Found| 10 * found.commas >= NUMBERS_OF_TEN_MIN * found.count;
        let has_commas = wrong.iter().filter_map(|(position, _)| self.0.get(position)).any(has_commas);
        let remedy = remedy(columns, wrong, has_commas);
        if let [one] = wrong {
            let place = format!("column {}", columns.name(one.0));
            return malformed(path, &place, &format!("{} are no categories", problem(one)), &remedy);
        }
        let shown: Vec<String> = wrong
            .iter()
            .take(NAMES_SHOWN_MAX)
            .map(|one| format!("in column {} {}", columns.name(one.0), problem(one)))
            .collect();
        let more = wrong.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        let place = format!("{} columns are no categories", wrong.len());
        malformed(path, &place, &format!("{}{more}", shown.join(", ")), &remedy)
    }
}

/// Whether a text is a number with a comma where a point should be; points may part its thousands.
fn has_decimal_comma(field: &[u8]) -> bool {
    let parts = std::str::from_utf8(field).ok().and_then(|text| text.split_once(','));
    parts.is_some_and(|(whole, rest)| is_number(format!("{}.{rest}", whole.replace('.', "")).as_bytes()))
}

/// What to do, with the setting that does it.
fn remedy(columns: &Columns, wrong: &[(usize, NoCategories)], has_commas: bool) -> String {
    let settings = |is_wanted: fn(NoCategories) -> bool| {
        let wanted = wrong.iter().filter(|(_, why)| is_wanted(*why));
        let names: Vec<String> = wanted.map(|(place, _)| format!("{:?}", columns.setting(*place))).collect();
        names.join(", ")
    };
    let may_be_asked_for = settings(|why| matches!(why, NoCategories::Names { .. }));
    let asking = match may_be_asked_for.as_str() {
        "" => String::new(),
        names => format!(", set data.categorical = [{names}] if these are categories nevertheless"),
    };
    let ignore = settings(|_| true);
    let correct = match has_commas {
        true => "write numbers with a decimal point, not with a decimal comma",
        false => "correct the text where there should be numbers",
    };
    format!("set data.ignore = [{ignore}]{asking}, or {correct}")
}

fn in_words(why: NoCategories) -> String {
    match why {
        NoCategories::TooMany => {
            format!("more than {CATEGORIES_MAX} different values (CATEGORIES_MAX)")
        }
        NoCategories::TooLong => {
            format!("texts of more than {CATEGORY_BYTES_MAX} bytes (CATEGORY_BYTES_MAX)")
        }
        NoCategories::Names { different, values } => {
            format!("{different} different values in {values} rows")
        }
    }
}
