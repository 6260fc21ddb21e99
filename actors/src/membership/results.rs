//! What attempts leave: results, weights and checkpoints, on their way in; what orders need, on its way out.

use super::{Deed, Member, Membership, Slot};
use crate::freight::{Download, Step, cut};
use crate::protocol::letters::{BlobName, BlobRef, HandedBack, Piece, Report, ToWorker};
use crate::protocol::{Delivery, Event, Ticket, TrainerId, WeightsPlace, WorkerId};
use hatchery_models::training::outcome::{Trained, Weights};
use std::sync::Arc;

impl Membership {
    /// An attempt has ended. Its slot can take work again, or its worker's next status says when.
    pub(super) fn result(&mut self, worker: WorkerId, report: Report) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        let (ticket, trainer) = (report.ticket, TrainerId { worker, slot: report.slot });
        let freed = member.free(report.slot, ticket, report.slot_is_free);
        let place = if report.weights.is_some() { WeightsPlace::WithWorker } else { WeightsPlace::Here };
        let trained = trained(&report);
        let is_news = member.reports.insert(ticket, report).is_none();
        let delivered = Event::Delivered(trainer, Box::new(Delivery { ticket, trained, weights: place }));
        if is_news {
            self.tell(delivered)
        } else {
            self.repeat(delivered)
        }
        match freed {
            Some(true) => self.tell(Event::Ready(trainer, Some(ticket))),
            Some(false) => self.tell(Event::Resting(trainer)),
            None => {}
        }
    }

    /// An attempt is given back; the state that it left is fetched first.
    pub(super) fn handed_back(&mut self, worker: WorkerId, back: HandedBack, now: f64) {
        let HandedBack { ticket, slot, reason, checkpoint } = back;
        let Some(member) = self.members.get_mut(&worker) else { return };
        if let Some(given) =
            member.slots.get_mut(slot as usize).filter(|given| **given == Slot::Assigned(ticket))
        {
            *given = Slot::Unknown;
        }
        match checkpoint {
            None => self.tell(Event::HandedBack(TrainerId { worker, slot }, ticket, None, reason)),
            Some(blob) => self.download(worker, ticket, blob, now),
        }
    }

    /// Gets the weights that an attempt has left.
    pub fn fetch(&mut self, trainer: TrainerId, ticket: Ticket, now: f64) -> Vec<Deed> {
        let blob = self
            .members
            .get(&trainer.worker)
            .and_then(|member| member.reports.get(&ticket))
            .and_then(|report| report.weights.clone());
        // Where it is not known any more, its worker will say it again.
        if let Some(blob) = blob {
            self.download(trainer.worker, ticket, blob, now);
        }
        std::mem::take(&mut self.out)
    }

    fn download(&mut self, worker: WorkerId, ticket: Ticket, blob: BlobRef, now: f64) {
        let BlobRef { name, bytes } = blob;
        let Some(member) = self.members.get_mut(&worker) else { return };
        if member.downloads.contains_key(&name) {
            return;
        }
        let (download, step) = Download::begin(name.clone(), Some(bytes), now);
        member.downloads.insert(name.clone(), (ticket, download));
        self.step(worker, &name, step);
    }

    pub(super) fn piece(&mut self, worker: WorkerId, piece: Piece, now: f64) {
        let name = piece.blob.clone();
        let Some(member) = self.members.get_mut(&worker) else { return };
        if let Some((_, download)) = member.downloads.get_mut(&name) {
            let step = download.piece(piece, now);
            self.step(worker, &name, step);
        }
    }

    pub(super) fn missing(&mut self, worker: WorkerId, name: &BlobName, reason: &str) {
        self.step(worker, name, Step::Failed(reason.to_owned()));
    }

    pub(super) fn ask_again(&mut self, now: f64) {
        let mut steps = Vec::new();
        for (worker, member) in &mut self.members {
            for (name, (_, download)) in &mut member.downloads {
                steps.push((*worker, name.clone(), download.tick(now)));
            }
        }
        for (worker, name, step) in steps {
            self.step(worker, &name, step);
        }
    }

    fn step(&mut self, worker: WorkerId, name: &BlobName, step: Step) {
        let bytes = match step {
            Step::Ask(offsets) => {
                for offset in offsets {
                    self.send(worker, ToWorker::Ask(name.clone(), offset));
                }
                return;
            }
            Step::Done(bytes) => Some(bytes),
            Step::Failed(reason) => {
                let evaluation = match name {
                    BlobName::Weights(ticket)
                    | BlobName::Checkpoint(ticket)
                    | BlobName::Inherited(ticket) => Some(ticket.evaluation.0),
                    BlobName::Data(_) => None,
                };
                tracing::warn!(worker = worker.0, evaluation, blob = ?name, reason, "what an attempt has left cannot be fetched");
                None
            }
        };
        let Some(member) = self.members.get_mut(&worker) else { return };
        let Some((ticket, _)) = member.downloads.remove(name) else { return };
        match name {
            BlobName::Weights(_) => self.weights(worker, ticket, bytes),
            BlobName::Checkpoint(_) => {
                let trainer = TrainerId { worker, slot: 0 };
                let state: Option<Arc<[u8]>> = bytes.map(Into::into);
                let reason = "its worker had to end".to_owned();
                self.tell(Event::HandedBack(trainer, ticket, state, reason));
            }
            BlobName::Data(_) | BlobName::Inherited(_) => {}
        }
    }

    /// The weights of a result have come, or cannot be had: the result without them is still one.
    fn weights(&mut self, worker: WorkerId, ticket: Ticket, bytes: Option<Vec<u8>>) {
        let Some(member) = self.members.get(&worker) else { return };
        let Some(report) = member.reports.get(&ticket) else { return };
        let mut trained = trained(report);
        trained.weights = bytes.and_then(|bytes| match Weights::from_bytes(&bytes) {
            Ok(weights) => Some(weights),
            Err(error) => {
                let Ticket { evaluation, attempt } = ticket;
                tracing::warn!(%evaluation, attempt, %error, "weights that cannot be read are left out");
                None
            }
        });
        let trainer = TrainerId { worker, slot: report.slot };
        let delivery = Delivery { ticket, trained, weights: WeightsPlace::Here };
        self.tell(Event::Delivered(trainer, Box::new(delivery)));
    }

    /// A worker wants a piece of something.
    pub(super) fn serve(&mut self, worker: WorkerId, name: BlobName, offset: u64) {
        let Some(member) = self.members.get(&worker) else { return };
        let node = member.node.clone();
        if let BlobName::Data(_) = name {
            return self.out.push(Deed::ServeData(node, name, offset));
        }
        let piece = member.offers.get(&name).and_then(|bytes| cut(&name, bytes, offset));
        let letter = match piece {
            Some(piece) => ToWorker::Piece(piece),
            None => ToWorker::Missing(name, "it was not offered to this worker".to_owned()),
        };
        self.out.push(Deed::Send(node, letter));
    }

    /// Nothing of this attempt is needed any more.
    pub(super) fn forget(&mut self, worker: WorkerId, ticket: Ticket) {
        if let Some(member) = self.members.get_mut(&worker) {
            member.reports.remove(&ticket);
            member.downloads.retain(|_, (of, _)| *of != ticket);
            let names =
                [BlobName::Weights(ticket), BlobName::Checkpoint(ticket), BlobName::Inherited(ticket)];
            member.offers.retain(|name, _| !names.contains(name));
            self.bequests.tidy();
        }
    }
}

impl Member {
    /// The slot is done with this attempt. Says whether it can take work now; `None` where it was at something else.
    fn free(&mut self, slot: u32, ticket: Ticket, able: bool) -> Option<bool> {
        let may_work = able && !self.shut;
        let given = self.slots.get_mut(slot as usize).filter(|given| **given == Slot::Assigned(ticket))?;
        *given = if may_work { Slot::Free } else { Slot::Unknown };
        Some(may_work)
    }
}

/// A result without its weights.
fn trained(report: &Report) -> Trained {
    Trained {
        outcome: report.outcome,
        message: report.message.clone(),
        curve: report.curve.clone(),
        weights: None,
        checkpoint: None,
        steps: report.steps,
        build_seconds: report.build_seconds,
        seconds: report.seconds,
        latency_seconds: report.latency_seconds,
    }
}
