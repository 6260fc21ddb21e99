//! The OpenAPI document: made from the types and functions that answer, so that it says what they do.

use super::api::{control, front, individual, individuals, model, nodes, points, run, targets};
use super::{events, watched::Watched};
use axum::{Json, Router, routing::get};
use std::sync::Arc;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

#[derive(OpenApi)]
#[openapi(
    info(title = "Hatchery", description = "A run as its coordinator shows it. Looks need a token only where it is bound \
        to another address than loopback; what changes the run needs it always. Errors are \
        {\"error\": {\"code\", \"message\", \"remedy\"}}."),
    tags((name = "run"), (name = "individuals"), (name = "nodes"), (name = "control"), (name = "process")),
    modifiers(&Token)
)]
struct Basics;

/// How the token is sent.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("the text in RUN/token"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    }
}

/// All of a coordinator's API, with the document that describes it.
pub fn api() -> Router<Arc<Watched>> {
    let (router, document) = described();
    router.route("/api/v1/openapi.json", get(move || async move { Json(document) }))
}

fn described() -> (Router<Arc<Watched>>, Document) {
    OpenApiRouter::with_openapi(Basics::openapi())
        .routes(routes!(run::run))
        .routes(routes!(points::points))
        .routes(routes!(individuals::individuals))
        .routes(routes!(individual::individual))
        .routes(routes!(individual::drawing))
        .routes(routes!(model::model))
        .routes(routes!(front::front))
        .routes(routes!(nodes::nodes))
        .routes(routes!(targets::targets))
        .routes(routes!(events::events))
        .routes(routes!(control::stop))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(control::budget))
        .routes(routes!(control::drain))
        .split_for_parts()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// All references of a document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_whole_and_names_every_answer() {
        let document = serde_json::to_value(described().1).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 15, "{:?}", paths.keys());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
        }
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().unwrap() {
                let place = format!("{method} {path}");
                assert!(!operation["responses"]["200"]["content"].is_null(), "{place} says what it answers");
                let is_secured = operation["security"][0].get("token").is_some();
                assert_eq!(is_secured, method == "post", "{place}");
                let names = path.matches('{').count();
                let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
                let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
                assert_eq!(in_path, names, "{place}");
            }
        }
    }
}
