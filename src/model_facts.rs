//! What an exported model says of itself: the metadata keys, written by `export` and read by `test`.
//!
//! It must not know how a model is built or run.

use crate::view::{Best, Row};
use hatchery_actors::protocol::LeaseKind;
use hatchery_config::{Experiment, experiment, vocabulary::TaskKind};
use hatchery_models::{
    data::{Column, Dataset, Normalisation, Targets},
    training::outcome::EpochReport,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Metadata key of the settings that `test` needs to draw the same split.
const DATA_KEY: &str = "hatchery.data";
/// Metadata key of the names of classes, or of targets.
const NAMES_KEY: &str = "hatchery.names";
/// Metadata key of a table's columns: what each raw value of a row means.
const COLUMNS_KEY: &str = "hatchery.columns";

/// `[data]` as far as it says which samples are the test part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// The source, by the name of its file or folder.
    pub source: String,
    /// SHA-256 of the content.
    pub content_hash: String,
    /// Names that a table's header gives the label columns; empty where it gives none, and in older models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_columns: Vec<String>,
    /// The experiment's section.
    pub settings: experiment::Data,
}

/// Everything that a model says of itself, as metadata of the ONNX file and as `.json` beside it.
#[derive(Clone, Debug)]
pub struct ModelFacts<'a> {
    /// The network, and the evaluation whose weights these are: score, curve and epochs are those of the weights.
    pub row: &'a Row,
    /// The experiment.
    pub experiment: &'a Experiment,
    /// The data it was trained on.
    pub dataset: &'a Dataset,
    /// What raw values are normalised by inside the model.
    pub normalisation: &'a Normalisation,
    /// The winner's figures, where these are the weights that are handed over.
    pub best: Option<&'a Best>,
}

/// What weights, or those they come after, reached on validation samples.
struct Validated<'a> {
    score: f64,
    /// Which training that was, as in `trained`.
    training: &'static str,
    curve: &'a [EpochReport],
}

impl ModelFacts<'_> {
    /// As key and value texts.
    ///
    /// # Errors
    /// Where something cannot be written as JSON, which is a defect.
    pub fn metadata(&self) -> serde_json::Result<Vec<(String, String)>> {
        let mut pairs = self.origin()?;
        let mut say = |key: &str, value: String| pairs.push((format!("hatchery.{key}"), value));
        say("trained", trained(self.row.kind).to_owned());
        say("epochs", self.row.epochs.to_string());
        if let Some(Validated { score, training, .. }) = self.validated() {
            say("valid_score", score.to_string());
            say("valid_score_of", training.to_owned());
        }
        if let Some(score) = self.best.and_then(|best| best.test_score) {
            say("test_score", score.to_string());
        }
        Ok(pairs)
    }

    /// The same without what training has made of it: for a model that has yet to be trained.
    ///
    /// # Errors
    /// As `metadata`.
    pub fn origin(&self) -> serde_json::Result<Vec<(String, String)>> {
        let source = without_place(&self.experiment.data.source);
        let data = DataFacts {
            source: source.clone(),
            content_hash: self.dataset.content_hash.clone(),
            label_columns: self.dataset.notes.label_columns.clone(),
            settings: experiment::Data { source, ..self.experiment.data.clone() },
        };
        let mut pairs = vec![
            ("hatchery.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("hatchery.experiment".to_owned(), self.experiment.name.clone()),
            ("hatchery.seed".to_owned(), self.experiment.seed.to_string()),
            ("hatchery.network".to_owned(), self.row.id.to_string()),
            ("hatchery.summary".to_owned(), self.row.summary.clone()),
            ("hatchery.genome".to_owned(), serde_json::to_string(&self.row.genome)?),
            (NAMES_KEY.to_owned(), serde_json::to_string(names(self.dataset))?),
            (DATA_KEY.to_owned(), serde_json::to_string(&data)?),
        ];
        if !self.dataset.columns.is_empty() {
            pairs.push((COLUMNS_KEY.to_owned(), serde_json::to_string(&self.dataset.columns)?));
        }
        Ok(pairs)
    }

    /// As the JSON file beside a model.
    pub fn json(&self) -> serde_json::Value {
        let validated = self.validated();
        let validated = validated.as_ref();
        let columns = Some(&self.dataset.columns).filter(|columns| !columns.is_empty());
        serde_json::json!({
            "id": self.row.id,
            "experiment": self.experiment.name,
            "seed": self.experiment.seed,
            "data": {"source": without_place(&self.dataset.source), "content_hash": self.dataset.content_hash},
            "columns": columns,
            "outputs": names(self.dataset),
            "summary": self.row.summary,
            "genome": self.row.genome,
            "parameters": self.row.parameters,
            "multiply_adds": self.row.multiply_adds,
            "trained": trained(self.row.kind),
            "epochs": self.row.epochs,
            "valid_accuracy": validated.map(|one| one.score),
            "valid_accuracy_of": validated.map(|one| one.training),
            "test_accuracy": self.best.and_then(|best| best.test_score),
            "operation": self.row.operation,
            "parents": self.row.parents,
            "curve": validated.map_or(&self.row.curve[..], |one| one.curve),
            "final_curve": self.best.map(final_curve),
            "program_version": env!("CARGO_PKG_VERSION"),
        })
    }

    /// What the weights score on validation samples. The final training has none left: then what the winner scored
    /// before it.
    fn validated(&self) -> Option<Validated<'_>> {
        let kind = self.row.kind;
        if matches!(kind, LeaseKind::Search | LeaseKind::Crown) {
            let score = self.row.score?;
            return Some(Validated { score, training: trained(kind), curve: &self.row.curve });
        }
        let best = self.best?;
        let kind = if best.full_length_score.is_some() { LeaseKind::Crown } else { LeaseKind::Search };
        Some(Validated { score: best.valid_score()?, training: trained(kind), curve: &best.valid_curve })
    }
}

