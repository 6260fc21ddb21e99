//! `GET /api/v1/individuals/{id}`: one network with all that is known of it; and its drawing.

use super::individuals::{ItemAnswer, item};
use crate::{
    drawing::{Sketch, svg},
    http::{
        answer::{Answer, Numbered, Problem},
        archive::Shelf,
        watched::{RunFacts, Watched},
    },
    layers::{self, Layer},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hatchery_actors::{
    journal::EvaluationRecord,
    protocol::{Individual, IndividualId},
};
use hatchery_models::training::outcome::EpochReport;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// Ancestors that are named.
const ANCESTORS_MAX: usize = 200;

/// A network with all that is known of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IndividualAnswer {
    #[serde(flatten)]
    item: ItemAnswer,
    /// None, one or two.
    parents: Vec<u64>,
    /// How it came from them.
    operation: String,
    /// Its genes, as `best.json` has them.
    #[schema(value_type = Object)]
    genome: Value,
    layers: Vec<LayerAnswer>,
    /// Genes of its training, by name.
    #[schema(value_type = Object)]
    training: Value,
    /// All its evaluations in the order in which they were queued.
    evaluations: Vec<EvaluationAnswer>,
    /// Ancestors, nearest first.
    lineage: Vec<RelativeAnswer>,
}

/// A layer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LayerAnswer {
    /// `input`, `output`, or the kind of a gene, for example `convolution`.
    kind: String,
    /// The gene in a line.
    words: String,
    /// Channels, rows and columns, or the number of values; `null` where the genome is not viable.
    output_shape: Option<Vec<u64>>,
    parameters: u64,
    multiply_adds: u64,
}

/// An evaluation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvaluationAnswer {
    id: u64,
    /// `search`, `crown`, `final` or `test`.
    kind: String,
    /// `queued`, `running` or `finished`.
    state: String,
    /// How often it was handed out.
    attempt: u32,
    /// How it ended, where it has.
    outcome: Option<String>,
    score: Option<f64>,
    message: String,
    /// Who has, or last had it.
    node: Option<String>,
    seconds: f64,
    /// The evaluation whose weights it began with.
    inherits: Option<u64>,
    curve: Vec<CurvePointAnswer>,
}

/// An epoch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CurvePointAnswer {
    /// From 1; a test is epoch 0.
    epoch: u32,
    training_loss: Option<f64>,
    validation_loss: Option<f64>,
    validation_score: Option<f64>,
    /// Since the training began.
    seconds: Option<f64>,
}

/// An ancestor.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RelativeAnswer {
    id: u64,
    parents: Vec<u64>,
    score: Option<f64>,
    maker: String,
    summary: String,
}

/// One network.
#[utoipa::path(get, path = "/api/v1/individuals/{id}", tag = "individuals",
    params(("id" = u64, Path, description = "Number of the individual")),
    responses((status = 200, body = IndividualAnswer), (status = 400, body = crate::http::answer::ErrorAnswer),
        (status = 404, body = crate::http::answer::ErrorAnswer)))]
pub async fn individual(
    State(watched): State<Arc<Watched>>,
    Numbered(id): Numbered,
) -> Answer<IndividualAnswer> {
    let asker = Arc::clone(&watched);
    watched.archive.ask(move |shelf| whole(&asker.facts, shelf, id)).await.map(Json)
}

/// One network, drawn layer by layer.
#[utoipa::path(get, path = "/api/v1/individuals/{id}/drawing.svg", tag = "individuals",
    params(("id" = u64, Path, description = "Number of the individual")),
    responses((status = 200, body = String, content_type = "image/svg+xml"),
        (status = 400, body = crate::http::answer::ErrorAnswer),
        (status = 404, body = crate::http::answer::ErrorAnswer)))]
