//! Workers that do not have the data, or have others under the same name: they train on the coordinator's.

use super::{
    common::{finish, hatchery, wait_until},
    scene::{Scene, call, free_port, program, worker},
};
use hatchery_models::training::runtime::{LibraryOptions, Runtime};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// How the log tells where data come from.
const FETCHED: &str = "are fetched from the coordinator";
const KEPT: &str = "were fetched earlier, and kept";
const OTHERS: &str = "is not what the run began with";

/// The library that everybody here uses: their caches are others than the user's.
fn library() -> PathBuf {
    let options = LibraryOptions { offline: true, ..LibraryOptions::default() };
    Runtime::open(&options).unwrap().report().path.clone()
}

/// A worker in a working directory of its own, to its end; what it has logged.
fn work(scene: &Scene, address: &str, place: &Path, cache: &Path, library: &Path) -> String {
    fs::create_dir_all(place).unwrap();
    let mut command: Command = program(place, &worker(address, &scene.root().join("cookie"), &[]));
    command.env("XDG_CACHE_HOME", cache).env("ORT_DYLIB_PATH", library);
    finish(&mut command).ok().stderr
}

/// Runs a search of `digits.npz` with one worker; what that has logged.
fn search(scene: &Scene, name: &str, place: &Path, library: &Path) -> String {
    let address = format!("127.0.0.1:{}", free_port());
    if scene.root().exists() {
        fs::remove_dir_all(scene.root()).unwrap();
    }
    let listen = format!("--listen={address}");
    // The same path leads each process to other files, as it does on another machine.
    let more = [&listen, "--set", "data.source=npz:/proc/self/cwd/digits.npz"];
    let coordinator = scene.run(name, &call("coordinator", scene.options(8, 2, &more)));
    wait_until("a cookie", || scene.root().join("cookie").exists());
    let log = work(scene, &address, place, &scene.folder().join("cache"), library);
    scene.end(name, coordinator).ok();
    scene.assert_whole(8);
    log
}

#[test]
fn workers_without_the_data_fetch_them_once_and_others_are_not_mistaken_for_them() {
    let (scene, library) = (Scene::new(), library());
    let write = |part: &str, path: &Path| {
        let path = path.to_str().unwrap();
        hatchery(scene.folder(), &["data", "write", "digits", "--part", part, "--out", path]).ok();
    };
    write("all", &scene.folder().join("digits.npz"));

    let nowhere = scene.folder().join("nowhere");
    let log = search(&scene, "first", &nowhere, &library);
    assert!(log.contains(FETCHED) && !log.contains(KEPT), "{log}");
    let kept: Vec<_> = fs::read_dir(scene.folder().join("cache/hatchery/data")).unwrap().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");

    let log = search(&scene, "second", &nowhere, &library);
    assert!(log.contains(KEPT) && !log.contains(FETCHED), "{log}");

    let elsewhere = scene.folder().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    write("test", &elsewhere.join("digits.npz"));
    let log = search(&scene, "third", &elsewhere, &library);
    assert!(log.contains(OTHERS) && log.contains(KEPT) && !log.contains(FETCHED), "{log}");
}
