//! A run as its journal's events tell it, in order: what lists, charts and counts want to know, kept at hand.
//!
//! Pure: events and the rows that they are about go in. It must not know files, sockets or time.

use crate::incidents::Incidents;
use hatchery_actors::{
    journal::{
        EventRecord,
        reader::{Born, Ended},
    },
    population::{
        front::{Front, Place},
        objectives::{Measured, Size, costs_of},
    },
    protocol::{EvaluationId, IndividualId, LeaseKind, Maker},
};
use hatchery_config::vocabulary::Objective;
use hatchery_models::training::outcome::Outcome;
use serde::Deserialize;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Failures that are remembered.
const FAILURES_MAX: usize = 50;
/// Nodes that are gone and remembered.
const NODES_MAX: usize = 2000;

/// An individual, as lists want it.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub id: u64,
    pub maker: Maker,
    pub parameters: u64,
    pub multiply_adds: u64,
    pub born_s: f64,
    pub parents: SmallVec<[u64; 2]>,
    /// All its evaluations, whether they have ended or not: nearly always one.
    pub evaluations: SmallVec<[EvaluationId; 1]>,
    /// What came of the search's.
    pub result: Option<Outcomed>,
}

/// What came of an evaluation of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcomed {
    pub outcome: Outcome,
    /// Where it is comparable.
    pub score: Option<f64>,
    pub loss: Option<f64>,
    pub seconds: f64,
    pub ended_s: f64,
}

/// An evaluation that left no score.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    pub evaluation: u64,
    pub outcome: Outcome,
    pub message: String,
    pub node: Option<String>,
    pub at_s: f64,
}

/// The processes of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodePast {
    pub host: String,
    pub devices: Vec<String>,
    pub joined_s: f64,
    /// The worker that joined last under this name.
    pub worker: u32,
    /// Why that one left.
    pub left: Option<String>,
    /// Why it gets no more work.
    pub excluded: Option<String>,
    pub evaluations: u64,
    pub failures: u64,
    /// Host and process number of each.
    processes: BTreeSet<(String, u32)>,
}

impl NodePast {
    /// Processes of its name before: how often it was started again. One that connects again is no other.
    pub fn restarts(&self) -> usize {
        self.processes.len().saturating_sub(1)
    }
}

/// The rows that an event is about.
#[derive(Clone, Debug)]
pub enum Fact {
    /// None that matter.
    None,
    /// An evaluation that has ended.
    Ended(Ended),
    /// An individual that was born.
    Born(Born),
}

/// What is known.
#[derive(Debug)]
pub struct Ledger {
    objectives: Vec<Objective>,
    /// Number of the last event, whether it mattered or not.
    pub last_event: i64,
    individuals: Vec<Known>,
    /// Of those, the ones whose evaluation in the search has ended, in that order.
    pub ended: Vec<usize>,
    pub front: Front,
    pub nodes: BTreeMap<String, NodePast>,
    workers: BTreeMap<u32, String>,
    pub failures: VecDeque<Failed>,
    pub incidents: Incidents,
    pub outcomes: BTreeMap<&'static str, u64>,
    pub births: BTreeMap<&'static str, u64>,
    pub images: u64,
    pub seconds: f64,
    /// How the run ended.
    pub ending: Option<String>,
}

#[derive(Deserialize)]
struct Joined {
    worker: u32,
    node: String,
    #[serde(default)]
    host: String,
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    devices: Vec<String>,
}

#[derive(Deserialize)]
struct Left {
    worker: u32,
    reason: String,
}

#[derive(Deserialize)]
struct Excluded {
    node: String,
    reason: String,
}

#[derive(Deserialize)]
struct Ending {
    how: String,
    #[serde(default)]
    message: Option<String>,
}

impl Ledger {
    /// Before the first event.
    pub fn new(objectives: Vec<Objective>) -> Self {
        Self {
            objectives,
            last_event: 0,
            individuals: Vec::new(),
            ended: Vec::new(),
            front: Front::default(),
            nodes: BTreeMap::new(),
            workers: BTreeMap::new(),
            failures: VecDeque::new(),
            incidents: Incidents::default(),
            outcomes: BTreeMap::new(),
            births: BTreeMap::new(),
            images: 0,
            seconds: 0.0,
            ending: None,
        }
    }

