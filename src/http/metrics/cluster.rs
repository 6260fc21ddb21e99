//! A coordinator's figures: the whole cluster's, off the snapshots that there are.

use super::text::Text;
use crate::http::{
    api::nodes::{NodeState, NodesAnswer},
    archive::Figures,
    watched::Watched,
};
use hatchery_actors::{invariants::breaches, journal::Stage, progress::Progress};
use hatchery_models::training::outcome::Outcome;

/// Every stage of a run.
const STAGES: [Stage; 5] = [Stage::Search, Stage::Crown, Stage::Final, Stage::Test, Stage::Done];

/// Writes them.
pub fn write(text: &mut Text, watched: &Watched) {
    let progress = watched.remote.progress.borrow().clone();
    let figures = watched.archive.figures.borrow().clone();
    let nodes = NodesAnswer::now(watched);
    write_search(text, &progress, &figures);
    write_desk(text, &progress);
    write_nodes(text, &nodes, &figures);
    write_run(text, &progress);
    text.put("hatchery_invariant_breaches_total", &[], breaches() as f64);
    text.put("hatchery_journal_bytes", &[], figures.journal_bytes as f64);
}

fn write_search(text: &mut Text, progress: &Progress, figures: &Figures) {
    for outcome in Outcome::ALL {
        let counted = progress.outcomes.iter().find(|(one, _)| *one == outcome);
        let count = counted.map_or(0, |(_, count)| *count);
        text.put("hatchery_evaluations_total", &[("outcome", outcome.word())], f64::from(count));
    }
    if let Some(most) = progress.evaluations_max {
        text.put("hatchery_evaluations_max", &[], f64::from(most));
    }
    for (maker, births) in &figures.births {
        text.put("hatchery_individuals_total", &[("maker", maker)], *births as f64);
    }
    if let Some(best) = &progress.best {
        text.put("hatchery_best_score", &[], best.score);
        text.put("hatchery_best_parameters", &[], best.parameters as f64);
    }
    text.put("hatchery_cluster_training_images_total", &[], figures.images as f64);
    text.put("hatchery_cluster_training_seconds_total", &[], figures.seconds);
    text.put("hatchery_utilisation_ratio", &[], progress.utilisation);
}

fn write_desk(text: &mut Text, progress: &Progress) {
    let queues =
        [("ready", progress.ready), ("births", progress.births_due), ("unclaimed", progress.unclaimed)];
    for (queue, depth) in queues {
        text.put("hatchery_queue_depth", &[("queue", queue)], depth as f64);
    }
    for (kind, count) in &progress.leases {
        text.put("hatchery_leases", &[("kind", kind.word())], *count as f64);
    }
    let busy = progress.trainers.iter().filter(|trainer| trainer.work.is_some()).count();
    for (state, count) in [("busy", busy), ("idle", progress.trainers.len() - busy)] {
        text.put("hatchery_trainers", &[("state", state)], count as f64);
    }
}

fn write_nodes(text: &mut Text, nodes: &NodesAnswer, figures: &Figures) {
    for (state, word) in NodeState::ALL {
        let count = nodes.nodes.iter().filter(|node| node.state == state).count();
        text.put("hatchery_workers", &[("state", word)], count as f64);
    }
    let incidents = &figures.incidents;
    for (name, count) in [
        ("hatchery_worker_restarts_total", incidents.worker_restarts()),
        ("hatchery_coordinator_restarts_total", incidents.coordinator_restarts),
        ("hatchery_attempts_lost_total", incidents.lost),
        ("hatchery_attempts_handed_back_total", incidents.handed_back),
        ("hatchery_attempts_adopted_total", incidents.adopted),
    ] {
        text.put(name, &[], count as f64);
    }
    let silent = nodes.nodes.iter().filter_map(|node| node.silent_s).fold(0.0, f64::max);
    text.put("hatchery_heartbeat_age_seconds", &[], silent);
}

fn write_run(text: &mut Text, progress: &Progress) {
    text.put("hatchery_run_elapsed_seconds", &[], progress.elapsed_seconds);
    if let Some(left) = progress.seconds_left {
        text.put("hatchery_run_seconds_left", &[], left);
    }
    for stage in STAGES {
        let is_here = f64::from(u8::from(stage == progress.stage));
        text.put("hatchery_run_stage", &[("stage", stage.word())], is_here);
    }
    text.put("hatchery_run_paused", &[], f64::from(u8::from(progress.paused.is_some())));
}
