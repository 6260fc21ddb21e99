//! What an exported model says of itself: the metadata keys, written by `export` and read by `test`.
//!
//! It must not know how a model is built or run.

use crate::view::{Best, Row};
use hatchery_config::{Experiment, experiment};
use hatchery_models::data::{Dataset, Normalisation, Targets};
use serde::{Deserialize, Serialize};

/// Metadata key of the settings that `test` needs to draw the same split.
const DATA_KEY: &str = "hatchery.data";

/// `[data]` as far as it says which samples are the test part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// The source, as it was named then.
    pub source: String,
    /// SHA-256 of the content.
    pub content_hash: String,
    /// The experiment's section.
    pub settings: experiment::Data,
    /// Standard deviation of each regression target, by which errors are made comparable; empty for classes.
    pub target_deviations: Vec<f32>,
}

/// Everything that a model says of itself, as metadata of the ONNX file and as `.json` beside it.
#[derive(Clone, Debug)]
pub struct ModelFacts<'a> {
    /// The network.
    pub row: &'a Row,
    /// The experiment.
    pub experiment: &'a Experiment,
    /// The data it was trained on.
    pub dataset: &'a Dataset,
    /// What raw values are normalised by inside the model.
    pub normalisation: &'a Normalisation,
    /// The winner's figures, where it is the winner.
    pub best: Option<&'a Best>,
}

impl ModelFacts<'_> {
    /// As key and value texts.
    ///
    /// # Errors
    /// Where something cannot be written as JSON, which is a defect.
    pub fn metadata(&self) -> serde_json::Result<Vec<(String, String)>> {
        let data = DataFacts {
            source: self.experiment.data.source.clone(),
            content_hash: self.dataset.content_hash.clone(),
            settings: self.experiment.data.clone(),
            target_deviations: self.normalisation.target_deviation.clone(),
        };
        let mut pairs = vec![
            ("hatchery.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("hatchery.experiment".to_owned(), self.experiment.name.clone()),
            ("hatchery.seed".to_owned(), self.experiment.seed.to_string()),
            ("hatchery.network".to_owned(), self.row.id.to_string()),
            ("hatchery.summary".to_owned(), self.row.summary.clone()),
            ("hatchery.genome".to_owned(), serde_json::to_string(&self.row.genome)?),
            ("hatchery.names".to_owned(), serde_json::to_string(names(self.dataset))?),
            (DATA_KEY.to_owned(), serde_json::to_string(&data)?),
        ];
        let score = self.best.and_then(Best::valid_score).or(self.row.score);
        pairs.extend(score.map(|score| ("hatchery.valid_score".to_owned(), score.to_string())));
        let test = self.best.and_then(|best| best.test_score);
        pairs.extend(test.map(|score| ("hatchery.test_score".to_owned(), score.to_string())));
        Ok(pairs)
    }

    /// As the JSON file beside a model.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.row.id,
            "experiment": self.experiment.name,
            "seed": self.experiment.seed,
            "data": {"source": self.dataset.source, "content_hash": self.dataset.content_hash},
            "outputs": names(self.dataset),
            "summary": self.row.summary,
            "genome": self.row.genome,
            "parameters": self.row.parameters,
            "multiply_adds": self.row.multiply_adds,
            "valid_accuracy": self.best.and_then(Best::valid_score).or(self.row.score),
            "test_accuracy": self.best.and_then(|best| best.test_score),
            "operation": self.row.operation,
            "parents": self.row.parents,
            "curve": self.row.curve,
            "final_curve": self.best.map(final_curve),
            "program_version": env!("CARGO_PKG_VERSION"),
        })
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

/// Names of the classes, or of the targets.
fn names(dataset: &Dataset) -> &[String] {
    match &dataset.targets {
        Targets::Classes { names, .. } | Targets::Values { names, .. } => names,
    }
}
