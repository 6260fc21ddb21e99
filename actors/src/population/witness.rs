//! A brain that decides nothing any more: it is told what was recorded, in that order, and says what it would have
//! decided at that moment. For `replay`.
//!
//! It is the brain itself, not a copy of its rules: nursery, shares, stopping, champions, front, and how a run that
//! goes on is rebuilt; and the makers themselves, who get the same orders and news. It is never told of trainers or time, so that it can speak only of decisions that depend on
//! neither.

use super::effect::Effect;
use super::objectives::costs_before;
use super::results::best_of;
use super::settings::Settings;
use super::slate::Slate;
use super::state::Brain;
use crate::journal::{EvaluationRecord, Pauses, RunRecord, Stage};
use crate::makers::{Makers, Making};
use crate::protocol::{BreedOrder, EvaluationId, Individual, IndividualId, LeaseKind, Maker, Newborn, News};
use hatchery_models::training::outcome::Weights;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The witness.
pub struct Witness {
    brain: Brain,
    breeder: Box<dyn Making>,
    refiner: Box<dyn Making>,
    made: BTreeMap<IndividualId, Result<Newborn, String>>,
}

impl Witness {
    /// At the begin of a run.
    pub fn new(settings: Settings, makers: &Arc<dyn Makers>) -> Self {
        let brain = Brain::new(Settings { regulariser: Some(Arc::clone(makers)), ..settings });
        Self::with(brain, &[], makers)
    }

    /// At the begin of a later life of the run.
    pub fn restored(
        settings: Settings,
        makers: &Arc<dyn Makers>,
        record: &RunRecord,
        kept: &BTreeSet<EvaluationId>,
    ) -> Self {
        let weights: BTreeMap<_, _> = kept.iter().map(|evaluation| (*evaluation, nothing())).collect();
        let settings = Settings { regulariser: Some(Arc::clone(makers)), ..settings };
        let brain = Brain::restore(settings, record, Pauses::default(), weights);
        let news = brain.news(record);
        Self::with(brain, &news, makers)
    }

    fn with(mut brain: Brain, news: &[News], makers: &Arc<dyn Makers>) -> Self {
        let (mut breeder, mut refiner) = (makers.mind(Maker::Breeder), makers.mind(Maker::Refiner));
        for piece in news {
            breeder.hear(piece);
            refiner.hear(piece);
        }
        brain.out.clear();
        Self { brain, breeder, refiner, made: BTreeMap::new() }
    }

    /// Tells the makers what the brain wants them to be told; its other wishes are nobody's here.
    fn perform(&mut self) {
        for effect in std::mem::take(&mut self.brain.out) {
            if let Effect::Tell(news) = effect {
                self.breeder.hear(&news);
                self.refiner.hear(&news);
            }
        }
    }

    /// What the brain was told to do.
    pub const fn settings(&self) -> &Settings {
        &self.brain.settings
    }

    /// Whether the run's time is limited: then more of what it does depends on the clock.
    pub const fn is_timed(&self) -> bool {
        self.brain.settings.time.is_some()
    }

    /// The number that the next birth will have.
    pub const fn next_birth(&self) -> IndividualId {
        self.brain.nursery.next()
    }

    /// The next birth's order.
    pub fn order(&mut self) -> BreedOrder {
        let order = self.brain.order_next();
        self.perform();
        order
    }

    /// Has an order fulfilled, at the moment at which it was given.
    pub fn make(&mut self, order: &BreedOrder) {
        let maker = if order.maker == Maker::Refiner { &mut self.refiner } else { &mut self.breeder };
        let made = maker.make(order);
        self.made.insert(order.birth, made);
    }

    /// The open order of this birth, and what was made to it.
    pub fn made(&self, birth: IndividualId) -> Option<(BreedOrder, &Result<Newborn, String>)> {
        let order = self.brain.nursery.orders().get(&birth)?;
        Some((*order, self.made.get(&birth)?))
    }

    /// What becomes of what was made to an order: a birth, or another draw.
    pub fn take(&mut self, birth: IndividualId) -> Taken {
        let Some(order) = self.brain.nursery.orders().get(&birth).copied() else { return Taken::Nothing };
        match self.made.remove(&birth) {
            Some(Ok(newborn)) => self.brain.bred(birth, order.draw, newborn),
            Some(Err(message)) => self.brain.barren(birth, order.draw, &message),
            None => return Taken::Nothing,
        }
        let taken = self.brain.out.iter().find_map(|effect| match effect {
            Effect::Breed(order) => Some(Taken::Again(*order)),
            Effect::Tell(News::Born(_)) => Some(Taken::Born),
            _ => None,
        });
        self.perform();
        taken.unwrap_or(Taken::GivenUp)
    }

    /// A network that nobody was asked for is born: the user's, or one for the comparison at full length.
    pub fn bear(&mut self, individual: &Arc<Individual>) {
        self.brain.nursery.remember(individual.id, &individual.hash);
        self.brain.out.push(Effect::Tell(News::Born(Arc::clone(individual))));
        self.perform();
    }

