//! numpy archives: arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.
//!
//! Images may be stored with channels first or last; last is assumed where the last axis is 1 or 3 and the
//! first after the samples is neither. Bytes stay bytes, all other types become 32-bit floats. Values may be stored
//! in C or in Fortran order; labels are numbers or text. NaN in a table of floats is a missing value. Where labels are
//! numbers, an array `classes` of text says what the classes 0, 1, .. are called, as `write` writes it.

use super::{
    Column, DataError, Request, Samples, TableNotes, Targets, UnknownCategories,
    assemble::{Parts, TextLabels, check_class_number, classes_from_numbers, classes_with_names},
    files::{malformed, open_file},
    missing::is_missing_label,
    npy,
    sizes::SampleShape,
    table,
};
use hatchery_config::vocabulary::TaskKind;
use npyz::NpyHeader;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
    path::Path,
};
use zip::ZipArchive;

/// The array with the classes' names.
pub(super) const CLASSES: &str = "classes";
/// Where its faults are.
const CLASSES_PLACE: &str = "array \"classes\"";

/// An open archive.
struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<BufReader<File>>,
}

/// Reads `x`, `y` (no official test part) or `x_train`, `y_train` and, where they are, `x_test`, `y_test`.
pub(super) fn read(request: &Request<'_>, path: &Path) -> Result<Parts, DataError> {
    let mut archive = Archive::open(path)?;
    let whole = archive.has("x") || archive.has("y");
    let (x, y) = if whole { ("x", "y") } else { ("x_train", "y_train") };
    let (shape, mut samples, count) = archive.samples(request, x, None)?;
    let mut targets = archive.targets(request, y, count)?;
    let mut official_test = 0;
    if !whole && (archive.has("x_test") || archive.has("y_test")) {
        let (_, test_samples, test_count) = archive.samples(request, "x_test", Some((shape, &samples)))?;
        let test_targets = archive.targets(request, "y_test", test_count)?;
        append_samples(&mut samples, test_samples);
        targets = join_targets(path, targets, test_targets)?;
        official_test = test_count as usize;
    }
    let targets = match targets {
        Stored::Labels(labels) => named(path, &labels, archive.class_names(request)?)?,
        Stored::Names(names) => names.finish(),
        Stored::Values { values, columns } => {
            Targets::Values { values, names: (0..columns).map(|column| format!("y{column}")).collect() }
        }
    };
    let (columns, unknown) = columns(request, shape, &mut samples);
    let notes = TableNotes::default();
    Ok(Parts { shape, samples, targets, official_test, columns, unknown, notes })
}

/// What a table's columns hold: as it was known before, else by the numbers themselves.
fn columns(
    request: &Request<'_>,
    shape: SampleShape,
    samples: &mut Samples,
) -> (Vec<Column>, Vec<UnknownCategories>) {
    let Samples::F32(values) = samples else { return (Vec::new(), Vec::new()) };
    if !shape.is_row() {
        return (Vec::new(), Vec::new());
    }
    match request.known.columns.filter(|known| known.len() as u64 == shape.channels) {
        Some(known) => table::conform(values, known),
        None => (table::of_numbers(values, shape.channels as usize), Vec::new()),
    }
}

/// Targets as stored: labels are renumbered only when all parts are known.
enum Stored {
    Labels(Vec<i64>),
    Names(TextLabels),
    Values { values: Vec<f32>, columns: usize },
}

