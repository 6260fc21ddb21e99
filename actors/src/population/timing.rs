//! The division of a run's time: until when the search may go on, how long one evaluation may take, and how many
//! epochs of the final training fit. What is handed in is seconds since the run began, interruptions left out; the
//! pauses that users have made are in these, and are taken off here: nothing is divided but the time between them.

use crate::pace::CAUTION;
use std::collections::VecDeque;

/// Part of the time that is left for the test and for writing the results.
const CLOSING_SHARE: f64 = 0.02;

/// At least this much is left for the test and for writing the results, in seconds.
const CLOSING_SECONDS_MIN: f64 = 1.0;

/// Before any evaluation has ended, one is begun where at least this much time is left, in seconds.
const WORTHWHILE_SECONDS_MIN: f64 = 0.5;

/// Trainings remembered, to know how long others take.
const KNOWN_MAX: usize = 64;

/// How long a training takes is judged by so many of the most similar ones.
const NEIGHBOURS: usize = 5;

/// Where fewer than this share of the usual candidates has time, the search is over.
const USUAL_SHARE: f64 = 0.25;

/// Of the time that was planned for what follows the search, at least this share is kept for it, however little the
/// best so far needs: whoever is better than they by then may take longer.
const RESERVED_SHARE_MIN: f64 = 0.5;

/// How long a network's search training takes.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Of one sample's forward pass.
    multiply_adds: f64,
    /// Of a training that comes to its planned end.
    seconds: f64,
}

/// The division of a run's time. All ends are in seconds without pauses.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Seconds of the pauses that are over.
    stood: f64,
    /// End of the whole run; `None` where there is no limit.
    end: Option<f64>,
    /// End of the search as it was planned.
    planned_end: Option<f64>,
    /// End of the search: later where what follows needs less than was planned.
    search_end: Option<f64>,
    known: VecDeque<Known>,
}

impl Timing {
    /// `total` seconds in all, of which `final_share` are kept for what follows the search. A run that is resumed
    /// after `spent` seconds has the final's share again even where its time is over: it was cut off, not finished.
    pub fn new(total: Option<f64>, final_share: f64, spent: f64) -> Self {
        let share = final_share.clamp(0.0, 0.95);
        let planned_end = total.map(|total| total * (1.0 - share.max(CLOSING_SHARE)));
        Self {
            stood: 0.0,
            end: total.map(|total| total.max(spent + total * share + CLOSING_SECONDS_MIN)),
            planned_end,
            search_end: planned_end,
            known: VecDeque::new(),
        }
    }

    /// A run that is resumed after `spent` seconds, `stood` of which were pauses: these are in `total`, too, since each
    /// has moved the recorded end (`wishes`).
    pub fn resumed(total: Option<f64>, final_share: f64, spent: f64, stood: f64) -> Self {
        let total = total.map(|total| (total - stood).max(0.0));
        Self { stood, ..Self::new(total, final_share, (spent - stood).max(0.0)) }
    }

    /// The run's time has stood still for so long.
    pub const fn stand(&mut self, seconds: f64) {
        self.stood += seconds;
    }

    /// Seconds of the run without the pauses that are over.
    pub const fn passed(&self, now: f64) -> f64 {
        now - self.stood
    }

    /// There is more time, of which `final_share` is kept for what follows the search.
    pub fn extend(&mut self, seconds: f64, final_share: f64) {
        let share = final_share.clamp(0.0, 0.95).max(CLOSING_SHARE);
        let ends = (&mut self.end, &mut self.planned_end, &mut self.search_end);
        if let (Some(end), Some(planned_end), Some(search_end)) = ends {
            *end += seconds;
            *planned_end += seconds * (1.0 - share);
            *search_end += seconds * (1.0 - share);
        }
    }

    /// Seconds that were planned for what follows the search, the closing left out; `None` where there is no limit or
    /// nothing was planned.
    pub fn planned_final_seconds(&self) -> Option<f64> {
        let (end, planned_end) = (self.end?, self.planned_end?);
        Some(end - closing(end) - planned_end).filter(|seconds| *seconds > 0.0)
    }

