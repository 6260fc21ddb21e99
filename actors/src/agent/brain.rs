//! The worker's half of the conversation with the coordinator, pure: letters, words of the slots and the time go in,
//! letters and orders to the slots come out.
//!
//! A worker goes on training while there is no coordinator. What an attempt has left is kept until the coordinator
//! says that it is recorded, and said again until then. No ticket that was taken is ever dropped silently: it ends as a
//! result, or is handed back. It knows no connection, no thread and no clock.

use super::state::{Agent, Deed, Draining, Ending, Kept, Slot};
use crate::freight::{Download, Step, cut};
use crate::link::LinkEvent;
use crate::protocol::Ticket;
use crate::protocol::letters::{BlobName, Letter, Order, Piece, ToCoordinator, ToWorker, Welcome};
use hatchery_models::training::outcome::{EpochReport, Trained};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often a worker says what it has.
pub const STATUS_SECONDS: f64 = 2.0;

/// What is not acknowledged is said again after so long.
const AGAIN_SECONDS: f64 = 6.0;

/// This share of the grace time of a draining worker is for trainings to end by themselves; the rest is for handing
/// back what has not, with its state.
const FINISHING_SHARE: f64 = 0.4;

/// So many tickets are remembered, to know an order that comes twice.
const REMEMBERED_MAX: usize = 1000;

impl Agent {
    /// Something has come in.
    pub fn on_link(&mut self, event: LinkEvent, now: f64) -> Vec<Deed> {
        match event {
            LinkEvent::Up(node) => {
                self.coordinator = Some(node);
                self.welcomed = false;
                self.greet(now);
            }
            LinkEvent::Down(node, reason) => {
                if self.coordinator.as_ref() == Some(&node) {
                    tracing::warn!(coordinator = %node, reason, "the connection to the coordinator has ended");
                    self.coordinator = None;
                    self.lonely_since = now;
                }
            }
            LinkEvent::Letter(node, letter) if self.coordinator.as_ref() == Some(&node) => {
                if let Letter::ToWorker(letter) = *letter {
                    self.letter(letter, now);
                }
            }
            LinkEvent::Letter(..) => {}
            LinkEvent::OtherVersion(node, theirs) => {
                let ours = crate::protocol::letters::PROTOCOL_VERSION;
                let reason =
                    format!("{} speaks version {theirs} of the protocol, this worker {ours}", node.stable);
                self.end(Ending::Refused(reason));
            }
            LinkEvent::Refused(_, reason) => self.end(Ending::Refused(reason)),
        }
        self.take()
    }

    /// The trainers can be started, or why not.
    pub fn on_outfitted(&mut self, outcome: Result<(), String>) -> Vec<Deed> {
        if let Err(reason) = outcome {
            self.say(ToCoordinator::Unable(reason.clone()));
            self.end(Ending::Unable(reason));
        }
        self.take()
    }

    /// The data set is to be fetched from the coordinator.
    pub fn on_want(&mut self, name: BlobName, now: f64) -> Vec<Deed> {
        let (download, step) = Download::begin(name.clone(), None, now);
        self.data = Some((name, download));
        self.data_step(step);
        self.take()
    }

    /// A trainer can work.
    pub fn on_able(&mut self, slot: u32) -> Vec<Deed> {
        if let Some(state) = self.slots.get_mut(slot as usize)
            && let Slot::Starting { last } = state
        {
            *state = Slot::Idle { last: *last };
            self.say_status();
        }
        self.take()
    }

    /// A trainer cannot work at all.
    pub fn on_unable(&mut self, reason: String) -> Vec<Deed> {
        self.say(ToCoordinator::Unable(reason.clone()));
        self.end(Ending::Unable(reason));
        self.take()
    }

    /// A training has been fitted to its time.
    pub fn on_planned(&mut self, ticket: Ticket, epochs: u32) -> Vec<Deed> {
        self.say(ToCoordinator::Planned(ticket, epochs));
        self.take()
    }

    /// A training has finished an epoch.
    pub fn on_epoch(&mut self, ticket: Ticket, report: EpochReport) -> Vec<Deed> {
        self.say(ToCoordinator::Progress(ticket, report));
        self.take()
    }

