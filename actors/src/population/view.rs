//! What the brain shows of itself: the display's snapshot, and the view that the invariants are checked on.

use super::lease::Place;
use super::ledger::{Crew, Spell};
use super::results::best_of;
use super::state::Brain;
use crate::invariants::View;
use crate::journal::entry::Stage;
use crate::progress::{Best, Finalists, MakerProgress, Progress, TrainerProgress, Work};
use crate::protocol::{BreedOrder, LeaseKind, Maker};
use hatchery_config::vocabulary::Refinement;
use hatchery_models::training::outcome::Outcome;
use std::cmp::Reverse;

impl Brain {
    /// A snapshot for the display. Rates and shares are those of this process, and of the search alone.
    pub fn snapshot(&self, now: f64) -> Progress {
        let Spell { seconds, busy, attendance } = self.search_time(now);
        let mut outcomes: Vec<(Outcome, u32)> =
            self.tally.outcomes.values().filter_map(|&(outcome, count)| Some((outcome?, count))).collect();
        outcomes.sort_by_key(|&(_, count)| Reverse(count));
        Progress {
            stage: self.stage,
            elapsed_seconds: now,
            // The run's time stands still while it is paused.
            seconds_left: self.timing.seconds_left(self.paused.unwrap_or(now)),
            evaluations: self.tally.counted,
            evaluations_max: self.settings.evaluations,
            per_hour: f64::from(self.tally.counted_here) / seconds * 3600.0,
            best: self.best(),
            finalists: self.finalists(),
            trainers: self.trainers(now),
            outcomes,
            utilisation: (busy / attendance.max(f64::EPSILON)).clamp(0.0, 1.0),
            makers: self.makers(),
            ready: self.desk.ready().len(),
            births_due: self.nursery.orders().len(),
            unclaimed: self.desk.unclaimed(),
            leases: LeaseKind::ALL.map(|kind| (kind, self.desk.leased(kind))).to_vec(),
            exhausted: self.nursery.exhausted().map(str::to_owned),
            paused: self.paused.map(|_| "a user has paused it; what is under way ends".to_owned()),
        }
    }

    /// What the search has taken so far.
    pub(super) fn search_time(&self, now: f64) -> Spell {
        let spell = self.tally.search.unwrap_or_else(|| {
            let at_work = self.desk.leases().filter(|(_, _, held)| !held.delivering);
            let under_way: f64 = at_work.map(|(_, _, held)| (now - held.since).max(0.0)).sum();
            let (seconds, attendance) = self.tally.attendance_until(now, self.crew());
            Spell { seconds, busy: self.tally.busy_seconds + under_way, attendance }
        });
        Spell { seconds: spell.seconds.max(f64::EPSILON), ..spell }
    }

    /// Who is there for the search: in a pause, those that are still at work.
    pub(super) fn crew(&self) -> Crew {
        let trainers = match self.paused {
            Some(_) => self.desk.leases().filter(|(_, _, held)| !held.delivering).count(),
            None => self.desk.trainers().len(),
        };
        Crew { trainers, stands: self.paused.is_some() && trainers + self.desk.unclaimed() == 0 }
    }

    /// Trainers that are there; before the first has come, as many as are expected.
    pub(super) fn trainer_count(&self) -> usize {
        match self.desk.trainers().len() {
            0 => self.settings.trainers.max(1) as usize,
            there => there,
        }
    }

    /// Whether an earlier life of this run has done everything.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether the Refiner is ever asked: else it need not hear of anything.
    pub fn has_refiner(&self) -> bool {
        self.settings.search.refiner != Refinement::Off
    }

    /// Births that the makers owe.
    pub fn orders(&self) -> Vec<BreedOrder> {
        self.nursery.orders().values().copied().collect()
    }

    /// Who has made how many, and whose turn it will be how often.
    fn makers(&self) -> Vec<MakerProgress> {
        let refiner = self.sharing.refiner_share();
        [(Maker::Breeder, 1.0 - refiner), (Maker::Refiner, refiner)]
            .map(|(maker, share)| MakerProgress {
                name: maker.word().to_owned(),
                share,
                births: self.births.get(&maker).copied().unwrap_or(0),
            })
            .to_vec()
    }

    /// The best so far: of the search, and once there is one, the winner.
    fn best(&self) -> Option<Best> {
        let champion = self.champions.best()?;
        let (individual, evaluation) = match self.finale.crowned() {
            // The final training has no validation score of its own: the search's or the crown's stands for it.
            Some((individual, _)) => {
                let scored = self.closed.kept().iter().rev().find(|(_, closed)| {
                    closed.individual.id == individual
                        && closed.fitness.is_some()
                        && matches!(closed.kind, LeaseKind::Search | LeaseKind::Crown)
                });
                (individual, scored.map_or(champion.evaluation, |(evaluation, _)| *evaluation))
            }
            None => (champion.individual, champion.evaluation),
        };
        let closed = self.closed.get(evaluation)?;
        let fitness = closed.fitness?;
        Some(Best {
            individual,
            evaluation,
            summary: closed.individual.summary.clone(),
            score: fitness.score,
            loss: Some(fitness.loss).filter(|loss| loss.is_finite()),
            parameters: closed.individual.parameters,
            multiply_adds: closed.individual.multiply_adds,
        })
    }

    /// Whose training at full length has ended, of all: those of them that have are kept whole.
    fn finalists(&self) -> Option<Finalists> {
        if self.stage != Stage::Crown {
            return None;
        }
        let ended = self.closed.kept().values().filter(|closed| closed.kind == LeaseKind::Crown).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Some(Finalists { ended: count(ended), of: count(ended + self.desk.active(LeaseKind::Crown)) })
    }

    fn trainers(&self, now: f64) -> Vec<TrainerProgress> {
        let on = |evaluation| {
            let open = self.desk.get(evaluation)?;
            let Place::Leased(held) = &open.place else { return None };
            Some(Work {
                evaluation,
                individual: open.individual.id,
                summary: open.individual.summary.clone(),
                kind: open.kind,
                epoch: held.curve.last().map_or(0, |report| report.epoch),
                epochs: held.epochs,
                score: best_of(&held.curve).map(|(score, _)| score),
                seconds: (now - held.since).max(0.0),
            })
        };
        self.desk
            .trainers()
            .iter()
            .map(|(trainer, held)| TrainerProgress {
                name: self.desk.label(*trainer),
                work: held.and_then(on),
            })
            .collect()
    }

    /// What the invariants are checked on.
    pub fn view(&self) -> View<'_> {
        View {
            desk: &self.desk,
            counted: self.tally.counted,
            budget: self.settings.evaluations,
            orders: self.nursery.orders().len(),
            closed: &self.closed,
            retry: &self.settings.retry,
            kept_weights: self.weights.len(),
            searching: self.stage == Stage::Search,
            paused: self.paused.is_some(),
            ended: self.end.is_some(),
        }
    }
}
