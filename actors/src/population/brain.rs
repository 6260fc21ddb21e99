//! The Population's decisions, pure: an event and the time go in, effects come out.
//!
//! The contract with whoever performs the effects: all `Effect::Record` of one answer are committed before any other
//! effect of it is performed. No clock, socket, database, random generator or actor in here: the whole search, its
//! recoveries included, runs in a test under a virtual clock.

use super::effect::Effect;
use super::lease::{CLAIM_SECONDS_MAX, Held, Open, Place};
use super::state::Brain;
use crate::journal::entry::{End, Entry, Stage};
use crate::protocol::{Event, IndividualId, Lease, LeaseKind, Maker};
use crate::streams::{Purpose, seed_for};
use std::sync::Arc;

/// So many crashes in a row are no property of networks: the search ends and says why.
const CRASHES_IN_A_ROW_MAX: u32 = 10;

/// The clock speaks four times a second. Where it was silent for so long, it was this process that was out of order:
/// nobody could renew a lease.
const STALL_SECONDS: f64 = 10.0;

/// When so many candidates in a row need more time than the search has left, no more are bred.
const DECLINED_IN_A_ROW_MAX: u32 = 16;

impl Brain {
    /// Takes one event in; what is to be done comes out. After the end, nothing is.
    pub fn on_event(&mut self, event: Event, now: f64) -> Vec<Effect> {
        if self.end.is_some() {
            return Vec::new();
        }
        self.tally.attend(now, self.crew());
        // Workers of an earlier life may speak first: what that one had under way must be known by then.
        if !self.begun {
            self.begun = true;
            self.begin(now);
        }
        if now - self.heard >= STALL_SECONDS {
            self.desk.renew_all(now);
        }
        self.heard = now;
        if self.end.is_none() {
            self.take_in(event, now);
        }
        self.go_on(now);
        std::mem::take(&mut self.out)
    }

    fn take_in(&mut self, event: Event, now: f64) {
        match event {
            // Whatever comes first begins.
            Event::Begin => {}
            Event::Joined(worker, facts) => self.joined(worker, facts),
            Event::Left(worker, reason) => self.left(worker, &reason, now),
            Event::Evidence(worker, crashed, how) => self.evidence(worker, crashed, &how, now),
            Event::Ready(trainer, last) => self.desk.welcome(trainer, last),
            Event::Unready(trainer) => self.desk.dismiss(trainer),
            Event::Resting(trainer) => self.desk.rest(trainer),
            Event::Holds(trainer, ticket) => self.holds(trainer, ticket, now),
            Event::Forgotten(trainer, ticket, reason) => self.forgotten(trainer, ticket, &reason, now),
            Event::Progress(trainer, ticket, report) => self.progress(trainer, ticket, report, now),
            Event::Planned(trainer, ticket, epochs) => self.planned(trainer, ticket, epochs),
            Event::Delivered(trainer, delivery) => self.deliver(trainer, *delivery, now),
            Event::HandedBack(trainer, ticket, checkpoint, reason) => {
                self.handed_back(trainer, ticket, checkpoint, &reason, now);
            }
            Event::Bred(birth, draw, newborn) => self.bred(birth, draw, *newborn),
            Event::Barren(birth, draw, message) => self.barren(birth, draw, &message),
            Event::MakerDied(maker, how) => self.maker_died(maker, &how),
            Event::Tick => self.expire(now),
            Event::Thawed => self.desk.renew_all(now),
            Event::Stop => self.stop(now),
            Event::Wished(wish) => self.wished(wish, now),
            Event::Broken(message) => self.finish(End::Failed(message)),
        }
    }

    /// Whether this run is over, and how.
    pub const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    fn begin(&mut self, now: f64) {
        if self.unpauses {
            self.unpause(now);
        }
        for evaluation in std::mem::take(&mut self.orphans) {
            if self.settings.claims {
                self.desk.await_claim(evaluation, now + CLAIM_SECONDS_MAX);
            } else {
                self.lose(evaluation, None, "the run was cut off", now);
            }
        }
        self.bear_seeds();
        // What is left of a paused run's time is divided as of when it was paused.
        self.resume_finale(self.paused.unwrap_or(now));
    }

