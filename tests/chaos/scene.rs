//! A run in a folder of its own, and its processes.

use super::{
    common::{Finished, Living, children, command, hatchery, processes, wait_until},
    journal::Journal,
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::{TempDir, tempdir};

/// Networks that are trained in a few milliseconds an epoch.
const TINY: [&str; 10] = [
    "runtime.threads=1",
    "search.population=12",
    "search.tournament=3",
    "final.epochs=2",
    "limits.parameters=20000",
    "limits.multiply_adds=100000",
    "limits.memory_mib=4096",
    "space.depth=1,3",
    "budget.time=none",
    // Nobody is stopped early: how long a training takes follows from its epochs.
    "training.majority_patience=1000",
];

/// How long a run may show nothing new: how long it takes in all depends on what else the machine does.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often is looked whether there is something new.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a process of a run is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Coordinator,
    /// By its name.
    Worker(String),
}

/// A folder with a run in `run`.
pub struct Scene {
    folder: TempDir,
}

impl Scene {
    pub fn new() -> Self {
        Self { folder: tempdir().unwrap() }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The run directory.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    pub fn journal(&self) -> Journal {
        Journal::open(&self.root()).unwrap()
    }

    /// How many evaluations of the search have ended.
    pub fn finished(&self) -> i64 {
        Journal::open(&self.root()).map_or(0, |journal| journal.finished())
    }

    /// The options of a tiny search of digits in this folder.
    pub fn options(&self, evaluations: i64, epochs: u32, more: &[&str]) -> Vec<String> {
        options(&self.root(), evaluations, epochs, more)
    }

    /// Starts a command of the program. What it writes is kept in `NAME.out` and `NAME.err`.
    pub fn start(&self, name: &str, command: &mut Command) -> Living {
        let file = |kind: &str| File::create(self.folder().join(format!("{name}.{kind}"))).unwrap();
        Living(command.stdout(file("out")).stderr(file("err")).spawn().unwrap())
    }

    /// Starts the program.
    pub fn run(&self, name: &str, arguments: &[String]) -> Living {
        self.start(name, &mut program(self.folder(), arguments))
    }

    /// What a command has written so far.
    pub fn written(&self, name: &str) -> String {
        let read = |kind: &str| fs::read(self.folder().join(format!("{name}.{kind}"))).unwrap_or_default();
        String::from_utf8_lossy(&[read("out"), read("err")].concat()).into_owned()
    }

    /// Waits for its end, for as long as the run gets on.
    pub fn end(&self, name: &str, mut living: Living) -> Finished {
        let (mut got_to, mut since, mut looked) = (self.finished(), Instant::now(), Instant::now());
        while living.is_alive() {
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                let finished = self.finished();
                if finished != got_to {
                    (got_to, since) = (finished, Instant::now());
                }
            }
            assert!(since.elapsed() < PATIENCE, "{name} does not end: {}", self.written(name));
            std::thread::sleep(Duration::from_millis(20));
        }
        let read = |kind: &str| fs::read(self.folder().join(format!("{name}.{kind}"))).unwrap();
        let text = |kind: &str| String::from_utf8_lossy(&read(kind)).into_owned();
        Finished { code: living.0.wait().unwrap().code(), stdout: text("out"), stderr: text("err") }
    }

    /// Stops the test unless the run is complete, can be replayed, and has left no process behind.
    pub fn assert_whole(&self, evaluations: i64) {
        self.journal().assert_whole(evaluations);
        self.assert_replays();
        wait_until("nobody is left", || self.processes().is_empty());
    }

    pub fn assert_replays(&self) {
        let report = hatchery(self.folder(), &["replay", "run", "--json"]).ok().json();
        assert_eq!(report["identical"], true, "{report}");
    }

    /// All processes that have to do with this folder.
    pub fn processes(&self) -> Vec<u32> {
        let name = self.folder().to_str().unwrap();
        let concerns = |pid: &u32| arguments_of(*pid).iter().any(|argument| argument.contains(name));
        processes().into_iter().filter(concerns).collect()
    }
}

/// The options of a tiny search of digits.
pub fn options(root: &Path, evaluations: i64, epochs: u32, more: &[&str]) -> Vec<String> {
    let mut options = vec!["digits".to_owned(), format!("--out={}", root.display()), "--offline".to_owned()];
    for set in TINY {
        options.extend(["--set".to_owned(), set.to_owned()]);
    }
    options.extend(["--set".to_owned(), format!("training.epochs={epochs}")]);
    options.push(format!("--evaluations={evaluations}"));
    options.extend(more.iter().map(|option| (*option).to_owned()));
    options
}

/// The program with these arguments.
pub fn program(folder: &Path, arguments: &[String]) -> Command {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    command(folder, &arguments)
}

/// A command of the program: its name, then its options.
pub fn call(name: &str, options: Vec<String>) -> Vec<String> {
    [vec![name.to_owned()], options].concat()
}

/// What a worker is told to join this address.
pub fn worker(address: &str, cookie: &Path, more: &[&str]) -> Vec<String> {
    let cookie = cookie.to_str().unwrap();
    let fixed =
        ["worker", "--join", address, "--cookie-file", cookie, "--devices=cpu", "--slots=1", "--threads=1"];
    [&fixed[..], more, &["--offline"]].concat().into_iter().map(str::to_owned).collect()
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The processes of a run, by what they are.
pub fn crew(supervisor: u32) -> Vec<(u32, Role)> {
    children(supervisor).into_iter().filter_map(|pid| Some((pid, role(pid)?))).collect()
}

/// The coordinator of a run, but not this one.
pub fn coordinator_of(run: u32, but_not: Option<u32>) -> Option<u32> {
    let is_another = |(pid, role): &(u32, Role)| *role == Role::Coordinator && Some(*pid) != but_not;
    crew(run).into_iter().find(is_another).map(|(pid, _)| pid)
}

fn role(pid: u32) -> Option<Role> {
    let arguments = arguments_of(pid);
    match arguments.get(1).map(String::as_str) {
        Some("coordinator") => Some(Role::Coordinator),
        Some("worker") => {
            let name = arguments.iter().find_map(|argument| argument.strip_prefix("--name="))?;
            Some(Role::Worker(name.to_owned()))
        }
        _ => None,
    }
}

/// How a process was called; nothing, where it is gone.
fn arguments_of(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).split_terminator('\0').map(str::to_owned).collect()
}
