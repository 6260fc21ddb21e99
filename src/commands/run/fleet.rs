//! The processes of a run on this machine: one coordinator, and the workers that it asks for. What breaks down is
//! started again; whoever says that going on is of no use ends the run.
//!
//! It must not load data or ONNX Runtime: whatever breaks there must not take the supervisor along.

use super::{
    plan::Plan,
    recipes::{self, Address, has_begun},
};
use crate::{
    cli::{
        exit::{Exit, Failure, OrExit},
        run::RunOptions,
    },
    http,
    launch::{Happening, Meaning, Past, ProcessId, Supervisor, sleep_until},
    logging::{self, FAILURE},
    output::note,
    progress::Display,
    said::{self, CoordinatorSaid, Ready, WorkerSaid},
    signals::Signals,
};
use anyhow::anyhow;
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    rc::Rc,
    time::{Duration, Instant},
};

/// How long a coordinator may take to stop cleanly. What it has recorded is safe in any case.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// How long workers may take to end once there is no coordinator any more.
const WORKERS_PATIENCE: Duration = Duration::from_secs(5);
/// How lines at error level are recognised in a worker's log: there is a time before the level.
const ERROR_LEVEL: &str = " ERROR ";

/// Why the loop ends: whether the run was interrupted, or what it failed with.
type Verdict = Result<bool, Failure>;

/// A worker, as far as the run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worker {
    /// Works, or is started again.
    Wanted,
    /// Has heard that the run is over.
    Finished,
    /// Somebody has drained it: it stays away.
    Dismissed,
    /// Has broken down too often.
    GivenUp,
}

/// The processes of a run.
pub struct Fleet<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    supervisor: Supervisor,
    coordinator: ProcessId,
    workers: BTreeMap<ProcessId, Worker>,
    /// Where the coordinator listens, once it does.
    address: Address,
    /// Where it is to be seen.
    seen: Address,
    display: Option<Display>,
    interrupted: bool,
    /// Until when the coordinator may take to stop, once it is told to.
    stopping: Option<Instant>,
    /// What the run fails with, once the coordinator has stopped.
    failure: Option<Failure>,
}

impl<'a> Fleet<'a> {
    /// Starts the coordinator.
    pub fn start(plan: &'a Plan, options: &'a RunOptions) -> Self {
        let mut supervisor = Supervisor::new();
        let (address, seen) = (Address::default(), Address::default());
        let recipe = recipes::coordinator(plan, options, Rc::clone(&address), Rc::clone(&seen));
        let coordinator = supervisor.add("coordinator", recipe);
        Self {
            plan,
            options,
            supervisor,
            coordinator,
            workers: BTreeMap::new(),
            address,
            seen,
            display: None,
            interrupted: false,
            stopping: None,
            failure: None,
        }
    }

    /// Until the run is over; says whether it was interrupted.
    pub async fn run(mut self, signals: &mut Signals) -> Result<bool, Failure> {
        let verdict = loop {
            let turn = tokio::select! {
                happening = self.supervisor.next() => self.on(happening),
                () = signals.next() => self.on_signal(),
                () = sleep_until(self.stopping) => self.on_late(),
            };
            if let ControlFlow::Break(verdict) = turn {
                break verdict;
            }
        };
        let is_impatient = tokio::select! {
            () = self.supervisor.end_all(WORKERS_PATIENCE) => false,
            () = signals.next() => true,
        };
        if is_impatient {
            self.end_at_once();
        }
        if let Some(display) = self.display.take() {
            display.close();
        }
        verdict
    }

    fn on(&mut self, happening: Happening) -> ControlFlow<Verdict> {
        match happening {
            Happening::Said(process, line) => self.on_said(process, &line),
            Happening::Wrote(process, line) => self.on_wrote(process, &line),
            Happening::Restarts(process, past) => self.on_restart(process, &past),
            Happening::Over(process, past) if process == self.coordinator => return self.on_end(&past),
            Happening::Over(process, past) => self.on_worker_end(process, &past),
            Happening::GivenUp(process, past, reason) => return self.on_given_up(process, &past, &reason),
        }
        ControlFlow::Continue(())
    }

