//! What is known of each point: its evaluations, those under way, and whether repeated ones differ.
//!
//! It must not know what a model makes of that.

use super::lens::{Lens, Mixture};
use super::{Domain, Outcome, TrialId, encode};
use crate::search::history::{History, Progress};
use std::collections::{BTreeSet, HashMap};

/// The evaluations of one point.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// The first of them.
    pub first: TrialId,
    /// The point, as numbers.
    pub encoded: Vec<f32>,
    /// The best of them that ended well, with its loss.
    pub best: Option<(TrialId, f64)>,
    /// Losses at the end, of each that ended well.
    pub results: Vec<Vec<f64>>,
    /// By how much it is not allowed, where it is not.
    pub violation: Option<f64>,
    /// The best losses so far of those under way, by the first loss.
    pub partial: Option<Vec<f64>>,
    /// How many are under way.
    pub pending: u32,
}

/// All points and their evaluations.
pub(super) struct Knowledge<D: Domain> {
    pub history: History<D>,
    sites: Vec<Site>,
    site_of: HashMap<D::Key, usize>,
    /// Sites of which only evaluations under way are known.
    waiting: BTreeSet<usize>,
    /// Sites with a loss, in the order in which they got their first.
    done: Vec<usize>,
    /// Sites that were evaluated several times to the end.
    repeated: BTreeSet<usize>,
    repetitions: u64,
    noisy: bool,
    worst: f64,
    /// Of what is not allowed, by how much, in ascending order.
    violations: Vec<f64>,
    losses_each: usize,
    lens: Lens,
}

impl<D: Domain> Default for Knowledge<D> {
    fn default() -> Self {
        Self {
            history: History::default(),
            sites: Vec::new(),
            site_of: HashMap::new(),
            waiting: BTreeSet::new(),
            done: Vec::new(),
            repeated: BTreeSet::new(),
            repetitions: 0,
            noisy: false,
            worst: f64::NEG_INFINITY,
            violations: Vec::new(),
            losses_each: 1,
            lens: Lens::First,
        }
    }
}

impl<D: Domain> Knowledge<D> {
    /// Takes a point in as pending.
    pub fn enter(&mut self, domain: &D, point: D::Point) -> TrialId {
        let key = domain.key(&point);
        let trial = self.history.enter(domain, point);
        let features = self.history.get(trial).map_or(&[][..], |started| &started.features);
        let next = self.sites.len();
        let at = *self.site_of.entry(key).or_insert(next);
        if at == next {
            self.sites.push(Site {
                first: trial,
                encoded: encode(domain.scales(), features),
                best: None,
                results: Vec::new(),
                violation: None,
                partial: None,
                pending: 0,
            });
            self.waiting.insert(at);
        } else {
            self.repetitions += 1;
        }
        self.sites[at].pending += 1;
        trial
    }

    /// Takes a result in.
    pub fn tell(&mut self, domain: &D, trial: TrialId, outcome: &Outcome) {
        if !self.history.tell(trial, outcome) {
            return;
        }
        let Some(told) = self.history.get(trial) else { return };
        let Some(&at) = self.site_of.get(&domain.key(&told.point)) else { return };
        let site = &mut self.sites[at];
        match &told.progress {
            Progress::Pending(_) => {
                let Some(losses) = told.losses() else { return };
                if site.partial.as_ref().is_none_or(|best| losses[0] < best[0]) {
                    site.partial = Some(losses.to_vec());
                }
                return;
            }
            Progress::Failed => {}
            Progress::Infeasible(violation) => {
                site.violation = Some(*violation);
                let place = self.violations.partition_point(|other| other < violation);
                self.violations.insert(place, *violation);
            }
            Progress::Done(losses) => {
                let loss = losses[0];
                site.results.push(losses.clone());
                self.losses_each = self.losses_each.max(losses.len());
                self.worst = self.worst.max(loss);
                if site.best.is_none_or(|(_, best)| loss < best) {
                    site.best = Some((trial, loss));
                }
            }
        }
        site.pending -= 1;
        self.settle(at);
    }

    fn settle(&mut self, at: usize) {
        let site = &self.sites[at];
        if site.results.len() > 1 {
            self.repeated.insert(at);
            self.noisy |= site.results.iter().any(|losses| *losses != site.results[0]);
        }
        if (!site.results.is_empty() || site.pending == 0) && self.waiting.remove(&at) {
            self.done.push(at);
        }
    }

    /// One site.
    pub fn site(&self, at: usize) -> &Site {
        &self.sites[at]
    }

    /// Sites of which something has ended, in that order: well, or failed.
    pub fn done(&self) -> &[usize] {
        &self.done
    }

    /// How many points those are.
    pub fn points_done(&self) -> usize {
        self.done.len()
    }

