//! A run whose processes are killed, stopped and told to end, one after the other, and that comes to its end all the
//! same.

use super::{
    common::{Living, is_gone, signal, wait_until},
    journal::Journal,
    scene::{Role, Scene, call, crew},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rustix::process::Signal;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Names the seed of the blows.
const SEED_VARIABLE: &str = "HATCHERY_SEED";
/// Longest that a process is stopped.
const STOPPED_MS_MAX: u64 = 20_000;
/// Pause between two blows.
const PAUSE_MS: std::ops::Range<u64> = 500..1_500;
/// Epochs of each training: enough that an undisturbed run would take most of a minute.
const EPOCHS: u32 = 12;
/// How often is looked whether somebody is to be woken.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A blow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Kill,
    Terminate,
    /// For a while.
    Stop,
    /// For a while, and then killed.
    StopAndKill,
}

/// Somebody who is stopped.
struct Stopped {
    pid: u32,
    until: Instant,
    doomed: bool,
}

/// What strikes the processes of a run.
struct Storm {
    random: ChaCha8Rng,
    supervisor: u32,
    stopped: Vec<Stopped>,
    blows: BTreeMap<(&'static str, Blow), u32>,
}

impl Storm {
    fn new(supervisor: u32) -> Self {
        let given = std::env::var(SEED_VARIABLE).ok().map(|seed| seed.parse().unwrap());
        let fresh =
            || u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
        let seed: u64 = given.unwrap_or_else(fresh);
        eprintln!("blows from {SEED_VARIABLE}={seed}");
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            supervisor,
            stopped: Vec::new(),
            blows: BTreeMap::new(),
        }
    }

    fn draw(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.random.next_u64() % (range.end - range.start)
    }

    /// Strikes one of those who are there and not stopped.
    fn strike(&mut self) {
        let mut crew = crew(self.supervisor);
        crew.retain(|(pid, _)| self.stopped.iter().all(|stopped| stopped.pid != *pid));
        crew.sort_by(|one, other| one.1.cmp(&other.1));
        if crew.is_empty() {
            return;
        }
        let (pid, role) = crew.swap_remove(self.draw(0..crew.len() as u64) as usize);
        let blow = match self.draw(0..10) {
            0..4 => Blow::Kill,
            4..6 => Blow::Terminate,
            6..9 => Blow::Stop,
            _ => Blow::StopAndKill,
        };
        let sent = match blow {
            Blow::Kill => signal(pid, Signal::KILL),
            Blow::Terminate => signal(pid, Signal::TERM),
            Blow::Stop | Blow::StopAndKill => {
                // Of two draws the shorter one: somebody has to get something done.
                let time = self.draw(100..STOPPED_MS_MAX).min(self.draw(100..STOPPED_MS_MAX));
                let until = Instant::now() + Duration::from_millis(time);
                self.stopped.push(Stopped { pid, until, doomed: blow == Blow::StopAndKill });
                signal(pid, Signal::STOP)
            }
        };
        if sent {
            let whom = if role == Role::Coordinator { "coordinator" } else { "worker" };
            *self.blows.entry((whom, blow)).or_default() += 1;
        }
    }

    /// Wakes, or kills, those whose time has come.
    fn wake(&mut self, all: bool) {
        let alive: BTreeSet<u32> = crew(self.supervisor).into_iter().map(|(pid, _)| pid).collect();
        self.stopped.retain(|stopped| {
            let due = all || stopped.until <= Instant::now();
            // Its number may be another's by now.
            if due && alive.contains(&stopped.pid) {
                signal(stopped.pid, if stopped.doomed { Signal::KILL } else { Signal::CONT });
            }
            !due
        });
    }

    /// Until the time is over, or the run. Says which results were seen.
    fn rage(&mut self, run: &mut Living, scene: &Scene, time: Duration) -> BTreeMap<i64, String> {
        let (began, mut next, mut seen) = (Instant::now(), Instant::now(), BTreeMap::new());
        while run.is_alive() && began.elapsed() < time {
            if next <= Instant::now() {
                self.strike();
                next = Instant::now() + Duration::from_millis(self.draw(PAUSE_MS));
                remember(scene, &mut seen);
            }
            self.wake(false);
            std::thread::sleep(LOOK_EVERY);
        }
        self.wake(true);
        seen
    }
}

