//! Writing a part of a data set as a numpy archive, for use outside.

use super::{
    DataError, Dataset, Samples, Targets,
    npy::{Element, Header},
};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};
use tempfile::NamedTempFile;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Bytes from which a zip entry needs the long form of its header.
const ZIP_SHORT_BYTES_MAX: u64 = u32::MAX as u64;

/// Writes the samples at `indices`, in that order, to a `.npz` file that numpy reads.
///
/// Array `x` holds the raw values (uint8 or float32, shape `[n, C, H, W]`, tables `[n, features]`), `y` the classes' indices
/// (int64, `[n]`) or the regression targets (float32, `[n, targets]`). The file appears whole or not at all.
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
    zip.finish().map_err(io::Error::from)?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Temporary files are private by default, but what is written here is for others too (less the umask).
#[cfg(unix)]
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

type Archive<'a> = ZipWriter<BufWriter<&'a mut File>>;

fn start(zip: &mut Archive<'_>, name: &str, header: &Header) -> io::Result<()> {
    let header_bytes = header.to_bytes();
    let values: u64 = header.shape.iter().product();
    let bytes = header_bytes.len() as u64 + values * header.element.bytes() as u64;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(bytes > ZIP_SHORT_BYTES_MAX);
    zip.start_file(name, options).map_err(io::Error::from)?;
    zip.write_all(&header_bytes)
}

fn write_x(zip: &mut Archive<'_>, dataset: &Dataset, indices: &[u32]) -> io::Result<()> {
    let shape = dataset.shape(indices.len()).into_iter().map(|size| size as u64).collect();
    let row = dataset.values_per_sample();
    match &dataset.samples {
        Samples::U8(values) => {
            start(zip, "x.npy", &Header { element: Element::U8, shape })?;
            indices.iter().try_for_each(|&index| zip.write_all(&values[index as usize * row..][..row]))
        }
        Samples::F32(values) => {
            start(zip, "x.npy", &Header { element: Element::F32, shape })?;
            write_float_rows(zip, values, row, indices)
        }
    }
}

fn write_y(zip: &mut Archive<'_>, dataset: &Dataset, indices: &[u32]) -> io::Result<()> {
    let count = indices.len() as u64;
    match &dataset.targets {
        Targets::Classes { labels, .. } => {
            start(zip, "y.npy", &Header { element: Element::I64, shape: vec![count] })?;
            indices.iter().try_for_each(|&index| zip.write_all(&labels[index as usize].to_le_bytes()))
        }
        Targets::Values { values, names } => {
            let shape = vec![count, names.len() as u64];
            start(zip, "y.npy", &Header { element: Element::F32, shape })?;
            write_float_rows(zip, values, names.len(), indices)
        }
    }
}

fn write_float_rows(zip: &mut Archive<'_>, values: &[f32], row: usize, indices: &[u32]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(row * size_of::<f32>());
    for &index in indices {
        bytes.clear();
        let row = &values[index as usize * row..][..row];
        row.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        zip.write_all(&bytes)?;
    }
    Ok(())
}
