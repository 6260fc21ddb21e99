//! How soon a failure is noticed and made good. Prints figures; only that it happened is asserted.

use super::{
    common::{signal, wait_until},
    journal::Journal,
    scene::{Role, Scene, call, crew},
};
use rustix::process::Signal;
use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

/// How often each failure is brought about.
const TIMES: usize = 5;
/// A hand-out is fresh for so long: what is at it will be at it for a while.
const FRESH_MS: i64 = 150;

/// A hand-out: event, evaluation, trainer.
struct Lease {
    event: i64,
    evaluation: i64,
    worker: String,
}

fn now_ms() -> i64 {
    i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// An evaluation that a worker has just begun, and that worker.
fn fresh_lease(scene: &Scene, supervisor: u32) -> (Lease, u32) {
    loop {
        let journal = scene.journal();
        let query =
            "SELECT number || ' ' || evaluation || ' ' || json_extract(detail, '$.trainer') FROM events
                     WHERE kind = 'leased' AND unix_ms >= ?1 ORDER BY number DESC LIMIT 1";
        if let Some(found) = journal.cell::<String>(query, [now_ms() - FRESH_MS]) {
            let [event, evaluation, trainer] = found.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let worker = trainer.rsplit_once('/').unwrap().0.to_owned();
            let pid = crew(supervisor).into_iter().find(|(_, role)| *role == Role::Worker(worker.clone()));
            if let Some((pid, _)) = pid {
                let lease =
                    Lease { event: event.parse().unwrap(), evaluation: evaluation.parse().unwrap(), worker };
                return (lease, pid);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The time of the first such event, once there is one.
fn wait_for(scene: &Scene, what: &str, condition: &str) -> i64 {
    let query = format!("SELECT min(unix_ms) FROM events WHERE {condition}");
    let mut found = None;
    wait_until(what, || {
        found = Journal::open(&scene.root())
            .and_then(|journal| journal.cell::<Option<i64>>(&query, []).flatten());
        found.is_some()
    });
    found.unwrap()
}

fn handed_out_again(scene: &Scene, lease: &Lease) -> i64 {
    let Lease { event, evaluation, .. } = lease;
    let condition = format!("kind = 'leased' AND evaluation = {evaluation} AND number > {event}");
    wait_for(scene, "its work is handed out again", &condition)
}

fn left(scene: &Scene, lease: &Lease) -> i64 {
    let condition = format!(
        "kind = 'left' AND number > {} AND json_extract(detail, '$.worker') IN
         (SELECT id FROM workers WHERE node = '{}')",
        lease.event, lease.worker
    );
    wait_for(scene, "it is given up", &condition)
}

/// Everybody is there and at work again.
fn recover(scene: &Scene, workers: i64) {
    wait_until("all workers are back", || {
        let query = "SELECT count(DISTINCT trainer) FROM evaluations WHERE state = 'running'";
        scene.journal().cell::<i64>(query, []) == Some(workers)
    });
    std::thread::sleep(Duration::from_secs(2));
}

#[derive(Default)]
struct Figures(BTreeMap<&'static str, Vec<f64>>);

impl Figures {
    fn note(&mut self, what: &'static str, from_ms: i64, to_ms: i64) {
        self.0.entry(what).or_default().push((to_ms - from_ms) as f64 / 1e3);
    }

    fn json(&mut self) -> serde_json::Value {
        let median = |seconds: &mut Vec<f64>| {
            seconds.sort_by(f64::total_cmp);
            serde_json::json!({"median_s": seconds[seconds.len() / 2], "all_s": seconds})
        };
        self.0.iter_mut().map(|(what, seconds)| ((*what).to_owned(), median(seconds))).collect()
    }
}

#[test]
#[ignore = "prints figures for the benchmarks: two minutes"]
fn how_soon_failures_are_made_good() {
    let scene = Scene::new();
    let workers = 4;
    let options = scene.options(100_000, 20, &["--workers=4", "--set", "retry.lost=100"]);
    let run = scene.run("run", &call("run", options));
    let supervisor = run.pid();
    let mut figures = Figures::default();
    wait_until("some results", || scene.finished() > 4);
    for _ in 0..TIMES {
        recover(&scene, workers);
        let (lease, pid) = fresh_lease(&scene, supervisor);
        let began = now_ms();
        assert!(signal(pid, Signal::STOP));
        figures.note("hung_worker_given_up", began, left(&scene, &lease));
        figures.note("hung_worker_work_elsewhere", began, handed_out_again(&scene, &lease));
        signal(pid, Signal::CONT);

        recover(&scene, workers);
        let (lease, pid) = fresh_lease(&scene, supervisor);
        let began = now_ms();
        assert!(signal(pid, Signal::KILL));
        figures.note("dead_worker_given_up", began, left(&scene, &lease));
        figures.note("dead_worker_work_elsewhere", began, handed_out_again(&scene, &lease));

        recover(&scene, workers);
        let coordinator =
            crew(supervisor).into_iter().find(|(_, role)| *role == Role::Coordinator).unwrap().0;
        let last: i64 = scene.journal().cell("SELECT max(number) FROM events", []).unwrap();
        let began = now_ms();
        assert!(signal(coordinator, Signal::KILL));
        let resumed = wait_for(&scene, "it goes on", &format!("kind = 'resumed' AND number > {last}"));
        figures.note("dead_coordinator_goes_on", began, resumed);
        let result = format!(
            "kind = 'finished' AND unix_ms > {began} AND number >
                              (SELECT max(number) FROM events WHERE kind = 'resumed')"
        );
        figures.note("dead_coordinator_first_result", began, wait_for(&scene, "a result", &result));
    }
    assert!(signal(supervisor, Signal::INT));
    scene.end("run", run).ok();
    scene.journal().assert_nothing_ran_twice();
    scene.assert_replays();
    eprintln!("{:#}", figures.json());
}
