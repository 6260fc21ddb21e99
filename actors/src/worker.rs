//! A worker process: joins a coordinator, and trains for it until the run is over or it is told to end.

use crate::agent::state::{Ending, Patience};
use crate::agent::{Agent, AgentArguments};
use crate::cluster::{Cluster, Security, Trouble};
use crate::link;
use crate::messages::AgentMessage;
use crate::metrics::WorkerStanding;
use crate::protocol::letters::{Hello, NodeName, Predecessor};
use ractor::{Actor, ActorRef};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

pub use crate::trainer::outfit::{OnHang, Outfit, Outfitter};

/// What a worker needs.
pub struct WorkerSetup {
    /// Its name, with an incarnation drawn for this process.
    pub name: NodeName,
    /// Its host.
    pub host: String,
    /// This program.
    pub program_version: String,
    /// Where the coordinator may be found: `host:port`.
    pub join: Vec<String>,
    /// What it proves itself with.
    pub security: Security,
    /// What it trains on, one for each slot.
    pub devices: Vec<String>,
    /// Whether only as many slots of a device work as raise what it trains in all.
    pub is_packed: bool,
    /// Where its metrics are, `host:port`; `None` where it serves none.
    pub http: Option<String>,
    /// Told how it stands.
    pub standing: watch::Sender<WorkerStanding>,
    /// How the process of the same name before it ended.
    pub predecessor: Option<Predecessor>,
    /// Makes the trainers ready for a run.
    pub outfitter: Arc<dyn Outfitter>,
    /// What happens when a trainer's native code does not come back: this process has to end.
    pub on_hang: OnHang,
    /// How long a draining worker has to end what it is at, or to give it back.
    pub grace: Duration,
    /// How long it goes on without a coordinator.
    pub patience: Duration,
    /// Turns true, with a reason, when the worker is to end.
    pub drain: watch::Receiver<Option<String>>,
}

/// How a worker ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerEnd {
    /// The run is over.
    Finished(String),
    /// It was asked to end, and has given back what it had.
    Drained(String),
    /// The coordinator has asked it to end, and it has given back what it had: it is not to come again.
    Dismissed(String),
}

/// Why a worker could not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The coordinator does not want it.
    #[error("the coordinator refuses this worker: {0}")]
    Refused(String),
    /// Its name or its certificates are not in order.
    #[error("{0}")]
    Misused(String),
    /// It has no data, library or device.
    #[error("this worker cannot work: {0}")]
    Unable(String),
    /// Nobody answered for too long.
    #[error("{0}: this worker gives up; is the coordinator running, and are address and cookie right?")]
    Abandoned(String),
    /// The coordinator is at another run than the one that this worker is ready for.
    #[error("the coordinator has begun another run: this worker has to be started again")]
    OtherRun,
    /// Something failed that is none of these.
    #[error("the worker has broken down: {0}")]
    BrokenDown(String),
}

/// Joins a coordinator, and works for it.
///
/// # Errors
/// See [`WorkerError`].
pub async fn run_worker(setup: WorkerSetup) -> Result<WorkerEnd, WorkerError> {
    let (ear, incoming) = link::queue();
    let cluster =
        Cluster::start(setup.name, setup.security, ear).await.map_err(|error| match error.is_misuse() {
            true => WorkerError::Misused(error.to_string()),
            false => WorkerError::BrokenDown(error.to_string()),
        })?;
    let (ended, ending) = oneshot::channel();
    let arguments = AgentArguments {
        hello: Hello {
            program_version: setup.program_version,
            host: setup.host,
            pid: std::process::id(),
            devices: setup.devices,
            http: setup.http,
            predecessor: setup.predecessor,
        },
        patience: Patience { grace: setup.grace.as_secs_f64(), lonely: setup.patience.as_secs_f64() },
        link: cluster.clone(),
        incoming,
        is_packed: setup.is_packed,
        outfitter: setup.outfitter,
        on_hang: setup.on_hang,
        standing: setup.standing,
        ended,
    };
    let (agent, worker) = Agent::spawn(None, Agent, arguments)
        .await
        .map_err(|error| WorkerError::BrokenDown(error.to_string()))?;
    let drain = tokio::spawn(heed(setup.drain, agent));
    cluster.join(setup.join);
    let ending = ending.await;
    drain.abort();
    let trouble = cluster.trouble();
    // What was said last gets time to leave, and the threads to end.
    cluster.close().await;
    let _ = worker.await;
    match ending {
        Ok(Ending::Finished(reason)) => Ok(WorkerEnd::Finished(reason)),
        Ok(Ending::Drained(reason)) => Ok(WorkerEnd::Drained(reason)),
        Ok(Ending::Dismissed(reason)) => Ok(WorkerEnd::Dismissed(reason)),
        Ok(Ending::Refused(reason)) => Err(WorkerError::Refused(reason)),
        Ok(Ending::Unable(reason)) => Err(WorkerError::Unable(reason)),
        Ok(Ending::Abandoned(reason)) => Err(abandoned(reason, trouble)),
        Ok(Ending::OtherRun) => Err(WorkerError::OtherRun),
        Err(_) => Err(WorkerError::BrokenDown("its agent has failed".to_owned())),
    }
}

/// Nobody took it in for too long: nobody was there, or nobody wanted it.
fn abandoned(reason: String, trouble: Option<Trouble>) -> WorkerError {
    match trouble {
        Some(Trouble { words, is_refusal: true }) => WorkerError::Refused(format!("{words} ({reason})")),
        Some(Trouble { words, .. }) => WorkerError::Abandoned(format!("{reason} ({words})")),
        None => WorkerError::Abandoned(reason),
    }
}

/// Passes the wish to end on.
async fn heed(mut drain: watch::Receiver<Option<String>>, agent: ActorRef<AgentMessage>) {
    if let Ok(reason) = drain.wait_for(Option::is_some).await {
        let reason = reason.clone().unwrap_or_default();
        // The agent is gone only where the worker ends already.
        let _ = agent.cast(AgentMessage::Drain(reason));
    }
}
