//! Ask and tell: what a search strategy is asked, and what it is told.
//!
//! It must not know what the points are, who evaluates them, or what time it is.

use super::domain::Domain;

/// One evaluation, numbered by birth: the first that is asked for is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialId(pub u64);

/// What a strategy knows of its surroundings when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Evaluations that may still be started, this one included; `None` where the budget is time alone.
    pub evaluations_left: Option<u64>,
    /// Evaluations of the whole budget, where it is counted.
    pub evaluations: Option<u64>,
    /// How many evaluations can run side by side.
    pub workers: u32,
    /// How many candidates may be drawn for one answer by a strategy that compares candidates: drawing and looking at
    /// one costs time. Strategies that compare none take no heed.
    pub pool: u32,
}

impl Context {
    /// Candidates for one answer where drawing them costs little. A tenth of it still makes a good search.
    pub const POOL_USUAL: u32 = 640;
}

/// An answer to "what next?".
#[derive(Clone, Debug, PartialEq)]
pub enum Ask<P> {
    /// Evaluate this.
    Evaluate(TrialId, P),
    /// Nothing yet: ask again when one of the pending evaluations has ended. Only where some are pending.
    Wait,
    /// Nothing new can be found.
    Exhausted,
}

/// What became of an evaluation. Losses are minimised; the first is the primary objective.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is still running; this is what it would be judged by now.
    Partial(Vec<f64>),
    /// It is done.
    Done(Vec<f64>),
    /// It is not allowed, by so much: greater is worse, on any scale. It is never handed over, nor a parent where there
    /// are better ones; a model learns to keep away from it.
    Infeasible(f64),
    /// It ended without a result.
    Failed,
}

/// A way to search. Deterministic: the same seed, asked and told the same, answers the same. Chance depends on the
/// number of the evaluation that is asked for alone, so that what was asked for before can be adopted instead: rebuilt
/// twice in the same way, a strategy goes on twice in the same way.
pub trait Strategy<D: Domain> {
    /// What to evaluate next.
    fn ask(&mut self, domain: &D, context: &Context) -> Ask<D::Point>;

    /// Takes in an evaluation that somebody else started: a point of the user's, another search's, or one from before a
    /// restart. It is pending, and counts as if it had been asked for.
    fn adopt(&mut self, domain: &D, point: D::Point) -> TrialId;

    /// What became of an evaluation. What is unknown or has ended already is ignored.
    fn tell(&mut self, domain: &D, trial: TrialId, outcome: &Outcome);

    /// Whom it would hand over now: one of the evaluations that are done.
    fn incumbent(&mut self, domain: &D) -> Option<TrialId>;
}
