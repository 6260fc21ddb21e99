//! Hatchery's own strategy.

use super::domain::Domain;
use super::draw::{Chance, fresh_random};
use super::history::{History, Progress};
use super::model::gaussian::{Gaussian, Prior, fit};
use super::model::kernel::Hyper;
use super::model::warp::{normal, Warp};
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::{HashMap, HashSet};

pub fn env(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|t| t.parse().ok()).unwrap_or(default)
}

pub struct Hatchery<D: Domain> {
    history: History<D>,
    chance: Chance,
    hyper: Option<Hyper>,
    fitted_at: usize,
    model: Option<Model>,
    groups: Vec<Group>,
    group_of: HashMap<D::Key, usize>,
    replicates: usize,
    replicated_since: u64,
}

/// Evaluations of one point.
struct Group {
    first: TrialId,
    losses: Vec<f64>,
    pending: u32,
}
impl Group {
    fn mean(&self) -> f64 { self.losses.iter().sum::<f64>() / self.losses.len() as f64 }
}

struct Model {
    gaussian: Gaussian,
    /// Done groups by believed mean: group, mean, deviation (top only).
    judged: Vec<(usize, f64, f64)>,
    best: f64,
    nugget: f64,
    noise: f64,
}

impl<D: Domain> Hatchery<D> {
    pub fn new(seed: u64) -> Self {
        Self { history: History::default(), chance: Chance::new(seed), hyper: None, fitted_at: 0, model: None, groups: vec![], group_of: HashMap::new(), replicates: 0, replicated_since: 0 }
    }

    fn unsure(&self) -> bool { !self.certain() && self.replicates > 0 }

    /// Whether repeated evaluations have always said the same.
    fn certain(&self) -> bool {
        let mut tested = 0;
        for g in &self.groups {
            if g.losses.len() > 1 {
                tested += g.losses.len() - 1;
                if g.losses.iter().any(|l| *l != g.losses[0]) { return false; }
            }
        }
        tested >= 2
    }

