//! Tables as text: numbers and texts in columns, one or more of which are to be predicted.
//!
//! Fields are separated by commas, or by semicolons or tabs where the first line has no comma. The first line
//! is a header where its feature fields are text, or where it numbers the columns. Numbers are read as 64-bit and
//! kept as 32-bit floats; missing ones as NaN. A feature column with any text has categories: since that may show in
//! its last cell, a table with text is read twice. What cannot be used is told of all columns at once.

mod categories;
mod columns;
mod faults;
mod first_line;
mod lines;
mod places;
mod texts;

use super::{
    Column as Described, ColumnKind, DataError, Request, Samples, TableNotes, Targets,
    assemble::{Parts, TextLabels, check_class_number},
    files::{Input, malformed},
    missing::{is_missing, is_missing_label},
    numeral::is_number,
    sizes::SampleShape,
};
use categories::Categories;
use columns::Columns;
use faults::{Cell, Faults};
use hatchery_config::vocabulary::TaskKind;
use lines::{Record, Rows};
use std::path::{Path, PathBuf};
use texts::Texts;

/// Reads the whole table. There is no official test part.
pub(super) fn read(request: &Request<'_>, path: &Path) -> Result<Parts, DataError> {
    let mut findings = Findings::default();
    let mut table = Table::read(request, path, &findings)?;
    if !table.texts.is_empty() {
        table.texts.check_first_line(&table.path, &table.columns, table.count)?;
        findings.texts = std::mem::take(&mut table.texts);
        drop(table);
        table = Table::read(request, path, &findings)?;
    }
    if table.begins_with_data() {
        findings.first_line_is_data = true;
        table = Table::read(request, path, &findings)?;
    }
    if request.is_to_learn_from && request.known.columns.is_none() {
        table.columns.check_names(&table.path)?;
        table.check_first_label()?;
        table.check_classes()?;
    }
    table.finish(&findings)
}

/// What reading a table has shown for reading it again.
#[derive(Default)]
struct Findings {
    /// Feature columns that are not numbers.
    texts: Texts,
    /// The first line is no header, though it looked like one.
    first_line_is_data: bool,
}

/// The table so far.
struct Table<'a> {
    request: &'a Request<'a>,
    path: PathBuf,
    columns: Columns,
    /// What is read of each feature column, with its position.
    cells: Vec<(usize, Cells)>,
    features: Vec<f32>,
    targets: Column,
    count: u64,
    /// Texts in columns that were read as numbers.
    texts: Texts,
    /// Whether text is something to be found, and no fault.
    finds_texts: bool,
    faults: Faults,
}

/// What a feature column is read as.
enum Cells {
    /// Numbers, some of which may be or are missing.
    Numbers { may_be_missing: bool, missing: bool },
    /// Texts.
    Texts(Categories),
}

/// What has been read of the label columns.
enum Column {
    /// Labels.
    Text(TextLabels),
    /// Regression targets, row by row.
    Numbers(Vec<f32>),
}

impl<'a> Table<'a> {
    fn read(request: &'a Request<'a>, path: &Path, findings: &Findings) -> Result<Self, DataError> {
        let (path, reader) =
            Input::open(path, "a table of numbers as text, with or without .gz")?.into_parts();
        let mut rows = Rows::new(&path, reader);
        let mut record = Record::default();
        if !rows.next_into(&mut record)? {
            return Err(DataError::NoSamples { origin: request.source.into() });
        }
        let labels = request.known.labels;
        let columns = Columns::decide(&path, &record, request.options, labels, findings.first_line_is_data)?;
        let mut table = Self::new(request, path, columns, findings)?;
        let outcome = table.append_all(&mut rows, &mut record);
        // What is wrong with cells stands before what is wrong with a later line.
        table.faults.check(&table.path, &table.columns)?;
        outcome?;
        if table.count == 0 {
            return Err(DataError::NoSamples { origin: request.source.into() });
        }
        Ok(table)
    }

