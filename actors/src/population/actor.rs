//! The Population actor: a shell around the brain. It tells the brain what happens, commits what the brain wants
//! recorded, and only then does what the brain wants done.

use super::clock::Clock;
use super::effect::Effect;
use super::state::Brain;
use crate::error::SearchError;
use crate::hub::{Hub, HubArguments, Post};
use crate::invariants;
use crate::journal::entry::{End, Entry};
use crate::journal::{JournalError, writer::JournalWriter};
use crate::makers::{MakerActor, MakerState, Makers};
use crate::membership::Membership;
use crate::messages::{Errand, HubMessage, MakerMessage, MakerWord, PopulationMessage};
use crate::metrics;
use crate::progress::{Nodes, Progress};
use crate::protocol::letters::Welcome;
use crate::protocol::{Event, Maker, News, WorkerId};
use crate::reading::Pages;
use crate::remote::{Answer, Asked, Command, Refusal};
use crate::supervision;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// How often the brain is told that time passes, and the display is refreshed.
const TICK: Duration = Duration::from_millis(250);

/// First pause after a commit that failed; it doubles each time ..
const RETRY_FIRST: Duration = Duration::from_millis(200);

/// .. up to this.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Checking the invariants looks at every trainer. It is done again when so many times as long has passed as it took:
/// that keeps it at a hundredth of the time.
const CHECK_PAUSE_FACTOR: u32 = 100;

/// A snapshot for the display names every trainer, which takes about half a microsecond for each: so long a pause for
/// each trainer keeps that at half a hundredth of the time.
const SHOWN_PAUSE_PER_TRAINER: Duration = Duration::from_micros(100);

/// The Population actor:
/// 1. an event goes to the brain, its effects are collected;
/// 2. when all events that have come meanwhile are told (a word to itself goes to the end of the mailbox), what is to
///    be recorded is committed at once;
/// 3. the other effects are performed.
///
/// Where the journal cannot be written, 2 is tried again for a while. Nothing is acknowledged meanwhile, so nothing
/// is lost; then the run ends with an error that says how to go on. Nothing is read meanwhile, either, which the Hub
/// sees by the `Pages`: it says nothing again, so that the mailbox does not grow.
pub struct Population;

/// What a Population is made of.
pub struct PopulationArguments {
    /// What decides, at the beginning or restored.
    pub brain: Brain,
    /// Where everything is recorded.
    pub writer: JournalWriter,
    /// How long the run has taken before, in seconds.
    pub spent: f64,
    /// Who makes networks.
    pub makers: Arc<dyn Makers>,
    /// What they have to know of what has happened so far.
    pub news: Vec<News>,
    /// What workers are told that join.
    pub welcome: Welcome,
    /// The number of the next worker that joins.
    pub first_worker: WorkerId,
    /// The way to the workers.
    pub post: Post,
    /// How long a journal that cannot be written is tried again.
    pub patience: Duration,
    /// For the display.
    pub progress: watch::Sender<Progress>,
    /// For those who watch the workers.
    pub nodes: watch::Sender<Nodes>,
    /// The user's wish to stop.
    pub stop: watch::Receiver<bool>,
    /// How the run ended.
    pub ended: oneshot::Sender<Result<End, SearchError>>,
}

/// What a Population knows.
pub struct PopulationState {
    brain: Brain,
    writer: JournalWriter,
    clock: Clock,
    breeder: ActorRef<MakerMessage>,
    refiner: ActorRef<MakerMessage>,
    hub: ActorRef<HubMessage>,
    effects: Vec<Effect>,
    /// Wishes whose fulfilment is still to be recorded, and what is said then.
    answers: Vec<(Answer, String)>,
    flushing: bool,
    check_again: Instant,
    shown: Instant,
    ticked: Instant,
    pages: Pages,
    makers: Arc<dyn Makers>,
    patience: Duration,
    progress: watch::Sender<Progress>,
    stop: watch::Receiver<bool>,
    stopping: bool,
    ended: Option<oneshot::Sender<Result<End, SearchError>>>,
}

