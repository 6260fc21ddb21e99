//! What the user sees while a run goes on: a board of figures, shown as bars on a terminal or as plain lines.
//!
//! The board (`board`) is told what happens and draws nothing; `bars` draws. It must not know actors or journals.

mod bars;
mod board;

pub use board::{Board, Budget, News};

use crate::output;
use bars::Bars;

/// Seconds between two plain lines that say how far it is.
const LINE_EVERY_S: f64 = 10.0;

/// Shows a run's progress on standard error.
pub struct Progress {
    board: Board,
    screen: Screen,
}

enum Screen {
    Silent,
    Lines { last_s: f64 },
    Bars(Box<Bars>),
}

impl Progress {
    /// Bars on a terminal, else lines; nothing where `quiet`.
    pub fn new(board: Board, quiet: bool) -> Self {
        let screen = if quiet {
            Screen::Silent
        } else if output::is_terminal() {
            Screen::Bars(Box::new(Bars::new()))
        } else {
            Screen::Lines { last_s: 0.0 }
        };
        Self { board, screen }
    }

    /// Takes in what happened, `now_s` seconds after the run began, interruptions left out.
    pub fn tell(&mut self, now_s: f64, news: News) {
        let line = self.board.tell(now_s, news);
        match &mut self.screen {
            Screen::Silent => {}
            Screen::Lines { last_s } => {
                if let Some(line) = line {
                    output::note(line);
                    *last_s = now_s;
                }
            }
            Screen::Bars(bars) => {
                if let Some(line) = line {
                    bars.print(&line);
                }
                bars.draw(&self.board, now_s);
            }
        }
    }

    /// Lets time pass: to be called about once a second.
    pub fn tick(&mut self, now_s: f64) {
        match &mut self.screen {
            Screen::Silent => {}
            Screen::Lines { last_s } => {
                if now_s - *last_s >= LINE_EVERY_S {
                    output::note(self.board.status(now_s));
                    *last_s = now_s;
                }
            }
            Screen::Bars(bars) => bars.draw(&self.board, now_s),
        }
    }

    /// Says a line without disturbing the display.
    pub fn print(&self, line: &str) {
        match &self.screen {
            Screen::Silent => {}
            Screen::Lines { .. } => output::note(line),
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
