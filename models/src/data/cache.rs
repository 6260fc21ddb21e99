//! Packed data sets in the user's cache, by their content hash: what a machine has been sent once it has.
//!
//! A file appears whole or not at all, and is believed only where its content has the hash that it is named by; a
//! damaged one is removed. It must not know where data sets come from.

use super::{Dataset, packed};
use crate::places;
use std::{
    fs::{self, File},
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Files that are kept: as many data sets as a machine is likely to work on in turn. The oldest go first.
pub const FILES_MAX: usize = 8;
/// Hexadecimal digits of a content hash.
const HASH_DIGITS: usize = 64;
/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

/// A folder of packed data sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataCache {
    folder: PathBuf,
}

/// What the cache has.
#[derive(Clone, Debug, PartialEq)]
pub enum Cached {
    /// The data set.
    Found(Box<Dataset>),
    /// Nothing of that hash.
    Absent,
    /// A file that was damaged, and is removed now; why.
    Damaged(String),
}

/// Why the cache cannot be used. One can do without it.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Something that cannot name a file.
    #[error("{hash:?} is no content hash; 64 hexadecimal digits are expected")]
    NoHash {
        /// What was given.
        hash: String,
    },
    /// What the system refused.
    #[error(
        "{} cannot be {action} ({}); make room there, or set XDG_CACHE_HOME to a writable directory",
        .path.display(),
        .source.kind()
    )]
    System {
        /// Which file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl DataCache {
    /// The user's: `$XDG_CACHE_HOME/hatchery/data`, or `~/.cache/hatchery/data`. `None` where neither is known.
    pub fn of_user() -> Option<Self> {
        places::user_cache().map(|cache| Self::at(cache.join("data")))
    }

    /// One in this folder, which need not be there yet.
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the data set with this content hash is, or would be.
    ///
    /// # Errors
    /// Where that is no hash.
    pub fn path(&self, content_hash: &str) -> Result<PathBuf, CacheError> {
        let digits = content_hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits && content_hash.len() == HASH_DIGITS {
            return Ok(self.folder.join(format!("{content_hash}.packed")));
        }
        Err(CacheError::NoHash { hash: content_hash.to_owned() })
    }

    /// The data set with this content hash, verified.
    ///
    /// # Errors
    /// Where that is no hash, or the file cannot be read, or is damaged and cannot be removed.
    pub fn get(&self, content_hash: &str) -> Result<Cached, CacheError> {
        let path = self.path(content_hash)?;
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Cached::Absent),
            Err(error) => return Err(refused(&path, "read", error)),
        };
        let bytes = file.metadata().map_err(|error| refused(&path, "read", error))?.len();
        match packed::unpack_from(&mut BufReader::with_capacity(READ_BYTES, file), bytes, content_hash) {
            Ok(dataset) => Ok(Cached::Found(Box::new(dataset))),
            Err(packed::PackedError::Unreadable(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(refused(&path, "read", error))
            }
            Err(error @ packed::PackedError::Memory { .. }) => {
                Err(refused(&path, "read", io::Error::new(io::ErrorKind::OutOfMemory, error)))
            }
            Err(error) => {
                remove(&path)?;
                let message = format!("{} was damaged and is removed: {error}", path.display());
                tracing::warn!("{message}");
                Ok(Cached::Damaged(message))
            }
        }
    }

    /// Keeps a packed data set, whose content has been verified. The oldest beyond `FILES_MAX` go.
    ///
    /// # Errors
    /// Where that is no hash, or the system refuses.
    pub fn put(&self, content_hash: &str, packed: &[u8]) -> Result<PathBuf, CacheError> {
        let path = self.path(content_hash)?;
        fs::create_dir_all(&self.folder).map_err(|error| refused(&self.folder, "made", error))?;
        self.write(&path, packed).map_err(|error| refused(&path, "written", error))?;
        self.make_room(&path);
        Ok(path)
    }

    fn write(&self, path: &Path, packed: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".packing-").tempfile_in(&self.folder)?;
        file.write_all(packed)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Removes the oldest files, what interrupted processes have left among them. Whatever cannot be removed stays.
    fn make_room(&self, newest: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let written = |path: &Path| {
            let written = fs::metadata(path).and_then(|metadata| metadata.modified());
            written.unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path != newest && path.is_file())
            .map(|path| (written(&path), path))
            .collect();
        files.sort();
        let beyond = (files.len() + 1).saturating_sub(FILES_MAX);
        for (_, path) in files.into_iter().take(beyond) {
            if remove(&path).is_ok() {
                tracing::debug!("{} is removed from the cache", path.display());
            }
        }
    }
}

/// Where another process was faster, it is gone as well.
fn remove(path: &Path) -> Result<(), CacheError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(path, "removed", error)),
        _ => Ok(()),
    }
}

fn refused(path: &Path, action: &'static str, source: io::Error) -> CacheError {
    CacheError::System { path: path.to_path_buf(), action, source }
}
