//! Length and time limit of each evaluation, and how many candidates the finale has time for: what the brain reads off
//! its clock and its books. Nothing here changes anything.

use super::champions::Champion;
use super::ledger::Closed;
use super::state::Brain;
use crate::pace::Pace;
use crate::protocol::{EvaluationId, Individual, IndividualId, LeaseKind, Maker};

/// Candidates for the crown, at most.
pub(super) const CANDIDATES_MAX: usize = 4;

/// Crown trainings of less than this share of the final's epochs are not worth their time.
const CROWN_EPOCHS_SHARE: f64 = 0.5;

/// Crown trainings must leave the final at least this share of its epochs.
const FINAL_EPOCHS_SHARE: f64 = 0.75;

/// A planned training may overrun its plan by this factor before it is stopped.
const OVERRUN: f64 = 1.25;

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
        let wanted = &self.settings.final_training;
        if !wanted.enabled {
            return Vec::new();
        }
        let images = self.settings.images;
        let share = |share: f64| (f64::from(wanted.epochs) * share).ceil() as u32;
        let crown_epochs =
            self.epochs_like_search(images.crown).max(share(CROWN_EPOCHS_SHARE)).min(wanted.epochs);
        for count in (2..=CANDIDATES_MAX.min(self.champions.ranked().len())).rev() {
            let candidates = self.best_and_seed(count);
            let rounds = self.rounds(candidates.len()) + 1;
            let seconds = self.timing.final_seconds(now).map(|seconds| seconds / rounds as f64);
            let fits = |champion: &Champion| {
                self.epochs_within(champion.individual, seconds, images.crown) >= crown_epochs
                    && self.epochs_within(champion.individual, seconds, images.last)
                        >= share(FINAL_EPOCHS_SHARE)
            };
            if candidates.iter().all(fits) {
                return candidates;
            }
        }
        Vec::new()
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

    /// The final training has as much of the time as one round of crown trainings.
    pub(super) fn crown_deadline(&self, candidates: usize, now: f64) -> Option<f64> {
        let rounds = self.rounds(candidates) as f64;
        self.timing.final_seconds(now).map(|seconds| now + seconds * rounds / (rounds + 1.0))
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

    /// Epochs of the final training that fit at best: alone, as fast as all trainers together. How many really fit,
    /// its trainer measures.
    pub(super) fn final_epochs_max(&self, individual: IndividualId, now: f64) -> u32 {
        let trainers = self.trainer_count() as u64;
        self.epochs_within(individual, self.timing.final_seconds(now), self.settings.images.last / trainers)
    }

    /// A final training of fewer epochs would be worse than what the search has left.
    pub(super) fn final_epochs_min(&self) -> u32 {
        self.epochs_like_search(self.settings.images.last)
    }

    /// Epochs of so many samples that come to as many samples as a search training sees, which may know only a part
    /// of the data: at least one, and no more than are wanted at full length.
    fn epochs_like_search(&self, images: u64) -> u32 {
        let seen = u64::from(self.settings.epochs) * self.settings.images.search;
        let epochs = seen.div_ceil(images.max(1)).max(1);
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
