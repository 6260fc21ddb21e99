//! `hatchery worker`: trains for a coordinator, until the run is over or it is told to end.

use crate::{
    chance,
    cli::{
        cluster::WorkerOptions,
        exit::{Exit, Failure, OrExit},
    },
    cluster_api::{
        cluster::Security,
        worker::{WorkerEnd, WorkerError, WorkerSetup, run_worker},
    },
    devices, identity, launch, logging, network,
    outfit::Outfit,
    output::note,
    said::{self, WorkerSaid},
    signals::Signals,
};
use anyhow::{Context, anyhow};
use hatchery_actors::protocol::letters::Predecessor;
use std::sync::Arc;
use tokio::sync::watch;

/// Environment variable in which a supervisor says how the process of the same name before this one ended: JSON.
pub const PREDECESSOR_VARIABLE: &str = "HATCHERY_PREDECESSOR";
/// Threads of the actors; trainers have threads of their own.
const ACTOR_THREADS: usize = 2;

/// Works.
pub fn worker(options: &WorkerOptions) -> Result<(), Failure> {
    if let Some(supervisor) = options.supervised_by {
        launch::child::bind(supervisor).or_exit(Exit::Failed)?;
    }
    logging::start_on_stderr();
    network::joining(&options.join, &options.tls)?;
    let tls = network::tls(&options.tls)?;
    let devices = devices::dealt(&options.devices, options.slots, options.threads)
        .context("--devices")
        .or_exit(Exit::Experiment)?;
    let cookie = network::cookie(&options.cookie_file)?;
    let is_supervised = options.supervised_by.is_some();
    let outfit = Arc::new(Outfit::new(devices.clone(), options.threads, options.offline, is_supervised));
    let host = identity::host();
    let name = options.name.clone().unwrap_or_else(|| format!("worker@{host}-{}", std::process::id()));
    let (drain, wish) = watch::channel(false);
    let setup = WorkerSetup {
        name: identity::node(&name, options.incarnation.unwrap_or_else(chance::number)),
        host,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        join: options.join.clone(),
        security: Security { cookie, tls },
        devices: devices.iter().map(ToString::to_string).collect(),
        predecessor: if is_supervised { predecessor() } else { None },
        outfitter: Arc::clone(&outfit) as _,
        grace: options.grace.0,
        patience: options.patience.0,
        drain: wish,
    };
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ACTOR_THREADS)
        .enable_all()
        .build()
        .or_exit(Exit::Failed)?;
    let ended = tokio.block_on(working(setup, drain));
    ended.map(|end| goodbye(end, is_supervised)).map_err(|error| failure(error, &outfit))
}

/// Works until it is over. The first signal drains, the second ends the process at once.
async fn working(setup: WorkerSetup, drain: watch::Sender<bool>) -> Result<WorkerEnd, WorkerError> {
    let signals = Signals::listen().map_err(|error| WorkerError::BrokenDown(error.to_string()))?;
    let begin_to_drain = move || {
        tracing::info!("told to end: what is under way is finished or handed back");
        drain.send_replace(true);
    };
    let heeding = tokio::spawn(signals.heed(begin_to_drain));
    let ended = run_worker(setup).await;
    heeding.abort();
    ended
}

/// What the supervisor knows of the process before this one; nothing where it makes no sense.
fn predecessor() -> Option<Predecessor> {
    let text = std::env::var(PREDECESSOR_VARIABLE).ok()?;
    let understood = serde_json::from_str(&text);
    understood.inspect_err(|error| tracing::warn!("{PREDECESSOR_VARIABLE}: {error}")).ok()
}

fn goodbye(end: WorkerEnd, is_supervised: bool) {
    let (said, words) = match end {
        WorkerEnd::Finished(why) => (WorkerSaid::Finished(why.clone()), format!("the run is over: {why}")),
        WorkerEnd::Drained(why) => (WorkerSaid::Drained(why.clone()), format!("ended as told: {why}")),
    };
    if is_supervised {
        said::tell(&said);
    } else {
        note(words);
    }
}

/// Why it ends, and what with. Only what would happen again with certainty has a code that says so.
fn failure(error: WorkerError, outfit: &Outfit) -> Failure {
    let (exit, error) = match error {
        WorkerError::Refused(why) => {
            (Exit::Refused, anyhow!("the coordinator has refused this worker: {why}"))
        }
        WorkerError::Unable(why) => (outfit.failure().unwrap_or(Exit::Failed), anyhow!(why)),
        WorkerError::Abandoned(why) => (Exit::Failed, anyhow!("there is no coordinator any more: {why}")),
        WorkerError::BrokenDown(why) => (Exit::Failed, anyhow!("the worker has broken down: {why}")),
    };
    Failure { exit, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatchery_models::training::runtime::Device;

    #[test]
    fn ends_have_their_codes() {
        let outfit = Outfit::new(vec![Device::Cpu], None, true, false);
        for (error, exit) in [
            (WorkerError::Refused("version 2".to_owned()), Exit::Refused),
            (WorkerError::Unable("nothing tried".to_owned()), Exit::Failed),
            (WorkerError::Abandoned("30 minutes".to_owned()), Exit::Failed),
            (WorkerError::BrokenDown("an actor".to_owned()), Exit::Failed),
        ] {
            let words = format!("{error:?}");
            assert_eq!(failure(error, &outfit).exit, exit, "{words}");
        }
        use crate::cluster_api::worker::Outfitter;
        let welcome = hatchery_actors::protocol::letters::Welcome {
            run: String::new(),
            experiment: "no = 1".to_owned(),
            data_hash: String::new(),
            threads: 1,
            trainers: 1,
        };
        let why = outfit.outfit(&welcome, &|_| Err(String::new())).err().unwrap();
        assert_eq!(failure(WorkerError::Unable(why), &outfit).exit, Exit::Experiment);
    }
}
