//! How many trainers at once a device is worth, found by trying: pure, fed with the time and what trainings have done.
//!
//! A level is tried against its double, in turns, a few looks each. What counts is the time of a step of one and the
//! same training at both levels: networks differ by far more than levels do, so different trainings are not compared.
//! If `high` trainers take steps `slower` times as long as `low` do, the device does `high / low / slower` times as
//! much. Where trainings are too short to be seen at both, it is counted how many begin in a second at either; that
//! takes many of them, since one takes longer than another. Doubling goes on while that is worth it; later, since a search's networks change, the level is tried again,
//! against its half first.
//!
//! It must not know devices, slots' threads or clocks.

use crate::median;
use std::collections::BTreeMap;

/// What doubling must bring, at least: more trainers at once also mean networks bred from older results.
pub const GAIN_MIN: f64 = 1.1;

/// Looks at a steady level that make a stay, ..
const LOOKS: u32 = 4;

/// One of so many trainings may take no steps, and the level is steady all the same.
const MAKING_NO_STEPS: usize = 4;

/// .. as do so many seconds at it, steady or not.
const STAY_SECONDS: f64 = 5.0;

/// Of a stay, so many seconds go by before trainings are counted: slots that have just opened all begin one.
const SETTLED_SECONDS: f64 = 1.5;

/// A stay that does not become steady ends after so many seconds: a level is lowered by waiting for trainings to end.
const STAY_SECONDS_MAX: f64 = 600.0;

/// A trial ends when so many trainings have been seen at both levels, ..
const PAIRS_ENOUGH: usize = 5;

/// .. or so many have begun at each, ..
const BEGUN_ENOUGH: u64 = 200;

/// .. or after so many stays, ..
const STAYS_MAX: u32 = 80;

/// .. and says nothing where it has seen fewer.
const PAIRS_MIN: usize = 3;

/// Steps of a training at a level before its pace there counts.
const STEPS_MIN: u64 = 5;

/// Seconds from the end of a climb to the next, at least, ..
const REST_SECONDS_MIN: f64 = 600.0;

/// .. and so many times as long as the last trial took: in a trial, part of a device may lie idle.
const REST_TRIALS: f64 = 20.0;

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
    /// Of this stay, the seconds with no more trainings than there are to be.
    seconds: f64,
    /// What each training has done at either level, while it was steady.
    paces: BTreeMap<Training, [Done; 2]>,
    /// How many trainings have begun at either level, in how many seconds.
    begun: [(u64, f64); 2],
}

impl Trial {
    fn new(low: u32, high: u32, is_high: bool, now: f64) -> Self {
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
    fn go_on(&mut self, now: f64) -> Option<Verdict> {
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
    /// The last training that was seen of each slot.
    last: BTreeMap<u32, u64>,
    looked: f64,
}

impl Climb {
    /// Begins with one trainer; there may be `most`, at least one.
    pub const fn new(most: u32) -> Self {
        Self {
            most,
            level: 1,
            trial: None,
            next: Next::Up,
            before: BTreeMap::new(),
            last: BTreeMap::new(),
            looked: 0.0,
        }
    }

    /// How many trainers there are to be now.
    pub fn open(&self) -> u32 {
        self.trial.as_ref().map_or(self.level, Trial::level)
    }

    /// A look at all trainings at work. What a trial has come to, when one ends.
    pub fn look(&mut self, now: f64, seen: BTreeMap<Training, Done>) -> Option<Verdict> {
        let moved = self.moved(&seen);
        let at_work = (self.before.len() == seen.len()).then_some(seen.len());
        let begun = self.begun(&seen);
        let is_crowded = self.before.len().max(seen.len()) > self.open() as usize;
        let seconds = now - std::mem::replace(&mut self.looked, now);
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
        if !is_crowded && now - trial.since >= SETTLED_SECONDS {
            trial.count(begun, seconds);
        }
        let verdict = trial.go_on(now);
        match verdict {
            Some(verdict) => self.settle(verdict, now, now - trial.began),
            None => self.trial = Some(trial),
        }
        verdict
    }

    /// How many trainings have begun since the last look; some may have ended, too.
    fn begun(&mut self, seen: &BTreeMap<Training, Done>) -> u64 {
        let last = &mut self.last;
        let mut since = |(slot, number): (u32, u64)| number - last.insert(slot, number).unwrap_or(number - 1);
        seen.keys().map(|training| since(*training)).sum()
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
    const TICKS: u32 = 25;

    /// A training that a made-up device is at.
    struct AtWork {
        training: Training,
        /// Seconds of a step where it is alone.
        step: f64,
        /// Seconds that it would still take alone.
        left: f64,
        steps: f64,
        seconds: f64,
    }

    /// A device on which `at_work` trainings take `slower` times as long for a step as one.
    struct Device {
        climb: Climb,
        slower: fn(f64) -> f64,
        mean_seconds: f64,
        now: f64,
        numbers: BTreeMap<u32, u64>,
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
                numbers: BTreeMap::new(),
                at_work: Vec::new(),
                rng: ChaCha8Rng::seed_from_u64(1),
                verdicts: Vec::new(),
            }
        }

        /// So many seconds of a search that always has the next training at hand.
        fn pass(&mut self, seconds: f64) -> u32 {
            let until = self.now + seconds;
            while self.now < until {
                (0..TICKS).for_each(|_| self.tick(LOOK_SECONDS / f64::from(TICKS)));
                let done = |of: &AtWork| Done { steps: of.steps as u64, seconds: of.seconds };
                let seen = self.at_work.iter().map(|of| (of.training, done(of))).collect();
                self.verdicts.extend(self.climb.look(self.now, seen));
            }
            self.climb.level
        }

        fn tick(&mut self, seconds: f64) {
            self.now += seconds;
            self.at_work.retain(|of| of.left > 0.0);
            for slot in 0..self.climb.open() {
                if !self.at_work.iter().any(|of| of.training.0 == slot) {
                    self.begin(slot);
                }
            }
            let slower = (self.slower)(self.at_work.len() as f64);
            for of in &mut self.at_work {
                let work = seconds / slower * self.rng.random_range(0.9..1.1);
                of.left -= work;
                of.steps += work / of.step;
                of.seconds += seconds;
            }
        }

        fn begin(&mut self, slot: u32) {
            let last = self.numbers.entry(slot).or_default();
            *last += 1;
            let last = *last;
            let left = self.mean_seconds * self.rng.random_range(0.3..1.7);
            let step = 0.001 * 20_f64.powf(self.rng.random::<f64>());
            let training = (slot, last);
            self.at_work.push(AtWork { training, step, left, steps: 0.0, seconds: 0.0 });
        }
    }

    #[test]
    fn a_device_gets_as_many_trainers_as_it_does_more_with() {
        for mean_seconds in [0.3, 2.0, 20.0, 200.0] {
            let level =
                |most, slower| Device::new(most, mean_seconds, slower).pass(16.0 * mean_seconds + 500.0);
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
