//! What is worth a line: a plain struct that compares each snapshot with the one before.

use super::write_score;
use crate::output::{duration, grouped};
use hatchery_actors::{
    journal::Stage,
    progress::{Finalists, Progress, Work},
    protocol::LeaseKind,
};

/// Seconds between two lines that say how far it is.
const STATUS_EVERY_S: f64 = 10.0;

/// Trainings at full length that a line names.
const FINALISTS_SHOWN_MAX: usize = 4;

/// Seconds without a worker after which that is said.
const LONELY_S: f64 = 5.0;

/// What has been said so far.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    accuracy: bool,
    stage: Option<&'static str>,
    best: Option<u64>,
    finalists: u32,
    paused: Option<String>,
    lonely: bool,
    last_s: f64,
}

impl Lines {
    pub(super) const fn new(accuracy: bool) -> Self {
        Self { accuracy, stage: None, best: None, finalists: 0, paused: None, lonely: false, last_s: 0.0 }
    }

    /// Lines on what has changed.
    pub(super) fn happened(&mut self, progress: &Progress) -> Vec<String> {
        let at = format!("[{:>6}]", duration(progress.elapsed_seconds));
        let mut lines = Vec::new();
        let stage = progress.stage.word();
        if self.stage.replace(stage) != Some(stage) {
            lines.push(format!("{at} {}", explain(progress.stage)));
        }
        if let Some(best) = &progress.best
            && self.best.replace(best.evaluation.0) != Some(best.evaluation.0)
        {
            lines.push(format!(
                "{at} new best: network {}, validation {}, {} parameters: {}",
                best.individual,
                write_score(self.accuracy, best.score),
                grouped(best.parameters),
                best.summary
            ));
        }
        if let Some(Finalists { ended, of }) = progress.finalists
            && std::mem::replace(&mut self.finalists, ended) < ended
        {
            lines.push(format!("{at} {ended} of {of} finalists trained"));
        }
        if self.paused != progress.paused {
            self.paused.clone_from(&progress.paused);
            lines.push(match &self.paused {
                Some(reason) => format!("{at} paused: {reason}"),
                None => format!("{at} goes on"),
            });
        }
        if !lines.is_empty() {
            self.last_s = progress.elapsed_seconds;
        }
        lines
    }

    /// The line on there being no worker for so many seconds, or one again, where that is news.
    pub(super) fn company(&mut self, progress: &Progress, alone_s: f64) -> Option<String> {
        let lonely = alone_s >= LONELY_S && progress.stage != Stage::Done;
        let is_news = lonely || alone_s == 0.0;
        if !is_news || std::mem::replace(&mut self.lonely, lonely) == lonely {
            return None;
        }
        let at = format!("[{:>6}]", duration(progress.elapsed_seconds));
        Some(match (lonely, progress.elapsed_seconds > 0.0) {
            (true, false) => format!("{at} no worker has joined yet: the run's time begins with the first"),
            (true, true) => format!("{at} no worker is here: nothing is trained until one joins"),
            (false, _) => format!("{at} a worker is here"),
        })
    }

    /// Whether it is time to say how far it is; says so once.
    pub(super) fn is_status_due(&mut self, progress: &Progress) -> bool {
        let due = progress.elapsed_seconds - self.last_s >= STATUS_EVERY_S;
        if due {
            self.last_s = progress.elapsed_seconds;
        }
        due
    }

    /// How far it is.
    pub(super) fn status(&self, progress: &Progress) -> String {
        if let Some(finale) = finale(progress) {
            let (at, stage) = (duration(progress.elapsed_seconds), progress.stage.word());
            return format!("[{at:>6}] {stage}: {finale}{}", left(progress));
        }
        let of = progress.evaluations_max.map(|count| format!(" of {count}")).unwrap_or_default();
        let best = progress.best.as_ref().map_or(String::new(), |best| {
            format!(", best {} (network {})", write_score(self.accuracy, best.score), best.individual)
        });
        format!(
            "[{:>6}] {}: {}{of} evaluated, {:.0} an hour{best}{}",
            duration(progress.elapsed_seconds),
            progress.stage.word(),
            progress.evaluations,
            progress.per_hour,
            left(progress)
        )
    }
}

/// What a stage is for.
fn explain(stage: Stage) -> &'static str {
    match stage {
        Stage::Search => "search: candidates are bred and trained",
        Stage::Crown => "crown: the best are trained again at full length, to find the winner",
        Stage::Final => "final: the winner is trained again, on training and validation samples",
        Stage::Test => "test: the winner is tested once",
        Stage::Done => "done",
    }
}