    /// What follows the search needs so many seconds by what is known now: the search goes on until then, and in any
    /// case for as long as was planned.
    pub fn reserve(&mut self, seconds: f64) {
        if let (Some(end), Some(planned)) = (self.end, self.planned_final_seconds()) {
            let kept = seconds.max(RESERVED_SHARE_MIN * planned).min(planned);
            self.search_end = Some(end - closing(end) - kept);
        }
    }

    /// Remembers how long a search training with so many multiply-adds takes to its planned end.
    pub fn learn(&mut self, multiply_adds: u64, seconds: f64) {
        if self.known.len() == KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back(Known { multiply_adds: multiply_adds.max(1) as f64, seconds });
    }

    /// Seconds until the end of the whole run.
    pub fn seconds_left(&self, now: f64) -> Option<f64> {
        self.end.map(|end| (end - self.passed(now)).max(0.0))
    }

    /// Seconds until the end of the search.
    pub fn search_seconds_left(&self, now: f64) -> Option<f64> {
        self.search_end.map(|end| (end - self.passed(now)).max(0.0))
    }

    /// Whether the search may go on at `now`: at least some of the usual candidates would come to their end. `own` is
    /// the limit that every evaluation has.
    pub fn worthwhile(&self, now: f64, own: Option<f64>) -> bool {
        if self.search_end.is_none() {
            return true;
        }
        let mut sorted: Vec<f64> = self.known.iter().map(|known| known.seconds).collect();
        sorted.sort_by(f64::total_cmp);
        self.has_time(sorted.get((sorted.len() as f64 * USUAL_SHARE) as usize).copied(), now, own)
    }

    /// Whether a search training of a network with so many multiply-adds, begun at `now`, comes to its end before the
    /// search does, by all that is known.
    pub fn fits(&self, multiply_adds: u64, now: f64, own: Option<f64>) -> bool {
        self.search_end.is_none() || self.has_time(self.expected_seconds(multiply_adds), now, own)
    }

    /// The limit of a search evaluation begun at `now`, given the limit that every evaluation has.
    pub fn search_limit(&self, now: f64, own: Option<f64>) -> Option<f64> {
        smaller(own, self.search_seconds_left(now))
    }

    /// Seconds for what follows the search, the closing left out.
    pub fn final_seconds(&self, now: f64) -> Option<f64> {
        let end = self.end?;
        Some((end - closing(end) - self.passed(now)).max(0.0))
    }

    fn has_time(&self, expected: Option<f64>, now: f64, own: Option<f64>) -> bool {
        let Some(left) = self.search_seconds_left(now) else { return true };
        match expected {
            Some(seconds) => smaller(Some(seconds * CAUTION), own).is_none_or(|needed| needed < left),
            None => left > WORTHWHILE_SECONDS_MIN,
        }
    }

    /// Median of the most similar networks. A larger network is expected to take longer in proportion, a smaller one
    /// as long: below some size, a step costs what it costs.
    fn expected_seconds(&self, multiply_adds: u64) -> Option<f64> {
        let wanted = multiply_adds.max(1) as f64;
        let distance = |known: &Known| (known.multiply_adds / wanted).ln().abs();
        let mut nearest: Vec<&Known> = self.known.iter().collect();
        nearest.sort_by(|one, other| distance(one).total_cmp(&distance(other)));
        nearest.truncate(NEIGHBOURS);
        let scaled = |known: &&Known| known.seconds * (wanted / known.multiply_adds).max(1.0);
        let mut seconds: Vec<f64> = nearest.iter().map(scaled).collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    }
}

/// Seconds for the test and for writing the results of a run that ends at `end`.
fn closing(end: f64) -> f64 {
    (end * CLOSING_SHARE).max(CLOSING_SECONDS_MIN)
}