    /// All individuals in the order of birth.
    pub fn individuals(&self) -> &[Known] {
        &self.individuals
    }

    /// The individual of this number.
    pub fn individual(&self, id: u64) -> Option<&Known> {
        self.place(id).and_then(|at| self.individuals.get(at))
    }

    fn place(&self, id: u64) -> Option<usize> {
        self.individuals.binary_search_by_key(&id, |known| known.id).ok()
    }

    /// The individual's ancestors, nearest first, each once, at most `count_max`.
    pub fn ancestors(&self, id: u64, count_max: usize) -> Vec<&Known> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::from([id]));
        let mut open: VecDeque<&Known> = self.individual(id).into_iter().collect();
        while let Some(one) = open.pop_front() {
            for parent in one.parents.iter().filter_map(|parent| self.individual(*parent)) {
                if found.len() < count_max && seen.insert(parent.id) {
                    found.push(parent);
                    open.push_back(parent);
                }
            }
        }
        found
    }

    /// Takes the next event in.
    pub fn note(&mut self, event: &EventRecord, fact: Fact) {
        self.last_event = event.number;
        self.incidents.note(event);
        match (event.kind.as_str(), fact) {
            ("born", Fact::Born(born)) => self.born(born, event.elapsed_seconds),
            ("queued", _) => self.queued(event),
            ("finished", Fact::Ended(ended)) => self.finished(ended, event.elapsed_seconds),
            ("joined", _) => self.joined(event),
            ("left", _) => self.left(event),
            ("excluded", _) => self.excluded(event),
            ("resumed", _) => self.resumed(),
            ("ended", _) => {
                let ending = serde_json::from_str::<Ending>(&event.detail).ok();
                self.ending = ending.map(|ending| ending.message.unwrap_or(ending.how));
            }
            _ => {}
        }
    }

    fn born(&mut self, born: Born, elapsed_s: f64) {
        *self.births.entry(born.maker.word()).or_default() += 1;
        let known = Known {
            id: born.id.0,
            maker: born.maker,
            parameters: born.parameters,
            multiply_adds: born.multiply_adds,
            born_s: elapsed_s,
            parents: born.parents.iter().map(|parent| parent.0).collect(),
            evaluations: SmallVec::new(),
            result: None,
        };
        // Numbers rise with birth; answers of two makers may come in another order.
        let at = self.individuals.partition_point(|other| other.id < known.id);
        if at < self.individuals.len() {
            self.ended.iter_mut().filter(|place| **place >= at).for_each(|place| *place += 1);
        }
        self.individuals.insert(at, known);
    }

    fn queued(&mut self, event: &EventRecord) {
        let Some((evaluation, individual)) = event.evaluation.zip(event.individual) else { return };
        let place = self.place(individual.0);
        if let Some(known) = place.and_then(|at| self.individuals.get_mut(at)) {
            known.evaluations.push(evaluation);
        }
    }

    fn finished(&mut self, ended: Ended, ended_s: f64) {
        self.images += ended.images;
        self.seconds += ended.seconds;
        let node = ended.trainer.as_deref().map(|trainer| node_and_slot(trainer).0.to_owned());
        if let Some(past) = node.as_ref().and_then(|node| self.nodes.get_mut(node)) {
            past.evaluations += 1;
            past.failures += u64::from(!ended.outcome.has_fitness());
        }
        if !ended.outcome.has_fitness() {
            let (evaluation, outcome) = (ended.id.0, ended.outcome);
            let failed = Failed { evaluation, outcome, message: ended.message.clone(), node, at_s: ended_s };
            self.failures.truncate(FAILURES_MAX - 1);
            self.failures.push_front(failed);
        }
        if ended.kind == LeaseKind::Search {
            self.searched(&ended, ended_s);
        }
    }

    fn searched(&mut self, ended: &Ended, ended_s: f64) {
        *self.outcomes.entry(ended.outcome.word()).or_default() += 1;
        let Some(at) = self.place(ended.individual.0) else { return };
        let Some(known) = self.individuals.get_mut(at) else { return };
        let score = ended.score.filter(|score| score.is_finite() && ended.outcome.has_fitness());
        let Ended { outcome, loss, seconds, .. } = *ended;
        known.result = Some(Outcomed { outcome, score, loss, seconds, ended_s });
        let size = Size { parameters: known.parameters, multiply_adds: known.multiply_adds };
        self.ended.push(at);
        let measured = Measured { training: ended.seconds, latency: ended.latency_seconds };
        if let (Some(score), Some(costs)) = (score, costs_of(&self.objectives, size, measured)) {
            let (evaluation, individual) =
                (EvaluationId(ended.individual.0), IndividualId(ended.individual.0));
            self.front.insert(Place { evaluation, individual, costs, score }, usize::MAX);
        }
    }

    fn joined(&mut self, event: &EventRecord) {
        let Ok(joined) = serde_json::from_str::<Joined>(&event.detail) else { return };
        self.workers.insert(joined.worker, joined.node.clone());
        let past = self.nodes.entry(joined.node).or_default();
        past.processes.insert((joined.host.clone(), joined.pid));
        (past.host, past.devices, past.worker) = (joined.host, joined.devices, joined.worker);
        (past.joined_s, past.left) = (event.elapsed_seconds, None);
        if self.nodes.len() > NODES_MAX {
            self.forget_a_node();
        }
    }

    /// Of many that have gone, who left longest ago is forgotten.
    fn forget_a_node(&mut self) {
        let gone = self.nodes.iter().filter(|(_, past)| past.left.is_some());
        let oldest = gone.min_by_key(|(_, past)| past.worker).map(|(name, _)| name.clone());
        _ = oldest.and_then(|name| self.nodes.remove(&name));
    }

    fn left(&mut self, event: &EventRecord) {
        let Ok(left) = serde_json::from_str::<Left>(&event.detail) else { return };
        let Some(node) = self.workers.remove(&left.worker) else { return };
        // Another process of the name may have come meanwhile.
        if let Some(past) = self.nodes.get_mut(&node).filter(|past| past.worker == left.worker) {
            past.left = Some(left.reason);
        }
    }

    fn excluded(&mut self, event: &EventRecord) {
        let Ok(excluded) = serde_json::from_str::<Excluded>(&event.detail) else { return };
        self.nodes.entry(excluded.node).or_default().excluded = Some(excluded.reason);
    }

    /// Another coordinator goes on: whoever was here joins anew, and nobody is excluded.
    fn resumed(&mut self) {
        self.ending = None;
        self.workers.clear();
        for past in self.nodes.values_mut() {
            past.excluded = None;
            past.left.get_or_insert_with(|| "the coordinator was started again".to_owned());
        }
    }
}

