//! A coordinator and workers that only pretend to train, and questions to them.

use super::common::{Living, command, is_gone, wait_until};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::{TempDir, tempdir};
use ureq::{Agent, http::HeaderMap};

/// How long a socket is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run under way.
pub struct Scene {
    folder: TempDir,
    pub coordinator: Living,
    pub workers: Vec<Living>,
    join: String,
    url: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// As JSON, and said to be.
    pub fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// An error with all that belongs to one.
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let error = self.json()["error"].take();
        for part in ["code", "message", "remedy"] {
            assert!(error[part].as_str().is_some_and(|words| !words.is_empty()), "{part}: {error}");
        }
        error["message"].as_str().unwrap().to_owned()
    }
}

impl Scene {
    /// A coordinator that has no worker yet, in a run directory `run`.
    pub fn new(more: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let join = format!("127.0.0.1:{port}");
        let coordinator = Self::coordinator(folder.path(), &join, more);
        let mut scene = Self { folder, coordinator, workers: Vec::new(), join, url: String::new() };
        scene.find();
        scene
    }

    fn coordinator(folder: &Path, join: &str, more: &[&str]) -> Living {
        let fixed = [
            "coordinator",
            "--quiet",
            "--listen",
            join,
            "--out=run",
            "--set=final.enabled=false",
            "--set=budget.time=none",
        ];
        let experiment: &[&str] =
            if more.iter().any(|option| option.ends_with(".toml")) { &[] } else { &["digits"] };
        Living::start(folder, &[&fixed[..], experiment, more].concat())
    }

    /// Another coordinator goes on with the run.
    pub fn resume(&mut self) {
        _ = fs::remove_file(self.root().join("http"));
        self.coordinator = Self::coordinator(self.folder.path(), &self.join.clone(), &["--resume"]);
        self.find();
    }

    fn find(&mut self) {
        let place = self.root().join("http");
        let address = || fs::read_to_string(&place).unwrap_or_default();
        wait_until("the coordinator says where it is to be seen", || address().ends_with('\n'));
        self.url = address().trim().to_owned();
        let url = self.url.clone();
        wait_until("it answers", || try_ask(&url, "GET", "/healthz", None, None).is_some());
    }

    /// A worker with two trainers, whose trainings take so many seconds each.
    pub fn work(&mut self, name: &str, seconds: f64, more: &[&str]) {
        self.work_in("2", name, seconds, more);
    }

    /// The same with so many trainers, as `--slots` has it.
    pub fn work_in(&mut self, slots: &str, name: &str, seconds: f64, more: &[&str]) {
        let simulate = format!("fixed:{seconds}");
        let fixed = ["worker", "--join", &self.join, "--cookie-file=run/cookie", "--devices=cpu"];
        let own = ["--slots", slots, "--name", name, "--simulate", &simulate];
        self.workers.push(Living::start(self.folder.path(), &[&fixed[..], &own, more].concat()));
    }

    /// Whether the coordinator has.
    pub fn has_ended(&self) -> bool {
        is_gone(self.coordinator.pid())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    pub fn token(&self) -> String {
        fs::read_to_string(self.root().join("token")).unwrap().trim().to_owned()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// `ADDRESS:PORT`.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(&self.url, "GET", path, None, None)
    }

    /// Tells, with the run's token.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        ask(&self.url, "POST", path, Some(&self.token()), Some(body))
    }

    /// Waits until the run is so.
    pub fn wait_for_run(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut run = Value::Null;
        wait_until(what, || {
            run = self.get("/api/v1/run").json();
            so(&run)
        });
        run
    }

    /// The node of this name, where there is one.
    pub fn node(&self, name: &str) -> Value {
        let answer = self.get("/api/v1/nodes").json();
        let nodes = answer["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["name"] == name).cloned().unwrap_or(Value::Null)
    }
}

/// Asks a server.
pub fn ask(url: &str, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Answer {
    try_ask(url, method, path, token, body).unwrap_or_else(|| panic!("{method} {url}{path} is not answered"))
}

fn try_ask(url: &str, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Option<Answer> {
    let agent: Agent =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut answer = agent.run(request.body(body.unwrap_or_default().to_owned()).unwrap()).ok()?;
    let body = answer.body_mut().with_config().limit(1 << 28).read_to_vec().ok()?;
    Some(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
}

/// A connection to a server.
pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What a server answers to these bytes until it closes the connection.
pub fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // A server may have enough before all is written.
    _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The program's answer, for those that end at once.
pub fn program(folder: &Path, arguments: &[&str]) -> std::process::Output {
    command(folder, arguments).output().unwrap()
}
