//! Rows of a table against its columns: what a table must hold, and raw values of readers that know numbers only.
//!
//! It must not know any file format.

use super::{
    Column, ColumnKind, DataError, Request, UnknownCategories,
    column::{self, code},
    limits,
    sizes::SampleShape,
};

/// Features of a sample: its channels, or what its columns become.
pub(super) fn features(shape: SampleShape, columns: &[Column]) -> u64 {
    if columns.is_empty() { shape.channels } else { columns.iter().map(|one| one.features() as u64).sum() }
}

/// Columns are those of a table, and neither they nor what they become is beyond the limits.
pub(super) fn check(request: &Request<'_>, shape: SampleShape, columns: &[Column]) -> Result<(), DataError> {
    if columns.is_empty() {
        return Ok(());
    }
    if SampleShape::row(columns.len() as u64) != shape {
        let problem =
            format!("{} columns are described, samples have {} values", columns.len(), shape.channels);
        return Err(request.unsuitable(&problem, "describe each column of a table, and nothing else"));
    }
    let features = features(shape, columns);
    if features == 0 {
        let remedy = "check data.label, data.ignore and data.categorical";
        return Err(request.unsuitable("no feature column has any value", remedy));
    }
    let bytes = column::to_bytes(columns).len() as u64;
    let checks = [
        ("features, with one for each category", features, limits::COLUMNS_MAX, "COLUMNS_MAX"),
        ("bytes of names of columns and categories", bytes, limits::COLUMNS_BYTES_MAX, "COLUMNS_BYTES_MAX"),
    ];
    match checks.into_iter().find(|(_, actual, limit, _)| actual > limit) {
        None => Ok(()),
        Some((what, actual, limit, name)) => {
            let (place, remedy) = (request.source.into(), "leave columns out with data.ignore");
            Err(DataError::TooLarge { place, what, actual, limit, name, remedy })
        }
    }
}

/// Each raw value is one that its column may hold.
pub(super) fn check_values(origin: &str, values: &[f32], columns: &[Column]) -> Result<(), DataError> {
    for (sample, row) in values.chunks_exact(columns.len()).enumerate() {
        if let Some(position) = row.iter().zip(columns).position(|(value, column)| !column.takes(*value)) {
            let place = format!("{origin}: sample {sample}, value {position}");
            return Err(DataError::NotFinite { place, value: row[position].to_string() });
        }
    }
    Ok(())
}

/// The columns of a table that has numbers only: nothing where none is missing.
pub(super) fn of_numbers(values: &[f32], columns: usize) -> Vec<Column> {
    if values.iter().all(|value| !value.is_nan()) {
        return Vec::new();
    }
    let mut gaps = vec![false; columns];
    for row in values.chunks_exact(columns) {
        row.iter().zip(&mut gaps).for_each(|(value, gap)| *gap |= value.is_nan());
    }
    let column = |(position, missing)| Column::unnamed(position, ColumnKind::Numeric { missing });
    gaps.into_iter().enumerate().map(column).collect()
}

/// Makes numbers into raw values of known columns: what is no code of a category becomes "no category", and is counted.
/// A number may be missing where the columns are encoded at all.
pub(super) fn conform(values: &mut [f32], known: &[Column]) -> (Vec<Column>, Vec<UnknownCategories>) {
    let mut columns = known.to_vec();
    let takes_gaps = known.iter().any(Column::is_encoded);
    let mut unknown = Vec::new();
    for (position, Column { name, kind }) in columns.iter_mut().enumerate() {
        let mut values = values.iter_mut().skip(position).step_by(known.len());
        match kind {
            ColumnKind::Numeric { missing } => *missing |= takes_gaps && values.any(|value| value.is_nan()),
            ColumnKind::Categorical { categories } => {
                let mut found = UnknownCategories::none(name);
                for value in values.filter(|value| !value.is_nan()) {
                    if code(*value, categories.len()).is_none() {
                        found.note(&value.to_string());
                        *value = f32::NAN;
                    }
                }
                unknown.extend(Some(found).filter(|found| found.values > 0));
            }
        }
    }
    (columns, unknown)
}