/// The node in a trainer's name, and its slot.
pub fn node_and_slot(trainer: &str) -> (&str, Option<u32>) {
    let parts = trainer.rsplit_once('/').and_then(|(node, slot)| Some((node, slot.parse().ok()?)));
    parts.map_or((trainer, None), |(node, slot)| (node, Some(slot)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Events about these, each with the next number, a second apart.
    struct Story {
        ledger: Ledger,
        number: i64,
    }

    impl Story {
        fn new() -> Self {
            Self { ledger: Ledger::new(vec![Objective::Error]), number: 0 }
        }

        fn note(&mut self, kind: &str, ids: (u64, u64), detail: serde_json::Value, fact: Fact) {
            self.number += 1;
            let event = EventRecord {
                number: self.number,
                unix_ms: 0,
                elapsed_seconds: self.number as f64,
                kind: kind.to_owned(),
                evaluation: Some(EvaluationId(ids.0)).filter(|id| id.0 > 0),
                individual: Some(IndividualId(ids.1)).filter(|id| id.0 > 0),
                detail: detail.to_string(),
            };
            self.ledger.note(&event, fact);
        }

        fn born(&mut self, id: u64, parents: &[u64], parameters: u64) {
            let born = Born {
                id: IndividualId(id),
                maker: Maker::Breeder,
                parameters,
                multiply_adds: 1,
                summary: String::new(),
                parents: parents.iter().copied().map(IndividualId).collect(),
            };
            self.note("born", (0, id), json!({}), Fact::Born(born));
            self.note("queued", (id + 100, id), json!({"kind": "search"}), Fact::None);
        }

        fn ended(&mut self, id: u64, score: Option<f64>) {
            let ended = Ended {
                id: EvaluationId(id + 100),
                individual: IndividualId(id),
                kind: LeaseKind::Search,
                outcome: if score.is_some() { Outcome::Completed } else { Outcome::Diverged },
                score,
                loss: Some(1.0),
                seconds: 2.0,
                latency_seconds: None,
                images: 10,
                trainer: Some("w/1/0".to_owned()),
                message: "<b>".to_owned(),
            };
            self.note("finished", (id + 100, 0), json!({}), Fact::Ended(ended));
        }

        fn joined(&mut self, worker: u32, pid: u32) {
            let detail =
                json!({"worker": worker, "node": "w/1", "host": "h", "pid": pid, "devices": ["cpu"]});
            self.note("joined", (0, 0), detail, Fact::None);
        }
    }

    #[test]
    fn individuals_and_what_became_of_them_are_known_in_order() {
        let mut story = Story::new();
        story.born(1, &[], 100);
        story.born(3, &[1], 300);
        story.ended(3, Some(0.9));
        // The other maker was slower: a smaller number comes later.
        story.born(2, &[1], 200);
        story.ended(1, None);
        story.ended(2, Some(0.8));
        let ledger = &story.ledger;
        let ids: Vec<u64> = ledger.individuals().iter().map(|known| known.id).collect();
        let ended: Vec<u64> = ledger.ended.iter().map(|at| ledger.individuals()[*at].id).collect();
        assert_eq!((ids, ended), (vec![1, 2, 3], vec![3, 1, 2]));
        assert_eq!(ledger.individual(3).unwrap().evaluations.as_slice(), [EvaluationId(103)]);
        assert_eq!(ledger.outcomes, [("completed", 2), ("diverged", 1)].into());
        assert_eq!((ledger.images, ledger.failures.len()), (30, 1));
        let front: Vec<u64> = ledger.front.places().iter().map(|place| place.individual.0).collect();
        assert_eq!(front, [2, 3], "300 parameters for 0.9, 200 for 0.8");
    }

    #[test]
    fn ancestors_come_nearest_first_and_once() {
        let mut story = Story::new();
        for (id, parents) in [(1, vec![]), (2, vec![1]), (3, vec![1]), (4, vec![2, 3]), (5, vec![4, 1])] {
            story.born(id, &parents, 1);
        }
        let ancestors =
            |id, max| -> Vec<u64> { story.ledger.ancestors(id, max).iter().map(|known| known.id).collect() };
        assert_eq!(ancestors(5, 200), [4, 1, 2, 3]);
        assert_eq!(ancestors(5, 2), [4, 1]);
        assert!(ancestors(1, 200).is_empty() && ancestors(99, 200).is_empty());
    }

    #[test]
    fn nodes_come_go_and_come_back() {
        let mut story = Story::new();
        story.joined(1, 7);
        assert_eq!(story.ledger.nodes["w/1"].restarts(), 0, "it has joined once");
        story.born(1, &[], 1);
        story.ended(1, Some(0.5));
        story.joined(2, 8);
        story.note("left", (0, 0), json!({"worker": 1, "reason": "late word of the first"}), Fact::None);
        let node = &story.ledger.nodes["w/1"];
        assert_eq!((node.left.clone(), node.restarts(), node.evaluations), (None, 1, 1));
        story.note("left", (0, 0), json!({"worker": 2, "reason": "silent"}), Fact::None);
        story.note("excluded", (0, 0), json!({"node": "w/1", "reason": "ECC"}), Fact::None);
        let node = &story.ledger.nodes["w/1"];
        assert_eq!((node.left.as_deref(), node.excluded.as_deref()), (Some("silent"), Some("ECC")));
        story.note("resumed", (0, 0), json!({}), Fact::None);
        assert_eq!(story.ledger.nodes["w/1"].excluded, None, "another coordinator tries it again");
        story.joined(3, 8);
        assert_eq!(story.ledger.nodes["w/1"].restarts(), 1, "the same process has joined it");
        assert_eq!(story.ledger.incidents.coordinator_restarts, 1);
    }

    #[test]
    fn a_slot_is_told_from_its_node() {
        assert_eq!(node_and_slot("a/b/3"), ("a/b", Some(3)));
        assert_eq!(node_and_slot("worker 2 slot 1"), ("worker 2 slot 1", None));
    }
}
