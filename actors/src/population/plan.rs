//! Length and time limit of each evaluation, and how many candidates the finale has time for: what the brain reads off
//! its clock and its books. Nothing here changes anything.

use super::champions::Champion;
use super::ledger::Closed;
use super::state::Brain;
use crate::pace::{CAUTION, Pace};
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, Maker};

/// Candidates for the crown, at most.
pub(super) const CANDIDATES_MAX: usize = 4;

/// Crown trainings of less than this share of the final's epochs are not worth their time.
const CROWN_SHARE_MIN: f64 = 0.5;

/// Crown trainings must leave the final at least this share of its epochs; where they cannot, theirs are handed over,
/// and are to be as long.
const FINAL_SHARE_MIN: f64 = 0.75;

/// A final training is to see at least this share of the samples that the weights before it have seen.
const SAMPLES_SHARE_MIN: f64 = 0.75;

/// A planned training may overrun its plan by this factor before it is stopped.
const OVERRUN: f64 = 1.25;

/// Seconds that the finale needs at full length.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Needs {
    /// Of the crown trainings, side by side as far as there are trainers.
    crown: f64,
    /// Of the final training.
    last: f64,
}

impl Needs {
    /// The least with which candidates are told apart, and the winner is trained as long as it is worth.
    fn least(&self) -> f64 {
        CROWN_SHARE_MIN * self.crown + FINAL_SHARE_MIN * self.last
    }

    /// Whether so many seconds are enough: with `last` for a final training, too.
    fn fit(&self, seconds: f64, last: bool) -> bool {
        seconds >= if last { self.least() } else { FINAL_SHARE_MIN * self.crown }
    }

    /// How many of so many seconds go to the crown trainings: between the least and full length as much as to the
    /// final training; all where there are too few for that.
    fn crown_seconds(&self, seconds: f64) -> f64 {
        if !self.fit(seconds, true) {
            return seconds;
        }
        let room = (self.crown + self.last - self.least()).max(f64::MIN_POSITIVE);
        let length = ((seconds - self.least()) / room).min(1.0);
        self.crown * (CROWN_SHARE_MIN + length * (1.0 - CROWN_SHARE_MIN))
    }
}

impl Brain {
    /// Epochs and time limit of an evaluation handed out now.
    pub(super) fn plan(&self, kind: LeaseKind, individual: &Individual, now: f64) -> (u32, Option<f64>) {
        match kind {
            LeaseKind::Search => (self.settings.epochs, self.timing.search_limit(now, self.settings.seconds)),
            LeaseKind::Crown => self.plan_crown(individual.id, now),
            // Its trainer fits the epochs to the time: alone on all cores it may be faster than anything known here.
            LeaseKind::Final => (self.settings.final_training.epochs, self.timing.final_seconds(now)),
            LeaseKind::Test => (0, None),
        }
    }

    /// The best of the search: as many as can be trained at a length that tells them apart. Before them the best
    /// network that the user has designed: whether it was surpassed is seen at full length.
    pub(super) fn candidates(&self, now: f64) -> Vec<Champion> {
        match self.settings.final_training.enabled {
            true => self.candidates_within(self.timing.final_seconds(now)),
            false => Vec::new(),
        }
    }

    /// As many as there is time for with a final training behind them; where there is none for that, as many as there
    /// is time for without.
    fn candidates_within(&self, seconds: Option<f64>) -> Vec<Champion> {
        let most = CANDIDATES_MAX.min(self.champions.ranked().len());
        let slates = |last: bool| (2..=most).rev().map(move |count| (self.best_and_seed(count), last));
        slates(true)
            .chain(slates(false))
            .find(|(slate, last)| seconds.is_none_or(|seconds| self.needs(&ids(slate)).fit(seconds, *last)))
            .map(|(slate, _)| slate)
            .unwrap_or_default()
    }

    /// Seconds that the finale needs at full length, by what is known now, with the candidates that there would be time
    /// for. `None` where there is no limit of time, and before anything is known.
    pub(super) fn finale_seconds(&self) -> Option<f64> {
        let seconds = self.timing.planned_final_seconds()?;
        let candidates = ids(&self.candidates_within(Some(seconds)));
        let Needs { crown, last } = match candidates.as_slice() {
            [] => Needs { crown: 0.0, ..self.needs(&ids(&self.best_and_seed(1))) },
            candidates => self.needs(candidates),
        };
        Some(crown + last).filter(|_| last > 0.0)
    }

    /// What the finale with these candidates needs, by the slowest of them. Those of unknown pace need nothing.
    fn needs(&self, candidates: &[IndividualId]) -> Needs {
        let epochs = self.settings.final_training.epochs;
        let slowest = |images: u64| {
            let paces = candidates.iter().filter_map(|individual| self.pace_of(*individual));
            paces.map(|pace| CAUTION * pace.seconds(images, epochs)).fold(0.0, f64::max)
        };
        let rounds = self.rounds(candidates.len()) as f64;
        Needs { crown: rounds * slowest(self.settings.images.crown), last: slowest(self.images_of_final()) }
    }

