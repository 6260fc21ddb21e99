//! Files with secrets: cookies and private keys are read only where nobody but their owner may do anything with them.
//!
//! It must not know what they hold.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Rights of group and others.
const FOREIGN_RIGHTS: u32 = 0o077;

/// Why a secret is not read.
#[derive(Debug)]
pub(super) enum Withheld {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// Others than its owner have these rights.
    Open {
        /// All of the file's rights.
        mode: u32,
    },
}

/// The first `bytes_max` bytes of a secret's file. The rights that are looked at are those of the file that is open, not
/// of whatever the path leads to a moment before.
pub(super) fn read_secret(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Withheld> {
    let file = File::open(path).map_err(Withheld::Unreadable)?;
    if let Some(mode) = foreign_rights(&file.metadata().map_err(Withheld::Unreadable)?) {
        return Err(Withheld::Open { mode });
    }
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).map_err(Withheld::Unreadable)?;
    Ok(bytes)
}

/// The rights of a file, where others than its owner have any.
fn foreign_rights(file: &Metadata) -> Option<u32> {
    let mode = file.permissions().mode() & 0o777;
    (mode & FOREIGN_RIGHTS != 0).then_some(mode)
}
