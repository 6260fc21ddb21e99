//! What every strategy owes: determinism, no duplicates, the budget, an incumbent; on grids, tables with holes, and
//! domains with absent features.

use super::domain::{ABSENT, Domain, Scale};
use super::history::{History, Progress};
use super::strategy::{Ask, Context, Outcome, Strategy, TrialId};
use super::table::Table;
use super::world::{Game, play};
use super::{StrategyName, by_name};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

mod judged;
mod rebuilt;

const POOL: u32 = Context::POOL_USUAL;

/// A table of words and numbers with one best row; only one row in `holes` is left out. Noise differs by column.
fn table(noise: f64, holes: u32) -> Table {
    let mut text = String::from("kind,other,width,rate,valid_a,valid_b,test_mean\n");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let words = ["conv", "none", "pool", "skip"];
    for row in 0..4 * 4 * 6 * 6 {
        let (kind, other, width, rate) = (row % 4, row / 4 % 4, row / 16 % 6, row / 96);
        let truth = [3.0, 0.0, 1.0, 2.0][kind as usize] + [2.0, 0.0, 2.5, 0.5][other as usize]
            - 0.3 * f64::from((width - 4) * (width - 4))
            - 0.5 * f64::from((rate - 2) * (rate - 2));
        let mut noisy = || truth + noise * (rng.random::<f64>() - 0.5);
        let (a, b) = (noisy(), noisy());
        let best = kind == 0 && other == 2 && width == 4 && rate == 2;
        if holes > 0 && !best && rng.random_range(0..holes) > 0 {
            continue;
        }
        let (kind, other) = (words[kind as usize], words[other as usize]);
        writeln!(text, "{kind},{other},{},1e-{rate},{a},{b},{truth}", 1 << width).unwrap();
    }
    Table::parse(text.as_bytes()).unwrap()
}

/// Plays a strategy, keeping what it asked for.
fn asked(name: StrategyName, table: &Table, seed: u64, evaluations: u64, workers: u32) -> Vec<u32> {
    let objective = table.results("valid_a").unwrap();
    let mut recorder = Recorder { inner: by_name(name, seed), asked: Vec::new(), left: Vec::new() };
    let game = Game { table, objective: &objective, evaluations, workers };
    let played = play(&game, &mut recorder, seed);
    assert!(played.row.is_some_and(|row| recorder.asked.contains(&row)), "{name:?} hands over a stranger");
    let expected: Vec<u64> = (0..recorder.asked.len() as u64).map(|done| evaluations - done).collect();
    assert_eq!(recorder.left, expected, "{name:?}: the budget goes down one by one");
    assert_eq!(played.evaluations, recorder.asked.len() as u64);
    recorder.asked
}

struct Recorder {
    inner: Box<dyn Strategy<Table>>,
    asked: Vec<u32>,
    left: Vec<u64>,
}

impl Strategy<Table> for Recorder {
    fn ask(&mut self, domain: &Table, context: &Context) -> Ask<u32> {
        let ask = self.inner.ask(domain, context);
        if let Ask::Evaluate(_, row) = &ask {
            self.asked.push(*row);
            self.left.extend(context.evaluations_left);
        }
        ask
    }

    fn adopt(&mut self, domain: &Table, row: u32) -> TrialId {
        self.inner.adopt(domain, row)
    }

    fn tell(&mut self, domain: &Table, trial: TrialId, outcome: &Outcome) {
        self.inner.tell(domain, trial, outcome);
    }

    fn incumbent(&mut self, domain: &Table) -> Option<TrialId> {
        self.inner.incumbent(domain)
    }
}

#[test]
fn the_same_seed_asks_the_same_and_another_does_not() {
    let table = table(0.5, 0);
    for name in StrategyName::ALL {
        for workers in [1, 7] {
            let first = asked(name, &table, 1, 60, workers);
            assert_eq!(first, asked(name, &table, 1, 60, workers), "{name:?}");
            assert_ne!(first, asked(name, &table, 2, 60, workers), "{name:?}");
        }
    }
}

#[test]
fn no_point_is_asked_for_twice_but_by_who_doubts_a_result() {
    let table = table(0.0, 0);
    for name in StrategyName::ALL {
        let asked = asked(name, &table, 3, 80, 4);
        let different = asked.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(asked.len(), 80, "{name:?}");
        let tests = if name == StrategyName::Hatchery { 2 } else { 0 };
        assert!(asked.len() - different <= tests, "{name:?}: {different} different");
    }
}

