//! A coordinator under attack: those who are in go on, newcomers get in, and memory stays as it was.

use crate::Scenario;
use crate::attack;
use crate::friends::{coordinator, worker};
use crate::handle::{Cluster, Node};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

pub const SCENARIOS: &[Scenario] = &[("siege", siege), ("siege_encrypted", siege_encrypted)];

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

    let flooding = AtomicBool::new(true);
    scope(|scope| {
        let flood = scope.spawn(|| attack::idle(address, IDLE, &flooding));
        for number in 0..3 {
            let mut newcomer = worker(cluster, &format!("newcomer-{number}"), &mut coordinator, address);
            newcomer.ask(&coordinator, "made-it");
            friend.ask(&coordinator, "still-here");
        }
        flooding.store(false, Ordering::Relaxed);
        println!("  {} idle connections", flood.join().unwrap());
    });

    let peak = coordinator.memory_kib("VmHWM:");
    println!("  memory at most: {peak} KiB");
    assert!(peak < before + GROWTH_KIB_MAX, "memory grew from {before} KiB to {peak} KiB");
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
