//! The division of a run's time: until when the search may go on, how long one evaluation may take, and how many
//! epochs of the final training fit. All times are seconds since the run began, interruptions left out.

/// Part of the time that is left for the test and for writing the results.
const CLOSING_SHARE: f64 = 0.02;

/// At least this much is left for the test and for writing the results, in seconds.
const CLOSING_SECONDS_MIN: f64 = 1.0;

/// A search evaluation is not begun where less than this share of a usual one's time is left.
const WORTHWHILE_SHARE: f64 = 0.3;

/// Before any evaluation has ended, one is begun where at least this much time is left, in seconds.
const WORTHWHILE_SECONDS_MIN: f64 = 0.5;

/// Durations remembered for the usual one.
const DURATIONS_MAX: usize = 64;

/// The division of a run's time.
#[derive(Clone, Debug)]
pub struct Timing {
    /// End of the whole run; `None` where there is no limit.
    end: Option<f64>,
    /// End of the search.
    search_end: Option<f64>,
    durations: std::collections::VecDeque<f64>,
}

impl Timing {
    /// `total` seconds in all, of which `final_share` are kept for what follows the search. A run that is resumed
    /// after `spent` seconds has the final's share again even where its time is over: it was cut off, not finished.
    pub fn new(total: Option<f64>, final_share: f64, spent: f64) -> Self {
        let share = final_share.clamp(0.0, 0.95);
        Self {
            end: total.map(|total| total.max(spent + total * share + CLOSING_SECONDS_MIN)),
            search_end: total.map(|total| total * (1.0 - share.max(CLOSING_SHARE))),
            durations: std::collections::VecDeque::new(),
        }
    }

    /// Remembers how long a search evaluation took.
    pub fn learn(&mut self, seconds: f64) {
        if self.durations.len() == DURATIONS_MAX {
            self.durations.pop_front();
        }
        self.durations.push_back(seconds);
    }

    /// Seconds until the end of the whole run.
    pub fn seconds_left(&self, now: f64) -> Option<f64> {
        self.end.map(|end| (end - now).max(0.0))
    }

    /// Seconds until the end of the search.
    pub fn search_seconds_left(&self, now: f64) -> Option<f64> {
        self.search_end.map(|end| (end - now).max(0.0))
    }

    /// Whether a search evaluation begun at `now` is worth while.
    pub fn worthwhile(&self, now: f64) -> bool {
        self.search_seconds_left(now).is_none_or(|left| left > self.worthwhile_seconds())
    }

    /// The limit of a search evaluation begun at `now`, given the limit that every evaluation has.
    pub fn search_limit(&self, now: f64, own: Option<f64>) -> Option<f64> {
        smaller(own, self.search_seconds_left(now))
    }

    /// Seconds for what follows the search, the closing left out.
    pub fn final_seconds(&self, now: f64) -> Option<f64> {
        let end = self.end?;
        let closing = (end * CLOSING_SHARE).max(CLOSING_SECONDS_MIN);
        Some((end - closing - now).max(0.0))
    }

    fn worthwhile_seconds(&self) -> f64 {
        let mut sorted: Vec<f64> = self.durations.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).map_or(WORTHWHILE_SECONDS_MIN, |median| median * WORTHWHILE_SHARE)
    }
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
    fn what_cannot_end_in_time_is_not_begun() {
        let mut timing = Timing::new(Some(100.0), 0.3, 0.0);
        assert!(timing.worthwhile(69.0), "nothing is known yet");
        for seconds in [10.0, 8.0, 12.0] {
            timing.learn(seconds);
        }
        assert!(timing.worthwhile(66.0));
        assert!(!timing.worthwhile(68.0), "2 s left, 3 s needed");
        assert!(Timing::new(None, 0.3, 0.0).worthwhile(1e9));
    }

    #[test]
    fn a_run_resumed_after_its_end_has_the_finals_share_again() {
        let timing = Timing::new(Some(100.0), 0.3, 110.0);
        assert!(!timing.worthwhile(110.0));
        assert!(timing.final_seconds(110.0).unwrap() > 25.0);
    }
}
