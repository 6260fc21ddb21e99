//! What went wrong with the processes of a run, and was made good: counted from its events.
//!
//! It must not know what was trained.

use hatchery_actors::journal::record::EventRecord;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Counts of what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incidents {
    /// Nodes by name, and each process (host and number) that has joined under that name.
    processes: BTreeSet<(String, String, u32)>,
    /// Restarts of workers before the run was stopped, and resumed, by a user.
    earlier_restarts: usize,
    /// How often the run went on after its coordinator had ended otherwise than by a user's wish.
    pub coordinator_restarts: usize,
    /// Attempts that were lost with their workers.
    pub lost: usize,
    /// Attempts that their workers gave back.
    pub handed_back: usize,
    /// Attempts that went on at a worker that had been thought lost.
    pub adopted: usize,
    /// Whether the run has ended, and not gone on since.
    has_ended: bool,
    /// Attempts given back together, and when: those of a run that is stopped are its user's wish.
    given_back: (i64, usize),
}

/// What the event of a run that goes on says.
#[derive(Default, Deserialize)]
struct Resumed {
    /// Whether a supervisor has started its coordinator again. Missing in runs of earlier versions.
    #[serde(default)]
    started_again: bool,
}

/// What the event of a worker that joins says.
#[derive(Deserialize)]
struct Joined {
    node: String,
    /// Missing in runs of earlier versions, as the number is.
    #[serde(default)]
    host: String,
    #[serde(default)]
    pid: u32,
}

impl Incidents {
    /// Takes an event into account.
    pub fn note(&mut self, event: &EventRecord) {
        match event.kind.as_str() {
            "joined" => {
                let joined = serde_json::from_str::<Joined>(&event.detail);
                self.processes.extend(joined.ok().map(|joined| (joined.node, joined.host, joined.pid)));
            }
            "resumed" => self.resumed(&serde_json::from_str(&event.detail).unwrap_or_default()),
            "lost" => self.lost += 1,
            "released" => self.released(event.unix_ms),
            "claimed" => self.adopted += 1,
            "ended" => self.ended(event.unix_ms),
            _ => {}
        }
    }

    /// Processes that took the place of another of the same name.
    pub fn worker_restarts(&self) -> usize {
        let nodes: BTreeSet<&str> = self.processes.iter().map(|(node, ..)| node.as_str()).collect();
        self.earlier_restarts + self.processes.len() - nodes.len()
    }

    fn released(&mut self, unix_ms: i64) {
        let (when, count) = self.given_back;
        self.given_back = (unix_ms, if when == unix_ms { count + 1 } else { 1 });
        self.handed_back += 1;
    }

    /// What is under way when a run is stopped is given back in the same commit, as its user wishes.
    fn ended(&mut self, unix_ms: i64) {
        self.has_ended = true;
        if self.given_back.0 != unix_ms {
            self.given_back.1 = 0;
        }
        self.handed_back -= self.given_back.1;
    }

    /// A run that had ended goes on by its user's wish, and so do its workers. Where its supervisor has started it
    /// again, somebody else had ended its coordinator.
    fn resumed(&mut self, resumed: &Resumed) {
        let has_ended = std::mem::take(&mut self.has_ended);
        if has_ended && !resumed.started_again {
            self.earlier_restarts = self.worker_restarts();
            self.processes.clear();
            return;
        }
        self.coordinator_restarts += 1;
        if has_ended {
            self.handed_back += self.given_back.1;
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "worker_restarts": self.worker_restarts(),
            "coordinator_restarts": self.coordinator_restarts,
            "lost": self.lost,
            "handed_back": self.handed_back,
            "adopted": self.adopted,
        })
    }

    /// A line for people; nothing where nothing happened.
    pub fn text(&self) -> Option<String> {
        let counts = [
            ("worker restarts", self.worker_restarts()),
            ("coordinator restarts", self.coordinator_restarts),
            ("attempts lost", self.lost),
            ("handed back", self.handed_back),
            ("adopted", self.adopted),
        ];
        let happened: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{what} {count}"))
            .collect();
        (!happened.is_empty()).then(|| format!("incidents, all made good: {}", happened.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incidents(events: &[(&str, &str)]) -> Incidents {
        let mut incidents = Incidents::default();
        for (number, (kind, detail)) in (1..).zip(events) {
            incidents.note(&EventRecord {
                number,
                // Two of a kind are of one commit.
                unix_ms: if ["released", "ended"].contains(kind) { 1 } else { number },
                elapsed_seconds: 0.0,
                kind: (*kind).to_owned(),
                evaluation: None,
                individual: None,
                detail: (*detail).to_owned(),
            });
        }
        incidents
    }

    #[test]
    fn a_quiet_run_has_nothing_to_tell() {
        let quiet = incidents(&[
            ("joined", r#"{"worker":1,"node":"a","host":"h","pid":5}"#),
            ("joined", r#"{"worker":2,"node":"b","host":"h","pid":6}"#),
            ("finished", "{}"),
        ]);
        assert_eq!(quiet.text(), None);
        assert_eq!(quiet.json()["worker_restarts"], 0);
    }

    #[test]
    fn a_process_that_joins_again_is_no_restart_and_another_of_its_name_is() {
        let events = [
            ("joined", r#"{"node":"a","pid":5}"#),
            ("resumed", "{}"),
            ("joined", r#"{"node":"a","pid":5}"#),
            ("claimed", "{}"),
            ("lost", "{}"),
            ("joined", r#"{"node":"a","pid":9}"#),
            ("released", "{}"),
        ];
        let text = incidents(&events).text();
        let words = "worker restarts 1, coordinator restarts 1, attempts lost 1, handed back 1, adopted 1";
        assert!(text.as_ref().is_some_and(|text| text.ends_with(words)), "{text:?}");
        assert_eq!(incidents(&events).json()["adopted"], 1);
    }

    #[test]
    fn what_a_user_wishes_is_no_incident() {
        let [joined, again] = [5, 9].map(|pid| format!(r#"{{"node":"a","pid":{pid}}}"#));
        let mut events = vec![
            ("joined", joined.as_str()),
            ("released", "{}"),
            ("released", "{}"),
            ("ended", "\"interrupted\""),
            ("resumed", r#"{"started_again":false}"#),
            ("joined", again.as_str()),
        ];
        assert_eq!(incidents(&events).text(), None);
        events[4].1 = "{}";
        assert_eq!(incidents(&events).text(), None, "of an earlier version");
        events[4].1 = r#"{"started_again":true}"#;
        let text = incidents(&events).text();
        let words = "worker restarts 1, coordinator restarts 1, handed back 2";
        assert!(
            text.as_ref().is_some_and(|text| text.ends_with(words)),
            "not its user has ended it: {text:?}"
        );
    }

    #[test]
    fn a_run_that_is_stopped_has_nothing_to_tell() {
        let stopped = incidents(&[("released", "{}"), ("released", "{}"), ("ended", "\"interrupted\"")]);
        assert_eq!(stopped.text(), None);
        assert_eq!(stopped.json()["handed_back"], 0);
    }
}
