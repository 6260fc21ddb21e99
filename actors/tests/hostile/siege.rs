//! A coordinator under attack: those who are in go on, newcomers get in, and memory stays as it was.

use crate::Scenario;
use crate::attack;
use crate::friends::{coordinator, worker};
use crate::handle::{Cluster, Node};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;

pub const SCENARIOS: &[Scenario] =
    &[("siege", siege), ("siege_encrypted", siege_encrypted), ("siege_with_few_files", siege_with_few_files)];

/// Connections that say nothing.
const IDLE: usize = 10_000;

/// KiB by which the coordinator may grow.
const GROWTH_KIB_MAX: u64 = 64 << 10;

fn siege() {
    besiege(&Cluster::plain());
}

fn siege_encrypted() {
    besiege(&Cluster::encrypted());
}

fn besiege(cluster: &Cluster) {
    let (mut coordinator, address) = coordinator(cluster);
    let mut friend = worker(cluster, "worker", &mut coordinator, address);
    friend.ask(&coordinator, "before");
    let before = coordinator.memory_kib("VmRSS:");
    println!("  memory before: {before} KiB");

    meanwhile(&mut friend, &coordinator, "garbage", || attack::garbage(address, 400));
    meanwhile(&mut friend, &coordinator, "unfinished frames", || attack::unfinished(address, 20));
    meanwhile(&mut friend, &coordinator, "one byte a second", || attack::slow(address, 20));

    let held = flood(cluster, &mut coordinator, &mut friend, address, IDLE);
    println!("  {held} idle connections");

    let peak = coordinator.memory_kib("VmHWM:");
    println!("  memory at most: {peak} KiB");
    assert!(peak < before + GROWTH_KIB_MAX, "memory grew from {before} KiB to {peak} KiB");
}

/// A flood would take all files that the coordinator may open.
fn siege_with_few_files() {
    let cluster = Cluster::plain();
    let (mut coordinator, address) = coordinator(&cluster);
    let mut friend = worker(&cluster, "worker", &mut coordinator, address);
    coordinator.tell("files 60");
    flood(&cluster, &mut coordinator, &mut friend, address, 3_000);
}

/// Idle connections come in without a pause. Newcomers get in, and those who are in go on. Returns how many connections
/// there were at once.
fn flood(
    cluster: &Cluster,
    coordinator: &mut Node,
    friend: &mut Node,
    address: SocketAddr,
    connections: usize,
) -> usize {
    let (flooding, opened) = (AtomicBool::new(true), AtomicUsize::new(0));
    scope(|scope| {
        let flood = scope.spawn(|| attack::idle(address, connections, &flooding, &opened));
        while opened.load(Ordering::Relaxed) < connections / 2 && !flood.is_finished() {
            friend.ask(coordinator, "still-here");
        }
        for number in 0..3 {
            let mut newcomer = worker(cluster, &format!("newcomer-{number}"), coordinator, address);
            newcomer.ask(coordinator, "made-it");
            friend.ask(coordinator, "still-here");
        }
        println!("  {} connections came until newcomers were in", opened.load(Ordering::Relaxed));
        flooding.store(false, Ordering::Relaxed);
        flood.join().unwrap()
    })
}

/// Exchanges letters as long as an attack lasts.
fn meanwhile(friend: &mut Node, coordinator: &Node, name: &str, attack: impl FnOnce() + Send) {
    scope(|scope| {
        let attack = scope.spawn(attack);
        let mut exchanged = 0;
        while !attack.is_finished() || exchanged == 0 {
            friend.ask(coordinator, &format!("letter-{exchanged}"));
            exchanged += 1;
        }
        attack.join().unwrap();
        println!("  {name}: {exchanged} letters exchanged meanwhile");
    });
}