    fn new(
        request: &'a Request<'a>,
        path: PathBuf,
        columns: Columns,
        findings: &Findings,
    ) -> Result<Self, DataError> {
        let targets = match request.options.task {
            TaskKind::Classification => Column::Text(TextLabels::default()),
            TaskKind::Regression => Column::Numbers(Vec::new()),
        };
        let places = places::places(&path, &columns, request.known)?;
        let known = request.known.columns.zip(places);
        let finds_texts = known.is_none() && findings.texts.is_empty();
        let cells = match &known {
            Some((known, places)) => {
                let may_be_missing = known.iter().any(Described::is_encoded);
                let cells = known.iter().map(|column| Cells::known(column, may_be_missing));
                places.iter().copied().zip(cells).collect()
            }
            None => {
                columns.features().map(|place| (place, Cells::found(place, &columns, findings))).collect()
            }
        };
        Ok(Self {
            request,
            path,
            columns,
            cells,
            features: Vec::new(),
            targets,
            count: 0,
            texts: Texts::default(),
            finds_texts,
            faults: Faults::default(),
        })
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
        for feature in 0..self.cells.len() {
            let value = self.value(feature, record)?;
            self.features.push(value);
        }
        for &position in self.columns.labels() {
            self.targets.append(&self.path, record, &self.columns, position, &mut self.faults)?;
        }
        self.count += 1;
        let shape = SampleShape::row(self.cells.len() as u64);
        let value_bytes = size_of::<f32>() as u64;
        self.request.check_sizes(self.request.source, shape, self.count, value_bytes)?;
        if let Column::Text(labels) = &self.targets {
            check_class_number(self.request.source, labels.classes())?;
        }
        Ok(())
    }

    /// The raw value of a feature.
    fn value(&mut self, feature: usize, record: &Record) -> Result<f32, DataError> {
        let (position, cells) = &mut self.cells[feature];
        let (line, position, field) = (record.line, *position, record.field(*position));
        Ok(match cells {
            Cells::Texts(_) if is_missing(field) => f32::NAN,
            Cells::Texts(categories) => {
                categories.number(text(&self.path, line, &self.columns, position, field, "text")?)
            }
            Cells::Numbers { may_be_missing, missing } => match Cell::of(field) {
                Cell::Number(number) => number,
                Cell::Missing if *may_be_missing => {
                    *missing = true;
                    f32::NAN
                }
                Cell::Text if self.finds_texts => {
                    self.texts.note(line, position, field);
                    f32::NAN
                }
                cell => self.faults.note(line, position, field, cell),
            },
        })
    }

    /// Whether the line that was taken for a header is a row like the others: by its label, if there is nothing else to
    /// go by, or by its features.
    fn begins_with_data(&self) -> bool {
        if let (Some(header), Column::Text(labels)) = (self.columns.labelled_header(), &self.targets) {
            return self.columns.labels().iter().all(|&label| labels.has(&header[label]));
        }
        self.columns.doubtful_header().is_some_and(|header| self.has_categories(header))
    }

    /// Whether a line without numbers is like the rows: no feature that it has is a number in any of them, and of its
    /// fields at least half are categories of their columns.
    fn has_categories(&self, line: &[String]) -> bool {
        let mut are_categories = Vec::new();
        for (position, cells) in &self.cells {
            match cells {
                _ if is_missing(line[*position].as_bytes()) => {}
                Cells::Texts(categories) => are_categories.push(categories.has(&line[*position])),
                Cells::Numbers { .. } => return false,
            }
        }
        let found = are_categories.iter().filter(|&&is_category| is_category).count();
        !are_categories.is_empty() && 2 * found >= are_categories.len()
    }

    /// A first line that was taken for a row, and is the only one of its class, may be a header.
    fn check_first_label(&self) -> Result<(), DataError> {
        let (Column::Text(labels), false) = (&self.targets, self.columns.has_header()) else { return Ok(()) };
        let alone = labels.first_if_alone().filter(|label| !is_number(label.as_bytes()));
        let (Some(label), Some(&position)) = (alone, self.columns.labels().first()) else { return Ok(()) };
        let place = place(self.columns.first_line(), &self.columns, position);
        let problem = format!("no other row has the label \"{label}\"");
        let remedy = "if line 1 is a header, name the label column with data.label; else remove the row, or add such rows";
        Err(malformed(&self.path, &place, &problem, remedy))
    }