    fn on_said(&mut self, process: ProcessId, line: &str) {
        if process == self.coordinator {
            match said::understand(line) {
                Some(CoordinatorSaid::Ready(ready)) => self.on_ready(ready),
                Some(CoordinatorSaid::Progress(progress)) => {
                    if let Some(display) = &mut self.display {
                        display.show(&progress);
                    }
                }
                Some(CoordinatorSaid::Stopping) => {
                    self.say("stopping, as somebody wishes over HTTP: the best so far will be written");
                    self.stop();
                }
                Some(CoordinatorSaid::Ended { interrupted }) => self.interrupted = interrupted,
                None => tracing::warn!("the coordinator says what is not understood: {line}"),
            }
            return;
        }
        match said::understand(line) {
            Some(WorkerSaid::Ready { .. }) => self.supervisor.is_ready(process),
            Some(WorkerSaid::Finished(_)) => _ = self.workers.insert(process, Worker::Finished),
            Some(WorkerSaid::Drained(_)) => {}
            Some(WorkerSaid::Dismissed(_)) => _ = self.workers.insert(process, Worker::Dismissed),
            None => {
                tracing::warn!("{} says what is not understood: {line}", self.supervisor.name(process));
            }
        }
    }

    /// The first time, workers are started; later, they find the way back by themselves, unless it has moved.
    fn on_ready(&mut self, ready: Ready) {
        self.supervisor.is_ready(self.coordinator);
        let before = self.address.replace(Some(ready.address));
        let seen_before = self.seen.replace(ready.http);
        if before.is_none() {
            let root = self.plan.directory.root();
            self.supervisor.open_logs(&self.plan.directory.log());
            if let Err(error) = logging::open(root, "supervisor") {
                note(format_args!("warning: no log in {}: {error}", root.display()));
            }
            let display = Display::new(ready.accuracy, self.options.quiet);
            display.print(&ready.headline);
            if let Some(address) = ready.http {
                display.print(&http::invitation(address));
            }
            self.display = Some(display);
            for (number, wish) in ready.workers.into_iter().enumerate() {
                let name = format!("worker-{number}");
                let recipe = recipes::worker(&name, wish, self.plan, self.options, Rc::clone(&self.address));
                let worker = self.supervisor.add(&name, recipe);
                self.workers.insert(worker, Worker::Wanted);
            }
            return;
        }
        if let Some(address) = ready.http.filter(|address| seen_before != Some(*address)) {
            self.say(&http::invitation(address));
        }
        if before != Some(ready.address) {
            self.say(&format!("the coordinator has moved to {}: all workers follow", ready.address));
            for worker in self.workers.keys() {
                self.supervisor.kill(*worker);
            }
        }
        // Its predecessor may have sent them home, and fallen before the run was over.
        let finished = self.workers.iter_mut().filter(|(_, worker)| **worker == Worker::Finished);
        for (process, worker) in finished {
            *worker = Worker::Wanted;
            self.supervisor.start_again(*process);
        }
    }

    fn on_wrote(&self, process: ProcessId, line: &str) {
        // What a process fails with is said when it is known what follows from that.
        if logging::in_words(line).starts_with(FAILURE) {
            return;
        }
        if process == self.coordinator {
            self.say(line);
        } else if let Some(words) = error_in(line) {
            self.say(&format!("{}: {words}", self.supervisor.name(process)));
        }
    }

    fn on_restart(&self, process: ProcessId, past: &Past) {
        let line = format!("{} {}; started again", self.supervisor.name(process), explain(past));
        tracing::warn!("{line}");
        self.say(&line);
    }

