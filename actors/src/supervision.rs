//! What a supervisor makes of ractor's events.

use ractor::{ActorCell, SupervisionEvent};

/// Whose end an event tells of, and why it ended; `None` for events that are no end.
pub fn ending(event: SupervisionEvent) -> Option<(ActorCell, String)> {
    match event {
        SupervisionEvent::ActorFailed(cell, error) => Some((cell, error.to_string())),
        SupervisionEvent::ActorTerminated(cell, _, reason) => {
            Some((cell, reason.unwrap_or_else(|| "it stopped".to_owned())))
        }
        SupervisionEvent::ActorStarted(_)
        | SupervisionEvent::ProcessGroupChanged(_)
        | SupervisionEvent::PidLifecycleEvent(_) => None,
    }
}
