//! One process: started in a group of its own, listened to line by line, ended.

use super::{ending::Ending, log::ProcessLog, policy::ProcessId};
use crate::logging;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc::Sender,
    task::JoinHandle,
};

/// Longest line that is understood; the rest of a longer one is dropped.
const LINE_BYTES_MAX: usize = 1 << 20;
/// How long what a process has written is waited for once it has ended: a process that it started may hold the pipe.
const LAST_WORDS_PATIENCE: Duration = Duration::from_secs(1);
/// This program, whatever has become of its file since it was started: a program that is built anew while it runs must
/// not be mixed with its successor.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file.
    pub executable: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables beside those of this process.
    pub environment: Vec<(String, String)>,
}

impl Program {
    /// This program with other arguments.
    ///
    /// # Errors
    /// Where the system does not tell which file that is.
    pub fn own(arguments: Vec<OsString>) -> io::Result<Self> {
        let own = Path::new(OWN_PROGRAM);
        let executable = if own.exists() { own.to_owned() } else { std::env::current_exe()? };
        Ok(Self { executable, arguments, environment: logging::environment() })
    }
}

/// What is heard of a process.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A line on standard output.
    Said(String),
    /// A line on standard error.
    Wrote(String),
    /// It has ended; the last lines on standard error. Nothing follows.
    Ended(Ending, Vec<String>),
}

/// Who hears of it.
pub type Listener = Sender<(ProcessId, News)>;

/// A process's log, written by the tasks that listen to it.
#[derive(Clone, Debug)]
pub struct SharedLog {
    log: Arc<Mutex<ProcessLog>>,
    clock: Instant,
}

impl SharedLog {
    pub fn new(name: &str, clock: Instant) -> Self {
        Self { log: Arc::new(Mutex::new(ProcessLog::new(name))), clock }
    }

    pub fn lock(&self) -> MutexGuard<'_, ProcessLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: &str) {
        self.lock().write(self.clock.elapsed().as_secs_f64(), line);
    }

    pub fn remark(&self, line: &str) {
        self.lock().remark(self.clock.elapsed().as_secs_f64(), line);
    }
}

/// A process that runs, or has ended unheard.
#[derive(Debug)]
pub struct Running {
    pid: Pid,
    ended: Arc<AtomicBool>,
}

impl Running {
    /// Asks it to end.
    pub fn ask_to_end(&self) {
        if !self.has_ended() {
            _ = kill_process(self.pid, Signal::TERM);
        }
    }

    /// Ends it, and whatever it has started.
    pub fn kill(&self) {
        if !self.has_ended() {
            _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Its process number may belong to somebody else then.
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

/// Starts a process. The calling thread must live on for as long as it shall: the process may have asked the system to
/// end it with the thread that started it. All tasks run on that thread, too.
///
/// # Errors
/// Where the system does not start it.
pub fn start(
    process: ProcessId,
    program: &Program,
    log: SharedLog,
    listener: Listener,
) -> io::Result<Running> {
    let mut command = Command::new(&program.executable);
    command
        .args(&program.arguments)
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if program.executable == Path::new(OWN_PROGRAM) {
        command.arg0("hatchery");
    }
    let child = command.spawn()?;
    let number = child.id().and_then(|number| i32::try_from(number).ok()).and_then(Pid::from_raw);
    let pid = number.ok_or_else(|| io::Error::other("it ended at once"))?;
    log.remark(&format!("--- started, process {}", pid.as_raw_pid()));
    let ended = Arc::new(AtomicBool::new(false));
    tokio::spawn(follow(process, child, pid, log, listener, Arc::clone(&ended)));
    Ok(Running { pid, ended })
}

/// Listens to a process until it has ended.
async fn follow(
    process: ProcessId,
    mut child: Child,
    pid: Pid,
    log: SharedLog,
    listener: Listener,
    ended: Arc<AtomicBool>,
) {
    let said = child.stdout.take().map(|pipe| {
        let listener = listener.clone();
        tokio::spawn(listen(pipe, move |line| forward(listener.clone(), process, News::Said(line))))
    });
    let wrote = child.stderr.take().map(|pipe| {
        let (listener, log) = (listener.clone(), log.clone());
        let heard = move |line: String| {
            log.write(&line);
            forward(listener.clone(), process, News::Wrote(line))
        };
        tokio::spawn(listen(pipe, heard))
    });
    let status = child.wait().await;
    // Nothing runs between the process being gone and this: there is one thread.
    ended.store(true, Ordering::Release);
    // What it has started must not outlive it.
    _ = kill_process_group(pid, Signal::KILL);
    for reader in [said, wrote].into_iter().flatten() {
        finish(reader).await;
    }
    let ending = status.map_or_else(|error| Ending::NotStarted(error.to_string()), Ending::from);
    log.remark(&format!("--- it {ending}"));
    let last_words = log.lock().take_last_words();
    _ = listener.send((process, News::Ended(ending, last_words))).await;
}

async fn finish(mut reader: JoinHandle<()>) {
    if tokio::time::timeout(LAST_WORDS_PATIENCE, &mut reader).await.is_err() {
        reader.abort();
    }
}

async fn forward(listener: Listener, process: ProcessId, news: News) {
    _ = listener.send((process, news)).await;
}

/// Hands on every line of a pipe until it is closed.
async fn listen<F: Future<Output = ()>>(pipe: impl AsyncRead + Unpin, mut heard: impl FnMut(String) -> F) {
    let mut reader = BufReader::new(pipe);
    while let Ok(Some(line)) = next_line(&mut reader).await {
        heard(line).await;
    }
}

/// The next line without its end, cut where it is too long.
async fn next_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut some = false;
    loop {
        let bytes = reader.fill_buf().await?;
        if bytes.is_empty() {
            return Ok(some.then(|| String::from_utf8_lossy(&line).into_owned()));
        }
        some = true;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        line.extend_from_slice(&part[..part.len().min(LINE_BYTES_MAX - line.len())]);
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn lines_are_taken_apart_and_cut() {
        let text = format!("one\r\n\ntwo\n{}\nlast", "x".repeat(LINE_BYTES_MAX + 5));
        let mut reader = BufReader::new(text.as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut reader).await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines[..3], ["one", "", "two"]);
        assert_eq!((lines[3].len(), lines[4].as_str(), lines.len()), (LINE_BYTES_MAX, "last", 5));
    }
}
