//! What changes a run: pauses, budgets, nodes that are drained, an end; and that all of it can be replayed and resumed.

use super::{
    common::{hatchery, wait_until},
    scene::{Scene, connect},
};
use serde_json::Value;
use std::{
    io::{Read, Write},
    thread::JoinHandle,
};

/// How many evaluations have ended.
fn evaluations(scene: &Scene) -> u64 {
    scene.get("/api/v1/run").json()["evaluations"].as_u64().unwrap()
}

/// All that somebody is told who listens from now on.
fn heard_until_the_end(scene: &Scene) -> JoinHandle<String> {
    let mut stream = connect(scene.address());
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", scene.address());
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        _ = stream.read_to_end(&mut heard);
        String::from_utf8(heard).unwrap()
    })
}

/// The last news of the run.
fn last_run(heard: &str) -> Value {
    let (_, last) = heard.rsplit_once("event: run\ndata: ").unwrap();
    serde_json::from_str(last.lines().next().unwrap()).unwrap()
}

fn leases(scene: &Scene) -> f64 {
    let text = scene.get("/metrics").text();
    let counts = text.lines().filter(|line| line.starts_with("hatchery_leases{"));
    counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[test]
fn a_run_is_paused_granted_more_drained_and_stopped() {
    let mut scene = Scene::new(&["--evaluations=50000"]);
    scene.work("w1", 0.05, &[]);
    scene.work("w2", 0.05, &[]);
    wait_until("evaluations have ended", || evaluations(&scene) >= 10);
    let done = |path: &str, body: &str| {
        let answer = scene.post(path, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["done"].as_str().unwrap().to_owned()
    };
    scene.post("/api/v1/run/resume", "").refused(409);
    assert!(done("/api/v1/run/pause", "").contains("paused"));
    let run = scene.wait_for_run("it says so", |run| run["paused"] == true);
    assert!(run["paused_reason"].as_str().unwrap().contains("user"));
    wait_until("what was under way has ended", || leases(&scene) == 0.0);
    let before = evaluations(&scene);
    assert_eq!(scene.get("/readyz").status, 503);
    wait_until("time passes", || {
        scene.get("/api/v1/run").json()["elapsed_s"].as_f64() > run["elapsed_s"].as_f64().map(|at| at + 1.0)
    });
    assert_eq!(evaluations(&scene), before, "nothing is handed out in a pause");
    done("/api/v1/run/resume", "");
    wait_until("it goes on", || evaluations(&scene) > before);
    assert!(done("/api/v1/run/budget", "{\"evaluations\": 7}").contains("50007 evaluations"));
    assert_eq!(scene.get("/api/v1/run").json()["evaluations_max"], 50_007);
    assert!(scene.post("/api/v1/run/budget", "{\"seconds\": 60}").refused(409).contains("no limit of time"));
    for wrong in [
        "",
        "{}",
        "[]",
        "{\"evaluations\": 0}",
        "{\"evaluations\": -1}",
        "{\"evaluations\": 1.5}",
        "{\"evaluations\": 1, \"seconds\": null}",
        "{\"seconds\": \"x\"}",
        "{\"more\": 1}",
    ] {
        scene.post("/api/v1/run/budget", wrong).refused(400);
    }
    assert!(scene.post("/api/v1/nodes/nobody/drain", "").refused(404).contains("nobody"));
    assert!(done("/api/v1/nodes/w2/drain", "").contains("w2"));
    wait_until("it is gone", || scene.node("w2")["state"] == "gone");
    wait_until("the other goes on", || scene.node("w1")["state"] == "here");
    let before = evaluations(&scene);
    wait_until("and works", || evaluations(&scene) > before);
    let heard = heard_until_the_end(&scene);
    done("/api/v1/run/stop", "");
    wait_until("the coordinator ends", || scene.has_ended());
    assert_eq!(last_run(&heard.join().unwrap())["ending"], "interrupted");
    let report = hatchery(scene.folder(), &["replay", "run", "--json"]).ok().json();
    assert_eq!(report["identical"], true, "{report}");
    let status = hatchery(scene.folder(), &["status", "run", "--json"]).ok().json();
    assert_eq!(status["budget"]["evaluations_max"], 50_007, "what was granted is recorded");
}

#[test]
fn a_pause_and_a_grant_survive_the_coordinator() {
    let mut scene = Scene::new(&["--evaluations=50000"]);
    scene.work("w1", 0.05, &[]);
    wait_until("evaluations have ended", || evaluations(&scene) >= 5);
    assert_eq!(scene.post("/api/v1/run/budget", "{\"evaluations\": 3}").status, 200);
    assert_eq!(scene.post("/api/v1/run/pause", "").status, 200);
    wait_until("what was under way has ended", || leases(&scene) == 0.0);
    let before = evaluations(&scene);
    scene.coordinator.kill();
    scene.resume();
    let run = scene.wait_for_run("its worker is back", |_| scene.node("w1")["state"] == "here");
    assert_eq!(
        (run["paused"].as_bool(), run["evaluations_max"].as_u64()),
        (Some(true), Some(50_003)),
        "{run}"
    );
    assert_eq!(evaluations(&scene), before);
    assert_eq!(scene.post("/api/v1/run/resume", "").status, 200);
    wait_until("it goes on", || evaluations(&scene) > before);
    scene.coordinator.kill();
    let report = hatchery(scene.folder(), &["replay", "run", "--json"]).ok().json();
    assert_eq!(report["identical"], true, "{report}");
}
