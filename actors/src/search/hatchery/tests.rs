//! Hatchery's own strategy: what is particular to it.

use super::*;
use crate::search::table::Table;
use std::fmt::Write;

fn line(count: u32) -> Table {
    let mut text = String::from("x,valid\n");
    for x in 0..count {
        writeln!(text, "{x},{}", -f64::from(x)).unwrap();
    }
    Table::parse(text.as_bytes()).unwrap()
}

fn context(all: u64, at: u64, workers: u32) -> Context {
    Context { evaluations_left: Some(all - at), evaluations: Some(all), workers, pool: Context::POOL_USUAL }
}

#[test]
fn it_waits_for_knowledge_where_workers_abound_and_never_for_nothing() {
    let table = line(1000);
    let mut strategy = Hatchery::<Table>::new(1);
    let mut running = Vec::new();
    let mut started = 0;
    loop {
        match strategy.ask(&table, &context(50, started, 50)) {
            Ask::Evaluate(trial, row) => {
                running.push((trial, row));
                started += 1;
            }
            Ask::Wait => break,
            Ask::Exhausted => panic!("there are rows left"),
        }
    }
    assert!((20..45).contains(&started), "{started} were started at once");
    while started < 50 {
        let (trial, row) = running.remove(0);
        strategy.tell(&table, trial, &Outcome::Done(vec![f64::from(row)]));
        while started < 50 {
            let Ask::Evaluate(trial, row) = strategy.ask(&table, &context(50, started, 50)) else { break };
            running.push((trial, row));
            started += 1;
        }
        assert!(!running.is_empty(), "it waits although nothing is under way");
    }
}

#[test]
fn what_is_under_way_is_not_asked_for_again_and_neighbours_are_spread() {
    let table = line(1000);
    let mut strategy = Hatchery::<Table>::new(1);
    for at in 0..20 {
        let Ask::Evaluate(trial, row) = strategy.ask(&table, &context(100, at, 8)) else { panic!() };
        strategy.tell(&table, trial, &Outcome::Done(vec![(f64::from(row) - 300.0).abs()]));
    }
    let mut rows = std::collections::BTreeSet::new();
    for at in 20..28 {
        let Ask::Evaluate(_, row) = strategy.ask(&table, &context(100, at, 8)) else { panic!() };
        assert!(rows.insert(row));
    }
}

#[test]
fn a_long_history_is_answered_from_shared_pools_without_repetition() {
    let table = line(5000);
    let mut strategy = Hatchery::<Table>::new(1);
    let mut rows = std::collections::BTreeSet::new();
    let endless =
        Context { evaluations_left: None, evaluations: None, workers: 1, pool: Context::POOL_USUAL };
    for _ in 0..1500 {
        let Ask::Evaluate(trial, row) = strategy.ask(&table, &endless) else { panic!() };
        rows.insert(row);
        strategy.tell(&table, trial, &Outcome::Done(vec![(f64::from(row) - 3000.0).abs()]));
    }
    assert!(rows.len() >= 1498 && rows.contains(&3000));
    let leader = strategy.incumbent(&table).and_then(|trial| strategy.knowledge.history.get(trial)).unwrap();
    assert_eq!(leader.point, 3000);
}

#[test]
fn the_first_points_meet_most_pairs_of_words() {
    let mut text = String::from("a,b,c,d,valid\n");
    for row in 0..81 {
        let word = |place: u32| ["x", "y", "z"][(row / 3_usize.pow(place)) % 3];
        writeln!(text, "{},{},{},{},{row}", word(0), word(1), word(2), word(3)).unwrap();
    }
    let table = Table::parse(text.as_bytes()).unwrap();
    let mut strategy = Hatchery::<Table>::new(1);
    let mut pairs = std::collections::BTreeSet::new();
    for at in 0..9 {
        let Ask::Evaluate(_, row) = strategy.ask(&table, &context(81, at, 1)) else { panic!() };
        let words = table.features(&row);
        for one in 0..4 {
            pairs.extend((0..one).map(|other| (one, other, words[one] as u8, words[other] as u8)));
        }
    }
    // There are 54; nine random rows meet 35 in the mean.
    assert!(pairs.len() >= 46, "{} pairs", pairs.len());
}

#[test]
fn what_is_asked_for_before_anything_is_known_takes_no_longer_with_many_workers() {
    let table = line(5000);
    let mut strategy = Hatchery::<Table>::new(1);
    let endless =
        Context { evaluations_left: None, evaluations: None, workers: 1000, pool: Context::POOL_USUAL };
    let mut rows = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let Ask::Evaluate(_, row) = strategy.ask(&table, &endless) else { panic!() };
        assert!(rows.insert(row));
    }
}
