//! Births: who is asked for the next network, what becomes of the answer, and what makers are told.
//!
//! Orders, draws in vain, births and results are recorded in the order in which makers hear of them: whoever follows
//! the journal can tell makers the same, and must get the same networks.

use super::champions::Fitness;
use super::effect::Effect;
use super::ledger::{Closed, Told};
use super::nursery::Birth;
use super::objectives::{Measured, losses};
use super::results::best_of;
use super::state::Brain;
use crate::journal::entry::{End, Entry, Stage};
use crate::protocol::{BreedOrder, Individual, IndividualId, LeaseKind, Maker, Newborn, News, Verdict};
use hatchery_config::vocabulary::Objective;
use std::sync::Arc;

/// Evaluations before anything is said of a search's pace.
const PACED_MIN: u32 = 5;
/// A maker that dies so often without a birth in between dies of what it is told or asked for, and would again.
const MAKER_DEATHS_MAX: u32 = 10;
/// More births than this are expected of no search.
const EXPECTED_MORE_MAX: f64 = 1e9;

impl Brain {
    /// The user's networks are born first, each once.
    pub(super) fn bear_seeds(&mut self) {
        if self.searched || self.stage != Stage::Search {
            return;
        }
        for seed in std::mem::take(&mut self.settings.seeds) {
            if self.births_left() > 0 && !self.nursery.knows(&seed.hash) {
                self.bear_unordered(Maker::User, seed, LeaseKind::Search);
            }
        }
    }

    /// A network that nobody was asked for: the user's, or one that is born for the comparison at full length.
    pub(super) fn bear_unordered(&mut self, maker: Maker, newborn: Newborn, kind: LeaseKind) {
        let id = self.nursery.next();
        self.nursery.remember(id, &newborn.hash);
        self.bear(id, maker, newborn, kind);
    }

    pub(super) fn bred(&mut self, birth: IndividualId, draw: u32, newborn: Newborn) {
        match self.nursery.drawn(birth, draw, &newborn.hash) {
            Birth::New(order) => self.bear(birth, order.maker, newborn, LeaseKind::Search),
            Birth::Unasked => {}
            vain => self.in_vain(draw, Some(newborn.hash), "it is known already", vain),
        }
    }

    pub(super) fn barren(&mut self, birth: IndividualId, draw: u32, message: &str) {
        let vain = self.nursery.barren(birth, draw, message);
        self.in_vain(draw, None, message, vain);
    }

    fn bear(&mut self, id: IndividualId, maker: Maker, newborn: Newborn, kind: LeaseKind) {
        let individual = Arc::new(Individual {
            id,
            genome: newborn.genome,
            summary: newborn.summary,
            hash: newborn.hash,
            parents: newborn.parents,
            operation: newborn.operation,
            maker,
            parameters: newborn.parameters,
            multiply_adds: newborn.multiply_adds,
        });
        *self.births.entry(maker).or_default() += 1;
        self.maker_deaths.remove(&maker);
        self.record(Entry::Born(Arc::clone(&individual)));
        self.out.push(Effect::Tell(News::Born(Arc::clone(&individual))));
        self.enqueue(individual, kind);
    }

    /// Whether anything is still to be bred: else no maker is missed.
    pub fn wants_makers(&self) -> bool {
        self.end.is_none() && !self.searched && self.stage == Stage::Search
    }

    /// A maker that has died is started again, but not for ever.
    pub(super) fn maker_died(&mut self, maker: Maker, how: &str) {
        let deaths = self.maker_deaths.entry(maker).or_default();
        *deaths += 1;
        if *deaths >= MAKER_DEATHS_MAX && self.wants_makers() {
            let name = maker.word();
            let message =
                format!("the {name} has died {MAKER_DEATHS_MAX} times without a birth; the last: {how}");
            self.finish(End::Failed(message));
        }
    }

    /// A draw has brought nothing new: it is drawn again, or given up. What nobody asked for did not happen.
    fn in_vain(&mut self, draw: u32, hash: Option<String>, reason: &str, what: Birth) {
        let (vain, next) = match what {
            Birth::Again(vain, next) => (vain, Some(next)),
            Birth::GivenUp(vain) => (vain, None),
            Birth::New(_) | Birth::Unasked => return,
        };
        self.record(Entry::Discarded { birth: vain.birth, draw, hash, reason: reason.to_owned() });
        self.out.push(Effect::Tell(News::Vain(vain)));
        if let Some(next) = next {
            self.order(next);
        }
    }

