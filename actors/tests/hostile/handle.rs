//! A node process, as the scenarios hold it; and what belongs to a cluster: a folder with cookie and certificates.

use crate::node::ROLE;
use hatchery_actors::cluster::{Cookie, NODE_SERVER_NAME};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// After so long something that should happen does not. Far beyond what anything takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Lines that may wait to be read by the scenario.
const LINES_MAX: usize = 1 << 16;

/// What the nodes of one cluster share.
pub struct Cluster {
    folder: TempDir,
    tls: bool,
}

impl Cluster {
    pub fn plain() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Cookie::create(&folder.path().join("cookie")).unwrap();
        Self { folder, tls: false }
    }

    pub fn encrypted() -> Self {
        let cluster = Self { tls: true, ..Self::plain() };
        make_certificates(cluster.folder.path());
        cluster
    }

    pub fn cookie(&self) -> PathBuf {
        self.folder.path().join("cookie")
    }

    fn certificates(&self) -> &Path {
        if self.tls { self.folder.path() } else { Path::new("-") }
    }

    pub fn node(&self, name: &str) -> Node {
        Node::start(name, &self.cookie(), self.certificates(), 0)
    }

    /// One of another release.
    pub fn newer_node(&self, name: &str) -> Node {
        Node::start(name, &self.cookie(), self.certificates(), 1)
    }

    /// One with this cluster's certificates and that one's cookie.
    pub fn node_with_cookie_of(&self, other: &Self, name: &str) -> Node {
        Node::start(name, &other.cookie(), self.certificates(), 0)
    }

    /// One with this cluster's cookie and that one's certificates.
    pub fn node_with_certificates_of(&self, other: &Self, name: &str) -> Node {
        Node::start(name, &self.cookie(), other.certificates(), 0)
    }
}

fn make_certificates(folder: &Path) {
    let mut authority = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let mut node = rcgen::CertificateParams::new(vec![NODE_SERVER_NAME.to_owned()]).unwrap();
    node.extended_key_usages =
        vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.join("node.pem"), node.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    std::fs::write(folder.join("node.key"), key.serialize_pem()).unwrap();
    let for_its_owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.join("node.key"), for_its_owner).unwrap();
}

/// A node process.
pub struct Node {
    pub name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Node {
    fn start(name: &str, cookie: &Path, certificates: &Path, newer: u16) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(ROLE)
            .args([name.as_ref(), cookie.as_os_str(), certificates.as_os_str()])
            .arg(newer.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let input = child.stdin.take();
        Self { name: name.to_owned(), child, input, lines }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn tell(&mut self, command: &str) {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
    }

    /// The first line from now on that `wanted` knows; others are passed over.
    pub fn hear<T>(&mut self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let begin = Instant::now();
        let mut passed = Vec::new();
        while let Some(left) = PATIENCE.checked_sub(begin.elapsed()) {
            let Ok(line) = self.lines.recv_timeout(left) else { break };
            match wanted(&line) {
                Some(value) => return value,
                None => passed.push(line),
            }
        }
        panic!("{} never said `{what}`, but {passed:#?}", self.name);
    }

    /// Waits for a line that begins with this; returns the rest.
    pub fn hear_line(&mut self, beginning: &str) -> String {
        self.hear(beginning, |line| line.strip_prefix(beginning).map(|rest| rest.trim().to_owned()))
    }

    /// All that it has said by now.
    pub fn said(&mut self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    pub fn listen(&mut self) -> SocketAddr {
        self.listen_at("127.0.0.1:0".parse().unwrap())
    }

    pub fn listen_at(&mut self, address: SocketAddr) -> SocketAddr {
        self.tell(&format!("listen {address}"));
        self.hear_line("listening").parse().unwrap()
    }

    pub fn join(&mut self, address: SocketAddr) {
        self.tell(&format!("join {address}"));
    }

    /// Asks that node, and waits for its answer.
    pub fn ask(&mut self, other: &Self, text: &str) {
        self.tell(&format!("ask {} {} {text}", other.name, other.pid()));
        self.hear_line(&format!("answer {} {text}", other.name));
    }

    pub fn send_piece(&mut self, other: &Self, bytes: usize) {
        self.tell(&format!("piece {} {} {bytes}", other.name, other.pid()));
    }

    /// Why it does not get in: waits until it has tried.
    pub fn trouble(&mut self) -> String {
        for _ in 0..PATIENCE.as_millis() / 20 {
            self.tell("trouble");
            let trouble = self.hear_line("trouble");
            if !trouble.is_empty() {
                return trouble;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{} has no trouble", self.name);
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(self) {
        drop(self);
    }

    /// Closes it; returns what it said after that.
    pub fn close(mut self) -> Vec<String> {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().collect()
    }

    /// A line of its status in the process file system, in KiB.
    pub fn memory_kib(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