/// The smaller of two limits, where there are any.
pub fn smaller(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_leaves_time_for_the_final() {
        let timing = Timing::new(Some(100.0), 0.3, 0.0);
        assert!((timing.search_seconds_left(0.0).unwrap() - 70.0).abs() < 1e-9);
        assert_eq!(timing.search_seconds_left(80.0), Some(0.0));
        assert_eq!(timing.seconds_left(80.0), Some(20.0));
        assert!((timing.final_seconds(70.0).unwrap() - 28.0).abs() < 1e-9);
        assert_eq!(timing.search_limit(60.0, Some(3.0)), Some(3.0));
        assert!((timing.search_limit(60.0, Some(30.0)).unwrap() - 10.0).abs() < 1e-9);
        assert_eq!(Timing::new(None, 0.3, 0.0).search_limit(1e9, None), None);
    }

    #[test]
    fn the_search_has_the_time_that_what_follows_does_not_need() {
        let mut timing = Timing::new(Some(100.0), 0.3, 0.0);
        timing.reserve(20.0);
        assert!((timing.search_seconds_left(0.0).unwrap() - 78.0).abs() < 1e-9);
        timing.stand(5.0);
        timing.reserve(20.0);
        assert!((timing.search_seconds_left(5.0).unwrap() - 78.0).abs() < 1e-9);
        timing.reserve(1.0);
        assert!(
            (timing.search_seconds_left(5.0).unwrap() - 84.0).abs() < 1e-9,
            "half of what was planned is kept"
        );
        timing.reserve(50.0);
        assert!((timing.search_seconds_left(5.0).unwrap() - 70.0).abs() < 1e-9, "as long as was planned");
        let mut endless = Timing::new(None, 0.3, 0.0);
        endless.reserve(10.0);
        assert_eq!(endless.search_seconds_left(0.0), None);
    }

    #[test]
    fn what_cannot_end_in_time_is_not_begun() {
        let mut timing = Timing::new(Some(100.0), 0.3, 0.0);
        assert!(timing.worthwhile(69.0, None) && timing.fits(1, 69.0, None), "nothing is known yet");
        for seconds in [10.0, 8.0, 12.0] {
            timing.learn(1000, seconds);
        }
        assert!(timing.worthwhile(60.0, None));
        assert!(!timing.worthwhile(62.0, None), "8 s left, not even the fastest ends in time");
        assert!(timing.fits(1000, 58.0, None) && !timing.fits(1000, 60.0, None), "the usual takes 10 s");
        assert!(timing.fits(1000, 60.0, Some(5.0)), "none may take longer than 5 s");
        let mut endless = Timing::new(None, 0.3, 0.0);
        endless.learn(1000, 10.0);
        assert!(endless.worthwhile(1e9, None) && endless.fits(1000, 1e9, None));
    }

    #[test]
    fn a_training_is_expected_to_take_as_long_as_similar_ones() {
        let mut timing = Timing::new(Some(1000.0), 0.3, 0.0);
        for _ in 0..5 {
            timing.learn(1_000, 2.0);
            timing.learn(1_000_000, 100.0);
        }
        let seconds = |multiply_adds| timing.expected_seconds(multiply_adds).unwrap();
        assert_eq!([seconds(10), seconds(1_000), seconds(1_000_000)], [2.0, 2.0, 100.0]);
        assert_eq!(seconds(3_000_000), 300.0);
        assert!(timing.fits(1_000, 690.0, None) && !timing.fits(1_000_000, 690.0, None));
    }

    #[test]
    fn pauses_before_a_resumption_are_neither_divided_nor_spent() {
        let mut gone_on = Timing::new(Some(60.0), 0.3, 0.0);
        gone_on.stand(131.0);
        let resumed = Timing::resumed(Some(191.0), 0.3, 150.0, 131.0);
        for now in [150.0, 170.0, 180.0, 195.0] {
            assert_eq!(resumed.search_seconds_left(now), gone_on.search_seconds_left(now), "{now}");
            assert_eq!(resumed.seconds_left(now), gone_on.seconds_left(now), "{now}");
            assert_eq!(resumed.final_seconds(now), gone_on.final_seconds(now), "{now}");
        }
        assert!((resumed.search_seconds_left(150.0).unwrap() - 23.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_resumed_after_its_end_has_the_finals_share_again() {
        let timing = Timing::new(Some(100.0), 0.3, 110.0);
        assert!(!timing.worthwhile(110.0, None));
        assert!(timing.final_seconds(110.0).unwrap() > 25.0);
    }
}
