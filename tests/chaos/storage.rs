//! A disk that is full, or cannot be written any more, in the middle of a run: the run waits, says why, and goes on.

use super::{
    common::{Living, finish, hatchery, signal, wait_until},
    journal::Journal,
    scene::{Scene, call, coordinator_of, options},
};
use rustix::process::Signal;
use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::Command,
    time::Duration,
};

/// Exit code of a run directory that cannot be used, as the README lists it.
const FILES: i32 = 4;
/// Longer than the pauses between two attempts at a commit grow within that time.
const PAUSE: Duration = Duration::from_secs(6);

/// Room for the whole run, its write-ahead log included: that is folded in when it has come to 8 MiB.
const SMALL: [&str; 5] = ["-t", "tmpfs", "-o", "size=32m", "tmpfs"];

/// A disk of its own, until it is dropped.
struct Disk {
    place: PathBuf,
}

impl Disk {
    /// `None`, with the reason printed, where this user may not mount any.
    fn new(scene: &Scene, mount: &[&str]) -> Option<Self> {
        let place = scene.folder().join("disk");
        fs::create_dir_all(&place).unwrap();
        let mounted = finish(Command::new("mount").args(mount).arg(&place));
        if mounted.code != Some(0) {
            eprintln!(
                "skipped: this user may not mount a small disk, root may, also under `unshare -rm`: {}",
                mounted.stderr.trim()
            );
            return None;
        }
        Some(Self { place })
    }

    fn run(&self) -> PathBuf {
        self.place.join("run")
    }

    fn journal(&self) -> Option<Journal> {
        Journal::open(&self.run())
    }

    fn finished(&self) -> i64 {
        self.journal().map_or(0, |journal| journal.finished())
    }

    /// Fills it to the last byte.
    fn fill(&self) -> PathBuf {
        let path = self.place.join("fill");
        let mut file = File::create(&path).unwrap();
        for bytes in [1 << 16, 1 << 10, 1] {
            let block = vec![1; bytes];
            while file.write_all(&block).is_ok() {}
        }
        path
    }

    fn assert_whole(&self, scene: &Scene, evaluations: i64) {
        self.journal().unwrap().assert_whole(evaluations);
        let report = hatchery(scene.folder(), &["replay", "disk/run", "--json"]).ok().json();
        assert_eq!(report["identical"], true, "{report}");
        wait_until("nobody is left", || scene.processes().is_empty());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        finish(Command::new("umount").arg("--lazy").arg(&self.place));
    }
}

/// Starts a run on the disk.
fn start(scene: &Scene, disk: &Disk, name: &str, evaluations: i64, more: &[&str]) -> Living {
    let more = [&["--workers=2"], more].concat();
    let arguments = call("run", options(&disk.run(), evaluations, 4, &more));
    scene.run(name, &arguments)
}

#[test]
fn a_run_waits_while_its_disk_is_full_and_loses_nothing() {
    let scene = Scene::new();
    let Some(disk) = Disk::new(&scene, &SMALL) else { return };
    let evaluations = 250;
    let run = start(&scene, &disk, "run", evaluations, &[]);
    wait_until("some results", || disk.finished() >= 20);
    let fill = disk.fill();
    wait_until("it says that it waits", || scene.written("run").contains("paused"));
    let told = scene.written("run");
    let told = told.lines().find(|line| line.contains("paused")).unwrap();
    eprintln!("{told}");
    assert!(told.contains("free some space") && told.contains("goes on by itself"), "{told}");
    let before = disk.journal().unwrap().results();
    std::thread::sleep(PAUSE);
    assert_eq!(disk.journal().unwrap().results(), before, "nothing is recorded while there is no room");
    fs::remove_file(fill).unwrap();
    let done = scene.end("run", run).ok();
    let after = disk.journal().unwrap().results();
    assert!(before.iter().all(|(evaluation, result)| after.get(evaluation) == Some(result)));
    disk.assert_whole(&scene, evaluations);
    let journal = disk.journal().unwrap();
    assert_eq!((journal.count("lost"), journal.count("left")), (0, 0), "{}", done.stderr);
}