    /// Samples of an epoch of the final training, as many as they are for its pace: alone, it has the cores of all
    /// trainers beside it.
    fn images_of_final(&self) -> u64 {
        self.settings.images.last / self.neighbours() as u64
    }

    /// The best so many of the search, the best of the user's networks before them, wherever it is.
    pub(super) fn best_and_seed(&self, count: usize) -> Vec<Champion> {
        let seed = self.best_seed();
        let others = self.champions.ranked().iter().take(count);
        let others = others.filter(|one| seed.as_ref().is_none_or(|seed| seed.individual != one.individual));
        let others: Vec<Champion> = others.cloned().collect();
        seed.into_iter().chain(others).collect()
    }

    /// The user's best network by the search.
    fn best_seed(&self) -> Option<Champion> {
        let seeds =
            self.closed.kept().iter().filter(|(_, closed)| {
                closed.kind == LeaseKind::Search && closed.individual.maker == Maker::User
            });
        let champion = |(evaluation, closed): (&EvaluationId, &Closed)| {
            let (evaluation, individual) = (*evaluation, closed.individual.id);
            Some(Champion { evaluation, individual, fitness: closed.fitness? })
        };
        seeds.filter_map(champion).max_by(|one, other| {
            one.fitness.compare(&other.fitness).then(other.individual.cmp(&one.individual))
        })
    }

    /// How often the trainers take turns for so many trainings.
    fn rounds(&self, trainings: usize) -> usize {
        trainings.div_ceil(self.trainer_count())
    }

    /// When crown trainings of these candidates are to be over.
    pub(super) fn crown_deadline(&self, candidates: &[IndividualId], now: f64) -> Option<f64> {
        let seconds = self.timing.final_seconds(now)?;
        Some(now + self.needs(candidates).crown_seconds(seconds))
    }

    /// Epochs and limit of a crown training handed out now.
    fn plan_crown(&self, individual: IndividualId, now: f64) -> (u32, Option<f64>) {
        let rounds = self.rounds(self.desk.ready().len()).max(1) as f64;
        let seconds = self.finale.crown_end.map(|end| (end - now).max(0.0) / rounds);
        (
            self.epochs_within(individual, seconds, self.settings.images.crown),
            seconds.map(|limit| limit * OVERRUN),
        )
    }

    /// Epochs of the final training that fit at best: alone, as fast as all trainers of its host together. How many
    /// really fit, its trainer measures.
    pub(super) fn final_epochs_max(&self, individual: IndividualId, now: f64) -> u32 {
        self.epochs_within(individual, self.timing.final_seconds(now), self.images_of_final())
    }

    /// A final training of fewer epochs would be worse than the weights that there are.
    pub(super) fn final_epochs_min(&self) -> u32 {
        let winner = self.winner().and_then(|(_, evaluation)| self.closed.get(evaluation));
        let images = self.settings.images;
        let seen = match winner {
            Some(winner) if winner.kind == LeaseKind::Crown => {
                (SAMPLES_SHARE_MIN * f64::from(winner.epochs) * images.crown as f64) as u64
            }
            _ => u64::from(self.settings.epochs) * images.search,
        };
        let epochs = seen.div_ceil(images.last.max(1)).max(1);
        u32::try_from(epochs).unwrap_or(u32::MAX).min(self.settings.final_training.epochs)
    }

    fn epochs_within(&self, individual: IndividualId, seconds: Option<f64>, images: u64) -> u32 {
        let wanted = self.settings.final_training.epochs;
        self.pace_of(individual).map_or(wanted, |pace| pace.epochs_within(seconds, images, wanted))
    }

    /// How fast an individual trains, by its last evaluation that trained anything.
    fn pace_of(&self, individual: IndividualId) -> Option<Pace> {
        self.closed
            .kept()
            .values()
            .rev()
            .find(|closed| closed.individual.id == individual && closed.pace.is_some())?
            .pace
    }
}

pub(super) fn ids(candidates: &[Champion]) -> Vec<IndividualId> {
    candidates.iter().map(|champion| champion.individual).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_divided_between_crown_and_final_trainings() {
        let needs = Needs { crown: 100.0, last: 40.0 };
        assert!(!needs.fit(79.0, true) && needs.fit(80.0, true));
        assert_eq!(
            needs.crown_seconds(80.0),
            50.0,
            "half of their length, which leaves three quarters of the final's"
        );
        assert_eq!(needs.crown_seconds(110.0), 75.0);
        assert_eq!(needs.crown_seconds(140.0), 100.0, "all there is to train");
        assert_eq!(needs.crown_seconds(1000.0), 100.0);
        assert!(needs.fit(76.0, false) && !needs.fit(74.0, false));
        assert_eq!(needs.crown_seconds(76.0), 76.0, "no time for a final training");
    }
}
