//! `GET /`: the page that shows a run; it lies in the program, and asks nobody but this server.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// What a worker shows: the run is its coordinator's to show.
const OF_WORKER: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Hatchery worker</title></head>\
    <body><h1>Hatchery worker</h1><p>This node trains. It serves <a href=\"/metrics\">its metrics</a>; the run is shown by \
    its coordinator.</p></body></html>\n";

/// The page, its script and its style, as `src/dashboard` builds them.
const INDEX: &str = include_str!("../dashboard/dist/index.html");
const SCRIPT: &str = include_str!("../dashboard/dist/app.js");
const STYLE: &str = include_str!("../dashboard/dist/style.css");

/// Only what comes from this server is run, shown or asked; pictures of networks are made of its answers.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A worker's page.
pub fn of_worker() -> Router {
    Router::new().route("/", get(|| async { page("text/html; charset=utf-8", OF_WORKER) }))
}

/// The page's addresses.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| async { page("text/html; charset=utf-8", INDEX) }))
        .route("/app.js", get(|| async { page("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/style.css", get(|| async { page("text/css; charset=utf-8", STYLE) }))
        .route("/favicon.ico", get(|| async { axum::http::StatusCode::NO_CONTENT }))
}

fn page(kind: &'static str, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    let mut response = (headers, text).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
