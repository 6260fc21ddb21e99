//! Hatchery's own strategy: evolution's variation proposes, a model of all results disposes.
//!
//! 1. The first points are spread out at random.
//! 2. Then each question is answered with the best of some hundred candidates (random points, mutants and crossings
//!    of the best, the neighbours of the most promising), judged by a Gaussian process by how much it may improve on
//!    the best. What is under way counts as if it had ended as expected, so that workers side by side do not look in
//!    the same place.
//! 3. Early on two points are evaluated twice, to learn whether results are noisy. Where they are, the last part of
//!    the budget goes to telling the leader from its challengers, by their own results alone (`finals`).
//! 4. Several losses are looked at in a random direction for each question (`lens`), so that what is found spreads
//!    along the front. Whom it hands over is judged by the first loss.
//! 5. Where there are so many workers that most of the budget would be spent before anything is known, a part of it
//!    is held back until the first results are in; the slowest evaluations take longer than that anyway.
//!
//! The same settings serve every domain. It must not know what points mean.

mod boldness;
mod finals;
mod knowledge;
mod lens;
mod pace;
mod pool;
mod surrogate;

#[cfg(test)]
mod tests;

use super::domain::Domain;
use super::draw::{Chance, fresh_random};
use super::model::encoding::encode;
use super::model::kernel::{Hyper, squared_distance};
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use finals::Finals;
use knowledge::Knowledge;
use lens::Lens;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use surrogate::{Examples, Surrogate};

/// Points that are spread out before a model is asked, where the budget is large enough.
const FIRST_POINTS: u64 = 10;

/// Random points among which the least crowded is taken, while points are spread out.
const SPREAD_DRAWS: u32 = 64;

/// Points that are spread out; where more are asked for before anything is known, chance spreads them well enough.
const SPREAD_POINTS_MAX: usize = 256;

/// Evaluations after which a point is evaluated again to see whether results are noisy, first and second time.
const TEST_FIRST: u64 = 15;
const TEST_SECOND: u64 = 25;

/// Share of the budget, at its end, that tells leaders apart where results are noisy.
const FINALS_SHARE: f64 = 0.3;

/// Without a counted budget, one in so many evaluations does.
const FINALS_EVERY: u64 = 5;

/// Evaluations from which on several proposals are drawn from one pool: then results abound, and time counts.
const POOL_SHARED_FROM: usize = 512;

/// Most proposals drawn from one pool.
const POOL_PROPOSALS_MAX: usize = 128;

/// One more shared proposal for so many evaluations.
const POOL_SHARED_EACH: usize = 64;

/// Results by which several losses are put on a scale.
const SCALE_RESULTS_MAX: usize = 512;

/// A kernel, and how many points were known when it was fitted.
#[derive(Clone, Debug)]
struct Fitted {
    hyper: Hyper,
    at: usize,
}

/// Hatchery's own strategy.
pub struct Hatchery<D: Domain> {
    knowledge: Knowledge<D>,
    chance: Chance,
    /// The kernel by which questions are answered.
    fitted: Option<Fitted>,
    /// Further proposals of the last pool, best first.
    proposals: VecDeque<D::Point>,
    /// Whether a point may be evaluated more than once.
    repeats: bool,
}

