//! A node process. Says on standard output what its link says, one line each; does what standard input asks for.
//!
//! It answers every `Ask` with a `Missing` of the same name, so that whoever asks knows that letters go both ways.

use hatchery_actors::cluster::{Cluster, Cookie, Door, Security, TlsFiles};
use hatchery_actors::link::{Ear, Link, LinkEvent};
use hatchery_actors::protocol::letters::{
    BlobName, Letter, NodeName, PROTOCOL_VERSION, Piece, ToCoordinator, ToWorker,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

/// The first argument of a process that is to be a node.
pub const ROLE: &str = "node";

/// What the events may lag behind: nothing in the scenarios comes near.
const EVENTS_MAX: usize = 1 << 16;

/// Runs until standard input ends. Arguments: name, cookie file, folder of certificates or `-`, what to add to the
/// version.
pub fn run(arguments: &[String]) {
    let [name, cookie, certificates, newer] = arguments else { panic!("four arguments, not {arguments:?}") };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let security = security(Path::new(cookie), certificates);
        let name = NodeName { stable: name.clone(), incarnation: u64::from(std::process::id()) };
        let (sender, events) = mpsc::sync_channel(EVENTS_MAX);
        let sender = Arc::new(Mutex::new(sender));
        let heard_last = Arc::clone(&sender);
        let ear: Ear = Arc::new(move |event| sender.lock().unwrap().send(Some(event)).unwrap());
        let version = PROTOCOL_VERSION + newer.parse::<u16>().unwrap();
        let cluster = Cluster::start_speaking(version, name, security, ear).await.unwrap();
        let answering = Arc::clone(&cluster);
        let listening = std::thread::spawn(move || {
            events.into_iter().map_while(|event| event).for_each(|event| heard(&answering, event));
        });
        obey(&cluster).await;
        cluster.close().await;
        heard_last.lock().unwrap().send(None).unwrap();
        listening.join().unwrap();
        say("closed");
    });
    std::process::exit(0);
}

fn security(cookie: &Path, certificates: &str) -> Security {
    let folder = Path::new(certificates);
    let tls = (certificates != "-").then(|| TlsFiles {
        ca: folder.join("ca.pem"),
        certificate: folder.join("node.pem"),
        key: folder.join("node.key"),
    });
    Security { cookie: Cookie::read(cookie).unwrap(), tls }
}

fn say(line: &str) {
    // The scenario has ended where nobody listens.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn heard(cluster: &Cluster, event: LinkEvent) {
    match event {
        LinkEvent::Up(node) => say(&format!("up {}", node.stable)),
        LinkEvent::Down(node, reason) => say(&format!("down {} {reason}", node.stable)),
        LinkEvent::OtherVersion(node, version) => say(&format!("other-version {} {version}", node.stable)),
        LinkEvent::Refused(node, reason) => say(&format!("refused {} {reason}", node.stable)),
        LinkEvent::Letter(node, letter) => match *letter {
            Letter::ToCoordinator(ToCoordinator::Ask(name, _)) => {
                let answer = Letter::ToWorker(ToWorker::Missing(name, String::new()));
                if let Err(trouble) = cluster.send(&node, answer) {
                    say(&format!("unanswered {} {trouble}", node.stable));
                }
            }
            Letter::ToWorker(ToWorker::Missing(BlobName::Data(text), _)) => {
                say(&format!("answer {} {text}", node.stable));
            }
            Letter::ToCoordinator(ToCoordinator::Piece(piece)) => {
                say(&format!("piece {} {}", node.stable, piece.bytes.len()));
            }
            other => say(&format!("letter {} {other:?}", node.stable)),
        },
    }
}

async fn obey(cluster: &Arc<Cluster>) {
    let (sender, mut lines) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if sender.blocking_send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["listen", address] => {
                let door = Door::open(address.parse().unwrap()).unwrap();
                let address = door.address();
                cluster.listen(door).await.unwrap();
                say(&format!("listening {address}"));
            }
            ["join", address] => cluster.join(vec![address.to_owned()]),
            ["ask", to, process, text] => {
                let ask = Letter::ToCoordinator(ToCoordinator::Ask(BlobName::Data(text.to_owned()), 0));
                send(cluster, to, process, ask);
            }
            ["piece", to, process, bytes] => send(cluster, to, process, piece(bytes.parse().unwrap())),
            ["hang-up", to, process] => cluster.hang_up(&node(to, process), "asked to"),
            ["files", most] => limit_files(most.parse().unwrap()),
            ["trouble"] => {
                say(&format!("trouble {}", cluster.trouble().map(|it| it.words).unwrap_or_default()))
            }
            _ => panic!("{line}"),
        }
    }
}

fn node(stable: &str, process: &str) -> NodeName {
    NodeName { stable: stable.to_owned(), incarnation: process.parse().unwrap() }
}

fn limit_files(most: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }).unwrap();
}

fn piece(bytes: usize) -> Letter {
    let blob = BlobName::Data(String::new());
    Letter::ToCoordinator(ToCoordinator::Piece(Piece { blob, offset: 0, total: 0, bytes: vec![7; bytes] }))
}

fn send(cluster: &Cluster, to: &str, process: &str, letter: Letter) {
    if let Err(trouble) = cluster.send(&node(to, process), letter) {
        say(&format!("unsent {trouble}"));
    }
}