    /// No two classes are the same number.
    fn check_classes(&self) -> Result<(), DataError> {
        let Column::Text(labels) = &self.targets else { return Ok(()) };
        let (Some((one, other)), Some(&position)) = (labels.same_number(), self.columns.labels().first())
        else {
            return Ok(());
        };
        let place = format!("column {}", self.columns.name(position));
        let problem = format!("the labels \"{one}\" and \"{other}\" are the same number");
        let remedy = "write them alike, or with a letter if they are different classes";
        Err(malformed(&self.path, &place, &problem, remedy))
    }

    fn finish(mut self, findings: &Findings) -> Result<Parts, DataError> {
        let no_category = |(position, cells): &(usize, Cells)| match cells {
            Cells::Texts(categories) => categories.check().err().map(|why| (*position, why)),
            Cells::Numbers { .. } => None,
        };
        let wrong: Vec<_> = self.cells.iter().filter_map(no_category).collect();
        if !wrong.is_empty() {
            return Err(findings.texts.no_categories(&self.path, &self.columns, &wrong));
        }
        self.features.shrink_to_fit();
        let mut parts = Parts {
            shape: SampleShape::row(self.cells.len() as u64),
            samples: Samples::F32(Vec::new()),
            targets: match self.targets {
                Column::Text(labels) => labels.finish(),
                Column::Numbers(values) => Targets::Values { values, names: self.columns.label_names() },
            },
            official_test: 0,
            columns: Vec::new(),
            unknown: Vec::new(),
            notes: TableNotes {
                label_columns: self.columns.label_names_of_header(),
                is_headless: !self.columns.has_header(),
                nearly_numbers: Vec::new(),
            },
        };
        let width = self.cells.len();
        for (feature, (position, cells)) in self.cells.into_iter().enumerate() {
            let name = self.columns.plain_name(position);
            let values = self.features.iter_mut().skip(feature).step_by(width);
            parts.columns.push(match cells {
                Cells::Numbers { missing, .. } => Described { name, kind: ColumnKind::Numeric { missing } },
                Cells::Texts(categories) => {
                    let note = findings.texts.nearly_numbers(position, &name, categories.values());
                    parts.notes.nearly_numbers.extend(note);
                    let (column, codes, unknown) = categories.finish(name);
                    values.filter(|value| !value.is_nan()).for_each(|value| *value = codes[*value as usize]);
                    parts.unknown.extend(unknown);
                    column
                }
            });
        }
        parts.samples = Samples::F32(self.features);
        Ok(parts)
    }
}

impl Cells {
    /// By what a model knows of the column.
    fn known(column: &Described, may_be_missing: bool) -> Self {
        match &column.kind {
            ColumnKind::Numeric { missing } => Self::Numbers { may_be_missing, missing: *missing },
            ColumnKind::Categorical { categories } => {
                Self::Texts(Categories::known(&column.name, categories))
            }
        }
    }

    /// By what the user says, and what was found.
    fn found(position: usize, columns: &Columns, findings: &Findings) -> Self {
        let asked_for = columns.is_categorical(position);
        match asked_for || findings.texts.are_in(position) {
            true => Self::Texts(Categories::of_texts(asked_for)),
            false => Self::Numbers { may_be_missing: true, missing: false },
        }
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
    let text = text(path, line, columns, position, field, "label")?;
    if is_missing_label(text) {
        let problem = format!("the label is missing (\"{text}\")");
        return Err(malformed(
            path,
            &place(line, columns, position),
            &problem,
            "remove the row or fill in its label",
        ));
    }
    Ok(text.to_owned())
}

/// A cell as text; `what` says what it is for.
fn text<'a>(
    path: &Path,
    line: u64,
    columns: &Columns,
    position: usize,
    field: &'a [u8],
    what: &str,
) -> Result<&'a str, DataError> {
    std::str::from_utf8(field).map_err(|_| {
        let problem = format!("the {what} is not UTF-8");
        malformed(path, &place(line, columns, position), &problem, "save the file as UTF-8")
    })
}

fn place(line: u64, columns: &Columns, position: usize) -> String {
    format!("line {line}, column {}", columns.name(position))
}