/// Classes that have numbers, by the names of the classes 0, 1, .. where the archive has these.
fn named(path: &Path, labels: &[i64], names: Option<Vec<String>>) -> Result<Targets, DataError> {
    let Some(names) = names else { return Ok(classes_from_numbers(labels)) };
    let wrong = |problem: String| {
        let remedy = "save there one name for each of the classes 0, 1, .., or leave the array out";
        malformed(path, CLASSES_PLACE, &problem, remedy)
    };
    let mut met = BTreeSet::new();
    if let Some(name) = names.iter().find(|name| !met.insert(name.as_str())) {
        return Err(wrong(format!("calls two classes \"{name}\"")));
    }
    let name = |label: &i64| usize::try_from(*label).ok().and_then(|label| names.get(label));
    if let Some(label) = labels.iter().find(|label| name(label).is_none()) {
        return Err(wrong(format!("has {} names, none for the label {label}", names.len())));
    }
    Ok(classes_with_names(labels, |label| name(label).cloned().unwrap_or_default()))
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let (file, _) = open_file(path, "a numpy archive with arrays x and y (numpy.savez)")?;
        let zip = ZipArchive::new(BufReader::new(file));
        let zip = zip.map_err(|error| {
            malformed(
                path,
                "archive",
                &format!("is no readable npz file ({error})"),
                "save it with numpy.savez",
            )
        })?;
        Ok(Self { path, zip })
    }

    fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{name}.npy")).is_some()
    }

    fn names(&self) -> String {
        let names = self.zip.file_names().filter_map(Result::ok);
        names.map(|name| name.trim_end_matches(".npy").to_owned()).collect::<Vec<_>>().join(", ")
    }

    /// Reads the header of one array and hands it, with a reader of its values, to `then`.
    fn array<T>(
        &mut self,
        name: &str,
        then: impl FnOnce(Array<'_>) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        if !self.has(name) {
            let problem = format!("there is no array \"{name}\", the archive holds: {}", self.names());
            let remedy = "save arrays x and y, or x_train, y_train, x_test and y_test";
            return Err(malformed(self.path, "archive", &problem, remedy));
        }
        let path = self.path;
        let place = format!("array \"{name}\"");
        let entry = self.zip.by_name(&format!("{name}.npy"));
        let entry = entry.map_err(|error| not_unpacked(path, &place, &error.into()))?;
        let mut reader = BufReader::new(entry);
        let header = npy::read_header(&mut reader)
            .map_err(|error| malformed(path, &place, &error.problem, error.remedy))?;
        then(Array { path, place: &place, header, reader: &mut reader })
    }

    /// Samples of one part; `like` are those of an earlier part, which must agree in shape and element type.
    fn samples(
        &mut self,
        request: &Request<'_>,
        name: &str,
        like: Option<(SampleShape, &Samples)>,
    ) -> Result<(SampleShape, Samples, u64), DataError> {
        self.array(name, |array| {
            let (count, shape, channels_last) = layout(array.header.shape())
                .map_err(|problem| array.wrong(&problem, "see `hatchery data list` for shapes"))?;
            let bytes = npy::is_bytes(&array.header);
            if let Some((train, samples)) = like
                && (train != shape || bytes != matches!(samples, Samples::U8(_)))
            {
                let problem = "differs from the training part in shape or element type";
                return Err(array.wrong(problem, "save both parts alike"));
            }
            let value_bytes = if bytes { 1 } else { size_of::<f32>() as u64 };
            let values = request.check_sizes(&array.full_place(), shape, count, value_bytes)?;
            let samples = if bytes {
                let pixels = array.read_bytes(values)?;
                Samples::U8(if channels_last { channels_first(&pixels, shape) } else { pixels })
            } else {
                let numbers = array.read_floats(shape.is_row())?;
                Samples::F32(if channels_last { channels_first(&numbers, shape) } else { numbers })
            };
            Ok((shape, samples, count))
        })
    }

    /// The names of the classes 0, 1, .., where there is such an array: others may keep something else by this name.
    fn class_names(&mut self, request: &Request<'_>) -> Result<Option<Vec<String>>, DataError> {
        if !self.has(CLASSES) {
            return Ok(None);
        }
        self.array(CLASSES, |array| match *array.header.shape() {
            [classes] if npy::is_unicode(&array.header) => {
                check_class_number(request.source, classes as usize)?;
                let mut names = Vec::new();
                array.read_texts(|_, name| {
                    names.push(name);
                    Ok(())
                })?;
                Ok(Some(names))
            }
            _ => Ok(None),
        })
    }

    fn targets(&mut self, request: &Request<'_>, name: &str, count: u64) -> Result<Stored, DataError> {
        let regression = request.options.task == TaskKind::Regression;
        self.array(name, |array| {
            let (entries, columns) = match *array.header.shape() {
                [entries] | [entries, 1] => (entries, 1),
                [entries, columns] if regression && columns > 0 => (entries, columns),
                ref shape => {
                    let problem =
                        format!("has shape {shape:?}, expected ({count},) with one class number a sample");
                    return Err(array.wrong(&problem, "use argmax for one-hot labels, or set data.task = \"regression\" for numbers to predict"));
                }
            };
            if entries != count {
                let problem = format!("has {entries} entries for {count} samples");
                return Err(array.wrong(&problem, "save x and y of the same samples"));
            }
            request.check_sizes(&array.full_place(), SampleShape::row(columns), count, 8)?;
            if regression {
                return Ok(Stored::Values { values: array.read_floats(false)?, columns: columns as usize });
            }
            if npy::is_text(&array.header) {
                return array.read_names(request).map(Stored::Names);
            }
            array.read_labels().map(Stored::Labels)
        })
    }
}

