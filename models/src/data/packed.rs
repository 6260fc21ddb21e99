//! Data sets as bytes for another process, and back.
//!
//! First come sizes, the source's name and a table's columns with a checksum of their own, then the names of classes or
//! targets, the samples and the targets, all little endian. What came is what was sent where its content hash, computed
//! again, is the one that was announced. Sizes are checked against the number of bytes and the limits of all data sets
//! before anything is allocated.

use super::{
    Column, DataError, Dataset, Known, LoadOptions, Request, Samples, TableNotes, Targets,
    assemble::{self, Parts},
    column, limits,
    sizes::SampleShape,
};
use crate::{
    flat::{DIGEST_BYTES, FlatError, Format, MAGIC_BYTES, Reader, Writer},
    problem::Problem,
};
use hatchery_config::vocabulary::TaskKind;
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// Change what is written, and raise the version.
const FORMAT: Format = Format { what: "packed data set", magic: *b"htchdata", version: 2 };
/// Magic, version, and the fields of `Sizes`.
const SIZES_BYTES: usize = MAGIC_BYTES + 4 + 3 * 4 + 3 + 6 * 8;
/// Bytes of the source's name: a path and some.
const SOURCE_BYTES_MAX: u64 = 16 << 10;
/// Bytes of one name of a class or target, its length included, on average: longer ones are no names.
const NAME_BYTES_MAX: u64 = 4 << 10;
/// Bytes that are converted at once.
const BLOCK_BYTES: usize = 64 << 10;
/// Bytes of a label.
const LABEL_BYTES: u64 = size_of::<i64>() as u64;
/// Bytes of a float.
const FLOAT_BYTES: u64 = size_of::<f32>() as u64;

/// Why bytes are not the data set that they should be.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// They are none, or damaged.
    #[error(transparent)]
    Bytes(#[from] FlatError),
    /// They could not be read.
    #[error("the packed data set cannot be read ({})", .0.kind())]
    Unreadable(#[source] io::Error),
    /// There are more or fewer than the header says.
    #[error("the packed data set has {found} bytes, its header announces {announced}; send it again")]
    Length {
        /// How many there are.
        found: u64,
        /// How many there should be.
        announced: u128,
    },
    /// There is no room for them.
    #[error("there is no memory for the {bytes} bytes of the data set; use a machine with more")]
    Memory {
        /// How many are needed.
        bytes: u64,
    },
    /// What no data set may hold.
    #[error("the packed data set cannot be used: {0}")]
    Content(#[from] DataError),
    /// Another data set, or a damaged one.
    #[error("the packed data set has the content hash {found}, {expected} is expected; send it again")]
    Hash {
        /// What its content gives.
        found: String,
        /// What was announced.
        expected: String,
    },
}

/// Everything before the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    shape: [u32; 3],
    multi_view: bool,
    /// Whether samples are floats, not bytes.
    float_samples: bool,
    /// Whether targets are floats, not classes.
    float_targets: bool,
    count: u64,
    official_test: u64,
    names: u64,
    names_bytes: u64,
    source_bytes: u64,
    columns_bytes: u64,
}

impl Sizes {
    fn of(dataset: &Dataset) -> Self {
        let Problem { height, width, multi_view, .. } = dataset.problem;
        let names = names(&dataset.targets);
        Self {
            // `COLUMNS_MAX` is far below `u32::MAX`.
            shape: [dataset.raw_channels() as u32, height, width],
            multi_view,
            float_samples: matches!(dataset.samples, Samples::F32(_)),
            float_targets: matches!(dataset.targets, Targets::Values { .. }),
            count: dataset.count as u64,
            official_test: dataset.official_test as u64,
            names: names.len() as u64,
            names_bytes: names.iter().map(|name| (size_of::<u64>() + name.len()) as u64).sum(),
            source_bytes: dataset.source.len() as u64,
            columns_bytes: column::to_bytes(&dataset.columns).len() as u64,
        }
    }

    /// With the source's name and the columns, checksum included.
    fn header(&self, dataset: &Dataset) -> Vec<u8> {
        let (source, columns) = (&dataset.source, column::to_bytes(&dataset.columns));
        let mut writer = Writer::new(&FORMAT, SIZES_BYTES + source.len() + columns.len());
        self.shape.iter().for_each(|size| writer.u32(*size));
        for flag in [self.multi_view, self.float_samples, self.float_targets] {
            writer.flag(flag);
        }
        let texts = [self.names_bytes, self.source_bytes, self.columns_bytes];
        for number in [self.count, self.official_test, self.names].into_iter().chain(texts) {
            writer.u64(number);
        }
        writer.raw(source.as_bytes());
        writer.raw(&columns);
        writer.sealed()
    }

    fn read(bytes: &[u8]) -> Result<Self, FlatError> {
        let mut reader = Reader::open(&FORMAT, bytes)?;
        let field = "the sizes";
        let sizes = Self {
            shape: [reader.u32(field)?, reader.u32(field)?, reader.u32(field)?],
            multi_view: reader.flag("whether there are views")?,
            float_samples: reader.flag("the samples' type")?,
            float_targets: reader.flag("the targets' type")?,
            count: reader.u64("the number of samples")?,
            official_test: reader.u64("the number of test samples")?,
            names: reader.u64("the number of names")?,
            names_bytes: reader.u64("the length of the names")?,
            source_bytes: reader.u64("the length of the source's name")?,
            columns_bytes: reader.u64("the length of the columns")?,
        };
        if sizes.columns_bytes > limits::COLUMNS_BYTES_MAX {
            return Err(reader.impossible("the length of the columns", sizes.columns_bytes));
        }
        if sizes.source_bytes > SOURCE_BYTES_MAX {
            return Err(reader.impossible("the length of the source's name", sizes.source_bytes));
        }
        if sizes.names == 0 || sizes.names_bytes / sizes.names > NAME_BYTES_MAX {
            return Err(reader.impossible("the length of the names", sizes.names_bytes));
        }
        reader.end()?;
        Ok(sizes)
    }

    fn sample_shape(&self) -> SampleShape {
        let [channels, height, width] = self.shape.map(u64::from);
        SampleShape { channels, height, width }
    }

    fn value_bytes(&self) -> u64 {
        if self.float_samples { FLOAT_BYTES } else { 1 }
    }

    /// Length of all, in a type in which nothing overflows that fields of 64 bits can say.
    fn total_bytes(&self) -> u128 {
        let values = self.shape.iter().map(|&size| u128::from(size)).product::<u128>();
        let sample = values.saturating_mul(u128::from(self.value_bytes()));
        let target = match self.float_targets {
            true => u128::from(self.names) * u128::from(FLOAT_BYTES),
            false => u128::from(LABEL_BYTES),
        };
        let fixed = (SIZES_BYTES + DIGEST_BYTES) as u128;
        let names = [self.source_bytes, self.columns_bytes, self.names_bytes].map(u128::from);
        let names: u128 = names.iter().sum();
        sample.saturating_add(target).saturating_mul(u128::from(self.count)).saturating_add(fixed + names)
    }
}

fn names(targets: &Targets) -> &[String] {
    match targets {
        Targets::Classes { names, .. } | Targets::Values { names, .. } => names,
    }
}

/// Bytes of a packed data set.
pub fn packed_bytes(dataset: &Dataset) -> u64 {
    u64::try_from(Sizes::of(dataset).total_bytes()).unwrap_or(u64::MAX)
}

/// Packs a data set into memory.
pub fn pack(dataset: &Dataset) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(usize::try_from(packed_bytes(dataset)).unwrap_or(0));
    // Writing to memory does not fail.
    let _ = pack_into(dataset, &mut bytes);
    bytes
}

