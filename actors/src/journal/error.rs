//! What can go wrong with a journal, each with what to do about it.

use std::path::PathBuf;

/// A journal could not be created, opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A new run was to be put where something is.
    #[error("the run directory {} exists already: choose another with --out, or go on with it by --resume", .dir.display())]
    Exists {
        /// The run directory.
        dir: PathBuf,
    },
    /// No run there.
    #[error("there is no run in {}: no file journal.sqlite", .dir.display())]
    Missing {
        /// The run directory.
        dir: PathBuf,
    },
    /// Another process is running it.
    #[error(
        "the run in {} is in use by the living process {}: wait for it, stop it, or choose another directory with --out",
        .dir.display(), .pid.map_or_else(|| "of unknown number".to_owned(), |pid| pid.to_string())
    )]
    InUse {
        /// The run directory.
        dir: PathBuf,
        /// The owner, where it has written its number.
        pid: Option<u32>,
    },
    /// The file is no database, or a damaged one.
    #[error(
        "the journal {} is damaged ({detail}): restore it from a copy, or start anew with another --out; \
         `sqlite3 journal.sqlite .recover` may save what is left", .path.display()
    )]
    Corrupt {
        /// The journal file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Written by another version.
    #[error(
        "the journal {} has schema version {found}, this program reads version {expected}: \
         use the program version that wrote it", .path.display()
    )]
    WrongVersion {
        /// The journal file.
        path: PathBuf,
        /// The version found.
        found: i64,
        /// The version this program knows.
        expected: i64,
    },
    /// No right to write.
    #[error("{} cannot be written: {detail}; make it writable, or choose another directory with --out", .path.display())]
    ReadOnly {
        /// File or directory.
        path: PathBuf,
        /// The system's or SQLite's words.
        detail: String,
    },
    /// No room left on the disk.
    #[error("no space left for the journal {}: free some space on its disk", .path.display())]
    Full {
        /// The journal file.
        path: PathBuf,
    },
    /// The system allows no larger files.
    #[error(
        "the journal {} has come to the limit of {bytes_max} bytes that this process may write to a file (`ulimit -f`): \
         raise it, by `prlimit --fsize=unlimited --pid` and the coordinator's process number, or stop the run and go on \
         with it by --resume where the limit is higher",
        .path.display()
    )]
    TooLarge {
        /// The journal file.
        path: PathBuf,
        /// Bytes of a file at most.
        bytes_max: u64,
    },
    /// No room for a run that was to begin.
    #[error(
        "no space left to begin a run at {}: free some space on its disk, or choose another directory with --out",
        .path.display()
    )]
    FullAtBegin {
        /// The journal file.
        path: PathBuf,
    },
    /// It is not where it was when the run began or was taken up.
    #[error("the run directory {} was {} while the run goes on: {}", .dir.display(),
        if *.deleted { "deleted" } else { "moved, or its journal was" },
        if *.deleted { "what comes after cannot be kept; begin anew" } else { "put it back" })]
    Vanished {
        /// The run directory.
        dir: PathBuf,
        /// Whether nothing can bring it back.
        deleted: bool,
    },
    /// Any other trouble with files.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Any other trouble with the database.
    #[error("cannot {action} the journal {}", .path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// The journal file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An entry that contradicts what is recorded: a defect of the program, recorded nowhere.
    #[error("the journal {} refuses an entry: {detail}", .path.display())]
    Contradiction {
        /// The journal file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// The thread that writes is gone.
    #[error("the journal's writer has ended")]
    WriterGone,
}

impl JournalError {
    /// Whether waiting may help: the disk can be cleared, rights can be given back, a directory moved back, a
    /// reader lets go.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Full { .. }
                | Self::TooLarge { .. }
                | Self::ReadOnly { .. }
                | Self::Io { .. }
                | Self::Database { .. }
                | Self::Vanished { deleted: false, .. }
        )
    }
}
