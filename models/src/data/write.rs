//! Writing a part of a data set as a numpy archive, for use outside.

use super::{DataError, Dataset, Samples, Targets, npz::CLASSES};
use npyz::{AutoSerialize, DType, TypeStr, WriterBuilder};
use std::{
    fs::File,
    io::{self, BufWriter},
    path::Path,
};
use tempfile::NamedTempFile;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Bytes from which a zip entry needs the long form of its header.
const ZIP_SHORT_BYTES_MAX: u64 = u32::MAX as u64;
/// More than the header of an array of four axes takes.
const HEADER_BYTES_MAX: u64 = 1 << 10;

/// Writes the samples at `indices`, in that order, to a `.npz` file that numpy reads.
///
/// Array `x` holds the raw values (uint8 or float32, shape `[n, C, H, W]`, tables `[n, columns]`: numbers, codes of
/// categories, and NaN for what is missing), `y` the
/// classes' indices (int64, `[n]`) or the regression targets (float32, `[n, targets]`), `classes` the names of all
/// classes (text, `[classes]`), those that none of these samples is of too. The file appears whole or not at all.
///
/// # Errors
/// An index outside the data set; whatever the operating system refuses.
pub fn write_npz(dataset: &Dataset, indices: &[u32], path: &Path) -> Result<(), DataError> {
    if let Some(&index) = indices.iter().find(|&&index| index as usize >= dataset.count) {
        let origin = dataset.source.clone();
        return Err(DataError::NoSuchSample { origin, index, count: dataset.count });
    }
    write_whole(dataset, indices, path).map_err(|source| DataError::Unwritable { path: path.into(), source })
}

/// Writes beside `path` first and renames then.
fn write_whole(dataset: &Dataset, indices: &[u32], path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = temporary(folder)?;
    let mut zip = ZipWriter::new(BufWriter::new(file.as_file_mut()));
    write_x(&mut zip, dataset, indices)?;
    write_y(&mut zip, dataset, indices)?;
    if let Targets::Classes { names, .. } = &dataset.targets {
        write_texts(&mut zip, CLASSES, names)?;
    }
    zip.finish().map_err(io::Error::from)?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// A file beside the one that is asked for. Its own name in an error would say nothing to who asked.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    shared(folder).map_err(|error| error.kind().into())
}

/// Temporary files are private by default, but what is written here is for others too (less the umask).
#[cfg(unix)]
fn shared(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn shared(folder: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

type Archive<'a> = ZipWriter<BufWriter<&'a mut File>>;

fn write_x(zip: &mut Archive<'_>, dataset: &Dataset, indices: &[u32]) -> io::Result<()> {
    let shape = dataset.shape(indices.len());
    match &dataset.samples {
        Samples::U8(values) => write_rows(zip, "x", &shape, values, indices),
        Samples::F32(values) => write_rows(zip, "x", &shape, values, indices),
    }
}

fn write_y(zip: &mut Archive<'_>, dataset: &Dataset, indices: &[u32]) -> io::Result<()> {
    match &dataset.targets {
        Targets::Classes { labels, .. } => write_rows(zip, "y", &[indices.len()], labels, indices),
        Targets::Values { values, names } => {
            write_rows(zip, "y", &[indices.len(), names.len()], values, indices)
        }
    }
}

/// Begins an array whose values take so many bytes.
fn start_array(zip: &mut Archive<'_>, name: &str, values_bytes: u64) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(HEADER_BYTES_MAX + values_bytes > ZIP_SHORT_BYTES_MAX);
    zip.start_file(npyz::npz::file_name_from_array_name(name), options).map_err(io::Error::from)
}

/// Writes texts as one array of numpy's type U: UTF-32, as wide as the longest needs.
fn write_texts(zip: &mut Archive<'_>, name: &str, texts: &[String]) -> io::Result<()> {
    let characters = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    let element: TypeStr = format!("<U{characters}").parse().map_err(io::Error::other)?;
    start_array(zip, name, (texts.len() * characters * size_of::<char>()) as u64)?;
    let options = npyz::WriteOptions::<str>::new().dtype(DType::new_scalar(element));
    let mut array = options.shape(&[texts.len() as u64]).writer(BufWriter::new(zip)).begin_nd()?;
    texts.iter().try_for_each(|text| array.push(text))?;
    array.finish()
}

/// Writes the rows at `indices` as one array; all axes of `shape` but the first are a row.
fn write_rows<T: AutoSerialize + Copy>(
    zip: &mut Archive<'_>,
    name: &str,
    shape: &[usize],
    values: &[T],
    indices: &[u32],
) -> io::Result<()> {
    let row: usize = shape[1..].iter().product();
    start_array(zip, name, (indices.len() * row * size_of::<T>()) as u64)?;
    let sizes: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
    // Values come one by one.
    let zip = BufWriter::new(zip);
    let array = npyz::WriteOptions::new().default_dtype().shape(&sizes).writer(zip);
    let mut array = array.begin_nd()?;
    for &index in indices {
        array.extend(values[index as usize * row..][..row].iter().copied())?;
    }
    array.finish()
}
