//! Finds ONNX Runtime's shared library: where the user says, in the user's cache, or fetched once.
//!
//! It must not load the library: `runtime` does. It knows files and pip, and nothing of sessions.

mod fetch;
mod gpus;
mod wheel;

pub use gpus::gpus;
pub use wheel::{Flavour, VERSION};

use crate::places;
use std::path::{Path, PathBuf};

/// Environment variable that names the library, before everything else.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";
/// Oldest minor version of ONNX Runtime 1.x whose interface we use.
pub const MINOR_VERSION_MIN: u32 = 24;

/// Where a library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Named by `ORT_DYLIB_PATH`.
    Environment,
    /// Named by the experiment's `runtime.library`.
    Configured,
    /// An earlier run had fetched it.
    Cache,
    /// Fetched just now.
    Fetched,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Environment => LIBRARY_VARIABLE,
            Self::Configured => "runtime.library",
            Self::Cache => "the user's cache",
            Self::Fetched => "the Python package index",
        })
    }
}

/// A library's path and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Who named it.
    pub origin: Origin,
}

/// Where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The value of `ORT_DYLIB_PATH`.
    pub environment: Option<PathBuf>,
    /// The experiment's `runtime.library`.
    pub configured: Option<PathBuf>,
    /// The user's cache directory for this program.
    pub cache: Option<PathBuf>,
    /// Whether nothing may be fetched.
    pub offline: bool,
}

/// Why there is no library to load.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A named file is not there.
    #[error(
        "{origin} names {path}, which is not a file; correct it, or unset it to let Hatchery fetch the library"
    )]
    Missing {
        /// Who named it.
        origin: Origin,
        /// The file.
        path: PathBuf,
    },
    /// Nothing found and fetching is forbidden.
    #[error(
        "no ONNX Runtime library: {LIBRARY_VARIABLE} and runtime.library are not set, {cache} has none, and fetching \
         is forbidden (--offline); set one of them, or run once without --offline"
    )]
    Offline {
        /// Where it would have been.
        cache: PathBuf,
    },
    /// No place for a cache.
    #[error("no cache directory: set HOME or XDG_CACHE_HOME, or name the library in {LIBRARY_VARIABLE}")]
    NoCache,
    /// No wheel is pinned for this machine.
    #[error(
        "no ONNX Runtime wheel is known for {os} on {arch}; install ONNX Runtime {VERSION} and name its shared library \
         in {LIBRARY_VARIABLE}"
    )]
    Platform {
        /// Operating system.
        os: &'static str,
        /// Processor architecture.
        arch: &'static str,
    },
    /// No pip could be run.
    #[error(
        "cannot fetch ONNX Runtime: no pip found (tried {tried}); install Python 3 with pip (for example `apt install \
         python3-pip`), or name the library in {LIBRARY_VARIABLE}"
    )]
    NoPip {
        /// Commands tried.
        tried: String,
    },
    /// Pip failed.
    #[error(
        "cannot fetch ONNX Runtime: `{command}` failed: {message}; check the network, proxy and index settings of pip, \
         or name the library in {LIBRARY_VARIABLE}"
    )]
    Pip {
        /// What was run.
        command: String,
        /// The end of what it said.
        message: String,
    },
    /// What was fetched is not what is pinned.
    #[error(
        "{file} has SHA-256 {found}, expected {expected}; the package index served another file: check the mirror, or \
         name a library you trust in {LIBRARY_VARIABLE}"
    )]
    Hash {
        /// The wheel's file name.
        file: String,
        /// What is pinned.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// The wheel could not be read.
    #[error("{file} cannot be unpacked: {message}")]
    Wheel {
        /// The wheel's file name.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// The cache could not be read or written.
    #[error("{path}: {action}: {message}; make room there, or set XDG_CACHE_HOME to a writable directory")]
    Cache {
        /// Which file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        message: String,
    },
}

impl Search {
    /// Looks where this process's environment says.
    pub fn from_environment(configured: Option<PathBuf>, offline: bool) -> Self {
        let environment = places::path_variable(LIBRARY_VARIABLE);
        Self { environment, configured, cache: places::user_cache(), offline }
    }

    /// The first library in the order environment, experiment, cache, package index.
    ///
    /// # Errors
    /// Where a named file is missing, or nothing is found and fetching fails or is forbidden.
    pub fn find(&self, flavour: Flavour) -> Result<Found, LibraryError> {
        let named = [(&self.environment, Origin::Environment), (&self.configured, Origin::Configured)];
        for (path, origin) in named {
            if let Some(path) = path {
                return existing(path, origin);
            }
        }
        let cache = self.cache.as_deref().ok_or(LibraryError::NoCache)?;
        let wheel = wheel::for_this_machine(flavour)?;
        if let Some(path) = fetch::cached(cache, wheel) {
            return Ok(Found { path, origin: Origin::Cache });
        }
        if self.offline {
            return Err(LibraryError::Offline { cache: cache.to_path_buf() });
        }
        let (path, fetched) = fetch::fetch(cache, wheel, &fetch::PIP_COMMANDS)?;
        Ok(Found { path, origin: if fetched { Origin::Fetched } else { Origin::Cache } })
    }
}

fn existing(path: &Path, origin: Origin) -> Result<Found, LibraryError> {
    if !path.is_file() {
        return Err(LibraryError::Missing { origin, path: path.to_path_buf() });
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    Ok(Found { path, origin })
}

#[cfg(test)]
mod tests;
