//! Who leads where results are noisy, and whose evaluation again tells most about it.
//!
//! Each point is judged by its own results, drawn towards what good points usually come to: the fewer its results, the
//! further (shrinkage to a normal prior that is estimated from the better part of all: empirical Bayes, Efron & Morris,
//! 1973). The process that proposes points has no say here: what is left of a good point's own merit, its neighbours do
//! not know of, and where a process smooths over it, the best are mistaken for their neighbours. It must not know what
//! points are.

use super::Domain;
use super::knowledge::{Knowledge, keep_best};
use super::surrogate::deviations;
use crate::search::model::warp::Warp;

/// Of more points than this only the best are looked at: a question must not take longer for what has no chance.
const SITES_MAX: usize = 4096;

/// The better part of all points, from which the prior is estimated, and at least so many.
const BETTER_SHARE: f64 = 1.0 / 3.0;
const BETTER_MIN: usize = 8;

/// Leaders that are told apart.
const LEADERS_MAX: usize = 20;

/// What is expected of chance before anything was repeated, as a share of the spread among the better part, and how
/// many repetitions that is worth.
const CHANCE_SHARE: f64 = 0.5;
const CHANCE_WORTH: f64 = 2.0;

/// Whoever is handed over must lead by so many deviations of its mean.
const CAUTION: f64 = 0.5;

/// A point and what is believed of it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Standing {
    site: usize,
    mean: f64,
    /// Deviation of the mean, evaluations under way taken as if they had ended.
    deviation: f64,
}

/// The leaders, best first.
#[derive(Clone, Debug)]
pub(super) struct Finals {
    leaders: Vec<Standing>,
}

impl Finals {
    /// By all results.
    pub fn new<D: Domain>(knowledge: &Knowledge<D>) -> Self {
        let (sites, losses): (Vec<usize>, Vec<f64>) = rated(knowledge).into_iter().unzip();
        let warp = Warp::new(&losses);
        let values: Vec<f64> = losses.iter().map(|loss| warp.value(*loss)).collect();
        let prior = Prior::new(&values);
        let chance = chance(knowledge, &warp, prior.variance);
        let standing = |(&site, &value): (&usize, &f64)| {
            let known = knowledge.site(site);
            let (mean, _) = prior.after(value, known.results.len() as f64, chance);
            let sharpened = known.results.len() as f64 + f64::from(known.pending);
            let (_, variance) = prior.after(value, sharpened, chance);
            Standing { site, mean, deviation: variance.sqrt() }
        };
        let mut leaders: Vec<Standing> = sites.iter().zip(&values).map(standing).collect();
        leaders.sort_by(|one, other| one.mean.total_cmp(&other.mean).then(one.site.cmp(&other.site)));
        leaders.truncate(LEADERS_MAX);
        Self { leaders }
    }

    /// Whose evaluation again tells most about who leads: the leader or whoever is most likely to beat it, whichever
    /// is less known.
    pub fn contender(&self) -> Option<usize> {
        let (lead, others) = self.leaders.split_first()?;
        let doubt = |other: &Standing| {
            (other.mean - lead.mean) / other.deviation.hypot(lead.deviation).max(f64::MIN_POSITIVE)
        };
        let challenger = others.iter().min_by(|one, other| doubt(one).total_cmp(&doubt(other)))?;
        Some(if challenger.deviation > lead.deviation { challenger.site } else { lead.site })
    }

    /// Who leads, doubt held against it.
    pub fn safest(&self) -> Option<usize> {
        let worth = |standing: &Standing| standing.mean + CAUTION * standing.deviation;
        self.leaders
            .iter()
            .min_by(|one, other| worth(one).total_cmp(&worth(other)))
            .map(|standing| standing.site)
    }
}

/// Points that have a loss, and their losses: all, or the best `SITES_MAX`.
fn rated<D: Domain>(knowledge: &Knowledge<D>) -> Vec<(usize, f64)> {
    let sites = knowledge.done().iter().filter(|at| !knowledge.site(**at).results.is_empty());
    let mut rated: Vec<(usize, f64)> = sites.map(|&at| (at, knowledge.loss(at))).collect();
    keep_best(&mut rated, SITES_MAX);
    rated.sort_unstable_by_key(|(site, _)| *site);
    rated
}

/// What good points usually come to.
#[derive(Clone, Copy, Debug)]
struct Prior {
    mean: f64,
    variance: f64,
}

