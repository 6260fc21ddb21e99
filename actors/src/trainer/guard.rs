//! The guard: a thread that watches over all slots of this process, whatever their own threads are doing.
//!
//! 1. *Hangs.* A slot at work that gives no sign of life for `hang_seconds` is in native code that does not come back.
//!    Nothing but the end of the process ends that: the guard writes a last line to the log and calls its handler.
//! 2. *Memory.* When the process has grown by more than was predicted for its evaluations, or has more in all than the
//!    user allows, the youngest of them is told to end, as out of memory. Which of several has grown cannot be told;
//!    where a slot has its process for itself, it is the right one.
//!
//! What it decides lies in `brain`. It must not know what evaluations do, nor who hands them out.

mod brain;
pub mod memory;
mod pulse;

pub use brain::{GuardSettings, MARGIN_BYTES_MIN, MemoryMax};
pub use pulse::Pulse;

use crate::protocol::EvaluationId;
use brain::{Alarm, Brain};
use hatchery_models::training::Phase;
use pulse::Sighting;
use std::fmt::{self, Display};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How often the guard looks. A fraction of any sensible `hang_seconds`; a look costs microseconds.
const LOOK: Duration = Duration::from_secs(1);

/// A slot whose native code does not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hang {
    /// Which slot.
    pub slot: String,
    /// What it is at.
    pub evaluation: EvaluationId,
    /// Which hand-out of it.
    pub attempt: u32,
    /// What it was about to do when it was last heard.
    pub phase: Phase,
    /// How long ago that was, by the guard's own clock.
    pub seconds: u64,
}

impl Display for Hang {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slot, evaluation, attempt, phase, seconds } = self;
        let words = phase.words();
        write!(
            formatter,
            "evaluation {evaluation} attempt {attempt} in {slot} hangs: no sign of life for {seconds} seconds while \
             {words}"
        )
    }
}

/// What happens when a slot hangs: the program ends the process, tests take notes.
pub type OnHang = Box<dyn Fn(&Hang) + Send>;

/// The guard of a process. Its thread ends when this is dropped.
pub struct Guard {
    post: Arc<Post>,
    /// What the process may have in all, where that is limited.
    resident_bytes_max: Option<u64>,
}

/// What the guard's thread and those who call it share.
#[derive(Default)]
struct Post {
    state: Mutex<Watched>,
    dismissed: Condvar,
}

#[derive(Default)]
struct Watched {
    /// With numbers of their own. A slot that is gone, its thread too, is forgotten.
    pulses: Vec<(usize, Weak<Pulse>)>,
    /// Slots that were ever watched.
    watched: usize,
    is_dismissed: bool,
}

impl Post {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next look; `None` where there is none.
    fn wait(&self) -> Option<Vec<(usize, Arc<Pulse>)>> {
        let state = self.lock();
        let waited = self.dismissed.wait_timeout_while(state, LOOK, |state| !state.is_dismissed);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_dismissed {
            return None;
        }
        state.pulses.retain(|(_, pulse)| pulse.strong_count() > 0);
        Some(state.pulses.iter().filter_map(|(key, pulse)| Some((*key, pulse.upgrade()?))).collect())
    }
}

impl Guard {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(settings: GuardSettings, on_hang: OnHang) -> io::Result<Self> {
        let post = Arc::new(Post::default());
        let own = Arc::clone(&post);
        std::thread::Builder::new()
            .name("guard".to_owned())
            .spawn(move || keep_watch(&own, settings, &on_hang))?;
        let resident_bytes_max = match settings.memory_max {
            Some(MemoryMax::Resident(bytes)) => Some(bytes),
            Some(MemoryMax::Predicted(_)) | None => None,
        };
        Ok(Self { post, resident_bytes_max })
    }

    /// Watches over a slot, too, until its thread has ended.
    pub fn watch(&self, pulse: &Arc<Pulse>) {
        pulse.watched(self.resident_bytes_max);
        let mut state = self.post.lock();
        let key = state.watched;
        state.watched += 1;
        state.pulses.push((key, Arc::downgrade(pulse)));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.post.lock().is_dismissed = true;
        self.post.dismissed.notify_all();
    }
}

fn keep_watch(post: &Post, settings: GuardSettings, on_hang: &OnHang) {
    let mut brain = Brain::new(settings);
    let began = Instant::now();
    while let Some(pulses) = post.wait() {
        let seen: Vec<(usize, Sighting)> =
            pulses.iter().filter_map(|(key, pulse)| Some((*key, pulse.sighting()?))).collect();
        for alarm in brain.look(began.elapsed(), memory::of_process(), &seen) {
            let at = |slot: usize| pulses.iter().find(|(key, _)| *key == slot).map(|(_, pulse)| pulse);
            match alarm {
                Alarm::Hangs { slot, seconds } => {
                    if let Some(hang) = at(slot).and_then(|pulse| pulse.hang(seconds)) {
                        let (evaluation, attempt) = (hang.evaluation, hang.attempt);
                        tracing::error!(%evaluation, attempt, "{hang}; its process has to end");
                        on_hang(&hang);
                    }
                }
                Alarm::Exceeds { slot, number, used_bytes, allowed_bytes, excess } => {
                    if let Some(pulse) = at(slot) {
                        pulse.exceeds(number, used_bytes, allowed_bytes, excess);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
