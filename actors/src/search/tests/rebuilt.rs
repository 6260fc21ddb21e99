//! Strategies that take in what somebody else started, and that go on after a restart.

use super::*;

/// A strategy that has adopted all of a log: what was asked for and what came of it, as far as it has ended.
fn rebuilt(name: StrategyName, table: &Table, log: &[(u32, Option<f64>)]) -> Box<dyn Strategy<Table>> {
    let mut strategy = by_name::<Table>(name, 4);
    let trials: Vec<TrialId> = log.iter().map(|(row, _)| strategy.adopt(table, *row)).collect();
    for (trial, (_, loss)) in trials.into_iter().zip(log) {
        if let Some(loss) = loss {
            strategy.tell(table, trial, &Outcome::Done(vec![*loss]));
        }
    }
    strategy
}

/// What it asks for next, told as it goes.
fn next(strategy: &mut dyn Strategy<Table>, table: &Table, from: u64, count: u64) -> Vec<(u64, u32)> {
    let objective = table.results("valid_a").unwrap();
    let ask = |at: u64| {
        let context =
            Context { evaluations_left: Some(120 - at), evaluations: Some(120), workers: 4, pool: POOL };
        let Ask::Evaluate(trial, row) = strategy.ask(table, &context) else { panic!("at {at}") };
        strategy.tell(table, trial, &Outcome::Done(vec![objective.loss(row, 0)]));
        (trial.0, row)
    };
    (from..from + count).map(ask).collect()
}

/// Forty rows, of which the last three have no result yet.
fn log(table: &Table) -> Vec<(u32, Option<f64>)> {
    let objective = table.results("valid_a").unwrap();
    (0..40_u32)
        .map(|at| (at * 13 % table.rows(), (at < 37).then(|| objective.loss(at * 13 % table.rows(), 0))))
        .collect()
}

#[test]
fn rebuilt_twice_it_goes_on_twice_in_the_same_way() {
    let table = table(0.5, 0);
    let log = log(&table);
    for name in StrategyName::ALL {
        let mut one = rebuilt(name, &table, &log);
        let mut other = rebuilt(name, &table, &log);
        let asked = next(&mut *one, &table, 40, 30);
        // Whether somebody asks for the incumbent meanwhile makes no difference.
        let mut halting = Vec::new();
        for at in 40..70 {
            other.incumbent(&table);
            halting.extend(next(&mut *other, &table, at, 1));
        }
        assert_eq!(asked, halting, "{name:?}");
        assert_eq!(asked[0].0, 40, "{name:?}: numbers go on");
        assert_eq!(one.incumbent(&table), other.incumbent(&table), "{name:?}");
    }
}

#[test]
fn chance_goes_by_the_number_of_what_is_asked_for() {
    let table = table(0.5, 0);
    let objective = table.results("valid_a").unwrap();
    for name in [StrategyName::Random, StrategyName::Aging, StrategyName::Steady, StrategyName::Nsga2] {
        let mut whole = by_name::<Table>(name, 4);
        let asked = next(&mut *whole, &table, 0, 60);
        let log: Vec<(u32, Option<f64>)> =
            asked[..30].iter().map(|(_, row)| (*row, Some(objective.loss(*row, 0)))).collect();
        let mut rest = rebuilt(name, &table, &log);
        assert_eq!(asked[30..], next(&mut *rest, &table, 30, 30), "{name:?}");
    }
}

#[test]
fn what_is_adopted_is_not_asked_for_and_may_be_handed_over() {
    let table = table(0.0, 0);
    let objective = table.results("valid_a").unwrap();
    let best = (0..table.rows()).min_by(|one, other| {
        objective.loss(*one, 0).total_cmp(&objective.loss(*other, 0)).then(one.cmp(other))
    });
    let best = best.unwrap();
    for name in StrategyName::ALL {
        let mut strategy = by_name::<Table>(name, 2);
        let first = next(&mut *strategy, &table, 0, 5);
        let adopted = strategy.adopt(&table, best);
        assert_eq!(adopted, TrialId(5));
        strategy.tell(&table, adopted, &Outcome::Done(vec![objective.loss(best, 0)]));
        assert_eq!(strategy.incumbent(&table), Some(adopted), "{name:?}");
        let asked = next(&mut *strategy, &table, 6, 60);
        let again = asked.iter().filter(|(_, row)| *row == best).count();
        assert!(again <= if name == StrategyName::Hatchery { 2 } else { 0 }, "{name:?}: {again} times");
        assert!(first.iter().chain(&asked).all(|(trial, _)| *trial != 5));
    }
}

#[test]
fn adopted_members_become_parents() {
    // Of forty words one is good, and only somebody else has found it.
    let mut rows = String::from("word,x,valid\n");
    for row in 0..8000 {
        let (word, x) = (row / 200, row % 200);
        writeln!(rows, "w{word},{x},{}", if word == 7 { 1000 + x } else { x }).unwrap();
    }
    let table = Table::parse(rows.as_bytes()).unwrap();
    let objective = table.results("valid").unwrap();
    for name in [StrategyName::Aging, StrategyName::Steady, StrategyName::Nsga2, StrategyName::Hatchery] {
        let mut strategy = by_name::<Table>(name, 3);
        let context = Context { evaluations_left: None, evaluations: None, workers: 1, pool: POOL };
        for row in 1410..1450 {
            let trial = strategy.adopt(&table, row);
            strategy.tell(&table, trial, &Outcome::Done(vec![objective.loss(row, 0)]));
        }
        let mut near = 0;
        for _ in 0..40 {
            let Ask::Evaluate(trial, row) = strategy.ask(&table, &context) else { panic!("{name:?}") };
            strategy.tell(&table, trial, &Outcome::Done(vec![objective.loss(row, 0)]));
            near += u32::from(row / 200 == 7);
        }
        assert!(near >= 5, "{name:?}: {near} of 40 descend from what was adopted");
    }
}
