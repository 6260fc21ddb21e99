//! Candidates: where they come from, and which of them promises most.

use super::boldness::Boldness;
use super::knowledge::Knowledge;
use super::surrogate::Surrogate;
use super::{Context, Domain, encode};
use crate::search::draw::Patience;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;

/// Random points in a pool of the usual size, half way through the budget; more at its begin and fewer at its end, in
/// place of mutants.
const RANDOM_POINTS: usize = 100;

/// Mutants in a pool of the usual size, of one to three mutations each.
const MUTANTS: usize = 200;
const MUTATIONS_MAX: usize = 3;

/// Crossings in a pool of the usual size.
const CROSSINGS: usize = 20;

/// Neighbours in a pool of the usual size: steps uphill from the most promising candidates, with some neighbours each.
const NEIGHBOURS: usize = 320;
const NEIGHBOURS_MAX: usize = 40;
const CLIMBERS: usize = 3;

const _: () = assert!(RANDOM_POINTS + MUTANTS + CROSSINGS + NEIGHBOURS == Context::POOL_USUAL as usize);

/// The most promising new points out of a pool of so many, best first; fewer than `max` where fewer are found.
pub(super) fn proposals<D: Domain>(
    domain: &D,
    knowledge: &Knowledge<D>,
    surrogate: &Surrogate,
    context: &Context,
    max: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<D::Point> {
    let mut pool = Pool {
        domain,
        knowledge,
        surrogate,
        size: context.pool,
        boldness: Boldness::of(context),
        seen: HashSet::new(),
        candidates: Vec::new(),
    };
    pool.fill(rng);
    pool.climb(rng);
    pool.rank();
    pool.candidates.into_iter().take(max).map(|candidate| candidate.point).collect()
}

struct Candidate<P> {
    promise: f64,
    point: P,
    climbed: bool,
}

struct Pool<'a, D: Domain> {
    domain: &'a D,
    knowledge: &'a Knowledge<D>,
    surrogate: &'a Surrogate,
    size: u32,
    boldness: Boldness,
    seen: HashSet<D::Key>,
    candidates: Vec<Candidate<D::Point>>,
}

impl<D: Domain> Pool<'_, D> {
    fn consider(&mut self, point: Option<D::Point>) {
        let Some(point) = point else { return };
        let key = self.domain.key(&point);
        if self.knowledge.history.knows(&key) || !self.seen.insert(key) {
            return;
        }
        let encoded = encode(self.domain.scales(), &self.domain.features(&point));
        let promise = self.surrogate.promise(&encoded, self.boldness.doubt());
        self.candidates.push(Candidate { promise, point, climbed: false });
    }

    /// So many of the usual size as of this one; at least one.
    fn share(&self, usual: usize) -> usize {
        (usual as u64 * u64::from(self.size)).div_ceil(u64::from(Context::POOL_USUAL)).max(1) as usize
    }

    fn fill(&mut self, rng: &mut ChaCha8Rng) {
        let random = self.boldness.random(RANDOM_POINTS);
        let mut patience = Patience::with(self.domain);
        for _ in 0..self.share(random) {
            self.consider(patience.note(self.domain.random(rng)));
            if patience.is_over() {
                break;
            }
        }
        let elite = self.surrogate.elite(self.boldness.parents());
        let parents: Vec<D::Point> = elite.filter_map(|site| self.knowledge.point(site)).collect();
        if parents.is_empty() {
            return;
        }
        self.vary(&parents, random, rng);
    }

    /// Mutants and crossings of these, and as many more mutants as there were fewer random points.
    fn vary(&mut self, parents: &[D::Point], random: usize, rng: &mut ChaCha8Rng) {
        let mut patience = Patience::with(self.domain);
        for mutant in 0..self.share(RANDOM_POINTS + MUTANTS - random) {
            // A power of an even draw favours the best.
            let drawn = rng.random::<f64>().powf(self.boldness.pressure()) * parents.len() as f64;
            let drawn = drawn as usize;
            let mut point = parents[drawn.min(parents.len() - 1)].clone();
            for _ in 0..=mutant % MUTATIONS_MAX {
                point = patience.note(self.domain.mutate(&point, rng)).unwrap_or(point);
                if patience.is_over() {
                    return;
                }
            }
            self.consider(Some(point));
        }
        for _ in 0..self.share(CROSSINGS) {
            let (one, other) = (rng.random_range(0..parents.len()), rng.random_range(0..parents.len()));
            self.consider(patience.note(self.domain.crossover(&parents[one], &parents[other], rng)));
            if patience.is_over() {
                return;
            }
        }
    }

    /// Looks at the neighbours of the most promising.
    fn climb(&mut self, rng: &mut ChaCha8Rng) {
        let mut left = self.share(NEIGHBOURS);
        while left > 0 {
            self.rank();
            let Some(from) = self.candidates.iter_mut().take(CLIMBERS).find(|candidate| !candidate.climbed)
            else {
                return;
            };
            from.climbed = true;
            let point = from.point.clone();
            let max = left.min(NEIGHBOURS_MAX);
            left -= max;
            for neighbour in self.domain.neighbours(&point, max, rng) {
                self.consider(Some(neighbour));
            }
        }
    }

    /// Best first; of equals, the first to come (the sort is stable).
    fn rank(&mut self) {
        self.candidates.sort_by(|one, other| other.promise.total_cmp(&one.promise));
    }
}
