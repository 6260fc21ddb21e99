//! What the guard makes of what it sees: pure, fed with its own clock, the process's memory and the slots' pulses.

use super::memory::ProcessMemory;
use super::pulse::Sighting;
use hatchery_models::training::Excess;
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks there is a second. Where so much more has passed, the guard itself was not running: the process
/// was stopped or starved, and silence then means nothing.
const ASLEEP: Duration = Duration::from_secs(5);

/// What an evaluation may take beyond what was predicted, at least: operators' workspaces, buffers of the library that
/// are kept for the next run, and what the process's other threads allocate are not predicted. Where the prediction
/// itself is more, it may take that: arenas grow by doubling.
pub const MARGIN_BYTES_MIN: u64 = 1 << 30;

/// What a guard minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardSettings {
    /// Silence of a slot at work after which its native code counts as hanging; at least 1.
    pub hang_seconds: u64,
    /// What the process is held to; `None`: memory is not watched.
    pub memory_max: Option<MemoryMax>,
}

/// What memory is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryMax {
    /// Bytes that were predicted for one evaluation at most, beside the data. Predictions err: there is a margin.
    Predicted(u64),
    /// Bytes that the process may have in all, whatever for. Whoever says so means it: there is no margin.
    Resident(u64),
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// This slot has been silent for so long.
    Hangs { slot: usize, seconds: u64 },
    /// This evaluation of this slot has to yield.
    Exceeds { slot: usize, number: u64, used_bytes: u64, allowed_bytes: u64, excess: Excess },
}

/// How long a slot has been silent.
#[derive(Clone, Copy, Debug)]
struct Silence {
    number: u64,
    beats: u64,
    lasts: Duration,
    is_reported: bool,
}

/// The guard's mind.
#[derive(Debug)]
pub(super) struct Brain {
    settings: GuardSettings,
    looked: Duration,
    silences: BTreeMap<usize, Silence>,
}

impl Brain {
    pub fn new(settings: GuardSettings) -> Self {
        Self { settings, looked: Duration::ZERO, silences: BTreeMap::new() }
    }

    /// A look at all slots at work, by their keys. `now` is the guard's clock.
    pub fn look(
        &mut self,
        now: Duration,
        memory: Option<ProcessMemory>,
        seen: &[(usize, Sighting)],
    ) -> Vec<Alarm> {
        let passed = now.saturating_sub(self.looked);
        self.looked = now;
        if passed > ASLEEP {
            self.silences.clear();
        }
        self.silences.retain(|slot, _| seen.iter().any(|(key, _)| key == slot));
        let mut alarms: Vec<Alarm> =
            seen.iter().filter_map(|(slot, sighting)| self.listen(*slot, sighting, passed)).collect();
        alarms.extend(self.weigh(memory, seen));
        alarms
    }

    /// A slot that hangs is reported once.
    fn listen(&mut self, slot: usize, sighting: &Sighting, passed: Duration) -> Option<Alarm> {
        let Sighting { number, beats, .. } = *sighting;
        let new = Silence { number, beats, lasts: Duration::ZERO, is_reported: false };
        let Some(silence) =
            self.silences.get_mut(&slot).filter(|it| (it.number, it.beats) == (number, beats))
        else {
            self.silences.insert(slot, new);
            return None;
        };
        silence.lasts = silence.lasts.saturating_add(passed);
        let hangs = silence.lasts >= Duration::from_secs(self.settings.hang_seconds.max(1));
        if !hangs || silence.is_reported {
            return None;
        }
        silence.is_reported = true;
        Some(Alarm::Hangs { slot, seconds: silence.lasts.as_secs() })
    }

