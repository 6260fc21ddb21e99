//! What an agent has said and not sent yet: letters that go together, and when they go.
//!
//! 1. What a later letter says too is not sent.
//! 2. Where trainings take long, results and progress wait for each other a little: whoever reads many at a time saves
//!    most of what reading one costs. All else goes at once, and takes along what waits.
//!
//! Pure: what time it is, in seconds, is told. It must not know how letters travel, or what becomes of them.

use crate::link::gathering::Gathering;
use crate::protocol::Ticket;
use crate::protocol::letters::{Letter, NodeName, ToCoordinator};
use std::collections::BTreeMap;
use std::time::Duration;

/// Letters that are to be sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    letters: BTreeMap<NodeName, Vec<Letter>>,
    gathering: Gathering,
    /// When it was emptied last.
    emptied: f64,
    /// Something in it does not wait.
    is_urgent: bool,
}

impl Outbox {
    /// Puts a letter in, in place of those that say nothing beyond it.
    pub fn put(&mut self, to: NodeName, letter: ToCoordinator) {
        let letters = self.letters.entry(to).or_default();
        match &letter {
            ToCoordinator::Status(_) => letters.retain(|said| !is_status(said)),
            ToCoordinator::Result(report) => {
                letters.retain(|said| !is_progress_of(report.ticket, said));
                self.gathering.ended(report.seconds);
            }
            _ => {}
        }
        self.is_urgent |= !matches!(letter, ToCoordinator::Result(_) | ToCoordinator::Progress(..));
        letters.push(Letter::ToCoordinator(letter));
    }

    /// How long what lies in it may wait from now on.
    pub fn pause(&self, now: f64) -> Duration {
        let waits = self.emptied + self.gathering.pause().as_secs_f64() - now;
        if self.is_urgent { Duration::ZERO } else { Duration::try_from_secs_f64(waits).unwrap_or_default() }
    }

    /// Takes all letters out, in the order in which each node is to get them.
    pub fn empty(&mut self, now: f64) -> BTreeMap<NodeName, Vec<Letter>> {
        self.emptied = now;
        self.is_urgent = false;
        std::mem::take(&mut self.letters)
    }
}

/// A status says what every slot is doing: one is enough.
const fn is_status(letter: &Letter) -> bool {
    matches!(letter, Letter::ToCoordinator(ToCoordinator::Status(_)))
}

/// A result has the whole curve.
fn is_progress_of(attempt: Ticket, letter: &Letter) -> bool {
    matches!(letter, Letter::ToCoordinator(ToCoordinator::Progress(ticket, _)) if *ticket == attempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EvaluationId;
    use crate::protocol::letters::Status;
    use crate::testing;

    fn coordinator() -> NodeName {
        NodeName { stable: "coordinator".to_owned(), incarnation: 1 }
    }

    fn progress(evaluation: u64) -> ToCoordinator {
        let ticket = Ticket { evaluation: EvaluationId(evaluation), attempt: 1 };
        ToCoordinator::Progress(ticket, testing::epoch_report(1))
    }

    fn result(evaluation: u64, seconds: f64) -> ToCoordinator {
        ToCoordinator::Result(Box::new(testing::report(evaluation, seconds)))
    }

    fn status() -> ToCoordinator {
        let status =
            Status { number: 1, slots: Vec::new(), held: Vec::new(), draining: false, memory_bytes: 0 };
        ToCoordinator::Status(status)
    }

    fn said(outbox: &mut Outbox, now: f64) -> Vec<Letter> {
        outbox.empty(now).remove(&coordinator()).unwrap_or_default()
    }

    #[test]
    fn what_a_later_letter_says_is_not_sent_and_the_rest_keeps_its_order() {
        let mut outbox = Outbox::default();
        for letter in [status(), progress(1), progress(2), result(1, 0.0), status()] {
            outbox.put(coordinator(), letter);
        }
        let left = [progress(2), result(1, 0.0), status()].map(Letter::ToCoordinator);
        assert_eq!(said(&mut outbox, 0.0), left);
        assert_eq!(said(&mut outbox, 0.0), []);
    }

    #[test]
    fn results_of_long_trainings_wait_for_each_other_and_for_nothing_else() {
        let mut outbox = Outbox::default();
        outbox.put(coordinator(), result(1, 0.01));
        assert_eq!(outbox.pause(0.0), Duration::ZERO);
        for evaluation in 0..200 {
            outbox.put(coordinator(), result(evaluation, 100.0));
        }
        let pause = outbox.pause(0.0);
        assert!(!pause.is_zero());
        assert_eq!(outbox.pause(pause.as_secs_f64()), Duration::ZERO, "it has waited long enough");
        outbox.empty(10.0);
        outbox.put(coordinator(), progress(500));
        assert_eq!(outbox.pause(10.0), pause);
        outbox.put(coordinator(), status());
        assert_eq!(outbox.pause(10.0), Duration::ZERO);
        assert_eq!(said(&mut outbox, 10.0).len(), 2);
        outbox.put(coordinator(), progress(501));
        assert_eq!(outbox.pause(10.0), pause, "what was urgent has gone");
    }
}
