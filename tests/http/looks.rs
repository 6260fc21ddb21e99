//! What the API tells of a run, while it goes on.

use super::{
    common::wait_until,
    pseudo::Terminal,
    scene::{Scene, connect, raw},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
};

/// Evaluations that have ended before anybody looks closely.
const ENDED: u64 = 20;

#[test]
fn a_run_is_seen_as_it_goes_on() {
    let mut scene = Scene::new(&["--evaluations=100000"]);
    scene.work("w1", 0.05, &[]);
    let run = scene.wait_for_run("evaluations have ended", |run| {
        run["outcomes"]["completed"].as_u64() >= Some(ENDED) && run["best"].is_object()
    });
    assert_eq!((run["name"].as_str(), run["stage"].as_str()), (Some("digits"), Some("search")));
    assert_eq!(
        (run["task"].as_str(), run["score_name"].as_str()),
        (Some("classification"), Some("accuracy"))
    );
    assert_eq!((run["paused"].as_bool(), &run["ending"]), (Some(false), &Value::Null));
    assert_eq!(run["data"]["inputs"], serde_json::json!([1, 8, 8]));
    assert!(run["started_at"].as_str().unwrap().ends_with('Z') && run["per_hour"].as_f64() > Some(0.0));
    assert_eq!(run["evaluations_max"], 100_000);
    points_are_told_once(&scene);
    individuals_are_sorted_and_filtered(&scene);
    one_individual_is_told_whole(&scene, run["best"]["id"].as_u64().unwrap());
    let front = scene.get("/api/v1/front").json();
    let scores: Vec<f64> =
        front["items"].as_array().unwrap().iter().map(|one| one["score"].as_f64().unwrap()).collect();
    assert!(!scores.is_empty() && scores.is_sorted_by(|one, other| one > other), "{front}");
    events_come(&scene);
    the_terminal_view_understands(&scene);
    the_document_is_served(&scene);
}

fn points_are_told_once(scene: &Scene) {
    let first = scene.get("/api/v1/points").json();
    let next = first["next"].as_u64().unwrap();
    let column = |points: &Value, name: &str| points[name].as_array().unwrap().len() as u64;
    for name in
        ["ids", "finished_s", "scores", "parameters", "multiply_adds", "seconds", "outcomes", "makers"]
    {
        assert_eq!(column(&first, name), next, "{name}");
    }
    assert!(next >= ENDED);
    let outcome = first["outcomes"][0].as_u64().unwrap() as usize;
    assert_eq!(first["outcome_words"][outcome], "completed");
    let later = scene.get(&format!("/api/v1/points?after={next}")).json();
    assert_eq!(later["after"].as_u64(), Some(next));
    assert_eq!(column(&later, "ids"), later["next"].as_u64().unwrap() - next);
    assert_eq!(scene.get("/api/v1/points?after=999999999").json()["ids"], serde_json::json!([]));
    let head = format!("GET /api/v1/points HTTP/1.1\r\nHost: {}\r\n", scene.address());
    let packed =
        raw(scene.address(), format!("{head}Accept-Encoding: gzip\r\nConnection: close\r\n\r\n").as_bytes());
    assert!(packed.to_lowercase().contains("content-encoding: gzip"), "{}", packed.lines().next().unwrap());
}