impl Prior {
    /// Median and variance of the better part.
    fn new(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = ((sorted.len() as f64 * BETTER_SHARE) as usize).max(BETTER_MIN).min(sorted.len());
        sorted.truncate(count);
        let centre = sorted.iter().sum::<f64>() / count.max(1) as f64;
        let spread = sorted.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / count.max(1) as f64;
        Self { mean: sorted.get(count / 2).copied().unwrap_or(0.0), variance: spread.max(1e-6) }
    }

    /// Mean and variance after so many results with this mean.
    fn after(&self, value: f64, results: f64, chance: f64) -> (f64, f64) {
        if chance <= 0.0 {
            return (value, 0.0);
        }
        let variance = 1.0 / (1.0 / self.variance + results / chance);
        (variance * (self.mean / self.variance + results * value / chance), variance)
    }
}

/// The variance that chance gives results of one point, by the repeated evaluations; nothing where they never differ.
fn chance<D: Domain>(knowledge: &Knowledge<D>, warp: &Warp, spread: f64) -> f64 {
    if knowledge.is_exact() {
        return 0.0;
    }
    let (squares, freedom) = deviations(knowledge, warp);
    (squares + CHANCE_WORTH * CHANCE_SHARE * spread) / (freedom + CHANCE_WORTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::strategy::Outcome;
    use crate::search::table::Table;
    use std::fmt::Write;

    /// Points with these results each.
    fn knowledge(results: &[&[f64]]) -> (Table, Knowledge<Table>) {
        let mut text = String::from("x,valid\n");
        (0..results.len()).for_each(|x| writeln!(text, "{x},0").unwrap());
        let table = Table::parse(text.as_bytes()).unwrap();
        let mut knowledge = Knowledge::default();
        for (row, losses) in (0..).zip(results) {
            for loss in *losses {
                let trial = knowledge.enter(&table, row);
                knowledge.tell(&table, trial, &Outcome::Done(vec![*loss]));
            }
        }
        (table, knowledge)
    }

    fn others() -> Vec<&'static [f64]> {
        vec![&[3.0], &[3.2], &[3.5], &[4.0], &[4.5], &[5.0], &[6.0], &[7.0], &[8.0], &[9.0]]
    }

    #[test]
    fn one_lucky_result_does_not_lead_before_several_good_ones() {
        let mut results = others();
        results.extend([&[1.0][..], &[0.5, 3.5, 1.6, 1.0, 1.4, 0.6]]);
        let (_, known) = knowledge(&results);
        assert_eq!(Finals::new(&known).safest(), Some(11));
    }

    #[test]
    fn of_very_many_points_the_best_are_looked_at() {
        let all: Vec<[f64; 1]> =
            (0..SITES_MAX + 100).map(|at| [(at * 37 % (SITES_MAX + 100)) as f64]).collect();
        let results: Vec<&[f64]> = all.iter().map(<[f64; 1]>::as_slice).collect();
        let (_, known) = knowledge(&results);
        let found = rated(&known);
        assert_eq!(found.len(), SITES_MAX);
        assert!(found.is_sorted_by_key(|(site, _)| *site));
        assert!(found.iter().all(|(_, loss)| *loss < SITES_MAX as f64));
        let best = all.iter().position(|loss| loss[0] == 0.0);
        assert_eq!(Finals::new(&known).safest(), best);
    }

    #[test]
    fn where_results_never_differ_the_best_leads() {
        let mut results = others();
        results.extend([&[1.0][..], &[1.1, 1.1, 1.1]]);
        let (_, known) = knowledge(&results);
        assert!(known.is_exact());
        assert_eq!(Finals::new(&known).safest(), Some(10));
    }

    #[test]
    fn the_less_known_of_leader_and_challenger_is_evaluated_again() {
        let mut results = others();
        results.extend([&[1.0, 1.4, 1.2, 1.1][..], &[1.2]]);
        let (table, mut known) = knowledge(&results);
        assert_eq!(Finals::new(&known).contender(), Some(11));
        // What is under way counts: then the other's turn comes.
        for _ in 0..8 {
            known.enter(&table, 11);
        }
        assert_eq!(Finals::new(&known).contender(), Some(10));
        assert_eq!(Finals::new(&Knowledge::<Table>::default()).contender(), None);
    }
}