impl PopulationState {
    fn tell_brain(&mut self, events: Vec<Event>, myself: &ActorRef<PopulationMessage>) {
        for event in events {
            self.effects.extend(self.brain.on_event(event, self.clock.now()));
            self.check();
        }
        if !self.brain.view().desk.trainers().is_empty() {
            self.clock.run();
        }
        if !self.effects.is_empty() && !self.flushing {
            self.flushing = myself.cast(PopulationMessage::Flush).is_ok();
        }
    }

    /// Checks the invariants, which looks at every trainer: after every event in debug builds, else now and then.
    fn check(&mut self) {
        let began = Instant::now();
        if cfg!(debug_assertions) || began >= self.check_again {
            invariants::enforce(&self.brain.view());
            self.check_again = Instant::now() + began.elapsed() * CHECK_PAUSE_FACTOR;
        }
    }

    fn tick(&mut self, myself: &ActorRef<PopulationMessage>) {
        // Those that have come while the journal could not be written are one.
        if self.ticked.elapsed() < TICK / 2 {
            return;
        }
        self.ticked = Instant::now();
        // Where the wish's sender is gone, nobody can wish any more.
        if *self.stop.borrow() && !self.stopping {
            self.stopping = true;
            self.tell_brain(vec![Event::Stop], myself);
        }
        self.tell_brain(vec![Event::Tick], myself);
        self.show_again();
    }

    /// Refreshes the display, which names every trainer, unless that would be too often.
    fn show_again(&mut self) {
        let trainers = u32::try_from(self.brain.view().desk.trainers().len()).unwrap_or(u32::MAX);
        if self.shown.elapsed() >= SHOWN_PAUSE_PER_TRAINER.saturating_mul(trainers) {
            self.show(None);
            self.shown = Instant::now();
        }
    }

    /// What is asked from outside. What the brain takes up is answered when it is recorded.
    fn asked(&mut self, Asked { command, answer }: Asked, myself: &ActorRef<PopulationMessage>) {
        let wish = match command {
            Command::Drain(node) => {
                // Without its Hub the Population ends: see how it supervises.
                _ = self.hub.cast(HubMessage::Drain(node, answer));
                return;
            }
            Command::Wish(wish) => wish,
        };
        // Who asked may have gone.
        match self.brain.objection(wish) {
            Some(objection) => _ = answer.send(Err(Refusal::Conflict(objection))),
            None => {
                self.tell_brain(vec![Event::Wished(wish)], myself);
                self.answers.push((answer, self.brain.wish_words(wish)));
                if !self.flushing {
                    self.flushing = myself.cast(PopulationMessage::Flush).is_ok();
                }
            }
        }
    }

    fn show(&self, paused: Option<String>) {
        let snapshot = self.brain.snapshot(self.clock.now());
        self.progress.send_replace(Progress { paused: paused.or(snapshot.paused.clone()), ..snapshot });
    }

