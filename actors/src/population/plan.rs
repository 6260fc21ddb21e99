//! Length and time limit of each evaluation, and how long the finale takes: what the brain reads off its clock and its
//! books. Nothing here changes anything.

use super::needs::{Needs, Shares};
use super::slate::Slate;
use super::state::Brain;
use crate::pace::{CAUTION, Pace};
use crate::protocol::{Individual, IndividualId, LeaseKind};
use std::collections::BTreeMap;

/// A final training is to see at least this share of the samples that the weights before it have seen.
const SAMPLES_SHARE_MIN: f64 = 0.75;

/// A planned training may overrun its plan by this factor before it is stopped.
const OVERRUN: f64 = 1.25;

impl Brain {
    /// Epochs and time limit of an evaluation handed out now.
    pub(super) fn plan(&self, kind: LeaseKind, individual: &Individual, now: f64) -> (u32, Option<f64>) {
        match kind {
            LeaseKind::Search => (self.settings.epochs, self.timing.search_limit(now, self.settings.seconds)),
            LeaseKind::Crown => self.plan_crown(individual, now),
            // Its trainer fits the epochs to the time: alone on all cores it may be faster than anything known here.
            LeaseKind::Final => (self.final_epochs_wanted(), self.timing.final_seconds(now)),
            LeaseKind::Test => (0, None),
        }
    }

    /// Seconds that the finale takes at most, by what is known now, with the candidates that there would be time for: at
    /// full length, or beyond it as far as trainings may be longer. `None` where there is no limit of time, and before
    /// anything is known.
    pub(super) fn finale_seconds(&self) -> Option<f64> {
        let seconds = self.timing.planned_final_seconds()?;
        let slate = self.slate_within(Some(seconds));
        let needs = match slate.len() {
            0 => {
                let best = Slate { known: self.best_and_seed(1), regularised: Vec::new() };
                Needs { crown: 0.0, longest: 1.0, ..self.needs_of(&best) }
            }
            _ => self.needs_of(&slate),
        };
        Some(needs.most()).filter(|_| needs.last > 0.0)
    }

    /// What the finale with this slate needs: who is regularised trains about as fast as who is not.
    pub(super) fn needs_of(&self, slate: &Slate) -> Needs {
        self.needs(&slate.known_ids(), slate.len(), !slate.regularised.is_empty())
    }

    /// What the finale with so many candidates needs, some of them more strongly regularised or none, by the slowest of
    /// these. Those of unknown pace need nothing.
    fn needs(&self, candidates: &[IndividualId], count: usize, regularised: bool) -> Needs {
        let final_training = &self.settings.final_training;
        let epochs = final_training.epochs;
        let longest = f64::from(final_training.longest(true)) / f64::from(epochs.max(1));
        let shortest = if regularised { Shares::regularised(epochs) } else { Shares::PLAIN };
        let slowest = |images: u64| {
            let paces = candidates.iter().filter_map(|individual| self.pace_of(*individual));
            paces.map(|pace| CAUTION * pace.seconds(images, epochs)).fold(0.0, f64::max)
        };
        let crown = self.rounds(count) as f64 * slowest(self.settings.images.crown);
        Needs { crown, last: slowest(self.images_of_final()), shortest, longest }
    }

    /// Samples of an epoch of the final training, as many as they are for its pace: alone, it has the cores of all
    /// trainers beside it.
    fn images_of_final(&self) -> u64 {
        self.settings.images.last / self.sharing_cores() as u64
    }

    /// Trainers of one host that share its cores, where these are most; one where any trains on a GPU, since the final
    /// training may be there, with as much of it as before.
    fn sharing_cores(&self) -> usize {
        let mut hosts: BTreeMap<&str, usize> = BTreeMap::new();
        for trainer in self.desk.trainers().keys() {
            let Some(facts) = self.desk.workers().get(&trainer.worker) else { continue };
            if facts.is_on_gpu(trainer.slot) {
                return 1;
            }
            *hosts.entry(facts.host.as_str()).or_default() += 1;
        }
        hosts.into_values().max().unwrap_or(self.settings.trainers as usize).max(1)
    }

    /// How often the trainers take turns for so many trainings.
    fn rounds(&self, trainings: usize) -> usize {
        trainings.div_ceil(self.trainer_count())
    }

    /// When the crown trainings of a slate are to be over.
    pub(super) fn crown_deadline(&self, slate: &Slate, now: f64) -> Option<f64> {
        Some(now + self.needs_of(slate).crown_seconds(self.timing.final_seconds(now)?))
    }

