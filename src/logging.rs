//! The log: what the libraries say goes to `log/` in the run directory, never to the terminal; only a worker, which has
//! none, writes it to standard error.
//!
//! The run directory is known only after the first messages, so they wait in memory until [`open`] is called.
//! `HATCHERY_LOG` takes a filter as `tracing-subscriber` understands it; `info` where nothing is said.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Environment variable with the filter.
const FILTER_VARIABLE: &str = "HATCHERY_LOG";
/// What is logged where nothing is said. The cluster's library formats whole messages below warnings.
const DEFAULT_FILTER: &str = "info,ractor_cluster=warn";
/// Bytes that wait for the file; what comes before it beyond that is dropped.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Bytes that one log file may grow to; then it is silent. A long run writes a few megabytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

static SINK: Mutex<Sink> = Mutex::new(Sink { waiting: Vec::new(), file: None, written_bytes: 0 });

struct Sink {
    waiting: Vec<u8>,
    file: Option<File>,
    written_bytes: u64,
}

/// Begins to log. A second call changes nothing.
pub fn start() {
    _ = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false).with_writer(ToSink).try_init();
}

/// Begins to log to standard error: a worker has no run directory, and whoever started it keeps what it writes.
pub fn start_on_stderr() {
    let stderr = io::stderr;
    _ = tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false).with_writer(stderr).try_init();
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER))
}

/// Sends the log to `log/hatchery.log` in the run directory, behind what is there.
///
/// # Errors
/// Where the file cannot be opened.
pub fn open(run_directory: &Path) -> io::Result<()> {
    let folder = run_directory.join("log");
    std::fs::create_dir_all(&folder)?;
    let mut file = File::options().create(true).append(true).open(folder.join("hatchery.log"))?;
    let mut sink = SINK.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = std::mem::take(&mut sink.waiting);
    file.write_all(&waiting)?;
    sink.written_bytes = file.metadata()?.len();
    sink.file = Some(file);
    Ok(())
}

struct ToSink;

impl<'a> MakeWriter<'a> for ToSink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for ToSink {
    /// Never fails: a full disk must not take a run down through its log.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sink = SINK.lock().unwrap_or_else(PoisonError::into_inner);
        if sink.file.is_none() {
            if sink.waiting.len() + bytes.len() <= WAITING_BYTES_MAX {
                sink.waiting.extend_from_slice(bytes);
            }
        } else if sink.written_bytes + bytes.len() as u64 <= FILE_BYTES_MAX {
            sink.written_bytes += bytes.len() as u64;
            if let Some(file) = &mut sink.file {
                _ = file.write_all(bytes);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
