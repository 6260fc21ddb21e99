//! What is believed of points: a Gaussian process over the sites.
//!
//! What the process cannot explain of a result is in part the point's own (another evaluation would show it again)
//! and in part chance (another would draw it anew). How much is chance is learned from repeated evaluations.

use super::knowledge::{Knowledge, keep_best};
use super::{Domain, Hyper};
use crate::search::domain::Scale;
use crate::search::model::encoding::width;
use crate::search::model::fit::{Evidence, Prior, fit};
use crate::search::model::gaussian::{Belief, Gaussian};
use crate::search::model::normal::log_improvement;
use crate::search::model::warp::Warp;

/// Sites with a result before a model says anything.
pub(super) const EXAMPLES_MIN: usize = 3;

/// Most sites that a model sees: the best, the latest, and some of all. The cost of a belief grows with the square.
const EXAMPLES_MAX: usize = 320;

/// Most sites by which a kernel is fitted: the cost grows with the cube.
const FIT_EXAMPLES_MAX: usize = 160;

/// Most evaluations under way that a model sees.
const PENDING_MAX: usize = 256;

/// Steps uphill when a kernel is fitted for the first time, and later.
const FIT_STEPS_FIRST: u32 = 30;
const FIT_STEPS: u32 = 20;

/// The same where losses are mixed anew for each question, and the kernel is fitted to each mixture.
const FIT_STEPS_MIXED: u32 = 8;

/// A kernel is fitted again when there is so much more to be explained (one part in ten).
const FIT_GROWTH: usize = 10;

/// What is expected of chance before anything was repeated: its share, and how many repetitions that is worth.
const CHANCE_SHARE: f64 = 0.7;
const CHANCE_WORTH: f64 = 2.0;

/// The sites from which is learned: those done first, then those under way.
pub(super) struct Examples {
    sites: Vec<usize>,
    /// How many of them are done.
    pub done: usize,
}

/// Whether there is enough more to be explained to fit a kernel again. Where losses are mixed anew for each question,
/// there always is.
pub(super) const fn is_outgrown(fitted_at: usize, count: usize, mixed: bool) -> bool {
    if mixed {
        return true;
    }
    let growth = fitted_at / FIT_GROWTH;
    count >= fitted_at + if growth > 1 { growth } else { 1 }
}

/// Chooses what to learn from.
pub(super) fn examples<D: Domain>(knowledge: &Knowledge<D>) -> Examples {
    let mut sites = selected(knowledge, EXAMPLES_MAX);
    let done = sites.len();
    sites.extend(knowledge.waiting().iter().rev().take(PENDING_MAX));
    Examples { sites, done }
}

/// At most `max` sites that are done: half of them the best, a quarter the latest, the rest evenly of all.
fn selected<D: Domain>(knowledge: &Knowledge<D>, max: usize) -> Vec<usize> {
    let done = knowledge.done();
    if done.len() <= max {
        return done.to_vec();
    }
    let mut rated: Vec<(usize, f64)> = done.iter().map(|&at| (at, knowledge.loss(at))).collect();
    keep_best(&mut rated, max / 2);
    let mut ranked: Vec<usize> = rated.into_iter().map(|(at, _)| at).collect();
    ranked.extend(&done[done.len() - max / 4..]);
    ranked.extend((0..max / 4).map(|part| done[part * done.len() / (max / 4)]));
    ranked.sort_unstable();
    ranked.dedup();
    ranked
}

/// What is to be explained.
struct Lesson<'a> {
    points: Vec<&'a [f32]>,
    values: Vec<f64>,
    noise_times: Vec<f64>,
    warp: Warp,
    chance_share: f64,
}

impl<'a> Lesson<'a> {
    fn new<D: Domain>(knowledge: &'a Knowledge<D>, sites: &[usize], noise: f64) -> Self {
        let losses: Vec<f64> = sites.iter().map(|&at| knowledge.loss(at)).collect();
        let warp = Warp::new(&losses);
        let chance_share = chance_share(knowledge, &warp, noise);
        let times = |at: &usize| {
            let evaluations = knowledge.site(*at).results.len().max(1) as f64;
            (1.0 - chance_share) + chance_share / evaluations
        };
        Self {
            points: sites.iter().map(|&at| knowledge.site(at).encoded.as_slice()).collect(),
            values: losses.iter().map(|loss| warp.value(*loss)).collect(),
            noise_times: sites.iter().map(times).collect(),
            warp,
            chance_share,
        }
    }
}