#[test]
fn where_results_are_noisy_the_leaders_are_evaluated_again() {
    let asked = asked(StrategyName::Hatchery, &table(4.0, 0), 3, 80, 1);
    // One column alone is exact; drawing between the two is not.
    let exact = asked.len() - asked.iter().collect::<BTreeSet<_>>().len();
    assert!(exact <= 2, "{exact}");
    let table = table(4.0, 0);
    let objective = table.results("valid").unwrap();
    let mut recorder = Recorder { inner: by_name(StrategyName::Hatchery, 3), asked: vec![], left: vec![] };
    play(&Game { table: &table, objective: &objective, evaluations: 80, workers: 1 }, &mut recorder, 3);
    let repeated = recorder.asked.len() - recorder.asked.iter().collect::<BTreeSet<_>>().len();
    assert!((16..=26).contains(&repeated), "{repeated} evaluations were repeated");
}

#[test]
fn everything_is_found_and_then_the_space_is_exhausted() {
    let table = table(0.0, 12);
    let rows = u64::from(table.rows());
    for name in StrategyName::ALL {
        let asked = asked(name, &table, 5, rows + 60, 3);
        let different = asked.iter().collect::<BTreeSet<_>>().len() as u64;
        assert_eq!(different, rows, "{name:?} found {different} of {rows} rows in {} tries", asked.len());
    }
}

#[test]
fn the_best_row_is_found_even_where_most_rows_are_missing() {
    for (table, evaluations) in [(table(0.0, 0), 120), (table(0.0, 4), 60)] {
        let report = table.results("test").unwrap();
        let least = (0..table.rows()).map(|row| report.mean_loss(row)).fold(f64::INFINITY, f64::min);
        let game = Game { table: &table, objective: &report, evaluations, workers: 1 };
        let found = (0..10).filter(|&seed| {
            let played = play(&game, &mut *by_name(StrategyName::Hatchery, seed), seed);
            report.mean_loss(played.row.unwrap()) == least
        });
        assert!(found.count() >= 9, "of 10 seeds");
    }
}

#[test]
fn failures_and_nonsense_are_survived() {
    let table = table(0.5, 0);
    let objective = table.results("valid_a").unwrap();
    for name in StrategyName::ALL {
        let mut strategy = by_name::<Table>(name, 1);
        let mut ended = HashSet::new();
        for at in 0..60_u64 {
            let context =
                Context { evaluations_left: Some(60 - at), evaluations: Some(60), workers: 1, pool: POOL };
            let Ask::Evaluate(trial, row) = strategy.ask(&table, &context) else { panic!("{name:?} {at}") };
            let outcome = match at % 4 {
                0 => Outcome::Failed,
                1 => Outcome::Done(vec![f64::NAN]),
                _ => Outcome::Done(vec![objective.loss(row, 0)]),
            };
            strategy.tell(&table, trial, &Outcome::Partial(vec![1e3]));
            strategy.tell(&table, trial, &outcome);
            // Told again, or of a stranger: nothing happens.
            strategy.tell(&table, trial, &Outcome::Done(vec![-1e9]));
            strategy.tell(&table, TrialId(1 << 40), &Outcome::Done(vec![-1e9]));
            if at % 4 > 1 {
                ended.insert(trial);
            }
        }
        let incumbent = strategy.incumbent(&table).unwrap();
        assert!(ended.contains(&incumbent), "{name:?} hands over what failed");
    }
}

#[test]
fn where_everything_fails_nobody_is_handed_over() {
    let table = table(0.5, 0);
    for name in StrategyName::ALL {
        let mut strategy = by_name::<Table>(name, 1);
        assert_eq!(strategy.incumbent(&table), None);
        for at in 0..40_u64 {
            let context =
                Context { evaluations_left: Some(40 - at), evaluations: Some(40), workers: 1, pool: POOL };
            let Ask::Evaluate(trial, _) = strategy.ask(&table, &context) else { panic!("{name:?} {at}") };
            strategy.tell(&table, trial, &Outcome::Failed);
        }
        assert_eq!(strategy.incumbent(&table), None, "{name:?}");
    }
}

#[test]
fn one_evaluation_is_enough_for_an_incumbent() {
    let table = table(0.5, 0);
    for name in StrategyName::ALL {
        assert_eq!(asked(name, &table, 1, 1, 1).len(), 1, "{name:?}");
    }
}

/// Layers of which there may be one or two; the width of the second is absent where there is one.
struct Layers {
    scales: Vec<Scale>,
}

impl Domain for Layers {
    type Point = (u8, Option<u8>);
    type Key = (u8, Option<u8>);

    fn key(&self, point: &Self::Point) -> Self::Key {
        *point
    }

    fn scales(&self) -> &[Scale] {
        &self.scales
    }