fn individuals_are_sorted_and_filtered(scene: &Scene) {
    let items = |query: &str| {
        let answer = scene.get(&format!("/api/v1/individuals?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.json()["items"].as_array().unwrap().clone()
    };
    let numbers = |query: &str, name: &str| -> Vec<f64> {
        items(query).iter().filter_map(|item| item[name].as_f64()).collect()
    };
    assert!(numbers("sort=-score&limit=10", "score").is_sorted_by(|one, other| one >= other));
    assert!(numbers("sort=parameters&limit=500", "parameters").is_sorted());
    assert_eq!(numbers("sort=id&limit=3&offset=2", "id"), [3.0, 4.0, 5.0]);
    assert!(numbers("max_parameters=5000&limit=500", "parameters").iter().all(|count| *count <= 5000.0));
    assert!(items("outcome=completed&limit=5").iter().all(|item| item["outcome"] == "completed"));
    assert!(items("maker=breeder").iter().all(|item| item["maker"] == "breeder"));
    let some = items("sort=id&limit=1")[0]["summary"].as_str().unwrap().to_owned();
    let word = some.split(' ').next().unwrap().to_uppercase();
    let found = items(&format!("q={word}&limit=500"));
    assert!(!found.is_empty());
    assert!(found.iter().all(|item| item["summary"].as_str().unwrap().to_uppercase().contains(&word)));
    assert!(items("q=%25nothing%25").is_empty(), "no character is a pattern");
    for (query, words) in [
        ("sort=beauty", "sort"),
        ("outcome=lucky", "outcome"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("offset=x", "offset"),
        ("colour=red", "colour"),
        ("min_score=", "min_score"),
    ] {
        let message = scene.get(&format!("/api/v1/individuals?{query}")).refused(400);
        assert!(message.contains(words), "{query}: {message}");
    }
}

fn one_individual_is_told_whole(scene: &Scene, id: u64) {
    let one = scene.get(&format!("/api/v1/individuals/{id}")).json();
    assert_eq!(one["id"].as_u64(), Some(id));
    let evaluation = &one["evaluations"][0];
    assert_eq!(
        (evaluation["kind"].as_str(), evaluation["state"].as_str()),
        (Some("search"), Some("finished"))
    );
    assert!(evaluation["curve"].as_array().is_some_and(|curve| !curve.is_empty()));
    let layers = one["layers"].as_array().unwrap();
    assert_eq!(
        (layers[0]["kind"].as_str(), layers.last().unwrap()["kind"].as_str()),
        (Some("input"), Some("output"))
    );
    let parameters: u64 = layers.iter().map(|layer| layer["parameters"].as_u64().unwrap()).sum();
    assert_eq!(Some(parameters), one["parameters"].as_u64(), "the layers' add up");
    let parents: BTreeSet<u64> =
        one["parents"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    let lineage: Vec<u64> =
        one["lineage"].as_array().unwrap().iter().filter_map(|relative| relative["id"].as_u64()).collect();
    assert_eq!(
        lineage.iter().take(parents.len()).copied().collect::<BTreeSet<u64>>(),
        parents,
        "nearest first"
    );
    let drawing = scene.get(&format!("/api/v1/individuals/{id}/drawing.svg"));
    assert_eq!(drawing.headers["content-type"], "image/svg+xml");
    assert!(
        drawing.text().starts_with("<svg ")
            && drawing.headers["content-security-policy"].to_str().unwrap().contains("sandbox")
    );
    for missing in ["99999999", "99999999/drawing.svg", "99999999/model.onnx"] {
        scene.get(&format!("/api/v1/individuals/{missing}")).refused(404);
    }
    scene.get("/api/v1/individuals/best").refused(400);
}

/// Reads a stream of events until it has seen those that are wanted.
fn events_come(scene: &Scene) {
    let mut stream = connect(scene.address());
    let request = format!("GET /api/v1/events?after=0 HTTP/1.1\r\nHost: {}\r\n\r\n", scene.address());
    stream.write_all(request.as_bytes()).unwrap();
    let (mut seen, mut next, mut name) = (BTreeSet::new(), 0, String::new());
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(event) = line.strip_prefix("event: ") {
            name = event.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).unwrap();
            match name.as_str() {
                "run" => assert_eq!(data["name"], "digits"),
                "nodes" => assert_eq!(data["nodes"][0]["name"], "w1"),
                "points" => {
                    assert_eq!(data["after"].as_u64(), Some(next), "nothing is left out");
                    next = data["next"].as_u64().unwrap();
                }
                other => panic!("what is {other}?"),
            }
            seen.insert(name.clone());
        }
        if seen.len() == 3 && next > ENDED {
            return;
        }
    }
    panic!("the stream has ended: {seen:?}");
}

/// `hatchery top` at the server, in a terminal.
fn the_terminal_view_understands(scene: &Scene) {
    let mut terminal = Terminal::start(&["top", scene.url()], 160, 50);
    terminal.shows(&[
        "digits",
        "search",
        "best: network ",
        "nodes (",
        "w1",
        "breeder ",
        "completed",
        "q ends",
    ]);
    terminal.press(b"q");
    assert!(terminal.ends().success());
    terminal.is_as_it_was();
}

fn the_document_is_served(scene: &Scene) {
    let document = scene.get("/api/v1/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        if methods.get("get").is_some() && !path.contains('{') && !path.ends_with("/events") {
            assert_eq!(scene.get(path).status, 200, "{path}");
        }
    }
    assert!(paths.contains_key("/api/v1/nodes/{name}/drain"));
    let page = scene.get("/");
    let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http")
    );
    assert!(page.text().contains("<title>"));
}

#[test]
fn a_run_that_goes_on_is_seen_from_its_begin() {
    let mut scene = Scene::new(&["--evaluations=100000"]);
    scene.work("w1", 0.02, &[]);
    scene.wait_for_run("evaluations have ended", |run| run["evaluations"].as_u64() >= Some(ENDED));
    scene.coordinator.kill();
    scene.resume();
    scene.wait_for_run("it is seen again", |run| {
        let incident = run["incidents"][0].as_str().unwrap_or_default();
        run["evaluations"].as_u64() > Some(ENDED) && incident.contains("coordinator restarts 1")
    });
    wait_until("all points are there", || {
        let ids = scene.get("/api/v1/points").json()["ids"].as_array().unwrap().len() as u64;
        ids > ENDED
    });
}

#[test]
fn nothing_is_served_where_it_is_off() {
    let mut scene = Scene::new(&["--evaluations=100000"]);
    scene.work("silent", 0.05, &["--http=off"]);
    wait_until("it has joined", || scene.node("silent")["state"] == "here");
    assert_eq!(scene.node("silent")["http"], Value::Null);
    let targets = scene.get("/api/v1/targets").json();
    assert_eq!(targets.as_array().unwrap().len(), 1, "{targets}");
}