    fn update(&mut self, domain: &D) {
        let done: Vec<usize> = (0..self.groups.len()).filter(|&g| !self.groups[g].losses.is_empty()).collect();
        let count = done.len();
        if count < 3 { self.model = None; return; }
        let losses: Vec<f64> = done.iter().map(|&g| self.groups[g].mean()).collect();
        let warp = Warp::new(&losses);
        let values: Vec<f64> = losses.iter().map(|l| warp.at(*l)).collect();
        let points: Vec<&[f32]> = done.iter().filter_map(|&g| self.history.get(self.groups[g].first)).map(|t| t.features.as_slice()).collect();
        let scales = domain.scales();
        let prior = Prior::for_features(scales.len());
        // how much of the unexplained is chance
        let (mut squares, mut freedom) = (0.0, 0.0);
        for &g in &done {
            let g = &self.groups[g];
            if g.losses.len() > 1 {
                let v: Vec<f64> = g.losses.iter().map(|l| warp.at(*l)).collect();
                let m = v.iter().sum::<f64>() / v.len() as f64;
                squares += v.iter().map(|x| (x - m) * (x - m)).sum::<f64>();
                freedom += v.len() as f64 - 1.0;
            }
        }
        let start = self.hyper.clone().unwrap_or_else(|| prior.centre(scales.len()));
        let total = start.noise.exp();
        let chance = if self.certain() { 0.0 } else {
            let nu0 = env("NU0", 2.0);
            (((squares + nu0 * env("RHO0", 0.7) * total) / (freedom + nu0)) / total).min(1.0)
        };
        let times = |n: usize| (1.0 - chance) + chance / n.max(1) as f64;
        let noise_times: Vec<f64> = done.iter().map(|&g| times(self.groups[g].losses.len())).collect();
        if self.hyper.is_none() || count >= self.fitted_at + (self.fitted_at / env("REFIT", 10.0) as usize).max(1) {
            let steps = if self.hyper.is_none() { 20 } else { env("STEPS", 8.0) as u32 };
            self.hyper = Some(fit(scales, &points, &values, &noise_times, &prior, &start, steps));
            self.fitted_at = count;
            if std::env::var("DEBUG").is_ok() { let h = self.hyper.as_ref().unwrap(); eprintln!("n {count} w {:.1?} s {:.2} n {:.2} chance {chance:.2} best {:?}", h.weights, h.signal, h.noise, self.history.best()); }
        }
        let Some(hyper) = self.hyper.clone() else { return };
        let total = hyper.noise.exp();
        let (nugget, noise) = (total * (1.0 - chance), total * chance);
        let mut gaussian = Gaussian::new(scales, hyper);
        for (point, t) in points.iter().zip(&noise_times) { gaussian.see(point, *t); }
        gaussian.explain(&values);
        let mut judged: Vec<(usize, usize, f64)> = (0..count).map(|i| {
            let g = done[i];
            let s = noise / self.groups[g].losses.len() as f64;
            (g, i, values[i] - s * gaussian.shares()[i])
        }).collect();
        judged.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)));
        let best = judged[0].2;
        let judged = judged.into_iter().enumerate().map(|(rank, (g, i, mean))| {
            if rank >= 20 { return (g, mean, 0.0); }
            let n = self.groups[g].losses.len() as f64;
            let s = noise / n;
            let var = (s - s * s * gaussian.precision(i)).max(0.0);
            // what is under way will make it surer
            let pend = self.groups[g].pending as f64;
            let var = if pend > 0.0 && noise > 0.0 { 1.0 / (1.0 / var.max(1e-12) + pend / noise) } else { var };
            (g, mean, var.sqrt())
        }).collect();
        let pend: Vec<&[f32]> = self.groups.iter().filter(|g| g.losses.is_empty() && g.pending > 0).filter_map(|g| self.history.get(g.first)).map(|t| t.features.as_slice()).collect();
        if !pend.is_empty() {
            let mut values = values;
            for p in &pend { values.push(gaussian.mean(p)); }
            for p in &pend { gaussian.see(p, 1.0); }
            gaussian.explain(&values);
        }
        self.model = Some(Model { gaussian, judged, best, nugget, noise });
    }

    /// An evaluation again of the leader or of who may beat it, whoever is less known
    fn again(&self) -> Option<D::Point> {
        let model = self.model.as_ref()?;
        let lead = model.judged.first()?;
        let doubt = |t: &(usize, f64, f64)| (t.1 - lead.1) / (t.2.powi(2) + lead.2.powi(2)).sqrt().max(1e-9);
        let top = model.judged.iter().take(20).skip(1).min_by(|a, b| doubt(a).total_cmp(&doubt(b)))?;
        if doubt(top) > env("SURE", 99.0) { return None; }
        let top = if top.2 > lead.2 { top } else { lead };
        self.history.get(self.groups[top.0].first).map(|t| t.point.clone())
    }

    /// gain of evaluating known points again
    fn gains(&self) -> Option<(f64, D::Point)> {
        let model = self.model.as_ref()?;
        let lead = model.judged.first()?;
        let second = model.judged.get(1)?;
        let best = model.judged.iter().take(20).map(|t| {
            let change = (t.2.powi(4) / (t.2.powi(2) + model.noise)).sqrt().max(1e-9);
            let gap = if t.0 == lead.0 { second.1 - lead.1 } else { t.1 - lead.1 };
            (log_improvement(gap, change, 0.0), t.0)
        }).max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some((best.0, self.history.get(self.groups[best.1].first)?.point.clone()))
    }

    /// the best whose loss is unlike all others
    fn probe(&self) -> Option<D::Point> {
        let mut done: Vec<&Group> = self.groups.iter().filter(|g| g.losses.len() == 1).collect();
        done.sort_by(|a, b| a.mean().total_cmp(&b.mean()));
        (0..done.len()).find(|&i| (i == 0 || done[i - 1].mean() != done[i].mean()) && (i + 1 == done.len() || done[i + 1].mean() != done[i].mean()))
            .and_then(|i| self.history.get(done[i].first)).map(|t| t.point.clone())
    }

    fn propose(&self, domain: &D, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let model = self.model.as_ref()?;
        let mut seen: HashSet<D::Key> = HashSet::new();
        let mut pool: Vec<(f64, D::Point)> = Vec::new();
        let consider = |point: D::Point, pool: &mut Vec<(f64, D::Point)>, seen: &mut HashSet<D::Key>| {
            let key = domain.key(&point);
            if self.history.knows(&key) || !seen.insert(key) { return; }
            let belief = model.gaussian.believe(&domain.features(&point));
            pool.push((log_improvement(belief.mean, { let v = env("KAPPA", 1.5) * belief.deviation.powi(2) + env("NUG", 0.0) * model.nugget; (v * v / (v + env("KGN", 0.0) * model.noise).max(1e-300)).sqrt().max(1e-9) }, model.best - env("XI", 0.0)), point));
        };
        let elite = env("ELITE", 8.0) as usize;
        let parents: Vec<D::Point> = model.judged.iter().take(elite).filter_map(|(g, _, _)| self.history.get(self.groups[*g].first)).map(|t| t.point.clone()).collect();
        for _ in 0..env("RAND", 100.0) as usize {
            if let Some(p) = domain.random(rng) { consider(p, &mut pool, &mut seen); }
        }
        for round in 0..env("MUT", 200.0) as usize {
            let at = (rng.random::<f64>().powi(2) * parents.len() as f64) as usize;
            let mut p = parents[at.min(parents.len() - 1)].clone();
            for _ in 0..=(round % 3) {
                if let Some(q) = domain.mutate(&p, rng) { p = q; }
            }
            consider(p, &mut pool, &mut seen);
        }
        for _ in 0..env("CROSS", 20.0) as usize {
            let (a, b) = (rng.random_range(0..parents.len()), rng.random_range(0..parents.len()));
            if let Some(p) = domain.crossover(&parents[a], &parents[b], rng) { consider(p, &mut pool, &mut seen); }
        }
        // climb
        let mut climbed: HashSet<D::Key> = HashSet::new();
        for _ in 0..env("CLIMB", 8.0) as usize {
            pool.sort_by(|a, b| b.0.total_cmp(&a.0));
            let Some(from) = pool.iter().take(3).map(|(_, p)| p).find(|p| !climbed.contains(&domain.key(p))).cloned() else { break };
            climbed.insert(domain.key(&from));
            for q in domain.neighbours(&from, 40, rng) { consider(q, &mut pool, &mut seen); }
        }
        let best = pool.into_iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
        if env("KG", 0.0) > 0.0 && self.unsure() && let Some(g) = self.gains() && g.0 + env("KGB", 0.0) > best.0 { return Some(g.1); }
        Some(best.1)
    }

    fn spread(&self, domain: &D, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let trials = self.history.trials();
        let ones = vec![1.0; domain.scales().len()];
        let mut best: Option<(f32, D::Point)> = None;
        for _ in 0..env("SPREAD", 10.0) as usize {
            let Some(p) = fresh_random(domain, &self.history, rng) else { break };
            let f = domain.features(&p);
            let d = trials.iter().map(|t| super::model::kernel::squared_distance(domain.scales(), &ones, &t.features, &f)).fold(f32::INFINITY, f32::min);
            if best.as_ref().is_none_or(|b| d > b.0) { best = Some((d, p)); }
        }
        best.map(|b| b.1)
    }
}

