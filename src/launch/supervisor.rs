//! Several processes under one policy: what happens to them comes out of [`Supervisor::next`], one thing at a time.
//!
//! All of it runs on the thread that calls, which must be one that lives as long as this process.

use super::{
    ending::Ending,
    policy::{Effect, Event, Policy, ProcessId},
    process::{Listener, News, Program, Running, SharedLog, start},
};
use crate::chance;
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::sync::mpsc::{Receiver, channel};

/// News that wait to be heard, over all processes; a process that says more waits until it is heard.
const NEWS_MAX: usize = 256;
/// How long a killed process may take to be gone. One that the kernel does not let go is left behind.
const KILLED_PATIENCE: Duration = Duration::from_secs(5);

/// How a process ended that is perhaps started again.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// How it ended.
    pub ending: Ending,
    /// The last lines that it wrote to standard error.
    pub last_words: Vec<String>,
}

/// Something that has happened to a process.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// It has said a line on standard output.
    Said(ProcessId, String),
    /// It has written a line to standard error.
    Wrote(ProcessId, String),
    /// It has broken down and will be started again.
    Restarts(ProcessId, Past),
    /// It is not started again: it is done, has a reason of its own, or is not wanted.
    Over(ProcessId, Past),
    /// It is not started again, after too many breakdowns; and why.
    GivenUp(ProcessId, Past, String),
}

/// Makes the program to be started, each time anew.
pub type Recipe = Box<dyn FnMut(Option<&Past>) -> std::io::Result<Program>>;

struct Slot {
    name: String,
    recipe: Recipe,
    running: Option<Running>,
    past: Past,
    starts: u32,
    log: SharedLog,
}

/// Runs processes.
pub struct Supervisor {
    clock: Instant,
    policy: Policy,
    slots: Vec<Slot>,
    logs: Option<PathBuf>,
    listener: Listener,
    news: Receiver<(ProcessId, News)>,
    happened: VecDeque<Happening>,
}

impl Supervisor {
    pub fn new() -> Self {
        let (listener, news) = channel(NEWS_MAX);
        Self {
            clock: Instant::now(),
            policy: Policy::default(),
            slots: Vec::new(),
            logs: None,
            listener,
            news,
            happened: VecDeque::new(),
        }
    }

    /// One that never waits for long.
    #[cfg(test)]
    pub fn hasty() -> Self {
        Self { policy: Policy::hasty(), ..Self::new() }
    }

    /// Where logs are written from now on, one file for each process; until then they wait in memory.
    pub fn open_logs(&mut self, folder: &Path) {
        self.logs = Some(folder.to_owned());
        for slot in &self.slots {
            slot.log.lock().open(folder);
        }
    }

    /// Adds a process and starts it.
    pub fn add(&mut self, name: &str, recipe: Recipe) -> ProcessId {
        let process = ProcessId(self.slots.len());
        let log = SharedLog::new(name, self.clock);
        if let Some(folder) = &self.logs {
            log.lock().open(folder);
        }
        let past = Past { ending: Ending::Code(0), last_words: Vec::new() };
        self.slots.push(Slot { name: name.to_owned(), recipe, running: None, past, starts: 0, log });
        self.decide(Event::Wanted(process));
        process
    }

    /// Starts a process that is over once more.
    pub fn start_again(&mut self, process: ProcessId) {
        self.decide(Event::Wanted(process));
    }

    /// This process has said that it is ready.
    pub fn is_ready(&mut self, process: ProcessId) {
        self.decide(Event::Ready(process));
    }

    /// Its name.
    pub fn name(&self, process: ProcessId) -> &str {
        self.slots.get(process.0).map_or("", |slot| &slot.name)
    }

    /// Where its log is written.
    pub fn log(&self, process: ProcessId) -> Option<PathBuf> {
        self.slots.get(process.0).and_then(|slot| slot.log.lock().path().map(Path::to_owned))
    }

