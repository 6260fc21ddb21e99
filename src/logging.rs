//! The log: what the program and its libraries say goes to `log/` in the run directory, never to the terminal; only a
//! worker, which has none, writes it to standard error, where its supervisor takes it up.
//!
//! The run directory is known only after the first messages, so they wait in memory until [`open`] is called.
//! `HATCHERY_LOG` takes a filter as `tracing-subscriber` understands it; `info` where nothing is said. docs/LOGS.md says
//! what is written where.

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    rotating::RotatingFile,
};
use anyhow::Context;
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, Write},
    path::Path,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tracing_subscriber::{
    EnvFilter,
    filter::LevelFilter,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
};

/// Environment variable with the filter.
const FILTER_VARIABLE: &str = "HATCHERY_LOG";
/// Environment variable with the format, for the processes that this one starts, too.
const FORMAT_VARIABLE: &str = "HATCHERY_LOG_FORMAT";
/// What is logged where nothing is said.
const DEFAULT_FILTER: &str = "info";
/// The cluster's library, where nothing is said of it: below warnings it writes whole messages out, and its warnings are
/// of connections that end, of which the program speaks itself.
const CLUSTER_LIBRARY: &str = "ractor_cluster";
/// Field of a JSON line with what a process fails with.
const EXIT_CODE: &str = "exit_code";
/// How the last line of a process that fails begins.
pub const FAILURE: &str = "error: ";
/// Bytes that wait for the file; what comes before it beyond that is dropped.
const WAITING_BYTES_MAX: usize = 1 << 20;

static SINK: Mutex<Sink> = Mutex::new(Sink { waiting: Vec::new(), file: None });
static FORMAT: OnceLock<Format> = OnceLock::new();
/// Whether the log goes to standard error.
static IS_ON_STDERR: AtomicBool = AtomicBool::new(false);

struct Sink {
    waiting: Vec<u8>,
    file: Option<RotatingFile>,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Settles the format (what is asked for, else what the environment says, else text), and checks the filter.
///
/// # Errors
/// Where the environment says something else.
pub fn choose(asked: Option<Format>) -> Result<(), Failure> {
    if let Ok(wish) = std::env::var(FILTER_VARIABLE) {
        filter(&wish).or_exit(Exit::Experiment)?;
    }
    let format = match (asked, std::env::var(FORMAT_VARIABLE)) {
        (Some(format), _) => format,
        (None, Ok(word)) => <Format as clap::ValueEnum>::from_str(&word, true)
            .map_err(|_| anyhow::anyhow!("{FORMAT_VARIABLE} is {word:?}: text or json is wanted"))
            .or_exit(Exit::Experiment)?,
        (None, Err(_)) => Format::default(),
    };
    FORMAT.get_or_init(|| format);
    Ok(())
}

/// Whether lines are JSON.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&Format::Json)
}

/// What a process that is started has to find in its environment.
pub fn environment() -> Vec<(String, String)> {
    if is_json() { vec![(FORMAT_VARIABLE.to_owned(), "json".to_owned())] } else { Vec::new() }
}

/// Begins to log. A second call changes nothing.
pub fn start() {
    begin(ToSink);
}

/// Begins to log to standard error: a worker has no run directory, and whoever started it keeps what it writes.
pub fn start_on_stderr() {
    IS_ON_STDERR.store(true, Ordering::Relaxed);
    begin(io::stderr);
}

/// Words for standard error as a line of the log that goes there, where that is JSON; else `None`: they are for people.
/// What the process fails with has its exit code.
pub fn as_line_on_stderr(words: &impl Display, fails_with: Option<Exit>) -> Option<Value> {
    let is_wanted = is_json() && IS_ON_STDERR.load(Ordering::Relaxed);
    is_wanted.then(|| own_line(&words.to_string(), fails_with))
}

fn own_line(words: &str, fails_with: Option<Exit>) -> Value {
    let level = if fails_with.is_some() { "ERROR" } else { "INFO" };
    let mut line =
        json!({"timestamp": now(), "level": level, "message": words, "target": env!("CARGO_PKG_NAME")});
    if let Some(exit) = fails_with {
        line[EXIT_CODE] = json!(exit as u8);
    }
    line
}

fn now() -> String {
    let mut timestamp = String::new();
    // A clock that cannot be written leaves the field empty.
    _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    timestamp
}

