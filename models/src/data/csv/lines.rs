//! Text into lines and lines into fields: exact line numbers, bounded memory, quotes as in RFC 4180.
//!
//! Lines are read here and split by `csv_core`, the parser inside the csv crate. The reader of that crate
//! itself would number lines wrongly behind blank ones and would buffer a whole file behind a forgotten quote:
//! here a quoted field ends on its own line, which costs tables of numbers nothing. It must not know what the
//! fields mean.

use crate::data::{
    DataError,
    files::malformed,
    limits::{LINE_BYTES_MAX, TEXT_BYTES_MAX},
};
use csv_core::{ReadFieldResult, Reader, ReaderBuilder, Terminator};
use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How UTF-16 begins, of either byte order.
const UTF_16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The fields of one line, trimmed.
#[derive(Default)]
pub(super) struct Record {
    text: Vec<u8>,
    /// Where each field ends in `text`.
    ends: Vec<usize>,
    /// One-based line.
    pub(super) line: u64,
}

impl Record {
    /// Number of fields.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// One field, empty where there is none.
    pub(super) fn field(&self, position: usize) -> &[u8] {
        let start = position.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let end = self.ends.get(position).copied();
        start.zip(end).map_or(&[], |(start, end)| self.text[start..end].trim_ascii())
    }

    /// All fields in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|position| self.field(position))
    }

    /// Splits a line that ends in a line break; `None` where a quote is left open.
    fn fill(&mut self, mut line: &[u8], parser: &mut Reader) -> Option<()> {
        self.ends.clear();
        self.text.resize(line.len(), 0);
        let mut end = 0;
        loop {
            // For the parser a quote counts at the very beginning of a field only; here blanks may come before.
            let blanks = line.iter().take_while(|&&byte| byte == b' ').count();
            let (result, read, written) = parser.read_field(&line[blanks..], &mut self.text[end..]);
            end += written;
            self.ends.push(end);
            line = &line[blanks + read..];
            match result {
                ReadFieldResult::Field { record_end: true } => return Some(()),
                ReadFieldResult::Field { record_end: false } => {}
                // Inside quotes the line break is text, and the parser waits for more.
                _ => return None,
            }
        }
    }
}

/// Reads records one by one.
pub(super) struct Rows {
    path: PathBuf,
    reader: BufReader<Box<dyn Read>>,
    /// Known from the first line on, which tells the separator.
    parser: Option<Reader>,
    line: Vec<u8>,
    line_number: u64,
    text_bytes: u64,
}

impl Rows {
    pub(super) fn new(path: &Path, reader: Box<dyn Read>) -> Self {
        let reader = BufReader::new(reader);
        Self { path: path.into(), reader, parser: None, line: Vec::new(), line_number: 0, text_bytes: 0 }
    }

    /// Reads the next line that is not blank into `record`; false at the end.
    pub(super) fn next_into(&mut self, record: &mut Record) -> Result<bool, DataError> {
        while self.next_line()? {
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let line = &self.line;
            let parser = self.parser.get_or_insert_with(|| parser(separator(line)));
            record.line = self.line_number;
            let problem = "a quote is opened and not closed on the same line";
            return match record.fill(line, parser) {
                Some(()) => Ok(true),
                None => Err(self.wrong(problem, "close it, or write it twice inside a quoted field")),
            };
        }
        Ok(false)
    }

    /// Reads one line; false at the end.
    fn next_line(&mut self) -> Result<bool, DataError> {
        self.line.clear();
        self.line_number += 1;
        let mut limited = Read::by_ref(&mut self.reader).take(LINE_BYTES_MAX + 1);
        let outcome = limited.read_until(b'\n', &mut self.line);
        let bytes = outcome.map_err(|error| self.unreadable(&error))? as u64;
        self.text_bytes += bytes;
        self.check_encoding()?;
        let remedy = "check that this is a table as text";
        if bytes > LINE_BYTES_MAX {
            let problem = format!("a line of over {LINE_BYTES_MAX} bytes (LINE_BYTES_MAX)");
            return Err(self.wrong(&problem, remedy));
        }
        if self.text_bytes > TEXT_BYTES_MAX {
            let problem = format!("text of over {TEXT_BYTES_MAX} bytes (TEXT_BYTES_MAX)");
            return Err(self.wrong(&problem, "use fewer rows"));
        }
        if self.line_number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        // The last line need not end, but the parser tells open quotes by line breaks.
        if !self.line.ends_with(b"\n") {
            self.line.push(b'\n');
        }
        Ok(bytes > 0)
    }

    /// Text in another encoding, or with other line breaks, tells so by its beginning.
    fn check_encoding(&self) -> Result<(), DataError> {
        if self.line_number > 1 {
            return Ok(());
        }
        if UTF_16_MARKS.iter().any(|mark| self.line.starts_with(mark)) {
            return Err(self.wrong("the text is UTF-16", "save the file as UTF-8"));
        }
        if !self.line.ends_with(b"\n") && self.line.trim_ascii().contains(&b'\r') {
            let problem = "lines end in a carriage return alone, as on old Macs";
            return Err(self.wrong(problem, "save the file with line feeds (Unix or Windows line ends)"));
        }
        Ok(())
    }

    fn wrong(&self, problem: &str, remedy: &str) -> DataError {
        malformed(&self.path, &format!("line {}", self.line_number), problem, remedy)
    }

    fn unreadable(&self, error: &io::Error) -> DataError {
        let problem = match error.kind() {
            ErrorKind::UnexpectedEof => "the compressed data end early".to_owned(),
            ErrorKind::InvalidData | ErrorKind::InvalidInput => error.to_string(),
            _ => return self.wrong(&error.to_string(), "check that the file can be read"),
        };
        DataError::Gzip { path: self.path.clone(), problem: format!("line {}: {problem}", self.line_number) }
    }
}

/// The first of the separators that the first line has.
fn separator(line: &[u8]) -> u8 {
    SEPARATORS.into_iter().find(|separator| line.contains(separator)).unwrap_or(b',')
}

/// A carriage return before the line break is trimmed with the last field's blanks.
fn parser(separator: u8) -> Reader {
    ReaderBuilder::new().delimiter(separator).terminator(Terminator::Any(b'\n')).build()
}
