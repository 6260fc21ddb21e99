//! The coordinator's process: the Population's brain and its journal, the Membership, and between them two queues.
//! What the actors do in `population::actor` and `hub` is done here under the virtual clock: effects are committed
//! together, and only then performed.

use super::happening::{Break, Happening, Side, Word};
use super::invariants::ProcessId;
use super::process::{DATA_HASH, data};
use super::state::{Coordinator, Frozen, World};
use super::words::{brief, shorten};
use crate::freight::cut;
use crate::journal::entry::Entry;
use crate::link::LinkEvent;
use crate::membership::{Deed, Membership};
use crate::population::effect::Effect;
use crate::population::simulation::weather::drawing;
use crate::population::state::Brain;
use crate::protocol::letters::{Letter, NodeName, ToCoordinator, ToWorker, Welcome};
use crate::protocol::{EvaluationId, Event, WorkerId};
use crate::testing::{self, Minds};
use hatchery_models::training::outcome::Weights;
use rand::RngExt;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How often the brains are told that time passes.
const TICK_SECONDS: f64 = 0.5;

/// A hop from one actor to another takes at most so long.
const HOP_SECONDS: f64 = 0.003;

/// A commit that failed is tried again after so long, at first and at most.
const RETRY_SECONDS: (f64, f64) = (0.2, 5.0);

impl World {
    /// The coordinator's process starts, for the first time or again.
    pub fn start_coordinator(&mut self) {
        if self.now < self.outage {
            // Its first commit fails: it ends, and is started again.
            return self.later(2.0, Happening::StartCoordinator);
        }
        self.life += 1;
        let record = self.journal.record().unwrap();
        let weights: BTreeMap<EvaluationId, Arc<Weights>> = record
            .evaluations
            .iter()
            .filter(|evaluation| evaluation.has_weights)
            .map(|of| (of.id, Arc::new(self.journal.weights(of.id).unwrap().unwrap())))
            .collect();
        let settings = self.weather.settings(self.seed);
        let brain = Brain::restore(settings, &record, self.journal.pauses().unwrap(), weights);
        if self.life > 1 {
            let resumed = Entry::Resumed {
                program_version: "1".to_owned(),
                experiment: testing::EXPERIMENT.to_owned(),
                started_again: true,
            };
            self.journal.commit(record.elapsed_seconds, &[resumed]).unwrap();
        }
        let first = WorkerId(self.journal.last_worker().unwrap() + 1);
        self.coordinator = Some(Coordinator {
            life: self.life,
            asleep: false,
            backlog: Vec::new(),
            began: self.now,
            spent: record.elapsed_seconds,
            minds: Minds::new(&drawing(self.seed, &self.weather.search), &brain.news(&record)),
            brain,
            membership: Membership::new(welcome(), first, false),
            effects: Vec::new(),
            flushing: false,
            frozen: None,
            mailbox: VecDeque::new(),
            last: [self.now; 2],
            draining: BTreeMap::new(),
            names: BTreeMap::new(),
            disturbed: self.now,
            events: 0,
        });
        self.tell_population(Event::Begin);
        self.tell_coordinator(TICK_SECONDS, Word::PopulationTick);
        self.tell_coordinator(TICK_SECONDS, Word::HubTick);
    }

    pub fn kill_coordinator(&mut self) {
        if self.coordinator.take().is_none() {
            return;
        }
        self.trace(|| "the coordinator is killed".to_owned());
        self.count.coordinator_kills += 1;
        self.hang_up_for_coordinator();
        let most = if self.rng.random_bool(0.2) { 60.0 } else { 8.0 };
        let delay = self.rng.random_range(0.2..most);
        self.later(delay, Happening::StartCoordinator);
    }

    pub fn stall_coordinator(&mut self) {
        let seconds = self.rng.random_range(0.5..40.0);
        let Some(coordinator) = self.coordinator.as_mut().filter(|coordinator| !coordinator.asleep) else {
            return;
        };
        coordinator.asleep = true;
        let life = coordinator.life;
        self.count.stalls += 1;
        self.later(seconds, Happening::WakeCoordinator(life));
        self.fall_silent(None, self.now + seconds);
    }

