//! A worker that is told to end gives back what it is at, and another goes on with it where it stood.

use super::{
    common::{is_gone, signal, wait_until},
    journal::Journal,
    scene::{Scene, call, free_port, worker},
};
use rustix::process::Signal;

/// Long enough that a training does not end within the time that a draining worker leaves it.
const EPOCHS: u32 = 150;

#[test]
fn a_worker_that_is_told_to_end_hands_back_its_training_and_another_goes_on_with_it() {
    let scene = Scene::new();
    let (evaluations, address) = (4, format!("127.0.0.1:{}", free_port()));
    let more = [
        &format!("--listen={address}"),
        "--set",
        "search.population=4",
        "--set",
        "space.layers=convolution",
        "--set",
        "space.filters=16,24",
    ];
    let coordinator =
        scene.run("coordinator", &call("coordinator", scene.options(evaluations, EPOCHS, &more)));
    wait_until("a coordinator", || {
        Journal::open(&scene.root()).is_some() && scene.root().join("cookie").exists()
    });
    let start = |name: &str| {
        let more = [&format!("--name={name}"), "--grace=1s"];
        scene.run(name, &worker(&address, &scene.root().join("cookie"), &more))
    };
    let (leaves, stays) = (start("leaves"), start("stays"));
    let log = || scene.journal();
    let has = |name: &str| {
        log().cell::<i64>(
            "SELECT id FROM evaluations WHERE state = 'running' AND trainer LIKE ?1 || '/%'",
            [name],
        )
    };
    wait_until("both are at work", || has("leaves").is_some() && has("stays").is_some());
    std::thread::sleep(std::time::Duration::from_millis(500));
    let evaluation = has("leaves").unwrap();
    assert!(signal(leaves.pid(), Signal::TERM));
    let left = scene.end("leaves", leaves).ok();
    assert!(left.stderr.contains("ended as told"), "{left:?}");
    let done = scene.end("coordinator", coordinator).ok();
    wait_until("the other goes home", || is_gone(stays.pid()));
    scene.end("stays", stays).ok();
    scene.assert_whole(evaluations);

    let kinds: Vec<String> = log().column(
        "SELECT kind FROM events WHERE evaluation = ?1 AND kind IN ('leased', 'released', 'lost', 'finished') ORDER BY number",
        [evaluation],
    );
    assert_eq!(kinds, ["leased", "released", "leased", "finished"]);
    let trainer: Vec<String> =
        log().column("SELECT trainer FROM evaluations WHERE id = ?1 AND attempt = 2", [evaluation]);
    assert_eq!(trainer, ["stays/0"]);
    // Under way longer than the second hand-out took: what was before it counts.
    let seconds: f64 = log().cell("SELECT seconds FROM evaluations WHERE id = ?1", [evaluation]).unwrap();
    let curve: String = log().cell("SELECT curve FROM evaluations WHERE id = ?1", [evaluation]).unwrap();
    let curve: serde_json::Value = serde_json::from_str(&curve).unwrap();
    let epochs: Vec<u64> =
        curve.as_array().unwrap().iter().map(|report| report["epoch"].as_u64().unwrap()).collect();
    assert!(epochs.iter().copied().eq(1..=epochs.len() as u64), "{epochs:?}");
    let second: f64 = log()
        .cell(
            "SELECT max(CASE kind WHEN 'finished' THEN elapsed_s END) - max(CASE kind WHEN 'leased' THEN elapsed_s END)
             FROM events WHERE evaluation = ?1",
            [evaluation],
        )
        .unwrap();
    eprintln!("{} epochs in {seconds:.1} s, {second:.1} s of them after the hand-over", epochs.len());
    assert!(
        seconds > second,
        "it has begun anew: {seconds:.2} s under way, {second:.2} s since it changed hands"
    );
    assert!(done.stdout.contains("handed back 1"), "{}", done.stdout);
}
