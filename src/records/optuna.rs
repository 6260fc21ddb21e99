//! A run as an Optuna study: each evaluation of the search is a trial, its genes are the parameters, the search's
//! objectives the study's.
//!
//! Optuna knows values on the way only where there is one objective; a study with several has learning curves as an
//! attribute of its trials.
//!
//! What a parameter is drawn from is what the run has seen of it. Times are in UTC.

use super::{
    Records,
    genes::{self, Domain, Gene},
    objectives,
};
use hatchery_actors::journal::{
    EvaluationRecord, EvaluationState,
    optuna::{self, Direction, Parameter, Study, StudyError, Trial, TrialState},
};
use hatchery_models::training::outcome::Outcome;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// Domains of positive numbers that span so many times their least are told as logarithmic.
const LOG_SPAN: f64 = 100.0;

/// Writes the study; says how many trials it has.
///
/// # Errors
/// Where something else lies there, or it cannot be written.
pub fn write(path: &Path, records: &Records) -> Result<usize, StudyError> {
    let study = study(records);
    optuna::write(path, &study).map(|()| study.trials.len())
}

fn study(records: &Records) -> Study {
    let genomes: Vec<_> = records.search().map(|one| genes::of(&one.individual.genome)).collect();
    let domains = genes::domains(genomes.iter());
    let info = &records.record.info;
    let mut attributes = vec![
        attribute("experiment", &json!(info.experiment)),
        attribute("data", &json!(info.data_source)),
        attribute("data_hash", &json!(info.data_hash)),
        attribute("program_version", &json!(info.program_version)),
        attribute("stage", &json!(records.record.stage.word())),
    ];
    if let Some(last) = &records.record.final_result {
        attributes.push(attribute("winner", &json!(last.individual.0)));
        attributes.push(attribute("test_score", &json!(last.test_score)));
        // A winner that was born for the comparison at full length is no trial of the search.
        if let Some(winner) = records.record.individual(last.individual) {
            attributes.push(attribute("winner_summary", &json!(winner.summary)));
            attributes.push(attribute("winner_genome", &json!(**winner.genome)));
        }
    }
    Study {
        name: records.name.clone(),
        objectives: directions(records),
        attributes,
        trials: records
            .search()
            .zip(&genomes)
            .map(|(one, genes)| trial(records, one, genes, &domains))
            .collect(),
    }
}

fn directions(records: &Records) -> Vec<Direction> {
    let direction = |objective| Direction {
        name: objectives::name(objective, records.score_name()).to_owned(),
        maximize: objectives::is_maximized(objective),
    };
    records.objectives.iter().copied().map(direction).collect()
}

fn trial(
    records: &Records,
    one: &EvaluationRecord,
    genes: &BTreeMap<String, Gene>,
    domains: &BTreeMap<String, Domain>,
) -> Trial {
    let values = objectives::values(records, one);
    let state = state(one, values.is_some());
    let curve: Vec<(u32, f64)> =
        one.curve.iter().map(|report| (report.epoch, report.validation_score)).collect();
    let is_alone = records.objectives.len() == 1;
    let parents: Vec<u64> = one.individual.parents.iter().map(|parent| parent.0).collect();
    let mut attributes = vec![
        attribute("evaluation", &json!(one.id.0)),
        attribute("individual", &json!(one.individual.id.0)),
        attribute("summary", &json!(one.individual.summary)),
        attribute("maker", &json!(one.individual.maker.word())),
        attribute("operation", &json!(one.individual.operation)),
        attribute("parents", &json!(parents)),
        attribute("parameters", &json!(one.individual.parameters)),
        attribute("multiply_adds", &json!(one.individual.multiply_adds)),
    ];
    attributes.extend(one.outcome.map(|outcome| attribute("outcome", &json!(outcome.word()))));
    attributes.extend(one.trainer.as_ref().map(|trainer| attribute("trainer", &json!(trainer))));
    if !one.message.is_empty() {
        attributes.push(attribute("message", &json!(one.message)));
    }
    if !is_alone {
        attributes.push(attribute("curve", &json!(curve)));
    }
    Trial {
        state,
        started_ms: one.started_ms,
        ended_ms: one.finished_ms,
        values: values
            .filter(|_| matches!(state, TrialState::Complete | TrialState::Pruned))
            .unwrap_or_default(),
        steps: if is_alone { curve } else { Vec::new() },
        parameters: genes
            .iter()
            .filter_map(|(name, gene)| parameter(name, gene, domains.get(name)?))
            .collect(),
        attributes,
    }
}

/// `is_judged`: whether all objectives have a value.
fn state(one: &EvaluationRecord, is_judged: bool) -> TrialState {
    match (one.state, one.outcome) {
        (EvaluationState::Queued, _) => TrialState::Waiting,
        (EvaluationState::Running, _) => TrialState::Running,
        (_, Some(Outcome::Completed)) if one.has_fitness() && is_judged => TrialState::Complete,
        (_, Some(Outcome::Stopped | Outcome::TimedOut)) => TrialState::Pruned,
        _ => TrialState::Fail,
    }
}

fn attribute(key: &str, value: &Value) -> (String, String) {
    (key.to_owned(), value.to_string())
}

fn parameter(name: &str, gene: &Gene, domain: &Domain) -> Option<Parameter> {
    let (value, kind, attributes) = match (domain, gene) {
        (Domain::Whole(low, high), Gene::Whole(value)) => {
            let attributes = json!({"log": false, "step": 1, "low": low, "high": high});
            (*value as f64, "IntDistribution", attributes)
        }
        (Domain::Real(low, high), Gene::Whole(_) | Gene::Real(_)) => {
            let value = match gene {
                Gene::Whole(value) => *value as f64,
                Gene::Real(value) => *value,
                Gene::Word(_) => return None,
            };
            let log = *low > 0.0 && high / low >= LOG_SPAN;
            (value, "FloatDistribution", json!({"step": null, "low": low, "high": high, "log": log}))
        }
        (Domain::Words(words), gene) => {
            let word = gene.to_string();
            let place = words.iter().position(|choice| *choice == word)?;
            (place as f64, "CategoricalDistribution", json!({"choices": words}))
        }
        _ => return None,
    };
    let distribution = json!({"name": kind, "attributes": attributes}).to_string();
    Some(Parameter { name: name.to_owned(), value, distribution })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_say_what_they_are_drawn_from() {
        let real = parameter("learning_rate", &Gene::Real(0.01), &Domain::Real(1e-4, 0.1)).unwrap();
        let written: Value = serde_json::from_str(&real.distribution).unwrap();
        assert_eq!((real.value, &written["attributes"]["log"]), (0.01, &json!(true)));
        let word = Gene::Word("relu".to_owned());
        let choice = parameter("x", &word, &Domain::Words(vec!["elu".into(), "relu".into()])).unwrap();
        assert_eq!(choice.value, 1.0);
        assert!(parameter("x", &word, &Domain::Whole(1, 2)).is_none());
    }
}