    /// Sites of which nothing has ended.
    pub const fn waiting(&self) -> &BTreeSet<usize> {
        &self.waiting
    }

    /// Sites that were evaluated several times.
    pub fn repeated(&self) -> impl Iterator<Item = usize> {
        self.repeated.iter().copied()
    }

    /// From now on, losses are seen through this.
    pub fn look_through(&mut self, lens: Lens) {
        self.lens = lens;
    }

    /// Whether several losses are seen as one.
    pub const fn is_mixed(&self) -> bool {
        !self.lens.is_first()
    }

    /// Losses as one, as they are seen now.
    pub fn see(&self, losses: &[f64]) -> f64 {
        self.lens.loss(losses)
    }

    /// The losses of a site's evaluations, as they are seen now.
    pub fn losses(&self, at: usize) -> impl Iterator<Item = f64> {
        self.sites[at].results.iter().map(|losses| self.see(losses))
    }

    /// Mean loss; `None` where nothing has ended well.
    fn mean(&self, at: usize) -> Option<f64> {
        let count = self.sites[at].results.len();
        (count > 0).then(|| self.losses(at).sum::<f64>() / count as f64)
    }

    /// The loss by which a site counts: the mean of its own; the worst of all where it failed; beyond that where it is
    /// not allowed, by its place among those that are not.
    pub fn loss(&self, at: usize) -> f64 {
        if let Some(mean) = self.mean(at) {
            return mean;
        }
        let (best, worst) = self.range();
        let Some(violation) = self.sites[at].violation else { return worst };
        let place = self.violations.partition_point(|other| *other < violation) + 1;
        worst + (worst - best) * place as f64 / self.violations.len().max(1) as f64
    }

    /// Between which losses all lie, as they are seen now.
    fn range(&self) -> (f64, f64) {
        match (&self.lens, self.history.best()) {
            (Lens::First, Some((_, best))) if best < self.worst => (best, self.worst),
            (Lens::First, Some((_, best))) => (best - 1.0, best),
            (Lens::First, None) => (-1.0, 0.0),
            (Lens::Mixed(_), _) => (0.0, Mixture::MAX),
        }
    }

    /// How many evaluations were started of points that had been evaluated before.
    pub const fn repetitions(&self) -> u64 {
        self.repetitions
    }

    /// Whether evaluations of one point have differed.
    pub const fn is_noisy(&self) -> bool {
        self.noisy
    }

    /// Whether evaluations of one point never differ, as far as has been tried: twice.
    pub fn is_exact(&self) -> bool {
        !self.noisy && self.repeated().map(|at| self.sites[at].results.len() - 1).sum::<usize>() >= 2
    }

    /// The point of a site.
    pub fn point(&self, at: usize) -> Option<D::Point> {
        self.history.get(self.sites[at].first).map(|trial| trial.point.clone())
    }

    /// The evaluation that stands for a site: its best. `None` where none has ended well.
    pub fn representative(&self, at: usize) -> Option<TrialId> {
        self.sites[at].best.map(|(trial, _)| trial)
    }

    /// The best point that was evaluated once, with a loss that no other shares: where results have few levels, equal
    /// ones say little about noise.
    pub fn distinct(&self) -> Option<D::Point> {
        let mut ranked: Vec<(f64, usize)> =
            self.done.iter().filter_map(|&at| Some((self.mean(at)?, at))).collect();
        ranked.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let alone = |place: usize| {
            let shared = |other: Option<&(f64, usize)>| other.is_some_and(|other| other.0 == ranked[place].0);
            !shared(place.checked_sub(1).and_then(|before| ranked.get(before)))
                && !shared(ranked.get(place + 1))
        };
        let once = |place: usize| self.sites[ranked[place].1].results.len() == 1;
        (0..ranked.len())
            .find(|&place| alone(place) && once(place))
            .and_then(|place| self.point(ranked[place].1))
    }

    /// How many losses results have, at most.
    pub const fn losses_each(&self) -> usize {
        self.losses_each
    }

    /// The losses of some evaluations, at most so many, evenly of all.
    pub fn sample(&self, max: usize) -> Vec<&[f64]> {
        let count = self.done.len().min(max);
        let places = (0..count).map(|part| self.done[part * self.done.len() / count]);
        places.filter_map(|at| self.sites[at].results.first()).map(Vec::as_slice).collect()
    }

    /// The latest points, as numbers.
    pub fn latest(&self, max: usize) -> Vec<&[f32]> {
        self.sites.iter().rev().take(max).map(|site| site.encoded.as_slice()).collect()
    }
}

/// Leaves the best so many of these points with their losses, in no order.
pub(super) fn keep_best(rated: &mut Vec<(usize, f64)>, count: usize) {
    if rated.len() > count {
        rated.select_nth_unstable_by(count, |one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
        rated.truncate(count);
    }
}
