//! How many trainers at once a device is worth, found by trying: pure, fed with the time and what trainings have done.
//!
//! A level is tried against its double, in turns, a few looks each. What counts is the time of a step of one and the
//! same training at both levels: networks differ by far more than levels do, so different trainings are not compared.
//! If `high` trainers take steps `slower` times as long as `low` do, the device does `high / low / slower` times as
//! much. Doubling goes on while that is worth it; later, since a search's networks change, the level is tried again,
//! against its half first.
//!
//! It must not know devices, slots' threads or clocks.

use crate::median;
use std::collections::BTreeMap;

/// What doubling must bring, at least: more trainers at once also mean networks bred from older results.
pub const GAIN_MIN: f64 = 1.1;

/// Looks at a steady level that make a stay.
const LOOKS: u32 = 4;

/// One of so many trainings may take no steps, and the level is steady all the same.
const MAKING_NO_STEPS: usize = 4;

/// A stay that does not become steady ends after so many seconds: a level is lowered by waiting for trainings to end.
const STAY_SECONDS_MAX: f64 = 600.0;

/// A trial ends when so many trainings have been seen at both levels, ..
const PAIRS_ENOUGH: usize = 5;

/// .. or after so many stays, ..
const STAYS_MAX: u32 = 24;

/// .. and says nothing where it has seen fewer.
const PAIRS_MIN: usize = 3;

/// Steps of a training at a level before its pace there counts.
const STEPS_MIN: u64 = 5;

/// Seconds from the end of a climb to the next, at least, ..
const REST_SECONDS_MIN: f64 = 600.0;

/// .. and so many times as long as the last trial took: in a trial, part of a device may lie idle.
const REST_TRIALS: f64 = 20.0;

/// A training: its slot, and which of that slot's.
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
    fn since(self, before: Self) -> Self {
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

/// Two levels, in turns.
#[derive(Clone, Debug)]
struct Trial {
    low: u32,
    high: u32,
    is_high: bool,
    began: f64,
    since: f64,
    looks: u32,
    stays: u32,
    /// What each training has done at either level, while it was steady.
    paces: BTreeMap<Training, [Done; 2]>,
}

impl Trial {
    fn new(low: u32, high: u32, is_high: bool, now: f64) -> Self {
        Self { low, high, is_high, began: now, since: now, looks: 0, stays: 0, paces: BTreeMap::new() }
    }

    const fn level(&self) -> u32 {
        if self.is_high { self.high } else { self.low }
    }

    fn note(&mut self, moved: &BTreeMap<Training, Done>) {
        self.looks += 1;
        for (training, done) in moved {
            let at = &mut self.paces.entry(*training).or_default()[usize::from(self.is_high)];
            *at = at.and(*done);
        }
    }

    /// How many times as long a step takes at the greater level, for each training that was seen at both.
    fn slowdowns(&self) -> Vec<f64> {
        let both = |[low, high]: &[Done; 2]| Some(high.pace()? / low.pace()?);
        self.paces.values().filter_map(both).collect()
    }

    /// Goes over to the other level where this one has been seen enough of, or does not become steady. What has come of
    /// the trial, when it is over.
    fn go_on(&mut self, now: f64) -> Option<Verdict> {
        if self.looks < LOOKS && now - self.since < STAY_SECONDS_MAX {
            return None;
        }
        self.stays += 1;
        let mut slowdowns = self.slowdowns();
        if slowdowns.len() < PAIRS_ENOUGH && self.stays < STAYS_MAX {
            (self.is_high, self.since, self.looks) = (!self.is_high, now, 0);
            return None;
        }
        let more = f64::from(self.high) / f64::from(self.low);
        slowdowns.sort_by(f64::total_cmp);
        let slower = median::of_sorted(&slowdowns).filter(|_| slowdowns.len() >= PAIRS_MIN);
        let gain = slower.map(|slower| more / slower);
        Some(Verdict { low: self.low, high: self.high, gain })
    }
}

/// What comes next, when no trial is under way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    /// The level against its double.
    Up,
    /// Nothing until then; then the level against its half, where it has one.
    Rest(f64),
}

/// The search for a device's level.
#[derive(Clone, Debug)]
pub struct Climb {
    most: u32,
    level: u32,
    trial: Option<Trial>,
    next: Next,
    before: BTreeMap<Training, Done>,
}

impl Climb {
    /// Begins with one trainer; there may be `most`, at least one.
    pub const fn new(most: u32) -> Self {
        Self { most, level: 1, trial: None, next: Next::Up, before: BTreeMap::new() }
    }

    /// How many trainers there are to be now.
    pub fn open(&self) -> u32 {
        self.trial.as_ref().map_or(self.level, Trial::level)
    }

    /// A look at all trainings at work. What a trial has come to, when one ends.
    pub fn look(&mut self, now: f64, seen: BTreeMap<Training, Done>) -> Option<Verdict> {
        let moved = self.moved(&seen);
        let at_work = (self.before.len() == seen.len()).then_some(seen.len());
        self.before = seen;
        let Some(mut trial) = self.trial.take() else {
            self.trial = self.next_trial(now);
            return None;
        };
        // Of many trainings some have only just begun, or are being validated.
        let level = trial.level() as usize;
        if at_work == Some(level) && moved.len() >= level - level / MAKING_NO_STEPS {
            trial.note(&moved);
        }
        let verdict = trial.go_on(now);
        match verdict {
            Some(verdict) => self.settle(verdict, now, now - trial.began),
            None => self.trial = Some(trial),
        }
        verdict
    }

