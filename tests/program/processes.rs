//! The processes of a run: whatever is killed comes back, or nobody is left; and what their commands refuse.

use super::common::{Living, children, command, hatchery, is_gone, signal, wait_until};
use rustix::process::Signal;
use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};
use tempfile::{TempDir, tempdir};

/// Exit codes, as the README lists them.
const EXPERIMENT: i32 = 2;
const NO_NETWORK: i32 = 6;
const INTERRUPTED: i32 = 130;

/// A folder with a table that nobody ever writes: whoever reads it waits.
fn endless() -> TempDir {
    let folder = tempdir().unwrap();
    let made = Command::new("mkfifo").arg(folder.path().join("table.csv")).status().unwrap();
    assert!(made.success());
    folder
}

/// A run whose coordinator waits for its data.
fn waiting(folder: &Path) -> Living {
    Living::start(
        folder,
        &["run", "magic", "--set", "data.source=csv:table.csv", "--out", "run", "--offline"],
    )
}

/// The one child, once it does what it was started for: before, it is not bound to its parent yet.
fn coordinator_of(run: &Living, but_not: Option<u32>) -> u32 {
    let mut found = None;
    wait_until("a coordinator", || {
        let all = children(run.pid());
        found = all.into_iter().find(|pid| Some(*pid) != but_not && waits_for_the_table(*pid));
        found.is_some()
    });
    found.unwrap()
}

/// It waits for a writer of the table: it sleeps, under its own name.
fn waits_for_the_table(pid: u32) -> bool {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    read("comm").trim() == "hatchery" && read("stat").contains(") S ")
}

#[test]
#[cfg(target_os = "linux")]
fn nobody_is_left_when_a_run_is_killed() {
    let folder = endless();
    let mut run = waiting(folder.path());
    let coordinator = coordinator_of(&run, None);
    run.kill();
    wait_until("the coordinator goes with its supervisor", || is_gone(coordinator));
}

#[test]
#[cfg(target_os = "linux")]
fn a_coordinator_that_is_killed_is_started_again() {
    let folder = endless();
    let run = waiting(folder.path());
    let first = coordinator_of(&run, None);
    assert!(signal(first, Signal::KILL));
    let second = coordinator_of(&run, Some(first));
    assert_ne!(first, second);
    assert!(is_gone(first));
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_stopped_before_it_has_begun_leaves_nothing() {
    let folder = endless();
    let mut run = waiting(folder.path());
    let coordinator = coordinator_of(&run, None);
    assert!(signal(run.pid(), Signal::TERM));
    assert_eq!(run.0.wait().unwrap().code(), Some(INTERRUPTED));
    assert!(is_gone(coordinator) && !folder.path().join("run").exists());
}

#[test]
fn a_run_that_is_stopped_before_its_first_network_has_none_to_hand_over() {
    let folder = tempdir().unwrap();
    let options = ["coordinator", "digits", "--listen", "127.0.0.1:0", "--http", "off", "--out", "run"];
    let told = fs::File::create(folder.path().join("told")).unwrap();
    let mut command = command(folder.path(), &options);
    let mut run = Living(command.stdout(Stdio::null()).stderr(told).spawn().unwrap());
    let told = || fs::read_to_string(folder.path().join("told")).unwrap();
    wait_until("it waits for workers", || told().contains("hatchery worker"));
    assert!(signal(run.pid(), Signal::TERM));
    assert_eq!(run.0.wait().unwrap().code(), Some(NO_NETWORK), "{}", told());
    assert!(told().contains("hatchery run --resume --out run"), "{}", told());
}

#[test]
fn a_coordinator_or_worker_in_the_open_is_refused() {
    let folder = tempdir().unwrap();
    hatchery(folder.path(), &["coordinator", "digits", "--listen", "0.0.0.0:7117", "--out", "run"])
        .refused(EXPERIMENT, &["--listen 0.0.0.0:7117", "hatchery cert", "--plain"]);
    hatchery(folder.path(), &["worker", "--join", "192.0.2.1:7117", "--cookie-file", "cookie"])
        .refused(EXPERIMENT, &["--join 192.0.2.1:7117", "hatchery cert", "--plain"]);
    assert!(!folder.path().join("run").exists(), "a refused run leaves no directory");
}

#[test]
fn what_a_coordinator_cannot_use_is_named() {
    let folder = tempdir().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| {
        let arguments = [&["coordinator", "digits", "--out", "run"], arguments].concat();
        hatchery(folder.path(), &arguments).refused(EXPERIMENT, words);
        assert!(!folder.path().join("run").exists(), "a refused run leaves no directory");
    };
    refused(&["--listen", "7117"], &["--listen 7117", "127.0.0.1:7117"]);
    refused(&["--set", "serch.lag=3"], &["`search.lag`"]);
    let tls = ["--tls-ca", "ca.pem", "--tls-certificate", "a.pem", "--tls-key", "a.key"];
    refused(&tls, &["--tls-ca ca.pem", "hatchery cert"]);
    let half = hatchery(folder.path(), &["coordinator", "digits", "--tls-ca", "ca.pem"]);
    assert_eq!(half.code, Some(EXPERIMENT), "{half:?}");
    assert!(half.stderr.contains("--tls-certificate"), "{half:?}");
}

#[test]
fn a_port_that_another_process_has_is_named_before_anything_is_made() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let arguments = ["coordinator", "digits", "--out", "run", "--listen", &address];
    hatchery(folder.path(), &arguments)
        .refused(EXPERIMENT, &[&format!("cannot listen on {address}"), "`--listen`"]);
    assert!(!folder.path().join("run").exists());
}

