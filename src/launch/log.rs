//! What a process says, kept in a file that does not grow without bound, and its last words in memory.
//!
//! Until the folder is known, lines wait in memory. What cannot be written is dropped: no run ends for its log.

use crate::{logging, rotating::RotatingFile};
use std::{collections::VecDeque, path::Path};

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
    is_json: bool,
    file: Option<RotatingFile>,
    waiting: Vec<u8>,
    last_words: VecDeque<String>,
}

impl ProcessLog {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_json: logging::is_json(),
            file: None,
            waiting: Vec::new(),
            last_words: VecDeque::new(),
        }
    }

    /// From now on, writes to `NAME.log` in this folder, which is made where it is missing.
    pub fn open(&mut self, folder: &Path) {
        if self.file.is_some() {
            return;
        }
        self.file = RotatingFile::open(folder.join(format!("{}.log", self.name))).ok();
        if self.file.is_some() {
            let waiting = std::mem::take(&mut self.waiting);
            self.append(&waiting);
        }
    }

    /// Where it is written.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(RotatingFile::path)
    }

    /// A line that the process wrote to standard error.
    pub fn write(&mut self, seconds: f64, line: &str) {
        if self.last_words.len() == LAST_WORDS_LINES {
            self.last_words.pop_front();
        }
        self.last_words.push_back(logging::in_words(line).chars().take(LAST_WORDS_LINE_CHARS).collect());
        self.remark(seconds, line);
    }

    /// A line on the process, which is none of its words. As JSON, what is an object already stays as it is.
    pub fn remark(&mut self, seconds: f64, line: &str) {
        let line = match self.is_json {
            true if logging::message(line).is_some() => format!("{line}\n"),
            true => format!("{}\n", logging::as_json(&self.name, line)),
            false => format!("[{seconds:10.3}] {line}\n"),
        };
        self.append(line.as_bytes());
    }

    /// The last lines that it wrote; forgets them.
    pub fn take_last_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.last_words).into()
    }

    fn append(&mut self, bytes: &[u8]) {
        match &mut self.file {
            Some(file) => file.append(bytes),
            None if self.waiting.len() + bytes.len() <= WAITING_BYTES_MAX => {
                self.waiting.extend_from_slice(bytes)
            }
            None => {}
        }
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
    fn as_json_every_line_is_an_object() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = ProcessLog { is_json: true, ..ProcessLog::new("worker-0") };
        log.open(folder.path());
        log.remark(0.0, "--- started");
        log.write(0.5, r#"{"level":"WARN","message":"odd","evaluation":7}"#);
        log.write(0.6, "native \u{1b}[31mwords {");
        log.write(0.7, &format!(r#"{{"level":"ERROR","exit_code":7,"message":"{}"}}"#, "x".repeat(400)));
        let text = std::fs::read_to_string(folder.path().join("worker-0.log")).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["message"], &lines[0]["process"]), (&"--- started".into(), &"worker-0".into()));
        assert!(lines[0]["timestamp"].as_str().unwrap().contains('T'));
        assert_eq!(lines[1]["evaluation"], 7);
        assert_eq!(lines[2]["message"], "native \u{1b}[31mwords {");
        assert!(!text.contains('\u{1b}'));
        let last_words = log.take_last_words();
        assert_eq!(last_words[0], "odd", "last words are words");
        assert!(last_words[2].starts_with("error: xxx") && last_words[2].len() == LAST_WORDS_LINE_CHARS);
    }
}