/// Packs a data set into whatever takes bytes, piece by piece.
///
/// # Errors
/// Whatever `target` says.
pub fn pack_into(dataset: &Dataset, target: &mut impl Write) -> io::Result<()> {
    target.write_all(&Sizes::of(dataset).header(dataset))?;
    for name in names(&dataset.targets) {
        target.write_all(&(name.len() as u64).to_le_bytes())?;
        target.write_all(name.as_bytes())?;
    }
    match &dataset.samples {
        Samples::U8(values) => target.write_all(values)?,
        Samples::F32(values) => write_numbers(target, values, |value| value.to_le_bytes())?,
    }
    match &dataset.targets {
        Targets::Classes { labels, .. } => write_numbers(target, labels, |label| label.to_le_bytes()),
        Targets::Values { values, .. } => write_numbers(target, values, |value| value.to_le_bytes()),
    }
}

fn write_numbers<T: Copy, const N: usize>(
    target: &mut impl Write,
    values: &[T],
    to_bytes: fn(T) -> [u8; N],
) -> io::Result<()> {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    for values in values.chunks(BLOCK_BYTES / N) {
        block.clear();
        block.extend(values.iter().flat_map(|&value| to_bytes(value)));
        target.write_all(&block)?;
    }
    Ok(())
}

/// Unpacks a data set that should have this content hash.
///
/// # Errors
/// Where the bytes are something else, damaged, another data set, or beyond the limits of all data sets.
pub fn unpack(bytes: &[u8], content_hash: &str) -> Result<Dataset, PackedError> {
    unpack_from(&mut &bytes[..], bytes.len() as u64, content_hash)
}

