//! A level of packing tried against a greater one, in turns: pure.

use crate::median;
use std::collections::BTreeMap;

/// What doubling must bring, at least: more trainers at once also mean networks bred from older results.
const GAIN_MIN: f64 = 1.1;

/// So many looks at a steady level make a stay, ..
const LOOKS: u32 = 4;

/// .. as do so many seconds at it, steady or not.
const STAY_SECONDS: f64 = 5.0;

/// A stay that does not become steady ends after so many seconds: a level is lowered by waiting for trainings to end.
const STAY_SECONDS_MAX: f64 = 600.0;

/// One of so many trainings may take no steps, and the level is steady all the same.
const MAKING_NO_STEPS: usize = 4;

/// Of a stay, so many seconds go by before trainings are counted: slots that have just opened all begin one.
const SETTLED_SECONDS: f64 = 1.5;

/// A trial ends when so many trainings have been seen at both levels, ..
const PAIRS_ENOUGH: usize = 5;

/// .. or so many have begun at each, ..
const BEGUN_ENOUGH: u64 = 200;

/// .. or after so many stays; ..
const STAYS_MAX: u32 = 80;

/// .. then it goes by those that were seen at both, where there are so many.
const PAIRS_MIN: usize = 3;

/// Steps of a training at a level before its pace there counts.
const STEPS_MIN: u64 = 5;

/// A training: its slot, and which of that slot's, counted up.
pub type Training = (u32, u64);

/// What a training at work has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    /// Steps.
    pub steps: u64,
    /// Seconds that they took together.
    pub seconds: f64,
}

impl Done {
    pub(super) fn since(self, before: Self) -> Self {
        Self { steps: self.steps.saturating_sub(before.steps), seconds: self.seconds - before.seconds }
    }

    fn and(self, more: Self) -> Self {
        Self { steps: self.steps + more.steps, seconds: self.seconds + more.seconds }
    }

    /// Seconds of a step, where there were enough to tell.
    fn pace(self) -> Option<f64> {
        (self.steps >= STEPS_MIN && self.seconds > 0.0).then(|| self.seconds / self.steps as f64)
    }
}

/// What a trial has come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The level, and the greater one that it was tried against.
    pub low: u32,
    /// The greater one.
    pub high: u32,
    /// How many times as much is done at the greater one; `None` where too little was seen.
    pub gain: Option<f64>,
}

impl Verdict {
    /// Whether the greater level is worth it.
    pub fn is_worth_it(&self) -> bool {
        self.gain.is_some_and(|gain| gain >= GAIN_MIN)
    }
}

/// What is seen of a device's trainings between two looks.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// Seconds from one to the other.
    pub seconds: f64,
    /// How many trainings were at work, where at both looks it was the same number.
    pub at_work: Option<usize>,
    /// How many there were when there were more of them.
    pub at_work_most: usize,
    /// How many have begun.
    pub begun: u64,
    /// What each has done, of those that took a step.
    pub moved: BTreeMap<Training, Done>,
}

/// Two levels, in turns.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    low: u32,
    high: u32,
    is_high: bool,
    began: f64,
    since: f64,
    looks: u32,
    stays: u32,
    /// Of this stay, the seconds with no more trainings than there are to be.
    seconds: f64,
    /// What each training has done at either level, while it was steady.
    paces: BTreeMap<Training, [Done; 2]>,
    /// How many trainings have begun at either level, in how many seconds.
    begun: [(u64, f64); 2],
}

impl Trial {
    pub fn new(low: u32, high: u32, is_high: bool, now: f64) -> Self {
        Self {
            low,
            high,
            is_high,
            began: now,
            since: now,
            looks: 0,
            stays: 0,
            seconds: 0.0,
            paces: BTreeMap::new(),
            begun: [(0, 0.0); 2],
        }
    }

    /// How many trainers there are to be now.
    pub const fn level(&self) -> u32 {
        if self.is_high { self.high } else { self.low }
    }

    /// Since when there is this trial.
    pub const fn began(&self) -> f64 {
        self.began
    }

    /// A look at what trainings have done since the last one.
    pub fn look(&mut self, now: f64, look: &Look) {
        let level = self.level() as usize;
        // Of many trainings some have only just begun, or are being validated.
        if look.at_work == Some(level) && look.moved.len() >= level - level / MAKING_NO_STEPS {
            self.note(&look.moved);
        }
        if look.at_work_most <= level && now - self.since >= SETTLED_SECONDS {
            self.count(look.begun, look.seconds);
        }
    }

    fn note(&mut self, moved: &BTreeMap<Training, Done>) {
        self.looks += 1;
        for (training, done) in moved {
            let at = &mut self.paces.entry(*training).or_default()[usize::from(self.is_high)];
            *at = at.and(*done);
        }
    }

    /// So many trainings have begun in so many seconds.
    fn count(&mut self, begun: u64, seconds: f64) {
        let (all, in_all) = &mut self.begun[usize::from(self.is_high)];
        *all += begun;
        *in_all += seconds;
        self.seconds += seconds;
    }

    /// How many times as many trainings begin in a second at the greater level, where enough have begun to tell.
    fn more_begin(&self) -> Option<f64> {
        let is_enough = self.begun.iter().all(|(begun, _)| *begun >= BEGUN_ENOUGH);
        let [low, high] = self.begun.map(|(begun, seconds)| begun as f64 / seconds);
        is_enough.then(|| high / low)
    }

    /// How many times as long a step takes at the greater level, for each training that was seen at both.
    fn slowdowns(&self) -> Vec<f64> {
        let both = |[low, high]: &[Done; 2]| Some(high.pace()? / low.pace()?);
        self.paces.values().filter_map(both).collect()
    }

    /// Goes over to the other level where this one has been seen enough of, or does not become steady. What has come of
    /// the trial, when it is over.
    pub fn go_on(&mut self, now: f64) -> Option<Verdict> {
        let is_seen = self.looks >= LOOKS || self.seconds >= STAY_SECONDS;
        if !is_seen && now - self.since < STAY_SECONDS_MAX {
            return None;
        }
        self.stays += 1;
        let mut slowdowns = self.slowdowns();
        let more_begin = self.more_begin();
        if slowdowns.len() < PAIRS_ENOUGH && more_begin.is_none() && self.stays < STAYS_MAX {
            (self.is_high, self.since) = (!self.is_high, now);
            (self.looks, self.seconds) = (0, 0.0);
            return None;
        }
        let more = f64::from(self.high) / f64::from(self.low);
        slowdowns.sort_by(f64::total_cmp);
        let slower = median::of_sorted(&slowdowns).filter(|_| slowdowns.len() >= PAIRS_MIN);
        let gain = slower.map(|slower| more / slower).or(more_begin);
        Some(Verdict { low: self.low, high: self.high, gain })
    }
}