#[test]
fn what_a_worker_cannot_use_is_named() {
    let folder = tempdir().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| {
        hatchery(folder.path(), &[&["worker"], arguments].concat()).refused(EXPERIMENT, words);
    };
    let cookie = ["--cookie-file", "cookie"];
    let impatient = ["--join", "127.0.0.1:7117", "--patience=0s"];
    refused(&[&impatient, &cookie[..]].concat(), &["--cookie-file cookie"]);
    refused(&[&["--join", "node1"], &cookie[..]].concat(), &["--join node1", "HOST:PORT"]);
    let devices = ["--join", "127.0.0.1:7117", "--devices", "cpu,gpu"];
    refused(&[&devices, &cookie[..]].concat(), &["--devices", "gpu"]);
    for bad in
        [&["--join", "127.0.0.1:1", "--slots", "0"][..], &["--join", "127.0.0.1:1", "--grace", "soon"], &[]]
    {
        let usage = hatchery(folder.path(), &[&["worker"], bad, &cookie[..]].concat());
        assert_eq!(usage.code, Some(EXPERIMENT), "{usage:?}");
    }
}

#[test]
fn what_a_worker_fails_with_is_json_where_its_log_is() {
    let folder = tempdir().unwrap();
    let worker = ["worker", "--join", "127.0.0.1:7117", "--patience=0s", "--cookie-file", "cookie"];
    let failed = hatchery(folder.path(), &[&worker[..], &["--log-format", "json"]].concat());
    assert_eq!(failed.code, Some(EXPERIMENT), "{failed:?}");
    let mut lines =
        failed.stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let last = lines.next_back().unwrap();
    assert!(lines.all(|line| line.is_object()), "{failed:?}");
    assert_eq!(
        (last["level"].as_str(), last["exit_code"].as_i64()),
        (Some("ERROR"), Some(EXPERIMENT.into()))
    );
    assert!(last["message"].as_str().unwrap().contains("--cookie-file cookie"), "{last}");
}

#[test]
fn only_the_supervisor_itself_can_supervise() {
    let folder = tempdir().unwrap();
    let arguments = ["coordinator", "digits", "--out", "run", "--supervised-by", "1"];
    hatchery(folder.path(), &arguments).refused(1, &["--supervised-by 1"]);
    assert!(!folder.path().join("run").exists());
}
