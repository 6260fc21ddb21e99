//! A network that loses all packets of one worker for a while: its work is done elsewhere, and it comes back.

use super::{
    common::{Finished, Living, finish, hatchery, wait_until},
    journal::Journal,
    scene::{Scene, call, program, worker},
};
use std::{process::Command, time::Duration};

/// How long the packets are lost.
const CUT: Duration = Duration::from_secs(40);
/// A machine that is not there.
const NOBODY: &str = "02:00:00:00:00:99";

/// A machine for the coordinator, and one for each of two workers, each with a cable to the first.
struct Machines {
    hub: String,
    workers: [String; 2],
}

fn ip(arguments: &str) -> Finished {
    finish(Command::new("ip").args(arguments.split(' ')))
}

impl Machines {
    /// `None`, with the reason printed, where this user may not make any.
    fn new() -> Option<Self> {
        let name = |what: &str| format!("hatchery-{}-{what}", std::process::id());
        let machines = Self { hub: name("hub"), workers: [name("w1"), name("w2")] };
        let made = machines.make();
        if let Err(reason) = &made {
            eprintln!("skipped: no network namespaces here: {reason}");
        }
        made.ok().map(|()| machines)
    }

    fn make(&self) -> Result<(), String> {
        let run = |arguments: String| {
            let done = ip(&arguments);
            if done.code == Some(0) { Ok(()) } else { Err(format!("ip {arguments}: {}", done.stderr.trim())) }
        };
        for machine in [&self.hub, &self.workers[0], &self.workers[1]] {
            run(format!("netns add {machine}"))?;
            run(format!("-n {machine} link set lo up"))?;
        }
        for (number, machine) in (1..).zip(&self.workers) {
            let hub = &self.hub;
            run(format!("-n {hub} link add cable{number} type veth peer name cable netns {machine}"))?;
            run(format!("-n {hub} addr add 10.77.{number}.1/24 dev cable{number}"))?;
            run(format!("-n {machine} addr add 10.77.{number}.2/24 dev cable"))?;
            run(format!("-n {hub} link set cable{number} up"))?;
            run(format!("-n {machine} link set cable up"))?;
        }
        Ok(())
    }

    /// From now on, packets between the hub and the first worker go to a machine that is not there: no end notices.
    fn cut(&self) {
        let (hub, worker) = (&self.hub, &self.workers[0]);
        ip(&format!("-n {hub} neigh replace 10.77.1.2 lladdr {NOBODY} nud permanent dev cable1")).ok();
        ip(&format!("-n {worker} neigh replace 10.77.1.1 lladdr {NOBODY} nud permanent dev cable")).ok();
    }

    fn heal(&self) {
        let (hub, worker) = (&self.hub, &self.workers[0]);
        ip(&format!("-n {hub} neigh del 10.77.1.2 dev cable1")).ok();
        ip(&format!("-n {worker} neigh del 10.77.1.1 dev cable")).ok();
    }

    /// A command of the program on one of them.
    fn on(scene: &Scene, machine: &str, name: &str, arguments: &[String]) -> Living {
        let inner = program(scene.folder(), arguments);
        let mut command = Command::new("ip");
        command.current_dir(scene.folder()).args(["netns", "exec", machine]).arg(inner.get_program());
        scene.start(name, command.args(inner.get_args()))
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for machine in [&self.hub, &self.workers[0], &self.workers[1]] {
            ip(&format!("netns del {machine}"));
        }
    }
}

/// The options of a node with certificates.
fn tls(scene: &Scene, name: &str, address: &str) -> Vec<String> {
    let arguments = ["cert", "node", "tls", "--name", name, "--address", address];
    hatchery(scene.folder(), &arguments).ok();
    let file = |name: &str| scene.folder().join("tls").join(name).display().to_string();
    vec![
        format!("--tls-ca={}", file("ca.pem")),
        format!("--tls-certificate={}", file(&format!("{name}.pem"))),
        format!("--tls-key={}", file(&format!("{name}.key"))),
    ]
}

#[test]
fn a_worker_whose_packets_are_lost_for_a_while_loses_nothing() {
    let scene = Scene::new();
    let Some(machines) = Machines::new() else { return };
    // Enough that the other worker is not done with them before the network is whole again and this one is back.
    // A program that is not optimised takes several times as long for each.
    let evaluations = if cfg!(debug_assertions) { 120 } else { 300 };
    hatchery(scene.folder(), &["cert", "ca", "tls"]).ok();
    let certificates = tls(&scene, "hub", "10.77.1.1");
    let arguments = call("coordinator", scene.options(evaluations, 25, &["--listen=0.0.0.0:7117", "--json"]));
    let coordinator = Machines::on(&scene, &machines.hub, "coordinator", &[arguments, certificates].concat());
    wait_until("a cookie", || scene.root().join("cookie").exists());
    let mut workers = Vec::new();
    for (number, machine) in (1..).zip(&machines.workers) {
        let name = format!("w{number}");
        let certificates = tls(&scene, &name, &format!("10.77.{number}.2"));
        let arguments = worker(
            &format!("10.77.{number}.1:7117"),
            &scene.root().join("cookie"),
            &[&format!("--name={name}")],
        );
        workers
            .push((name.clone(), Machines::on(&scene, machine, &name, &[arguments, certificates].concat())));
    }
    wait_until("some results", || scene.finished() >= 10);
    let joined = |journal: &Journal| {
        journal.cell::<i64>("SELECT count(*) FROM workers WHERE node = 'w1'", []).unwrap_or(0)
    };
    let gone = "SELECT reason FROM workers WHERE node = 'w1' AND left_ms IS NOT NULL";
    assert_eq!(joined(&scene.journal()), 1);
    machines.cut();
    std::thread::sleep(CUT);
    let reason: Option<String> = scene.journal().cell(gone, []);
    let while_cut = scene.finished();
    machines.heal();
    assert!(reason.as_ref().is_some_and(|reason| reason.contains("nothing was heard")), "{reason:?}");
    assert!(while_cut < evaluations, "over before the network was whole again");
    wait_until("it joins again", || joined(&scene.journal()) == 2);
    let done = scene.end("coordinator", coordinator).ok();
    for (name, living) in workers {
        scene.end(&name, living).ok();
    }
    scene.assert_whole(evaluations);
    let after =
        "SELECT count(*) FROM events WHERE kind = 'leased' AND json_extract(detail, '$.trainer') = 'w1/0'
                 AND number > (SELECT max(number) FROM events WHERE kind = 'joined')";
    let after: Option<i64> = scene.journal().cell(after, []);
    eprintln!(
        "{while_cut} results when it was healed; w1 got {after:?} evaluations after that; {}",
        done.json()
    );
    assert!(after > Some(0), "it works again");
}
