//! Files with secrets: cookies and private keys are read only where nobody but their owner may do anything with them.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;

/// Rights of group and others.
const FOREIGN_RIGHTS: u32 = 0o077;

/// The rights of a file, where others than its owner have any.
pub(super) fn foreign_rights(file: &Metadata) -> Option<u32> {
    let mode = file.permissions().mode() & 0o777;
    (mode & FOREIGN_RIGHTS != 0).then_some(mode)
}