    pub fn wake_coordinator(&mut self, life: u32) {
        let now = self.now;
        if let Some(coordinator) = self.coordinator.as_mut().filter(|awake| awake.life == life) {
            (coordinator.asleep, coordinator.disturbed) = (false, now);
            for happening in std::mem::take(&mut coordinator.backlog) {
                self.calendar.enter(now, happening);
            }
        }
    }

    fn tell_coordinator(&mut self, delay: f64, word: Word) {
        let life = self.life;
        self.later(delay, Happening::Coordinator(life, word));
    }

    /// Something comes in from a worker.
    pub fn coordinator_hears(&mut self, process: ProcessId, event: LinkEvent) {
        let now = self.now;
        let Some(coordinator) = &mut self.coordinator else { return };
        let mut premature = None;
        if let LinkEvent::Letter(node, letter) = &event {
            match &**letter {
                Letter::ToCoordinator(ToCoordinator::Status(status)) if status.draining => {
                    coordinator.draining.entry(node.clone()).or_insert(now);
                }
                Letter::ToCoordinator(ToCoordinator::Result(report))
                    if self.broken == Some(Break::AcknowledgeBeforeCommit) =>
                {
                    premature = Some((node.clone(), report.ticket));
                }
                _ => {}
            }
        }
        if let Some(trace) = self.tracing {
            trace(self.now, &format!("process {process} -> coordinator: {}", brief(&event)));
        }
        let deeds = coordinator.membership.on_link(event, now - coordinator.began);
        if let Some((node, ticket)) = premature {
            self.perform_for_hub(Deed::Send(node, ToWorker::Acknowledge(ticket)));
        }
        for deed in deeds {
            self.perform_for_hub(deed);
        }
        self.check_burdens();
    }

    fn perform_for_hub(&mut self, deed: Deed) {
        match deed {
            Deed::Send(node, letter) => {
                self.check_letter(&letter);
                self.send_to_worker(&node, letter);
            }
            Deed::Tell(event) => self.tell_population(event),
            Deed::Repeat(event) => {
                if self.coordinator.as_ref().is_some_and(|coordinator| coordinator.frozen.is_none()) {
                    self.tell_population(event);
                } else {
                    self.count.held_back += 1;
                }
            }
            Deed::HangUp(node, reason) => {
                self.count.hung_up += 1;
                if let Some(line) = self.line_to(&node) {
                    self.later(0.0, Happening::Fall(line, Side::Coordinator, reason));
                }
            }
            Deed::ServeData(node, name, offset) => {
                let letter = match cut(&name, &data(), offset) {
                    Some(piece) => ToWorker::Piece(piece),
                    None => ToWorker::Missing(name, "it has no such byte".to_owned()),
                };
                self.send_to_worker(&node, letter);
            }
        }
    }

    fn send_to_worker(&mut self, node: &NodeName, letter: ToWorker) {
        if let Some(line) = self.line_to(node) {
            self.post(line, Side::Coordinator, Letter::ToWorker(letter));
        } else {
            self.count.unsent += 1;
        }
    }

    /// From the Hub to the Population.
    fn tell_population(&mut self, event: Event) {
        match &event {
            Event::Unready(_) if self.broken == Some(Break::OrderTheDraining) => return,
            Event::HandedBack(_, _, Some(_), _) => self.count.checkpoints += 1,
            Event::Delivered(_, delivery) if delivery.trained.weights.is_some() => self.count.weights += 1,
            _ => {}
        }
        let at = self.hop(0);
        let life = self.life;
        self.calendar.enter(at, Happening::Coordinator(life, Word::Event(event)));
    }

    /// When a word arrives that is sent now: the actors' mailboxes keep their order.
    fn hop(&mut self, queue: usize) -> f64 {
        let at = self.now + self.rng.random_range(0.0..HOP_SECONDS);
        let Some(coordinator) = &mut self.coordinator else { return at };
        coordinator.last[queue] = coordinator.last[queue].max(at);
        coordinator.last[queue]
    }