fn begin(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let wish = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    // Checked when the format was settled.
    let filter = filter(&wish).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer);
    _ = match is_json() {
        true => builder.json().flatten_event(true).with_span_list(false).try_init(),
        false => builder.try_init(),
    };
}

/// A filter as the user wishes it. A word that is no level would be taken for a module that says nothing.
fn filter(wish: &str) -> anyhow::Result<EnvFilter> {
    let mut directives: Vec<&str> = wish.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    for directive in &directives {
        let is_word = directive.chars().all(char::is_alphanumeric);
        anyhow::ensure!(
            !is_word || directive.parse::<LevelFilter>().is_ok(),
            "{FILTER_VARIABLE}: {directive:?} is no level (off, error, warn, info, debug, trace); of one module's lines, \
             write MODULE=LEVEL"
        );
    }
    let of_library = format!("{CLUSTER_LIBRARY}=error");
    if !wish.contains(CLUSTER_LIBRARY) {
        directives.push(&of_library);
    }
    EnvFilter::try_new(directives.join(",")).with_context(|| {
        format!("{FILTER_VARIABLE} is {wish:?}: LEVEL, or MODULE=LEVEL, with commas between")
    })
}

/// A line that is no JSON, as a line of a JSON log: words of a process.
pub fn as_json(process: &str, line: &str) -> Value {
    json!({"timestamp": now(), "level": "INFO", "message": line, "process": process})
}

/// What a line of a JSON log says, if it is one: its level and its message.
pub fn message(line: &str) -> Option<(String, String)> {
    if !line.starts_with('{') {
        return None;
    }
    let value: Value = serde_json::from_str(line).ok()?;
    Some((value["level"].as_str()?.to_owned(), value["message"].as_str()?.to_owned()))
}

/// A line that a process wrote in words: of a JSON log its message, and before what the process fails with [`FAILURE`], as
/// in text.
pub fn in_words(line: &str) -> Cow<'_, str> {
    let object = || serde_json::from_str::<Value>(line).ok().filter(Value::is_object);
    let Some(value) = line.starts_with('{').then(object).flatten() else { return Cow::Borrowed(line) };
    match value["message"].as_str() {
        Some(words) if value.get(EXIT_CODE).is_some() => Cow::Owned(format!("{FAILURE}{words}")),
        Some(words) => Cow::Owned(words.to_owned()),
        None => Cow::Borrowed(line),
    }
}

/// Sends the log to `log/NAME.log` in the run directory, behind what is there. Each process has a name of its own.
///
/// # Errors
/// Where the file cannot be opened.
pub fn open(run_directory: &Path, name: &str) -> io::Result<()> {
    let mut file = RotatingFile::open(run_directory.join("log").join(format!("{name}.log")))?;
    let mut sink = SINK.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = std::mem::take(&mut sink.waiting);
    file.append(&waiting);
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
        let Sink { waiting, file } = &mut *sink;
        match file {
            Some(file) => file.append(bytes),
            None if waiting.len() + bytes.len() <= WAITING_BYTES_MAX => waiting.extend_from_slice(bytes),
            None => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_would_say_nothing_is_refused() {
        for good in ["debug", "info,ractor=warn", "hatchery_actors=trace", "warn, hatchery::launch=debug", ""]
        {
            filter(good).unwrap();
        }
        for wrong in ["debg", "info,hatchery", "bogus==,,"] {
            assert!(filter(wrong).unwrap_err().to_string().contains(FILTER_VARIABLE), "{wrong}");
        }
        let quiet = |wish: &str| filter(wish).unwrap().to_string().contains("ractor_cluster=error");
        assert!(quiet("debug") && !quiet("debug,ractor_cluster=trace"));
    }

    #[test]
    fn lines_of_a_json_log_are_known() {
        let line = as_json("worker-0", "wörds \"quoted\"\n").to_string();
        assert_eq!(message(&line), Some(("INFO".to_owned(), "wörds \"quoted\"\n".to_owned())));
        assert_eq!(message("{\"level\":1}"), None);
        assert_eq!(message("plain"), None);
        let failure = own_line("no way\nthere", Some(Exit::Refused)).to_string();
        assert_eq!(message(&failure), Some(("ERROR".to_owned(), "no way\nthere".to_owned())));
        assert_eq!(in_words(&failure), "error: no way\nthere");
        assert_eq!((in_words(&line), in_words("{ plain")), ("wörds \"quoted\"\n".into(), "{ plain".into()));
        assert_eq!(as_line_on_stderr(&"words", None), None, "this log is for people");
    }
}
