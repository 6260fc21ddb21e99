//! Whether, and when, a process that has ended is started again: pure, under the caller's clock.
//!
//! Pauses grow from 0.2 s to 10 s and are drawn at random between nothing and that, so that many processes that fell
//! together do not come back together. One that ends again and again before it is ready is given up soon; one that
//! worked, and is ended by somebody, is started again for as long as that goes on, within reason.

use super::ending::{Ending, Meaning};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Longest first pause.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// One that worked for so long begins anew with short pauses.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// Endings are counted over so long.
const WINDOW: Duration = Duration::from_secs(60);
/// Endings before being ready, within the window, that are followed by another start.
const UNREADY_MAX: usize = 10;
/// Endings of any kind, within the window, that are followed by another start.
const ENDINGS_MAX: usize = 120;
/// Endings in a row without being ready once, however slowly, that are followed by another start.
const IN_A_ROW_MAX: u32 = 30;

/// A process, over all its restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub usize);

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// This process is to run.
    Wanted(ProcessId),
    /// It is to run no more: however it ends, it is not started again.
    Unwanted(ProcessId),
    /// It has said that it is ready.
    Ready(ProcessId),
    /// It has ended. The number, from 0 to 1, is drawn at random: it decides on the pause.
    Ended(ProcessId, Ending, f64),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Start it.
    Start(ProcessId),
    /// It will be started again after this pause.
    Pause(ProcessId, Duration),
    /// It has ended, and is not started again: done, for a reason of its own, or unwanted.
    Over(ProcessId),
    /// It is not started again, and why.
    GiveUp(ProcessId, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting { until: Duration },
    Starting,
    Ready { since: Duration },
    Gone,
}

#[derive(Clone, Debug)]
struct Record {
    state: State,
    wanted: bool,
    has_worked: bool,
    /// Breakdowns since it was last healthy: the pause doubles with each.
    breakdowns: u32,
    /// Endings since it was last ready.
    in_a_row: u32,
    unready: VecDeque<Duration>,
    endings: VecDeque<Duration>,
}

/// The brain.
#[derive(Clone, Debug)]
pub struct Policy {
    records: BTreeMap<ProcessId, Record>,
    pause_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { records: BTreeMap::new(), pause_max: PAUSE_MAX }
    }
}

impl Policy {
    /// Never pauses for long.
    #[cfg(test)]
    pub fn hasty() -> Self {
        Self { pause_max: Duration::from_millis(1), ..Self::default() }
    }

    /// Answers an event at time `now`, counted from any moment.
    pub fn on_event(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        match event {
            Event::Wanted(process) => self.wanted(process, now),
            Event::Unwanted(process) => return self.unwanted(process).into_iter().collect(),
            Event::Ready(process) => {
                if let Some(record) = self.records.get_mut(&process)
                    && record.state == State::Starting
                {
                    record.state = State::Ready { since: now };
                    record.has_worked = true;
                    record.in_a_row = 0;
                }
            }
            Event::Ended(process, ending, draw) => {
                let pause = |breakdowns| pause(breakdowns, self.pause_max, draw);
                let record = self.records.get_mut(&process);
                return record.map(|record| record.ended(process, &ending, pause, now)).into_iter().collect();
            }
            Event::Tick => {}
        }
        self.due(now)
    }

    /// When the next process is to be started; `None` where none waits.
    pub fn next_at(&self) -> Option<Duration> {
        let waiting = |record: &Record| match record.state {
            State::Waiting { until } => Some(until),
            _ => None,
        };
        self.records.values().filter_map(waiting).min()
    }

    fn wanted(&mut self, process: ProcessId, now: Duration) {
        let record = self.records.entry(process).or_insert_with(Record::new);
        record.wanted = true;
        if record.state == State::Gone {
            record.state = State::Waiting { until: now };
        }
    }

    fn unwanted(&mut self, process: ProcessId) -> Option<Effect> {
        let record = self.records.get_mut(&process)?;
        record.wanted = false;
        let waits = matches!(record.state, State::Waiting { .. });
        waits.then(|| {
            record.state = State::Gone;
            Effect::Over(process)
        })
    }

