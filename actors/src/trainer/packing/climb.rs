//! How many trainers at once a device is worth, found by trying: pure, fed with the time and what trainings have done.
//!
//! A level is tried against its double, in turns, a few looks each. What counts is the time of a step of one and the
//! same training at both levels: networks differ by far more than levels do, so different trainings are not compared.
//! If `high` trainers take steps `slower` times as long as `low` do, the device does `high / low / slower` times as
//! much. Where trainings are too short to be seen at both, it is counted how many begin in a second at either; that
//! takes many of them, since one takes longer than another. Doubling goes on while that is worth it; later, since a
//! search's networks change, the level is tried again, against its half first.
//!
//! Time in which nothing is at work does not count. It must not know devices, slots' threads or clocks.

use super::trial::{Done, Look, Training, Trial, Verdict};
use std::collections::BTreeMap;

/// Seconds from the end of a climb to the next, at least, ..
const REST_SECONDS_MIN: f64 = 600.0;

/// .. and so many times as long as the last trial took: in a trial, part of a device may lie idle.
const REST_TRIALS: f64 = 20.0;

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
    /// Seconds in which something was at work: all else here goes by them.
    clock: f64,
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
            clock: 0.0,
        }
    }

    /// How many trainers there are to be now.
    pub fn open(&self) -> u32 {
        self.trial.as_ref().map_or(self.level, Trial::level)
    }

    /// A look at all trainings at work. What a trial has come to, when one ends.
    pub fn look(&mut self, now: f64, seen: BTreeMap<Training, Done>) -> Option<Verdict> {
        let seconds = now - std::mem::replace(&mut self.looked, now);
        if seen.is_empty() {
            self.before.clear();
            return None;
        }
        self.clock += seconds;
        let look = Look {
            seconds,
            at_work: (self.before.len() == seen.len()).then_some(seen.len()),
            at_work_most: self.before.len().max(seen.len()),
            begun: self.begun(&seen),
            moved: self.moved(&seen),
        };
        self.before = seen;
        let Some(mut trial) = self.trial.take() else {
            self.trial = self.next_trial();
            return None;
        };
        let now = self.clock;
        trial.look(now, &look);
        let verdict = trial.go_on(now);
        match verdict {
            Some(verdict) => self.settle(verdict, now - trial.began()),
            None => self.trial = Some(trial),
        }
        verdict
    }

    /// How many trainings have begun since the last look; some may have ended, too.
    fn begun(&mut self, seen: &BTreeMap<Training, Done>) -> u64 {
        let last = &mut self.last;
        let mut since = |(slot, number): (u32, u64)| {
            number.saturating_sub(last.insert(slot, number).unwrap_or(number - 1))
        };
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

    fn next_trial(&self) -> Option<Trial> {
        let now = self.clock;
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
    fn settle(&mut self, verdict: Verdict, seconds: f64) {
        self.level = if verdict.is_worth_it() { verdict.high } else { verdict.low };
        self.next = if verdict.is_worth_it() && self.level < self.most {
            Next::Up
        } else {
            let rest = if verdict.gain.is_some() { REST_TRIALS * seconds } else { 0.0 };
            Next::Rest(self.clock + rest.max(REST_SECONDS_MIN))
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
        let mut look = |number: u32, seen| climb.look(f64::from(number) * LOOK_SECONDS, seen);
        let idle: Vec<Verdict> = (0..100_000).filter_map(|number| look(number, BTreeMap::new())).collect();
        assert_eq!(idle, []);
        // A training whose steps take longer than all of this.
        let stuck = || BTreeMap::from([((0, 1), Done::default())]);
        let verdicts: Vec<Verdict> = (100_000..200_000).filter_map(|number| look(number, stuck())).collect();
        assert!(
            !verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.gain.is_none()),
            "{verdicts:?}"
        );
        assert_eq!(climb.level, 1);
    }
}
