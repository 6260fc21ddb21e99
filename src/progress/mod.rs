//! What the user sees while a run goes on: snapshots of the search, as bars on a terminal or as plain lines.
//!
//! What is worth a line is decided by `lines`, which draws nothing; `bars` draws. Neither knows the journal.

mod bars;
mod lines;

use crate::output;
use bars::Bars;
use hatchery_actors::progress::Progress;
use lines::Lines;

/// Shows a run on standard error.
pub struct Display {
    lines: Lines,
    screen: Screen,
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
        Self { lines: Lines::new(accuracy), screen }
    }

    /// Shows where the run stands; to be called whenever that changes, and about once a second.
    pub fn show(&mut self, progress: &Progress) {
        let happened = self.lines.happened(progress);
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