    pub fn coordinator_acts(&mut self, word: Word) {
        match word {
            Word::Effect(effect) => self.hub_acts(effect),
            Word::HubTick => self.hub_tick(),
            Word::Retry => self.retry(),
            word => {
                let Some(coordinator) = &mut self.coordinator else { return };
                if coordinator.frozen.is_some() {
                    coordinator.mailbox.push_back(word);
                    let waiting = coordinator.mailbox.len() as u64;
                    self.count.mail_max = self.count.mail_max.max(waiting);
                } else {
                    self.population_acts(word);
                }
            }
        }
    }

    fn hub_tick(&mut self) {
        let Some(coordinator) = &mut self.coordinator else { return };
        let deeds = coordinator.membership.on_tick(self.now - coordinator.began);
        for deed in deeds {
            self.perform_for_hub(deed);
        }
        self.tell_coordinator(TICK_SECONDS, Word::HubTick);
    }

    fn hub_acts(&mut self, effect: Effect) {
        let Some(coordinator) = &mut self.coordinator else { return };
        let now = self.now - coordinator.began;
        let membership = &mut coordinator.membership;
        let mut early = None;
        let deeds = match effect {
            Effect::Assign(trainer, lease) => {
                early = Some((trainer, lease.ticket())).filter(|_| self.broken == Some(Break::FreeTooEarly));
                membership.assign(trainer, &lease)
            }
            Effect::Advise(trainer, ticket) => membership.advise(trainer, ticket),
            Effect::Acknowledge(trainer, ticket) => membership.acknowledge(trainer, ticket),
            Effect::Abandon(trainer, ticket) => membership.abandon(trainer, ticket),
            Effect::Fetch(trainer, ticket) => membership.fetch(trainer, ticket, now),
            Effect::Finish(end) => {
                self.finished = Some((end, self.now));
                membership.finish("the run is over")
            }
            Effect::Breed(_) | Effect::Tell(_) | Effect::Record(_) => Vec::new(),
        };
        for deed in deeds {
            self.perform_for_hub(deed);
        }
        if let Some((trainer, ticket)) = early {
            self.tell_population(Event::Ready(trainer, Some(ticket)));
        }
        self.check_burdens();
    }

    fn population_acts(&mut self, word: Word) {
        match word {
            Word::Event(event) => self.tell_brain(event),
            Word::PopulationTick => {
                self.tell_brain(Event::Tick);
                self.tell_coordinator(TICK_SECONDS, Word::PopulationTick);
            }
            Word::Flush => self.flush(),
            Word::Retry | Word::Effect(_) | Word::HubTick => {}
        }
    }

    fn tell_brain(&mut self, event: Event) {
        let full = self.is_budget_full();
        let Some(coordinator) = &mut self.coordinator else { return };
        if let Some(trace) = self.tracing
            && !matches!(event, Event::Tick)
        {
            trace(self.now, &format!("    population: {}", shorten(&format!("{event:?}"))));
        }
        let now = coordinator.spent + self.now - coordinator.began;
        let effects = coordinator.brain.on_event(event, now);
        coordinator.events += 1;
        if let Some(trace) = self.tracing {
            for effect in &effects {
                trace(self.now, &format!("    population: => {}", shorten(&format!("{effect:?}"))));
            }
        }
        for effect in &effects {
            match effect {
                Effect::Assign(trainer, lease) => self.check_assigned(*trainer, lease.ticket()),
                Effect::Record(Entry::Joined { worker, .. }) => self.note_name(*worker),
                Effect::Acknowledge(_, ticket) | Effect::Abandon(_, ticket) if full => {
                    self.ledger.has_no_room(*ticket);
                }
                _ => {}
            }
        }
        self.check_population();
        let Some(coordinator) = &mut self.coordinator else { return };
        coordinator.effects.extend(effects);
        if !coordinator.effects.is_empty() && !coordinator.flushing {
            coordinator.flushing = true;
            let at = self.hop(0);
            let life = self.life;
            self.calendar.enter(at, Happening::Coordinator(life, Word::Flush));
        }
    }

    /// Which process a worker's number belongs to.
    fn note_name(&mut self, worker: WorkerId) {
        let Some(coordinator) = &mut self.coordinator else { return };
        if let Some(node) = coordinator.membership.name_of(worker) {
            coordinator.names.insert(worker, node.clone());
        }
    }