    fn due(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (process, record) in &mut self.records {
            if matches!(record.state, State::Waiting { until } if until <= now) {
                record.state = State::Starting;
                effects.push(Effect::Start(*process));
            }
        }
        effects
    }
}

impl Record {
    const fn new() -> Self {
        Self {
            state: State::Gone,
            wanted: true,
            has_worked: false,
            breakdowns: 0,
            in_a_row: 0,
            unready: VecDeque::new(),
            endings: VecDeque::new(),
        }
    }

    fn ended(
        &mut self,
        process: ProcessId,
        ending: &Ending,
        pause: impl FnOnce(u32) -> Duration,
        now: Duration,
    ) -> Effect {
        let state = std::mem::replace(&mut self.state, State::Gone);
        if !self.wanted || matches!(ending.meaning(), Meaning::Done | Meaning::Deliberate(_)) {
            return Effect::Over(process);
        }
        self.count(state, ending, now);
        if let Some(reason) = self.hopeless() {
            return Effect::GiveUp(process, reason);
        }
        let pause = pause(self.breakdowns);
        self.state = State::Waiting { until: now + pause };
        Effect::Pause(process, pause)
    }

    fn count(&mut self, state: State, ending: &Ending, now: Duration) {
        let was_ready = matches!(state, State::Ready { .. });
        let was_healthy =
            matches!(state, State::Ready { since } if now.saturating_sub(since) >= HEALTHY_AFTER);
        // Whoever works, and is ended by somebody else, is not to blame.
        let blameless = ending.is_from_outside() && self.has_worked;
        let begins_anew = was_healthy || (was_ready && blameless);
        self.breakdowns = if begins_anew { 1 } else { self.breakdowns.saturating_add(1) };
        self.in_a_row = if was_ready { 0 } else { self.in_a_row.saturating_add(1) };
        self.endings.push_back(now);
        if !was_ready && !blameless {
            self.unready.push_back(now);
        }
        for times in [&mut self.endings, &mut self.unready] {
            while times.front().is_some_and(|time| now.saturating_sub(*time) > WINDOW) {
                times.pop_front();
            }
        }
    }

    fn hopeless(&self) -> Option<String> {
        let seconds = WINDOW.as_secs();
        if self.unready.len() > UNREADY_MAX {
            return Some(format!(
                "it ended {} times within {seconds} s before it was ready",
                self.unready.len()
            ));
        }
        if self.in_a_row > IN_A_ROW_MAX {
            return Some(format!("it ended {} times in a row before it was ready", self.in_a_row));
        }
        let count = self.endings.len();
        (count > ENDINGS_MAX).then(|| format!("it ended {count} times within {seconds} s"))
    }
}