    /// What each training has done since the last look, of those that took a step.
    fn moved(&self, seen: &BTreeMap<Training, Done>) -> BTreeMap<Training, Done> {
        let since = |(training, done): (&Training, &Done)| {
            let moved = done.since(*self.before.get(training)?);
            (moved.steps > 0).then_some((*training, moved))
        };
        seen.iter().filter_map(since).collect()
    }

    fn next_trial(&self, now: f64) -> Option<Trial> {
        match self.next {
            Next::Rest(until) if now < until => None,
            Next::Rest(_) if self.level > 1 => Some(Trial::new(self.level / 2, self.level, true, now)),
            Next::Up | Next::Rest(_) => {
                let high = self.level.saturating_mul(2).min(self.most);
                (high > self.level).then(|| Trial::new(self.level, high, false, now))
            }
        }
    }

    /// After a trial of so many seconds.
    fn settle(&mut self, verdict: Verdict, now: f64, seconds: f64) {
        self.level = if verdict.is_worth_it() { verdict.high } else { verdict.low };
        self.next = if verdict.is_worth_it() && self.level < self.most {
            Next::Up
        } else {
            Next::Rest(now + REST_SECONDS_MIN.max(REST_TRIALS * seconds))
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const LOOK_SECONDS: f64 = 0.25;

    /// A training that a made-up device is at.
    struct AtWork {
        training: Training,
        /// Seconds of a step where it is alone.
        step: f64,
        ends: f64,
        done: Done,
    }

    /// A device on which `at_work` trainings take `slower` times as long for a step as one.
    struct Device {
        climb: Climb,
        slower: fn(f64) -> f64,
        mean_seconds: f64,
        now: f64,
        last: u64,
        at_work: Vec<AtWork>,
        rng: ChaCha8Rng,
        verdicts: Vec<Verdict>,
    }

    impl Device {
        fn new(most: u32, mean_seconds: f64, slower: fn(f64) -> f64) -> Self {
            Self {
                climb: Climb::new(most),
                slower,
                mean_seconds,
                now: 0.0,
                last: 0,
                at_work: Vec::new(),
                rng: ChaCha8Rng::seed_from_u64(1),
                verdicts: Vec::new(),
            }
        }

        /// So many seconds of a search that always has the next training at hand.
        fn pass(&mut self, seconds: f64) -> u32 {
            let until = self.now + seconds;
            while self.now < until {
                self.now += LOOK_SECONDS;
                let now = self.now;
                self.at_work.retain(|of| of.ends > now);
                for slot in 0..self.climb.open() {
                    if !self.at_work.iter().any(|of| of.training.0 == slot) {
                        self.begin(slot);
                    }
                }
                let slower = (self.slower)(self.at_work.len() as f64);
                for of in &mut self.at_work {
                    let noise = self.rng.random_range(0.9..1.1);
                    let steps = (LOOK_SECONDS / (of.step * slower * noise)) as u64;
                    of.done = of.done.and(Done { steps, seconds: LOOK_SECONDS });
                }
                let seen = self.at_work.iter().map(|of| (of.training, of.done)).collect();
                self.verdicts.extend(self.climb.look(now, seen));
            }
            self.climb.level
        }

        fn begin(&mut self, slot: u32) {
            self.last += 1;
            let ends = self.now + self.mean_seconds * self.rng.random_range(0.3..1.7);
            let step = 0.001 * 20_f64.powf(self.rng.random::<f64>());
            self.at_work.push(AtWork { training: (slot, self.last), step, ends, done: Done::default() });
        }
    }

    #[test]
    fn a_device_gets_as_many_trainers_as_it_does_more_with() {
        for mean_seconds in [2.0, 20.0, 200.0] {
            let level =
                |most, slower| Device::new(most, mean_seconds, slower).pass(16.0 * mean_seconds + 300.0);
            assert_eq!(level(16, |at_work| (at_work / 4.0).max(1.0)), 4, "full with four");
            assert_eq!(level(16, |at_work| at_work), 1, "full with one");
            assert_eq!(level(16, |at_work| 1.0 + (at_work - 1.0) * 0.01), 16, "never full");
            assert_eq!(level(12, |_| 1.0), 12, "no more than there may be");
            assert_eq!(level(1, |_| 1.0), 1);
        }
    }

    #[test]
    fn a_verdict_says_how_much_more_is_done() {
        let mut device = Device::new(4, 20.0, |at_work| if at_work < 1.5 { 1.0 } else { at_work / 1.5 });
        device.pass(400.0);
        let (first, second) = (device.verdicts[0], device.verdicts[1]);
        assert_eq!((first.low, first.high, first.is_worth_it()), (1, 2, true));
        assert!((first.gain.unwrap() - 1.5).abs() < 0.1, "{first:?}");
        assert_eq!((second.low, second.high, second.is_worth_it()), (2, 4, false));
        assert!((second.gain.unwrap() - 1.0).abs() < 0.1, "{second:?}");
    }

    #[test]
    fn a_search_whose_networks_change_is_tried_again() {
        let mut device = Device::new(16, 10.0, |at_work| (at_work / 8.0).max(1.0));
        assert_eq!(device.pass(500.0), 8);
        device.slower = |at_work| at_work;
        assert_eq!(device.pass(8_000.0), 1, "halved again and again");
        device.slower = |_| 1.0;
        assert_eq!(device.pass(4_000.0), 16);
    }

    #[test]
    fn where_nothing_can_be_seen_nothing_changes() {
        let mut climb = Climb::new(8);
        let mut verdicts = Vec::new();
        for look in 0..100_000 {
            verdicts.extend(climb.look(f64::from(look) * LOOK_SECONDS, BTreeMap::new()));
        }
        assert!(
            !verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.gain.is_none()),
            "{verdicts:?}"
        );
        assert_eq!(climb.level, 1);
    }
}