/// By the repeated evaluations: the squared deviations from each point's mean, summed, and their degrees of freedom.
pub(super) fn deviations<D: Domain>(knowledge: &Knowledge<D>, warp: &Warp) -> (f64, f64) {
    let (mut squares, mut freedom) = (0.0, 0.0);
    for at in knowledge.repeated() {
        let values: Vec<f64> = knowledge.losses(at).map(|loss| warp.value(loss)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        freedom += values.len() as f64 - 1.0;
    }
    (squares, freedom)
}

/// Which share of the noise is chance, by the repeated evaluations.
fn chance_share<D: Domain>(knowledge: &Knowledge<D>, warp: &Warp, noise: f64) -> f64 {
    if knowledge.is_exact() {
        return 0.0;
    }
    let (squares, freedom) = deviations(knowledge, warp);
    let expected = CHANCE_WORTH * CHANCE_SHARE * noise;
    ((squares + expected) / (freedom + CHANCE_WORTH) / noise).min(1.0)
}

/// Fits a kernel to what is known.
pub(super) fn fit_hyper<D: Domain>(
    knowledge: &Knowledge<D>,
    examples: &Examples,
    scales: &[Scale],
    start: Option<Hyper>,
) -> Hyper {
    let width = width(scales);
    let prior = Prior::for_width(width);
    let steps = match (&start, knowledge.is_mixed()) {
        (None, _) => FIT_STEPS_FIRST,
        (Some(_), false) => FIT_STEPS,
        (Some(_), true) => FIT_STEPS_MIXED,
    };
    let start = start.unwrap_or_else(|| prior.centre(width));
    let sites = if examples.done > FIT_EXAMPLES_MAX {
        selected(knowledge, FIT_EXAMPLES_MAX)
    } else {
        examples.sites[..examples.done].to_vec()
    };
    let lesson = Lesson::new(knowledge, &sites, start.noise.exp());
    let evidence =
        Evidence { points: &lesson.points, values: &lesson.values, noise_times: &lesson.noise_times };
    fit(&evidence, &prior, &start, steps)
}

/// A site and what is expected of it.
#[derive(Clone, Copy, Debug)]
struct Rated {
    site: usize,
    mean: f64,
}

/// What is believed of points.
pub(super) struct Surrogate {
    gaussian: Gaussian,
    /// Best first.
    rated: Vec<Rated>,
    best: f64,
}

impl Surrogate {
    /// Learns from examples.
    pub fn new<D: Domain>(knowledge: &Knowledge<D>, examples: &Examples, hyper: &Hyper) -> Self {
        let (done, waiting) = examples.sites.split_at(examples.done);
        let noise = hyper.noise.exp();
        let lesson = Lesson::new(knowledge, done, noise);
        let chance = lesson.chance_share * noise;
        let mut gaussian = Gaussian::new(hyper);
        for (point, times) in lesson.points.iter().zip(&lesson.noise_times) {
            gaussian.see(point, *times);
        }
        gaussian.explain(&lesson.values);
        let mut rated = rate(knowledge, &gaussian, done, &lesson, chance);
        let best = rated.first().map_or(0.0, |best| best.mean);
        rated.extend(await_results(knowledge, &mut gaussian, waiting, lesson));
        rated.sort_by(|one, other| one.mean.total_cmp(&other.mean).then(one.site.cmp(&other.site)));
        Self { gaussian, rated, best }
    }

    /// The logarithm of how much a point may improve on the best, where variances are taken for so many times as great.
    pub fn promise(&self, encoded: &[f32], doubt: f64) -> f64 {
        let Belief { mean, variance } = self.gaussian.believe(encoded);
        log_improvement(mean, (doubt * variance).sqrt(), self.best)
    }

    /// The best sites, those under way among them where their partial results say so.
    pub fn elite(&self, max: usize) -> impl Iterator<Item = usize> {
        self.rated.iter().take(max).map(|rated| rated.site)
    }
}

/// Rates the sites that are done, best first. Those that failed are learned from and not rated; those that are not
/// allowed only where there are no others.
fn rate<D: Domain>(
    knowledge: &Knowledge<D>,
    gaussian: &Gaussian,
    done: &[usize],
    lesson: &Lesson<'_>,
    chance: f64,
) -> Vec<Rated> {
    let own_chance = |site: usize| chance / knowledge.site(site).results.len().max(1) as f64;
    let allowed = done.iter().any(|&at| !knowledge.site(at).results.is_empty());
    let counts = |at: usize| {
        let site = knowledge.site(at);
        if allowed { !site.results.is_empty() } else { site.violation.is_some() }
    };
    let rated = |(place, &site): (usize, &usize)| {
        let mean = gaussian.mean_seen(place, lesson.values[place], own_chance(site));
        Rated { site, mean }
    };
    let mut places: Vec<Rated> =
        done.iter().enumerate().filter(|(_, site)| counts(**site)).map(rated).collect();
    places.sort_by(|one, other| one.mean.total_cmp(&other.mean).then(one.site.cmp(&other.site)));
    places
}

/// Takes what is under way as if it had ended as expected, or as its partial result where that is better. The sites
/// that have a partial result are rated by it.
fn await_results<D: Domain>(
    knowledge: &Knowledge<D>,
    gaussian: &mut Gaussian,
    waiting: &[usize],
    lesson: Lesson<'_>,
) -> Vec<Rated> {
    let mut values = lesson.values;
    let mut rated = Vec::new();
    for &site in waiting {
        let known = knowledge.site(site);
        let expected = gaussian.mean(&known.encoded);
        let partial = known.partial.as_ref().map(|losses| lesson.warp.value(knowledge.see(losses)));
        let value = partial.map_or(expected, |partial| partial.min(expected));
        values.push(value);
        if partial.is_some() {
            rated.push(Rated { site, mean: value });
        }
    }
    if !waiting.is_empty() {
        for &site in waiting {
            gaussian.see(&knowledge.site(site).encoded, 1.0);
        }
        gaussian.explain(&values);
    }
    rated
}