    /// Keeps as many candidates ready as there are trainers, so that nobody waits; not more, since the later a
    /// candidate is bred, the more its parents are known by.
    pub(super) fn replenish(&mut self) {
        if self.searched || self.stage != Stage::Search {
            return;
        }
        let wanted = self.trainer_count();
        // Whoever waits now may have nothing of what is ready, which was lost with its node: it is bred something.
        let idle = self.desk.waiting().len().min(wanted);
        let is_short = |ready: usize, ordered: usize| ready + ordered < wanted || ordered < idle;
        while is_short(self.desk.ready().len(), self.nursery.orders().len())
            && self.births_left() > 0
            && self.nursery.exhausted().is_none()
            && self.telling.may_order(self.nursery.next(), self.nursery.orders().len())
        {
            self.tell_of_those_under_way();
            self.order_next();
        }
    }

    /// Trainings under way can be parents by what they have reached: makers are told of each when it is half way
    /// through. Not where decisions must not depend on the trainers.
    fn tell_of_those_under_way(&mut self) {
        if self.settings.search.reproducible {
            return;
        }
        for (evaluation, individual, curve) in self.desk.half_way() {
            let Some((score, loss)) = best_of(&curve) else { continue };
            let epoch = u32::try_from(curve.len()).unwrap_or(u32::MAX);
            if let Some(news) = self.news_under_way(&individual, score, loss) {
                self.record(Entry::Told { evaluation, epoch, score, loss });
                self.out.push(Effect::Tell(news));
            }
        }
    }

    /// How good a network is so far. `None` where an objective is measured at the end only.
    pub(super) fn news_under_way(&self, individual: &Individual, score: f64, loss: f64) -> Option<News> {
        let objectives = &self.settings.search.objectives;
        let late = |objective: &Objective| matches!(objective, Objective::Latency | Objective::TrainingTime);
        if objectives.iter().any(late) {
            return None;
        }
        let fitness = Fitness::new(Some(score), Some(loss))?;
        let losses = losses(objectives, individual, &fitness, Measured::default())?;
        Some(News::UnderWay(individual.id, losses))
    }

    /// Orders the next birth, of whoever has gained more of late. What makers are to know by then they are told first.
    pub(super) fn order_next(&mut self) -> BreedOrder {
        let birth = self.nursery.next();
        for (id, verdict) in self.telling.due(birth) {
            self.tell(id, verdict);
        }
        let order = self.nursery.order(self.sharing.choose(birth), self.births_expected());
        self.order(order);
        order
    }

    fn order(&mut self, order: BreedOrder) {
        self.record(Entry::Ordered(order));
        self.out.push(Effect::Breed(order));
    }

    /// How many births the search will come to by its pace so far, where only its time is limited. `None` where that
    /// cannot be said yet.
    fn births_expected(&self) -> Option<u64> {
        if self.settings.evaluations.is_some() || self.tally.counted < PACED_MIN {
            return None;
        }
        let left = self.timing.search_seconds_left(self.heard)?;
        let born = self.nursery.next().0 - 1;
        let pace = born as f64 / self.timing.passed(self.heard).max(f64::MIN_POSITIVE);
        // Soon after a run goes on, little time has passed for many births: the pace says nothing, but must not overflow.
        Some(born + (pace * left).round().min(EXPECTED_MORE_MAX) as u64)
    }

    /// How many more individuals the budget of evaluations has room for.
    pub(super) fn births_left(&self) -> usize {
        let under_way = self.desk.active(LeaseKind::Search) + self.orphans.len();
        let planned = self.tally.counted as usize + under_way + self.nursery.orders().len();
        self.settings.evaluations.map_or(usize::MAX, |budget| (budget as usize).saturating_sub(planned))
    }

    /// A search evaluation has ended: makers are told, at once or when it is time.
    pub(super) fn announce(&mut self, closed: &Closed) {
        let result =
            Told { maker: closed.individual.maker, fitness: closed.fitness, verdict: self.verdict(closed) };
        if let Some(now) = self.telling.take_in(closed.individual.id, result) {
            self.tell(closed.individual.id, now);
        }
    }

    fn tell(&mut self, id: IndividualId, told: Told) {
        self.sharing.learn(told.maker, told.fitness);
        self.out.push(Effect::Tell(News::Ended(id, told.verdict)));
    }

    /// How good a network has turned out to be.
    pub(super) fn verdict(&self, closed: &Closed) -> Verdict {
        let objectives = &self.settings.search.objectives;
        closed
            .fitness
            .and_then(|fitness| losses(objectives, &closed.individual, &fitness, closed.measured))
            .map_or(Verdict::Failed, Verdict::Judged)
    }
}