    async fn flush(&mut self, myself: &ActorRef<PopulationMessage>) {
        self.flushing = false;
        let effects = std::mem::take(&mut self.effects);
        let (mut entries, mut deeds) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Record(entry) => entries.push(entry),
                deed => deeds.push(deed),
            }
        }
        if !entries.is_empty()
            && let Err(error) = self.commit(entries, myself).await
        {
            return self.end(Err(error), myself);
        }
        self.perform(deeds, myself);
        self.answer();
    }

    /// Whoever has wished something hears that it is recorded, and can see it.
    fn answer(&mut self) {
        if self.answers.is_empty() {
            return self.show_again();
        }
        self.show(None);
        for (answer, words) in std::mem::take(&mut self.answers) {
            // Who asked may have gone.
            _ = answer.send(Ok(words));
        }
    }

    /// Commits, patiently.
    async fn commit(
        &mut self,
        mut entries: Vec<Entry>,
        myself: &ActorRef<PopulationMessage>,
    ) -> Result<(), SearchError> {
        let (since, mut pause) = (Instant::now(), RETRY_FIRST);
        let mut paused = false;
        loop {
            let (began, count) = (Instant::now(), entries.len());
            let committed = self.writer.commit(self.clock.now(), entries).await;
            metrics::journal_commit(count, began.elapsed().as_secs_f64(), committed.is_ok());
            let error = match committed {
                Ok(()) => break,
                Err((error, back)) => {
                    entries = back;
                    error
                }
            };
            let gone_on_for = since.elapsed();
            if !error.may_pass() {
                return Err(error.into());
            }
            if gone_on_for >= self.patience || *self.stop.borrow() {
                return Err(SearchError::Unrecorded { seconds: gone_on_for.as_secs(), source: error });
            }
            self.clock.stand();
            self.pause(&error);
            paused = true;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // A wish to stop ends the pause; a sender that is gone can wish nothing.
                Ok(_) = self.stop.wait_for(|stop| *stop) => {}
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
        if paused {
            tracing::info!("the journal can be written again; the search goes on");
            self.tell_brain(vec![Event::Thawed], myself);
        }
        Ok(())
    }

    fn pause(&self, error: &JournalError) {
        let mut reason = error.to_string();
        if let Some(cause) = error.source() {
            reason += &format!(": {cause}");
        }
        tracing::warn!(reason, "the search is paused");
        self.show(Some(format!("{reason}; it goes on by itself when that is mended")));
    }

    fn perform(&mut self, deeds: Vec<Effect>, myself: &ActorRef<PopulationMessage>) {
        let (mut errands, mut breeder, mut refiner) = (Vec::new(), Vec::new(), Vec::new());
        let mut end = None;
        for deed in deeds {
            match deed {
                // Already done: these come first.
                Effect::Record(_) => {}
                Effect::Breed(order) => {
                    let words = if order.maker == Maker::Refiner { &mut refiner } else { &mut breeder };
                    words.push(MakerWord::Order(order));
                }
                Effect::Tell(news) => {
                    if self.brain.has_refiner() {
                        refiner.push(MakerWord::News(news.clone()));
                    }
                    breeder.push(MakerWord::News(news));
                }
                Effect::Assign(trainer, lease) => errands.push(Errand::Assign(trainer, lease)),
                Effect::Advise(trainer, ticket) => errands.push(Errand::Advise(trainer, ticket)),
                Effect::Acknowledge(trainer, ticket) => errands.push(Errand::Acknowledge(trainer, ticket)),
                Effect::Abandon(trainer, ticket) => errands.push(Errand::Abandon(trainer, ticket)),
                Effect::Fetch(trainer, ticket) => errands.push(Errand::Fetch(trainer, ticket)),
                Effect::Finish(how) => end = Some(how),
            }
        }
        self.say_to_maker(Maker::Breeder, breeder);
        self.say_to_maker(Maker::Refiner, refiner);
        if !errands.is_empty() {
            // Without its Hub the Population ends: see how it supervises.
            let _ = self.hub.cast(HubMessage::Errands(errands));
        }
        if let Some(how) = end {
            self.end(Ok(how), myself);
        }
    }

    fn say_to_maker(&self, maker: Maker, words: Vec<MakerWord>) {
        let actor = if maker == Maker::Refiner { &self.refiner } else { &self.breeder };
        if !words.is_empty() {
            // A maker that has died is started again by its supervisor, and then has all news and orders again.
            let _ = actor.cast(MakerMessage(words));
        }
    }

    fn end(&mut self, how: Result<End, SearchError>, myself: &ActorRef<PopulationMessage>) {
        self.show(None);
        if let Some(ended) = self.ended.take() {
            // Whoever waited is gone only where the whole run is being torn down.
            let _ = ended.send(how);
        }
        myself.stop(None);
    }

    async fn maker_died(
        &mut self,
        maker: Maker,
        reason: String,
        myself: &ActorRef<PopulationMessage>,
    ) -> Result<(), ActorProcessingErr> {
        tracing::warn!(maker = maker.word(), reason, "a maker of networks has died");
        self.tell_brain(vec![Event::MakerDied(maker, reason)], myself);
        // What it has not been told yet it would be told twice.
        self.flush(myself).await;
        if !self.brain.wants_makers() {
            return Ok(());
        }
        let record = self.writer.record().await?;
        let actor = start_maker(myself, &*self.makers, maker, self.brain.news(&record)).await?;
        if maker == Maker::Refiner {
            self.refiner = actor
        } else {
            self.breeder = actor
        }
        let orders = self.brain.orders().into_iter().filter(|order| order.maker == maker);
        self.say_to_maker(maker, orders.map(MakerWord::Order).collect());
        Ok(())
    }
}

