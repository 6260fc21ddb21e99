//! A file that is written at its end and does not grow without bound: a long one is put aside, the oldest goes.
//!
//! What cannot be written is dropped: no run ends for its log.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Length at which a file is put aside.
const FILE_BYTES_MAX: u64 = 10 << 20;
/// Files that are kept beside the one that is written: `NAME.log.1`, the later one, and `NAME.log.2`.
const KEPT_FILES: u32 = 2;

/// The file. One process writes it.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    bytes_max: u64,
}

impl RotatingFile {
    /// Opens the file behind what is there; makes its folder where it is missing.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        Self::open_with(path, FILE_BYTES_MAX)
    }

    fn open_with(path: PathBuf, bytes_max: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = Self { path, file: None, bytes: 0, bytes_max };
        file.reopen()?;
        Ok(file)
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes at its end.
    pub fn append(&mut self, bytes: &[u8]) {
        if self.bytes + bytes.len() as u64 > self.bytes_max && self.bytes > 0 {
            self.put_aside();
        }
        if let Some(file) = &mut self.file
            && file.write_all(bytes).is_ok()
        {
            self.bytes += bytes.len() as u64;
        }
    }

    fn put_aside(&mut self) {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..KEPT_FILES).rev() {
            _ = std::fs::rename(numbered(number), numbered(number + 1));
        }
        _ = std::fs::rename(&self.path, numbered(1));
        _ = self.reopen();
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        let file = File::options().create(true).append(true).open(&self.path)?;
        self.bytes = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = RotatingFile::open_with(folder.path().join("w.log"), 100).unwrap();
        for number in 0..20 {
            file.append(format!("number {number:04}\n").as_bytes());
        }
        // Another life goes on behind what is there.
        let mut file = RotatingFile::open_with(folder.path().join("w.log"), 100).unwrap();
        for number in 20..40 {
            file.append(format!("number {number:04}\n").as_bytes());
        }
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["w.log", "w.log.1", "w.log.2"]);
        let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text("w.log").contains("number 0039") && !text("w.log.2").contains("number 0000"));
        assert!(names.iter().all(|name| text(name.to_str().unwrap()).len() <= 100));
    }
}