    /// Whether nothing new can be found.
    pub fn is_exhausted(&self) -> bool {
        self.brain.nursery.exhausted().is_some()
    }

    /// Whether the budget of evaluations is spent.
    pub fn is_spent(&self) -> bool {
        let Settings { evaluations, .. } = &self.brain.settings;
        evaluations.is_some_and(|budget| self.brain.tally.counted >= budget)
    }

    /// A user has changed the budget, or a pause has moved the end of the run's time.
    pub const fn budgeted(&mut self, evaluations: Option<u32>, seconds: Option<f64>) {
        self.brain.settings.evaluations = evaluations;
        self.brain.settings.time = seconds;
    }

    /// The seed of a training.
    pub fn seed(&self, kind: LeaseKind, individual: IndividualId) -> u64 {
        self.brain.training_seed(kind, individual)
    }

    /// The evaluation whose weights a training begins with.
    pub fn bequeather(&self, kind: LeaseKind, individual: &Individual) -> Option<EvaluationId> {
        self.brain.bequeather(kind, individual)
    }

    /// The mark that a training with this best score after so many epochs is below, where it is to stop.
    pub fn mark(&self, individual: &Individual, epochs: u32, best: f64) -> Option<f64> {
        if individual.maker == Maker::User {
            return None;
        }
        let costs = costs_before(&self.brain.settings.search.objectives, individual);
        self.brain.stopping.verdict_at(usize::try_from(epochs).unwrap_or(usize::MAX), best, &costs)
    }

    /// Makers are told how good a network is so far; says whether that could be told.
    pub fn tell_under_way(&mut self, individual: &Individual, score: f64, loss: f64) -> bool {
        let Some(news) = self.brain.news_under_way(individual, score, loss) else { return false };
        self.brain.out.push(Effect::Tell(news));
        self.perform();
        true
    }

    /// Learns from an evaluation that has ended. Says whose weights are no longer worth keeping by that.
    pub fn learn(&mut self, evaluation: &EvaluationRecord) -> BTreeSet<EvaluationId> {
        let kept: Vec<EvaluationId> = self.brain.weights.keys().copied().collect();
        let before: BTreeSet<_> = kept.into_iter().filter(|other| self.is_worth_keeping(*other)).collect();
        self.brain.recall(evaluation);
        self.perform();
        before.into_iter().filter(|other| !self.is_worth_keeping(*other)).collect()
    }

    /// Whether the weights that an evaluation has left are to be kept: among the best of the search, on the front, or
    /// of the finale.
    pub fn is_worth_keeping(&self, evaluation: EvaluationId) -> bool {
        match self.brain.closed.past().get(&evaluation).map(|past| past.kind) {
            Some(LeaseKind::Search) => self.brain.is_worth_keeping(evaluation),
            Some(LeaseKind::Crown | LeaseKind::Final) => true,
            Some(LeaseKind::Test) | None => false,
        }
    }

    /// These weights are kept.
    pub fn keep(&mut self, evaluation: EvaluationId) {
        self.brain.weights.insert(evaluation, nothing());
    }

    /// These weights are dropped; says whether they were there.
    pub fn drop_weights(&mut self, evaluation: EvaluationId) -> bool {
        self.brain.weights.remove(&evaluation).is_some()
    }

    /// Whose weights are kept.
    pub fn kept(&self) -> BTreeSet<EvaluationId> {
        self.brain.weights.keys().copied().collect()
    }

    /// Candidates for the crown, best first: these, in a run without a limit of time; in one with a limit as many of
    /// them as there was time for.
    pub fn candidates(&self) -> Slate {
        if self.is_timed() { self.brain.whole_slate() } else { self.brain.slate(0.0) }
    }

    /// The stage after the search, in a run without a limit of time and with a test part.
    pub fn stage_after_search(&self) -> Stage {
        match self.brain.settings.final_training.enabled {
            true if self.candidates().len() >= 2 => Stage::Crown,
            true => Stage::Final,
            false => Stage::Test,
        }
    }

    /// The winner, and the evaluation by which it has won.
    pub fn winner(&self) -> Option<(IndividualId, EvaluationId)> {
        self.brain.winner()
    }
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Taken {
    /// A network is born.
    Born,
    /// Another draw.
    Again(BreedOrder),
    /// Draws enough.
    GivenUp,
    /// It was not ordered.
    Nothing,
}

/// Best score and loss of a recorded curve; of a final training none, since it is trained on all that it could be
/// scored on.
pub fn score_of(evaluation: &EvaluationRecord) -> Option<(f64, f64)> {
    if evaluation.kind == LeaseKind::Final { None } else { best_of(&evaluation.curve) }
}

/// Best score of the first epochs.
pub fn score_after(evaluation: &EvaluationRecord, epochs: u32) -> Option<f64> {
    let epochs = usize::try_from(epochs).unwrap_or(usize::MAX);
    best_of(evaluation.curve.get(..epochs)?).map(|(score, _)| score)
}

/// In place of weights: whether there are any is all that decisions depend on.
fn nothing() -> Arc<Weights> {
    Arc::new(Weights { parameters: Vec::new(), statistics: Vec::new() })
}