/// A source without the folders that lead to it: models are handed on, and where files lie on one machine is nobody
/// else's business.
fn without_place(source: &str) -> String {
    let named =
        source.split_once(':').and_then(|(format, path)| Some((format, Path::new(path).file_name()?)));
    named.map_or_else(|| source.to_owned(), |(format, name)| format!("{format}:{}", name.to_string_lossy()))
}

/// How weights were trained: shortly as in the search, at full length for the comparison of the best, or at full length
/// on training and validation samples together.
const fn trained(kind: LeaseKind) -> &'static str {
    match kind {
        LeaseKind::Search => "search",
        LeaseKind::Crown => "full length",
        LeaseKind::Final | LeaseKind::Test => "final",
    }
}

/// The final training has no samples left to validate on: only its training loss means something.
fn final_curve(best: &Best) -> Vec<serde_json::Value> {
    let reports = best.final_curve.iter();
    reports
        .map(|report| {
            serde_json::json!({
                "epoch": report.epoch,
                "training_loss": report.training_loss,
                "seconds": report.seconds,
            })
        })
        .collect()
}

/// What a model says of the data it was trained on; `None` for models that say nothing.
pub fn data_facts(metadata: &[(String, String)]) -> Option<DataFacts> {
    let (_, text) = metadata.iter().find(|(key, _)| key == DATA_KEY)?;
    serde_json::from_str(text).ok()
}

/// Names of the label columns of the table that a model was trained on, as far as it says them. Older models do so by the
/// names of their targets alone.
pub fn label_columns(metadata: &[(String, String)]) -> Vec<String> {
    match data_facts(metadata) {
        Some(facts) if !facts.label_columns.is_empty() => facts.label_columns,
        Some(DataFacts { source, settings, .. })
            if source.starts_with("csv:") && settings.task == TaskKind::Regression =>
        {
            outputs(metadata)
        }
        _ => Vec::new(),
    }
}

