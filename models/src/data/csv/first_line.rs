//! What the first line of a table is: its header, or a row like the others.
//!
//! It must not know how rows are read.

use super::lines::Record;
use crate::data::{column::is_name, missing::is_missing, numeral::is_number};
use hatchery_config::vocabulary::TaskKind;

/// What the first line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLine {
    Header,
    /// A header, since no feature is a number; but then it may be data where no feature ever is.
    Texts,
    /// A header by the name that its label seems to be: it begins with the columns' numbers, or with nothing at all.
    /// But then it is data where that is a class of other rows.
    Labelled,
    Data,
    /// Data, since some features are numbers; but then other fields are not.
    Unclear,
}

impl FirstLine {
    /// A header where some feature field is text and none is a number, or where the fields number the columns; data
    /// where all are numbers, or some of them missing.
    pub(super) fn of(first: &Record, labels: &[usize], ignored: &[usize], task: TaskKind) -> Self {
        let names: Vec<&[u8]> = first.fields().collect();
        if let Some(line) = numbered(&names, labels) {
            return line;
        }
        let is_feature = |position: &usize| !labels.contains(position) && !ignored.contains(position);
        let features = || (0..first.len()).filter(is_feature).map(|position| names[position]);
        let has_numbers = features().any(is_number);
        let has_texts = features().any(is_text);
        // What is to be predicted as a number is text in a header alone.
        let has_names = task == TaskKind::Regression && labels.iter().any(|&label| is_text(names[label]));
        match (has_numbers, has_texts) {
            (false, true) => Self::Texts,
            (false, false) if has_names => Self::Header,
            (false, false) if task == TaskKind::Classification => Self::Labelled,
            (_, false) if !has_names => Self::Data,
            _ => Self::Unclear,
        }
    }
}

fn is_text(field: &[u8]) -> bool {
    !is_number(field) && !is_missing(field)
}

/// Fewest columns whose indices are taken for a header: 0 and 1 alone may well be data.
const NUMBERED_COLUMNS_MIN: usize = 3;
/// Fewest of them where names come behind.
const NUMBERED_BEFORE_NAMES_MIN: usize = 2;

/// Whether the fields are 0, 1, 2 and so on, as pandas heads columns without names; before them, its index has no name,
/// and behind them there may be columns with names, among which are all labels.
fn numbered(names: &[&[u8]], labels: &[usize]) -> Option<FirstLine> {
    let before = usize::from(names.first().is_some_and(|first| first.is_empty()));
    let indices = names.iter().skip(before).enumerate();
    let count = indices.take_while(|(index, name)| **name == index.to_string().as_bytes()).count();
    let named = before + count;
    if named == names.len() {
        return (count >= NUMBERED_COLUMNS_MIN).then_some(FirstLine::Header);
    }
    let names_column = |name: &&[u8]| std::str::from_utf8(name).is_ok_and(is_name) && !is_missing(name);
    let is_header = count >= NUMBERED_BEFORE_NAMES_MIN
        && names[named..].iter().all(names_column)
        && labels.iter().all(|&label| label >= named);
    is_header.then_some(FirstLine::Labelled)
}