/// The pause after so many breakdowns: twice as long with each, up to `pause_max`, of which the draw decides a share.
fn pause(breakdowns: u32, pause_max: Duration, draw: f64) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(1 << breakdowns.saturating_sub(1).min(16));
    doubled.min(pause_max).mul_f64(draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: ProcessId = ProcessId(0);
    const KILLED: Ending = Ending::Signal(9);
    const FAILED: Ending = Ending::Code(1);

    /// A policy with a clock, whose pauses are as long as they can be.
    struct World {
        policy: Policy,
        now: Duration,
    }

    impl World {
        fn started() -> Self {
            let mut world = Self { policy: Policy::default(), now: Duration::ZERO };
            assert_eq!(world.event(Event::Wanted(P)), [Effect::Start(P)]);
            world
        }

        fn event(&mut self, event: Event) -> Vec<Effect> {
            self.policy.on_event(event, self.now)
        }

        fn pass(&mut self, seconds: f64) -> Vec<Effect> {
            self.now += Duration::from_secs_f64(seconds);
            self.event(Event::Tick)
        }

        /// Ends the process; waits for its restart where there is one.
        fn end(&mut self, ending: &Ending) -> Effect {
            let [effect] = &self.event(Event::Ended(P, ending.clone(), 1.0))[..] else {
                panic!("one effect")
            };
            let effect = effect.clone();
            if let Effect::Pause(_, pause) = effect {
                assert_eq!(self.policy.next_at(), Some(self.now + pause));
                self.now += pause;
                assert_eq!(self.event(Event::Tick), [Effect::Start(P)]);
            }
            effect
        }

        /// Ends it again and again, after so many seconds of work each, until it is given up or has come back `times`.
        fn ends(
            &mut self,
            times: usize,
            seconds: f64,
            ready: bool,
            ending: &Ending,
        ) -> Result<(), (usize, String)> {
            for time in 0..times {
                if ready {
                    self.event(Event::Ready(P));
                }
                assert_eq!(self.pass(seconds), []);
                if let Effect::GiveUp(_, reason) = self.end(ending) {
                    return Err((time, reason));
                }
            }
            Ok(())
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_are_drawn() {
        let mut world = World::started();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let Effect::Pause(_, pause) = world.end(&FAILED) else { panic!("given up") };
            pauses.push(pause.as_secs_f64());
        }
        assert_eq!(pauses, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]);
        let effect = world.event(Event::Ended(P, FAILED, 0.25));
        assert_eq!(effect, [Effect::Pause(P, Duration::from_millis(2500))]);
    }

    #[test]
    fn health_makes_pauses_short_again() {
        for (seconds, short) in [(59.0, false), (61.0, true)] {
            let mut world = World::started();
            for _ in 0..5 {
                world.end(&FAILED);
            }
            world.event(Event::Ready(P));
            world.pass(seconds);
            let Effect::Pause(_, pause) = world.end(&FAILED) else { panic!("given up") };
            assert_eq!(pause == PAUSE_MIN, short, "{seconds} s: {pause:?}");
        }
    }

    #[test]
    fn what_fails_at_once_is_given_up_with_a_reason() {
        let mut world = World::started();
        let (time, reason) = world.ends(1000, 0.01, false, &FAILED).unwrap_err();
        assert_eq!(time, UNREADY_MAX);
        assert!(reason.contains("before it was ready"), "{reason}");
        assert!(world.now < Duration::from_secs(120) && world.pass(1000.0).is_empty());
    }

    #[test]
    fn what_fails_slowly_is_given_up_too() {
        let (_, reason) = World::started().ends(1000, 50.0, false, &FAILED).unwrap_err();
        assert!(reason.contains("in a row"), "{reason}");
    }

    #[test]
    fn what_works_and_is_killed_comes_back_for_as_long_as_it_is_killed() {
        let mut world = World::started();
        world.ends(2000, 2.0, true, &KILLED).unwrap();
        // Some are caught before they are ready again.
        for _ in 0..200 {
            world.ends(3, 1.0, false, &KILLED).unwrap();
            world.ends(2, 1.0, true, &KILLED).unwrap();
        }
    }

    #[test]
    fn what_crashes_at_work_comes_back_with_longer_pauses() {
        let mut world = World::started();
        world.ends(500, 1.0, true, &Ending::Signal(11)).unwrap();
        assert_eq!(world.end(&Ending::Signal(11)), Effect::Pause(P, PAUSE_MAX));
    }

    #[test]
    fn more_endings_than_anybody_means_are_too_many() {
        let (_, reason) = World::started().ends(1000, 0.1, true, &KILLED).unwrap_err();
        assert!(reason.contains("within 60 s"), "{reason}");
    }

    #[test]
    fn whoever_is_done_refuses_or_is_not_wanted_stays_away() {
        for ending in [Ending::Code(0), Ending::Code(3), Ending::Code(7)] {
            let mut world = World::started();
            assert_eq!(world.end(&ending), Effect::Over(P));
            assert_eq!(world.pass(100.0), []);
            assert_eq!(world.event(Event::Wanted(P)), [Effect::Start(P)], "unless it is wanted again");
        }
        let mut world = World::started();
        assert_eq!(world.event(Event::Unwanted(P)), []);
        assert_eq!(world.end(&KILLED), Effect::Over(P));
    }

    #[test]
    fn one_that_waits_and_is_not_wanted_is_over_at_once() {
        let mut world = World::started();
        world.event(Event::Ended(P, KILLED, 1.0));
        assert_eq!(world.event(Event::Unwanted(P)), [Effect::Over(P)]);
        assert_eq!(world.pass(100.0), []);
        assert_eq!(world.policy.next_at(), None);
    }
}
