//! All that a process answers, put together.

use super::{
    Access, Listener, Server,
    access::{guard, receive},
    answer::Problem,
    dashboard,
    metrics::{Page, Role},
    openapi,
    server::Open,
    watched::Watched,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

/// Bytes of what is sent along with a request.
const BODY_BYTES_MAX: usize = 4 << 10;

/// Serves a coordinator's run.
///
/// # Errors
/// Where the system gives no thread, or somebody else counts already.
pub fn coordinator(listener: Listener, access: Access, watched: Arc<Watched>) -> anyhow::Result<Server> {
    let is_ready = {
        let progress = watched.remote.progress.clone();
        move || progress.borrow().paused.is_none()
    };
    let open = Open::default();
    let page = Page::new(Role::Coordinator(Arc::clone(&watched)), open.clone())?;
    let site = dashboard::router().merge(openapi::api()).with_state(watched).merge(process(page, is_ready));
    Ok(Server::start(listener, finished(site, access), open, Page::keep_folded())?)
}

/// Serves a worker.
///
/// # Errors
/// Where the system gives no thread, or somebody else counts already.
pub fn worker(
    listener: Listener,
    access: Access,
    is_ready: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> anyhow::Result<Server> {
    let open = Open::default();
    let page = Page::new(Role::Worker, open.clone())?;
    let site = dashboard::of_worker().merge(process(page, is_ready));
    Ok(Server::start(listener, finished(site, access), open, Page::keep_folded())?)
}

/// What every process answers.
fn process(page: Page, is_ready: impl Fn() -> bool + Clone + Send + Sync + 'static) -> Router {
    Router::new()
        .route("/metrics", get(move || async move { page.answer() }))
        .route("/healthz", get(|| async { plain(StatusCode::OK, "well\n") }))
        .route(
            "/readyz",
            get(move || async move {
                match is_ready() {
                    true => plain(StatusCode::OK, "ready\n"),
                    false => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
                }
            }),
        )
}

fn plain(status: StatusCode, words: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], words).into_response()
}

fn finished(site: Router, access: Access) -> Router {
    site.fallback(|| async { Problem::not_found("there is nothing here", "see /api/v1/openapi.json") })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(access.clone(), guard))
        // Behind the guard: what comes after a layer is not under it.
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(from_fn_with_state(access, receive))
}
