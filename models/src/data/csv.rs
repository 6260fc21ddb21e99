//! Tables as text: numbers in columns, one or more of which are to be predicted.
//!
//! Fields are separated by commas, or by semicolons or tabs where the first line has no comma. The first line is a header
//! where its feature fields are no numbers. Numbers are read as 64-bit and kept as 32-bit floats.

mod columns;

use super::{
    DataError, Request, Samples, Targets,
    assemble::{Parts, SampleShape, check_class_number},
    files::{Input, malformed},
    limits::{LINE_BYTES_MAX, TEXT_BYTES_MAX},
};
use ::csv::{ByteRecord, ReaderBuilder, Trim};
use columns::{Columns, is_number};
use hatchery_config::vocabulary::TaskKind;
use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Reads the whole table. There is no official test part.
pub(super) fn read(request: &Request<'_>, path: &Path) -> Result<Parts, DataError> {
    let (path, reader) = Input::open(path, "a table of numbers as text, with or without .gz")?.into_parts();
    let mut reader = BufReader::new(LineGuard::new(reader));
    let separator = separator(&path, &mut reader)?;
    let mut rows = Rows {
        path: path.clone(),
        reader: ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(reader),
        record: ByteRecord::new(),
    };
    let Some(first) = rows.next()? else {
        return Err(DataError::NoSamples { origin: request.source.into() });
    };
    let columns = Columns::decide(&path, &rows.record, request.options)?;
    let mut table = Table::new(request, path, columns);
    if !table.columns.has_header() {
        table.append(first, &rows.record)?;
    }
    while let Some(line) = rows.next()? {
        table.append(line, &rows.record)?;
    }
    table.finish()
}

/// The first of the separators that the first line has.
fn separator(path: &Path, reader: &mut impl BufRead) -> Result<u8, DataError> {
    let start = reader.fill_buf().map_err(|error| unreadable_text(path, &error))?;
    let line = start.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or(&[]);
    Ok(SEPARATORS.into_iter().find(|separator| line.contains(separator)).unwrap_or(b','))
}

fn unreadable_text(path: &Path, error: &io::Error) -> DataError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let problem = "the compressed data end early".into();
        return DataError::Gzip { path: path.into(), problem };
    }
    malformed(path, "text", &error.to_string(), "check that this is a table as text, or fetch the file again")
}

/// The records with their line numbers; empty lines are passed over.
struct Rows<R: Read> {
    path: PathBuf,
    reader: ::csv::Reader<R>,
    record: ByteRecord,
}

impl<R: Read> Rows<R> {
    /// Reads the next record; returns its one-based line.
    fn next(&mut self) -> Result<Option<u64>, DataError> {
        loop {
            let more = self.reader.read_byte_record(&mut self.record).map_err(|error| self.failed(&error))?;
            if !more {
                return Ok(None);
            }
            let blank = self.record.len() == 1 && self.record.get(0).is_some_and(<[u8]>::is_empty);
            if !blank {
                return Ok(Some(self.record.position().map_or(0, ::csv::Position::line)));
            }
        }
    }

    fn failed(&self, error: &::csv::Error) -> DataError {
        match error.kind() {
            ::csv::ErrorKind::Io(error) => unreadable_text(&self.path, error),
            _ => malformed(&self.path, "text", &error.to_string(), "check that this is a table as text"),
        }
    }
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

    fn append(&mut self, line: u64, record: &ByteRecord) -> Result<(), DataError> {
        if record.len() != self.columns.count() {
            return Err(DataError::RaggedRow {
                path: self.path.clone(),
                line,
                found: record.len(),
                expected: self.columns.count(),
            });
        }
        for (position, field) in record.iter().enumerate() {
            if !self.columns.is_label(position) {
                let number = number(&self.path, line, &self.columns, position, field)?;
                self.features.push(number);
            }
        }
        for &position in self.columns.labels() {
            let field = record.get(position).unwrap_or(&[]);
            self.targets.append(&self.path, line, &self.columns, position, field)?;
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
        line: u64,
        columns: &Columns,
        position: usize,
        field: &[u8],
    ) -> Result<(), DataError> {
        match self {
            Self::Numbers(values) => values.push(number(path, line, columns, position, field)?),
            Self::Text { labels, numbers } => {
                let label = label(path, line, columns, position, field)?;
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
    let Ok(number) = text.parse::<f64>() else {
        let remedy = if text.is_empty() {
            "fill in the missing value, or remove the row"
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

/// Passes text on and stops at lines or files beyond their limits, so that no field can grow without bound.
struct LineGuard {
    reader: Box<dyn Read>,
    line_bytes: u64,
    text_bytes: u64,
}

impl LineGuard {
    fn new(reader: Box<dyn Read>) -> Self {
        Self { reader, line_bytes: 0, text_bytes: 0 }
    }
}

impl Read for LineGuard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.reader.read(buffer)?;
        let new = &buffer[..bytes];
        self.text_bytes += bytes as u64;
        self.line_bytes = match new.iter().rposition(|&byte| byte == b'\n') {
            Some(end) => (bytes - end - 1) as u64,
            None => self.line_bytes + bytes as u64,
        };
        if self.line_bytes > LINE_BYTES_MAX {
            return Err(io::Error::other(format!("a line of over {LINE_BYTES_MAX} bytes (LINE_BYTES_MAX)")));
        }
        if self.text_bytes > TEXT_BYTES_MAX {
            return Err(io::Error::other(format!("text of over {TEXT_BYTES_MAX} bytes (TEXT_BYTES_MAX)")));
        }
        Ok(bytes)
    }
}