/// One array: where it stands, what it announces, and a reader of its values.
struct Array<'a> {
    path: &'a Path,
    place: &'a str,
    header: NpyHeader,
    reader: &'a mut dyn Read,
}

impl Array<'_> {
    fn wrong(&self, problem: &str, remedy: &str) -> DataError {
        malformed(self.path, self.place, problem, remedy)
    }

    fn full_place(&self) -> String {
        format!("{}: {}", self.path.display(), self.place)
    }

    fn read_bytes(mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let mut values = Vec::new();
        let outcome = (&mut *self.reader).take(count).read_to_end(&mut values);
        outcome.map_err(|error| not_unpacked(self.path, self.place, &error))?;
        if (values.len() as u64) < count {
            return Err(truncated(self.path, self.place, &self.header, values.len()));
        }
        self.expect_end()?;
        values.shrink_to_fit();
        Ok(npy::row_major(&self.header, values))
    }

    /// All elements as finite numbers, or, where there may be gaps, NaN.
    fn read_floats(self, may_have_gaps: bool) -> Result<Vec<f32>, DataError> {
        let (place, header) = (self.full_place(), self.header.clone());
        let stored = self.read_numbers(|position, number| {
            let value = number as f32;
            if value.is_finite() {
                return Ok(value);
            }
            if value.is_nan() && may_have_gaps {
                // One NaN for all, whatever bits were stored.
                return Ok(f32::NAN);
            }
            let position = npy::row_major_position(&header, position);
            let place = format!("{place}, element {position} (flat)");
            Err(DataError::NotFinite { place, value: number.to_string() })
        })?;
        Ok(npy::row_major(&header, stored))
    }

    /// Labels that are text.
    fn read_names(self, request: &Request<'_>) -> Result<TextLabels, DataError> {
        let (path, place) = (self.path, self.place);
        let mut names = TextLabels::default();
        self.read_texts(|position, text| {
            if is_missing_label(&text) {
                let place = format!("{place}, entry {position}");
                let problem = format!("the label is missing (\"{text}\")");
                return Err(malformed(path, &place, &problem, "remove the sample or fill in its label"));
            }
            names.push(text);
            check_class_number(request.source, names.classes())
        })?;
        Ok(names)
    }

    /// All elements as texts, each handed over with its place.
    fn read_texts(
        mut self,
        mut take: impl FnMut(usize, String) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let texts = npy::texts(&self.header, &mut *self.reader)
            .map_err(|error| malformed(self.path, self.place, &error.problem, error.remedy))?;
        for (position, text) in texts.enumerate() {
            let text = text.map_err(|error| unread(self.path, self.place, &self.header, position, &error))?;
            take(position, text)?;
        }
        self.expect_end()
    }

    /// Class numbers: integers, or floats that hold whole numbers.
    fn read_labels(self) -> Result<Vec<i64>, DataError> {
        /// Above this a 64-bit float no longer tells neighbouring integers apart.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let (path, place) = (self.path, self.place);
        self.read_numbers(|position, number| {
            if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
                return Ok(number as i64);
            }
            let place = format!("{place}, entry {position}");
            let remedy = "store whole class numbers, or set data.task = \"regression\"";
            Err(malformed(path, &place, &format!("{number} is no class number"), remedy))
        })
    }

    /// All elements, each made into what is wanted of it.
    fn read_numbers<T>(
        mut self,
        make: impl Fn(usize, f64) -> Result<T, DataError>,
    ) -> Result<Vec<T>, DataError> {
        let mut values = Vec::new();
        let numbers = npy::numbers(&self.header, &mut *self.reader)
            .map_err(|error| malformed(self.path, self.place, &error.problem, error.remedy))?;
        for (position, number) in numbers.enumerate() {
            let number =
                number.map_err(|error| unread(self.path, self.place, &self.header, position, &error))?;
            values.push(make(position, number)?);
        }
        self.expect_end()?;
        values.shrink_to_fit();
        Ok(values)
    }

    /// Reading past the end is also what makes the archive compare its checksum.
    fn expect_end(&mut self) -> Result<(), DataError> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => {
                let problem = "has more bytes than its shape announces";
                Err(self.wrong(problem, "fetch the file again or save it again"))
            }
            Err(error) => Err(not_unpacked(self.path, self.place, &error)),
        }
    }
}

