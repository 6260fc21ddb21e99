//! numpy archives: arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.
//!
//! Images may be stored with channels first or last; last is assumed where the last axis is 1 or 3 and the first after
//! the samples is neither. Bytes stay bytes, all other types become 32-bit floats.

use super::{
    DataError, Request, Samples, Targets,
    assemble::{Parts, SampleShape, classes_from_numbers},
    files::{malformed, open_file},
    npy::{Element, Header},
};
use hatchery_config::vocabulary::TaskKind;
use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};
use zip::ZipArchive;

/// Elements converted at a time.
const BLOCK_ELEMENTS: usize = 8_192;

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
    Ok(Parts { shape, samples, targets: targets.finish(), official_test })
}

/// Targets as stored: labels are renumbered only when all parts are known.
enum Stored {
    Labels(Vec<i64>),
    Values { values: Vec<f32>, columns: usize },
}

impl Stored {
    fn finish(self) -> Targets {
        match self {
            Self::Labels(labels) => classes_from_numbers(&labels),
            Self::Values { values, columns } => {
                Targets::Values { values, names: (0..columns).map(|column| format!("y{column}")).collect() }
            }
        }
    }
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
        then: impl FnOnce(&Header, &mut dyn Read) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        if !self.has(name) {
            let problem = format!("there is no array \"{name}\", the archive holds: {}", self.names());
            let remedy = "save arrays x and y, or x_train, y_train, x_test and y_test";
            return Err(malformed(self.path, "archive", &problem, remedy));
        }
        let path = self.path;
        let place = format!("array \"{name}\"");
        let mut entry = self.zip.by_name(&format!("{name}.npy")).map_err(|error| {
            malformed(
                path,
                &place,
                &format!("cannot be unpacked ({error})"),
                "save it again with numpy.savez",
            )
        })?;
        let header = Header::read(&mut entry)
            .map_err(|error| malformed(path, &place, &error.problem, error.remedy))?;
        then(&header, &mut entry)
    }

    /// Samples of one part; `like` are those of an earlier part, which must agree in shape and element type.
    fn samples(
        &mut self,
        request: &Request<'_>,
        name: &str,
        like: Option<(SampleShape, &Samples)>,
    ) -> Result<(SampleShape, Samples, u64), DataError> {
        let path = self.path;
        let place = format!("array \"{name}\"");
        self.array(name, |header, reader| {
            let (count, shape, channels_last) = layout(header).map_err(|problem| {
                malformed(path, &place, &problem, "see `hatchery data list` for shapes")
            })?;
            let bytes = header.element == Element::U8;
            if let Some((train, samples)) = like
                && (train != shape || bytes != matches!(samples, Samples::U8(_)))
            {
                let problem = "differs from the training part in shape or element type";
                return Err(malformed(path, &place, problem, "save both parts alike"));
            }
            let array = format!("{}: {place}", path.display());
            let value_bytes = if bytes { 1 } else { size_of::<f32>() as u64 };
            let values = request.check_sizes(&array, shape, count, value_bytes)?;
            let samples = if bytes {
                let pixels = read_bytes(path, &place, reader, values)?;
                Samples::U8(if channels_last { channels_first(&pixels, shape) } else { pixels })
            } else {
                let numbers = read_floats(path, &place, header.element, reader, values)?;
                Samples::F32(if channels_last { channels_first(&numbers, shape) } else { numbers })
            };
            Ok((shape, samples, count))
        })
    }

    fn targets(&mut self, request: &Request<'_>, name: &str, count: u64) -> Result<Stored, DataError> {
        let path = self.path;
        let place = format!("array \"{name}\"");
        let regression = request.options.task == TaskKind::Regression;
        self.array(name, |header, reader| {
            let columns = match header.shape.as_slice() {
                [_] | [_, 1] => 1,
                [_, columns] if regression && *columns > 0 => *columns,
                shape => {
                    let problem =
                        format!("has shape {shape:?}, expected ({count},) with one class number a sample");
                    return Err(malformed(path, &place, &problem, "use argmax for one-hot labels"));
                }
            };
            if header.shape.first() != Some(&count) {
                let problem = format!("has {} entries for {count} samples", header.shape[0]);
                return Err(malformed(path, &place, &problem, "save x and y of the same samples"));
            }
            let array = format!("{}: {place}", path.display());
            let values = request.check_sizes(&array, SampleShape::row(columns), count, 8)?;
            if regression {
                let values = read_floats(path, &place, header.element, reader, values)?;
                return Ok(Stored::Values { values, columns: columns as usize });
            }
            read_labels(path, &place, header.element, reader, values).map(Stored::Labels)
        })
    }
}

