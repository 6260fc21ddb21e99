//! The workers of a run: who is here, what each trains, what it has done.

use super::Records;
use hatchery_actors::journal::{EvaluationState, workers::WorkerRecord};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A node: the processes of one name, of which the last one counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it trains on.
    pub devices: Vec<String>,
    /// Whether it is there; of a run that has ended, whether it was to the end.
    pub here: bool,
    /// Why it left.
    pub reason: Option<String>,
    /// Processes of its name before: how often it was started again. One that connects again is no other.
    pub restarts: usize,
    /// Evaluations that have ended with it.
    pub evaluations: usize,
    /// Those of them that have no score.
    pub failures: usize,
    /// What it trains now.
    pub slots: Vec<Slot>,
}

/// An evaluation that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Node and slot.
    pub trainer: String,
    /// Which evaluation.
    pub evaluation: u64,
    /// The network in one line.
    pub summary: String,
    /// Since when, Unix milliseconds.
    pub since_ms: Option<i64>,
    /// Planned epochs.
    pub epochs: u32,
}

/// All nodes by name, as they joined and left.
fn joined(workers: &[WorkerRecord]) -> BTreeMap<&str, Node> {
    let mut nodes: BTreeMap<&str, Node> = BTreeMap::new();
    let mut processes: BTreeMap<&str, BTreeSet<(&str, u32)>> = BTreeMap::new();
    for worker in workers {
        let name = worker.facts.node.as_str();
        let own = processes.entry(name).or_default();
        own.insert((worker.facts.host.as_str(), worker.facts.pid));
        let node = Node {
            name: name.to_owned(),
            devices: worker.facts.devices.clone(),
            here: worker.left.is_none(),
            reason: worker.left.as_ref().map(|(_, reason)| reason.clone()),
            restarts: own.len() - 1,
            evaluations: 0,
            failures: 0,
            slots: Vec::new(),
        };
        nodes.insert(name, node);
    }
    nodes
}

/// All nodes by name.
pub fn of(workers: &[WorkerRecord], records: &Records) -> Vec<Node> {
    let mut nodes = joined(workers);
    for one in &records.record.evaluations {
        let Some(trainer) = &one.trainer else { continue };
        let Some(node) = nodes.get_mut(node_of(trainer)) else { continue };
        match one.state {
            EvaluationState::Queued => {}
            EvaluationState::Running => node.slots.push(Slot {
                trainer: trainer.clone(),
                evaluation: one.id.0,
                summary: one.individual.summary.clone(),
                since_ms: one.started_ms,
                epochs: one.epochs,
            }),
            EvaluationState::Finished => {
                node.evaluations += 1;
                node.failures += usize::from(!one.outcome.is_some_and(|outcome| outcome.has_fitness()));
            }
        }
    }
    nodes.into_values().collect()
}

/// What is said of a node that has not left: in a run that is not under way, nobody is here.
pub const fn presence(alive: bool) -> &'static str {
    if alive { "here" } else { "here to the end" }
}

/// The node in a trainer's name, before the slot.
fn node_of(trainer: &str) -> &str {
    trainer.rsplit_once('/').map_or(trainer, |(node, _)| node)
}

impl Node {
    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "name": self.name,
            "devices": self.devices,
            "here": self.here,
            "reason": self.reason,
            "restarts": self.restarts,
            "evaluations": self.evaluations,
            "failures": self.failures,
            "training": self.slots.iter().map(|slot| slot.evaluation).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatchery_actors::protocol::{WorkerFacts, WorkerId};

    #[test]
    fn a_process_that_connects_again_was_not_started_again() {
        let worker = |(id, (host, pid)): (u32, (&str, u32))| WorkerRecord {
            id: WorkerId(id),
            facts: WorkerFacts {
                node: "w".to_owned(),
                host: host.to_owned(),
                pid,
                devices: vec!["cpu".to_owned()],
                program_version: "1".to_owned(),
            },
            joined_ms: 0,
            left: None,
            evidence: None,
        };
        let restarts = |processes: &[(&str, u32)]| {
            let workers: Vec<WorkerRecord> = (1..).zip(processes.iter().copied()).map(worker).collect();
            joined(&workers)["w"].restarts
        };
        assert_eq!(restarts(&[("h", 5)]), 0, "it has joined once");
        assert_eq!(
            restarts(&[("h", 5), ("h", 5), ("h", 5)]),
            0,
            "its connection ended, or its coordinator did"
        );
        assert_eq!(restarts(&[("h", 5), ("h", 9), ("h", 9)]), 1);
        assert_eq!(restarts(&[("h", 1), ("i", 1)]), 1, "numbers are of one machine");
    }
}
