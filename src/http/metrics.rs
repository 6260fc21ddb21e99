//! `GET /metrics`: Prometheus's page of this process; a coordinator's has the whole cluster's figures.
//!
//! What is counted where it happens comes from the recorder; the rest is read off snapshots when somebody asks. What
//! there is, and what it means, says `hatchery_actors::metrics`.

mod cluster;
mod gpus;
mod process;
mod text;

use super::{server::Open, watched::Watched};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use hatchery_actors::metrics::{SECONDS_BUCKETS, describe};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use text::Text;

/// How often what was counted is folded into histograms where nobody asks: else every value would be kept.
const FOLD_EVERY: Duration = Duration::from_secs(2);

/// The recorder of this process; there can be one.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// As what a process runs.
#[derive(Clone)]
pub enum Role {
    /// Conducts a run.
    Coordinator(Arc<Watched>),
    /// Trains.
    Worker,
}

/// The page's parts.
#[derive(Clone)]
pub struct Page {
    role: Role,
    open: Open,
}

/// Begins to count.
///
/// # Errors
/// Where somebody else counts already.
fn begin_to_count() -> Result<(), BuildError> {
    if RECORDER.get().is_some() {
        return Ok(());
    }
    let recorder = PrometheusBuilder::new().set_buckets(&SECONDS_BUCKETS)?.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        _ = RECORDER.set(handle);
        describe();
    }
    Ok(())
}

impl Page {
    /// Of a process in this role. From here on is counted.
    ///
    /// # Errors
    /// Where somebody else counts already.
    pub fn new(role: Role, open: Open) -> Result<Self, BuildError> {
        begin_to_count()?;
        Ok(Self { role, open })
    }

    /// Folds what was counted now and then.
    pub async fn keep_folded() {
        let mut beat = tokio::time::interval(FOLD_EVERY);
        loop {
            beat.tick().await;
            if let Some(recorder) = RECORDER.get() {
                recorder.run_upkeep();
            }
        }
    }

    /// The page as it is now.
    pub fn write(&self) -> String {
        let mut text = Text::new(RECORDER.get().map(PrometheusHandle::render).unwrap_or_default());
        let role = match &self.role {
            Role::Coordinator(_) => "coordinator",
            Role::Worker => "worker",
        };
        text.put("hatchery_build_info", &[("version", env!("CARGO_PKG_VERSION")), ("role", role)], 1.0);
        process::write(&mut text);
        text.put("hatchery_http_connections", &[], self.open.count() as f64);
        match &self.role {
            Role::Coordinator(watched) => cluster::write(&mut text, watched),
            Role::Worker => gpus::write(&mut text),
        }
        text.finish()
    }

    /// As an answer.
    pub fn answer(&self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], self.write()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use hatchery_actors::metrics::{Kind, METRICS, Node};
    use std::collections::BTreeSet;

    /// Names, kinds, labels and meanings as the page of documentation has them: `| name | kind | labels | meaning |`.
    fn documented() -> Vec<[String; 5]> {
        let page = include_str!("../../docs/METRICS.md");
        let mut section = String::new();
        let mut rows = Vec::new();
        for line in page.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                section = title.to_owned();
            }
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            if let [name, kind, labels, meaning] = cells.as_slice()
                && name.starts_with('`')
            {
                let text = |cell: &str| cell.replace('`', "");
                rows.push([text(name), text(kind), text(labels), (*meaning).to_owned(), section.clone()]);
            }
        }
        rows
    }

    #[test]
    fn the_list_and_its_page_say_the_same() {
        let section = |node| match node {
            Node::Each => "Every node",
            Node::Worker => "Workers",
            Node::Coordinator => "The coordinator",
        };
        let kind = |kind| match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let listed: Vec<[String; 5]> = METRICS
            .iter()
            .map(|metric| {
                let cells =
                    [metric.name, kind(metric.kind), metric.labels, metric.help, section(metric.node)];
                cells.map(str::to_owned)
            })
            .collect();
        assert_eq!(documented(), listed, "docs/METRICS.md and actors/src/metrics/list.rs");
    }

    #[test]
    fn names_are_as_prometheus_wants_them() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len(), "each once");
        for metric in METRICS {
            let name = metric.name;
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(name.starts_with("hatchery_") || name.starts_with("process_"), "{name}");
            assert!(
                !metric.help.is_empty() && !metric.help.ends_with('.') && !metric.help.contains('|'),
                "{name}"
            );
        }
    }
}
