//! How a process ended, and what that means.

use crate::cli::exit::Exit;
use std::{fmt, os::unix::process::ExitStatusExt, process::ExitStatus};

/// Signals that a process brings upon itself.
const OWN_FAULTS: [(i32, &str); 5] = [
    (4, "illegal instruction, signal 4"),
    (6, "aborted, signal 6"),
    (7, "bus error, signal 7"),
    (8, "arithmetic error, signal 8"),
    (11, "segmentation fault, signal 11"),
];
/// Code of a process that has panicked.
const PANICKED: i32 = 101;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It could not even be started, and why.
    NotStarted(String),
}

/// What an ending means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It has done what it was there for.
    Done,
    /// It says that going on is of no use: to start it again would give the same answer.
    Deliberate(Exit),
    /// It broke down by itself.
    Crashed,
    /// Something went wrong, or somebody ended it from outside: not by its own fault, as far as can be told.
    Ended,
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::NotStarted(format!("it ended as {status}")),
        }
    }
}

impl Ending {
    /// What it means.
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::Code(0) => Meaning::Done,
            Self::Code(PANICKED) => Meaning::Crashed,
            Self::Code(code) => match Exit::deliberate(*code) {
                Some(exit) => Meaning::Deliberate(exit),
                None if *code == Exit::Hung as i32 => Meaning::Crashed,
                None => Meaning::Ended,
            },
            Self::Signal(signal) if own_fault(*signal).is_some() => Meaning::Crashed,
            Self::Signal(_) | Self::NotStarted(_) => Meaning::Ended,
        }
    }

    /// Whether somebody else ended it.
    pub fn is_from_outside(&self) -> bool {
        matches!(self, Self::Signal(signal) if own_fault(*signal).is_none())
    }
}

fn own_fault(signal: i32) -> Option<&'static str> {
    OWN_FAULTS.iter().find(|(number, _)| *number == signal).map(|(_, words)| *words)
}

/// To stand after the name of the process: `was killed (signal 9)`.
impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(PANICKED) => formatter.write_str("has panicked"),
            Self::Code(code) if *code == Exit::Hung as i32 => formatter.write_str("hung, and gave itself up"),
            Self::Code(code) => write!(formatter, "ended with code {code}"),
            Self::Signal(9) => formatter.write_str("was killed (signal 9)"),
            Self::Signal(signal) => match own_fault(*signal) {
                Some(words) => write!(formatter, "broke down ({words})"),
                None => write!(formatter, "was ended by signal {signal}"),
            },
            Self::NotStarted(reason) => write!(formatter, "could not be started ({reason})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakdowns_are_told_from_deliberate_ends_and_from_force() {
        assert_eq!(Ending::Code(0).meaning(), Meaning::Done);
        for (code, exit) in [(2, Exit::Experiment), (3, Exit::Data), (5, Exit::Library), (7, Exit::Refused)] {
            assert_eq!(Ending::Code(code).meaning(), Meaning::Deliberate(exit));
        }
        for crash in
            [Ending::Code(101), Ending::Code(70), Ending::Signal(11), Ending::Signal(6), Ending::Signal(7)]
        {
            assert_eq!(crash.meaning(), Meaning::Crashed, "{crash}");
            assert!(!crash.is_from_outside());
        }
        for force in [1, 2, 9, 15].map(Ending::Signal) {
            assert_eq!(force.meaning(), Meaning::Ended, "{force}");
            assert!(force.is_from_outside());
        }
        for code in [1, 8, 130] {
            assert_eq!(Ending::Code(code).meaning(), Meaning::Ended);
        }
    }
}