impl<D: Domain> Hatchery<D> {
    /// A search from this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            knowledge: Knowledge::default(),
            chance: Chance::new(seed),
            fitted: None,
            proposals: VecDeque::new(),
            repeats: true,
        }
    }

    /// The same, where no point is to be evaluated twice: then nothing is learned of chance, nor spent on it.
    pub fn without_repeats(seed: u64) -> Self {
        Self { repeats: false, ..Self::new(seed) }
    }

    fn choose(&mut self, domain: &D, context: &Context, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let started = self.knowledge.history.started() as u64;
        if started < context.evaluations.map_or(FIRST_POINTS, |all| (all / 8).clamp(3, FIRST_POINTS)) {
            return self.spread(domain, context, rng);
        }
        self.look(rng);
        if let Some(test) = self.test(started, context) {
            return Some(test);
        }
        if let Some(proposal) = self.shared(domain) {
            return Some(proposal);
        }
        let Some(surrogate) = self.learn(domain) else { return self.spread(domain, context, rng) };
        let contender = if self.repeats && self.knowledge.is_noisy() && in_finals(context, started) {
            Finals::new(&self.knowledge).contender().and_then(|contender| self.knowledge.point(contender))
        } else {
            None
        };
        let shared = started as usize / POOL_SHARED_EACH;
        let shared =
            if shared < POOL_SHARED_FROM / POOL_SHARED_EACH { 1 } else { shared.min(POOL_PROPOSALS_MAX) };
        if contender.is_none() || shared > 1 {
            self.proposals =
                pool::proposals(domain, &self.knowledge, &surrogate, context, shared, rng).into();
        }
        if contender.is_some() {
            return contender;
        }
        self.shared(domain)
    }

    /// The next proposal of the last pool that nobody has asked for meanwhile.
    fn shared(&mut self, domain: &D) -> Option<D::Point> {
        while let Some(proposal) = self.proposals.pop_front() {
            if !self.knowledge.history.knows(&domain.key(&proposal)) {
                return Some(proposal);
            }
        }
        None
    }

    /// A point whose evaluation again would tell whether results are noisy, where it is time to know.
    fn test(&self, started: u64, context: &Context) -> Option<D::Point> {
        let tests = self.knowledge.repetitions();
        let due = (tests == 0 && started >= TEST_FIRST) || (tests == 1 && started >= TEST_SECOND);
        let worth = match (context.evaluations_left, context.evaluations) {
            (Some(left), Some(all)) => left >= all / 2,
            _ => true,
        };
        if self.repeats && due && worth && !self.knowledge.is_noisy() {
            self.knowledge.distinct()
        } else {
            None
        }
    }

    /// Looks at several losses in a new direction.
    fn look(&mut self, rng: &mut ChaCha8Rng) {
        let count = self.knowledge.losses_each();
        if count > 1 {
            let lens = Lens::draw(&self.knowledge.sample(SCALE_RESULTS_MAX), count, rng);
            self.knowledge.look_through(lens);
        }
    }

    /// What is believed now, to answer a question by; `None` where too little is known.
    fn learn(&mut self, domain: &D) -> Option<Surrogate> {
        let examples = surrogate::examples(&self.knowledge);
        if examples.done < surrogate::EXAMPLES_MIN {
            return None;
        }
        let fitted = self.fit(domain, &examples, self.fitted.as_ref());
        let surrogate = Surrogate::new(&self.knowledge, &examples, &fitted.hyper);
        self.fitted = Some(fitted);
        Some(surrogate)
    }

    /// A kernel that fits what is known now, from one that fitted what was known.
    fn fit(&self, domain: &D, examples: &Examples, from: Option<&Fitted>) -> Fitted {
        let known = self.knowledge.points_done();
        match from {
            Some(fitted) if !surrogate::is_outgrown(fitted.at, known, self.knowledge.is_mixed()) => {
                fitted.clone()
            }
            _ => {
                let start = from.map(|fitted| fitted.hyper.clone());
                let hyper = surrogate::fit_hyper(&self.knowledge, examples, domain.scales(), start);
                Fitted { hyper, at: known }
            }
        }
    }

    /// A random point that is not crowded by the others.
    fn spread(&self, domain: &D, context: &Context, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        if self.knowledge.history.started() >= SPREAD_POINTS_MAX {
            return None;
        }
        let others = self.knowledge.latest(SPREAD_POINTS_MAX);
        let mut best: Option<(f32, D::Point)> = None;
        for _ in 0..SPREAD_DRAWS.min(context.pool).max(1) {
            let point = fresh_random(domain, &self.knowledge.history, rng)?;
            let crowd = crowd(&others, &encode(domain.scales(), &domain.features(&point)));
            if best.as_ref().is_none_or(|(least, _)| crowd < *least) {
                best = Some((crowd, point));
            }
        }
        best.map(|(_, point)| point)
    }
}

/// How near the others are. What each adds is a product over the features, so that not only no two points are alike:
/// every pair of words, and every triple, is met about as often as any other (as in Hickernell, 1998, "A generalized
/// discrepancy and quadrature error bound"; for words Xu, 2003, "Minimum moment aberration").
fn crowd(others: &[&[f32]], encoded: &[f32]) -> f32 {
    let ones = vec![1.0; encoded.len()];
    others.iter().map(|other| (-squared_distance(&ones, other, encoded)).exp()).sum()
}

/// Whether this is the part of the budget in which leaders are told apart. Where evaluations are not counted, some of
/// all are used for it.
fn in_finals(context: &Context, started: u64) -> bool {
    match (context.evaluations_left, context.evaluations) {
        (Some(left), Some(all)) => left as f64 <= FINALS_SHARE * all as f64,
        _ => started.is_multiple_of(FINALS_EVERY),
    }
}

impl<D: Domain> Strategy<D> for Hatchery<D> {
    fn ask(&mut self, domain: &D, context: &Context) -> Ask<D::Point> {
        let started = self.knowledge.history.started() as u64;
        let pending = self.knowledge.history.pending().len() as u64;
        if pending > 0 && started >= pace::allowed(context, started - pending) {
            return Ask::Wait;
        }
        let mut rng = self.chance.asked(self.knowledge.history.started());
        let point = self
            .choose(domain, context, &mut rng)
            .or_else(|| fresh_random(domain, &self.knowledge.history, &mut rng));
        let Some(point) = point else { return Ask::Exhausted };
        Ask::Evaluate(self.knowledge.enter(domain, point.clone()), point)
    }

    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId {
        self.knowledge.enter(domain, point)
    }

    fn tell(&mut self, domain: &D, trial: TrialId, outcome: &Outcome) {
        self.knowledge.tell(domain, trial, outcome);
    }

    fn incumbent(&mut self, _: &D) -> Option<TrialId> {
        self.knowledge.look_through(Lens::First);
        Finals::new(&self.knowledge)
            .safest()
            .and_then(|leader| self.knowledge.representative(leader))
            .or_else(|| self.knowledge.history.best().map(|(trial, _)| trial))
    }
}