    /// A slot is done with an attempt. One that was handed back may have left its state.
    pub fn on_done(
        &mut self,
        slot: u32,
        ticket: Ticket,
        trained: Trained,
        state: Option<Arc<[u8]>>,
        now: f64,
    ) -> Vec<Deed> {
        // A result says that its slot is free, anything else does not.
        if !self.slot_done(slot, ticket, trained, state, now) {
            self.say_status();
        }
        self.take()
    }

    /// A slot's trainer has died; another is being started.
    pub fn on_died(&mut self, slot: u32, reason: &str, now: f64) -> Vec<Deed> {
        self.slot_died(slot, reason, now);
        self.take()
    }

    /// These slots are to take nothing more for now, all others may.
    pub fn on_resting(&mut self, slots: BTreeSet<u32>) -> Vec<Deed> {
        if self.resting != slots {
            self.resting = slots;
            self.say_status();
        }
        self.take()
    }

    /// The worker is to end, for this reason, and gives back what it has.
    pub fn on_drain(&mut self, reason: &str, now: f64) -> Vec<Deed> {
        self.drain(reason, now);
        self.take()
    }

    /// Time passes; the process has so much memory.
    pub fn on_tick(&mut self, now: f64, memory_bytes: u64) -> Vec<Deed> {
        self.memory_bytes = memory_bytes;
        if self.coordinator.is_none() && now - self.lonely_since > self.patience.lonely {
            let reason = format!("there was no coordinator for {:.0} s", now - self.lonely_since);
            self.end(Ending::Abandoned(reason));
            return self.take();
        }
        if !self.welcomed && now - self.greeted >= STATUS_SECONDS {
            self.greet(now);
        }
        if now - self.said >= STATUS_SECONDS {
            self.said = now;
            self.say_status();
        }
        self.say_again(now);
        // While nobody is there to answer, no answer is overdue: how long that may last, patience says.
        if self.welcomed && self.coordinator.is_some() {
            self.fetch_on(now, |download| download.tick(now));
        }
        self.go_on_draining(now);
        self.take()
    }

    /// What is kept until it is acknowledged.
    pub fn held(&self) -> impl Iterator<Item = Ticket> {
        self.kept.keys().copied()
    }

    /// What a slot has been given and not finished.
    pub fn at(&self, slot: u32) -> Option<Ticket> {
        self.slots.get(slot as usize).and_then(Slot::ticket)
    }

    /// Whether a slot can take an order.
    pub fn is_idle(&self, slot: u32) -> bool {
        matches!(self.slots.get(slot as usize), Some(Slot::Idle { .. }))
    }

    /// Whether this attempt has come before.
    pub fn remembers(&self, ticket: Ticket) -> bool {
        self.remembered.contains(&ticket)
    }

    fn letter(&mut self, letter: ToWorker, now: f64) {
        match letter {
            ToWorker::Welcome(welcome) => self.welcome(welcome, now),
            ToWorker::Refused(reason) => self.end(Ending::Refused(reason)),
            ToWorker::Assign(slot, order) => self.order(slot, *order, now),
            ToWorker::Advise(ticket) => self.stop(ticket, false),
            ToWorker::Abandon(ticket) => {
                self.kept.remove(&ticket);
                self.stop(ticket, true);
            }
            ToWorker::Acknowledge(ticket) => _ = self.kept.remove(&ticket),
            ToWorker::Ask(blob, offset) => self.serve(blob, offset),
            ToWorker::Piece(piece) => self.piece(piece, now),
            ToWorker::Missing(blob, reason) => self.missing(&blob, &reason, now),
            ToWorker::Drain => self.dismissed(now),
            ToWorker::Finished(reason) => self.end(Ending::Finished(reason)),
        }
        self.go_on_draining(now);
    }

    fn greet(&mut self, now: f64) {
        self.greeted = now;
        self.say(ToCoordinator::Hello(self.hello.clone()));
    }

    fn welcome(&mut self, welcome: Welcome, now: f64) {
        if self.run.as_ref().is_some_and(|run| *run != welcome.run) {
            return self.end(Ending::OtherRun);
        }
        let is_back = !std::mem::replace(&mut self.welcomed, true);
        self.say_status();
        for kept in self.kept.values_mut() {
            kept.said = f64::NEG_INFINITY;
        }
        self.say_again(now);
        if is_back {
            self.fetch_on(now, |download| download.resume(now));
        }
        if self.run.is_none() {
            self.run = Some(welcome.run.clone());
            self.out.push(Deed::Outfit(Box::new(welcome)));
        }
    }