#[test]
fn a_coordinator_that_dies_while_the_disk_is_full_is_started_again_and_waits() {
    let scene = Scene::new();
    let Some(disk) = Disk::new(&scene, &SMALL) else { return };
    let evaluations = 120;
    let mut run = start(&scene, &disk, "run", evaluations, &[]);
    wait_until("some results", || disk.finished() >= 10);
    let fill = disk.fill();
    wait_until("it says that it waits", || scene.written("run").contains("paused"));
    let before = disk.journal().unwrap().results();
    assert!(signal(coordinator_of(run.pid(), None).unwrap(), Signal::KILL));
    std::thread::sleep(PAUSE);
    assert!(run.is_alive(), "{}", scene.written("run"));
    assert_eq!(disk.journal().unwrap().results(), before, "nothing is recorded while there is no room");
    fs::remove_file(fill).unwrap();
    scene.end("run", run).ok();
    let after = disk.journal().unwrap().results();
    assert!(before.iter().all(|(evaluation, result)| after.get(evaluation) == Some(result)));
    disk.assert_whole(&scene, evaluations);
}

#[test]
fn a_run_that_waits_for_room_can_be_stopped_and_resumed() {
    let scene = Scene::new();
    let Some(disk) = Disk::new(&scene, &SMALL) else { return };
    let evaluations = 60;
    let run = start(&scene, &disk, "run", evaluations, &[]);
    wait_until("some results", || disk.finished() >= 10);
    let fill = disk.fill();
    wait_until("it says that it waits", || scene.written("run").contains("paused"));
    let before = disk.journal().unwrap().results();
    assert!(signal(run.pid(), Signal::TERM));
    scene.end("run", run).refused(FILES, &["space", "--resume"]);
    fs::remove_file(fill).unwrap();
    let again = start(&scene, &disk, "again", evaluations, &["--resume"]);
    scene.end("again", again).ok();
    let after = disk.journal().unwrap().results();
    assert!(before.iter().all(|(evaluation, result)| after.get(evaluation) == Some(result)));
    disk.assert_whole(&scene, evaluations);
}

/// Where the system limits the size of files, a journal that comes to the limit is one that finds its disk full.
#[test]
fn a_run_whose_journal_may_grow_no_further_waits_says_so_and_can_be_resumed() {
    let scene = Scene::new();
    let evaluations = 60;
    let arguments = call("run", scene.options(evaluations, 4, &["--workers=1"]));
    let mut limited = Command::new("sh");
    // In blocks of 512 bytes.
    limited
        .args(["-c", "ulimit -f 2048 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_hatchery")])
        .args(&arguments);
    let run = scene.start("run", limited.current_dir(scene.folder()));
    wait_until("it says that it waits", || scene.written("run").contains("paused"));
    let told = scene.written("run");
    let told = told.lines().find(|line| line.contains("paused")).unwrap();
    eprintln!("{told}");
    assert!(told.contains("ulimit -f") && told.contains("goes on by itself"), "{told}");
    let before = scene.journal().results();
    assert!(signal(run.pid(), Signal::TERM));
    scene.end("run", run).refused(FILES, &["ulimit -f", "--resume"]);
    let again = call("run", scene.options(evaluations, 4, &["--workers=1", "--resume"]));
    scene.end("again", scene.run("again", &again)).ok();
    let after = scene.journal().results();
    assert!(before.iter().all(|(evaluation, result)| after.get(evaluation) == Some(result)));
    scene.assert_whole(evaluations);
}

/// A disk with errors is taken out of use by the system: from one moment to the next, nothing can be written.
#[test]
fn a_run_whose_disk_cannot_be_written_any_more_waits_says_so_and_can_be_resumed() {
    let scene = Scene::new();
    let image = scene.folder().join("image");
    File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: there is no mkfs.ext4");
        return;
    }
    let mount = ["-o", "loop", image.to_str().unwrap()];
    let Some(disk) = Disk::new(&scene, &mount) else { return };
    let evaluations = 60;
    let run = start(&scene, &disk, "run", evaluations, &[]);
    wait_until("some results", || disk.finished() >= 10);
    let before = disk.journal().unwrap().results();
    finish(Command::new("mount").args(["-o", "remount,abort"]).arg(&disk.place));
    wait_until("it says that it waits", || scene.written("run").contains("paused"));
    let told = scene.written("run");
    eprintln!("{}", told.lines().find(|line| line.contains("paused")).unwrap());
    assert!(signal(run.pid(), Signal::TERM));
    scene.end("run", run).refused(FILES, &["--resume"]);
    drop(disk);

    // Repaired, and mounted again.
    finish(Command::new("e2fsck").args(["-p", "-f"]).arg(&image));
    let disk = Disk::new(&scene, &mount).unwrap();
    let again = start(&scene, &disk, "again", evaluations, &["--resume"]);
    scene.end("again", again).ok();
    let after = disk.journal().unwrap().results();
    assert!(before.iter().all(|(evaluation, result)| after.get(evaluation) == Some(result)));
    disk.assert_whole(&scene, evaluations);
}
