//! What the user sees while a run goes on: snapshots of the search, as bars on a terminal or as plain lines.
//!
//! What is worth a line is decided by `lines`, which draws nothing; `bars` draws. Neither knows the journal.

mod bars;
mod lines;

use crate::output;
use bars::Bars;
use hatchery_actors::progress::Progress;
use lines::Lines;
use std::time::Instant;

/// Shows a run on standard error.
pub struct Display {
    lines: Lines,
    screen: Screen,
    /// Since when there is no trainer.
    alone_since: Option<Instant>,
}

enum Screen {
    Silent,
    Lines,
    Bars(Box<Bars>),
}

impl Display {
    /// Bars on a terminal, else lines; nothing where `quiet`. `accuracy`: whether scores are accuracies.
    pub fn new(accuracy: bool, quiet: bool) -> Self {
        let screen = if quiet {
            Screen::Silent
        } else if output::is_terminal() {
            Screen::Bars(Box::new(Bars::new(accuracy)))
        } else {
            Screen::Lines
        };
        Self { lines: Lines::new(accuracy), screen, alone_since: None }
    }

    /// Shows where the run stands; to be called whenever that changes, and about once a second.
    pub fn show(&mut self, progress: &Progress) {
        let mut happened = self.lines.happened(progress);
        let alone_s = self.alone_s(progress);
        happened.extend(self.lines.company(progress, alone_s));
        match &mut self.screen {
            Screen::Silent => {}
            Screen::Lines => {
                happened.iter().for_each(output::note);
                if happened.is_empty() && self.lines.is_status_due(progress) {
                    output::note(self.lines.status(progress));
                }
            }
            Screen::Bars(bars) => {
                happened.iter().for_each(|line| bars.print(line));
                bars.draw(progress);
            }
        }
    }

    /// Seconds for which there has been no trainer.
    fn alone_s(&mut self, progress: &Progress) -> f64 {
        if !progress.trainers.is_empty() {
            self.alone_since = None;
            return 0.0;
        }
        self.alone_since.get_or_insert_with(Instant::now).elapsed().as_secs_f64()
    }

    /// Says a line without disturbing the display.
    pub fn print(&self, line: &str) {
        match &self.screen {
            Screen::Silent => {}
            Screen::Lines => output::note(line),
            Screen::Bars(bars) => bars.print(line),
        }
    }

    /// Takes the display away.
    pub fn close(self) {
        if let Screen::Bars(bars) = self.screen {
            bars.close();
        }
    }
}

/// A score as people read it.
fn write_score(accuracy: bool, score: f64) -> String {
    if accuracy { output::percent(score) } else { format!("{score:.4}") }
}
