//! Tables as text: numbers in columns, one or more of which are to be predicted.
//!
//! Fields are separated by commas, or by semicolons or tabs where the first line has no comma. The first line
//! is a header where its feature fields are no numbers, or where it numbers the columns. Numbers are read as 64-bit and
//! kept as 32-bit floats. Columns with cells that are no numbers are told all at once.

mod columns;
mod faults;
mod lines;

use super::{
    DataError, Request, Samples, Targets,
    assemble::{Parts, SampleShape, TextLabels, check_class_number, is_missing},
    files::{Input, malformed},
};
use columns::Columns;
use faults::Faults;
use hatchery_config::vocabulary::TaskKind;
use lines::{Record, Rows};
use std::path::{Path, PathBuf};

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
    let outcome = table.append_all(&mut rows, &mut record);
    // What is wrong with cells stands before what is wrong with a later line.
    table.faults.check(&table.path, &table.columns)?;
    outcome?;
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
    faults: Faults,
}

/// What has been read of the label columns.
enum Column {
    /// Labels.
    Text(TextLabels),
    /// Regression targets, row by row.
    Numbers(Vec<f32>),
}

impl<'a> Table<'a> {
    fn new(request: &'a Request<'a>, path: PathBuf, columns: Columns) -> Self {
        let targets = match request.options.task {
            TaskKind::Classification => Column::Text(TextLabels::default()),
            TaskKind::Regression => Column::Numbers(Vec::new()),
        };
        Self { request, path, columns, features: Vec::new(), targets, count: 0, faults: Faults::default() }
    }

    /// The first line, where it is no header, and all others.
    fn append_all(&mut self, rows: &mut Rows, record: &mut Record) -> Result<(), DataError> {
        if !self.columns.has_header() {
            self.append(record)?;
        }
        while rows.next_into(record)? {
            self.append(record)?;
        }
        Ok(())
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
            if self.columns.is_feature(position) {
                self.features.push(self.faults.number(record.line, position, field));
            }
        }
        for &position in self.columns.labels() {
            self.targets.append(&self.path, record, &self.columns, position, &mut self.faults)?;
        }
        self.count += 1;
        let shape = SampleShape::row(self.columns.features() as u64);
        let value_bytes = size_of::<f32>() as u64;
        self.request.check_sizes(self.request.source, shape, self.count, value_bytes)?;
        if let Column::Text(labels) = &self.targets {
            check_class_number(self.request.source, labels.classes())?;
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
                Column::Text(labels) => labels.finish(),
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
        faults: &mut Faults,
    ) -> Result<(), DataError> {
        let field = record.field(position);
        match self {
            Self::Numbers(values) => values.push(faults.number(record.line, position, field)),
            Self::Text(labels) => labels.push(label(path, record.line, columns, position, field)?),
        }
        Ok(())
    }
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
    if is_missing(text) {
        let problem = format!("the label is missing (\"{text}\")");
        return Err(malformed(path, &place(), &problem, "remove the row or fill in its label"));
    }
    Ok(text.to_owned())
}
