//! Replays a strategy on a benchmark table, seed by seed, and sums up what it hands over.

use super::table::{Results, Table};
use super::world::{Game, play};
use super::{StrategyName, by_name};
use crate::median;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is replayed.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a> {
    /// Where.
    pub table: &'a Table,
    /// What the strategy is told: one of the columns for each evaluation, drawn anew.
    pub objective: &'a Results,
    /// What it is judged by: the mean of the columns.
    pub report: &'a Results,
    /// Which strategy.
    pub strategy: StrategyName,
    /// Evaluations of one search.
    pub evaluations: u64,
    /// Evaluations side by side.
    pub workers: u32,
    /// Searches: seeds 0, 1, ..
    pub seeds: u64,
    /// How far from the best report still counts as the optimum, in the report's own unit.
    pub tolerance: f64,
    /// Searches side by side.
    pub threads: usize,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Which strategy.
    pub strategy: &'static str,
    /// Evaluations of one search.
    pub evaluations: u64,
    /// Evaluations side by side.
    pub workers: u32,
    /// Searches.
    pub seeds: u64,
    /// Mean report of whom the searches hand over.
    pub report_mean: f64,
    /// Its standard deviation from search to search.
    pub report_sd: f64,
    /// Its median.
    pub report_median: f64,
    /// Median share of rows whose report is strictly better: 0 is the best place of the table.
    pub rank_median: f64,
    /// Share of searches whose report is within the tolerance of the table's best.
    pub optimum_share: f64,
    /// Mean simulated time of a search; the median of one evaluation is 1.
    pub simulated_time_mean: f64,
}

/// The usual tolerance: a tenth where results are percentages; else a thousandth of what lies between the best row
/// and the median one.
pub fn usual_tolerance(table: &Table, report: &Results) -> f64 {
    let sorted = sorted_losses(table, report);
    let (best, middle) = (sorted[0], sorted[sorted.len() / 2]);
    let is_percentage =
        (1.5..=100.0).contains(&report.value(best)) && report.value(best) > report.value(middle);
    if is_percentage { 0.1 } else { 1e-3 * (middle - best) }
}

fn sorted_losses(table: &Table, report: &Results) -> Vec<f64> {
    let mut losses: Vec<f64> = (0..table.rows()).map(|row| report.mean_loss(row)).collect();
    losses.sort_by(f64::total_cmp);
    losses
}

/// Plays all searches. `None` where one of them hands over nobody, which takes a table without rows.
pub fn replay(request: &Replay<'_>) -> Option<Summary> {
    let mut ended = play_all(request);
    ended.sort_by_key(|(seed, _, _)| *seed);
    let mut losses = Vec::with_capacity(ended.len());
    let mut time = 0.0;
    for (_, row, duration) in ended {
        losses.push(request.report.mean_loss(row?));
        time += duration;
    }
    let count = losses.len().max(1) as f64;
    let mean = losses.iter().sum::<f64>() / count;
    let squares: f64 = losses.iter().map(|loss| (loss - mean).powi(2)).sum();
    losses.sort_by(f64::total_cmp);
    let all = sorted_losses(request.table, request.report);
    let rank = |loss: &f64| all.partition_point(|other| other < loss) as f64 / all.len() as f64;
    let near = losses.iter().filter(|loss| **loss <= all[0] + request.tolerance).count();
    Some(Summary {
        strategy: request.strategy.name(),
        evaluations: request.evaluations,
        workers: request.workers,
        seeds: request.seeds,
        report_mean: request.report.value(mean),
        report_sd: (squares / (count - 1.0).max(1.0)).sqrt(),
        report_median: request.report.value(median::of_sorted(&losses)?),
        rank_median: median::of_sorted(&losses.iter().map(rank).collect::<Vec<_>>())?,
        optimum_share: near as f64 / count,
        simulated_time_mean: time / count,
    })
}

/// Seed, row handed over and time of each search, in any order.
fn play_all(request: &Replay<'_>) -> Vec<(u64, Option<u32>, f64)> {
    let next = AtomicU64::new(0);
    let worker = || {
        let mut ended = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= request.seeds {
                return ended;
            }
            let game = Game {
                table: request.table,
                objective: request.objective,
                evaluations: request.evaluations,
                workers: request.workers,
            };
            let played = play(&game, &mut *by_name(request.strategy, seed), seed);
            ended.push((seed, played.row, played.time));
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..request.threads).map(|_| scope.spawn(worker)).collect();
        let mut ended = worker();
        for other in others {
            match other.join() {
                Ok(more) => ended.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        ended
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let rows = (0..200).map(|x| format!("{x},{},{}\n", 90.0 - f64::from(x) * 0.04, 80 - x % 7));
        Table::parse(format!("x,valid,test_acc\n{}", rows.collect::<String>()).as_bytes()).unwrap()
    }

    #[test]
    fn a_summary_is_the_same_with_any_number_of_threads() {
        let table = table();
        let results = table.results("valid").unwrap();
        let request = |threads| Replay {
            table: &table,
            objective: &results,
            report: &results,
            strategy: StrategyName::Random,
            evaluations: 20,
            workers: 3,
            seeds: 9,
            tolerance: usual_tolerance(&table, &results),
            threads,
        };
        let summary = replay(&request(1)).unwrap();
        assert_eq!(Some(summary.clone()), replay(&request(4)));
        assert_eq!((summary.seeds, summary.evaluations, summary.strategy), (9, 20, "random"));
        assert!(summary.report_mean > 86.0 && summary.report_mean <= 90.0);
        assert!(summary.rank_median < 0.2 && summary.simulated_time_mean < 20.0 * 1.6 / 3.0 + 3.0);
    }

    #[test]
    fn percentages_have_a_tolerance_of_a_tenth_and_others_by_their_spread() {
        let table = table();
        assert_eq!(usual_tolerance(&table, &table.results("valid").unwrap()), 0.1);
        let small = Table::parse(b"x,valid_mse\n1,0.5\n2,0.1\n3,0.3\n").unwrap();
        assert!((usual_tolerance(&small, &small.results("valid").unwrap()) - 2e-4).abs() < 1e-12);
    }
}
