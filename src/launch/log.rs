//! What a process says, kept in a file that does not grow without bound, and its last words in memory.
//!
//! Until the folder is known, lines wait in memory. What cannot be written is dropped: no run ends for its log.

use std::{
    collections::VecDeque,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

/// Length at which a file is put aside.
const FILE_BYTES_MAX: u64 = 10 << 20;
/// Files that are kept beside the one that is written: `NAME.log.1`, the later one, and `NAME.log.2`.
const KEPT_FILES: u32 = 2;
/// Bytes that wait for the folder.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Lines that are last words.
const LAST_WORDS_LINES: usize = 20;
/// Characters of each of them.
const LAST_WORDS_LINE_CHARS: usize = 300;

/// The log of one process, over all its restarts.
#[derive(Debug)]
pub struct ProcessLog {
    name: String,
    path: Option<PathBuf>,
    file: Option<File>,
    bytes: u64,
    bytes_max: u64,
    waiting: Vec<u8>,
    last_words: VecDeque<String>,
}

impl ProcessLog {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: None,
            file: None,
            bytes: 0,
            bytes_max: FILE_BYTES_MAX,
            waiting: Vec::new(),
            last_words: VecDeque::new(),
        }
    }

    /// From now on, writes to `NAME.log` in this folder, which is made where it is missing.
    pub fn open(&mut self, folder: &Path) {
        if self.path.is_some() {
            return;
        }
        _ = std::fs::create_dir_all(folder);
        self.path = Some(folder.join(format!("{}.log", self.name)));
        self.reopen();
        let waiting = std::mem::take(&mut self.waiting);
        self.append(&waiting);
    }

    /// Where it is written.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// A line that the process wrote to standard error.
    pub fn write(&mut self, seconds: f64, line: &str) {
        if self.last_words.len() == LAST_WORDS_LINES {
            self.last_words.pop_front();
        }
        self.last_words.push_back(line.chars().take(LAST_WORDS_LINE_CHARS).collect());
        self.remark(seconds, line);
    }

    /// A line on the process, which is none of its words.
    pub fn remark(&mut self, seconds: f64, line: &str) {
        self.append(format!("[{seconds:10.3}] {line}\n").as_bytes());
    }

    /// The last lines that it wrote; forgets them.
    pub fn take_last_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.last_words).into()
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.path.is_none() {
            if self.waiting.len() + bytes.len() <= WAITING_BYTES_MAX {
                self.waiting.extend_from_slice(bytes);
            }
            return;
        }
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
        let Some(path) = &self.path else { return };
        let numbered = |number: u32| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..KEPT_FILES).rev() {
            _ = std::fs::rename(numbered(number), numbered(number + 1));
        }
        _ = std::fs::rename(path, numbered(1));
        self.reopen();
    }

    fn reopen(&mut self) {
        let open = |path: &PathBuf| File::options().create(true).append(true).open(path).ok();
        self.file = self.path.as_ref().and_then(open);
        self.bytes = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |found| found.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_for_the_folder_and_last_words_are_few() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = ProcessLog::new("worker-0");
        for number in 0..30 {
            log.write(0.5, &format!("line {number}"));
        }
        log.open(&folder.path().join("log"));
        log.write(1.0, &"x".repeat(1000));
        let text = std::fs::read_to_string(folder.path().join("log/worker-0.log")).unwrap();
        assert!(text.starts_with("[     0.500] line 0\n") && text.lines().count() == 31, "{text}");
        let last_words = log.take_last_words();
        assert_eq!((last_words.len(), last_words[0].as_str()), (LAST_WORDS_LINES, "line 11"));
        assert_eq!(last_words[19].len(), LAST_WORDS_LINE_CHARS);
        assert!(log.take_last_words().is_empty(), "those of the next one begin anew");
    }

    #[test]
    fn a_long_log_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = ProcessLog { bytes_max: 100, ..ProcessLog::new("w") };
        log.open(folder.path());
        for number in 0..40 {
            log.remark(0.0, &format!("number {number:04}"));
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