/// What a model says its outputs are: names of classes, or of targets; nothing for models that do not say.
pub fn outputs(metadata: &[(String, String)]) -> Vec<String> {
    let names = metadata.iter().find(|(key, _)| key == NAMES_KEY);
    names.and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What a model says of the columns of its table; `None` for models that say nothing, such as those of images.
pub fn columns(metadata: &[(String, String)]) -> Option<Vec<Column>> {
    let (_, text) = metadata.iter().find(|(key, _)| key == COLUMNS_KEY)?;
    serde_json::from_str(text).ok()
}

/// Names of the classes, or of the targets.
fn names(dataset: &Dataset) -> &[String] {
    match &dataset.targets {
        Targets::Classes { names, .. } | Targets::Values { names, .. } => names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{fixture, fixture::run};
    use hatchery_models::data::{self, LoadOptions};
    use serde_json::{Value, json};

    /// What is said of weights of this evaluation, as JSON and as metadata.
    fn said(row: &Row, best: Option<&Best>) -> (Value, Vec<(String, String)>) {
        let dataset = data::load("digits", &LoadOptions::default()).unwrap();
        let normalisation = Normalisation::of(&dataset, &[0, 1]);
        let experiment = Experiment::load("digits", &[]).unwrap();
        let facts = ModelFacts {
            row,
            experiment: &experiment,
            dataset: &dataset,
            normalisation: &normalisation,
            best,
        };
        (facts.json(), facts.metadata().unwrap())
    }

    fn value<'a>(metadata: &'a [(String, String)], key: &str) -> Option<&'a str> {
        metadata.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn models_do_not_tell_where_files_lie() {
        assert_eq!(without_place("csv:/home/ada/secret project/petals.csv"), "csv:petals.csv");
        assert_eq!(without_place("idx:data/fashion-mnist/"), "idx:fashion-mnist");
        assert_eq!(
            (without_place("digits"), without_place("csv:/")),
            ("digits".to_owned(), "csv:/".to_owned())
        );
    }

    #[test]
    fn label_columns_are_said_and_of_older_models_guessed_by_their_targets() {
        let settings = Experiment::load("digits", &[]).unwrap().data;
        let said = |label_columns: &[&str], source: &str, task| {
            let facts = DataFacts {
                source: source.to_owned(),
                content_hash: String::new(),
                label_columns: label_columns.iter().map(|&name| name.to_owned()).collect(),
                settings: experiment::Data { task, ..settings.clone() },
            };
            let facts = (DATA_KEY.to_owned(), serde_json::to_string(&facts).unwrap());
            super::label_columns(&[facts, (NAMES_KEY.to_owned(), "[\"b\"]".to_owned())])
        };
        assert_eq!(said(&["kind"], "csv:a.csv", TaskKind::Classification), ["kind"]);
        assert!(said(&[], "csv:a.csv", TaskKind::Classification).is_empty(), "names are those of classes");
        assert_eq!(said(&[], "csv:a.csv", TaskKind::Regression), ["b"]);
        assert!(said(&[], "npz:a.npz", TaskKind::Regression).is_empty());
    }

    #[test]
    fn figures_are_those_of_the_weights() {
        let mut row = fixture::row(5, Some(0.93), 100, &[]);
        (row.kind, row.epochs) = (LeaseKind::Crown, 40);
        let (json, metadata) = said(&row, None);
        assert_eq!(
            [&json["trained"], &json["epochs"], &json["valid_accuracy"], &json["valid_accuracy_of"]],
            [&json!("full length"), &json!(40), &json!(0.93), &json!("full length")]
        );
        assert_eq!(json["curve"].as_array().unwrap().len(), row.curve.len());
        assert_eq!(value(&metadata, "hatchery.trained"), Some("full length"));
        assert_eq!(value(&metadata, "hatchery.epochs"), Some("40"));
        assert_eq!(value(&metadata, "hatchery.valid_score"), Some("0.93"));
    }

    #[test]
    fn the_final_training_says_of_which_training_the_validation_is() {
        let mut row = fixture::row(4, None, 100, &[]);
        row.kind = LeaseKind::Final;
        let (json, metadata) = said(&row, run().best.as_ref());
        assert_eq!(
            [&json["trained"], &json["valid_accuracy"], &json["valid_accuracy_of"], &json["test_accuracy"]],
            [&json!("final"), &json!(0.92), &json!("full length"), &json!(0.88)]
        );
        assert_eq!(value(&metadata, "hatchery.valid_score_of"), Some("full length"));
        let (json, metadata) = said(&row, None);
        assert_eq!((&json["valid_accuracy"], &json["test_accuracy"]), (&Value::Null, &Value::Null));
        assert_eq!(value(&metadata, "hatchery.valid_score"), None, "nothing is known of these weights");
    }
}