    /// Of all that are at work, the youngest has to yield, one at a time.
    fn weigh(&self, memory: Option<ProcessMemory>, seen: &[(usize, Sighting)]) -> Option<Alarm> {
        let (slot, youngest) = seen.iter().max_by_key(|(_, sighting)| sighting.begun)?;
        let (memory, before) = (memory?, youngest.memory_before?);
        let (used_bytes, allowed_bytes, excess) = match self.settings.memory_max? {
            MemoryMax::Predicted(bytes) => {
                // Since the youngest began, the process may have grown by what all may take that are at work.
                let each = bytes.saturating_add(bytes.max(MARGIN_BYTES_MIN));
                let grown = memory.anonymous_bytes.saturating_sub(before.anonymous_bytes);
                (grown, each.saturating_mul(seen.len() as u64), Excess::Growth)
            }
            MemoryMax::Resident(bytes) => {
                (memory.resident_bytes, bytes, Excess::Host { before_bytes: before.resident_bytes })
            }
        };
        let exceeds = used_bytes > allowed_bytes && !youngest.is_yielding;
        let number = youngest.number;
        exceeds.then_some(Alarm::Exceeds { slot: *slot, number, used_bytes, allowed_bytes, excess })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const GIB: u64 = 1 << 30;

    fn brain() -> Brain {
        with(Some(MemoryMax::Predicted(2 * GIB)))
    }

    fn with(memory_max: Option<MemoryMax>) -> Brain {
        Brain::new(GuardSettings { hang_seconds: 120, memory_max })
    }

    /// A process that has allocated so much; its libraries are another GiB.
    fn memory(anonymous_bytes: u64) -> ProcessMemory {
        ProcessMemory { resident_bytes: anonymous_bytes.saturating_add(GIB), anonymous_bytes }
    }

    fn sighting(number: u64, beats: u64) -> Sighting {
        Sighting {
            number,
            begun: Instant::now(),
            beats,
            memory_before: Some(memory(GIB)),
            is_yielding: false,
        }
    }

    /// Looks once a second from `from` on, at slot 7, as `seen` says; when the first alarm came, and which.
    fn first_alarm(
        brain: &mut Brain,
        from: u64,
        seconds: u64,
        seen: impl Fn(u64) -> Option<Sighting>,
    ) -> Option<(u64, Alarm)> {
        (from..from + seconds).find_map(|second| {
            let seen: Vec<(usize, Sighting)> =
                seen(second).map(|sighting| (7, sighting)).into_iter().collect();
            let alarms = brain.look(Duration::from_secs(second), Some(memory(GIB)), &seen);
            assert!(alarms.len() <= 1);
            alarms.first().map(|alarm| (second, *alarm))
        })
    }

    #[test]
    fn silence_of_a_slot_at_work_is_reported_once_and_a_new_silence_again() {
        let mut brain = brain();
        assert_eq!(first_alarm(&mut brain, 1, 1000, |second| Some(sighting(1, second / 119))), None);
        let (when, alarm) = first_alarm(&mut brain, 1001, 500, |_| Some(sighting(1, 99))).unwrap();
        assert_eq!((when, alarm), (1121, Alarm::Hangs { slot: 7, seconds: 120 }));
        assert_eq!(first_alarm(&mut brain, 1122, 500, |_| Some(sighting(1, 99))), None);
        assert!(first_alarm(&mut brain, 1622, 500, |_| Some(sighting(1, 100))).is_some());
    }

    #[test]
    fn idleness_is_no_silence_and_the_next_evaluation_begins_anew() {
        let mut brain = brain();
        assert_eq!(first_alarm(&mut brain, 1, 1000, |_| None), None);
        let in_turn = |second: u64| (second % 100 > 5).then(|| sighting(second / 100, 5));
        assert_eq!(first_alarm(&mut brain, 1001, 1000, in_turn), None);
        assert_eq!(first_alarm(&mut brain, 2001, 1000, |second| Some(sighting(second / 100, 5))), None);
    }

    #[test]
    fn a_guard_that_was_asleep_itself_starts_anew() {
        let mut brain = brain();
        assert_eq!(first_alarm(&mut brain, 1, 100, |_| Some(sighting(1, 1))), None);
        // The whole process is stopped for an hour, again and again.
        for hour in 1..20 {
            assert_eq!(first_alarm(&mut brain, hour * 3600, 100, |_| Some(sighting(1, 1))), None);
        }
        let (when, _) = first_alarm(&mut brain, 20 * 3600, 500, |_| Some(sighting(1, 1))).unwrap();
        assert_eq!(when, 20 * 3600 + 120);
    }

    #[test]
    fn one_silent_slot_is_found_among_busy_ones() {
        let mut brain = brain();
        let mut alarms = Vec::new();
        for second in 1..=150 {
            let seen = [(1, sighting(1, second)), (2, sighting(4, 9)), (3, sighting(1, second))];
            alarms.extend(brain.look(Duration::from_secs(second), Some(memory(GIB)), &seen));
        }
        assert_eq!(alarms, [Alarm::Hangs { slot: 2, seconds: 120 }]);
    }

    #[test]
    fn memory_beyond_prediction_and_margin_is_the_youngests() {
        let allowed = 4 * GIB;
        let one = [(1, sighting(1, 1))];
        assert_eq!(brain().look(Duration::ZERO, Some(memory(GIB + allowed)), &one), []);
        assert_eq!(brain().look(Duration::ZERO, None, &one), [], "the system does not say");
        let alarm = |slot, number, used_bytes, allowed_bytes| Alarm::Exceeds {
            slot,
            number,
            used_bytes,
            allowed_bytes,
            excess: Excess::Growth,
        };
        assert_eq!(
            brain().look(Duration::ZERO, Some(memory(GIB + allowed + 1)), &one),
            [alarm(1, 1, allowed + 1, allowed)]
        );

        let two = [one[0], (2, sighting(5, 1))];
        assert_eq!(brain().look(Duration::ZERO, Some(memory(GIB + 2 * allowed)), &two), []);
        assert_eq!(
            brain().look(Duration::ZERO, Some(memory(GIB + 2 * allowed + 1)), &two),
            [alarm(2, 5, 2 * allowed + 1, 2 * allowed)]
        );
        let yielding = [one[0], (2, Sighting { is_yielding: true, ..two[1].1 })];
        assert_eq!(
            brain().look(Duration::ZERO, Some(memory(GIB + 3 * allowed)), &yielding),
            [],
            "one at a time"
        );
    }

    #[test]
    fn small_predictions_have_the_least_margin_and_without_a_limit_nothing_is_weighed() {
        let seen = [(1, sighting(1, 1))];
        let alarms =
            |memory_max, grown| with(memory_max).look(Duration::ZERO, Some(memory(GIB + grown)), &seen).len();
        let predicted = |bytes| Some(MemoryMax::Predicted(bytes));
        assert_eq!(
            (alarms(predicted(1), MARGIN_BYTES_MIN + 1), alarms(predicted(1), MARGIN_BYTES_MIN + 2)),
            (0, 1)
        );
        assert_eq!(alarms(predicted(u64::MAX), u64::MAX - GIB), 0);
        assert_eq!(alarms(None, 100 * GIB), 0);
    }

    #[test]
    fn a_limit_of_the_whole_process_has_no_margin_and_minds_what_was_there_before() {
        let limit = 3 * GIB;
        let mut brain = with(Some(MemoryMax::Resident(limit)));
        let two = [(1, sighting(1, 1)), (2, sighting(5, 1))];
        assert_eq!(brain.look(Duration::ZERO, Some(memory(2 * GIB)), &two), []);
        assert_eq!(brain.look(Duration::ZERO, None, &two), [], "the system does not say");
        let alarm = Alarm::Exceeds {
            slot: 2,
            number: 5,
            used_bytes: limit + 1,
            allowed_bytes: limit,
            excess: Excess::Host { before_bytes: 2 * GIB },
        };
        assert_eq!(brain.look(Duration::ZERO, Some(memory(2 * GIB + 1)), &two), [alarm]);
        let yielding = [two[0], (2, Sighting { is_yielding: true, ..two[1].1 })];
        assert_eq!(brain.look(Duration::ZERO, Some(memory(9 * GIB)), &yielding), [], "one at a time");
    }
}
