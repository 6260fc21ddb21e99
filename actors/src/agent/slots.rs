//! The slots of a worker: what each is at, what it is given, and what it leaves.

use super::state::{Agent, Deed, Fetching, Kept, Slot};
use crate::freight::{Download, Step};
use crate::protocol::letters::{Bequest, BlobName, BlobRef, HandedBack, Order, Piece, Report, ToCoordinator};
use crate::protocol::{Inherited, Lease, Ticket, nothing_trained};
use hatchery_models::genome::Genome;
use hatchery_models::training::outcome::{Outcome, Trained, Weights};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Agent {
    /// Begins an order, or fetches what it needs first.
    pub(super) fn take_order(&mut self, slot: u32, order: Order, now: f64) {
        let ticket = order.ticket;
        let genome: Genome = match serde_json::from_str(&order.genome) {
            Ok(genome) => genome,
            Err(error) => {
                let trained =
                    nothing_trained(Outcome::Crashed, format!("its genome cannot be read: {error}"));
                self.set(slot, Slot::Idle { last: Some(ticket) });
                return self.keep_result(slot, ticket, trained, now);
            }
        };
        let mut needs: Vec<BlobRef> =
            [order.weights.clone(), order.checkpoint.clone()].into_iter().flatten().collect();
        let inherit =
            order.inherit.clone().and_then(|bequest| inherited(ticket, &bequest).zip(Some(bequest.weights)));
        let (inherit, theirs) = inherit.unzip();
        needs.extend(theirs);
        let lease = Lease { inherit, ..lease(order, genome) };
        let mut fetching = Fetching { lease, downloads: BTreeMap::new() };
        let mut asks = Vec::new();
        for BlobRef { name, bytes } in needs {
            let (download, step) = Download::begin(name.clone(), Some(bytes), now);
            if let Step::Ask(offsets) = step {
                asks.push((name.clone(), offsets));
            }
            fetching.downloads.insert(name, download);
        }
        self.set(slot, Slot::Fetching(Box::new(fetching)));
        for (name, offsets) in asks {
            self.ask(&name, &offsets);
        }
        self.begin_when_complete(slot);
    }

    fn begin_when_complete(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        let Slot::Fetching(fetching) = place else { return };
        if fetching.downloads.is_empty() {
            let running = Slot::Running { ticket: fetching.lease.ticket(), abandoned: false };
            if let Slot::Fetching(fetched) = std::mem::replace(place, running) {
                self.out.push(Deed::Start(slot, Box::new(fetched.lease)));
            }
        }
    }

    pub(super) fn slot_piece(&mut self, piece: Piece, now: f64) {
        let name = piece.blob.clone();
        for slot in 0..self.slots.len() {
            if let Some(Slot::Fetching(fetching)) = self.slots.get_mut(slot)
                && let Some(download) = fetching.downloads.get_mut(&name)
            {
                let step = download.piece(piece, now);
                return self.slot_step(slot as u32, &name, step, now);
            }
        }
    }

    pub(super) fn slot_missing(&mut self, name: &BlobName, reason: &str, now: f64) {
        let wants =
            |slot: &Slot| matches!(slot, Slot::Fetching(fetching) if fetching.downloads.contains_key(name));
        if let Some(slot) = self.slots.iter().position(wants) {
            self.slot_step(slot as u32, name, Step::Failed(reason.to_owned()), now);
        }
    }

    /// What is being fetched goes on: the data set, and what orders need.
    pub(super) fn fetch_on(&mut self, now: f64, goes_on: impl Fn(&mut Download) -> Step) {
        if let Some((_, download)) = &mut self.data {
            let step = goes_on(download);
            self.data_step(step);
        }
        let mut steps = Vec::new();
        for (index, slot) in (0..).zip(&mut self.slots) {
            if let Slot::Fetching(fetching) = slot {
                for (name, download) in &mut fetching.downloads {
                    steps.push((index, name.clone(), goes_on(download)));
                }
            }
        }
        for (slot, name, step) in steps {
            self.slot_step(slot, &name, step, now);
        }
    }

    fn slot_step(&mut self, slot: u32, name: &BlobName, step: Step, now: f64) {
        let Some(Slot::Fetching(fetching)) = self.slots.get_mut(slot as usize) else { return };
        let bytes = match step {
            Step::Ask(offsets) => return self.ask(name, &offsets),
            Step::Done(bytes) => Ok(bytes),
            Step::Failed(reason) => Err(reason),
        };
        fetching.downloads.remove(name);
        let lease = &mut fetching.lease;
        match (name, bytes) {
            (BlobName::Checkpoint(_), Ok(bytes)) => lease.checkpoint = Some(bytes.into()),
            (BlobName::Checkpoint(Ticket { evaluation, attempt }), Err(reason)) => {
                tracing::warn!(%evaluation, attempt, reason, "no checkpoint to go on from; the training begins anew");
            }
            (name, bytes) => match (name, weights(bytes).map(Arc::new)) {
                (BlobName::Inherited(_), Ok(weights)) => {
                    lease.inherit = lease.inherit.take().map(|inherit| Inherited { weights, ..inherit });
                }
                (_, Ok(weights)) => lease.weights = Some(weights),
                (_, Err(reason)) => return self.give_up_fetching(slot, &reason, now),
            },
        }
        self.begin_when_complete(slot);
    }

    /// Weights that an order needs cannot be had, as where the coordinator was started again since it offered them.
    /// Another attempt is offered them anew; going on without would not be what the journal says. It counts as lost, so
    /// that there is an end to it (`retry.lost`).
    fn give_up_fetching(&mut self, slot: u32, reason: &str, now: f64) {
        let Some(ticket) = self.at(slot) else { return };
        let message = format!("the weights that it needs cannot be had: {reason}");
        tracing::warn!(%ticket, message);
        self.set(slot, Slot::Idle { last: Some(ticket) });
        self.keep_result(slot, ticket, nothing_trained(Outcome::WorkerLost, message), now);
        self.say_status();
    }

    /// Says whether a result is kept, and said.
    pub(super) fn slot_done(
        &mut self,
        slot: u32,
        ticket: Ticket,
        trained: Trained,
        state: Option<Arc<[u8]>>,
        now: f64,
    ) -> bool {
        let Some(Slot::Running { ticket: current, abandoned }) = self.slots.get(slot as usize) else {
            return false;
        };
        if *current != ticket {
            return false;
        }
        let abandoned = *abandoned;
        self.set(slot, Slot::Idle { last: Some(ticket) });
        match trained {
            _ if abandoned => false,
            Trained { outcome: Outcome::WorkerLost, message, .. } => {
                self.hand_back(slot, ticket, &message, state, now);
                false
            }
            trained => {
                self.keep_result(slot, ticket, trained, now);
                true
            }
        }
    }

    pub(super) fn slot_died(&mut self, slot: u32, reason: &str, now: f64) {
        let Some(state) = self.slots.get_mut(slot as usize) else { return };
        let ticket = state.ticket();
        let abandoned = matches!(state, Slot::Running { abandoned: true, .. });
        let last = match state {
            Slot::Starting { last } | Slot::Idle { last } => *last,
            Slot::Fetching(_) | Slot::Running { .. } => ticket,
        };
        *state = Slot::Starting { last };
        if let Some(ticket) = ticket.filter(|_| !abandoned) {
            self.keep_result(slot, ticket, nothing_trained(Outcome::WorkerLost, reason.to_owned()), now);
        }
        self.say_status();
    }

    /// Ends an attempt early; where nobody wants it any more, nothing comes of it.
    pub(super) fn stop(&mut self, ticket: Ticket, abandon: bool) {
        let at = |slot: &Slot| slot.ticket() == Some(ticket);
        let Some(index) = self.slots.iter().position(at) else { return };
        let slot = index as u32;
        match self.slots.get_mut(index) {
            Some(Slot::Running { abandoned, .. }) => {
                *abandoned |= abandon;
                self.out.push(Deed::Stop(slot));
            }
            Some(Slot::Fetching(_)) if abandon => {
                self.set(slot, Slot::Idle { last: Some(ticket) });
                self.say_status();
            }
            _ => {}
        }
    }

    /// Everything under way is given back.
    pub(super) fn hand_all_back(&mut self, reason: &str, now: f64) {
        for index in 0..self.slots.len() {
            let slot = index as u32;
            match self.slots.get(index) {
                Some(Slot::Running { .. }) => self.out.push(Deed::HandBack(slot)),
                Some(Slot::Fetching(fetching)) => {
                    let ticket = fetching.lease.ticket();
                    self.set(slot, Slot::Idle { last: Some(ticket) });
                    self.hand_back(slot, ticket, reason, None, now);
                }
                _ => {}
            }
        }
    }

    pub(super) fn hand_back(
        &mut self,
        slot: u32,
        ticket: Ticket,
        reason: &str,
        state: Option<Arc<[u8]>>,
        now: f64,
    ) {
        let blob = state.map(|bytes| (BlobName::Checkpoint(ticket), bytes));
        let checkpoint = blob.as_ref().map(reference);
        let letter =
            ToCoordinator::HandedBack(HandedBack { ticket, slot, reason: reason.to_owned(), checkpoint });
        self.keep(ticket, letter, blob, now);
    }

    fn keep_result(&mut self, slot: u32, ticket: Ticket, trained: Trained, now: f64) {
        let blob = trained.weights.map(|weights| (BlobName::Weights(ticket), weights.to_bytes().into()));
        let report = Report {
            ticket,
            slot,
            // A trainer that has died with it is being started again; else the next status says that it is free.
            slot_is_free: trained.outcome != Outcome::WorkerLost && !self.rests(slot),
            outcome: trained.outcome,
            message: trained.message,
            curve: trained.curve,
            steps: trained.steps,
            build_seconds: trained.build_seconds,
            seconds: trained.seconds,
            latency_seconds: trained.latency_seconds,
            weights: blob.as_ref().map(reference),
        };
        self.keep(ticket, ToCoordinator::Result(Box::new(report)), blob, now);
    }

    fn keep(&mut self, ticket: Ticket, letter: ToCoordinator, blob: Option<(BlobName, Arc<[u8]>)>, now: f64) {
        self.kept.insert(ticket, Kept { letter: letter.clone(), blob, said: now });
        self.say(letter);
    }

    fn set(&mut self, slot: u32, state: Slot) {
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = state;
        }
    }
}