fn log_improvement(mean: f64, deviation: f64, best: f64) -> f64 {
    let z = (best - mean) / deviation;
    let (density, below) = normal(z);
    let unit = if z > -3.5 { (density + z * below).max(1e-300).ln() } else {
        let s = z * z;
        -0.5 * s - 0.5 * std::f64::consts::TAU.ln() + (1.0 / s - 3.0 / (s * s) + 15.0 / (s * s * s)).max(0.3 / s).ln()
    };
    unit + deviation.ln()
}

impl<D: Domain> Hatchery<D> {
    fn choose(&mut self, domain: &D, context: &Context, rng: &mut ChaCha8Rng) -> Option<D::Point> {
        let started = self.history.trials().len();
        if started < env("INIT", 10.0) as usize { return self.spread(domain, rng); }
        let tests = self.groups.iter().map(|g| (g.losses.len() + g.pending as usize).saturating_sub(1)).sum::<usize>();
        self.replicates = tests;
        if started >= 15 && tests < 1 || started >= 25 && tests < 2 {
            if let Some(p) = self.probe() { return Some(p); }
        }
        self.update(domain);
        if self.model.is_none() { return self.spread(domain, rng); }
        if self.unsure() {
            let left = context.evaluations_left.unwrap_or(u64::MAX) as f64;
            let all = context.evaluations.unwrap_or(u64::MAX) as f64;
            let inter = env("INTER", 0.0) as usize;
            if left <= env("FINAL", 0.3) * all || inter > 0 && started % inter == 0 {
                if let Some(p) = self.again() { return Some(p); }
            }
        }
        self.propose(domain, rng)
    }
}

