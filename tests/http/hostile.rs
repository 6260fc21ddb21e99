//! Those who mean harm, or know no better: the run goes on, others are answered, and no text is anything but text.

use super::{
    common::wait_until,
    scene::{Scene, connect, raw},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

/// A text that a page might take for something else than text.
const HOSTILE: &str = "<img src=x onerror=alert(1)> \"q\" &amp; 'a'";

/// Connections that do nothing.
const IDLE: usize = 1000;

#[test]
fn what_is_no_request_is_refused_and_harms_nobody() {
    let scene = Scene::new(&["--evaluations=10"]);
    let host = format!("Host: {}\r\nConnection: close\r\n", scene.address());
    let long = "x".repeat(100_000);
    let many = (0..200).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    let requests = [
        "\r\n\r\n".to_owned(),
        "hello\r\n\r\n".to_owned(),
        "\u{0}\u{1}\u{2}\u{16}\u{3}\u{1}\r\n\r\n".to_owned(),
        format!("GET / HTTP/9.9\r\n{host}\r\n"),
        format!("GET /{long} HTTP/1.1\r\n{host}\r\n"),
        format!("GET / HTTP/1.1\r\n{host}X: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}{many}\r\n"),
        format!("GET /../../etc/passwd HTTP/1.1\r\n{host}\r\n"),
        format!("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n{host}\r\n"),
        format!("BREW /api/v1/run HTTP/1.1\r\n{host}\r\n"),
        format!("DELETE /api/v1/run HTTP/1.1\r\n{host}\r\n"),
        format!("POST /api/v1/run/budget HTTP/1.1\r\n{host}Content-Length: 99999999999\r\n\r\n"),
        format!("POST /api/v1/run/budget HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nZZZ\r\n"),
        format!("GET /api/v1/individuals/18446744073709551616 HTTP/1.1\r\n{host}\r\n"),
        format!("GET /api/v1/individuals/%00%ff HTTP/1.1\r\n{host}\r\n"),
        format!("GET /api/v1/individuals?q=%00%27%22&sort=id HTTP/1.1\r\n{host}\r\n"),
    ];
    for request in &requests {
        let answer = raw(scene.address(), request.as_bytes());
        let status: u16 = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let begin: String = request.chars().take(60).collect();
        // A connection may be closed without a word; nothing is a defect.
        assert!(status < 500, "{begin:?}: {}", answer.lines().next().unwrap_or_default());
        assert!(!answer.contains("root:"), "{begin:?}");
    }
    let token = scene.token();
    let large = format!(
        "POST /api/v1/run/budget HTTP/1.1\r\n{host}Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{long}",
        long.len()
    );
    assert!(raw(scene.address(), large.as_bytes()).starts_with("HTTP/1.1 413 "));
    assert_eq!(scene.get("/api/v1/run").status, 200);
}

#[test]
fn a_thousand_idle_connections_and_slow_readers_do_not_hold_a_run_up() {
    let mut scene = Scene::new(&["--evaluations=400"]);
    let mut idle = Vec::new();
    for number in 0..IDLE {
        let Ok(mut stream) = TcpStream::connect(scene.address()) else { continue };
        if number % 3 == 0 {
            _ = stream.write_all(b"GET /api/v1/ru");
        }
        idle.push(stream);
    }
    assert!(idle.len() > IDLE / 2, "only {} connections were made", idle.len());
    // They ask for much and read nothing.
    let mut slow = Vec::new();
    for number in 0..40 {
        let mut stream = connect(scene.address());
        let path = if number % 2 == 0 { "events" } else { "points" };
        let request = format!("GET /api/v1/{path} HTTP/1.1\r\nHost: {}\r\n\r\n", scene.address());
        for _ in 0..if path == "points" { 20 } else { 1 } {
            _ = stream.write_all(request.as_bytes());
        }
        slow.push(stream);
    }
    scene.work("w1", 0.005, &[]);
    scene.wait_for_run("the run goes on", |run| run["evaluations"].as_u64() >= Some(200));
    assert_eq!(scene.get("/metrics").status, 200);
    wait_until("the run is complete", || scene.has_ended());
    drop((idle, slow));
}

#[test]
fn no_more_listen_to_events_than_may() {
    let scene = Scene::new(&["--evaluations=10"]);
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", scene.address());
    let listen = || {
        let mut stream = connect(scene.address());
        stream.write_all(request.as_bytes()).unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).unwrap();
        (String::from_utf8_lossy(&begin).into_owned(), stream)
    };
    let listeners: Vec<_> = (0..100).map(|_| listen()).collect();
    assert!(listeners.iter().all(|(status, _)| status == "HTTP/1.1 200"));
    assert_eq!(listen().0, "HTTP/1.1 503");
    drop(listeners);
    wait_until("there is room again", || listen().0 == "HTTP/1.1 200");
}

#[test]
fn texts_are_texts() {
    let mut scene = {
        let folder = tempfile::tempdir().unwrap();
        let rows: String =
            (0..60).map(|row| format!("{row},{},\"<b>{}</b>\"\n", row * 7 % 13, row % 3)).collect();
        let name = format!("{}.csv", HOSTILE.replace('/', "_"));
        fs::write(folder.path().join(&name), format!("a,b,<script>\n{rows}")).unwrap();
        let source = folder.path().join(name).to_str().unwrap().replace('"', "\\\"");
        let experiment =
            format!("name = \"texts\"\n[data]\nsource = \"csv:{source}\"\n[space]\nlayers = [\"dense\"]\n");
        let file = folder.path().join("texts.toml");
        fs::write(&file, experiment).unwrap();
        let scene = Scene::new(&[file.to_str().unwrap(), "--evaluations=100000"]);
        // The coordinator has its data by now.
        drop(folder);
        scene
    };
    scene.work(HOSTILE, 0.05, &[]);
    let run = scene.wait_for_run("evaluations have ended", |run| run["evaluations"].as_u64() >= Some(3));
    assert!(run["data"]["source"].as_str().unwrap().contains(HOSTILE), "{run}");
    wait_until("its worker is seen", || scene.node(HOSTILE)["state"] == "here");
    for path in
        ["/api/v1/run", "/api/v1/nodes", "/api/v1/individuals", "/api/v1/targets", "/api/v1/individuals/1"]
    {
        let answer = scene.get(path);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        answer.json();
    }
    let missing = scene.get("/api/v1/individuals?sort=%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert!(missing.refused(400).contains("<script>"), "told back as JSON, which is no page");
    assert!(!scene.get("/metrics").text().contains("onerror"));
    assert!(!scene.get("/api/v1/individuals/1/drawing.svg").text().contains("<img"));
    let drained = scene.post(&format!("/api/v1/nodes/{}/drain", "%3Cimg%20src=x%3E"), "");
    assert!(drained.refused(404).contains("<img src=x>"));
}