    /// The coordinator has ended, and that is all.
    fn on_end(&mut self, past: &Past) -> ControlFlow<Verdict> {
        if let Some(failure) = self.failure.take() {
            return ControlFlow::Break(Err(failure));
        }
        if self.interrupted && self.stopping.is_none() {
            // Only this supervisor, told by the user, stops a run.
            self.interrupted = false;
            self.say("the coordinator was told to end by somebody, and has; started again");
            self.supervisor.start_again(self.coordinator);
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(match past.ending.meaning() {
            Meaning::Done => Ok(self.interrupted),
            Meaning::Deliberate(exit) => Err(failure("the coordinator", past, exit)),
            // It is over only because it was told to stop.
            Meaning::Crashed | Meaning::Ended if has_begun(self.plan.directory.root()) => {
                self.say(&format!(
                    "the coordinator {} when it was to stop; what it has recorded is safe",
                    explain(past)
                ));
                Ok(true)
            }
            Meaning::Crashed | Meaning::Ended => {
                Err(anyhow!("stopped before anything had begun")).or_exit(Exit::Interrupted)
            }
        })
    }

    fn on_worker_end(&mut self, process: ProcessId, past: &Past) {
        let name = self.supervisor.name(process).to_owned();
        match past.ending.meaning() {
            Meaning::Deliberate(exit) => self.fail(failure(&name, past, exit)),
            _ if self.stopping.is_some() || self.workers.get(&process) == Some(&Worker::Finished) => {}
            _ if self.workers.get(&process) == Some(&Worker::Dismissed) => {
                self.say(&format!("{name} was drained, and stays away"));
            }
            _ => {
                self.say(&format!("{name} was told to end by somebody, and has; started again"));
                self.supervisor.start_again(process);
            }
        }
    }

    /// Without a coordinator there is no run; without one of its workers there is, as long as there is another.
    fn on_given_up(&mut self, process: ProcessId, past: &Past, reason: &str) -> ControlFlow<Verdict> {
        let name = self.supervisor.name(process);
        let log =
            self.supervisor.log(process).map(|log| format!("; see {}", log.display())).unwrap_or_default();
        let words = format!("{name} is given up: {reason}; the last time, it {}{log}", explain(past));
        tracing::error!("{words}");
        if process == self.coordinator {
            let failure =
                self.failure.take().unwrap_or_else(|| Failure { exit: Exit::Failed, error: anyhow!(words) });
            return ControlFlow::Break(Err(failure));
        }
        self.workers.insert(process, Worker::GivenUp);
        if self.workers.values().all(|worker| *worker == Worker::GivenUp) {
            self.fail(Failure { exit: Exit::Failed, error: anyhow!("no worker is left: {words}") });
        } else {
            self.say(&format!("{words}; the others go on"));
        }
        ControlFlow::Continue(())
    }

    /// The first stops the run cleanly, the second ends everything at once.
    fn on_signal(&mut self) -> ControlFlow<Verdict> {
        if self.stopping.is_some() {
            self.end_at_once();
        }
        note("stopping: the best so far will be written; once more ends at once");
        self.stop();
        ControlFlow::Continue(())
    }

    fn on_late(&mut self) -> ControlFlow<Verdict> {
        self.supervisor.kill(self.coordinator);
        self.stopping = Some(Instant::now() + STOP_PATIENCE);
        ControlFlow::Continue(())
    }

    fn end_at_once(&mut self) -> ! {
        self.supervisor.kill_all();
        if let Some(display) = self.display.take() {
            display.close();
        }
        std::process::exit(Exit::Interrupted as i32)
    }

    /// Ends the run with this failure, once the coordinator has recorded what there is. The first failure counts.
    fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
        self.stop();
    }

    fn stop(&mut self) {
        if self.stopping.is_none() {
            self.stopping = Some(Instant::now() + STOP_PATIENCE);
            self.supervisor.ask_to_end(self.coordinator);
        }
    }

    fn say(&self, line: &str) {
        match &self.display {
            Some(display) => display.print(line),
            None if self.options.quiet => {}
            None => note(line),
        }
    }
}

/// What a line of a worker's log says at error level.
fn error_in(line: &str) -> Option<String> {
    match logging::message(line) {
        Some((level, message)) => (level == ERROR_LEVEL.trim()).then_some(message),
        None => line.contains(ERROR_LEVEL).then(|| line.to_owned()),
    }
}

/// What a process itself gave as its reason.
fn reason(past: &Past) -> Option<&str> {
    past.last_words.iter().rev().find_map(|line| line.strip_prefix(FAILURE))
}

/// To stand after its name.
fn explain(past: &Past) -> String {
    match reason(past).or(past.last_words.last().map(String::as_str)) {
        Some(reason) => format!("{} ({reason})", past.ending),
        None => past.ending.to_string(),
    }
}

fn failure(name: &str, past: &Past, exit: Exit) -> Failure {
    let words = reason(past).map_or_else(|| format!("{name} {}", past.ending), str::to_owned);
    Failure { exit, error: anyhow!(words) }
}
