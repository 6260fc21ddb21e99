//! A snapshot on a terminal: one bar for the limits, one line for the figures, one for each trainer.

use super::{
    lines::{finale, left},
    write_score,
};
use crate::output::{duration, grouped};
use hatchery_actors::{
    progress::{Finalists, Progress, TrainerProgress},
    protocol::LeaseKind,
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Steps of the bar.
const STEPS: u64 = 1000;
/// Trainers that get a line; of more, the first.
const TRAINERS_MAX: usize = 16;

pub(super) struct Bars {
    accuracy: bool,
    all: MultiProgress,
    bar: ProgressBar,
    figures: ProgressBar,
    trainers: Vec<ProgressBar>,
}

impl Bars {
    pub(super) fn new(accuracy: bool) -> Self {
        let all = MultiProgress::new();
        let bar = all.add(ProgressBar::new(STEPS).with_style(style("{bar:40.cyan/blue} {msg}")));
        let figures = all.add(ProgressBar::new_spinner().with_style(style("{wide_msg}")));
        Self { accuracy, all, bar, figures, trainers: Vec::new() }
    }

    pub(super) fn print(&self, line: &str) {
        _ = self.all.println(line);
    }

    pub(super) fn draw(&mut self, progress: &Progress) {
        let left = left(progress);
        let paused = progress.paused.as_ref().map(|reason| format!(", paused: {reason}")).unwrap_or_default();
        self.bar.set_position((share_done(progress) * STEPS as f64) as u64);
        let (stage, elapsed) = (progress.stage.word(), duration(progress.elapsed_seconds));
        self.bar.set_message(format!("{stage} {elapsed}{left}{paused}"));
        self.figures.set_message(finale(progress).unwrap_or_else(|| self.figures_line(progress)));
        for (index, trainer) in progress.trainers.iter().take(TRAINERS_MAX).enumerate() {
            if index == self.trainers.len() {
                let line = ProgressBar::new_spinner().with_style(style("  {wide_msg:.dim}"));
                self.trainers.push(self.all.add(line));
            }
            if let Some(line) = self.trainers.get(index) {
                line.set_message(self.trainer_line(trainer));
            }
        }
    }

    fn figures_line(&self, progress: &Progress) -> String {
        let of = progress.evaluations_max.map(|count| format!(" of {count}")).unwrap_or_default();
        let best = progress.best.as_ref().map_or(String::new(), |best| {
            format!(
                " · best {} (network {}, {} parameters)",
                write_score(self.accuracy, best.score),
                best.individual,
                grouped(best.parameters)
            )
        });
        format!("{}{of} evaluated · {:.0} an hour{best}", progress.evaluations, progress.per_hour)
    }

    fn trainer_line(&self, trainer: &TrainerProgress) -> String {
        let Some(work) = &trainer.work else { return format!("{}: waits", trainer.name) };
        // The final training has no samples left to be scored on.
        let score = work.score.filter(|_| work.kind != LeaseKind::Final);
        let score = score.map(|score| format!(", {}", write_score(self.accuracy, score))).unwrap_or_default();
        format!(
            "{}: {} {}, epoch {}/{}{score}  {}",
            trainer.name,
            work.kind.word(),
            work.individual,
            work.epoch,
            work.epochs,
            work.summary
        )
    }

    pub(super) fn close(self) {
        for line in self.trainers.iter().chain([&self.figures, &self.bar]) {
            line.finish_and_clear();
        }
        _ = self.all.clear();
    }
}

/// How much of the limits is used, 0 to 1; while the best are compared, how much of that is done.
fn share_done(progress: &Progress) -> f64 {
    if let Some(Finalists { ended, of }) = progress.finalists {
        return ((f64::from(ended) + under_way(progress)) / f64::from(of.max(1))).clamp(0.0, 1.0);
    }
    let by_time = progress.seconds_left.map_or(0.0, |left| {
        let whole = progress.elapsed_seconds + left;
        if whole > 0.0 { progress.elapsed_seconds / whole } else { 1.0 }
    });
    let by_count = progress
        .evaluations_max
        .map_or(0.0, |count| f64::from(progress.evaluations) / f64::from(count.max(1)));
    by_time.max(by_count).clamp(0.0, 1.0)
}

/// Finalists' trainings that are under way, each by the share of its epochs that have ended.
fn under_way(progress: &Progress) -> f64 {
    let works = progress.trainers.iter().filter_map(|trainer| trainer.work.as_ref());
    let own = works.filter(|work| work.kind == LeaseKind::Crown);
    own.map(|work| f64::from(work.epoch) / f64::from(work.epochs.max(1))).sum()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
