//! `GET /api/v1/front`: whom no network surpasses in all that it is judged by.

use super::individuals::{ItemAnswer, item};
use crate::http::{
    answer::{Answer, Problem},
    archive::Shelf,
    watched::Watched,
};
use axum::{Json, extract::State};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Networks of an answer: with several objectives, a front can grow with the run.
const PLACES_MAX: usize = 1000;

/// The front.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FrontAnswer {
    /// What networks are judged by.
    objectives: Vec<String>,
    /// Best score first.
    items: Vec<PlaceAnswer>,
}

/// A network on the front.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlaceAnswer {
    #[serde(flatten)]
    item: ItemAnswer,
    /// What it costs, in the objectives beside the error; its parameters where there are none.
    costs: Vec<f64>,
}

/// The front of score against what networks cost.
#[utoipa::path(get, path = "/api/v1/front", tag = "individuals", responses((status = 200, body = FrontAnswer)))]
pub async fn front(State(watched): State<Arc<Watched>>) -> Answer<FrontAnswer> {
    let objectives = watched.facts.objectives().iter().map(ToString::to_string).collect();
    let items = watched.archive.ask(places).await?;
    Ok(Json(FrontAnswer { objectives, items }))
}

fn places(shelf: &Shelf) -> Result<Vec<PlaceAnswer>, Problem> {
    let best_first = shelf.ledger.front.places().iter().rev().take(PLACES_MAX);
    let found = best_first
        .filter_map(|place| Some((shelf.ledger.individual(place.individual.0)?, place.costs.clone())));
    found.map(|(known, costs)| Ok(PlaceAnswer { item: item(shelf, known)?, costs })).collect()
}
