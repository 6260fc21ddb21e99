//! Tables as text: numbers in columns, one or more of which are to be predicted.
//!
//! Fields are separated by commas, or by semicolons or tabs where the first line has no comma. The first line
//! is a header where its feature fields are no numbers. Numbers are read as 64-bit and kept as 32-bit floats.

mod columns;
mod lines;

use super::{
    DataError, Request, Samples, Targets,
    assemble::{Parts, SampleShape, check_class_number},
    files::{Input, malformed},
};
use columns::{Columns, FILL_IN, is_missing, is_number};
use hatchery_config::vocabulary::TaskKind;
use lines::{Record, Rows};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Reads the whole table. There is no official test part.
pub(super) fn read(request: &Request<'_>, path: &Path) -> Result<Parts, DataError> {
    let (path, reader) = Input::open(path, "a table of numbers as text, with or without .gz")?.into_parts();
    let mut rows = Rows::new(&path, reader);
    let mut record = Record::default();
    if !rows.next_into(&mut record)? {
        return Err(DataError::NoSamples { origin: request.source.into() });
    }
    let columns = Columns::decide(&path, &record, request.options)?;
    let mut table = Table::new(request, path, columns);
    if !table.columns.has_header() {
        table.append(&record)?;
    }
    while rows.next_into(&mut record)? {
        table.append(&record)?;
    }
    table.finish()
}

/// The table so far.
struct Table<'a> {
    request: &'a Request<'a>,
    path: PathBuf,
    columns: Columns,
    features: Vec<f32>,
    targets: Column,
    count: u64,
}

/// What has been read of the label columns.
enum Column {
    /// Labels, numbered in the order in which they came, and their numbers.
    Text { labels: Vec<i64>, numbers: BTreeMap<String, i64> },
    /// Regression targets, row by row.
    Numbers(Vec<f32>),
}

impl<'a> Table<'a> {
    fn new(request: &'a Request<'a>, path: PathBuf, columns: Columns) -> Self {
        let targets = match request.options.task {
            TaskKind::Classification => Column::Text { labels: Vec::new(), numbers: BTreeMap::new() },
            TaskKind::Regression => Column::Numbers(Vec::new()),
        };
        Self { request, path, columns, features: Vec::new(), targets, count: 0 }
    }

    fn append(&mut self, record: &Record) -> Result<(), DataError> {
        if record.len() != self.columns.count() {
            return Err(DataError::RaggedRow {
                path: self.path.clone(),
                line: record.line,
                found: record.len(),
                expected: self.columns.count(),
            });
        }
        for (position, field) in record.fields().enumerate() {
            if !self.columns.is_label(position) {
                let number = number(&self.path, record.line, &self.columns, position, field)?;
                self.features.push(number);
            }
        }
        for &position in self.columns.labels() {
            self.targets.append(&self.path, record, &self.columns, position)?;
        }
        self.count += 1;
        let shape = SampleShape::row(self.columns.features() as u64);
        let value_bytes = size_of::<f32>() as u64;
        self.request.check_sizes(self.request.source, shape, self.count, value_bytes)?;
        if let Column::Text { numbers, .. } = &self.targets {
            check_class_number(self.request.source, numbers.len())?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Parts, DataError> {
        if self.count == 0 {
            return Err(DataError::NoSamples { origin: self.request.source.into() });
        }
        self.features.shrink_to_fit();
        Ok(Parts {
            shape: SampleShape::row(self.columns.features() as u64),
            samples: Samples::F32(self.features),
            targets: match self.targets {
                Column::Text { labels, numbers } => sorted_classes(labels, numbers),
                Column::Numbers(values) => Targets::Values { values, names: self.columns.label_names() },
            },
            official_test: 0,
        })
    }
}

impl Column {
    fn append(
        &mut self,
        path: &Path,
        record: &Record,
        columns: &Columns,
        position: usize,
    ) -> Result<(), DataError> {
        let field = record.field(position);
        match self {
            Self::Numbers(values) => values.push(number(path, record.line, columns, position, field)?),
            Self::Text { labels, numbers } => {
                let label = label(path, record.line, columns, position, field)?;
                let next = numbers.len() as i64;
                labels.push(*numbers.entry(label).or_insert(next));
            }
        }
        Ok(())
    }
}

/// Numbers the classes anew by their names: in numeric order where all are numbers, else alphabetically.
fn sorted_classes(mut labels: Vec<i64>, numbers: BTreeMap<String, i64>) -> Targets {
    let mut order: Vec<(String, i64)> = numbers.into_iter().collect();
    if order.iter().all(|(name, _)| is_number(name.as_bytes())) {
        let value = |name: &str| name.parse::<f64>().unwrap_or(0.0);
        order.sort_by(|(left, _), (right, _)| value(left).total_cmp(&value(right)).then(left.cmp(right)));
    }
    let mut renumbered = vec![0; order.len()];
    for (class, (_, met)) in order.iter().enumerate() {
        renumbered[*met as usize] = class as i64;
    }
    labels.iter_mut().for_each(|label| *label = renumbered[*label as usize]);
    Targets::Classes { labels, names: order.into_iter().map(|(name, _)| name).collect() }
}

fn label(
    path: &Path,
    line: u64,
    columns: &Columns,
    position: usize,
    field: &[u8],
) -> Result<String, DataError> {
    let place = || format!("line {line}, column {}", columns.name(position));
    let Ok(text) = std::str::from_utf8(field) else {
        return Err(malformed(path, &place(), "the label is not UTF-8", "save the file as UTF-8"));
    };
    let missing = text.is_empty() || text.parse::<f64>().is_ok_and(|number| !number.is_finite());
    if missing {
        let problem = format!("the label is missing (\"{text}\")");
        return Err(malformed(path, &place(), &problem, "remove the row or fill in its label"));
    }
    Ok(text.to_owned())
}

fn number(
    path: &Path,
    line: u64,
    columns: &Columns,
    position: usize,
    field: &[u8],
) -> Result<f32, DataError> {
    let text = String::from_utf8_lossy(field);
    let number = text.parse::<f64>().ok().filter(|_| !is_missing(field));
    let Some(number) = number else {
        let remedy = if is_missing(field) {
            FILL_IN
        } else {
            "turn text into numbers, or name the label column with data.label"
        };
        return Err(DataError::NotANumber {
            path: path.into(),
            line,
            column: columns.name(position),
            text: text.into_owned(),
            remedy: remedy.into(),
        });
    };
    let number = number as f32;
    if number.is_finite() {
        return Ok(number);
    }
    let place = format!("{}: line {line}, column {}", path.display(), columns.name(position));
    Err(DataError::NotFinite { place, value: format!("\"{text}\"") })
}
