//! What is known of each point: its evaluations, those under way, and whether repeated ones differ.
//!
//! It must not know what a model makes of that.

use super::{Ask, Domain, Outcome, TrialId, encode};
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
    /// Losses at the end.
    pub losses: Vec<f64>,
    /// The best loss so far of those under way.
    pub partial: Option<f64>,
    /// How many are under way.
    pub pending: u32,
}

impl Site {
    /// Mean loss; `None` where nothing has ended well.
    pub fn mean(&self) -> Option<f64> {
        (!self.losses.is_empty()).then(|| self.losses.iter().sum::<f64>() / self.losses.len() as f64)
    }
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
        }
    }
}

impl<D: Domain> Knowledge<D> {
    /// Takes a point in as pending.
    pub fn start(&mut self, domain: &D, point: D::Point) -> Ask<D::Point> {
        let key = domain.key(&point);
        let ask = self.history.start(domain, point);
        let Ask::Evaluate(trial, _) = &ask else { return ask };
        let features = self.history.get(*trial).map_or(&[][..], |started| &started.features);
        let next = self.sites.len();
        let at = *self.site_of.entry(key).or_insert(next);
        if at == next {
            self.sites.push(Site {
                first: *trial,
                encoded: encode(domain.scales(), features),
                best: None,
                losses: Vec::new(),
                partial: None,
                pending: 0,
            });
            self.waiting.insert(at);
        } else {
            self.repetitions += 1;
        }
        self.sites[at].pending += 1;
        ask
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
                site.partial = site.partial.into_iter().chain(told.loss()).reduce(f64::min);
                return;
            }
            Progress::Failed => {}
            Progress::Done(losses) => {
                let loss = losses[0];
                site.losses.push(loss);
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
        if site.losses.len() > 1 {
            self.repeated.insert(at);
            self.noisy |= site.losses.iter().any(|loss| *loss != site.losses[0]);
        }
        if (!site.losses.is_empty() || site.pending == 0) && self.waiting.remove(&at) {
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
    pub fn repeated(&self) -> impl Iterator<Item = &Site> {
        self.repeated.iter().map(|&at| &self.sites[at])
    }

    /// The loss by which a site counts: the mean of its own; the worst of all where it failed.
    pub fn loss(&self, at: usize) -> f64 {
        self.sites[at].mean().unwrap_or(self.worst)
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
        !self.noisy && self.repeated().map(|site| site.losses.len() - 1).sum::<usize>() >= 2
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
            self.done.iter().filter_map(|&at| Some((self.sites[at].mean()?, at))).collect();
        ranked.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let alone = |place: usize| {
            let shared = |other: Option<&(f64, usize)>| other.is_some_and(|other| other.0 == ranked[place].0);
            !shared(place.checked_sub(1).and_then(|before| ranked.get(before)))
                && !shared(ranked.get(place + 1))
        };
        let once = |place: usize| self.sites[ranked[place].1].losses.len() == 1;
        (0..ranked.len())
            .find(|&place| alone(place) && once(place))
            .and_then(|place| self.point(ranked[place].1))
    }

    /// The latest points, as numbers.
    pub fn latest(&self, max: usize) -> Vec<&[f32]> {
        self.sites.iter().rev().take(max).map(|site| site.encoded.as_slice()).collect()
    }
}
