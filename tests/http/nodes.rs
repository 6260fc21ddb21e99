//! Workers that come and go, as metrics and API show it.

use super::{common::wait_until, scene::Scene};

fn here(scene: &Scene) -> Option<String> {
    let text = scene.get("/metrics").text();
    text.lines().find_map(|line| line.strip_prefix("hatchery_workers{state=\"here\"} ")).map(str::to_owned)
}

#[test]
fn a_worker_that_is_killed_is_seen_to_be_gone_and_to_be_back() {
    let mut scene = Scene::new(&["--evaluations=100000"]);
    scene.work("w1", 0.05, &[]);
    scene.work("w2", 0.05, &[]);
    wait_until("both work", || {
        here(&scene).as_deref() == Some("2") && scene.node("w2")["evaluations"].as_u64() > Some(0)
    });
    let node = scene.node("w2");
    assert_eq!((node["state"].as_str(), node["device"].as_str()), (Some("here"), Some("2 x cpu")));
    assert_eq!(node["slots"].as_array().map(Vec::len), Some(2));
    scene.workers[1].kill();
    wait_until("the metrics show it", || here(&scene).as_deref() == Some("1"));
    let node = scene.node("w2");
    assert_eq!(node["state"], "gone");
    assert!(node["reason"].as_str().is_some_and(|reason| reason.contains("connection has ended")), "{node}");
    assert_eq!(node["slots"].as_array().map(Vec::len), Some(0));
    scene.work("w2", 0.05, &[]);
    wait_until("it is back", || here(&scene).as_deref() == Some("2"));
    wait_until("as a process that was started again", || scene.node("w2")["restarts"] == 1);
    let node = scene.node("w2");
    assert_eq!((node["state"].as_str(), node["reason"].as_str()), (Some("here"), None), "{node}");
    let text = scene.get("/metrics").text();
    assert!(text.contains("\nhatchery_worker_restarts_total 1\n"), "{text}");
}

#[test]
fn a_worker_opens_more_trainers_when_its_device_may_do_more_with_them() {
    let mut scene = Scene::new(&["--evaluations=100000"]);
    scene.work_in("..4", "packed", 0.05, &[]);
    let at_work = |scene: &Scene| scene.node("packed")["slots"].as_array().map_or(0, Vec::len);
    wait_until("it works", || at_work(&scene) > 0);
    assert_eq!(at_work(&scene), 1, "it begins with one trainer");
    assert_eq!(scene.node("packed")["device"], "4 x cpu");
    // Trainings that pretend do twice as much side by side.
    wait_until("it tries two", || at_work(&scene) == 2);
}
