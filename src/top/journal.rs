//! A run as its directory shows it: read anew from the journal at each look.

use super::view::{NodeView, Ranked, SlotView, View, course};
use crate::{
    cli::exit::{Exit, Failure, OrExit},
    records::{self, Records, nodes, standing::Standing},
    view::trainers_seen,
};
use hatchery_actors::journal::workers;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

/// Networks of the ranking.
const RANKED_MAX: usize = 10;

/// A run directory.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn look(&self) -> Result<View, Failure> {
        let records = records::read(&self.path)?;
        let workers = workers::workers(&self.path).or_exit(Exit::RunDirectory)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let now_ms = i64::try_from(now).unwrap_or(i64::MAX);
        Ok(view(&records, &nodes::of(&workers, &records), now_ms))
    }
}

fn view(records: &Records, nodes: &[nodes::Node], now_ms: i64) -> View {
    let record = &records.record;
    let ended_s = records.search().filter_map(|one| records.ended_s.get(&one.id.0).copied());
    let (count, last_s) = ended_s.fold((0_u32, 0.0_f64), |(count, last), ended| (count + 1, last.max(ended)));
    let per_hour = if last_s > 0.0 { f64::from(count) * 3600.0 / last_s } else { 0.0 };
    let standing = Standing::of(records, per_hour);
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    records
        .search()
        .filter_map(|one| one.outcome)
        .for_each(|one| *outcomes.entry(one.word()).or_default() += 1);
    let scores = records
        .search()
        .filter(|one| one.has_fitness())
        .filter_map(|one| Some((*records.ended_s.get(&one.id.0)?, one.score?)));
    let trained: f64 = record.evaluations.iter().map(|one| one.seconds).sum();
    let available = record.elapsed_seconds * f64::from(trainers_seen(record).max(1));
    View {
        title: records.name.clone(),
        state: if records.alive {
            record.stage.word().to_owned()
        } else {
            format!("{}, not running", record.stage.word())
        },
        elapsed_s: standing.elapsed_s,
        left_s: standing.left_s,
        evaluations: standing.counted,
        evaluations_max: standing.evaluations_max,
        per_hour,
        utilisation: if available > 0.0 { (trained / available).min(1.0) } else { 0.0 },
        score_name: records.score_name().to_owned(),
        ranking: ranking(records),
        course: course(scores.collect()),
        outcomes: outcomes.into_iter().map(|(word, count)| (word.to_owned(), count)).collect(),
        makers: records.makers().into_iter().map(|(maker, count)| (maker.to_owned(), count)).collect(),
        nodes: nodes.iter().map(|node| node_view(node, records.alive, now_ms)).collect(),
        incidents: records.incidents.text().into_iter().collect(),
    }
}

fn ranking(records: &Records) -> Vec<Ranked> {
    let ranked = |one: &&hatchery_actors::journal::EvaluationRecord| Ranked {
        id: one.individual.id.0,
        score: one.score,
        parameters: one.individual.parameters,
        summary: one.individual.summary.clone(),
    };
    records.record.ranking().iter().take(RANKED_MAX).map(ranked).collect()
}

fn node_view(node: &nodes::Node, alive: bool, now_ms: i64) -> NodeView {
    let slot = |slot: &nodes::Slot| SlotView {
        evaluation: slot.evaluation,
        epoch: None,
        epochs: u64::from(slot.epochs),
        seconds: slot.since_ms.map_or(0.0, |since| (now_ms - since).max(0) as f64 / 1000.0),
        summary: slot.summary.clone(),
    };
    NodeView {
        name: node.name.clone(),
        state: match &node.reason {
            Some(reason) => format!("gone: {reason}"),
            None => nodes::presence(alive).to_owned(),
        },
        evaluations: node.evaluations as u64,
        slots: node.slots.iter().map(slot).collect(),
    }
}