    fn order(&mut self, slot: u32, order: Order, now: f64) {
        let ticket = order.ticket;
        if self.remembers(ticket) {
            return;
        }
        self.remembered.push_back(ticket);
        if self.remembered.len() > REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        if let Some(draining) = &self.draining {
            let reason = draining.reason.clone();
            return self.hand_back(slot, ticket, &reason, None, now);
        }
        if !self.is_idle(slot) {
            return self.hand_back(slot, ticket, "its slot is not free", None, now);
        }
        self.take_order(slot, order, now);
    }

    /// A worker wants nothing of what it has served twice.
    fn serve(&mut self, name: BlobName, offset: u64) {
        let of = self.kept.values().find_map(|kept| kept.blob.as_ref().filter(|(blob, _)| *blob == name));
        let letter = match of.and_then(|(_, bytes)| cut(&name, bytes, offset)) {
            Some(piece) => ToCoordinator::Piece(piece),
            None => ToCoordinator::Missing(name, "it is not kept here any more".to_owned()),
        };
        self.say(letter);
    }

    fn piece(&mut self, piece: Piece, now: f64) {
        if let Some((name, download)) = &mut self.data
            && *name == piece.blob
        {
            let step = download.piece(piece, now);
            return self.data_step(step);
        }
        self.slot_piece(piece, now);
    }

    fn missing(&mut self, blob: &BlobName, reason: &str, now: f64) {
        if self.data.as_ref().is_some_and(|(name, _)| name == blob) {
            return self.data_step(Step::Failed(reason.to_owned()));
        }
        self.slot_missing(blob, reason, now);
    }

    pub(super) fn data_step(&mut self, step: Step) {
        let Some((name, _)) = &self.data else { return };
        match step {
            Step::Ask(offsets) => {
                let name = name.clone();
                self.ask(&name, &offsets);
            }
            Step::Done(bytes) => {
                self.data = None;
                self.out.push(Deed::Fetched(Ok(bytes)));
            }
            Step::Failed(reason) => {
                self.data = None;
                self.out.push(Deed::Fetched(Err(reason)));
            }
        }
    }

    fn say_again(&mut self, now: f64) {
        if !self.welcomed || self.coordinator.is_none() {
            return;
        }
        let due = |kept: &&mut Kept| now - kept.said >= AGAIN_SECONDS;
        let mut letters = Vec::new();
        for kept in self.kept.values_mut().filter(due) {
            kept.said = now;
            letters.push(kept.letter.clone());
        }
        for letter in letters {
            self.say(letter);
        }
    }

    /// The coordinator asks it to end.
    fn dismissed(&mut self, now: f64) {
        if let Some(draining) = &mut self.draining {
            draining.dismissed = true;
        }
        self.begin_to_drain("the coordinator asks for it", true, now);
    }

    fn drain(&mut self, reason: &str, now: f64) {
        self.begin_to_drain(reason, false, now);
    }

    fn begin_to_drain(&mut self, reason: &str, dismissed: bool, now: f64) {
        if self.draining.is_none() && !self.ended {
            let reason = reason.to_owned();
            self.draining = Some(Draining { since: now, reason, handing_back: false, dismissed });
            self.say_status();
            self.go_on_draining(now);
        }
    }

    /// First trainings may end by themselves, then they are handed back, then the worker ends.
    fn go_on_draining(&mut self, now: f64) {
        let Some(draining) = &mut self.draining else { return };
        let (spent, reason) = (now - draining.since, draining.reason.clone());
        let busy = self.slots.iter().any(|slot| slot.ticket().is_some());
        if (!busy && self.kept.is_empty()) || spent >= self.patience.grace {
            let dismissed = draining.dismissed;
            self.say(ToCoordinator::Goodbye(reason.clone()));
            return self.end(if dismissed { Ending::Dismissed(reason) } else { Ending::Drained(reason) });
        }
        if spent >= self.patience.grace * FINISHING_SHARE && !draining.handing_back {
            draining.handing_back = true;
            self.hand_all_back(&reason, now);
        }
    }
}
