//! Scenarios among nodes of one program: letters, losses, returns, and those who do not belong.

use crate::Scenario;
use crate::handle::{Cluster, Node};
use hatchery_actors::cluster::LETTER_BYTES_MAX;
use hatchery_actors::protocol::letters::PROTOCOL_VERSION;
use rustix::process::Signal;
use std::net::SocketAddr;
use std::time::Instant;

pub const SCENARIOS: &[Scenario] = &[
    ("letters_go_both_ways", letters_go_both_ways),
    ("letters_go_both_ways_encrypted", letters_go_both_ways_encrypted),
    ("a_killed_worker_is_down", a_killed_worker_is_down),
    ("a_restarted_coordinator_has_its_workers_back", a_restarted_coordinator_has_its_workers_back),
    ("who_is_hung_up_on_comes_again", who_is_hung_up_on_comes_again),
    ("a_stopped_worker_is_down_and_gets_nothing_stale", a_stopped_worker_is_down_and_gets_nothing_stale),
    ("versions_differ", versions_differ),
    ("cookies_differ", cookies_differ),
    ("certificates_differ", certificates_differ),
    ("one_side_encrypts", one_side_encrypts),
];

/// A coordinator and where it listens.
pub fn coordinator(cluster: &Cluster) -> (Node, SocketAddr) {
    let mut coordinator = cluster.node("coordinator");
    let address = coordinator.listen();
    (coordinator, address)
}

/// A worker that has joined.
pub fn worker(cluster: &Cluster, name: &str, coordinator: &mut Node, address: SocketAddr) -> Node {
    let mut worker = cluster.node(name);
    worker.join(address);
    coordinator.hear_line(&format!("up {name}"));
    worker.hear_line("up coordinator");
    worker
}

fn letters_go_both_ways() {
    exchange(&Cluster::plain());
}

fn letters_go_both_ways_encrypted() {
    exchange(&Cluster::encrypted());
}

fn exchange(cluster: &Cluster) {
    let (mut coordinator, address) = coordinator(cluster);
    let mut worker = worker(cluster, "worker", &mut coordinator, address);
    for number in 0..200 {
        worker.ask(&coordinator, &format!("from-worker-{number}"));
        coordinator.ask(&worker, &format!("from-coordinator-{number}"));
    }
    // In order, without waiting for each.
    let sizes: Vec<usize> = (0..100).map(|number| (number * 7919) % 300_000).collect();
    sizes.iter().for_each(|bytes| worker.send_piece(&coordinator, *bytes));
    for bytes in sizes {
        assert_eq!(coordinator.hear_line("piece worker"), bytes.to_string());
    }
    // Far more than may wait at once, if what is written were not known to be written.
    for _ in 0..30 {
        worker.send_piece(&coordinator, LETTER_BYTES_MAX - 100);
        coordinator.hear_line("piece worker");
    }
    worker.send_piece(&coordinator, LETTER_BYTES_MAX);
    assert!(worker.hear_line("unsent").contains("exceeds"));
    worker.tell("piece nobody 1 10");
    assert!(worker.hear_line("unsent").contains("no connection"));
    assert!(worker.said().is_empty() && coordinator.said().is_empty());

    // The last letter before a node closes arrives, and each side says that the other is down.
    worker.send_piece(&coordinator, 12_345);
    let last = worker.close();
    assert!(last.iter().any(|line| line.starts_with("down coordinator")), "{last:?}");
    coordinator.hear_line("piece worker 12345");
    coordinator.hear_line("down worker");
    assert_eq!(coordinator.close(), ["closed"]);
}

fn a_killed_worker_is_down() {
    let cluster = Cluster::plain();
    let (mut coordinator, address) = coordinator(&cluster);
    let mut bystander = worker(&cluster, "bystander", &mut coordinator, address);
    for _ in 0..3 {
        let killed = worker(&cluster, "worker", &mut coordinator, address);
        let begin = Instant::now();
        killed.kill();
        coordinator.hear_line("down worker");
        println!("  down after {:?}", begin.elapsed());
        bystander.ask(&coordinator, "still-here");
    }
}

fn a_restarted_coordinator_has_its_workers_back() {
    let cluster = Cluster::plain();
    let (mut coordinator, address) = coordinator(&cluster);
    let mut workers: Vec<_> = (0..3)
        .map(|number| worker(&cluster, &format!("worker-{number}"), &mut coordinator, address))
        .collect();
    coordinator.kill();
    workers.iter_mut().for_each(|worker| drop(worker.hear_line("down coordinator")));
    let mut coordinator = cluster.node("coordinator");
    assert_eq!(coordinator.listen_at(address), address);
    for worker in &mut workers {
        worker.hear_line("up coordinator");
        worker.ask(&coordinator, "welcome-back");
    }
}

