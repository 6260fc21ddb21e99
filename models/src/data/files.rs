//! Opening files, plain or gzip, and reading no more of them than announced.
//!
//! It must not know what the bytes mean.

use super::DataError;
use flate2::read::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{self, BufReader, ErrorKind, Read, Seek},
    path::{Path, PathBuf},
};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Deflate cannot shrink by more than this (258 bytes in 2 bits), so nothing larger is reserved beforehand.
const DEFLATE_RATIO_MAX: u64 = 1_032;

/// A file being read, decompressed where it is gzip.
pub(super) struct Input {
    pub(super) path: PathBuf,
    reader: Box<dyn Read>,
    /// The most bytes that can come, as far as the file's own size tells.
    bytes_possible: u64,
}

impl Input {
    /// Opens `path`; `expected` says in the error what should have been there.
    pub(super) fn open(path: &Path, expected: &str) -> Result<Self, DataError> {
        let (mut file, file_bytes) = open_file(path, expected)?;
        let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
        let failed = |source| unreadable(path, source);
        Read::by_ref(&mut file).take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let gzip = magic == GZIP_MAGIC;
        if !gzip && has_extension(path, "gz") {
            return Err(DataError::Gzip {
                path: path.into(),
                problem: "it does not begin with 1f 8b".into(),
            });
        }
        let file = BufReader::new(file);
        let reader: Box<dyn Read> = if gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let ratio = if gzip { DEFLATE_RATIO_MAX } else { 1 };
        Ok(Self { path: path.into(), reader, bytes_possible: file_bytes.saturating_mul(ratio) })
    }

    /// Appends exactly `bytes` bytes to `values`; `what` names them in errors.
    pub(super) fn read_exactly(
        &mut self,
        values: &mut Vec<u8>,
        bytes: u64,
        what: &str,
    ) -> Result<(), DataError> {
        let start = values.len();
        let reserve = usize::try_from(bytes.min(self.bytes_possible)).unwrap_or(0);
        values.reserve_exact(reserve);
        let outcome = Read::by_ref(&mut self.reader).take(bytes).read_to_end(values);
        let found_bytes = (values.len() - start) as u64;
        match outcome {
            Ok(_) if found_bytes == bytes => Ok(()),
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(failed(&self.path, error)),
            _ => Err(DataError::Truncated {
                path: self.path.clone(),
                what: what.into(),
                expected_bytes: bytes,
                found_bytes,
            }),
        }
    }

    /// Makes sure that nothing follows (and that a gzip file's checksum holds).
    pub(super) fn expect_end(&mut self, what: &str) -> Result<(), DataError> {
        let mut rest = Vec::new();
        Read::by_ref(&mut self.reader).take(1).read_to_end(&mut rest).map_err(|e| failed(&self.path, e))?;
        if rest.is_empty() {
            return Ok(());
        }
        Err(malformed(
            &self.path,
            what,
            "more bytes follow than its header announces",
            "fetch the file again",
        ))
    }

    /// The path and the bare reader, for those who read as it comes.
    pub(super) fn into_parts(self) -> (PathBuf, Box<dyn Read>) {
        (self.path, self.reader)
    }
}

/// Opens a plain file and tells its size in bytes.
pub(super) fn open_file(path: &Path, expected: &str) -> Result<(File, u64), DataError> {
    let file = File::open(path).map_err(|source| missing_or_unreadable(path, expected, source))?;
    let metadata = file.metadata().map_err(|source| unreadable(path, source))?;
    if metadata.is_dir() {
        return Err(malformed(path, "path", "is a folder", &format!("expected {expected}")));
    }
    Ok((file, metadata.len()))
}

/// Entries of a folder, sorted by name, hidden ones left out; an error where the folder is missing.
pub(super) fn sorted_entries(folder: &Path, expected: &str) -> Result<Vec<PathBuf>, DataError> {
    if folder.is_file() {
        return Err(malformed(folder, "path", "is a file", &format!("expected {expected}")));
    }
    let entries = fs::read_dir(folder).map_err(|source| missing_or_unreadable(folder, expected, source))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| unreadable(folder, source))?;
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

/// The last part of a path, as text.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Whether the path ends in `.extension`, case ignored.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// An error of place, problem and remedy.
pub(super) fn malformed(path: &Path, place: &str, problem: &str, remedy: &str) -> DataError {
    DataError::Malformed {
        path: path.into(),
        place: place.into(),
        problem: problem.into(),
        remedy: remedy.into(),
    }
}

/// What a failed read means: damaged gzip or an operating system's refusal.
pub(super) fn failed(path: &Path, error: io::Error) -> DataError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
            DataError::Gzip { path: path.into(), problem: error.to_string() }
        }
        _ => unreadable(path, error),
    }
}

fn missing_or_unreadable(path: &Path, expected: &str, source: io::Error) -> DataError {
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            DataError::NotFound { path: path.into(), expected: expected.into() }
        }
        _ => unreadable(path, source),
    }
}

fn unreadable(path: &Path, source: io::Error) -> DataError {
    DataError::Unreadable { path: path.into(), source }
}