    fn features(&self, point: &Self::Point) -> Vec<f32> {
        vec![f32::from(point.0) / 31.0, point.1.map_or(ABSENT, |width| f32::from(width) / 31.0)]
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Option<Self::Point> {
        let second = rng.random_range(0..2) == 0;
        Some((rng.random_range(0..32), second.then(|| rng.random_range(0..32))))
    }

    fn mutate(&self, point: &Self::Point, rng: &mut ChaCha8Rng) -> Option<Self::Point> {
        match (rng.random_range(0..3), point.1) {
            (0, Some(_)) => Some((point.0, None)),
            (0, None) => Some((point.0, Some(rng.random_range(0..32)))),
            (1, Some(_)) => Some((point.0, Some(rng.random_range(0..32)))),
            _ => Some((rng.random_range(0..32), point.1)),
        }
    }

    fn crossover(&self, one: &Self::Point, other: &Self::Point, _: &mut ChaCha8Rng) -> Option<Self::Point> {
        Some((one.0, other.1))
    }

    fn neighbours(&self, point: &Self::Point, max: usize, _: &mut ChaCha8Rng) -> Vec<Self::Point> {
        let step = |width: u8| [width.saturating_sub(1), (width + 1).min(31)];
        let firsts = step(point.0).map(|first| (first, point.1));
        let seconds = point.1.into_iter().flat_map(step).map(|second| (point.0, Some(second)));
        firsts.into_iter().chain(seconds).take(max).collect()
    }

    fn size(&self) -> Option<u64> {
        None
    }
}

#[test]
fn a_domain_with_absent_features_is_searched_and_partial_results_make_parents() {
    let loss = |point: (u8, Option<u8>)| {
        let second = point.1.map_or(400.0, |width| (f64::from(width) - 20.0).powi(2));
        (f64::from(point.0) - 11.0).powi(2) + second
    };
    let domain = Layers { scales: vec![Scale::Ordered, Scale::Ordered] };
    for seed in 0..5 {
        let mut strategy = by_name::<Layers>(StrategyName::Hatchery, seed);
        let mut running = Vec::new();
        let mut best = f64::INFINITY;
        for at in 0..70_u64 {
            let context =
                Context { evaluations_left: Some(70 - at), evaluations: Some(70), workers: 4, pool: POOL };
            let Ask::Evaluate(trial, point) = strategy.ask(&domain, &context) else { panic!("{at}") };
            strategy.tell(&domain, trial, &Outcome::Partial(vec![loss(point) * 1.1 + 1.0]));
            running.push((trial, point));
            if running.len() == 4 {
                let (trial, point) = running.remove(0);
                best = best.min(loss(point));
                strategy.tell(&domain, trial, &Outcome::Done(vec![loss(point)]));
            }
        }
        assert!(best <= 2.0, "seed {seed}: {best}");
    }
}

#[test]
fn several_losses_end_in_a_front_that_spreads() {
    let domain = Layers { scales: vec![Scale::Ordered, Scale::Ordered] };
    let mut strategy = super::nsga2::Nsga2::<Layers>::new(1);
    let mut losses = Vec::new();
    let context = Context { evaluations_left: None, evaluations: None, workers: 1, pool: POOL };
    for _ in 0..400 {
        let Ask::Evaluate(trial, (one, two)) = strategy.ask(&domain, &context) else { panic!() };
        let two = two.map_or(31.0, f64::from);
        let both = vec![f64::from(one) / 31.0 + two / 31.0, 1.0 - f64::from(one) / 31.0 + two / 31.0];
        losses.push(both.clone());
        strategy.tell(&domain, trial, &Outcome::Done(both));
    }
    let front: Vec<&[f64]> =
        strategy.front().iter().map(|trial| losses[trial.0 as usize].as_slice()).collect();
    let volume = super::pareto::hypervolume(&front, &[2.0, 2.0]);
    // The true front is x + y = 1.
    assert!(volume > 3.3 && front.len() >= 20, "{volume} by {}", front.len());
}

#[test]
fn a_history_counts_points_and_ignores_strangers() {
    let table = table(0.0, 0);
    let mut history = History::<Table>::default();
    let Ask::Evaluate(first, _) = history.start(&table, 5) else { panic!() };
    let Ask::Evaluate(second, _) = history.start(&table, 5) else { panic!() };
    assert!(history.tell(second, &Outcome::Done(vec![1.0])));
    assert!(!history.tell(second, &Outcome::Done(vec![0.0])), "it has ended");
    assert!(!history.tell(TrialId(9), &Outcome::Failed), "nobody asked");
    assert!(!history.tell(first, &Outcome::Partial(vec![])), "nothing is no result");
    assert_eq!((history.points(), history.of(&5).len(), history.pending().len()), (1, 2, 1));
    assert_eq!(history.best(), Some((second, 1.0)));
}