fn who_is_hung_up_on_comes_again() {
    let cluster = Cluster::plain();
    let (mut coordinator, address) = coordinator(&cluster);
    let mut worker = worker(&cluster, "worker", &mut coordinator, address);
    for _ in 0..5 {
        coordinator.tell(&format!("hang-up worker {}", worker.pid()));
        assert_eq!(coordinator.hear_line("down worker"), "asked to");
        worker.hear_line("down coordinator");
        coordinator.hear_line("up worker");
        worker.hear_line("up coordinator");
        worker.ask(&coordinator, "again");
    }
    assert!(worker.said().is_empty() && coordinator.said().is_empty(), "one `down` for each `up`");
}

fn a_stopped_worker_is_down_and_gets_nothing_stale() {
    let cluster = Cluster::plain();
    let (mut coordinator, address) = coordinator(&cluster);
    let mut worker = worker(&cluster, "worker", &mut coordinator, address);
    let begin = Instant::now();
    worker.signal(Signal::STOP);
    // 100 MiB: more than may wait.
    (0..100).for_each(|_| coordinator.send_piece(&worker, 1 << 20));
    assert!(coordinator.hear_line("unsent").contains("does not read"));
    let reason = coordinator.hear_line("down worker");
    println!("  down after {:?}: {reason}", begin.elapsed());
    assert!(reason.contains("nothing"), "{reason}");
    worker.signal(Signal::CONT);
    coordinator.hear_line("up worker");
    worker.hear_line("down coordinator");
    worker.hear("up coordinator", |line| {
        assert!(!line.starts_with("piece"), "what waited for the old connection comes on the new one");
        line.starts_with("up coordinator").then_some(())
    });
    worker.ask(&coordinator, "awake");
}

fn versions_differ() {
    let cluster = Cluster::plain();
    let (mut coordinator, address) = coordinator(&cluster);
    let mut worker = cluster.newer_node("worker");
    worker.join(address);
    worker.hear_line("up coordinator");
    worker.tell(&format!("ask coordinator {} anything", coordinator.pid()));
    let (ours, theirs) = (PROTOCOL_VERSION, PROTOCOL_VERSION + 1);
    assert_eq!(coordinator.hear_line("other-version worker"), theirs.to_string());
    let refusal = worker.hear_line("refused coordinator");
    let both = [ours, theirs].map(|version| refusal.contains(&format!("version {version}")));
    assert_eq!(both, [true, true], "{refusal}");
}

fn cookies_differ() {
    for cluster in [Cluster::plain(), Cluster::encrypted()] {
        let (mut coordinator, address) = coordinator(&cluster);
        let other = Cluster::plain();
        let mut stranger = cluster.node_with_cookie_of(&other, "stranger");
        stranger.join(address);
        let trouble = stranger.trouble();
        assert!(trouble.contains("cookie") && trouble.contains(&address.to_string()), "{trouble}");
        let mut friend = worker(&cluster, "worker", &mut coordinator, address);
        friend.ask(&coordinator, "friend");
        assert!(coordinator.said().is_empty() && stranger.said().is_empty(), "strangers are not spoken of");
    }
}

fn certificates_differ() {
    let cluster = Cluster::encrypted();
    let (mut coordinator, address) = coordinator(&cluster);
    let other = Cluster::encrypted();
    let mut stranger = cluster.node_with_certificates_of(&other, "stranger");
    stranger.join(address);
    let trouble = stranger.trouble();
    assert!(trouble.contains("certificate"), "{trouble}");
    let mut friend = worker(&cluster, "worker", &mut coordinator, address);
    friend.ask(&coordinator, "friend");
    assert!(coordinator.said().is_empty() && stranger.said().is_empty());
}

fn one_side_encrypts() {
    let (plain, encrypted) = (Cluster::plain(), Cluster::encrypted());
    let (_listening, address) = coordinator(&encrypted);
    let mut worker = encrypted.node_with_certificates_of(&plain, "worker");
    worker.join(address);
    let trouble = worker.trouble();
    assert!(trouble.contains("TLS") && trouble.contains("certificate"), "{trouble}");

    let (_listening, address) = coordinator(&plain);
    let mut worker = plain.node_with_certificates_of(&encrypted, "worker");
    worker.join(address);
    let trouble = worker.trouble();
    assert!(trouble.contains("does it listen with TLS"), "{trouble}");
}
