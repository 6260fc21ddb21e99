//! From what a format's reader found to a checked [`Dataset`]: the checks that all formats share, and the
//! hash.

use super::{
    Column, DataError, Dataset, Request, Samples, TableNotes, Targets, UnknownCategories, column, limits,
    numeral::is_number, sizes::SampleShape, table,
};
use crate::problem::{Problem, Task};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// What a format's reader found; samples and targets are of equal count, which the reader has checked.
pub(super) struct Parts {
    pub(super) shape: SampleShape,
    pub(super) samples: Samples,
    pub(super) targets: Targets,
    /// The last this-many samples are the official test part.
    pub(super) official_test: usize,
    /// What a table's columns hold; may be left empty for images, and where all are numbers that are there.
    pub(super) columns: Vec<Column>,
    /// Texts that are none of the categories that were known before.
    pub(super) unknown: Vec<UnknownCategories>,
    pub(super) notes: TableNotes,
}

/// Checks what all formats must hold and computes the content hash.
pub(super) fn assemble(request: &Request<'_>, parts: Parts) -> Result<Dataset, DataError> {
    let Parts { shape, samples, targets, official_test, columns, notes, .. } = parts;
    let count = target_count(&targets);
    let trainable = count.saturating_sub(official_test);
    if trainable == 0 || samples.is_empty() {
        return Err(DataError::NoSamples { origin: request.source.into() });
    }
    let value_bytes = (samples.bytes() / samples.len()) as u64;
    request.check_sizes(request.source, shape, count as u64, value_bytes)?;
    table::check(request, shape, &columns)?;
    check_finite(request.source, &samples, &columns, &targets, count)?;
    if let Targets::Classes { names, .. } = &targets {
        check_class_number(request.source, names.len())?;
    }
    if request.is_to_learn_from {
        check_classes(request.source, &targets, trainable)?;
        check_values(request.source, &targets, trainable)?;
    }
    let features = SampleShape { channels: table::features(shape, &columns), ..shape };
    let problem = problem(request, features, &targets)?;
    let mut dataset = Dataset {
        source: request.source.into(),
        problem,
        columns,
        samples,
        targets,
        count,
        official_test,
        notes,
        content_hash: String::new(),
    };
    dataset.content_hash = content_hash(&dataset);
    Ok(dataset)
}

/// Classes from integer labels as stored: the values that occur, in ascending order, become classes 0, 1, ...
/// and keep their number as name.
pub(super) fn classes_from_numbers(stored: &[i64]) -> Targets {
    classes_with_names(stored, i64::to_string)
}

/// Classes from integer labels as [`classes_from_numbers`] makes them, each called as `name` says of its number.
pub(super) fn classes_with_names(stored: &[i64], name: impl Fn(&i64) -> String) -> Targets {
    let mut index: BTreeMap<i64, i64> = stored.iter().map(|&label| (label, 0)).collect();
    for (position, class) in index.values_mut().enumerate() {
        *class = position as i64;
    }
    let labels = stored.iter().filter_map(|label| index.get(label).copied()).collect();
    Targets::Classes { labels, names: index.keys().map(name).collect() }
}

/// Labels that are text, numbered in the order in which they came.
#[derive(Default)]
pub(super) struct TextLabels {
    labels: Vec<i64>,
    numbers: BTreeMap<String, i64>,
}

impl TextLabels {
    pub(super) fn push(&mut self, label: String) {
        let next = self.numbers.len() as i64;
        self.labels.push(*self.numbers.entry(label).or_insert(next));
    }