/// Unpacks a data set of `bytes` bytes from where they come, without having all of them in memory twice.
///
/// # Errors
/// As `unpack`, and where they cannot be read.
pub fn unpack_from(reader: &mut impl Read, bytes: u64, content_hash: &str) -> Result<Dataset, PackedError> {
    let (sizes, source, columns) = read_header(reader, bytes)?;
    let task = if sizes.float_targets { TaskKind::Regression } else { TaskKind::Classification };
    let options = LoadOptions { task, multi_view: sizes.multi_view, ..LoadOptions::default() };
    let values_bytes_max = limits::VALUES_BYTES_MAX;
    let request = Request {
        source: &source,
        options: &options,
        values_bytes_max,
        known: Known::default(),
        is_to_learn_from: true,
    };
    let shape = sizes.sample_shape();
    let values = request.check_sizes(&source, shape, sizes.count, sizes.value_bytes())?;
    let names = read_names(reader, &sizes)?;
    let samples = match sizes.float_samples {
        true => Samples::F32(read_numbers(reader, values, f32::from_le_bytes)?),
        false => Samples::U8(read_numbers(reader, values, |[value]: [u8; 1]| value)?),
    };
    let targets = read_targets(reader, &sizes, names)?;
    let official_test = usize::try_from(sizes.official_test).unwrap_or(usize::MAX);
    let (unknown, notes) = (Vec::new(), TableNotes::default());
    let parts = Parts { shape, samples, targets, official_test, columns, unknown, notes };
    let dataset = assemble::assemble(&request, parts)?;
    if dataset.content_hash == content_hash {
        return Ok(dataset);
    }
    Err(PackedError::Hash { found: dataset.content_hash, expected: content_hash.to_owned() })
}

fn read_header(reader: &mut impl Read, bytes: u64) -> Result<(Sizes, String, Vec<Column>), PackedError> {
    let mut header = vec![0; SIZES_BYTES];
    let fixed = header.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
    reader.read_exact(&mut header[..fixed]).map_err(PackedError::Unreadable)?;
    let sizes = Sizes::read(&header[..fixed])?;
    let announced = sizes.total_bytes();
    if announced != u128::from(bytes) {
        return Err(PackedError::Length { found: bytes, announced });
    }
    let mut part = |bytes: u64| read_numbers(reader, bytes, |[byte]: [u8; 1]| byte);
    let (source, columns) = (part(sizes.source_bytes)?, part(sizes.columns_bytes)?);
    let digest = part(DIGEST_BYTES as u64)?;
    let hash = Sha256::new_with_prefix(&header).chain_update(&source).chain_update(&columns).finalize();
    let length = SIZES_BYTES + source.len() + columns.len() + DIGEST_BYTES;
    let source = String::from_utf8(source).ok().filter(|_| hash.as_slice() == digest);
    let source = source.ok_or(FlatError::Checksum { what: FORMAT.what, bytes: length })?;
    Ok((sizes, source, column::from_bytes(Reader::bare(&FORMAT, &columns))?))
}

fn read_names(reader: &mut impl Read, sizes: &Sizes) -> Result<Vec<String>, PackedError> {
    let bytes: Vec<u8> = read_numbers(reader, sizes.names_bytes, |[byte]: [u8; 1]| byte)?;
    let mut names = Reader::bare(&FORMAT, &bytes);
    let read = (0..sizes.names).map(|_| names.text("a name")).collect::<Result<_, _>>()?;
    names.end()?;
    Ok(read)
}

fn read_targets(reader: &mut impl Read, sizes: &Sizes, names: Vec<String>) -> Result<Targets, PackedError> {
    if sizes.float_targets {
        let values = read_numbers(reader, sizes.count * sizes.names, f32::from_le_bytes)?;
        return Ok(Targets::Values { values, names });
    }
    let labels = read_numbers(reader, sizes.count, i64::from_le_bytes)?;
    let is_class = |label: &&i64| usize::try_from(**label).is_ok_and(|label| label < names.len());
    match labels.iter().find(|label| !is_class(label)) {
        Some(label) => Err(Reader::bare(&FORMAT, &[]).impossible("a label", label).into()),
        None => Ok(Targets::Classes { labels, names }),
    }
}

/// Reads so many numbers; that there are as many bytes was checked.
fn read_numbers<T, const N: usize>(
    reader: &mut impl Read,
    count: u64,
    from_bytes: fn([u8; N]) -> T,
) -> Result<Vec<T>, PackedError> {
    let memory = || PackedError::Memory { bytes: count.saturating_mul(N as u64) };
    let count = usize::try_from(count).map_err(|_| memory())?;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| memory())?;
    let mut block = vec![0; (BLOCK_BYTES / N).min(count) * N];
    while values.len() < count {
        let block = &mut block[..(BLOCK_BYTES / N).min(count - values.len()) * N];
        reader.read_exact(block).map_err(PackedError::Unreadable)?;
        values.extend(block.as_chunks::<N>().0.iter().map(|number| from_bytes(*number)));
    }
    Ok(values)
}
