//! `hatchery worker`: trains for a coordinator, until the run is over or it is told to end.

use crate::{
    chance,
    cli::{
        cluster::WorkerOptions,
        exit::{Exit, Failure, OrExit},
    },
    devices::{self, Dealt},
    http::{self, Access, Listener, Server},
    identity, launch, logging, network,
    outfit::Outfit,
    output::{complain, part},
    said::{self, WorkerSaid},
    signals::Signals,
};
use anyhow::{Context, anyhow};
use hatchery_actors::{
    cluster::Security,
    metrics::WorkerStanding,
    protocol::letters::{BlobName, Predecessor, Welcome},
    trainer::simulated::{SimulatedFactory, TrainingTime},
    worker::{Outfitter, WorkerEnd, WorkerError, WorkerSetup, run_worker},
};
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
    let Dealt { devices, is_packed } = devices::dealt(&options.devices, options.slots, options.threads)
        .context("--devices")
        .or_exit(Exit::Experiment)?;
    let cookie = network::awaited_cookie(&options.cookie_file, options.patience.0)?;
    let listener = http::listen(&options.http, is_started_again())?;
    let is_supervised = options.supervised_by.is_some();
    let outfit = Arc::new(Outfit::new(devices.clone(), options.threads, options.offline, is_supervised));
    let host = identity::host();
    let name = options.name.clone().unwrap_or_else(|| format!("worker@{host}-{}", std::process::id()));
    let (drain, wish) = watch::channel(None);
    let (standing, stands) = watch::channel(WorkerStanding::default());
    let seen = listener.as_ref().map(|listener| listener.reached_at(&host));
    let server = listener.map(|listener| serve(listener, options, stands)).transpose()?;
    let setup = WorkerSetup {
        name: identity::node(&name, options.incarnation.unwrap_or_else(chance::number)),
        host,
        http: seen,
        standing,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        join: options.join.clone(),
        security: Security { cookie, tls },
        devices: devices.iter().map(ToString::to_string).collect(),
        is_packed,
        predecessor: if is_supervised { predecessor() } else { None },
        outfitter: match options.simulate {
            Some(time) => Arc::new(Pretended(time)),
            None => Arc::clone(&outfit) as _,
        },
        on_hang: Arc::new(|hang| end_hung(&hang.to_string())),
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
    drop(server);
    ended.map(|end| goodbye(end, is_supervised)).map_err(|error| failure(error, &outfit))
}

/// Shows the worker over HTTP.
fn serve(
    listener: Listener,
    options: &WorkerOptions,
    stands: watch::Receiver<WorkerStanding>,
) -> Result<Server, Failure> {
    let (address, token) = (listener.address, options.http.http_token_file.clone());
    if !address.ip().is_loopback() && token.is_none() {
        let error = anyhow!(
            "--http {address} can be reached from other machines: say --http-token-file FILE, which is made where it is \
             missing, and let whoever looks send what is in it"
        );
        return Err(error).or_exit(Exit::Experiment);
    }
    let access = Access::new(address.ip(), token).or_exit(Exit::Experiment)?;
    let server = http::worker(listener, access, move || stands.borrow().is_ready()).or_exit(Exit::Failed)?;
    tracing::info!("metrics of this worker are at http://{address}/metrics");
    Ok(server)
}

/// Outfits a worker that only pretends to train.
struct Pretended(TrainingTime);

impl Outfitter for Pretended {
    fn outfit(
        &self,
        _: &Welcome,
        _: &dyn Fn(BlobName) -> Result<Vec<u8>, String>,
    ) -> Result<hatchery_actors::worker::Outfit, String> {
        Ok(hatchery_actors::worker::Outfit {
            factory: Arc::new(SimulatedFactory { time: self.0 }),
            guard: None,
        })
    }
}

/// Works until it is over. The first signal drains, the second ends the process at once.
async fn working(setup: WorkerSetup, drain: watch::Sender<Option<String>>) -> Result<WorkerEnd, WorkerError> {
    let signals = Signals::listen().map_err(|error| WorkerError::BrokenDown(error.to_string()))?;
    let begin_to_drain = move || {
        tracing::info!("told to end: what is under way is finished or handed back");
        drain.send_replace(Some("it was told to end".to_owned()));
    };
    let heeding = tokio::spawn(signals.heed(begin_to_drain));
    let ended = run_worker(setup).await;
    heeding.abort();
    ended
}

/// Native code that does not come back can only be ended with its process.
fn end_hung(words: &str) {
    complain(&words, Exit::Hung);
    std::process::exit(Exit::Hung as i32);
}

/// Whether there was a process of this name before.
fn is_started_again() -> bool {
    std::env::var_os(PREDECESSOR_VARIABLE).is_some()
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
        WorkerEnd::Dismissed(why) => (WorkerSaid::Dismissed(why.clone()), format!("ended: {why}")),
        WorkerEnd::Drained(why) => (WorkerSaid::Drained(why.clone()), format!("ended as told: {why}")),
    };
    if is_supervised {
        said::tell(&said);
    } else {
        part(&words);
    }
}

/// Why it ends, and what with. Only what would happen again with certainty has a code that says so.
fn failure(error: WorkerError, outfit: &Outfit) -> Failure {
    let (exit, error) = match error {
        WorkerError::Unable(why) => (outfit.failure().unwrap_or(Exit::Failed), anyhow!(why)),
        WorkerError::Refused(_) => (Exit::Refused, error.into()),
        WorkerError::Misused(_) => (Exit::Experiment, error.into()),
        WorkerError::Abandoned(_) | WorkerError::OtherRun | WorkerError::BrokenDown(_) => {
            (Exit::Failed, error.into())
        }
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
            (WorkerError::Misused("no key".to_owned()), Exit::Experiment),
            (WorkerError::Unable("nothing tried".to_owned()), Exit::Failed),
            (WorkerError::Abandoned("30 minutes".to_owned()), Exit::Failed),
            (WorkerError::BrokenDown("an actor".to_owned()), Exit::Failed),
        ] {
            let words = format!("{error:?}");
            assert_eq!(failure(error, &outfit).exit, exit, "{words}");
        }
        let welcome = Welcome {
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