/// An element that cannot be read, behind so many that could.
fn unread(path: &Path, place: &str, header: &NpyHeader, elements: usize, error: &io::Error) -> DataError {
    if error.kind() == ErrorKind::UnexpectedEof {
        return truncated(path, place, header, elements);
    }
    not_unpacked(path, place, error)
}

fn truncated(path: &Path, place: &str, header: &NpyHeader, elements: usize) -> DataError {
    let element_bytes = npy::element_bytes(header);
    DataError::Truncated {
        path: path.into(),
        what: place.into(),
        expected_bytes: header.len().saturating_mul(element_bytes),
        found_bytes: (elements as u64).saturating_mul(element_bytes),
    }
}

fn not_unpacked(path: &Path, place: &str, error: &io::Error) -> DataError {
    let problem = format!("cannot be unpacked ({error})");
    malformed(path, place, &problem, "fetch the file again or save it again")
}

/// Count, shape of a sample, and whether channels come last.
fn layout(sizes: &[u64]) -> Result<(u64, SampleShape, bool), String> {
    let (count, shape, channels_last) = match *sizes {
        [count, features] => (count, SampleShape::row(features), false),
        [count, height, width] => (count, SampleShape { channels: 1, height, width }, false),
        [count, height, width, channels @ (1 | 3)] if !matches!(height, 1 | 3) => {
            (count, SampleShape { channels, height, width }, true)
        }
        [count, channels, height, width] => (count, SampleShape { channels, height, width }, false),
        ref other => return Err(format!("has shape {other:?}, expected 2, 3 or 4 axes")),
    };
    if shape.values(1) == Some(0) {
        return Err(format!("has shape {sizes:?}, an axis of size 0"));
    }
    Ok((count, shape, channels_last))
}

/// From `[N, H, W, C]` to `[N, C, H, W]`.
fn channels_first<T: Copy>(values: &[T], shape: SampleShape) -> Vec<T> {
    let channels = shape.channels as usize;
    let sample = (shape.height * shape.width) as usize * channels;
    let mut moved = Vec::with_capacity(values.len());
    for image in values.chunks_exact(sample) {
        for channel in 0..channels {
            moved.extend(image.iter().skip(channel).step_by(channels));
        }
    }
    moved
}

fn append_samples(samples: &mut Samples, more: Samples) {
    match (samples, more) {
        (Samples::U8(values), Samples::U8(more)) => values.extend(more),
        (Samples::F32(values), Samples::F32(more)) => values.extend(more),
        // `samples` has compared the element types.
        (Samples::U8(_), Samples::F32(_)) | (Samples::F32(_), Samples::U8(_)) => {}
    }
}

fn join_targets(path: &Path, train: Stored, test: Stored) -> Result<Stored, DataError> {
    match (train, test) {
        (Stored::Labels(train), Stored::Labels(test)) => Ok(Stored::Labels([train, test].concat())),
        (Stored::Names(mut train), Stored::Names(test)) => {
            train.append(&test);
            Ok(Stored::Names(train))
        }
        (Stored::Values { values, columns }, Stored::Values { values: more, columns: test_columns })
            if columns == test_columns =>
        {
            Ok(Stored::Values { values: [values, more].concat(), columns })
        }
        _ => Err(malformed(
            path,
            "array \"y_test\"",
            "has other targets than y_train",
            "save both parts alike",
        )),
    }
}
