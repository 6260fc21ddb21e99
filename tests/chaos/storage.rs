//! A disk that is full, or cannot be written any more, in the middle of a run: the run waits, says why, and goes on.

use super::{
    common::{Living, command, finish, signal, wait_until},
    journal::Journal,
    scene::{Scene, call, options, program},
};
use rustix::process::Signal;
use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

/// Exit code of a run directory that cannot be used, as the README lists it.
const FILES: i32 = 4;
/// Longer than the pauses between two attempts at a commit grow within that time.
const PAUSE: Duration = Duration::from_secs(6);

/// A disk of its own, mounted where only some processes see it: it goes with the last of them.
struct Disk {
    holder: Living,
    /// Where those processes see it.
    inside: PathBuf,
}

impl Disk {
    /// `None`, with the reason printed, where this user may not mount any.
    fn new(scene: &Scene, mount: &str) -> Option<Self> {
        let inside = scene.folder().join("disk");
        fs::create_dir(&inside).unwrap();
        let script = format!("{mount} {} && echo mounted && exec sleep 3600", inside.display());
        let mut command = Command::new("unshare");
        let alone = if rustix::process::getuid().is_root() { "-m" } else { "-rm" };
        command.current_dir(scene.folder()).args([alone, "sh", "-c", &script]).stdin(Stdio::null());
        let mut holder = scene.start("disk", &mut command);
        wait_until("a disk, or none", || !holder.is_alive() || scene.written("disk").contains("mounted"));
        if !holder.is_alive() {
            eprintln!("skipped: this user may not mount a small disk: {}", scene.written("disk").trim());
            return None;
        }
        Some(Self { holder, inside })
    }

    /// The same place, as those see it who do not share the mount.
    fn outside(&self) -> PathBuf {
        let inside = self.inside.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.holder.pid())).join(inside)
    }

    /// A command that sees the disk.
    fn inner(&self, scene: &Scene, command: &Command) -> Command {
        let mut outer = Command::new("nsenter");
        let user: &[&str] =
            if rustix::process::getuid().is_root() { &[] } else { &["-U", "--preserve-credentials"] };
        outer.args(["-t", &self.holder.pid().to_string(), "-m"]).args(user);
        outer.arg(format!("--wd={}", scene.folder().display())).arg(command.get_program());
        outer.args(command.get_args()).stdin(Stdio::null());
        outer
    }

    fn run(&self) -> PathBuf {
        self.inside.join("run")
    }

    fn journal(&self) -> Option<Journal> {
        Journal::open(&self.outside().join("run"))
    }

    fn finished(&self) -> i64 {
        self.journal().map_or(0, |journal| journal.finished())
    }

    /// Fills it to the last byte.
    fn fill(&self) -> PathBuf {
        let path = self.outside().join("fill");
        let mut file = File::create(&path).unwrap();
        for bytes in [1 << 16, 1 << 10, 1] {
            let block = vec![1; bytes];
            while file.write_all(&block).is_ok() {}
        }
        path
    }

    fn assert_whole(&self, scene: &Scene, evaluations: i64) {
        self.journal().unwrap().assert_whole(evaluations);
        let run = self.run();
        let replay = command(scene.folder(), &["replay", run.to_str().unwrap(), "--json"]);
        let report = finish(&mut self.inner(scene, &replay)).ok().json();
        assert_eq!(report["identical"], true, "{report}");
    }
}

/// Starts a run on the disk.
fn start(scene: &Scene, disk: &Disk, name: &str, evaluations: i64, more: &[&str]) -> Living {
    let more = [&["--workers=2"], more].concat();
    let arguments = call("run", options(&disk.run(), evaluations, 4, &more));
    scene.start(name, &mut disk.inner(scene, &program(scene.folder(), &arguments)))
}

#[test]
fn a_run_waits_while_its_disk_is_full_and_loses_nothing() {
    let scene = Scene::new();
    let Some(disk) = Disk::new(&scene, "mount -t tmpfs -o size=16m tmpfs") else { return };
    let evaluations = 400;
    let run = start(&scene, &disk, "run", evaluations, &[]);
    wait_until("some results", || disk.finished() >= 20);
    let fill = disk.fill();
    wait_until("it says that it waits", || scene.written("run").contains("paused"));
    let told = scene.written("run");
    let told = told.lines().find(|line| line.contains("paused")).unwrap();
    eprintln!("{told}");
    assert!(told.contains("space"), "{told}");
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
fn a_run_that_waits_for_room_can_be_stopped_and_resumed() {
    let scene = Scene::new();
    let Some(disk) = Disk::new(&scene, "mount -t tmpfs -o size=16m tmpfs") else { return };
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
    let mount = format!("mount -o loop {}", image.display());
    let Some(disk) = Disk::new(&scene, &mount) else { return };
    let evaluations = 60;
    let run = start(&scene, &disk, "run", evaluations, &[]);
    wait_until("some results", || disk.finished() >= 10);
    let before = disk.journal().unwrap().results();
    let mut abort = Command::new("mount");
    finish(&mut disk.inner(&scene, abort.args(["-o", "remount,abort"]).arg(&disk.inside)));
    wait_until("it says that it waits", || scene.written("run").contains("paused"));
    let told = scene.written("run");
    eprintln!("{}", told.lines().find(|line| line.contains("paused")).unwrap());
    assert!(signal(run.pid(), Signal::TERM));
    scene.end("run", run).refused(FILES, &["--resume"]);
    drop(disk);

    // Repaired, and mounted again.
    finish(Command::new("e2fsck").args(["-p", "-f"]).arg(&image));
    fs::remove_dir(scene.folder().join("disk")).unwrap();
    let disk = Disk::new(&scene, &mount).unwrap();
    let again = start(&scene, &disk, "again", evaluations, &["--resume"]);
    scene.end("again", again).ok();
    let after = disk.journal().unwrap().results();
    assert!(before.iter().all(|(evaluation, result)| after.get(evaluation) == Some(result)));
    disk.assert_whole(&scene, evaluations);
}