fn reference((name, bytes): &(BlobName, Arc<[u8]>)) -> BlobRef {
    BlobRef { name: name.clone(), bytes: bytes.len() as u64 }
}

fn weights(bytes: Result<Vec<u8>, String>) -> Result<Weights, String> {
    bytes.and_then(|bytes| Weights::from_bytes(&bytes).map_err(|error| error.to_string()))
}

/// What a bequest is, before its weights have come; nothing where its genome cannot be read.
fn inherited(ticket: Ticket, bequest: &Bequest) -> Option<Inherited> {
    let genome = serde_json::from_str(&bequest.genome);
    let warn =
        |error| tracing::warn!(%ticket, %error, "nothing to inherit: the parent's genome cannot be read");
    let genome: Genome = genome.map_err(warn).ok()?;
    Some(Inherited { evaluation: bequest.evaluation, genome: genome.into(), weights: Arc::default() })
}

fn lease(order: Order, genome: Genome) -> Lease {
    Lease {
        evaluation: order.ticket.evaluation,
        attempt: order.ticket.attempt,
        individual: order.individual,
        kind: order.kind,
        genome: genome.into(),
        seed: order.seed,
        epochs: order.epochs,
        seconds_max: order.seconds_max,
        weights: None,
        checkpoint: None,
        inherit: None,
        measure_latency: order.measure_latency,
        to_the_end: order.to_the_end,
    }
}
