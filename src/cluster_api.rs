//! What the cluster offers to the program: to be replaced by `hatchery_actors::{coordinator, worker, cluster}` and
//! `hatchery_models::data::packed`.

#![expect(dead_code, reason = "nothing here does anything yet")]

/// Why nothing happens.
const MISSING: &str = "this program was built without its cluster";

pub mod cluster {
    use super::MISSING;
    use hatchery_actors::protocol::letters::NodeName;
    use std::{
        net::SocketAddr,
        path::{Path, PathBuf},
    };

    #[derive(Clone, Debug)]
    pub struct Cookie;

    #[derive(Debug)]
    pub struct CookieError;

    impl std::fmt::Display for CookieError {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str(MISSING)
        }
    }

    impl std::error::Error for CookieError {}

    impl Cookie {
        pub fn read(_: &Path) -> Result<Self, CookieError> {
            Err(CookieError)
        }

        pub fn create(_: &Path) -> Result<Self, CookieError> {
            Err(CookieError)
        }
    }

    #[derive(Clone, Debug)]
    pub struct Security {
        pub cookie: Cookie,
        pub tls: Option<TlsFiles>,
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TlsFiles {
        pub ca: PathBuf,
        pub certificate: PathBuf,
        pub key: PathBuf,
    }

    #[derive(Clone, Debug)]
    pub struct ListenSettings {
        pub address: SocketAddr,
        pub name: NodeName,
        pub security: Security,
    }
}

pub mod coordinator {
    use super::{MISSING, cluster::ListenSettings};
    use hatchery_actors::{
        journal::Journal,
        run::{Controls, SearchError, SearchSetup, SearchSummary},
    };
    use std::{net::SocketAddr, sync::Arc};
    use tokio::sync::oneshot;

    pub struct CoordinatorSetup {
        pub search: SearchSetup,
        pub listen: ListenSettings,
        pub packed_data: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
        pub threads: u32,
        pub listening: oneshot::Sender<SocketAddr>,
    }

    pub async fn run_coordinator(
        _: Journal,
        _: CoordinatorSetup,
        _: Controls,
    ) -> Result<SearchSummary, SearchError> {
        Err(SearchError::BrokenDown(MISSING.to_owned()))
    }
}

pub mod worker {
    use super::{MISSING, cluster::Security};
    use hatchery_actors::{
        protocol::letters::{BlobName, NodeName, Predecessor, Welcome},
        trainer::WorkFactory,
    };
    use std::{sync::Arc, time::Duration};
    use tokio::sync::watch;

    pub trait Outfitter: Send + Sync {
        fn outfit(
            &self,
            welcome: &Welcome,
            fetch: &dyn Fn(BlobName) -> Result<Vec<u8>, String>,
        ) -> Result<Arc<dyn WorkFactory>, String>;
    }

    pub struct WorkerSetup {
        pub name: NodeName,
        pub host: String,
        pub program_version: String,
        pub join: Vec<String>,
        pub security: Security,
        pub devices: Vec<String>,
        pub predecessor: Option<Predecessor>,
        pub outfitter: Arc<dyn Outfitter>,
        pub grace: Duration,
        pub patience: Duration,
        pub drain: watch::Receiver<bool>,
    }

    pub enum WorkerEnd {
        Finished(String),
        Drained(String),
    }

    #[derive(Debug)]
    pub enum WorkerError {
        Refused(String),
        Unable(String),
        Abandoned(String),
        BrokenDown(String),
    }

    pub async fn run_worker(_: WorkerSetup) -> Result<WorkerEnd, WorkerError> {
        Err(WorkerError::BrokenDown(MISSING.to_owned()))
    }
}

pub mod packed {
    use super::MISSING;
    use hatchery_models::data::Dataset;

    pub fn pack(_: &Dataset) -> Vec<u8> {
        Vec::new()
    }

    pub fn unpack(_: &[u8], _: &str) -> Result<Dataset, String> {
        Err(MISSING.to_owned())
    }
}
