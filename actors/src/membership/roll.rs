//! Who joins, and who is given up.

use super::{Deed, Member, Membership, Slot, facts};
use crate::protocol::letters::{Hello, NodeName, Predecessor, ToWorker};
use crate::protocol::{Event, WorkerId};
use std::collections::BTreeMap;

/// A worker of which nothing is heard for so long is given up: it hangs, or cannot be reached. It speaks every two
/// seconds.
pub const SILENCE_SECONDS: f64 = 10.0;

/// A worker whose connection has ended is given up after so long: time to connect again where only the connection is
/// broken, and little enough that a dead one's work is soon elsewhere.
pub const GRACE_SECONDS: f64 = 1.0;

/// The clock speaks four times a second. Where it was silent for so long, it was this process that was out of order:
/// that nothing was heard of the workers says nothing about them.
const STALL_SECONDS: f64 = 3.0;

/// A worker that was heard of so recently is alive: another process of its name must be a twin.
const ALIVE_SECONDS: f64 = 5.0;

/// A twin is refused after so long. The process before it may only just have died.
const KNOCKING_SECONDS: f64 = 12.0;

/// So many names are remembered of those who ask to join under a name that is taken, ..
const KNOCKING_MAX: usize = 256;

/// .. and so many slots a worker may have.
const SLOTS_MAX: usize = 1024;

impl Membership {
    pub(super) fn hello(&mut self, node: &NodeName, hello: Hello, now: f64) {
        if let Some(reason) = &self.finished {
            return self.out.push(Deed::Send(node.clone(), ToWorker::Finished(reason.clone())));
        }
        if let Some(predecessor) = &hello.predecessor {
            self.evidence(node, predecessor);
        }
        if let Some(&worker) = self.present.get(node) {
            if let Some(member) = self.members.get_mut(&worker) {
                (member.heard, member.down) = (now, None);
            }
            return self.send(worker, ToWorker::Welcome(self.welcome.clone()));
        }
        if hello.devices.is_empty() || hello.devices.len() > SLOTS_MAX {
            let reason = format!("a worker has 1 to {SLOTS_MAX} slots, not {}", hello.devices.len());
            return self.out.push(Deed::Send(node.clone(), ToWorker::Refused(reason)));
        }
        if self.make_room_for(node, now) {
            self.join(node, &hello, now);
        }
    }

    fn join(&mut self, node: &NodeName, hello: &Hello, now: f64) {
        let worker = WorkerId(self.next);
        self.next += 1;
        self.present.insert(node.clone(), worker);
        self.members.insert(
            worker,
            Member {
                node: node.clone(),
                slots: vec![Slot::Unknown; hello.devices.len()],
                facts: facts(node, hello),
                http: hello.http.clone(),
                draining: false,
                heard: now,
                down: None,
                status: 0,
                memory_bytes: 0,
                shut: false,
                reports: BTreeMap::new(),
                downloads: BTreeMap::new(),
                offers: BTreeMap::new(),
            },
        );
        self.tell(Event::Joined(worker, facts(node, hello)));
        self.send(worker, ToWorker::Welcome(self.welcome.clone()));
    }

    /// Whether nobody of this name is in the way. One that seems dead makes room; one that is alive does not.
    fn make_room_for(&mut self, node: &NodeName, now: f64) -> bool {
        let namesake = self.members.iter().find(|(_, member)| member.node.stable == node.stable);
        let Some((&worker, member)) = namesake else {
            self.knocking.remove(node);
            return true;
        };
        if member.down.is_some() || now - member.heard > ALIVE_SECONDS {
            self.knocking.remove(node);
            self.leave(worker, "another process has taken its place");
            return true;
        }
        if self.knocking.len() >= KNOCKING_MAX {
            self.knocking.clear();
        }
        let since = *self.knocking.entry(node.clone()).or_insert(now);
        if now - since > KNOCKING_SECONDS {
            let stable = &node.stable;
            let reason = format!("a worker named {stable} is here already; give this one another --name");
            self.out.push(Deed::Send(node.clone(), ToWorker::Refused(reason)));
        }
        false
    }

    /// What the supervisor of a new process knows of the end of the one before it.
    fn evidence(&mut self, node: &NodeName, predecessor: &Predecessor) {
        let Predecessor { incarnation, crashed, how } = predecessor;
        let before = NodeName { incarnation: *incarnation, ..node.clone() };
        if let Some(&worker) = self.present.get(&before) {
            self.leave(worker, &format!("its process has ended: {how}"));
        }
        if let Some(worker) = self.past.take(*incarnation) {
            self.tell(Event::Evidence(worker, *crashed, how.clone()));
        }
    }

    pub(super) fn down(&mut self, node: &NodeName, reason: &str, now: f64) {
        let Some(&worker) = self.present.get(node) else { return };
        if self.finished.is_some() {
            return self.leave(worker, "the run is over");
        }
        if let Some(member) = self.members.get_mut(&worker) {
            member.down.get_or_insert((now, reason.to_owned()));
        }
    }

    pub(super) fn give_up_silent(&mut self, now: f64) {
        if now - self.ticked >= STALL_SECONDS {
            // What the workers have said meanwhile has not been heard yet.
            for member in self.members.values_mut() {
                member.heard = now;
            }
        }
        self.ticked = now;
        let mut gone = Vec::new();
        for (worker, member) in &self.members {
            if let Some((since, reason)) = &member.down
                && now - since >= GRACE_SECONDS
            {
                gone.push((*worker, format!("its connection has ended: {reason}"), false));
            } else if now - member.heard >= SILENCE_SECONDS {
                let seconds = now - member.heard;
                gone.push((*worker, format!("nothing was heard of it for {seconds:.0} s"), true));
            }
        }
        for (worker, reason, connected) in gone {
            if let Some(member) = self.members.get(&worker).filter(|_| connected) {
                self.out.push(Deed::HangUp(member.node.clone(), reason.clone()));
            }
            self.leave(worker, &reason);
        }
    }

    /// A worker is gone. Should it come back, it joins as another.
    pub(super) fn leave(&mut self, worker: WorkerId, reason: &str) {
        let Some(Member { node, offers, .. }) = self.members.remove(&worker) else { return };
        drop(offers);
        self.bequests.tidy();
        self.present.remove(&node);
        self.past.remember(node.incarnation, worker);
        self.tell(Event::Left(worker, reason.to_owned()));
    }

    /// The run is over: everybody is told, and whoever comes later.
    pub fn finish(&mut self, reason: &str) -> Vec<Deed> {
        self.finished = Some(reason.to_owned());
        let workers: Vec<WorkerId> = self.members.keys().copied().collect();
        for worker in workers {
            self.send(worker, ToWorker::Finished(reason.to_owned()));
        }
        std::mem::take(&mut self.out)
    }
}
