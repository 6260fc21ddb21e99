//! `GET /api/v1/individuals/{id}/model.onnx`: a network for use, where its weights are kept.

use super::individual::{evaluations, find};
use crate::{
    http::{
        answer::{Numbered, Problem},
        archive::Shelf,
        watched::{RunFacts, Watched},
    },
    model_facts::ModelFacts,
    view,
    workshop::model_file,
};
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hatchery_actors::journal::EvaluationRecord;
use hatchery_models::data::Normalisation;
use hyper::body::Bytes;
use std::sync::Arc;

/// The network for use: weights and normalisation inside.
#[utoipa::path(get, path = "/api/v1/individuals/{id}/model.onnx", tag = "individuals",
    params(("id" = u64, Path, description = "Number of the individual")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, body = crate::http::answer::ErrorAnswer),
        (status = 404, body = crate::http::answer::ErrorAnswer)))]
pub async fn model(State(watched): State<Arc<Watched>>, Numbered(id): Numbered) -> Result<Response, Problem> {
    let asker = Arc::clone(&watched);
    let bytes = watched.archive.ask(move |shelf| model_of(&asker, shelf, id)).await?;
    let mut response =
        ([(header::CONTENT_TYPE, "application/octet-stream")], Bytes::from(bytes)).into_response();
    let name = HeaderValue::from_str(&format!("attachment; filename=\"network-{id}.onnx\""));
    response.headers_mut().extend(name.ok().map(|name| (header::CONTENT_DISPOSITION, name)));
    Ok(response)
}

fn model_of(watched: &Watched, shelf: &Shelf, id: u64) -> Result<Vec<u8>, Problem> {
    let RunFacts { experiment, dataset, split, .. } = &watched.facts;
    let individual = find(shelf, id)?;
    let own = evaluations(shelf, &individual)?;
    let missing = || {
        let message = format!("the weights of individual {id} are not kept");
        let remedy =
            format!("hatchery export {} {id} --onnx {id}.onnx trains it again", watched.facts.directory);
        Problem::not_found(message, remedy)
    };
    let evaluation = EvaluationRecord::weightiest(&own).ok_or_else(missing)?;
    let weights = shelf.reader.weights(evaluation.id).map_err(|error| Problem::journal(&error))?;
    let weights = weights.ok_or_else(missing)?;
    let row = view::row_of(evaluation, watched.facts.objectives()).ok_or_else(missing)?;
    let normalisation = watched.kept.normalisation.get_or_init(|| Normalisation::of(dataset, &split.train));
    let facts = ModelFacts { row: &row, experiment, dataset, normalisation, best: None };
    model_file(&facts, &weights).map_err(|error| Problem::defect(format!("{error:#}")))
}
