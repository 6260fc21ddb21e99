//! Local search: all neighbours of the best, in random order, one after the other; a better one becomes the best at
//! once. Where none is left, a new start at random.

use super::domain::Domain;
use super::draw::{Chance, fresh_random};
use super::history::History;
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};

/// Neighbours that are looked at around one point.
const NEIGHBOURS_MAX: usize = 256;

/// Random points before the first climb.
const STARTS: usize = 10;

/// Local search.
pub struct Local<D: Domain> {
    history: History<D>,
    chance: Chance,
    /// Where this climb stands.
    here: Option<(TrialId, f64)>,
    /// Neighbours of it that have not been tried, in random order.
    left: Vec<D::Point>,
    /// The first evaluation of this climb.
    since: TrialId,
    starts: usize,
}

impl<D: Domain> Local<D> {
    /// A search from this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            history: History::default(),
            chance: Chance::new(seed),
            here: None,
            left: Vec::new(),
            since: TrialId(0),
            starts: STARTS,
        }
    }

    fn neighbour(&mut self, domain: &D) -> Option<D::Point> {
        while let Some(point) = self.left.pop() {
            if !self.history.knows(&domain.key(&point)) {
                return Some(point);
            }
        }
        None
    }
}

impl<D: Domain> Strategy<D> for Local<D> {
    fn ask(&mut self, domain: &D, _: &Context) -> Ask<D::Point> {
        let mut rng = self.chance.asked(self.history.started());
        if self.starts == 0 {
            if let Some(point) = self.neighbour(domain) {
                return self.history.start(domain, point);
            }
            if self.here.take().is_some() {
                self.starts = 1;
                self.since = TrialId(self.history.started() as u64);
            }
        }
        self.starts = self.starts.saturating_sub(1);
        fresh_random(domain, &self.history, &mut rng)
            .map_or(Ask::Exhausted, |point| self.history.start(domain, point))
    }

    /// Somebody else's point is as good a start as one at random.
    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId {
        self.starts = self.starts.saturating_sub(1);
        self.history.enter(domain, point)
    }

    fn tell(&mut self, domain: &D, trial: TrialId, outcome: &Outcome) {
        if !self.history.tell(trial, outcome) || trial < self.since {
            return;
        }
        let Some(told) = self.history.get(trial) else { return };
        let Some(loss) = told.final_loss() else { return };
        if self.here.is_none_or(|(_, here)| loss < here) {
            let point = told.point.clone();
            self.here = Some((trial, loss));
            self.left = domain.neighbours(&point, NEIGHBOURS_MAX, &mut self.chance.told(trial));
        }
    }

    fn incumbent(&mut self, _: &D) -> Option<TrialId> {
        self.history.best().map(|(trial, _)| trial)
    }
}
