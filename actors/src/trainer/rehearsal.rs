//! A short rehearsal of a training, to know how fast it will be on a runtime before its length is fixed.
//!
//! What it trains is thrown away: the training itself begins anew from its seed, and is none the wiser.

use crate::pace::Pace;
use hatchery_models::training::outcome::EpochReport;
use hatchery_models::training::runtime::Runtime;
use hatchery_models::training::{Assignment, Observer, Phase, Resident, Verdict, Wish, train};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// A rehearsal's steps take so long together, at most ..
const SECONDS_MAX: f64 = 1.0;

/// .. and no more than this share of the training's time, ..
const SHARE_MAX: f64 = 0.02;

/// .. but there are so many, however long they take: the first is not counted, since it prepares the others.
const STEPS_MIN: u32 = 4;

/// Trains for a moment. `None` where that cannot be done, or was stopped too soon: then the training itself will say
/// why.
pub fn rehearse(
    runtime: &Runtime,
    resident: &Resident,
    assignment: &Assignment<'_>,
    audience: &dyn Observer,
) -> Option<Pace> {
    let seconds = assignment.seconds_max.map_or(SECONDS_MAX, |limit| (limit * SHARE_MAX).min(SECONDS_MAX));
    let mut curtain = Curtain {
        audience,
        lasts: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        began: Cell::new(None),
        steps: Cell::new(0),
    };
    let from_the_beginning = Assignment { resume: None, ..*assignment };
    let trained = train(runtime, resident, &from_the_beginning, &mut curtain);
    let batch = assignment.train.len().min(assignment.genome.training.batch_size as usize);
    let images = trained.steps.saturating_sub(1) * batch as u64;
    Pace::measured(trained.seconds, trained.build_seconds, images)
}

/// Falls when the rehearsal's time is over, or its audience has had enough.
struct Curtain<'a> {
    audience: &'a dyn Observer,
    lasts: Duration,
    /// When the first step began.
    began: Cell<Option<Instant>>,
    /// Steps begun.
    steps: Cell<u32>,
}

impl Observer for Curtain<'_> {
    fn epoch(&mut self, _: &EpochReport) -> Verdict {
        Verdict::Continue
    }

    /// Nobody goes on with a rehearsal: it ends where its audience wishes anything else.
    fn wish(&self) -> Wish {
        let began = self.began.get().unwrap_or_else(Instant::now);
        self.began.set(Some(began));
        let steps = self.steps.get();
        self.steps.set(steps.saturating_add(1));
        let over = steps >= STEPS_MIN && began.elapsed() >= self.lasts;
        if over || self.audience.stop_requested() { Wish::Stop } else { Wish::GoOn }
    }

    fn alive(&self, phase: Phase) {
        self.audience.alive(phase);
    }
}