    /// Everything that follows from the new state: births, hand-outs, the next stage.
    fn go_on(&mut self, now: f64) {
        // Whatever a pause has held up follows when it is over.
        if self.end.is_some() || self.paused.is_some() {
            return;
        }
        self.close_search_when_over(now);
        self.advance(now);
        self.hand_out(now);
        self.replenish();
    }

    /// The search is over for births and hand-outs when its evaluations are planned, its time is gone, or nothing
    /// new can be found. What is being trained may still end.
    fn close_search_when_over(&mut self, now: f64) {
        if self.stage != Stage::Search || self.searched {
            return;
        }
        let spent = self.settings.evaluations.is_some_and(|budget| self.tally.counted >= budget);
        let exhausted = self.nursery.exhausted().is_some()
            && self.nursery.orders().is_empty()
            && self.desk.active(LeaseKind::Search) == 0;
        let late = !self.timing.worthwhile(now, self.settings.seconds)
            || self.tally.declined_in_a_row >= DECLINED_IN_A_ROW_MAX;
        if spent || exhausted || late {
            self.searched = true;
            self.nursery.close();
            self.desk.shelve(LeaseKind::Search);
        }
        if self.tally.crashes_in_a_row >= CRASHES_IN_A_ROW_MAX {
            let last = self.closed.last().map_or("", |(_, message)| message);
            let message =
                format!("{CRASHES_IN_A_ROW_MAX} evaluations crashed one after the other; the last: {last}");
            self.finish(End::Failed(message));
        }
    }

    fn hand_out(&mut self, now: f64) {
        while self.end.is_none()
            && let Some((trainer, evaluation)) = self.desk.next()
        {
            let Some(open) = self.desk.get(evaluation) else { return };
            let (kind, individual) = (open.kind, Arc::clone(&open.individual));
            if kind == LeaseKind::Search {
                if !self.timing.fits(individual.multiply_adds, now, self.settings.seconds) {
                    self.desk.set_aside(evaluation);
                    self.tally.declined_in_a_row += 1;
                    continue;
                }
                self.tally.declined_in_a_row = 0;
            }
            let (epochs, seconds_max) = self.plan(kind, &individual, now);
            let weights =
                if kind == LeaseKind::Test { self.finale.tested_weights(&self.weights) } else { None };
            let inherit = self.inherited(kind, &individual);
            let inherits = inherit.as_ref().map(|inherited| inherited.evaluation);
            let measure_latency = self.settings.measure_latency && kind == LeaseKind::Search;
            let to_the_end = kind == LeaseKind::Crown || individual.maker == Maker::User;
            let seed = self.training_seed(kind, individual.id);
            let trainer_label = self.desk.label(trainer);
            let held = Held { epochs, seconds_max, ..Held::by(trainer, now) };
            let Some(open) = self.desk.lease(trainer, evaluation, held) else { return };
            let lease = Lease {
                evaluation,
                attempt: open.attempt,
                individual: individual.id,
                kind,
                genome: Arc::clone(&individual.genome),
                seed,
                epochs,
                seconds_max,
                weights,
                checkpoint: open.checkpoint.clone(),
                inherit,
                measure_latency,
                to_the_end,
            };
            let attempt = lease.attempt;
            self.record(Entry::Leased {
                evaluation,
                attempt,
                trainer: trainer_label,
                epochs,
                seed,
                inherits,
            });
            self.out.push(Effect::Assign(trainer, Box::new(lease)));
        }
    }

    pub(super) fn training_seed(&self, kind: LeaseKind, individual: IndividualId) -> u64 {
        let purpose = match kind {
            LeaseKind::Search => Purpose::SearchTraining,
            LeaseKind::Crown => Purpose::CrownTraining,
            LeaseKind::Final | LeaseKind::Test => Purpose::FinalTraining,
        };
        seed_for(self.settings.seed, purpose, individual.0)
    }

    fn stop(&mut self, now: f64) {
        self.unpause(now);
        let under_way = |open: &Open| matches!(open.place, Place::Leased(_) | Place::Unclaimed { .. });
        let tickets: Vec<_> = self
            .desk
            .open()
            .iter()
            .filter(|(_, open)| under_way(open))
            .map(|(evaluation, open)| (*evaluation, open.attempt))
            .collect();
        for (evaluation, attempt) in tickets {
            self.record(Entry::Released { evaluation, attempt });
            self.desk.release(evaluation);
            self.desk.requeue(evaluation);
        }
        self.finish(End::Interrupted);
    }
}
