//! Random search without repetition: what every other strategy has to beat.

use super::domain::Domain;
use super::draw::{Chance, fresh_random};
use super::history::History;
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};

/// Random search.
pub struct Random<D: Domain> {
    history: History<D>,
    chance: Chance,
}

impl<D: Domain> Random<D> {
    /// A search from this seed.
    pub fn new(seed: u64) -> Self {
        Self { history: History::default(), chance: Chance::new(seed) }
    }
}

impl<D: Domain> Strategy<D> for Random<D> {
    fn ask(&mut self, domain: &D, _: &Context) -> Ask<D::Point> {
        let mut rng = self.chance.asked(self.history.started());
        match fresh_random(domain, &self.history, &mut rng) {
            Some(point) => self.history.start(domain, point),
            None => Ask::Exhausted,
        }
    }

    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId {
        self.history.enter(domain, point)
    }

    fn tell(&mut self, _: &D, trial: TrialId, outcome: &Outcome) {
        self.history.tell(trial, outcome);
    }

    fn incumbent(&mut self, _: &D) -> Option<TrialId> {
        self.history.best().map(|(trial, _)| trial)
    }
}
