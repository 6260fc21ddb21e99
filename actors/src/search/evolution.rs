//! Evolution in a steady state, without duplicates: survival by age (Real et al., 2019, "Regularized Evolution for
//! Image Classifier Architecture Search") or by fitness.
//!
//! Age is counted by birth, not by arrival, so that what trains fast has no more turns than what trains slowly.
//! Evaluations under way can be parents by what is known of them so far.

use super::domain::Domain;
use super::draw::{Chance, fresh, fresh_random, places};
use super::history::History;
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;

/// Who leaves a population that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// The oldest by birth.
    Youth,
    /// The worst.
    Fitness,
}

/// How it evolves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Who leaves.
    pub survival: Survival,
    /// Size of the population; as many random points come first.
    pub population: usize,
    /// Members that are drawn to find a parent: the best of them.
    pub tournament: usize,
    /// Share of offspring that have two parents.
    pub crossover: f64,
}

impl Settings {
    /// Aging evolution as commonly measured on small budgets.
    pub const AGING: Self =
        Self { survival: Survival::Youth, population: 30, tournament: 10, crossover: 0.0 };

    /// Steady state with tournament.
    pub const STEADY: Self =
        Self { survival: Survival::Fitness, population: 30, tournament: 5, crossover: 0.5 };
}

/// Evolution.
pub struct Evolution<D: Domain> {
    settings: Settings,
    history: History<D>,
    members: BTreeSet<TrialId>,
    chance: Chance,
}

impl<D: Domain> Evolution<D> {
    /// A search from this seed.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self { settings, history: History::default(), members: BTreeSet::new(), chance: Chance::new(seed) }
    }

    fn loss(&self, trial: TrialId) -> f64 {
        self.history.get(trial).and_then(|trial| trial.loss()).unwrap_or(f64::INFINITY)
    }

    fn parent(&self, members: &[TrialId], rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let field = places(members.len(), self.settings.tournament, rng);
        let best = field
            .into_iter()
            .map(|place| members[place])
            .min_by(|&one, &other| self.loss(one).total_cmp(&self.loss(other)).then(one.cmp(&other)))?;
        self.history.get(best).map(|trial| trial.point.clone())
    }

    fn offspring(&self, domain: &D, members: &[TrialId], rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let parent = self.parent(members, rng)?;
        if rng.random::<f64>() < self.settings.crossover {
            let other = self.parent(members, rng)?;
            return domain.crossover(&parent, &other, rng);
        }
        domain.mutate(&parent, rng)
    }

    fn cull(&mut self) {
        while self.members.len() > self.settings.population.max(1) {
            let leaving =
                match self.settings.survival {
                    Survival::Youth => self.members.first().copied(),
                    Survival::Fitness => self.members.iter().copied().max_by(|&one, &other| {
                        self.loss(one).total_cmp(&self.loss(other)).then(other.cmp(&one))
                    }),
                };
            let Some(leaving) = leaving else { return };
            self.members.remove(&leaving);
        }
    }
}

impl<D: Domain> Strategy<D> for Evolution<D> {
    fn ask(&mut self, domain: &D, _: &Context) -> Ask<D::Point> {
        let mut rng = self.chance.asked(self.history.started());
        let members: Vec<TrialId> = self.members.iter().copied().collect();
        let first = self.history.started() < self.settings.population || members.is_empty();
        let point = if first {
            fresh_random(domain, &self.history, &mut rng)
        } else {
            fresh(domain, &self.history, &mut rng, |rng| self.offspring(domain, &members, rng))
        };
        point.map_or(Ask::Exhausted, |point| self.history.start(domain, point))
    }

    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId {
        self.history.enter(domain, point)
    }

    fn tell(&mut self, _: &D, trial: TrialId, outcome: &Outcome) {
        if !self.history.tell(trial, outcome) {
            return;
        }
        if self.history.get(trial).is_some_and(|trial| trial.loss().is_some()) {
            self.members.insert(trial);
            self.cull();
        } else {
            self.members.remove(&trial);
        }
    }

    fn incumbent(&mut self, _: &D) -> Option<TrialId> {
        self.history.best().map(|(trial, _)| trial)
    }
}
