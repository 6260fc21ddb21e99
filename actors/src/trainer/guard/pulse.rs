//! A slot's pulse: what its thread says of itself, and what it is told, without either waiting for the other.

use super::Hang;
use super::memory::{self, ProcessMemory};
use crate::protocol::EvaluationId;
use hatchery_models::training::{Excess, Phase, Wish};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Instant;

/// What the actor wishes, as a number; a greater one goes before a smaller one.
const GO_ON: u8 = 0;
const STOP: u8 = 1;
const HAND_BACK: u8 = 2;

/// Shared by a slot's thread, its actor and the guard.
#[derive(Debug)]
pub struct Pulse {
    slot: String,
    /// Who is at work.
    thread: OnceLock<Thread>,
    is_watched: AtomicBool,
    /// What the process may have in all.
    resident_bytes_max: AtomicU64,
    beats: AtomicU64,
    /// Training steps of the evaluation at work, ..
    steps: AtomicU64,
    /// .. and the nanoseconds that they took together.
    step_nanoseconds: AtomicU64,
    /// Index in `Phase::ALL`.
    phase: AtomicU8,
    wish: AtomicU8,
    /// Whether the evaluation at work has to yield; its figures are in `at_work`.
    has_to_yield: AtomicBool,
    at_work: Mutex<AtWork>,
}

#[derive(Debug, Default)]
struct AtWork {
    /// Evaluations begun in this slot.
    number: u64,
    evaluation: Option<Evaluation>,
}

#[derive(Clone, Copy, Debug)]
struct Evaluation {
    id: EvaluationId,
    attempt: u32,
    begun: Instant,
    /// The process's memory then.
    memory_before: Option<ProcessMemory>,
    excess: Wish,
}

/// What the guard sees of a slot at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    /// Which evaluation of this slot, counted from 1.
    pub number: u64,
    /// When it began.
    pub begun: Instant,
    /// Signs of life.
    pub beats: u64,
    /// The process's memory when it began.
    pub memory_before: Option<ProcessMemory>,
    /// Whether it was told to yield.
    pub is_yielding: bool,
}

impl Pulse {
    /// The pulse of a slot that is not at work.
    pub fn new(slot: String) -> Self {
        Self {
            slot,
            thread: OnceLock::new(),
            is_watched: AtomicBool::new(false),
            resident_bytes_max: AtomicU64::new(u64::MAX),
            beats: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            step_nanoseconds: AtomicU64::new(0),
            phase: AtomicU8::new(0),
            wish: AtomicU8::new(GO_ON),
            has_to_yield: AtomicBool::new(false),
            at_work: Mutex::default(),
        }
    }

    fn at_work(&self) -> MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By the thread: it takes up this evaluation. Where the process has too much already, it has to yield at once.
    pub(in crate::trainer) fn begin(&self, id: EvaluationId, attempt: u32) {
        self.thread.get_or_init(std::thread::current);
        let watched = self.is_watched.load(Ordering::Acquire);
        let memory_before = if watched { memory::of_process() } else { None };
        let excess = self.excess(memory_before);
        let begun = Instant::now();
        let mut at_work = self.at_work();
        self.steps.store(0, Ordering::Relaxed);
        self.step_nanoseconds.store(0, Ordering::Relaxed);
        at_work.number += 1;
        at_work.evaluation = Some(Evaluation { id, attempt, begun, memory_before, excess });
        self.has_to_yield.store(excess != Wish::GoOn, Ordering::Release);
        drop(at_work);
        self.beat(Phase::default());
    }

    fn excess(&self, before: Option<ProcessMemory>) -> Wish {
        let allowed_bytes = self.resident_bytes_max.load(Ordering::Acquire);
        match before.map(|memory| memory.resident_bytes) {
            Some(used_bytes) if used_bytes > allowed_bytes => {
                let excess = Excess::Host { before_bytes: used_bytes };
                Wish::Yield { used_bytes, allowed_bytes, excess }
            }
            _ => Wish::GoOn,
        }
    }

    /// By the thread: the evaluation has ended, however.
    pub(in crate::trainer) fn end(&self) {
        self.at_work().evaluation = None;
    }