pub async fn drawing(
    State(watched): State<Arc<Watched>>,
    Numbered(id): Numbered,
) -> Result<Response, Problem> {
    let asker = Arc::clone(&watched);
    let picture = watched.archive.ask(move |shelf| {
        let individual = find(shelf, id)?;
        Ok(svg(&Sketch::of(&individual.genome, asker.facts.task())))
    });
    let mut response = ([(header::CONTENT_TYPE, "image/svg+xml")], picture.await?).into_response();
    // A picture styles itself, and does nothing else.
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// The individual of this number.
pub fn find(shelf: &Shelf, id: u64) -> Result<Arc<Individual>, Problem> {
    let found = shelf.reader.individual(IndividualId(id)).map_err(|error| Problem::journal(&error))?;
    found.ok_or_else(|| {
        Problem::not_found(
            format!("there is no individual {id}"),
            "see /api/v1/individuals for those there are",
        )
    })
}

/// All its evaluations.
pub fn evaluations(shelf: &Shelf, individual: &Arc<Individual>) -> Result<Vec<EvaluationRecord>, Problem> {
    let known = shelf.ledger.individual(individual.id.0);
    let ids = known.map(|known| known.evaluations.as_slice()).unwrap_or_default();
    shelf.reader.evaluations(individual, ids).map_err(|error| Problem::journal(&error))
}

fn whole(facts: &RunFacts, shelf: &Shelf, id: u64) -> Result<IndividualAnswer, Problem> {
    let individual = find(shelf, id)?;
    let known =
        shelf.ledger.individual(id).ok_or_else(|| Problem::busy("the journal is still being read"))?;
    let json = |value: serde_json::Result<Value>| value.map_err(|error| Problem::defect(error.to_string()));
    Ok(IndividualAnswer {
        item: item(shelf, known)?,
        parents: known.parents.to_vec(),
        operation: individual.operation.clone(),
        genome: json(serde_json::to_value(&**individual.genome))?,
        layers: layers(facts, &individual),
        training: json(serde_json::to_value(&individual.genome.training))?,
        evaluations: evaluations(shelf, &individual)?.iter().map(evaluation).collect(),
        lineage: lineage(shelf, id)?,
    })
}

fn lineage(shelf: &Shelf, id: u64) -> Result<Vec<RelativeAnswer>, Problem> {
    let relative = |item: ItemAnswer, parents: &[u64]| RelativeAnswer {
        id: item.id,
        parents: parents.to_vec(),
        score: item.score,
        maker: item.maker,
        summary: item.summary,
    };
    let ancestors = shelf.ledger.ancestors(id, ANCESTORS_MAX);
    ancestors.into_iter().map(|known| Ok(relative(item(shelf, known)?, &known.parents))).collect()
}

fn layers(facts: &RunFacts, individual: &Individual) -> Vec<LayerAnswer> {
    let answer = |layer: Layer| {
        let Layer { kind, words, output_shape, parameters, multiply_adds, .. } = layer;
        LayerAnswer { kind, words, output_shape, parameters, multiply_adds }
    };
    layers::layers(&individual.genome, facts.task()).into_iter().map(answer).collect()
}

fn evaluation(record: &EvaluationRecord) -> EvaluationAnswer {
    use hatchery_actors::journal::EvaluationState::{Finished, Queued, Running};
    EvaluationAnswer {
        id: record.id.0,
        kind: record.kind.word().to_owned(),
        state: match record.state {
            Queued => "queued",
            Running => "running",
            Finished => "finished",
        }
        .to_owned(),
        attempt: record.attempt,
        outcome: record.outcome.map(|outcome| outcome.word().to_owned()),
        score: record.score.filter(|score| score.is_finite()),
        message: record.message.clone(),
        node: record.trainer.clone(),
        seconds: record.seconds,
        inherits: record.inherits.map(|of| of.0),
        curve: record.curve.iter().map(point).collect(),
    }
}

fn point(report: &EpochReport) -> CurvePointAnswer {
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    CurvePointAnswer {
        epoch: report.epoch,
        training_loss: finite(report.training_loss),
        validation_loss: finite(report.validation_loss),
        validation_score: finite(report.validation_score),
        seconds: finite(report.seconds),
    }
}
