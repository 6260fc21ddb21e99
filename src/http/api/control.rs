//! What changes a run. All of it needs the token.

use crate::http::{
    answer::{Answer, ErrorAnswer, Problem},
    watched::Watched,
};
use axum::{
    Json,
    body::Bytes,
    extract::{
        Path, State,
        rejection::{BytesRejection, PathRejection},
    },
};
use hatchery_actors::{
    protocol::Wish,
    remote::{Command, Refusal},
};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What was done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DoneAnswer {
    /// For people.
    done: String,
}

/// How much work is added.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub struct BudgetWish {
    /// So many evaluations more.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1_000_000_000, nullable = false)]
    evaluations: Option<u32>,
    /// So many seconds more.
    #[serde(default, deserialize_with = "given")]
    #[schema(exclusive_minimum = 0, maximum = 1_000_000_000, nullable = false)]
    seconds: Option<f64>,
}

/// A whole number, which JSON may write as `7.0` too; not `null`.
fn whole<'de, From: Deserializer<'de>>(from: From) -> Result<Option<u32>, From::Error> {
    let number = f64::deserialize(from)?;
    if number.fract() != 0.0 || !(1.0..=f64::from(EVALUATIONS_MAX)).contains(&number) {
        let message = format!("evaluations are a whole number from 1 to {EVALUATIONS_MAX}, not {number}");
        return Err(serde::de::Error::custom(message));
    }
    Ok(Some(number as u32))
}

/// What is there; not `null`.
fn given<'de, From: Deserializer<'de>>(from: From) -> Result<Option<f64>, From::Error> {
    f64::deserialize(from).map(Some)
}

fn done(words: impl Into<String>) -> Json<DoneAnswer> {
    Json(DoneAnswer { done: words.into() })
}

async fn ask(watched: &Watched, command: Command) -> Answer<DoneAnswer> {
    let words = watched.remote.ask(command).await.map_err(|refusal| match refusal {
        Refusal::Unknown(message) => Problem::not_found(message, "see /api/v1/nodes for those there are"),
        Refusal::Conflict(message) => Problem::conflict(message),
        Refusal::Over => Problem::conflict("the search has ended"),
    })?;
    Ok(done(words))
}

/// Ends the run cleanly with the best so far; it can be resumed.
#[utoipa::path(post, path = "/api/v1/run/stop", tag = "control", security(("token" = [])),
    responses((status = 200, body = DoneAnswer), (status = 401, body = ErrorAnswer)))]
pub async fn stop(State(watched): State<Arc<Watched>>) -> Answer<DoneAnswer> {
    (watched.on_stop)();
    watched.remote.stop.stop();
    Ok(done("the run ends with the best so far; --resume goes on with it"))
}

/// Hands nothing out until it is resumed; what is under way ends. The time of the run stands still meanwhile.
#[utoipa::path(post, path = "/api/v1/run/pause", tag = "control", security(("token" = [])),
    responses((status = 200, body = DoneAnswer), (status = 401, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub async fn pause(State(watched): State<Arc<Watched>>) -> Answer<DoneAnswer> {
    ask(&watched, Command::Wish(Wish::Pause)).await
}

/// Goes on after a pause.
#[utoipa::path(post, path = "/api/v1/run/resume", tag = "control", security(("token" = [])),
    responses((status = 200, body = DoneAnswer), (status = 401, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub async fn resume(State(watched): State<Arc<Watched>>) -> Answer<DoneAnswer> {
    ask(&watched, Command::Wish(Wish::Resume)).await
}

/// Lets the search go on for longer.
#[utoipa::path(post, path = "/api/v1/run/budget", tag = "control", security(("token" = [])),
    request_body = BudgetWish,
    responses((status = 200, body = DoneAnswer), (status = 400, body = ErrorAnswer),
        (status = 401, body = ErrorAnswer), (status = 409, body = ErrorAnswer),
        (status = 413, body = ErrorAnswer)))]
pub async fn budget(
    State(watched): State<Arc<Watched>>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<DoneAnswer> {
    let body = body.map_err(|error| Problem::unread(error.status(), error.body_text()))?;
    let remedy = "send {\"evaluations\": N, \"seconds\": S}, or one of both, each above 0";
    let wish: BudgetWish =
        serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string(), remedy))?;
    let is_right = |seconds: f64| seconds > 0.0 && seconds <= SECONDS_MAX;
    let is_nothing = wish.evaluations.is_none() && wish.seconds.is_none();
    if is_nothing || wish.seconds.is_some_and(|seconds| !is_right(seconds)) {
        return Err(Problem::bad_request("that adds nothing, or too much", remedy));
    }
    ask(&watched, Command::Wish(Wish::Budget { evaluations: wish.evaluations, seconds: wish.seconds })).await
}

/// Most that is added at once: thirty years, and as many evaluations as could be counted.
const SECONDS_MAX: f64 = 1e9;
const EVALUATIONS_MAX: u32 = 1_000_000_000;

/// Lets a node take no more work, and end when what it has is done or handed back.
#[utoipa::path(post, path = "/api/v1/nodes/{name}/drain", tag = "control", security(("token" = [])),
    params(("name" = String, Path, description = "Name of the node")),
    responses((status = 200, body = DoneAnswer), (status = 400, body = ErrorAnswer),
        (status = 401, body = ErrorAnswer), (status = 404, body = ErrorAnswer)))]
pub async fn drain(
    State(watched): State<Arc<Watched>>,
    name: Result<Path<String>, PathRejection>,
) -> Answer<DoneAnswer> {
    let Path(name) = name.map_err(|error| Problem::bad_request(error.body_text(), "names are UTF-8 text"))?;
    ask(&watched, Command::Drain(name)).await
}
