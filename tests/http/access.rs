//! Who may look, and who may change.

use super::{
    common::wait_until,
    scene::{Scene, ask, program, raw},
};
use std::{fs, os::unix::fs::PermissionsExt};

/// What changes a run.
const CHANGES: [&str; 5] = ["run/stop", "run/pause", "run/resume", "run/budget", "nodes/w1/drain"];

#[test]
fn on_loopback_changes_need_the_token_and_looks_their_own_name() {
    let scene = Scene::new(&["--evaluations=10"]);
    let token = scene.token();
    assert_eq!(
        (token.len(), fs::metadata(scene.root().join("token")).unwrap().permissions().mode() & 0o777),
        (64, 0o600)
    );
    for change in CHANGES {
        let path = format!("/api/v1/{change}");
        for wrong in [None, Some(""), Some("0"), Some(&token[1..])] {
            let refused = ask(scene.url(), "POST", &path, wrong, Some("{}"));
            refused.refused(401);
            assert_eq!(refused.headers["www-authenticate"], "Bearer");
        }
        assert_eq!(scene.get(&path).status, 405);
        // A method that no token would help: told without one.
        for wrong in ["PUT", "DELETE", "OPTIONS"] {
            let refused = ask(scene.url(), wrong, &path, None, Some("{}"));
            refused.refused(405);
            assert_eq!(refused.headers["allow"], "POST", "{wrong}");
        }
    }
    for look in ["/api/v1/run", "/api/v1/individuals/1", "/metrics", "/"] {
        let refused = ask(scene.url(), "POST", look, None, Some("{}"));
        refused.refused(405);
        assert_eq!(refused.headers["allow"], "GET,HEAD", "{look}");
        assert_eq!(refused.headers["x-content-type-options"], "nosniff");
    }
    ask(scene.url(), "POST", "/nowhere", None, Some("{}")).refused(401);
    assert_eq!(scene.get("/api/v1/run").json()["paused"], false, "nothing was changed");
    assert!(!scene.has_ended(), "nor was the run stopped");
    let foreign = b"DELETE /api/v1/run HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(raw(scene.address(), foreign).starts_with("HTTP/1.1 403 "), "under another name nothing is told");
    for (host, status) in
        [("localhost", 200), ("127.0.0.1:1", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403)]
    {
        let request = format!("GET /api/v1/run HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw(scene.address(), request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    let run = scene.get("/api/v1/run");
    assert_eq!(run.headers["x-content-type-options"], "nosniff");
    assert_eq!(run.headers["cache-control"], "no-store");
    assert!(run.headers.get("access-control-allow-origin").is_none());
}

#[test]
fn elsewhere_every_look_needs_the_token() {
    let mut scene = Scene::new(&["--evaluations=100000", "--http=0.0.0.0:0"]);
    let port = scene.address().rsplit_once(':').unwrap().1.to_owned();
    let url = format!("http://127.0.0.1:{port}");
    let token = scene.token();
    for path in ["/metrics", "/api/v1/run", "/api/v1/events", "/api/v1/openapi.json", "/nowhere"] {
        ask(&url, "GET", path, None, None).refused(401);
    }
    ask(&url, "DELETE", "/api/v1/run", None, None).refused(405);
    ask(&url, "GET", "/api/v1/run/stop", None, None).refused(405);
    ask(&url, "DELETE", "/nowhere", None, None).refused(401);
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(ask(&url, "GET", path, None, None).status, 200, "{path}");
    }
    assert_eq!(ask(&url, "GET", "/api/v1/run", Some(&token), None).status, 200);
    assert!(ask(&url, "GET", "/metrics", Some(&token), None).text().contains("hatchery_workers"));
    // A worker has no run directory to keep a token in.
    let join =
        ["worker", "--join=127.0.0.1:1", "--cookie-file=run/cookie", "--devices=cpu", "--simulate=fixed:0"];
    let refused = program(scene.folder(), &[&join[..], &["--http=0.0.0.0:0"]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--http-token-file"));
    scene.work("open", 0.05, &["--http=0.0.0.0:0", "--http-token-file=worker-token"]);
    let file = scene.folder().join("worker-token");
    wait_until("the worker has made its token", || file.exists());
    let nodes = || ask(&url, "GET", "/api/v1/nodes", Some(&token), None).json();
    wait_until("it has joined", || nodes()["nodes"][0]["http"].is_string());
    let http = nodes()["nodes"][0]["http"].as_str().unwrap().to_owned();
    let worker = format!("http://127.0.0.1:{}", http.rsplit_once(':').unwrap().1);
    ask(&worker, "GET", "/metrics", None, None).refused(401);
    let own = fs::read_to_string(file).unwrap();
    assert_eq!(ask(&worker, "GET", "/metrics", Some(own.trim()), None).status, 200);
}
