//! What a supervised process says to its supervisor: one JSON object a line, on standard output.

use crate::output;
use hatchery_actors::progress::Progress;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::net::SocketAddr;

/// What a coordinator says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoordinatorSaid {
    /// Workers can join.
    Ready(Ready),
    /// Where the run stands; a pause is part of that.
    Progress(Box<Progress>),
    /// Somebody has told it to stop; it does.
    Stopping,
    /// The run is over.
    Ended {
        /// It was stopped, and can go on.
        interrupted: bool,
    },
}

/// A coordinator that workers can join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Where.
    pub address: SocketAddr,
    /// The workers that it wants.
    pub workers: Vec<WorkerWish>,
    /// What the run is, for people.
    pub headline: String,
    /// Whether scores are accuracies.
    pub accuracy: bool,
    /// Where it is to be seen in a browser, `ADDRESS:PORT`; `None` where nothing is served.
    pub http: Option<SocketAddr>,
}

/// A worker process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerWish {
    /// What it trains on.
    pub device: String,
    /// With how many trainers side by side: as `--slots` has it.
    pub slots: String,
    /// With how many threads each, on the CPU.
    pub threads: u32,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerSaid {
    /// It has its data and its library, and can work.
    Ready {
        /// Devices, one for each trainer.
        devices: Vec<String>,
    },
    /// The run is over, and why.
    Finished(String),
    /// It was told to end, and has.
    Drained(String),
    /// The coordinator has asked it to end, and it has: it is not to be started again.
    Dismissed(String),
}

/// Says it.
pub fn tell(said: &impl Serialize) {
    match serde_json::to_string(said) {
        Ok(line) => output::say(line),
        Err(error) => tracing::error!("what is to be said to the supervisor is no JSON: {error}"),
    }
}

/// Understands a line; a line of anything else is `None`.
pub fn understand<T: DeserializeOwned>(line: &str) -> Option<T> {
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let ready = CoordinatorSaid::Ready(Ready {
            address: "127.0.0.1:20000".parse().unwrap(),
            workers: vec![WorkerWish { device: "cuda:1".to_owned(), slots: "..16".to_owned(), threads: 1 }],
            headline: "digits begins".to_owned(),
            accuracy: true,
            http: Some("127.0.0.1:20001".parse().unwrap()),
        });
        let line = serde_json::to_string(&ready).unwrap();
        assert!(line.starts_with(r#"{"ready":{"address":"127.0.0.1:20000""#), "{line}");
        let progress = CoordinatorSaid::Progress(Box::new(Progress::before()));
        for said in [ready, progress, CoordinatorSaid::Stopping, CoordinatorSaid::Ended { interrupted: true }]
        {
            let line = serde_json::to_string(&said).unwrap();
            assert_eq!(understand::<CoordinatorSaid>(&line), Some(said));
        }
        assert_eq!(
            understand::<WorkerSaid>(r#"{"finished":"done"}"#),
            Some(WorkerSaid::Finished("done".to_owned()))
        );
        for noise in ["", "hello", "{}", r#"{"ready":1}"#] {
            assert_eq!(understand::<CoordinatorSaid>(noise), None, "{noise}");
        }
    }
}
