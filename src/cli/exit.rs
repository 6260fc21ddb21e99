//! Exit codes, all of them, and the failure that carries one.

use std::process::ExitCode;

/// What the process answers with. The README lists them; they do not change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something failed that has no code of its own.
    Failed = 1,
    /// The experiment is wrong: unknown key, value out of range, no such preset. (clap's own usage errors end
    /// with this code as well.)
    Experiment = 2,
    /// The data cannot be found, read or used.
    Data = 3,
    /// The run directory or a file in it cannot be used: exists, in use, read-only, corrupt, disk full. Or a file
    /// that was asked for cannot be written.
    RunDirectory = 4,
    /// ONNX Runtime cannot be found, fetched, loaded or used.
    Library = 5,
    /// The search ended, or was stopped, without a network that could be handed over.
    NoNetwork = 6,
    /// The coordinator refused this worker: its version is another, or its cookie or certificate.
    Refused = 7,
    /// Replayed, a run's decisions are not those that its journal holds.
    Differs = 8,
    /// A worker's watchdog ended it: a training hung in the library.
    Hung = 70,
    /// Interrupted twice, and ended at once, without closing anything; or interrupted before anything had begun.
    Interrupted = 130,
}

impl Exit {
    /// The codes of processes that know why they end, and would end so again: nothing is gained by starting them anew.
    const DELIBERATE: [Self; 6] =
        [Self::Experiment, Self::Data, Self::RunDirectory, Self::Library, Self::NoNetwork, Self::Refused];

    /// The deliberate end with this exit code, if it is one.
    pub fn deliberate(code: i32) -> Option<Self> {
        Self::DELIBERATE.into_iter().find(|exit| *exit as i32 == code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with the exit code that it ends the process with.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What happened.
    pub error: anyhow::Error,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Causes are joined on one line; a cause that the message already quotes is not said twice.
        let mut text = self.error.to_string();
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            if !text.contains(&cause) {
                text = format!("{text}: {cause}");
            }
        }
        formatter.write_str(&text)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, error }
    }
}

/// Gives an error its exit code.
pub trait OrExit<T> {
    /// The same result, ending the process with `exit` where it failed.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn causes_are_joined_and_not_repeated() {
        let error: Result<(), _> = Err(anyhow::anyhow!("no space left"));
        let failure =
            error.context("writing x: no space left").context("closing").or_exit(Exit::Data).unwrap_err();
        assert_eq!(failure.to_string(), "closing: writing x: no space left");
        assert_eq!(failure.exit as u8, 3);
    }
}
