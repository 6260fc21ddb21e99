//! A coordinator whose workers come late, or with the wrong cookie: its time does not pass without any, and whoever is
//! turned away is told why.

use super::{
    common::{signal, wait_until},
    journal::Journal,
    scene::{Scene, call, coordinator_of, free_port, worker},
};
use rustix::process::Signal;
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

/// What the run may take. Nobody joins for longer than that.
const BUDGET: &str = "--time=15s";
/// How long the stranger goes on trying.
const PATIENCE: &str = "--patience=16s";
/// The exit code of a worker that was refused.
const REFUSED: i32 = 7;

#[test]
fn a_runs_time_begins_with_its_first_worker_and_strangers_are_told_why_they_stay_outside() {
    let scene = Scene::new();
    let (evaluations, address) = (4, format!("127.0.0.1:{}", free_port()));
    let more = [&format!("--listen={address}"), BUDGET, "--http=off"];
    let coordinator = scene.run("coordinator", &call("coordinator", scene.options(evaluations, 2, &more)));
    let cookie = scene.root().join("cookie");
    wait_until("a coordinator", || Journal::open(&scene.root()).is_some() && cookie.exists());

    let other = scene.folder().join("other-cookie");
    fs::write(&other, "5a".repeat(32)).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let stranger = scene.run("stranger", &worker(&address, &other, &[PATIENCE, "--http=off"]));
    let refused = scene.end("stranger", stranger);
    assert_eq!(refused.code, Some(REFUSED), "{refused:?}");
    assert!(refused.stderr.contains("another cookie"), "{refused:?}");
    let log = fs::read_to_string(scene.root().join("log/hatchery.log")).unwrap();
    assert!(log.contains("was not let in") && log.contains("another cookie"), "{log}");

    let said = scene.written("coordinator");
    assert!(said.contains("no worker has joined yet"), "{said}");
    let late = scene.run("late", &worker(&address, &cookie, &["--http=off"]));
    let done = scene.end("coordinator", coordinator).ok();
    assert!(done.stderr.contains("a worker is here"), "{done:?}");
    scene.end("late", late).ok();
    scene.assert_whole(evaluations);
}

#[test]
fn a_run_directory_that_goes_is_missed_and_one_that_comes_back_is_gone_on_with() {
    let scene = Scene::new();
    let evaluations = 120;
    let run = scene.run("run", &call("run", scene.options(evaluations, 4, &["--workers=2"])));
    wait_until("some results", || scene.finished() >= 10);
    let elsewhere = scene.folder().join("elsewhere");
    fs::rename(scene.root(), &elsewhere).unwrap();
    wait_until("it is missed", || scene.written("run").contains("put it back"));
    let before = Journal::open(&elsewhere).unwrap().results();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(Journal::open(&elsewhere).unwrap().results(), before, "nothing is recorded meanwhile");
    fs::rename(&elsewhere, scene.root()).unwrap();
    let done = scene.end("run", run).ok();
    assert!(done.stderr.contains("goes on"), "{done:?}");
    scene.assert_whole(evaluations);
}

#[test]
fn a_coordinator_that_dies_while_its_directory_is_away_waits_for_it_when_it_is_started_again() {
    let scene = Scene::new();
    let evaluations = 60;
    let run = scene.run("run", &call("run", scene.options(evaluations, 4, &["--workers=2"])));
    wait_until("some results", || scene.finished() >= 10);
    let elsewhere = scene.folder().join("elsewhere");
    fs::rename(scene.root(), &elsewhere).unwrap();
    wait_until("it is missed", || scene.written("run").contains("put it back"));
    let first = coordinator_of(run.pid(), None).unwrap();
    assert!(signal(first, Signal::KILL));
    wait_until("another says that it waits", || scene.written("run").contains("there is no run in"));
    std::thread::sleep(Duration::from_secs(1));
    assert!(coordinator_of(run.pid(), Some(first)).is_some(), "it waits: {}", scene.written("run"));
    fs::rename(&elsewhere, scene.root()).unwrap();
    scene.end("run", run).ok();
    scene.assert_whole(evaluations);
}

#[test]
fn a_run_whose_directory_is_deleted_ends_and_says_so() {
    let scene = Scene::new();
    let mut run = scene.run("run", &call("run", scene.options(100_000, 4, &["--workers=2"])));
    wait_until("some results", || scene.finished() >= 5);
    fs::remove_dir_all(scene.root()).unwrap();
    wait_until("it is missed", || !run.is_alive());
    let said = scene.written("run");
    assert!(said.contains("was deleted while the run goes on"), "{said}");
    wait_until("nobody is left", || scene.processes().is_empty());
}
