//! Tree-structured Parzen estimators (Bergstra et al., 2011, "Algorithms for Hyper-Parameter Optimization"): the
//! point that is likeliest among the good and unlikeliest among the others, feature by feature.

use super::domain::{Domain, Scale};
use super::draw::{Chance, Patience, fresh_random, places};
use super::history::History;
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Random points before anything is estimated.
const FIRST_POINTS: usize = 10;

/// Most evaluations that count as good, and the share of all that do.
const GOOD_MAX: usize = 25;
const GOOD_SHARE: f64 = 0.1;

/// Most others that are compared with.
const OTHERS_MAX: usize = 200;

/// Candidates for one proposal: mutants and crossings of the good, and random points.
const CANDIDATES: usize = 64;

/// Tree-structured Parzen estimators.
pub struct Tpe<D: Domain> {
    history: History<D>,
    /// Evaluations that ended well, best first.
    ranked: Vec<(f64, TrialId)>,
    chance: Chance,
}

impl<D: Domain> Tpe<D> {
    /// A search from this seed.
    pub fn new(seed: u64) -> Self {
        Self { history: History::default(), ranked: Vec::new(), chance: Chance::new(seed) }
    }

    fn features(&self, place: usize) -> &[f32] {
        self.ranked
            .get(place)
            .and_then(|(_, trial)| self.history.get(*trial))
            .map_or(&[], |trial| &trial.features)
    }

    fn propose(&self, domain: &D, candidates: usize, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let good = ((self.ranked.len() as f64 * GOOD_SHARE).ceil() as usize).clamp(1, GOOD_MAX);
        let goods: Vec<&[f32]> = (0..good).map(|place| self.features(place)).collect();
        let others = places(self.ranked.len() - good, OTHERS_MAX, rng);
        let others: Vec<&[f32]> = others.into_iter().map(|place| self.features(good + place)).collect();
        let mut best: Option<(f64, D::Point)> = None;
        let mut patience = Patience::with(domain);
        for candidate in 0..candidates {
            if patience.is_over() {
                break;
            }
            let Some(point) = patience.note(self.candidate(domain, candidate, good, rng)) else { continue };
            if self.history.knows(&domain.key(&point)) {
                continue;
            }
            let features = domain.features(&point);
            let score = likelihood(domain.scales(), &goods, &features)
                - likelihood(domain.scales(), &others, &features);
            if best.as_ref().is_none_or(|(least, _)| score > *least) {
                best = Some((score, point));
            }
        }
        best.map(|(_, point)| point)
    }

    fn candidate(&self, domain: &D, number: usize, good: usize, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let parent = |rng: &mut ChaCha8Rng| {
            let (_, trial) = self.ranked.get(rng.random_range(0..good))?;
            self.history.get(*trial).map(|trial| trial.point.clone())
        };
        match number % 4 {
            0 => domain.random(rng),
            1 => domain.crossover(&parent(rng)?, &parent(rng)?, rng),
            2 => domain.mutate(&parent(rng)?, rng),
            _ => domain.mutate(&domain.mutate(&parent(rng)?, rng)?, rng),
        }
    }
}

/// Log likelihood of features among examples, each feature by itself, with one example's weight for anything at all.
fn likelihood(scales: &[Scale], examples: &[&[f32]], features: &[f32]) -> f64 {
    let count = examples.len() as f64;
    let mut sum = 0.0;
    for (at, (scale, &feature)) in scales.iter().zip(features).enumerate() {
        let seen = examples.iter().filter_map(|example| example.get(at));
        let density = match scale {
            Scale::Words(words) => {
                let same = seen.filter(|other| **other == feature).count() as f64;
                (same + 1.0 / f64::from((*words).max(1))) / (count + 1.0)
            }
            Scale::Ordered => {
                let width = (1.0 / (1.0 + count)).max(0.1);
                let bump = |other: &f32| (-0.5 * (f64::from(feature - other) / width).powi(2)).exp() / width;
                (seen.map(bump).sum::<f64>() / std::f64::consts::TAU.sqrt() + 1.0) / (count + 1.0)
            }
        };
        sum += density.max(f64::MIN_POSITIVE).ln();
    }
    sum
}

impl<D: Domain> Strategy<D> for Tpe<D> {
    fn ask(&mut self, domain: &D, context: &Context) -> Ask<D::Point> {
        let mut rng = self.chance.asked(self.history.started());
        let estimated = if self.history.started() < FIRST_POINTS || self.ranked.is_empty() {
            None
        } else {
            self.propose(domain, CANDIDATES.min(context.pool as usize).max(1), &mut rng)
        };
        estimated
            .or_else(|| fresh_random(domain, &self.history, &mut rng))
            .map_or(Ask::Exhausted, |point| self.history.start(domain, point))
    }

    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId {
        self.history.enter(domain, point)
    }

    fn tell(&mut self, _: &D, trial: TrialId, outcome: &Outcome) {
        if !self.history.tell(trial, outcome) {
            return;
        }
        if let Some(loss) = self.history.get(trial).and_then(|trial| trial.final_loss()) {
            let place = self.ranked.partition_point(|(other, _)| *other <= loss);
            self.ranked.insert(place, (loss, trial));
        }
    }

    fn incumbent(&mut self, _: &D) -> Option<TrialId> {
        self.ranked.first().map(|(_, trial)| *trial)
    }
}
