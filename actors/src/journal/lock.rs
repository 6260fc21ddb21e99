//! Exclusive ownership of a run directory: a locked file with the owner's process number inside.
//!
//! The operating system drops the lock with the process, however it ends, so a run that was killed can be taken up
//! again at once.

use super::error::JournalError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock's file name in a run directory.
pub const LOCK_FILE: &str = "run.lock";

/// Tries to take the lock: a reader that asks whether the owner lives holds it for a moment.
const TRIES_MAX: u32 = 5;

/// Pause between two tries.
const PAUSE_MS: u64 = 20;

/// Longest process number that is read.
const PID_BYTES_MAX: u64 = 32;

/// Ownership of a run directory, given up when dropped.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

impl RunLock {
    /// Takes `dir` for this process.
    ///
    /// # Errors
    /// `InUse` where a living process has it, `ReadOnly` or `Io` where the lock cannot be written.
    pub fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| file_error("open", &path, source))?;
        for tried in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tried < TRIES_MAX => {
                    std::thread::sleep(Duration::from_millis(PAUSE_MS));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::InUse { dir: dir.to_owned(), pid: read_pid(&mut file) });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(JournalError::Io { action: "lock", path, source });
                }
            }
        }
        write_pid(&mut file, std::process::id()).map_err(|source| file_error("write", &path, source))?;
        Ok(Self { file })
    }

    /// Names another process as the one to turn to: a supervisor, which answers for this one.
    ///
    /// # Errors
    /// Where the lock cannot be written.
    pub fn name(&mut self, pid: u32) -> std::io::Result<()> {
        write_pid(&mut self.file, pid)
    }

    /// Whether the lock's file, and with it what it lies in, was deleted.
    pub fn is_deleted(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // The number of a process that has ended would only mislead.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// The process that runs `dir` at this moment: `None` where nobody does, `Some(None)` where it has not written its
/// number yet.
pub fn holder(dir: &Path) -> Option<Option<u32>> {
    let mut file = File::open(dir.join(LOCK_FILE)).ok()?;
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            None
        }
        Err(_) => Some(read_pid(&mut file)),
    }
}

/// An error of a file operation, told apart by what helps.
pub fn file_error(action: &'static str, path: &Path, source: std::io::Error) -> JournalError {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let path = PathBuf::from(path);
    match source.kind() {
        PermissionDenied | ReadOnlyFilesystem => JournalError::ReadOnly { path, detail: source.to_string() },
        StorageFull | QuotaExceeded => JournalError::Full { path },
        _ => JournalError::Io { action, path, source },
    }
}

fn write_pid(file: &mut File, pid: u32) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{pid}")
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(PID_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
