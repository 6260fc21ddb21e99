//! The run directory: what lies where, how it is named, how files in it are written.
//!
//! ```text
//! journal.sqlite    everything that happened; any SQLite tool reads it
//! experiment.toml   the experiment as run
//! best.onnx         the best network, weights and normalisation inside
//! best.json         what is known of it
//! champions/        the front of accuracy against size, each as .onnx and .json
//! report.html       the report
//! log/              what the libraries said, and what the processes of the run wrote
//! cookie            what coordinator and workers of the run have in common that nobody else knows
//! http              where the run is to be seen in a browser
//! token             what whoever changes the run from there has to know
//! ```
//!
//! It must not know what is in the files.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Where runs go that are given no directory.
const RUNS: &str = "runs";
/// Largest number of a run with the same name.
const NUMBER_MAX: u32 = 1_000_000;

/// Paths within a run directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory {
    root: PathBuf,
}

/// The system's words with what helps.
fn describe(action: &str, path: &Path, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space, then use --resume",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; make it writable, or choose another directory with --out"
        }
        _ => "",
    };
    anyhow::anyhow!("cannot {action} {}: {error}{remedy}", path.display())
}

impl RunDirectory {
    /// A run directory at this path, whether it exists or not.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The next free `runs/NAME-N`.
    pub fn next(name: &str) -> Self {
        let number = latest_number(Path::new(RUNS), name).map_or(1, |number| number.saturating_add(1));
        Self::at(Path::new(RUNS).join(format!("{name}-{number}")))
    }

    /// The `runs/NAME-N` with the greatest N, if there is one.
    pub fn latest(name: &str) -> Option<Self> {
        let number = latest_number(Path::new(RUNS), name)?;
        Some(Self::at(Path::new(RUNS).join(format!("{name}-{number}"))))
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `experiment.toml`.
    pub fn experiment(&self) -> PathBuf {
        self.root.join("experiment.toml")
    }

    /// `best.onnx`.
    pub fn best_model(&self) -> PathBuf {
        self.root.join("best.onnx")
    }

    /// `best.json`.
    pub fn best_facts(&self) -> PathBuf {
        self.root.join("best.json")
    }

    /// `report.html`.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// `cookie`.
    pub fn cookie(&self) -> PathBuf {
        self.root.join("cookie")
    }

    /// `token`.
    pub fn token(&self) -> PathBuf {
        self.root.join("token")
    }

    /// `http`.
    pub fn http(&self) -> PathBuf {
        self.root.join("http")
    }

    /// `log/`.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// `champions/`.
    pub fn champions(&self) -> PathBuf {
        self.root.join("champions")
    }
}

fn latest_number(runs: &Path, name: &str) -> Option<u32> {
    let entries = std::fs::read_dir(runs).ok()?;
    let number = |entry: io::Result<std::fs::DirEntry>| {
        let file_name = entry.ok()?.file_name();
        let number = file_name.to_str()?.strip_prefix(name)?.strip_prefix('-')?;
        number.parse::<u32>().ok().filter(|number| *number < NUMBER_MAX)
    };
    entries.filter_map(number).max()
}

/// Writes a file so that, whatever happens, either the old or the new one is there, whole.
///
/// # Errors
/// With the file's name and the system's words.
pub fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    replace(path, bytes).map_err(|error| describe("write", path, &error))
}

/// [`write_whole`] in the system's words alone, where what helps is not what helps a run.
///
/// # Errors
/// What the system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    let written = File::create(&fresh)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&fresh, path));
    if written.is_err() {
        _ = std::fs::remove_file(&fresh);
    }
    written
}

/// Makes a directory and those above it.
///
/// # Errors
/// With its name and the system's words.
pub fn make(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).map_err(|error| describe("create", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_run_of_a_name_is_found_by_number() {
        let runs = tempfile::tempdir().unwrap();
        assert_eq!(latest_number(runs.path(), "digits"), None);
        for name in ["digits-1", "digits-9", "digits-10", "digits-x", "other-77", "digits"] {
            std::fs::create_dir(runs.path().join(name)).unwrap();
        }
        assert_eq!(latest_number(runs.path(), "digits"), Some(10));
        assert_eq!(latest_number(&runs.path().join("nowhere"), "digits"), None);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.json");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let message = write_whole(&folder.path().join("no/where"), b"x").unwrap_err().to_string();
        assert!(message.contains("no/where"), "{message}");
    }
}