async fn start_maker(
    myself: &ActorRef<PopulationMessage>,
    makers: &dyn Makers,
    maker: Maker,
    news: Vec<News>,
) -> Result<ActorRef<MakerMessage>, ActorProcessingErr> {
    let state = MakerState { population: myself.clone(), mind: Some(makers.mind(maker)) };
    let (actor, _) = MakerActor::spawn_linked(None, MakerActor, state, myself.get_cell()).await?;
    actor.cast(MakerMessage(news.into_iter().map(MakerWord::News).collect()))?;
    Ok(actor)
}

impl Actor for Population {
    type Msg = PopulationMessage;
    type State = PopulationState;
    type Arguments = PopulationArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: PopulationArguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let PopulationArguments { brain, writer, spent, makers, news, patience, .. } = arguments;
        // Before any word of the workers.
        myself.cast(PopulationMessage::Events(vec![Event::Begin]))?;
        let breeder = start_maker(&myself, &*makers, Maker::Breeder, news.clone()).await?;
        let refined = if brain.has_refiner() { news } else { Vec::new() };
        let refiner = start_maker(&myself, &*makers, Maker::Refiner, refined).await?;
        let membership = Membership::new(arguments.welcome, arguments.first_worker, arguments.post.sole);
        let (post, nodes) = (arguments.post, arguments.nodes);
        let pages = Pages::default();
        let hub = HubArguments { population: myself.clone(), pages: pages.clone(), membership, post, nodes };
        let (hub, _) = Hub::spawn_linked(None, Hub, hub, myself.get_cell()).await?;
        myself.send_interval(TICK, || PopulationMessage::Tick);
        Ok(PopulationState {
            brain,
            writer,
            clock: Clock::standing(spent),
            breeder,
            refiner,
            hub,
            effects: Vec::new(),
            answers: Vec::new(),
            flushing: false,
            check_again: Instant::now(),
            shown: Instant::now(),
            ticked: Instant::now(),
            pages,
            makers,
            patience,
            progress: arguments.progress,
            stop: arguments.stop,
            stopping: false,
            ended: Some(arguments.ended),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: PopulationMessage,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.pages.turn();
        match message {
            PopulationMessage::Events(events) => state.tell_brain(events, &myself),
            PopulationMessage::Flush => state.flush(&myself).await,
            PopulationMessage::Asked(asked) => state.asked(asked, &myself),
            PopulationMessage::Tick => state.tick(&myself),
        }
        Ok(())
    }

    /// Lets the workers know first, and gives the run directory up when nobody works for it any more.
    async fn post_stop(
        &self,
        _: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let reason = match state.brain.end() {
            Some(End::Completed) => "the run is complete",
            Some(End::Interrupted) => "the run was stopped",
            Some(End::Failed(_)) | None => "the run cannot go on",
        };
        let (done, all_know) = oneshot::channel();
        if state.hub.cast(HubMessage::Finish(reason.to_owned(), done)).is_ok() {
            // Where the hub has failed, nobody can be told.
            let _ = all_know.await;
        }
        let _ = state.hub.stop_and_wait(None, None).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((cell, reason)) = supervision::ending(event) else { return Ok(()) };
        if cell.get_id() == state.breeder.get_id() {
            state.maker_died(Maker::Breeder, reason, &myself).await?;
        } else if cell.get_id() == state.refiner.get_id() {
            state.maker_died(Maker::Refiner, reason, &myself).await?;
        } else if cell.get_id() == state.hub.get_id() {
            // What it believed of the workers is gone with it: end, be started again, and reload.
            state.end(Err(SearchError::BrokenDown(format!("the hub has ended: {reason}"))), &myself);
        }
        Ok(())
    }
}
