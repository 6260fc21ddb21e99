//! What a strategy has asked for and what came of it. Every strategy keeps one.
//!
//! It must not know how the next point is chosen.

use super::domain::Domain;
use super::draw::Memory;
use super::strategy::{Ask, Outcome, TrialId};
use std::collections::{BTreeSet, HashMap};

/// How far an evaluation is.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// It runs; these are its losses so far, where it has any.
    Pending(Option<Vec<f64>>),
    /// It is done, with these losses.
    Done(Vec<f64>),
    /// It is not allowed, by so much.
    Infeasible(f64),
    /// It ended without a result.
    Failed,
}

/// One evaluation.
#[derive(Clone, Debug)]
pub struct Trial<P> {
    /// What is evaluated.
    pub point: P,
    /// As a model sees it.
    pub features: Vec<f32>,
    /// How far it is.
    pub progress: Progress,
}

impl<P> Trial<P> {
    /// The losses by which it is judged now: those at its end, else those so far.
    pub fn losses(&self) -> Option<&[f64]> {
        match &self.progress {
            Progress::Done(losses) | Progress::Pending(Some(losses)) => Some(losses),
            Progress::Pending(None) | Progress::Infeasible(_) | Progress::Failed => None,
        }
    }

    /// The first of them.
    pub fn loss(&self) -> Option<f64> {
        self.losses().and_then(|losses| losses.first().copied())
    }

    /// Its loss at the end, where it came to that.
    pub fn final_loss(&self) -> Option<f64> {
        match &self.progress {
            Progress::Done(losses) => losses.first().copied(),
            Progress::Pending(_) | Progress::Infeasible(_) | Progress::Failed => None,
        }
    }
}

/// All evaluations, by birth.
#[derive(Clone, Debug)]
pub struct History<D: Domain> {
    trials: Vec<Trial<D::Point>>,
    known: HashMap<D::Key, Vec<TrialId>>,
    pending: BTreeSet<TrialId>,
    best: Option<(TrialId, f64)>,
    ended: Vec<TrialId>,
}

impl<D: Domain> Default for History<D> {
    fn default() -> Self {
        Self {
            trials: Vec::new(),
            known: HashMap::new(),
            pending: BTreeSet::new(),
            best: None,
            ended: Vec::new(),
        }
    }
}

impl<D: Domain> History<D> {
    /// Takes a point in as pending, and says so to whoever asked.
    pub fn start(&mut self, domain: &D, point: D::Point) -> Ask<D::Point> {
        Ask::Evaluate(self.enter(domain, point.clone()), point)
    }

    /// Takes a point in as pending.
    pub fn enter(&mut self, domain: &D, point: D::Point) -> TrialId {
        let id = TrialId(self.trials.len() as u64);
        self.known.entry(domain.key(&point)).or_default().push(id);
        self.pending.insert(id);
        self.trials.push(Trial {
            features: domain.features(&point),
            point,
            progress: Progress::Pending(None),
        });
        id
    }

    /// Takes a result in; false where it is for no pending evaluation, or is no number.
    pub fn tell(&mut self, id: TrialId, outcome: &Outcome) -> bool {
        if !self.pending.contains(&id) {
            return false;
        }
        let Some(trial) = self.trials.get_mut(id.0 as usize) else { return false };
        trial.progress = match outcome {
            Outcome::Partial(losses) if sound(losses) => Progress::Pending(Some(losses.clone())),
            Outcome::Partial(_) => return false,
            Outcome::Done(losses) if sound(losses) => Progress::Done(losses.clone()),
            Outcome::Infeasible(violation) if violation.is_finite() => Progress::Infeasible(*violation),
            Outcome::Done(_) | Outcome::Infeasible(_) | Outcome::Failed => Progress::Failed,
        };
        if matches!(trial.progress, Progress::Pending(_)) {
            return true;
        }
        let loss = trial.final_loss();
        self.pending.remove(&id);
        self.ended.push(id);
        if let Some(loss) = loss
            && self.best.is_none_or(|(_, best)| loss < best)
        {
            self.best = Some((id, loss));
        }
        true
    }

    /// Whether this point has been asked for.
    pub fn knows(&self, key: &D::Key) -> bool {
        self.known.contains_key(key)
    }

    /// How many different points have been asked for.
    pub fn points(&self) -> usize {
        self.known.len()
    }

    /// The evaluations of this point.
    pub fn of(&self, key: &D::Key) -> &[TrialId] {
        self.known.get(key).map_or(&[], Vec::as_slice)
    }

    /// One evaluation.
    pub fn get(&self, id: TrialId) -> Option<&Trial<D::Point>> {
        self.trials.get(id.0 as usize)
    }

    /// How many evaluations have been started: the number of the next.
    pub const fn started(&self) -> usize {
        self.trials.len()
    }

    /// All evaluations, by birth.
    pub fn trials(&self) -> &[Trial<D::Point>] {
        &self.trials
    }

    /// Evaluations under way, by birth.
    pub const fn pending(&self) -> &BTreeSet<TrialId> {
        &self.pending
    }

    /// Evaluations that have ended, in the order in which they did.
    pub fn ended(&self) -> &[TrialId] {
        &self.ended
    }

    /// The evaluation with the least loss; of equals, the one that ended first.
    pub const fn best(&self) -> Option<(TrialId, f64)> {
        self.best
    }
}

impl<D: Domain> Memory<D> for History<D> {
    fn knows(&self, key: &D::Key) -> bool {
        Self::knows(self, key)
    }

    fn points(&self) -> usize {
        Self::points(self)
    }
}

fn sound(losses: &[f64]) -> bool {
    !losses.is_empty() && losses.iter().all(|loss| loss.is_finite())
}
