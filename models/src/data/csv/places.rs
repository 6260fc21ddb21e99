//! Where the columns that a model knows stand in a table: by their names where both have names, else one after the
//! other.
//!
//! It must not know how rows are read.

use super::columns::Columns;
use crate::data::{
    Column, ColumnKind, DataError, Known, column::is_name, files::malformed, limits::NAMES_SHOWN_MAX,
};
use hatchery_config::nearest;
use std::{collections::HashMap, path::Path};

/// Where the model's columns stand, in its own order. `None`, where it knows no columns, or takes them one after the
/// other and there are not as many.
pub(super) fn places(
    path: &Path,
    columns: &Columns,
    known: Known<'_>,
) -> Result<Option<Vec<usize>>, DataError> {
    let Some(model) = known.columns else { return Ok(None) };
    let in_order = || Some(columns.features().collect()).filter(|all: &Vec<usize>| all.len() == model.len());
    if !columns.has_named_features() || !model.iter().any(|column| is_name(&column.name)) {
        return Ok(by_name(columns, model).or_else(in_order));
    }
    let label = missing_label(columns, known.labels);
    let are_alike = columns.features().map(|place| columns.plain_name(place));
    let found = match are_alike.eq(model.iter().map(|column| column.name.clone())) {
        true => in_order(),
        false => by_name(columns, model),
    };
    match (found, label) {
        (Some(found), None) => Ok(Some(found)),
        _ if is_row(columns, model) => Ok(in_order()),
        (_, label) => Err(missing(path, columns, model, label)),
    }
}

/// Each by its name, where that is the name of just one column: of one that is to be learnt from, or else of one that
/// is left out.
fn by_name(columns: &Columns, model: &[Column]) -> Option<Vec<usize>> {
    let features = named(columns, columns.features());
    let left_out = named(columns, columns.left_out());
    let place = |column: &Column| {
        let name = column.name.as_str();
        features.get(name).or_else(|| left_out.get(name)).copied().flatten()
    };
    model.iter().map(place).collect()
}

/// Columns by their names, where there is a header; nothing for names of several.
fn named(columns: &Columns, places: impl Iterator<Item = usize>) -> HashMap<String, Option<usize>> {
    let mut named = HashMap::new();
    for place in places.filter(|_| columns.has_header()) {
        let name = columns.plain_name(place);
        named.entry(name).and_modify(|place| *place = None).or_insert(Some(place));
    }
    named
}

/// A label column that the model knows by a name that the header has not.
fn missing_label<'a>(columns: &Columns, labels: &'a [String]) -> Option<&'a str> {
    let all_are_names = labels.iter().all(|label| is_name(label));
    let missing = labels.iter().find(|label| !columns.label_names().contains(label));
    missing.filter(|_| all_are_names).map(String::as_str)
}

/// Whether a first line without numbers is a row, and no header: at least half of its fields are categories that the
/// model knows, one column after the other.
fn is_row(columns: &Columns, model: &[Column]) -> bool {
    let Some(fields) = columns.doubtful_header() else { return false };
    let places: Vec<usize> = columns.features().collect();
    let is_category = |(place, column): (&usize, &Column)| match &column.kind {
        ColumnKind::Categorical { categories } => Some(categories.contains(&fields[*place])),
        ColumnKind::Numeric { .. } => None,
    };
    let known: Option<Vec<bool>> = places.iter().zip(model).map(is_category).collect();
    let is_half = |known: Vec<bool>| 2 * known.iter().filter(|&&known| known).count() >= known.len();
    places.len() == model.len() && known.is_some_and(is_half)
}

/// The error about columns that the header does not name just once.
fn missing(path: &Path, columns: &Columns, model: &[Column], label: Option<&str>) -> DataError {
    let features = named(columns, columns.features());
    let left_out = named(columns, columns.left_out());
    let problem = |column: &Column| {
        let name = column.name.as_str();
        match features.get(name).or_else(|| left_out.get(name)) {
            Some(Some(_)) => None,
            Some(None) => Some(format!("\"{name}\" is there twice")),
            None if columns.label_names().contains(&column.name) => {
                Some(format!("\"{name}\" is taken for the label"))
            }
            None => Some(absent(columns, name, "")),
        }
    };
    let label = label.map(|label| absent(columns, label, "the label "));
    let problems: Vec<String> = label.into_iter().chain(model.iter().filter_map(problem)).collect();
    let mut shown: Vec<String> = problems.iter().take(NAMES_SHOWN_MAX).cloned().collect();
    let more = problems.len() - shown.len();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    malformed(
        path,
        &format!("line {}", columns.first_line()),
        &format!("the header does not name the model's columns: {}", shown.join(", ")),
        "call columns as in training (--set data.label=NAME says which is the label), or take the header away \
         where they stand in the model's order",
    )
}

/// That there is no such column, with the name that was probably meant.
fn absent(columns: &Columns, name: &str, what: &str) -> String {
    let names: Vec<String> = (0..columns.count()).map(|place| columns.plain_name(place)).collect();
    let meant = nearest(name, names.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(" (is it \"{meant}\"?)"));
    format!("{what}\"{name}\" is missing{meant}")
}
