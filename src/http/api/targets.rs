//! `GET /api/v1/targets`: where the nodes' metrics are, for Prometheus's HTTP service discovery.

use crate::{http::watched::Watched, identity};
use axum::{Json, extract::State};
use hatchery_actors::progress::NodeProgress;
use serde::Serialize;
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};
use utoipa::ToSchema;

/// A node's metrics.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TargetAnswer {
    /// `host:port`.
    targets: Vec<String>,
    /// `node`, its name; `role`, `coordinator` or `worker`; `experiment`.
    labels: BTreeMap<String, String>,
}

/// Where the metrics of all nodes are that are here, but of those on other machines that only their own machine can ask.
#[utoipa::path(get, path = "/api/v1/targets", tag = "nodes", responses((status = 200, body = Vec<TargetAnswer>)))]
pub async fn targets(State(watched): State<Arc<Watched>>) -> Json<Vec<TargetAnswer>> {
    let facts = &watched.facts;
    let target = |address: &str, node: &str, role: &str| TargetAnswer {
        targets: vec![address.to_owned()],
        labels: [("node", node), ("role", role), ("experiment", facts.experiment.name.as_str())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let nodes = watched.remote.nodes.borrow();
    let here = identity::host();
    let worker = |node: &NodeProgress| {
        let address = node.http.as_ref().filter(|address| node.host == here || !is_loopback(address))?;
        Some(target(address, &node.name, "worker"))
    };
    let own = target(&facts.reached_at, &facts.node, "coordinator");
    Json([own].into_iter().chain(nodes.present.iter().filter_map(worker)).collect())
}

/// Whether only the machine itself reaches this address.
fn is_loopback(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}