    /// When crown trainings of these are to be over, which an earlier life has left. Whoever the search has not trained
    /// was born more strongly regularised.
    pub(super) fn crown_deadline_of(&self, candidates: &[&Individual], now: f64) -> Option<f64> {
        let regularised = candidates.iter().any(|one| self.pace_of(one.id).is_none());
        let paced: Vec<IndividualId> = candidates.iter().map(|one| self.as_fast_as(one)).collect();
        let needs = self.needs(&paced, paced.len(), regularised);
        Some(now + needs.crown_seconds(self.timing.final_seconds(now)?))
    }

    /// Epochs and limit of a crown training handed out now.
    fn plan_crown(&self, individual: &Individual, now: f64) -> (u32, Option<f64>) {
        let rounds = self.rounds(self.desk.ready().len()).max(1) as f64;
        let seconds = self.finale.crown_end.map(|end| (end - now).max(0.0) / rounds);
        let wanted = self.settings.final_training.longest(seconds.is_some());
        let images = self.settings.images.crown;
        (
            self.epochs_within(self.as_fast_as(individual), seconds, images, wanted),
            seconds.map(|limit| limit * OVERRUN),
        )
    }

    /// Epochs of the final training that fit at best: alone, as fast as all trainers of its host together. How many
    /// really fit, its trainer measures.
    pub(super) fn final_epochs_max(&self, individual: IndividualId, now: f64) -> u32 {
        let seconds = self.timing.final_seconds(now);
        self.epochs_within(individual, seconds, self.images_of_final(), self.final_epochs_wanted())
    }

    /// Full length, or what the winner was compared with, where that was longer.
    fn final_epochs_wanted(&self) -> u32 {
        self.compared_epochs().unwrap_or(0).max(self.settings.final_training.epochs)
    }

    /// Epochs that the winner was compared with; `None` where nobody was compared.
    fn compared_epochs(&self) -> Option<u32> {
        let winner = self.winner().and_then(|(_, evaluation)| self.closed.get(evaluation));
        winner.filter(|winner| winner.kind == LeaseKind::Crown).map(|winner| winner.epochs)
    }

    /// A final training of fewer epochs would be worse than the weights that there are.
    pub(super) fn final_epochs_min(&self) -> u32 {
        let images = self.settings.images;
        let seen = match self.compared_epochs() {
            Some(epochs) => (SAMPLES_SHARE_MIN * f64::from(epochs) * images.crown as f64) as u64,
            None => u64::from(self.settings.epochs) * images.search,
        };
        let epochs = seen.div_ceil(images.last.max(1)).max(1);
        u32::try_from(epochs).unwrap_or(u32::MAX).min(self.final_epochs_wanted())
    }

    fn epochs_within(&self, individual: IndividualId, seconds: Option<f64>, images: u64, wanted: u32) -> u32 {
        self.pace_of(individual).map_or(wanted, |pace| pace.epochs_within(seconds, images, wanted))
    }

    /// Whose pace is known that this network trains with: its own, or of one that has not trained yet, its parent's.
    pub(super) fn as_fast_as(&self, individual: &Individual) -> IndividualId {
        let own = self.pace_of(individual.id).map(|_| individual.id);
        own.or(individual.parents.first().copied()).unwrap_or(individual.id)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::simulation::weather::Weather;
    use crate::protocol::{Event, TrainerId, WorkerFacts, WorkerId};
    use crate::testing;

    /// Samples that an epoch of the final training counts for, with four trainers of one host on these devices.
    fn images_of_final(devices: [&str; 4]) -> u64 {
        let mut brain = Brain::new(Weather::fair(4).settings(1));
        let worker = WorkerId(1);
        let devices = devices.map(str::to_owned).to_vec();
        let facts = WorkerFacts { devices, ..testing::worker_facts("node") };
        brain.on_event(Event::Joined(worker, facts), 0.0);
        for slot in 0..4 {
            brain.on_event(Event::Ready(TrainerId { worker, slot }, None), 0.0);
        }
        brain.images_of_final()
    }

    #[test]
    fn a_final_training_has_the_cores_of_its_host_and_one_gpu() {
        let whole = Weather::fair(4).settings(1).images.last;
        assert_eq!(images_of_final(["cpu"; 4]), whole / 4);
        assert_eq!(images_of_final(["cuda:0", "cuda:0", "cuda:1", "cuda:1"]), whole);
        assert_eq!(images_of_final(["cpu", "cpu", "cpu", "cuda:0"]), whole);
    }
}