/// How far what follows the search is: which finalists of how many are trained, and their epochs; nothing before.
pub(super) fn finale(progress: &Progress) -> Option<String> {
    let kind = match progress.stage {
        Stage::Crown => LeaseKind::Crown,
        Stage::Final => LeaseKind::Final,
        Stage::Search | Stage::Test | Stage::Done => return None,
    };
    let trained =
        progress.finalists.map(|Finalists { ended, of }| format!("{ended} of {of} finalists trained"));
    let works = progress.trainers.iter().filter_map(|trainer| trainer.work.as_ref());
    let own: Vec<&Work> = works.filter(|work| work.kind == kind).collect();
    let shown = own.iter().take(FINALISTS_SHOWN_MAX);
    let under_way = shown
        .map(|work| format!("network {} in epoch {} of {}", work.individual, work.epoch + 1, work.epochs));
    let more = own.len().saturating_sub(FINALISTS_SHOWN_MAX);
    let more = (more > 0).then(|| format!("{more} more"));
    let words: Vec<String> = trained.into_iter().chain(under_way).chain(more).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// How long it will take, as far as its limits and its rate tell: `, about 40s left`, or nothing.
pub(super) fn left(progress: &Progress) -> String {
    let searching = progress.stage == Stage::Search;
    let by_count = progress
        .evaluations_max
        .filter(|_| progress.per_hour > 0.0 && searching)
        .map(|count| f64::from(count.saturating_sub(progress.evaluations)) * 3600.0 / progress.per_hour);
    let seconds = match (progress.seconds_left, by_count) {
        (Some(time), Some(count)) => Some(time.min(count)),
        (time, count) => time.or(count),
    };
    // What follows the search takes as long as it takes, within the time that is left.
    let word = if searching { "about" } else { "at most" };
    let left = seconds.filter(|_| progress.stage != Stage::Done);
    left.map(|seconds| format!(", {word} {} left", duration(seconds))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatchery_actors::{
        progress::{Best, TrainerProgress},
        protocol::{EvaluationId, IndividualId},
    };

    fn best(evaluation: u64, score: f64) -> Option<Best> {
        Some(Best {
            individual: IndividualId(evaluation),
            evaluation: EvaluationId(evaluation),
            summary: "dense 8".to_owned(),
            score,
            loss: None,
            parameters: 1234,
            multiply_adds: 1,
        })
    }

    #[test]
    fn changes_are_said_once() {
        let mut lines = Lines::new(true);
        let mut progress = Progress::before();
        assert_eq!(lines.happened(&progress).len(), 1, "the first stage");
        assert!(lines.happened(&progress).is_empty());
        progress.best = best(3, 0.5);
        let said = lines.happened(&progress);
        assert!(said.len() == 1 && said[0].contains("50.00 %") && said[0].contains("1,234"), "{said:?}");
        assert!(lines.happened(&progress).is_empty());
        progress.paused = Some("no space left".to_owned());
        assert!(lines.happened(&progress)[0].contains("no space left"));
        progress.paused = None;
        assert!(lines.happened(&progress)[0].contains("goes on"));
    }

    #[test]
    fn that_nobody_trains_is_said_once() {
        let mut lines = Lines::new(true);
        let mut progress = Progress::before();
        assert_eq!(lines.company(&progress, 1.0), None, "workers take a moment to come");
        assert!(lines.company(&progress, 6.0).unwrap().contains("no worker has joined yet"));
        assert_eq!(lines.company(&progress, 60.0), None);
        assert!(lines.company(&progress, 0.0).unwrap().contains("a worker is here"));
        progress.elapsed_seconds = 30.0;
        assert_eq!(lines.company(&progress, 3.0), None);
        assert!(lines.company(&progress, 6.0).unwrap().contains("until one joins"));
    }

    #[test]
    fn the_comparison_of_the_best_is_told_by_finalists_and_epochs() {
        let mut lines = Lines::new(true);
        let work = |individual, epoch| TrainerProgress {
            name: format!("w/{individual}"),
            work: Some(Work {
                evaluation: EvaluationId(individual + 100),
                individual: IndividualId(individual),
                summary: "dense 8".to_owned(),
                kind: LeaseKind::Crown,
                epoch,
                epochs: 40,
                score: None,
                seconds: 1.0,
            }),
        };
        let mut progress = Progress { stage: Stage::Crown, ..Progress::before() };
        progress.finalists = Some(Finalists { ended: 0, of: 5 });
        progress.trainers = vec![work(81, 11), work(7, 0)];
        let said = "0 of 5 finalists trained, network 81 in epoch 12 of 40, network 7 in epoch 1 of 40";
        assert!(lines.status(&progress).contains(said), "{}", lines.status(&progress));
        assert_eq!(lines.happened(&progress).len(), 1, "the stage");
        progress.finalists = Some(Finalists { ended: 2, of: 5 });
        let news = lines.happened(&progress);
        assert!(news.len() == 1 && news[0].ends_with("2 of 5 finalists trained"), "{news:?}");
        assert!(lines.happened(&progress).is_empty());
        let last = Progress { stage: Stage::Final, finalists: None, ..progress.clone() };
        assert_eq!(finale(&last), None, "those are not of the final training");
    }

    #[test]
    fn the_status_comes_now_and_then() {
        let mut lines = Lines::new(true);
        let mut progress = Progress::before();
        progress.elapsed_seconds = 9.0;
        assert!(!lines.is_status_due(&progress));
        progress.elapsed_seconds = 10.0;
        assert!(lines.is_status_due(&progress));
        assert!(!lines.is_status_due(&progress));
    }

    #[test]
    fn time_left_follows_whichever_limit_comes_first() {
        let mut progress = Progress::before();
        assert_eq!(left(&progress), "");
        progress.seconds_left = Some(900.0);
        assert_eq!(left(&progress), ", about 15m00s left");
        (progress.evaluations, progress.evaluations_max, progress.per_hour) = (50, Some(100), 1800.0);
        assert_eq!(left(&progress), ", about 1m40s left");
        progress.stage = Stage::Final;
        assert_eq!(left(&progress), ", at most 15m00s left");
        progress.stage = Stage::Done;
        assert_eq!(left(&progress), "");
    }
}