    /// By the thread: it is alive, and about to do this.
    pub(in crate::trainer) fn beat(&self, phase: Phase) {
        let index = Phase::ALL.iter().position(|known| *known == phase).unwrap_or(0);
        self.phase.store(index as u8, Ordering::Relaxed);
        self.sign();
    }

    /// By the thread: it is alive.
    pub(in crate::trainer) fn sign(&self) {
        self.beats.fetch_add(1, Ordering::Release);
    }

    /// By the thread: it has taken a training step, in so many seconds.
    pub(in crate::trainer) fn stepped(&self, seconds: f64) {
        self.step_nanoseconds.fetch_add((seconds * 1e9) as u64, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Which evaluation of this slot is at work, counted from 1, the training steps that it has taken, and the seconds
    /// that they took together; `None` where the slot is not at work.
    pub(in crate::trainer) fn steps(&self) -> Option<(u64, u64, f64)> {
        let at_work = self.at_work();
        at_work.evaluation?;
        let (steps, nanoseconds) = (&self.steps, &self.step_nanoseconds);
        Some((
            at_work.number,
            steps.load(Ordering::Relaxed),
            nanoseconds.load(Ordering::Relaxed) as f64 / 1e9,
        ))
    }

    /// By the thread: what is wished of the evaluation.
    pub(in crate::trainer) fn wish(&self) -> Wish {
        if self.has_to_yield.load(Ordering::Acquire) {
            return self.at_work().evaluation.map_or(Wish::GoOn, |evaluation| evaluation.excess);
        }
        match self.wish.load(Ordering::Acquire) {
            HAND_BACK => Wish::HandBack,
            STOP => Wish::Stop,
            _ => Wish::GoOn,
        }
    }

    /// By the actor: whatever was wished before is of the past.
    pub(in crate::trainer) fn let_go_on(&self) {
        self.wish.store(GO_ON, Ordering::Release);
    }

    /// By the actor: the evaluation is to end early.
    pub(in crate::trainer) fn ask_to_stop(&self) {
        self.ask(STOP);
    }

    /// By the actor: the evaluation is to be handed back.
    pub(in crate::trainer) fn ask_to_hand_back(&self) {
        self.ask(HAND_BACK);
    }

    /// A thread that has parked itself hears it at once.
    fn ask(&self, wish: u8) {
        self.wish.fetch_max(wish, Ordering::AcqRel);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// By the guard: from now on it looks, and the process may have so much in all. What is at work already is measured
    /// from here.
    pub(super) fn watched(&self, resident_bytes_max: Option<u64>) {
        self.resident_bytes_max.store(resident_bytes_max.unwrap_or(u64::MAX), Ordering::Release);
        self.is_watched.store(true, Ordering::Release);
        let memory = memory::of_process();
        if let Some(evaluation) = &mut self.at_work().evaluation {
            evaluation.memory_before = evaluation.memory_before.or(memory);
        }
    }

    /// By the guard: what there is to see; `None` where the slot is not at work.
    pub(super) fn sighting(&self) -> Option<Sighting> {
        let at_work = self.at_work();
        let evaluation = at_work.evaluation?;
        Some(Sighting {
            number: at_work.number,
            begun: evaluation.begun,
            beats: self.beats.load(Ordering::Acquire),
            memory_before: evaluation.memory_before,
            is_yielding: evaluation.excess != Wish::GoOn,
        })
    }

    /// By the guard: this evaluation, if it is still at work, takes more memory than it may.
    pub(super) fn exceeds(&self, number: u64, used_bytes: u64, allowed_bytes: u64, excess: Excess) {
        let mut at_work = self.at_work();
        if at_work.number != number {
            return;
        }
        if let Some(evaluation) = &mut at_work.evaluation {
            evaluation.excess = Wish::Yield { used_bytes, allowed_bytes, excess };
            self.has_to_yield.store(true, Ordering::Release);
        }
    }

    /// By the guard: what is known of the evaluation that hangs.
    pub(super) fn hang(&self, seconds: u64) -> Option<Hang> {
        let evaluation = self.at_work().evaluation?;
        let phase = Phase::ALL.get(usize::from(self.phase.load(Ordering::Relaxed))).copied();
        Some(Hang {
            slot: self.slot.clone(),
            evaluation: evaluation.id,
            attempt: evaluation.attempt,
            phase: phase.unwrap_or_default(),
            seconds,
        })
    }
}
