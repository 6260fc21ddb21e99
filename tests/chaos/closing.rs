//! A run that is over and writes what it leaves: it still minds signals.

use super::{
    common::{hatchery, signal, wait_until},
    scene::{Scene, call},
};
use rustix::process::Signal;
use std::{fs, path::Path, process::Command, time::Duration};

/// The exit code of whoever is told to end at once.
const INTERRUPTED: i32 = 130;

/// A table that nobody ever writes: whoever reads it waits.
fn replace_by_endless(table: &Path) {
    let pipe = table.with_extension("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::rename(pipe, table).unwrap();
}

#[test]
fn a_run_that_writes_its_models_is_ended_at_once_by_a_second_signal() {
    let scene = Scene::new();
    hatchery(scene.folder(), &["data", "write", "digits", "--part", "all", "--out", "all.npz"]).ok();
    let more = ["--workers=1", "--set", "data.source=npz:all.npz"];
    let run = scene.run("run", &call("run", scene.options(3, 2, &more)));
    wait_until("a result", || scene.finished() >= 1);
    replace_by_endless(&scene.folder().join("all.npz"));
    wait_until("it is over but for its models", || {
        scene.finished() >= 3 && scene.processes().iter().all(|pid| *pid == run.pid())
    });
    // It may be about to begin with them.
    wait_until("it minds the first", || {
        signal(run.pid(), Signal::INT);
        scene.written("run").contains("once more ends at once")
    });
    // What comes at the same moment is no second wish.
    std::thread::sleep(Duration::from_millis(300));
    signal(run.pid(), Signal::INT);
    assert_eq!(scene.end("run", run).code, Some(INTERRUPTED));
}
