//! CIFAR-10 and CIFAR-100, binary version: records of one or two label bytes and 3 x 32 x 32 pixels.
//!
//! Described at <https://www.cs.toronto.edu/~kriz/cifar.html> (A. Krizhevsky, 2009).

use super::{
    DataError, Request, Samples, TableNotes, Targets,
    assemble::Parts,
    files::{Input, file_name, malformed, sorted_entries},
    sizes::SampleShape,
};
use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

const SHAPE: SampleShape = SampleShape { channels: 3, height: 32, width: 32 };
const IMAGE_BYTES: usize = 3 * 32 * 32;
/// A file of names holds at most this; longer files are something else.
const NAMES_BYTES_MAX: u64 = 65_536;

/// Which of the two data sets, and which of its labels.
struct Variant {
    train: Vec<PathBuf>,
    test: PathBuf,
    label_bytes: usize,
    /// Which of the label bytes counts.
    label_position: usize,
    classes: usize,
    names_file: &'static str,
}

/// Reads all training batches in the order of their numbers, then the test batch.
pub(super) fn read(request: &Request<'_>, folder: &Path) -> Result<Parts, DataError> {
    request.expect_classification()?;
    let variant = variant(request, folder)?;
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for file in &variant.train {
        read_batch(request, &variant, file, &mut pixels, &mut labels)?;
    }
    let trained = labels.len();
    read_batch(request, &variant, &variant.test, &mut pixels, &mut labels)?;
    let official_test = labels.len() - trained;
    let names = names(&folder.join(variant.names_file), variant.classes)?;
    Ok(Parts {
        shape: SHAPE,
        samples: Samples::U8(pixels),
        targets: Targets::Classes { labels, names },
        official_test,
        columns: Vec::new(),
        unknown: Vec::new(),
        notes: TableNotes::default(),
    })
}

fn variant(request: &Request<'_>, folder: &Path) -> Result<Variant, DataError> {
    let entries =
        sorted_entries(folder, "a folder with data_batch_1.bin (CIFAR-10) or train.bin (CIFAR-100)")?;
    let batches: Vec<PathBuf> = entries.iter().filter(|path| is_batch(&file_name(path))).cloned().collect();
    let label = request.options.label.as_deref();
    let hundred = folder.join("train.bin");
    if batches.is_empty() && hundred.is_file() {
        return hundred_variant(request, folder, hundred, label);
    }
    if let Some(label) = label {
        let problem = format!("data.label = \"{label}\", but CIFAR-10 has one label only");
        return Err(request.unsuitable(&problem, "leave data.label out"));
    }
    let train = if batches.is_empty() { vec![folder.join("data_batch_1.bin")] } else { batches };
    let test = folder.join("test_batch.bin");
    let names_file = "batches.meta.txt";
    Ok(Variant { train, test, label_bytes: 1, label_position: 0, classes: 10, names_file })
}

fn hundred_variant(
    request: &Request<'_>,
    folder: &Path,
    train: PathBuf,
    label: Option<&str>,
) -> Result<Variant, DataError> {
    let (label_position, classes, names_file) = match label {
        None | Some("fine") => (1, 100, "fine_label_names.txt"),
        Some("coarse") => (0, 20, "coarse_label_names.txt"),
        Some(other) => {
            let problem = format!("data.label = \"{other}\" is no label of CIFAR-100");
            return Err(request.unsuitable(&problem, "write \"fine\" or \"coarse\""));
        }
    };
    let test = folder.join("test.bin");
    Ok(Variant { train: vec![train], test, label_bytes: 2, label_position, classes, names_file })
}

fn is_batch(name: &str) -> bool {
    name.starts_with("data_batch_") && name.ends_with(".bin")
}

fn read_batch(
    request: &Request<'_>,
    variant: &Variant,
    path: &Path,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<i64>,
) -> Result<(), DataError> {
    let input = Input::open(path, "a batch of CIFAR's binary version (cifar-10-binary.tar.gz, unpacked)")?;
    let (path, mut reader) = input.into_parts();
    let record_bytes = variant.label_bytes + IMAGE_BYTES;
    let mut record = Vec::with_capacity(record_bytes);
    for number in 0_u64.. {
        record.clear();
        let limited = Read::by_ref(&mut reader).take(record_bytes as u64).read_to_end(&mut record);
        limited.map_err(|error| super::files::failed(&path, error))?;
        if record.is_empty() {
            break;
        }
        if record.len() < record_bytes {
            return Err(DataError::Truncated {
                path,
                what: format!("record {number}"),
                expected_bytes: record_bytes as u64,
                found_bytes: record.len() as u64,
            });
        }
        let label = usize::from(record[variant.label_position]);
        if label >= variant.classes {
            let problem = format!("label {label}, expected 0 to {}", variant.classes - 1);
            let remedy = "use the binary version's files, and those of CIFAR-10 and CIFAR-100 apart";
            return Err(malformed(&path, &format!("record {number}"), &problem, remedy));
        }
        labels.push(label as i64);
        request.check_sizes(&path.display().to_string(), SHAPE, labels.len() as u64, 1)?;
        pixels.extend_from_slice(&record[variant.label_bytes..]);
    }
    Ok(())
}

/// One name a line; numbers where the file is missing.
fn names(path: &Path, classes: usize) -> Result<Vec<String>, DataError> {
    if !path.is_file() {
        return Ok((0..classes).map(|class| class.to_string()).collect());
    }
    let (path, reader) = Input::open(path, "the names of the classes")?.into_parts();
    let lines = BufReader::new(reader.take(NAMES_BYTES_MAX)).lines().collect::<Result<Vec<_>, _>>();
    let lines =
        lines.map_err(|error| malformed(&path, "text", &error.to_string(), "fetch the file again"))?;
    let names: Vec<String> =
        lines.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    if names.len() == classes {
        return Ok(names);
    }
    let problem = format!("{} names, expected {classes}", names.len());
    Err(malformed(&path, "text", &problem, "fetch the file again"))
}