    /// Different labels so far.
    pub(super) fn classes(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is such a label.
    pub(super) fn has(&self, label: &str) -> bool {
        self.numbers.contains_key(label)
    }

    /// The first label, where no other is like it and there are others.
    pub(super) fn first_if_alone(&self) -> Option<&str> {
        let (first, rest) = self.labels.split_first()?;
        let is_alone = !rest.is_empty() && !rest.contains(first);
        self.numbers.iter().find(|(_, number)| is_alone && *number == first).map(|(name, _)| name.as_str())
    }

    /// Two labels that are written differently and are the same number.
    pub(super) fn same_number(&self) -> Option<(&str, &str)> {
        let mut met = HashMap::new();
        self.numbers.keys().find_map(|name| {
            // 0 and -0 are the same number.
            let number = name.parse::<f64>().ok()? + 0.0;
            Some((met.insert(number.to_bits(), name.as_str())?, name.as_str()))
        })
    }

    /// The labels of another part, behind these.
    pub(super) fn append(&mut self, other: &Self) {
        let mut renumbered = vec![0; other.numbers.len()];
        for (name, met) in &other.numbers {
            let next = self.numbers.len() as i64;
            renumbered[*met as usize] = *self.numbers.entry(name.clone()).or_insert(next);
        }
        self.labels.extend(other.labels.iter().map(|met| renumbered[*met as usize]));
    }

    /// Numbers the classes anew by their names: in numeric order where all are numbers, else alphabetically.
    pub(super) fn finish(self) -> Targets {
        let Self { mut labels, numbers } = self;
        let (names, renumbered) = in_order(numbers);
        labels.iter_mut().for_each(|label| *label = renumbered[*label as usize]);
        Targets::Classes { labels, names }
    }
}

/// Texts, numbered 0, 1, .. as they came, in their order: numeric where all are numbers, else alphabetical. The second
/// list has the new number of each old one.
pub(super) fn in_order(numbers: BTreeMap<String, i64>) -> (Vec<String>, Vec<i64>) {
    let mut order: Vec<(String, i64)> = numbers.into_iter().collect();
    if order.iter().all(|(name, _)| is_number(name.as_bytes())) {
        let value = |name: &str| name.parse::<f64>().unwrap_or(0.0);
        order.sort_by(|(left, _), (right, _)| value(left).total_cmp(&value(right)).then(left.cmp(right)));
    }
    let mut renumbered = vec![0; order.len()];
    for (new, (_, met)) in order.iter().enumerate() {
        renumbered[*met as usize] = new as i64;
    }
    (order.into_iter().map(|(name, _)| name).collect(), renumbered)
}

fn target_count(targets: &Targets) -> usize {
    match targets {
        Targets::Classes { labels, .. } => labels.len(),
        Targets::Values { values, names } => values.len() / names.len().max(1),
    }
}

fn problem(request: &Request<'_>, shape: SampleShape, targets: &Targets) -> Result<Problem, DataError> {
    let multi_view = request.options.multi_view;
    if multi_view && (shape.channels < 2 || (shape.height == 1 && shape.width == 1)) {
        return Err(request.unsuitable(
            "data.multi_view needs images with at least 2 channels, one per view",
            "set data.multi_view = false, or use images with a channel per view",
        ));
    }
    let task = match targets {
        Targets::Classes { names, .. } => Task::Classification { classes: names.len() as u32 },
        Targets::Values { names, .. } => Task::Regression { targets: names.len() as u32 },
    };
    // `check_sizes` has bounded all three far below `u32::MAX`.
    let [channels, height, width] = [shape.channels, shape.height, shape.width].map(|size| size as u32);
    Ok(Problem { channels, height, width, multi_view, task })
}

fn check_finite(
    origin: &str,
    samples: &Samples,
    columns: &[Column],
    targets: &Targets,
    count: usize,
) -> Result<(), DataError> {
    match samples {
        Samples::F32(values) if columns.is_empty() => {
            first_not_finite(origin, "value", values, values.len() / count.max(1))?;
        }
        Samples::F32(values) => table::check_values(origin, values, columns)?,
        Samples::U8(_) => {}
    }
    match targets {
        Targets::Values { values, names } => first_not_finite(origin, "target", values, names.len()),
        Targets::Classes { .. } => Ok(()),
    }
}

fn first_not_finite(origin: &str, what: &str, values: &[f32], row: usize) -> Result<(), DataError> {
    let Some(position) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let (sample, column) = (position / row.max(1), position % row.max(1));
    Err(DataError::NotFinite {
        place: format!("{origin}: sample {sample}, {what} {column}"),
        value: values[position].to_string(),
    })
}

/// Each class has something to learn from and to validate with, and there are two of them at least.
fn check_classes(origin: &str, targets: &Targets, trainable: usize) -> Result<(), DataError> {
    let Targets::Classes { labels, names } = targets else { return Ok(()) };
    let mut counts = vec![0; names.len()];
    for &label in labels.iter().take(trainable) {
        counts[label as usize] += 1;
    }
    if let Some(class) = counts.iter().position(|&count| count == trainable) {
        return Err(DataError::OneClass {
            origin: origin.into(),
            class: names[class].clone(),
            count: trainable,
        });
    }
    let Some(class) = counts.iter().position(|&count| count < limits::CLASS_SAMPLES_MIN) else {
        return Ok(());
    };
    let looks_numeric = names.iter().all(|name| name.parse::<f64>().is_ok()) && names.len() * 4 > trainable;
    Err(DataError::ClassTooSmall {
        origin: origin.into(),
        class: names[class].clone(),
        count: counts[class],
        needed: limits::CLASS_SAMPLES_MIN,
        hint: if looks_numeric { NUMERIC_HINT } else { "" },
    })
}

/// A target that never changes is nothing to learn, and leaves no variance to explain.
fn check_values(origin: &str, targets: &Targets, trainable: usize) -> Result<(), DataError> {
    let Targets::Values { values, names } = targets else { return Ok(()) };
    for (column, target) in names.iter().enumerate() {
        let mut column = values.iter().skip(column).step_by(names.len()).take(trainable);
        if let Some(&value) = column.next()
            && column.all(|other| *other == value)
        {
            let (origin, target) = (origin.into(), target.clone());
            return Err(DataError::OneValue { origin, target, value, count: trainable });
        }
    }
    Ok(())
}

const NUMERIC_HINT: &str = " (if the labels are numbers to be predicted, set data.task = \"regression\")";

/// Too many classes mean that the labels are no classes.
pub(super) fn check_class_number(origin: &str, classes: usize) -> Result<(), DataError> {
    if classes as u64 <= limits::CLASSES_MAX {
        return Ok(());
    }
    Err(DataError::TooLarge {
        place: origin.into(),
        what: "classes",
        actual: classes as u64,
        limit: limits::CLASSES_MAX,
        name: "CLASSES_MAX",
        remedy: "choose another label column, or set data.task = \"regression\"",
    })
}

/// SHA-256 over count, official test part, shape, element type, values, targets and names, in hexadecimal; of tables
/// with text or missing values over their columns, too.
///
/// Numbers are little-endian. Lengths of lists follow from the count, the shape and the number of names; each
/// name is preceded by its length. The source's name and the options do not enter.
fn content_hash(dataset: &Dataset) -> String {
    let mut hash = Sha256::new();
    let Problem { channels, height, width, .. } = dataset.problem;
    hash.update(b"hatchery data 1");
    for number in [dataset.count as u64, dataset.official_test as u64] {
        hash.update(number.to_le_bytes());
    }
    for size in [channels, height, width] {
        hash.update(size.to_le_bytes());
    }
    if dataset.is_encoded() {
        hash.update(b"columns");
        hash.update(column::to_bytes(&dataset.columns));
    }
    match &dataset.samples {
        Samples::U8(values) => {
            hash.update(b"u8");
            hash.update(values);
        }
        Samples::F32(values) => hash_floats(&mut hash, values),
    }
    let names = match &dataset.targets {
        Targets::Classes { labels, names } => {
            hash.update(b"classes");
            labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
            names
        }
        Targets::Values { values, names } => {
            hash_floats(&mut hash, values);
            names
        }
    };
    hash.update((names.len() as u64).to_le_bytes());
    for name in names {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_floats(hash: &mut Sha256, values: &[f32]) {
    const CHUNK_VALUES: usize = 4_096;
    hash.update(b"f32");
    let mut bytes = Vec::with_capacity(CHUNK_VALUES * size_of::<f32>());
    for chunk in values.chunks(CHUNK_VALUES) {
        bytes.clear();
        chunk.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        hash.update(&bytes);
    }
}
