//! A run as TensorBoard shows it: a folder for each evaluation, with its learning curve, its genes and what it is.
//!
//! It must not know how messages are laid out (`proto`) or put into files (`framing`).

mod framing;
mod proto;

use super::{Records, genes};
use crate::run_directory::{make, write_whole};
use framing::frame;
use hatchery_actors::journal::{EvaluationRecord, EvaluationState};
use prost::Message;
use proto::{Event, Value};
use std::path::{Path, PathBuf};

/// What the first event of a file has to say.
const FILE_VERSION: &str = "brain.Event:2";

/// Writes an event file for each evaluation that has begun; says how many.
///
/// # Errors
/// Where the system does not let them be written.
pub fn write(folder: &Path, records: &Records) -> anyhow::Result<usize> {
    let begun = |one: &&EvaluationRecord| one.state != EvaluationState::Queued;
    let evaluations: Vec<_> = records.record.evaluations.iter().filter(begun).collect();
    for one in &evaluations {
        let path = file(folder, records, one);
        if let Some(parent) = path.parent() {
            make(parent)?;
        }
        write_whole(&path, &events(records, one))?;
    }
    Ok(evaluations.len())
}

/// Always the same for the same evaluation, so that a later export takes the place of an earlier one.
fn file(folder: &Path, records: &Records, one: &EvaluationRecord) -> PathBuf {
    let evaluation = format!("{}-{:05}", one.kind.word(), one.id.0);
    let began = records.record.started_ms / 1000;
    folder.join(&records.name).join(evaluation).join(format!("events.out.tfevents.{began}.hatchery"))
}

fn events(records: &Records, one: &EvaluationRecord) -> Vec<u8> {
    let began = one.started_ms.unwrap_or(one.queued_ms) as f64 / 1000.0;
    let mut bytes = Vec::new();
    let mut push = |event: Event| frame(&mut bytes, &event.encode_to_vec());
    push(Event { wall_time: began, file_version: Some(FILE_VERSION.to_owned()), ..Event::default() });
    let individual = &one.individual;
    let genes = genes::of(&individual.genome);
    let about = vec![
        Value::text("network", &individual.summary),
        Value::text("maker", individual.maker.word()),
        Value::text("operation", &individual.operation),
        Value::text("message", &one.message),
    ];
    let about = about.into_iter().filter(|value| !value.is_empty());
    push(Event::of(began, 0, about.collect()));
    push(Event::of(began, 0, vec![Value::session_start(&genes, began)]));
    for report in &one.curve {
        let values = vec![
            Value::scalar("loss/training", report.training_loss),
            Value::scalar("loss/validation", report.validation_loss),
            Value::scalar(&format!("{}/validation", records.score_name()), report.validation_score),
        ];
        push(Event::of(began + report.seconds, i64::from(report.epoch), values));
    }
    let ended = one.finished_ms.map_or(began, |unix_ms| unix_ms as f64 / 1000.0);
    let facts = [
        ("score", one.score),
        ("parameters", Some(individual.parameters as f64)),
        ("multiply_adds", Some(individual.multiply_adds as f64)),
        ("seconds", one.finished_ms.map(|_| one.seconds)),
        ("latency_s", one.latency_seconds),
    ];
    let facts =
        facts.iter().filter_map(|(name, fact)| Some(Value::scalar(&format!("network/{name}"), (*fact)?)));
    push(Event::of(ended, 0, facts.collect()));
    bytes
}
