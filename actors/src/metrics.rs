//! What a node process tells of itself in numbers: names, help texts and units of all metrics, and how those are
//! counted that have to be counted where they happen.
//!
//! Actors' shells record through the functions here; brains record nothing. Where no recorder is installed, nothing is
//! counted and nothing is paid. What can be read off a snapshot when somebody asks is only named here. It must not know
//! who reads the numbers, nor how. The list is `docs/METRICS.md`; a test holds the two together.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

mod list;

pub use list::{Kind, METRICS, Metric, Node};

/// Upper bounds of the buckets of times, in seconds: steps of small networks on a CPU take a tenth of a millisecond,
/// commits on a slow disk a second.
pub const SECONDS_BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Tells the recorder, once it is installed, what each metric means.
pub fn describe() {
    for metric in METRICS.iter().filter(|metric| metric.is_counted) {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, metric.help),
        }
    }
}

/// A training step is done.
pub fn training_step(images: u64, seconds: f64) {
    counter!(list::TRAINING_STEPS).increment(1);
    counter!(list::TRAINING_IMAGES).increment(images);
    histogram!(list::TRAINING_STEP_SECONDS).record(seconds);
}

/// An epoch is finished.
pub fn training_epoch() {
    counter!(list::TRAINING_EPOCHS).increment(1);
}

/// A training has ended here, whatever becomes of it elsewhere.
pub fn training_ended(outcome: &'static str, build_seconds: f64) {
    counter!(list::TRAININGS, "outcome" => outcome).increment(1);
    if build_seconds > 0.0 {
        histogram!(list::TRAINING_BUILD_SECONDS).record(build_seconds);
    }
}

/// What a worker's slots do, and what it keeps until it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerStanding {
    /// Slots whose trainer is being started.
    pub starting: usize,
    /// Slots that can take work.
    pub idle: usize,
    /// Slots that take nothing for now, since their device would not gain by it.
    pub resting: usize,
    /// Slots whose order waits for what it needs.
    pub fetching: usize,
    /// Slots at work.
    pub running: usize,
    /// Results and checkpoints that are not acknowledged.
    pub unacknowledged: usize,
    /// Whether the coordinator has answered on the connection that there is.
    pub connected: bool,
}

impl WorkerStanding {
    /// Whether it can work, and whoever gives it work can reach it.
    pub const fn is_ready(&self) -> bool {
        self.connected && self.idle + self.fetching + self.running > 0
    }

    /// Shows it.
    pub fn show(&self) {
        let slots = [
            ("starting", self.starting),
            ("idle", self.idle),
            ("resting", self.resting),
            ("fetching", self.fetching),
            ("running", self.running),
        ];
        for (state, count) in slots {
            gauge!(list::TRAINER_SLOTS, "state" => state).set(count as f64);
        }
        gauge!(list::RESULTS_UNACKNOWLEDGED).set(self.unacknowledged as f64);
        gauge!(list::WORKER_CONNECTED).set(f64::from(u8::from(self.connected)));
    }
}

/// Letters were given to the link, or could not be.
pub fn letters_sent(letters: impl Iterator<Item = &'static str>, are_sent: bool) {
    let outcome = if are_sent { "sent" } else { "unsent" };
    for (letter, count) in counted(letters) {
        counter!(list::LETTERS_SENT, "letter" => letter, "outcome" => outcome).increment(count);
    }
}

/// Letters have come in.
pub fn letters_received(letters: impl Iterator<Item = &'static str>) {
    for (letter, count) in counted(letters) {
        counter!(list::LETTERS_RECEIVED, "letter" => letter).increment(count);
    }
}

/// How often each comes: to find a counter takes longer than to count. There are a dozen at most.
fn counted(letters: impl Iterator<Item = &'static str>) -> Vec<(&'static str, u64)> {
    let mut counts: Vec<(&'static str, u64)> = Vec::new();
    for letter in letters {
        match counts.iter_mut().find(|(known, _)| *known == letter) {
            Some((_, count)) => *count += 1,
            None => counts.push((letter, 1)),
        }
    }
    counts
}

/// A batch of entries was committed, or could not be.
pub fn journal_commit(entries: usize, seconds: f64, is_committed: bool) {
    let outcome = if is_committed { "committed" } else { "failed" };
    counter!(list::JOURNAL_COMMITS, "outcome" => outcome).increment(1);
    if is_committed {
        counter!(list::JOURNAL_ENTRIES).increment(entries as u64);
        histogram!(list::JOURNAL_COMMIT_SECONDS).record(seconds);
    }
}

/// An HTTP request was answered.
pub fn http_answered(code: u16) {
    let code = match code {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    counter!(list::HTTP_REQUESTS, "code" => code).increment(1);
}

/// Somebody was turned away, or a connection closed to make room.
pub fn http_refused(reason: HttpRefusal) {
    let reason = match reason {
        HttpRefusal::Connections => "connections",
        HttpRefusal::Listeners => "listeners",
        HttpRefusal::Busy => "busy",
        HttpRefusal::Slow => "slow",
    };
    counter!(list::HTTP_REFUSED, "reason" => reason).increment(1);
}

/// Why somebody is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpRefusal {
    /// There are as many connections as there may be.
    Connections,
    /// As many listen to events as may.
    Listeners,
    /// The journal's reader has as much to do as may wait.
    Busy,
    /// It does not read what it has asked for.
    Slow,
}
