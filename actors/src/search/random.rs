//! Random search without repetition: what every other strategy has to beat.
//!
//! It learns nothing from results, so that it remembers no more of an evaluation than what tells its point from others:
//! a search of a million evaluations takes some tens of megabytes.

use super::domain::Domain;
use super::draw::{Chance, Memory, fresh_random};
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use std::collections::{BTreeSet, HashSet};

/// Random search.
pub struct Random<D: Domain> {
    known: Known<D>,
    started: usize,
    pending: BTreeSet<TrialId>,
    best: Option<(TrialId, f64)>,
    chance: Chance,
}

/// The points that have been asked for.
struct Known<D: Domain>(HashSet<D::Key>);

impl<D: Domain> Memory<D> for Known<D> {
    fn knows(&self, key: &D::Key) -> bool {
        self.0.contains(key)
    }

    fn points(&self) -> usize {
        self.0.len()
    }
}

impl<D: Domain> Random<D> {
    /// A search from this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            known: Known(HashSet::new()),
            started: 0,
            pending: BTreeSet::new(),
            best: None,
            chance: Chance::new(seed),
        }
    }
}

impl<D: Domain> Strategy<D> for Random<D> {
    fn ask(&mut self, domain: &D, _: &Context) -> Ask<D::Point> {
        let mut rng = self.chance.asked(self.started);
        match fresh_random(domain, &self.known, &mut rng) {
            Some(point) => Ask::Evaluate(self.adopt(domain, point.clone()), point),
            None => Ask::Exhausted,
        }
    }

    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId {
        let trial = TrialId(self.started as u64);
        self.started += 1;
        self.known.0.insert(domain.key(&point));
        self.pending.insert(trial);
        trial
    }

    fn tell(&mut self, _: &D, trial: TrialId, outcome: &Outcome) {
        if matches!(outcome, Outcome::Partial(_)) || !self.pending.remove(&trial) {
            return;
        }
        if let Outcome::Done(losses) = outcome
            && let Some(&loss) = losses.first()
            && losses.iter().all(|loss| loss.is_finite())
            && self.best.is_none_or(|(_, best)| loss < best)
        {
            self.best = Some((trial, loss));
        }
    }

    fn incumbent(&mut self, _: &D) -> Option<TrialId> {
        self.best.map(|(trial, _)| trial)
    }
}
