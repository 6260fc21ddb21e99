//! `GET /api/v1/nodes`: who trains, what, and how everybody stands.

use crate::http::{
    answer::Answer,
    archive::Figures,
    ledger::{NodePast, node_and_slot},
    watched::Watched,
};
use axum::{Json, extract::State};
use hatchery_actors::progress::{NodeProgress, Nodes, Progress, TrainerProgress};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// All nodes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NodesAnswer {
    /// By name.
    pub nodes: Vec<NodeAnswer>,
}

/// A node: the processes of one name, of which the last one counts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NodeAnswer {
    pub name: String,
    pub host: String,
    pub state: NodeState,
    /// Why it is gone or excluded.
    pub reason: Option<String>,
    /// What it trains on.
    pub device: String,
    /// When its process joined, in seconds since the run began.
    pub joined_s: f64,
    /// Since when nothing was heard of it; of those that are here.
    pub silent_s: Option<f64>,
    /// Evaluations that have ended with it.
    pub evaluations: u64,
    /// Those of them that left no score.
    pub failures: u64,
    /// How often it was started again: processes of its name before. One that connects again is no other.
    pub restarts: u64,
    /// Memory of its process, as it says.
    pub memory_bytes: Option<u64>,
    /// Where its metrics are.
    pub http: Option<String>,
    pub slots: Vec<SlotAnswer>,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// Works, or can.
    Here,
    /// Ends when what it has is done or handed back.
    Draining,
    /// Is here and gets no more work.
    Excluded,
    /// Is not here.
    Gone,
}

impl NodeState {
    /// Every one, and its name.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Here, "here"),
        (Self::Draining, "draining"),
        (Self::Excluded, "excluded"),
        (Self::Gone, "gone"),
    ];
}

/// A trainer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SlotAnswer {
    /// From 0.
    slot: u32,
    /// What it is at; `null` where it waits.
    evaluation: Option<u64>,
    individual: Option<u64>,
    /// `search`, `crown`, `final` or `test`.
    kind: Option<String>,
    /// Epochs finished.
    epoch: Option<u32>,
    /// Epochs planned.
    epochs: Option<u32>,
    /// Since it was handed out.
    seconds: Option<f64>,
    /// Its best score so far.
    score: Option<f64>,
    summary: Option<String>,
}

/// Who trains, and what.
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes", responses((status = 200, body = NodesAnswer)))]
pub async fn nodes(State(watched): State<Arc<Watched>>) -> Answer<NodesAnswer> {
    Ok(Json(NodesAnswer::now(&watched)))
}

impl NodesAnswer {
    /// As they stand.
    pub fn now(watched: &Watched) -> Self {
        let progress = watched.remote.progress.borrow().clone();
        let nodes = watched.remote.nodes.borrow().clone();
        Self::of(&progress, &nodes, &watched.archive.figures.borrow())
    }

    fn of(progress: &Progress, nodes: &Nodes, figures: &Figures) -> Self {
        let mut trainers: BTreeMap<&str, Vec<&TrainerProgress>> = BTreeMap::new();
        for trainer in &progress.trainers {
            trainers.entry(node_and_slot(&trainer.name).0).or_default().push(trainer);
        }
        let present: BTreeMap<&str, &NodeProgress> =
            nodes.present.iter().map(|node| (node.name.as_str(), node)).collect();
        let since = nodes.at.elapsed().as_secs_f64();
        let mut names: Vec<&str> =
            figures.nodes.keys().map(String::as_str).chain(present.keys().copied()).collect();
        names.sort_unstable();
        names.dedup();
        let none = NodePast::default();
        let node = |name: &str| {
            let past = figures.nodes.get(name).unwrap_or(&none);
            let own = trainers.get(name).map(Vec::as_slice).unwrap_or_default();
            node(name, past, present.get(name).map(|node| (*node, since)), own)
        };
        Self { nodes: names.into_iter().map(node).collect() }
    }
}

fn node(
    name: &str,
    past: &NodePast,
    present: Option<(&NodeProgress, f64)>,
    trainers: &[&TrainerProgress],
) -> NodeAnswer {
    let (state, reason) = standing(past, present.map(|(node, _)| node));
    let now = present.map(|(node, _)| node);
    let devices = now.map_or(&past.devices, |node| &node.devices);
    NodeAnswer {
        name: name.to_owned(),
        host: now.map_or(&past.host, |node| &node.host).clone(),
        state,
        reason,
        device: device_words(devices),
        joined_s: past.joined_s,
        silent_s: present.map(|(node, since)| node.silent_seconds + since),
        evaluations: past.evaluations,
        failures: past.failures,
        restarts: past.restarts() as u64,
        memory_bytes: now.map(|node| node.memory_bytes).filter(|bytes| *bytes > 0),
        http: now.and_then(|node| node.http.clone()),
        slots: if now.is_some() {
            trainers.iter().map(|trainer| slot(trainer)).collect()
        } else {
            Vec::new()
        },
    }
}

fn standing(past: &NodePast, present: Option<&NodeProgress>) -> (NodeState, Option<String>) {
    match (present, &past.excluded) {
        (None, _) => {
            let words = past.left.clone().unwrap_or_else(|| "it has not joined again".to_owned());
            (NodeState::Gone, Some(words))
        }
        (Some(_), Some(reason)) => (NodeState::Excluded, Some(reason.clone())),
        (Some(node), None) if node.draining => (NodeState::Draining, None),
        (Some(_), None) => (NodeState::Here, None),
    }
}

/// Devices of one kind are counted: `2 x cpu`.
fn device_words(devices: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    devices.iter().for_each(|device| *counts.entry(device).or_default() += 1);
    let words: Vec<String> = counts
        .into_iter()
        .map(|(device, count)| if count == 1 { device.to_owned() } else { format!("{count} x {device}") })
        .collect();
    words.join(", ")
}

fn slot(trainer: &TrainerProgress) -> SlotAnswer {
    let work = trainer.work.as_ref();
    SlotAnswer {
        slot: node_and_slot(&trainer.name).1.unwrap_or(0),
        evaluation: work.map(|work| work.evaluation.0),
        individual: work.map(|work| work.individual.0),
        kind: work.map(|work| work.kind.word().to_owned()),
        epoch: work.map(|work| work.epoch),
        // Of one that was taken over from an earlier coordinator the plan is not known.
        epochs: work.map(|work| work.epochs).filter(|epochs| *epochs < u32::MAX),
        seconds: work.map(|work| work.seconds),
        score: work.and_then(|work| work.score),
        summary: work.map(|work| work.summary.clone()),
    }
}
