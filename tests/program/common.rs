//! Running the program as a user does: a real process, its exit code, what it prints.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Longest that a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process left.
#[derive(Debug)]
pub struct Finished {
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Stops the test unless the process ended well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Stops the test unless the process ended with this code, a one-line message that has all of `words`, and no
    /// panic.
    pub fn refused(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        let line = self.stderr.lines().rfind(|line| line.starts_with("error: "));
        let line = line.unwrap_or_else(|| panic!("no message: {self:?}"));
        for word in words {
            assert!(line.contains(word), "{word:?} is not in {line:?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }

    /// The last line of standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        let line = self.stdout.lines().last().unwrap_or_else(|| panic!("no output: {self:?}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

/// The program with these arguments, in a working directory.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hatchery"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn hatchery(folder: &Path, arguments: &[&str]) -> Finished {
    finish(&mut command(folder, arguments))
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Finished {
    let output = command.output().unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A process that is killed when the test is done with it.
pub struct Living(pub Child);

impl Living {
    /// Starts the program.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = command(folder, arguments);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.kill();
    }
}

/// All processes.
pub fn processes() -> Vec<u32> {
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    fs::read_dir("/proc").unwrap().filter_map(|entry| number(entry.ok()?)).collect()
}

/// Process numbers of the children of a process.
pub fn children(parent: u32) -> Vec<u32> {
    let parent_of = |stat: &str| stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok();
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| parent_of(&stat) == Some(parent))
    };
    processes().into_iter().filter(is_child).collect()
}

/// Sends a signal; says whether there was somebody to send it to.
pub fn signal(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).is_ok()
}

/// Whether it has ended.
pub fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.contains(") Z "))
}

/// Waits until something is so.
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Real data, where there is any.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("HATCHERY_DATA") else {
        eprintln!("skipped: {name} is wanted in the folder that HATCHERY_DATA names, which is unset");
        return None;
    };
    let found = PathBuf::from(folder).join(name);
    if !found.exists() {
        eprintln!("skipped: {} does not exist; HATCHERY_DATA names its folder", found.display());
        return None;
    }
    Some(found)
}
