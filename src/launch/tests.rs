//! Supervision of real processes.

use super::{Ending, Happening, Meaning, Past, ProcessId, Program, Supervisor};
use crate::cli::exit::Exit;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::time::Duration;

/// Longest that a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn script(text: &str) -> Program {
    let arguments = ["-c", text].map(Into::into).into();
    Program { executable: "/bin/sh".into(), arguments, environment: Vec::new() }
}

fn add(supervisor: &mut Supervisor, name: &str, text: &str) -> ProcessId {
    let program = script(text);
    supervisor.add(name, Box::new(move |_| Ok(program.clone())))
}

async fn next(supervisor: &mut Supervisor) -> Happening {
    tokio::time::timeout(PATIENCE, supervisor.next()).await.expect("something happens")
}

/// Waits for a line on standard output.
async fn said(supervisor: &mut Supervisor) -> (ProcessId, String) {
    loop {
        if let Happening::Said(process, line) = next(supervisor).await {
            return (process, line);
        }
    }
}

async fn over(supervisor: &mut Supervisor) -> (ProcessId, Past) {
    loop {
        if let Happening::Over(process, past) = next(supervisor).await {
            return (process, past);
        }
    }
}

async fn until_gone(pid: Pid) {
    let gone = async {
        while test_kill_process(pid).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the process goes");
}

fn pid_of(line: &str) -> Pid {
    Pid::from_raw(line.parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_killed_process_is_started_again_and_told_how_its_predecessor_ended() {
    let mut supervisor = Supervisor::hasty();
    let recipe = |past: Option<&Past>| {
        let mut program = script("echo $$ $PAST; echo words >&2; exec sleep 1000");
        program.environment =
            vec![("PAST".to_owned(), past.map_or("first".to_owned(), |past| past.ending.to_string()))];
        Ok(program)
    };
    let process = supervisor.add("worker-0", Box::new(recipe));
    for time in 0..3 {
        let (from, line) = said(&mut supervisor).await;
        let (pid, past) = line.split_once(' ').unwrap();
        assert_eq!((from, past), (process, if time == 0 { "first" } else { "was killed (signal 9)" }));
        assert_eq!(supervisor.pid(process), Some(pid_of(pid)));
        supervisor.is_ready(process);
        if time == 2 {
            break;
        }
        assert_eq!(next(&mut supervisor).await, Happening::Wrote(process, "words".to_owned()));
        kill_process(pid_of(pid), Signal::KILL).unwrap();
        let ended = next(&mut supervisor).await;
        let past = Past { ending: Ending::Signal(9), last_words: vec!["words".to_owned()] };
        assert_eq!(ended, Happening::Restarts(process, past));
    }
    supervisor.end_all(PATIENCE).await;
    assert_eq!(supervisor.pid(process), None);
}

#[tokio::test(flavor = "current_thread")]
async fn what_fails_at_once_is_given_up_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut supervisor = Supervisor::hasty();
    let process = add(&mut supervisor, "worker-0", "echo error: no such device >&2; exit 1");
    supervisor.open_logs(folder.path());
    let mut restarts = 0;
    let (past, reason) = loop {
        match next(&mut supervisor).await {
            Happening::Restarts(..) => restarts += 1,
            Happening::GivenUp(given_up, past, reason) if given_up == process => break (past, reason),
            _ => {}
        }
    };
    assert!(restarts > 1 && reason.contains("before it was ready"), "{restarts} {reason}");
    assert_eq!(past, Past { ending: Ending::Code(1), last_words: vec!["error: no such device".to_owned()] });
    let log = std::fs::read_to_string(supervisor.log(process).unwrap()).unwrap();
    assert_eq!(log.matches("error: no such device").count(), restarts + 1, "{log}");
}

#[tokio::test(flavor = "current_thread")]
async fn deliberate_ends_pass_through() {
    let mut supervisor = Supervisor::hasty();
    for (code, meaning) in [
        (0, Meaning::Done),
        (3, Meaning::Deliberate(Exit::Data)),
        (5, Meaning::Deliberate(Exit::Library)),
        (7, Meaning::Deliberate(Exit::Refused)),
    ] {
        let process = add(&mut supervisor, "coordinator", &format!("echo error: why >&2; exit {code}"));
        let (ended, past) = over(&mut supervisor).await;
        assert_eq!((ended, past.ending.meaning()), (process, meaning));
        assert_eq!(past.last_words, ["error: why"]);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_program_that_is_not_there_is_given_up() {
    let mut supervisor = Supervisor::hasty();
    let program =
        Program { executable: "/nowhere/at-all".into(), arguments: Vec::new(), environment: Vec::new() };
    supervisor.add("worker-0", Box::new(move |_| Ok(program.clone())));
    loop {
        if let Happening::GivenUp(_, past, _) = next(&mut supervisor).await {
            assert!(past.ending.to_string().contains("No such file"), "{}", past.ending);
            break;
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn who_does_not_heed_the_request_to_end_is_killed_with_all_that_it_started() {
    let mut supervisor = Supervisor::hasty();
    add(&mut supervisor, "stubborn", "trap '' TERM; sleep 1000 & echo $!; while true; do wait; done");
    add(&mut supervisor, "polite", "trap 'echo bye; exit 0' TERM; echo $$; while true; do sleep 0.01; done");
    let mut pids = Vec::new();
    for _ in 0..2 {
        pids.push(pid_of(&said(&mut supervisor).await.1));
    }
    supervisor.end_all(Duration::from_millis(300)).await;
    for pid in pids {
        until_gone(pid).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_process_leaves_behind_goes_with_it() {
    let mut supervisor = Supervisor::hasty();
    // The pipe of the one that is left behind must not keep the news waiting either.
    let process = add(&mut supervisor, "parent", "sleep 1000 & echo $!; exit 0");
    let child = pid_of(&said(&mut supervisor).await.1);
    assert_eq!(over(&mut supervisor).await.0, process);
    until_gone(child).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_flood_of_lines_is_heard_whole_and_in_order() {
    let mut supervisor = Supervisor::hasty();
    add(&mut supervisor, "talker", "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done");
    for number in 0..5000 {
        assert_eq!(said(&mut supervisor).await.1, number.to_string());
    }
    assert_eq!(over(&mut supervisor).await.1.ending, Ending::Code(0));
}
