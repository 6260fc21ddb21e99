//! Answers: JSON, and errors that name what is wrong and what helps.

use axum::{
    Json,
    extract::{FromRequestParts, Path, Query},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use hatchery_actors::journal::JournalError;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

/// How long is to be waited before something that was too much is asked again, in seconds.
const RETRY_AFTER_S: &str = "1";

/// What is answered, or what is wrong.
pub type Answer<T> = Result<Json<T>, Problem>;

/// Why something is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    remedy: String,
}

/// An error, as it is sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorAnswer {
    /// What is wrong.
    pub error: ErrorWords,
}

/// What is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorWords {
    /// A word for programs.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
    /// What helps.
    pub remedy: String,
}

impl Problem {
    fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { status, code, message: message.into(), remedy: remedy.into() }
    }

    /// What was asked makes no sense.
    pub fn bad_request(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message, remedy)
    }

    /// What was sent along could not be read.
    pub fn unread(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "unread", message, "send a short JSON object")
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message, remedy)
    }

    /// It cannot be done as things stand.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message, "see /api/v1/run for how the run stands")
    }

    /// The request is of a kind that this address does not take.
    pub fn method_not_allowed() -> Self {
        let remedy = "see /api/v1/openapi.json for what can be asked";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this address does not take that method",
            remedy,
        )
    }

    /// A token is needed.
    pub fn unauthorized(remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "this needs the run's token", remedy)
    }

    /// The name under which this server was asked is not its own.
    pub fn foreign_host() -> Self {
        let remedy = "ask for 127.0.0.1 or localhost; --http ADDRESS:PORT serves other names";
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign_host",
            "this server is asked under a name that is not its own",
            remedy,
        )
    }

    /// There is too much to do.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message, "ask again in a moment")
    }

    /// The journal cannot be read.
    pub fn journal(error: &JournalError) -> Self {
        let remedy = "see the log of the coordinator; the journal is in the run directory";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "journal", error.to_string(), remedy)
    }

    /// A defect of ours.
    pub fn defect(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", message, "this is a defect: please report it")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, message, remedy } = self;
        let mut response =
            (status, Json(ErrorAnswer { error: ErrorWords { code, message, remedy } })).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

/// The query of an address, understood; what is not understood is a `Problem`.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let understood = Query::<T>::from_request_parts(parts, state).await;
        let Query(query) = understood.map_err(|error| {
            Problem::bad_request(error.body_text(), "see /api/v1/openapi.json for what can be asked")
        })?;
        Ok(Self(query))
    }
}

/// The number in an address.
pub struct Numbered(pub u64);

impl<S: Send + Sync> FromRequestParts<S> for Numbered {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let understood = Path::<u64>::from_request_parts(parts, state).await;
        let Path(number) = understood
            .map_err(|error| Problem::bad_request(error.body_text(), "individuals are numbered from 1"))?;
        Ok(Self(number))
    }
}