    /// The next thing that happens; never, where nothing runs. Nothing is lost where this is dropped while it waits.
    pub async fn next(&mut self) -> Happening {
        loop {
            if let Some(happening) = self.happened.pop_front() {
                return happening;
            }
            let alarm = self.policy.next_at().map(|at| self.clock + at);
            let news = tokio::select! {
                news = self.news.recv() => news,
                () = sleep_until(alarm) => None,
            };
            match news {
                Some((process, news)) => self.hear(process, news),
                None => self.decide(Event::Tick),
            }
        }
    }

    /// Asks a process to end, and does not start it again.
    pub fn ask_to_end(&mut self, process: ProcessId) {
        self.decide(Event::Unwanted(process));
        if let Some(running) = self.running(process) {
            running.ask_to_end();
        }
    }

    /// Ends a process as it is; the policy decides on what follows.
    pub fn kill(&mut self, process: ProcessId) {
        if let Some(running) = self.running(process) {
            running.kill();
        }
    }

    /// Kills everything at once.
    pub fn kill_all(&mut self) {
        for index in 0..self.slots.len() {
            self.decide(Event::Unwanted(ProcessId(index)));
            self.kill(ProcessId(index));
        }
    }

    /// Asks all processes to end, kills those that do not within `patience`, and returns when all are gone.
    pub async fn end_all(&mut self, patience: Duration) {
        for index in 0..self.slots.len() {
            self.ask_to_end(ProcessId(index));
        }
        if tokio::time::timeout(patience, self.all_gone()).await.is_err() {
            self.kill_all();
            _ = tokio::time::timeout(KILLED_PATIENCE, self.all_gone()).await;
        }
    }

    async fn all_gone(&mut self) {
        while self.slots.iter().any(|slot| slot.running.is_some()) {
            self.next().await;
        }
    }

    fn running(&self, process: ProcessId) -> Option<&Running> {
        self.slots.get(process.0)?.running.as_ref()
    }

    fn hear(&mut self, process: ProcessId, news: News) {
        match news {
            News::Said(line) => self.happened.push_back(Happening::Said(process, line)),
            News::Wrote(line) => self.happened.push_back(Happening::Wrote(process, line)),
            News::Ended(ending, last_words) => self.ended(process, Past { ending, last_words }),
        }
    }

    fn ended(&mut self, process: ProcessId, past: Past) {
        let ending = past.ending.clone();
        if let Some(slot) = self.slots.get_mut(process.0) {
            slot.running = None;
            slot.past = past;
        }
        self.decide(Event::Ended(process, ending, chance::share()));
    }

    fn decide(&mut self, event: Event) {
        for effect in self.policy.on_event(event, self.clock.elapsed()) {
            match effect {
                Effect::Start(process) => self.start(process),
                Effect::Pause(process, _) => self.happens(process, Happening::Restarts),
                Effect::Over(process) => self.happens(process, Happening::Over),
                Effect::GiveUp(process, reason) => {
                    self.happens(process, |process, past| Happening::GivenUp(process, past, reason));
                }
            }
        }
    }

    fn happens(&mut self, process: ProcessId, happening: impl FnOnce(ProcessId, Past) -> Happening) {
        if let Some(slot) = self.slots.get(process.0) {
            self.happened.push_back(happening(process, slot.past.clone()));
        }
    }

    fn start(&mut self, process: ProcessId) {
        let Some(slot) = self.slots.get_mut(process.0) else { return };
        let past = (slot.starts > 0).then_some(&slot.past);
        slot.starts += 1;
        let started = (slot.recipe)(past)
            .and_then(|program| start(process, &program, slot.log.clone(), self.listener.clone()));
        match started {
            Ok(running) => slot.running = Some(running),
            Err(error) => {
                let ending = Ending::NotStarted(error.to_string());
                slot.log.remark(&format!("--- it {ending}"));
                self.ended(process, Past { ending, last_words: Vec::new() });
            }
        }
    }

    #[cfg(test)]
    pub fn pid(&self, process: ProcessId) -> Option<rustix::process::Pid> {
        self.running(process).map(Running::pid)
    }
}

/// Sleeps until that time; for ever, where there is none.
pub async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