/// Count, shape of a sample, and whether channels come last.
fn layout(header: &Header) -> Result<(u64, SampleShape, bool), String> {
    let (count, shape, channels_last) = match *header.shape.as_slice() {
        [count, features] => (count, SampleShape::row(features), false),
        [count, height, width] => (count, SampleShape { channels: 1, height, width }, false),
        [count, height, width, channels @ (1 | 3)] if !matches!(height, 1 | 3) => {
            (count, SampleShape { channels, height, width }, true)
        }
        [count, channels, height, width] => (count, SampleShape { channels, height, width }, false),
        ref other => return Err(format!("has shape {other:?}, expected 2, 3 or 4 axes")),
    };
    if shape.values(1) == Some(0) {
        return Err(format!("has shape {:?}, an axis of size 0", header.shape));
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

/// Hands the array's elements to `take`, block by block, and makes sure that there are `count` of them.
fn read_blocks(
    path: &Path,
    place: &str,
    element_bytes: usize,
    reader: &mut dyn Read,
    count: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut block = Vec::with_capacity(BLOCK_ELEMENTS * element_bytes);
    let mut left = count.saturating_mul(element_bytes as u64);
    let expected_bytes = left;
    while left > 0 {
        block.clear();
        let limit = left.min((BLOCK_ELEMENTS * element_bytes) as u64);
        let outcome = (&mut *reader).take(limit).read_to_end(&mut block);
        if let Err(error) = outcome {
            let problem = format!("cannot be unpacked ({error})");
            return Err(malformed(path, place, &problem, "fetch the file again or save it again"));
        }
        if (block.len() as u64) < limit {
            let found_bytes = expected_bytes - left + block.len() as u64;
            return Err(DataError::Truncated {
                path: path.into(),
                what: place.into(),
                expected_bytes,
                found_bytes,
            });
        }
        left -= limit;
        take(&block)?;
    }
    expect_end(path, place, reader)
}

/// Reading past the end is also what makes the archive compare its checksum.
fn expect_end(path: &Path, place: &str, reader: &mut dyn Read) -> Result<(), DataError> {
    let mut rest = Vec::new();
    let problem = match reader.take(1).read_to_end(&mut rest) {
        Ok(0) => return Ok(()),
        Ok(_) => "has more bytes than its shape announces".to_owned(),
        Err(error) => format!("cannot be unpacked ({error})"),
    };
    Err(malformed(path, place, &problem, "fetch the file again or save it again"))
}

fn read_bytes(path: &Path, place: &str, reader: &mut dyn Read, count: u64) -> Result<Vec<u8>, DataError> {
    let mut values = Vec::new();
    read_blocks(path, place, 1, reader, count, |block| {
        values.extend_from_slice(block);
        Ok(())
    })?;
    values.shrink_to_fit();
    Ok(values)
}

fn read_floats(
    path: &Path,
    place: &str,
    element: Element,
    reader: &mut dyn Read,
    count: u64,
) -> Result<Vec<f32>, DataError> {
    let mut values: Vec<f32> = Vec::new();
    read_blocks(path, place, element.bytes(), reader, count, |block| {
        for bytes in block.chunks_exact(element.bytes()) {
            let number = element.number(bytes);
            if !(number as f32).is_finite() {
                let place = format!("{}: {place}, element {} (flat)", path.display(), values.len());
                return Err(DataError::NotFinite { place, value: number.to_string() });
            }
            values.push(number as f32);
        }
        Ok(())
    })?;
    values.shrink_to_fit();
    Ok(values)
}

/// Class numbers: integers, or floats that hold whole numbers.
fn read_labels(
    path: &Path,
    place: &str,
    element: Element,
    reader: &mut dyn Read,
    count: u64,
) -> Result<Vec<i64>, DataError> {
    /// Above this a 64-bit float no longer tells neighbouring integers apart.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let mut labels: Vec<i64> = Vec::new();
    read_blocks(path, place, element.bytes(), reader, count, |block| {
        for bytes in block.chunks_exact(element.bytes()) {
            let number = element.number(bytes);
            if number.fract() != 0.0 || number.abs() > EXACT_MAX {
                let place = format!("{place}, entry {}", labels.len());
                let remedy = "store whole class numbers, or set data.task = \"regression\"";
                return Err(malformed(path, &place, &format!("{number} is no class number"), remedy));
            }
            labels.push(number as i64);
        }
        Ok(())
    })?;
    Ok(labels)
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
