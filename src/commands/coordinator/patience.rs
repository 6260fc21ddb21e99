//! Waiting for a run directory. A coordinator that its supervisor has started again had it a moment ago: where its disk
//! is full now, or it is read-only or away, that may pass, as it may for a coordinator that goes on.
//!
//! Nobody listens for signals here: they end the process, which has nothing to lose.

use crate::{
    cli::exit::{Exit, Failure},
    output::note,
};
use hatchery_actors::journal::JournalError;
use std::{
    thread,
    time::{Duration, Instant},
};

/// A journal that cannot be written is tried again for so long: enough for a person to notice and to make room. The
/// run is paused meanwhile, workers keep what they have, and a signal ends the wait. Nothing is lost by ending either:
/// `--resume` goes on.
pub(super) const JOURNAL_PATIENCE: Duration = Duration::from_secs(60 * 60);
/// Pauses between attempts, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Makes an attempt; a patient one again and again, while what it fails by may pass.
pub fn patiently<T>(is_patient: bool, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let until = Instant::now() + JOURNAL_PATIENCE;
    let mut pause = PAUSE.0;
    loop {
        match attempt() {
            Err(failure) if is_patient && may_pass(&failure) && Instant::now() < until => {
                if pause == PAUSE.0 {
                    note(format_args!(
                        "the run is paused: {failure}; it goes on by itself when that is mended"
                    ));
                }
                thread::sleep(pause);
                pause = (pause * 2).min(PAUSE.1);
            }
            outcome => return outcome,
        }
    }
}

/// Whether waiting may help. A run that is not there may have been moved away.
fn may_pass(failure: &Failure) -> bool {
    let of_journal = failure.error.downcast_ref::<JournalError>();
    failure.exit == Exit::RunDirectory
        && of_journal.is_some_and(|error| error.may_pass() || matches!(error, JournalError::Missing { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::OrExit;

    fn missing() -> Result<u32, Failure> {
        Err(JournalError::Missing { dir: "run".into() }).or_exit(Exit::RunDirectory)
    }

    #[test]
    fn what_may_pass_is_waited_for_by_whoever_is_patient() {
        let mut attempts = 0;
        let mut attempt = |succeeds_at| {
            attempts += 1;
            if attempts == succeeds_at { Ok(attempts) } else { missing() }
        };
        assert!(patiently(false, || attempt(2)).is_err());
        assert_eq!(patiently(true, || attempt(3)).unwrap(), 3);
    }

    #[test]
    fn what_does_not_pass_is_not_waited_for() {
        let in_use =
            || Err::<(), _>(JournalError::InUse { dir: "run".into(), pid: None }).or_exit(Exit::RunDirectory);
        assert!(patiently(true, in_use).is_err());
        assert!(patiently(true, || Err::<(), _>(anyhow::anyhow!("data")).or_exit(Exit::Data)).is_err());
    }
}
