//! The board on a terminal: one bar for the budget, one line for the figures, one for each trainer.

use super::board::Board;
use crate::output::duration;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;

/// Steps of the bar.
const STEPS: u64 = 1000;
/// Trainers that get a line; of more, the first.
const TRAINERS_MAX: usize = 16;

pub(super) struct Bars {
    all: MultiProgress,
    budget: ProgressBar,
    figures: ProgressBar,
    trainers: BTreeMap<u32, ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Self {
        let all = MultiProgress::new();
        let budget = all.add(ProgressBar::new(STEPS).with_style(style("{bar:40.cyan/blue} {msg}")));
        let figures = all.add(ProgressBar::new_spinner().with_style(style("{msg}")));
        Self { all, budget, figures, trainers: BTreeMap::new() }
    }

    pub(super) fn print(&self, line: &str) {
        _ = self.all.println(line);
    }

    pub(super) fn draw(&mut self, board: &Board, now_s: f64) {
        let left =
            board.left_s(now_s).map(|left| format!(", about {} left", duration(left))).unwrap_or_default();
        self.budget.set_position((board.share_done(now_s) * STEPS as f64) as u64);
        self.budget.set_message(format!("{} {}{left}", board.stage, duration(now_s)));
        let of = board.budget.evaluations.map(|count| format!(" of {count}")).unwrap_or_default();
        let best = board.best.map_or(String::new(), |(id, score, parameters)| {
            format!(" · best {}, network {id}, {parameters} parameters", board.score(score))
        });
        self.figures.set_message(format!(
            "{}{of} evaluated · {:.0} an hour{best}",
            board.done,
            board.rate(now_s)
        ));
        for (slot, work) in board.work.iter().take(TRAINERS_MAX) {
            let score = work.score.map(|score| format!(" {}", board.score(score))).unwrap_or_default();
            let all = &self.all;
            let line = self.trainers.entry(*slot).or_insert_with(|| {
                all.add(ProgressBar::new_spinner().with_style(style("  {wide_msg:.dim}")))
            });
            line.set_message(format!(
                "{slot}: {} {} epoch {}/{}{score}  {}",
                work.kind, work.id, work.epoch, work.epochs, work.summary
            ));
        }
        for (slot, line) in &self.trainers {
            if !board.work.contains_key(slot) {
                line.set_message(format!("{slot}: waits"));
            }
        }
    }

    pub(super) fn close(self) {
        for line in self.trainers.values().chain([&self.figures, &self.budget]) {
            line.finish_and_clear();
        }
        _ = self.all.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