    fn flush(&mut self) {
        let Some(coordinator) = &mut self.coordinator else { return };
        coordinator.flushing = false;
        let effects = std::mem::take(&mut coordinator.effects);
        let (mut entries, mut deeds) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Record(entry) => entries.push(entry),
                deed => deeds.push(deed),
            }
        }
        if !entries.is_empty() && self.is_fatal() {
            self.count.kills_before_commit += 1;
            return self.kill_coordinator();
        }
        self.commit(Frozen { entries, deeds, pause: RETRY_SECONDS.0 }, false);
    }

    /// Whether the coordinator is killed at this commit. It is not for ever: there are many commits.
    fn is_fatal(&mut self) -> bool {
        self.now < self.weather.clears_at && self.chance(self.weather.fatal_commits)
    }

    fn retry(&mut self) {
        if let Some(frozen) = self.coordinator.as_mut().and_then(|coordinator| coordinator.frozen.take()) {
            self.commit(frozen, true);
        }
    }

    fn commit(&mut self, batch: Frozen, again: bool) {
        let now = self.now;
        let Some(coordinator) = &mut self.coordinator else { return };
        if !batch.entries.is_empty() {
            if now < self.outage {
                self.count.failed_commits += 1;
                let pause = batch.pause;
                coordinator.frozen = Some(Frozen { pause: (pause * 2.0).min(RETRY_SECONDS.1), ..batch });
                return self.tell_coordinator(pause, Word::Retry);
            }
            let elapsed = coordinator.spent + now - coordinator.began;
            let entries = self.really_written(&batch.entries);
            if let Err(error) = self.journal.commit(elapsed, &entries) {
                let text = format!("invariant J broken (the journal takes what the brain records): {error}");
                return self.ledger.breaches.push(super::invariants::Breach { id: "J", text });
            }
            self.ledger.commit(&batch.entries);
            if self.broken == Some(Break::RecordTwice) {
                let results: Vec<Entry> = batch.entries.iter().filter(|of| is_result(of)).cloned().collect();
                self.ledger.commit(&results);
            }
            if self.is_fatal() && self.over().is_none() {
                self.count.kills_after_commit += 1;
                return self.kill_coordinator();
            }
        }
        if again {
            if let Some(coordinator) = &mut self.coordinator {
                coordinator.disturbed = now;
            }
            self.tell_brain(Event::Thawed);
        }
        for deed in batch.deeds {
            self.pass_on(deed);
        }
        if again {
            let waiting =
                self.coordinator.as_mut().map(|coordinator| std::mem::take(&mut coordinator.mailbox));
            for word in waiting.unwrap_or_default() {
                self.coordinator_acts(word);
            }
        }
    }

    fn really_written<'a>(&self, entries: &'a [Entry]) -> Cow<'a, [Entry]> {
        if self.broken == Some(Break::RecordNothing) {
            entries.iter().filter(|entry| !is_result(entry)).cloned().collect()
        } else {
            Cow::Borrowed(entries)
        }
    }

    /// From the Population to the makers or to the Hub.
    fn pass_on(&mut self, deed: Effect) {
        if let Effect::Tell(news) = &deed {
            if let Some(coordinator) = &mut self.coordinator {
                coordinator.minds.hear(news);
            }
            return;
        }
        if let Effect::Breed(order) = &deed {
            if self.broken == Some(Break::BreedNothing) {
                return;
            }
            let Some(coordinator) = &mut self.coordinator else { return };
            let event = match coordinator.minds.make(order) {
                Ok(newborn) => Event::Bred(order.birth, order.draw, Box::new(newborn)),
                Err(message) => Event::Barren(order.birth, order.draw, message),
            };
            let delay = self.rng.random_range(0.001..0.1);
            return self.tell_coordinator(delay, Word::Event(event));
        }
        let at = self.hop(1);
        let life = self.life;
        self.calendar.enter(at, Happening::Coordinator(life, Word::Effect(deed)));
    }
}

const fn is_result(entry: &Entry) -> bool {
    matches!(entry, Entry::Finished(_))
}

fn welcome() -> Welcome {
    Welcome {
        run: "run 1".to_owned(),
        experiment: testing::EXPERIMENT.to_owned(),
        data_hash: DATA_HASH.to_owned(),
        threads: 1,
        trainers: 1,
    }
}