impl<D: Domain> Strategy<D> for Hatchery<D> {
    fn ask(&mut self, domain: &D, context: &Context) -> Ask<D::Point> {
        let mut rng = self.chance.next();
        let started = self.history.trials().len();
        let left = context.evaluations_left.unwrap_or(u64::MAX);
        let pending = self.history.pending().len();
        let done = started - pending;
        if context.workers > 1 && pending > 0 && left < u64::from(context.workers) && (done as f64) < env("HOLD", 0.0) * started as f64 {
            return Ask::Wait;
        }
        let point = self.choose(domain, context, &mut rng).or_else(|| fresh_random(domain, &self.history, &mut rng));
        let Some(point) = point else { return Ask::Exhausted };
        let key = domain.key(&point);
        let ask = self.history.start(domain, point);
        let Ask::Evaluate(id, _) = &ask else { return ask };
        let groups = &mut self.groups;
        let g = *self.group_of.entry(key).or_insert_with(|| { groups.push(Group { first: *id, losses: vec![], pending: 0 }); groups.len() - 1 });
        self.groups[g].pending += 1;
        ask
    }

    fn tell(&mut self, domain: &D, trial: TrialId, outcome: &Outcome) {
        if !self.history.tell(trial, outcome) { return; }
        let Some(t) = self.history.get(trial) else { return };
        let Some(&g) = self.group_of.get(&domain.key(&t.point)) else { return };
        match &t.progress {
            Progress::Pending(_) => {}
            Progress::Done(l) => { self.groups[g].pending -= 1; self.groups[g].losses.push(l[0]); }
            Progress::Failed => self.groups[g].pending -= 1,
        }
    }

    fn incumbent(&mut self, domain: &D) -> Option<TrialId> {
        self.update(domain);
        let model = self.model.as_ref();
        let k = env("LCB", 0.5);
        if let Some(top) = model.and_then(|m| m.judged.iter().take(20).min_by(|a, b| (a.1 + k * a.2).total_cmp(&(b.1 + k * b.2)))) {
            if std::env::var("DEBUG").is_ok() { for t in model.unwrap().judged.iter().take(10) { eprintln!("{:?} {:.3} +- {:.3} of {:?}", t.0, t.1, t.2, self.groups[t.0].losses); } }
            return Some(self.groups[top.0].first);
        }
        self.history.best().map(|(trial, _)| trial)
    }
}