/// What the journal has said once must stay so.
fn remember(scene: &Scene, seen: &mut BTreeMap<i64, String>) {
    for (evaluation, result) in
        Journal::open(&scene.root()).map(|journal| journal.results()).unwrap_or_default()
    {
        let before = seen.entry(evaluation).or_insert_with(|| result.clone());
        assert_eq!(*before, result, "evaluation {evaluation} has another result than before");
    }
}

fn survives(evaluations: i64, epochs: u32, time: Duration) {
    let scene = Scene::new();
    let options = scene.options(evaluations, epochs, &["--workers=4", "--json", "--set", "retry.lost=100"]);
    let mut run = scene.run("run", &call("run", options));
    wait_until("the first results", || scene.finished() > 0);
    let mut storm = Storm::new(run.pid());
    let began = Instant::now();
    let seen = storm.rage(&mut run, &scene, time);
    eprintln!("{:?} after {:.0} s: {:?}", scene.finished(), began.elapsed().as_secs_f64(), storm.blows);
    let left_alone = Instant::now();
    let done = scene.end("run", run);
    eprintln!("over after {:.0} s more", left_alone.elapsed().as_secs_f64());
    let told = done.stderr.lines().rev().take(40).collect::<Vec<_>>();
    assert_eq!(done.code, Some(0), "{told:#?}");
    scene.assert_whole(evaluations);
    let results = scene.journal().results();
    for (evaluation, result) in &seen {
        assert_eq!(results.get(evaluation), Some(result), "the result of {evaluation} was there once");
    }
    let summary = done.json();
    eprintln!("{summary}");
    assert_eq!(summary["evaluations"].as_i64(), Some(evaluations));
    let events = scene.journal().events();
    let count = |kind: &str| Some(events.get(kind).copied().unwrap_or(0));
    for (told, kind) in [
        ("lost", "lost"),
        ("handed_back", "released"),
        ("adopted", "claimed"),
        ("coordinator_restarts", "resumed"),
    ] {
        assert_eq!(summary["incidents"][told].as_i64(), count(kind), "{told}: {summary}");
    }
    let blows: u32 = storm.blows.values().sum();
    assert!(blows >= 20, "too few blows to show anything: {blows}");
    assert!(summary["incidents"]["worker_restarts"].as_i64() > Some(0), "{summary}");
}

#[test]
fn a_run_survives_a_minute_of_blows() {
    survives(200, EPOCHS, Duration::from_secs(60));
}

#[test]
#[ignore = "takes more than ten minutes"]
fn a_run_survives_ten_minutes_of_blows() {
    survives(2000, EPOCHS, Duration::from_secs(600));
}

#[test]
fn nobody_is_left_when_the_supervisor_is_killed_and_the_run_can_go_on() {
    let scene = Scene::new();
    let evaluations = 60;
    let options = |more: &[&str]| {
        call("run", scene.options(evaluations, 10, &[&["--workers=3", "--quiet"], more].concat()))
    };
    let mut run = scene.run("run", &options(&[]));
    wait_until("some results", || scene.finished() >= 10);
    let crew = crew(run.pid());
    assert_eq!(crew.len(), 4, "{crew:?}");
    run.kill();
    wait_until("nobody is left", || {
        crew.iter().all(|(pid, _)| is_gone(*pid)) && scene.processes().is_empty()
    });
    let before = scene.journal().results();
    assert!(scene.finished() < evaluations, "killed too late to show anything");
    let again = scene.run("again", &options(&["--resume"]));
    scene.end("again", again).ok();
    scene.assert_whole(evaluations);
    let after = scene.journal().results();
    assert!(before.iter().all(|(evaluation, result)| after.get(evaluation) == Some(result)));
}

/// Longer than a worker may be silent.
const STANDSTILL: Duration = Duration::from_secs(15);

#[test]
fn a_coordinator_that_stood_still_does_not_blame_its_workers() {
    let scene = Scene::new();
    let evaluations = 40;
    let run = scene.run("run", &call("run", scene.options(evaluations, EPOCHS, &["--workers=2"])));
    wait_until("some results", || scene.finished() >= 5);
    let coordinator = crew(run.pid()).into_iter().find(|(_, role)| *role == Role::Coordinator).unwrap().0;
    assert!(signal(coordinator, Signal::STOP));
    std::thread::sleep(STANDSTILL);
    assert!(signal(coordinator, Signal::CONT));
    scene.end("run", run).ok();
    scene.assert_whole(evaluations);
    let blamed = "SELECT reason FROM workers WHERE reason LIKE 'nothing was heard%'";
    let blamed: Vec<String> = scene.journal().column(blamed, []);
    assert!(blamed.is_empty(), "{blamed:?}");
}
